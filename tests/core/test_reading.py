"""Files that somebody else wrote: each complaint in our own words, with the place."""

import json
from pathlib import Path

import pytest

from coincide.core.csv_column import read_column
from coincide.core.errors import InputError
from coincide.core.reading import read_json, read_text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f, line 1, column 1: is no JSON: a value is missing"),
        ('{"a": 1', "f, line 1, column 8: is no JSON: a comma or a closing bracket is missing"),
        (
            '{"a": 1,\n}',
            "is no JSON: a name in double quotes has to stand here; is there a comma too many",
        ),
        ('{"a" 1}', "f, line 1, column 6: is no JSON: a colon is missing"),
        ("{'a': 1}", "a name in double quotes has to stand here"),
        ('{"a": "b', "f, line 1, column 7: is no JSON: the text that begins here is not closed"),
        ('{"a": "b\nc"}', "a control character or the end of a line is inside of a text"),
        ("{} {}", "f, line 1, column 4: is no JSON: something follows after the end"),
        ('{"a": "\\x"}', "a backslash or a number is written wrongly"),
        ('{"a": 1, "a": 2}', "f: an object has the key 'a' twice"),
        ("[" * 100_000, "f: is nested too deeply"),
        ("1" * 5000, "f: is no JSON: a number has too many digits"),
    ],
)
def test_what_is_no_json_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_json(text, "f")
    assert said in str(caught.value)
    assert not any(raw in str(caught.value) for raw in ("Expecting", "delimiter", "char "))


def test_json_that_is_some_is_read() -> None:
    data = {"a": [1, 2.5, None, True, "ü"], "b": {"a": 1}}
    assert read_json(json.dumps(data), "f") == data


def test_texts_are_read_with_and_without_a_mark_and_refused_by_line(tmp_path: Path) -> None:
    file = tmp_path / "text"
    for written in ("µ".encode(), "µ".encode("utf-8-sig")):
        file.write_bytes(written)
        assert read_text(file) == "µ"
    file.write_bytes(b"one\ntwo \xff\n")
    with pytest.raises(InputError, match="line 2 has the byte 0xff, which is no text in UTF-8"):
        read_text(file)
    for path, why in (
        (tmp_path, "is a directory"),
        (tmp_path / "x", "no such file"),
        ("a\0b", "null"),
    ):
        with pytest.raises(InputError, match=why) as caught:
            read_text(path)
        assert "Errno" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # Two names, three fields: pandas takes the first for an index and shifts the rest in silence.
        ("time,current\n0,1,2\n1,3,4\n", "row 2 of f.csv has 3 fields, its header 2"),
        ("time,current\n0,1\n1\n", "row 3 of f.csv has 1 fields, its header 2"),
        ("current,current\n0,1\n", "f.csv has 2 columns 'current'; rename one"),
        ("time,current\n0,1_0\n", "row 2 of column 'current' in f.csv is '1_0', no finite number"),
        ("time,current\n0,١\n", "no finite number"),  # noqa: RUF001
        ("time,current\n0,\n", "row 2 of column 'current' in f.csv is '', no finite number"),
        ('time,current\n0,"1\n', "a quotation mark is not closed"),
        ("\n\n", "it is empty"),
    ],
)
def test_columns_that_cannot_be_read(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_column(Path("f.csv"), "current", "stim")
    assert said in str(caught.value)


def test_a_column_is_read_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_bytes(b"\xef\xbb\xbfcurrent , time\r\n1.5, 0\r\n\r\n-2e3,1\r\n")
    assert read_column(file, "current", "stim") == (1.5, -2000.0)
