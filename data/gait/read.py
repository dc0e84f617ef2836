"""Reading a gait file: every error names file, column and row; every known fault is a note."""

from __future__ import annotations

import contextlib
import math
import re
import warnings
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError, nearest
from ...core.reading import reason_of
from .faults import Copies, equal_axes, find_copies, no_speed, rate_in_stride_speed
from .generate import MARK, SHIPPED, shipped
from .recording import GaitRecording
from .schema import COLUMNS, COMPUTED, FEATURES

_RATES = (1.0, 10_000.0)
_LEAST_S = 1.0
_RATE_LINE = re.compile(r"#\s*frame rate:\s*(?P<rate>.*?)\s*", re.IGNORECASE)
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
# No coordinate, angle or speed of a person comes near, in whatever unit.
_LARGEST = 1e9


def read_gait(path: str | Path, frame_rate_hz: float | None = None) -> GaitRecording:
    """Read a file with the 47 columns of `schema.COLUMNS`, in any order, and check it.

    A name of `SHIPPED` stands for that file. The frame rate is the one given; else the one that the file
    states in a line ``# frame rate: 30 Hz``; else StrideSpeed / |ankle position|, if that is one number.
    Raises InputError: no file, no table, columns missing, a cell that is empty or no finite number, less
    than a second, no frame rate.
    """
    if not Path(path).exists() and str(path) in SHIPPED:
        path = shipped(str(path))
    path = Path(path)
    comments = _comments(path)
    table, notes = _table(path, len(comments))
    marked = next((line for line in comments if line.startswith(MARK)), "")
    if marked:
        notes.append(marked.lstrip("# "))
    rate = _frame_rate(path, table, comments, frame_rate_hz, notes)
    if len(table) < _LEAST_S * rate:
        raise InputError(
            str(path),
            f"has too few rows: {len(table)} are {len(table) / rate:.3g} s at {rate:g} Hz; "
            f"at least {_LEAST_S:g} s is needed, about a stride",
        )
    alike = equal_axes(table)
    if alike:
        listed = "every joint" if len(alike) == 12 else ", ".join(alike)
        notes.append(
            f"X, Y and Z are the same for {listed}: the coordinates are no positions; "
            "the features were computed before and can be used"
        )
    copies = find_copies(table, rate)
    if copies is not None:
        notes.append(_about_copies(copies, len(table)))
    still = [name for name in FEATURES if np.ptp(table[name].to_numpy()) == 0.0]
    if still:
        notes.append(f"the same in every row, so that they carry no signal: {', '.join(still)}")
    if no_speed(table):
        notes.append(
            "StrideSpeed is no speed but the ankle's distance from the sensor times the frame rate; "
            f"{' and '.join(COMPUTED)} are speeds, from differences of positions"
        )
    return GaitRecording(path.name, table, rate, tuple(notes), marked, copies, alike)


def _comments(path: Path) -> list[str]:
    """The lines at the beginning that start with ``#``."""
    if path.is_dir():
        raise InputError(str(path), "is a folder; give a CSV file")
    found = []
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line in file:
                if not line.startswith("#"):
                    break
                found.append(line.rstrip("\r\n"))
    except FileNotFoundError:
        names = ", ".join(SHIPPED)
        raise InputError(
            str(path), f"there is no such file; files that come with coincide: {names}"
        ) from None
    except UnicodeDecodeError:
        raise InputError(str(path), "is no text in UTF-8; save it as CSV in UTF-8") from None
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}") from error
    return found


def _table(path: Path, skipped: int) -> tuple[Any, list[str]]:
    """The 47 columns as numbers, in the order of the schema, and notes on what else there is."""
    import pandas

    options: dict[str, Any] = {
        "skiprows": skipped,
        "encoding": "utf-8-sig",
        "skipinitialspace": True,
        "skip_blank_lines": False,
        "index_col": False,
    }
    _check_separator(path, skipped)
    try:
        with warnings.catch_warnings():
            # Rows longer than the header would lose their last cells with no more than a warning.
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            table = pandas.read_csv(path, low_memory=False, **options)
    except pandas.errors.EmptyDataError:
        raise InputError(str(path), "is empty; a header and rows are needed") from None
    except pandas.errors.ParserWarning:
        raise InputError(
            str(path), "has rows that are longer than its header; write one name for every cell"
        ) from None
    except (ValueError, OSError) as error:
        raise InputError(
            str(path), f"is no CSV file with equally long rows{_where(error)}"
        ) from error
    known = {_bare(name): name for name in COLUMNS}
    names = {column: known.get(_bare(str(column)), "") for column in table.columns}
    _check_columns(path, names)
    # A blank line at the end is no row.
    while len(table) and table.iloc[-1].isna().all():
        table = table.iloc[:-1]
    if not len(table):
        raise InputError(str(path), "has a header but no rows")
    notes = []
    others = [str(column) for column, name in names.items() if not name]
    if others:
        notes.append(f"columns that are not of the schema are left out: {', '.join(others)}")
    numbers = {}
    for column, name in names.items():
        if name:
            given = table[column]
            # A column of True and False alone would count as ones and zeros.
            given = given.astype(str) if given.dtype == bool else given
            values = pandas.to_numeric(given, errors="coerce").to_numpy(dtype=float)
            wrong = np.flatnonzero(~(np.abs(values) <= _LARGEST))
            if wrong.size:
                row = int(wrong[0])
                cells = pandas.read_csv(
                    path, dtype=str, keep_default_na=False, usecols=[column], **options
                )
                raise _bad_cell(path, name, skipped + row + 2, str(cells[column].iloc[row]), wrong)
            numbers[name] = values
    return pandas.DataFrame({name: numbers[name] for name in COLUMNS}), notes


def _where(error: Exception) -> str:
    """The line at which pandas could not go on, in our own words."""
    found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
    if found is not None:
        return f": line {found[2]} has {found[3]} cells, those before it {found[1]}"
    return f": it cannot be read: {reason_of(error)}" if isinstance(error, OSError) else ""


def _check_separator(path: Path, skipped: int) -> None:
    """InputError for a header whose names stand between something else than commas."""
    with path.open(encoding="utf-8-sig") as file:
        header = next(islice(file, skipped, None), "")
    for separator, word in _SEPARATORS.items():
        if header.count(separator) > max(header.count(","), 1):
            raise InputError(
                str(path),
                f"has {word} between its columns; save it with commas, and with points in numbers",
            )


def _bare(name: str) -> str:
    return re.sub(r"[\s_]", "", name).lower()


def _check_columns(path: Path, names: dict[Any, str]) -> None:
    found = [name for name in names.values() if name]
    # Of two columns of one name, pandas calls the second XLeftHip.1.
    again = {str(column).rpartition(".")[0] for column, name in names.items() if not name}
    known = {_bare(name): name for name in found}
    twice = sorted({name for name in found if found.count(name) > 1})
    twice += [known[bare] for bare in map(_bare, sorted(again)) if bare in known]
    if twice:
        raise InputError(str(path), f"has the column {twice[0]} twice; leave one")
    missing = [name for name in COLUMNS if name not in found]
    if not missing:
        return
    others = [str(column) for column, name in names.items() if not name]
    if len(missing) == len(COLUMNS):
        raise InputError(
            str(path),
            f"has none of the 47 columns; its first line is {', '.join(others)[:60]!r} and has to be "
            f"{', '.join(COLUMNS[:3])}, …, {COLUMNS[-1]}",
        )
    listed = ", ".join(missing[:6]) + (f" and {len(missing) - 6} more" if len(missing) > 6 else "")
    hint = f"; for {missing[0]}: {nearest(missing[0], others)}" if others else ""
    plural = "s" if len(missing) > 1 else ""
    raise InputError(str(path), f"{len(missing)} column{plural} missing: {listed}{hint}")


def _bad_cell(path: Path, column: str, line: int, cell: str, wrong: Any) -> InputError:
    more = f" (and {wrong.size - 1} more in this column)" if wrong.size > 1 else ""
    what = f"is {cell!r}, no finite number" if cell.strip() else "is empty"
    with contextlib.suppress(ValueError):
        if math.isfinite(float(cell)):
            what = f"is {cell}, which nothing that walks comes near"
    return InputError(
        f"{path}, line {line}, column {column}",
        f"{what}{more}; leave out or interpolate the rows without data",
    )


def _frame_rate(
    path: Path, table: Any, comments: list[str], given: float | None, notes: list[str]
) -> float:
    """The frame rate [Hz], with a note on where it comes from."""
    low, high = _RATES
    if given is not None and not low <= given <= high:
        raise InputError("frame_rate", f"{given:g} Hz is not between {low:g} and {high:g} Hz")
    matches = (_RATE_LINE.fullmatch(line) for line in comments)
    stated = next((_stated(match["rate"]) for match in matches if match), None)
    hidden = rate_in_stride_speed(table)
    for rate, said in ((stated, "its first lines state"), (hidden, "its StrideSpeed implies")):
        if given is not None and rate is not None and not abs(rate - given) <= 0.01 * given:
            notes.append(
                f"the frame rate is taken as {given:g} Hz as given, but {said} {rate:g} Hz"
            )
    if given is not None:
        notes.append(f"has no time column: a row is taken as {1000 / given:.4g} ms, as given")
        return given
    if stated is not None and not low <= stated <= high:
        raise InputError(
            str(path),
            f"its first lines state a frame rate that is not between {low:g} and {high:g} Hz; "
            "give --frame-rate",
        )
    if stated is not None:
        notes.append(f"has no time column: a row is {1000 / stated:.4g} ms, as its first lines say")
        return stated
    if hidden is not None and low <= hidden <= high:
        notes.append(
            f"has no time column: a row is {1000 / hidden:.4g} ms, from StrideSpeed, which is the "
            f"ankle's distance times {hidden:g} Hz; --frame-rate sets another"
        )
        return hidden
    raise InputError(
        str(path),
        "has no time column, and nothing in it says how long a row is; give --frame-rate, "
        "the frames a second of the recording (frame_rate_hz=30 for most depth cameras)",
    )


def _stated(text: str) -> float:
    """The rate [Hz] in a line that states one; NaN where it is none."""
    try:
        return float(re.sub(r"\s*Hz$", "", text, flags=re.IGNORECASE))
    except ValueError:
        return math.nan


def _about_copies(copies: Copies, rows: int) -> str:
    cut = "" if rows == copies.rows * copies.n else ", the last not complete"
    return (
        f"{copies.n} sequences of {copies.rows} rows are alike but for noise{cut}: only the first is "
        f"taken for the recording, and rows {copies.rows + 1} to {rows} for augmented copies of it, left out"
    )
