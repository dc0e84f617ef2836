"""Names: what is no identifier, and what some simulator's language has taken."""

import keyword

import pytest

from coincide.core.errors import InputError
from coincide.core.names import check_identifier, check_variable


@pytest.mark.parametrize("name", ["a", "A", "v_m", "x1", "E_L", "a" * 60])
def test_a_name(name: str) -> None:
    check_identifier(name, "here")


@pytest.mark.parametrize(
    "name", ["", "_a", "a_", "a__b", "1a", "a-b", "a b", "ä", "a.b", "a\n", "a" * 61]
)
def test_what_is_no_identifier(name: str) -> None:
    with pytest.raises(
        InputError, match=r"^here: .* is not a name; use letters, digits and single"
    ):
        check_identifier(name, "here")


@pytest.mark.parametrize("name", keyword.kwlist)
def test_a_word_of_python_names_nothing(name: str) -> None:
    with pytest.raises(InputError, match=rf"^here: '{name}' is a reserved word of Python; choose"):
        check_identifier(name, "here")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("exp", "is the name of a function"),
        ("dt", "is a reserved word of"),
        ("STATE", "is a reserved word of NMODL"),
        ("double", r"is a reserved word of C\+\+"),
        ("lastspike", "is a reserved word of Brian2"),
        ("lambda", "is a reserved word of Python"),
    ],
)
def test_what_a_language_has_taken_is_no_variable(name: str, words: str) -> None:
    with pytest.raises(InputError, match=rf"^here: '{name}' {words}"):
        check_variable(name, "here")
