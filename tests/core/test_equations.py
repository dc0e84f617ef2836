"""Equations as people write them for Brian2, read into variables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincide.core.equations import check_dimensions, in_order, parse_equations, parse_statements
from coincide.core.errors import InputError
from coincide.core.expressions import FUNCTIONS, names, text
from coincide.core.names import BRIAN2, CPLUSPLUS, NMODL, check_identifier
from coincide.core.neurons import NeuronModel
from coincide.core.units import dimension_of_unit

LIF = """
    dv/dt = (E_L - v + R*(I +   # the drive
             I_leak))/tau : mV (unless refractory)
    # a comment alone

    I_leak = g*(E_L - v) : pA
    I : pA (input)
    E_L : mV
    R : GOhm (parameter)
    g : nS
    tau : ms
"""


def test_every_line_is_a_variable() -> None:
    variables = {v.name: v for v in parse_equations(LIF, "LIF")}
    assert {n: v.kind for n, v in variables.items()} == {
        "v": "state",
        "I_leak": "subexpression",
        "I": "input",
        "E_L": "parameter",
        "R": "parameter",
        "g": "parameter",
        "tau": "parameter",
    }
    assert variables["v"].unless_refractory
    assert not variables["I_leak"].unless_refractory
    assert variables["v"].dimension == dimension_of_unit("mV")
    assert variables["v"].right is not None
    assert text(variables["v"].right) == "(E_L - v + R * (I + I_leak)) / tau"
    check_dimensions(tuple(variables.values()), "LIF")


def test_a_variable_reads_back_from_its_own_text() -> None:
    variables = parse_equations(LIF, "LIF")
    again = parse_equations("\n".join(str(v) for v in variables), "LIF")
    assert [str(v) for v in again] == [str(v) for v in variables]
    assert [(v.kind, v.dimension, v.unless_refractory) for v in again] == [
        (v.kind, v.dimension, v.unless_refractory) for v in variables
    ]


@pytest.mark.parametrize(
    ("line", "where", "words"),
    [
        ("dv/dt = -v/tau", "LIF", "is no equation; write 'dv/dt = … : mV'"),
        ("dv/dt : mV", "LIF.v", "needs a right-hand side"),
        ("dv/dt = (-v/tau : mV", "LIF", "a parenthesis is never closed"),
        (
            "dv/dt = -v/tau : mV (until refractory)",
            "LIF.v",
            "unknown flag 'until refractory'; known:",
        ),
        ("dv/dt = -v/tau : mss", "LIF.v", "'mss' is not a unit"),
        ("dv/dt = -v/tau :", "LIF.v", "has no unit; write ': 1'"),
        ("x = 2 : 1 (unless refractory)", "LIF.x", "only a differential equation can be"),
        ("x = 2 : 1 (input)", "LIF.x", "an input has no right-hand side"),
        ("tau : ms\ntau : ms", "LIF.tau", "is defined twice"),
        ("dv/dt = v.real/ms : mV", "LIF.v", "attribute access is not allowed"),
        ("x = __import__('os') : 1", "LIF.x", "there is no function '__import__'"),
        ("x = λ : 1", "LIF.x", "only plain letters"),
        ("λ = 1 : 1", "LIF.λ", "is not a name"),
        ("2x = 1 : 1", "LIF.2x", "is not a name"),
        ("x_ = 1 : 1", "LIF.x_", "no underscore last"),
        ("_x = 1 : 1", "LIF._x", "a letter first"),
        ("a__b = 1 : 1", "LIF.a__b", "single underscores"),
        ("x.y = 1 : 1", "LIF.x.y", "is not a name"),
        ("x y : 1", "LIF.x y", "is not a name"),
        ("x = : 1", "LIF.x", "is not an expression"),
        (f"{'x' * 61} : 1", f"LIF.{'x' * 61}", "is not a name"),
        ("lambda : 1", "LIF.lambda", "reserved word of Python"),
        ("True : 1", "LIF.True", "reserved word of Python"),
        ("exp = 1 : 1", "LIF.exp", "the name of a function"),
        ("dt : ms", "LIF.dt", "reserved word"),
        ("w : 1", "LIF.w", "reserved word"),
    ],
)
def test_a_bad_line_is_refused_with_its_place(line: str, where: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_equations(line, "LIF")
    assert str(caught.value).startswith(f"{where}: ")
    assert words in str(caught.value)


RESERVED = [("NMODL", w) for w in sorted(NMODL)]
RESERVED += [("C++", w) for w in sorted(CPLUSPLUS)]
RESERVED += [("Brian2", w) for w in sorted(BRIAN2)]
RESERVED += [("function", w) for w in FUNCTIONS]


@pytest.mark.parametrize("language", ["NMODL", "C++", "Brian2", "function"])
def test_no_reserved_word_of_any_language_is_a_variable(language: str) -> None:
    for word in [w for of, w in RESERVED if of == language]:
        for line in (f"{word} : mV", f"d{word}/dt = 0*mV/ms : mV", f"{word} = 1 : 1"):
            with pytest.raises(InputError, match=r"reserved word|name of a function|is not a name"):
                parse_equations(line, "LIF")


@pytest.mark.parametrize(
    "name", ["NEURON", "STATE", "double", "class", "xi", "i", "namespace", "celsius"]
)
def test_the_words_that_matter_most_are_among_them(name: str) -> None:
    with pytest.raises(InputError, match="reserved word"):
        parse_equations(f"{name} : 1", "LIF")


@given(st.text(max_size=12))
def test_a_name_is_ascii_or_an_input_error(name: str) -> None:
    try:
        check_identifier(name, "population")
    except InputError as error:
        assert str(error).startswith("population: ")  # noqa: PT017
    else:
        assert name.isascii()
        assert name.isidentifier()
        assert not name.startswith("_")
        assert not name.endswith("_")
        assert "__" not in name


@given(st.permutations(["a = b + c : 1", "b = c*2 : 1", "c = x : 1", "x : 1", "d = a + 1 : 1"]))
def test_subexpressions_are_ordered_by_need(lines: list[str]) -> None:
    ordered = in_order(parse_equations("\n".join(lines), "LIF"), "LIF")
    seen: set[str] = {"x"}
    for variable in ordered:
        assert variable.right is not None
        assert names(variable.right) <= seen
        seen.add(variable.name)
    assert len(ordered) == 4


@pytest.mark.parametrize(
    ("source", "cycle"),
    [
        ("a = a + 1 : 1", "a → a"),
        ("a = b : 1\nb = a : 1", "a → b → a"),
        ("z = a : 1\na = b : 1\nb = c : 1\nc = a : 1", "a → b → c → a"),
    ],
)
def test_a_cycle_is_shown(source: str, cycle: str) -> None:
    with pytest.raises(InputError) as caught:
        in_order(parse_equations(source, "LIF"), "LIF")
    assert cycle in str(caught.value)
    assert str(caught.value).startswith("LIF: ")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("dv/dt = v : mV", "but a quantity [mV/ms] is needed"),
        (
            "dv/dt = -v/tau : mV\ntau : mV",
            "'-v / tau' has the dimension of a pure number, but a quantity [mV/ms]",
        ),
        (
            "x = 3*mV : pA",
            "'3 * mV' has the dimension of a voltage [mV], but a current [pA] is needed",
        ),
        ("x = 3*mV + 2*ms : mV", "cannot add '3 * mV', a voltage [mV], and '2 * ms', a time [ms]"),
        ("x = y + 1 : 1\nyy : 1", "unknown variable 'y'; did you mean 'yy'?"),
        ("x = y > 1 : 1\ny : 1", "is a condition, not a value"),
    ],
)
def test_both_sides_have_one_dimension(source: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        check_dimensions(parse_equations(source, "LIF"), "LIF")
    assert words in str(caught.value)
    assert str(caught.value).startswith(("LIF.dv/dt: ", "LIF.x: "))


def test_a_declared_name_hides_a_unit() -> None:
    check_dimensions(parse_equations("x = m*2 : 1\nm : 1", "LIF"), "LIF")
    check_dimensions(parse_equations("x = m*2 : meter", "LIF"), "LIF")


def test_statements() -> None:
    statements = parse_statements("v = v_r; u += d # kick\n\ng *= 2;; h -= x == 1\nk /= 3", "reset")
    assert [(t, o, text(r)) for t, o, r in statements] == [
        ("v", "=", "v_r"),
        ("u", "+=", "d"),
        ("g", "*=", "2"),
        ("h", "-=", "x == 1"),
        ("k", "/=", "3"),
    ]
    assert parse_statements("", "reset") == ()


@pytest.mark.parametrize(
    "source",
    [
        "v",
        "v == 1",
        "v = ",
        "1 = v",
        "v.x = 1",
        "v[0] = 1",
        "a, b = 1",
        "v := 1",
        "del v",
        "v **= 2",
        "v = w = 1",
        "import os",
        "v = lambda: 1",
        "v = __import__('os')",
    ],
)
def test_what_is_no_statement_is_refused(source: str) -> None:
    with pytest.raises(InputError, match=r"^LIF\.reset: "):
        parse_statements(source, "LIF.reset")


BROKEN = {
    "of a unit": ("v/(0*ms)", {}, "x.dv/dt", "v / (0 * ms)"),
    "of a sub-expression": ("v/z/ms", {}, "x.dv/dt", "v / z"),
    "in a threshold": ("1/ms", {"threshold": "v > log(-1)"}, "x.threshold", "log(-1)"),
    "of a sub-expression, there": ("1/ms", {"threshold": "v > 1/z"}, "x.threshold", "1 / z"),
    "in a reset": (
        "1/ms",
        {"threshold": "v > 1", "reset": "v = sqrt(-mV/mV)"},
        "x.reset",
        "sqrt(-mV / mV)",
    ),
    "in a statement": (
        "1/ms",
        {"threshold": "v > 1", "reset": "v /= 1 - 1"},
        "x.reset",
        "v / (1 - 1)",
    ),
    "at the start": ("1/ms", {"initial": {"v": "log(0)"}}, "x.initial.v", "log(0)"),
}
"""Rate of v, what else is given, the place of the complaint, the part that is no number."""


@pytest.mark.parametrize("kind", BROKEN)
def test_a_number_that_is_none_is_refused_wherever_it_stands(kind: str) -> None:
    rate, more, where, part = BROKEN[kind]
    with pytest.raises(InputError) as caught:
        NeuronModel(
            name="x", equations=f"dv/dt = {rate} : 1\nz = 2*y : 1\ny = int(1 > 2) : 1", **more
        )  # type: ignore[arg-type]
    assert caught.value.where == where
    assert repr(part) in caught.value.problem
