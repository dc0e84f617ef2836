"""Reading gait files: one message for every error, one note for every fault, and none without it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest

from coincide.core.errors import InputError
from coincide.data.gait.faults import Copies, find_copies
from coincide.data.gait.generate import SHIPPED, make_gait, write_gait
from coincide.data.gait.read import read_gait
from coincide.data.gait.recording import GaitRecording
from coincide.data.gait.schema import COLUMNS, COORDINATES

COPIES = "sequences of"
AXES = "X, Y and Z are the same"
SPEED = "StrideSpeed is no speed"
TIME = "no time column"


@pytest.fixture(scope="module")
def table() -> pandas.DataFrame:
    return make_gait(ataxic=True, seed=2, duration_s=10.0)


def saved(table: pandas.DataFrame, folder: Path, **options: object) -> Path:
    path = folder / "ataxia_features_1.csv"
    table.to_csv(path, index=False, **options)
    return path


def noted(recording: GaitRecording, text: str) -> bool:
    return any(text in note for note in recording.notes)


def honest(table: pandas.DataFrame) -> pandas.DataFrame:
    """The table with real speeds in the columns of that name."""
    table = table.copy()
    for side in ("Left", "Right"):
        at = table[[f"{axis}{side}Ankle" for axis in "XYZ"]].to_numpy()
        moved = np.linalg.norm(np.diff(at, axis=0), axis=1) * 30.0
        table[f"{side}StrideSpeed"] = np.append(moved, moved[-1])
    return table


def test_what_was_written_is_read(table: pandas.DataFrame, tmp_path: Path) -> None:
    recording = read_gait(saved(table, tmp_path), frame_rate_hz=30.0)
    assert recording.n_rows == 300
    assert recording.duration_ms == pytest.approx(10_000.0, rel=1e-15)
    assert recording.synthetic == ""
    for name in COLUMNS:
        assert np.array_equal(recording.column(name), table[name])


def test_order_case_and_other_columns_do_not_matter(
    table: pandas.DataFrame, tmp_path: Path
) -> None:
    other = table[list(COLUMNS[::-1])].rename(columns={"XLeftHip": " x_left_hip"})
    other.insert(3, "Subject", "nobody")
    recording = read_gait(saved(other, tmp_path), 30.0)
    assert noted(recording, "left out: Subject")
    assert list(recording.frame.columns) == list(COLUMNS)
    assert np.array_equal(recording.column("XLeftHip"), table["XLeftHip"])


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_files_by_name(name: str) -> None:
    recording = read_gait(name)
    assert recording.synthetic.startswith("# synthetic")
    assert noted(recording, "nobody's recording")
    assert recording.frame_rate_hz == 30.0
    assert recording.n_rows == 300
    assert recording.copies is None


def test_a_byte_order_mark_and_blank_lines_at_the_end(
    table: pandas.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "f.csv"
    path.write_text("\ufeff" + table.to_csv(index=False) + "\n\n", encoding="utf-8")
    assert read_gait(path, 30.0).n_rows == 300


def _set(row: int, column: str, value: object) -> Callable[[pandas.DataFrame], pandas.DataFrame]:
    def change(table: pandas.DataFrame) -> pandas.DataFrame:
        table = table.astype({column: object})
        table.loc[row, column] = value
        return table

    return change


ERRORS = {
    "one missing": (
        lambda t: t.rename(columns={"StepLength": "StepLenght"}),
        r"1 column missing: StepLength; for StepLength: did you mean 'StepLenght'",
    ),
    "many missing": (
        lambda t: t.drop(columns=list(COORDINATES[:9])),
        r"9 columns missing: XLeftShoulder, .* and 3 more",
    ),
    "none there": (
        lambda t: t.rename(columns={c: f"column {k}" for k, c in enumerate(t)}),
        r"has none of the 47 columns; its first line is 'column 0",
    ),
    "twice": (lambda t: t.assign(step_length=1.0), "the column StepLength twice"),
    "empty": (
        _set(4, "YLeftKnee", None),
        r"line 6, column YLeftKnee: is empty; leave out or interpolate",
    ),
    "nan": (_set(0, "YLeftKnee", "nan"), r"line 2, column YLeftKnee: is 'nan', no finite number"),
    "inf": (_set(9, "ZLeftHip", "-inf"), r"line 11, column ZLeftHip: is '-inf', no finite number"),
    "word": (_set(1, "StepWidth", "wide"), r"line 3, column StepWidth: is 'wide', no finite"),
    "true": (lambda t: t.assign(StepWidth=True), r"line 2, column StepWidth: is 'True', no finite"),
    "huge": (_set(2, "StepWidth", 1e308), r"line 4, column StepWidth: is 1e\+308, which nothing"),
    "short": (lambda t: t.iloc[:29], r"too few rows: 29 are 0.967 s at 30 Hz"),
    "no rows": (lambda t: t.iloc[:0], "has a header but no rows"),
}


@pytest.mark.parametrize(("change", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_name_file_row_and_column(
    table: pandas.DataFrame, tmp_path: Path, change: Callable, message: str
) -> None:
    path = saved(change(table), tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        read_gait(path, 30.0)
    assert str(caught.value).startswith(str(path))


def test_lines_are_counted_with_the_comments(table: pandas.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    changed = _set(4, "YLeftKnee", "?")(table)
    path.write_text("# one\n# two\n" + changed.to_csv(index=False))
    with pytest.raises(InputError, match="line 8, column YLeftKnee: is '\\?'"):
        read_gait(path, 30.0)
    assert path.read_text().splitlines()[7].count("?") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("# synthetic\n", "is empty"),
        ("a,b\n1,2,3\n1,2,3\n", "longer than its header|none of the 47"),
        (
            "a,b\n1,2\n1,2,3\n",
            "no CSV file with equally long rows: line 3 has 3 cells, those before it 2$",
        ),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_gait(path, 30.0)


@pytest.mark.parametrize(
    ("separator", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")]
)
def test_other_separators_are_named(
    table: pandas.DataFrame, tmp_path: Path, separator: str, word: str
) -> None:
    path = tmp_path / "f.csv"
    path.write_text("# mine\n" + table.to_csv(index=False, sep=separator, decimal=","))
    with pytest.raises(InputError, match=f"has {word} between its columns; save it with commas"):
        read_gait(path, 30.0)


def test_a_column_twice_under_one_name(table: pandas.DataFrame, tmp_path: Path) -> None:
    path = saved(pandas.concat([table, table[["XLeftHip"]]], axis=1), tmp_path)
    with pytest.raises(InputError, match="has the column XLeftHip twice; leave one"):
        read_gait(path, 30.0)


@pytest.mark.parametrize("stated", ["0 Hz", "-5 Hz", ".", "1.2.3 Hz", "1e12 Hz", "often"])
def test_a_stated_frame_rate_that_is_none(
    table: pandas.DataFrame, tmp_path: Path, stated: str
) -> None:
    path = tmp_path / "f.csv"
    path.write_text(f"# frame rate: {stated}\n" + table.to_csv(index=False))
    with pytest.raises(InputError, match=r"state a frame rate that is not .* give --frame-rate"):
        read_gait(path)
    assert read_gait(path, 30.0).frame_rate_hz == 30.0


def test_features_that_stay_are_told(table: pandas.DataFrame, tmp_path: Path) -> None:
    recording = read_gait(saved(table.assign(StepWidth=0.1), tmp_path), 30.0)
    assert any("carry no signal: StepWidth" in note for note in recording.notes)
    assert not any("carry no signal" in n for n in read_gait(saved(table, tmp_path), 30.0).notes)


def test_rows_longer_than_the_header(table: pandas.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    header, *rows = table.to_csv(index=False).splitlines()
    path.write_text("\n".join([header, *(f"{row},1.5" for row in rows)]))
    with pytest.raises(InputError, match="rows that are longer than its header"):
        read_gait(path, 30.0)


def test_no_file_a_folder_and_bytes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file; .* synthetic_healthy"):
        read_gait(tmp_path / "nothing.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_gait(tmp_path)
    path = tmp_path / "f.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="is no text in UTF-8"):
        read_gait(path)


def test_the_frame_rate_is_asked_for(table: pandas.DataFrame, tmp_path: Path) -> None:
    path = saved(honest(table), tmp_path)
    with pytest.raises(InputError, match=r"no time column.*give --frame-rate"):
        read_gait(path)
    recording = read_gait(path, 60.0)
    assert recording.duration_ms == pytest.approx(5000.0, rel=1e-12)
    assert noted(recording, f"{TIME}: a row is taken as 16.67 ms, as given")
    for wrong in (0.0, -30.0, float("nan")):
        with pytest.raises(InputError, match=r"frame_rate: .* Hz is not between"):
            read_gait(path, wrong)


def test_the_frame_rate_hides_in_stride_speed(table: pandas.DataFrame, tmp_path: Path) -> None:
    recording = read_gait(saved(table, tmp_path))
    assert recording.frame_rate_hz == 30.0
    assert noted(recording, "from StrideSpeed")
    assert noted(read_gait(saved(table, tmp_path), 25.0), "its StrideSpeed implies 30 Hz")
    assert not noted(read_gait(saved(table, tmp_path), 30.0), "implies")


def test_stride_speed_that_is_one(table: pandas.DataFrame, tmp_path: Path) -> None:
    assert noted(read_gait(saved(table, tmp_path), 30.0), SPEED)
    assert not noted(read_gait(saved(honest(table), tmp_path), 30.0), SPEED)


def test_a_computed_speed(table: pandas.DataFrame, tmp_path: Path) -> None:
    recording = read_gait(saved(table, tmp_path), 30.0)
    expected = honest(table)["LeftStrideSpeed"].to_numpy()[:-1]
    np.testing.assert_allclose(recording.column("LeftAnkleSpeed")[1:], expected, rtol=1e-12)
    # On a treadmill a foot travels its way back and forth once a stride: about a walking speed.
    assert 0.3 < recording.column("LeftAnkleSpeed").mean() < 1.5


def test_equal_axes(table: pandas.DataFrame, tmp_path: Path) -> None:
    assert not noted(read_gait(saved(table, tmp_path), 30.0), AXES)
    path = write_gait(tmp_path / "e.csv", True, 2, 10.0, faults=("equal_axes",))
    recording = read_gait(path)
    assert noted(recording, f"{AXES} for every joint")
    # The distance is not that of the coordinates, but no one walks at 80 m/s.
    assert noted(recording, SPEED)
    with pytest.raises(InputError, match="X, Y and Z of LeftAnkle are the same"):
        recording.column("LeftAnkleSpeed")
    one = table.assign(YLeftWrist=table["XLeftWrist"], ZLeftWrist=table["XLeftWrist"])
    assert read_gait(saved(one, tmp_path), 30.0).equal_axes == ("LeftWrist",)


@pytest.mark.parametrize("ataxic", [False, True], ids=["healthy", "ataxic"])
@pytest.mark.parametrize("faults", [("copies",), ("copies", "equal_axes")], ids=len)
@pytest.mark.parametrize("duration_s", [10.0, 60.0])
def test_copies_are_found(ataxic: bool, faults: tuple[str, ...], duration_s: float) -> None:
    for seed in range(1, 6):
        made = make_gait(ataxic, seed, duration_s, 30.0, faults)
        rows = int(30 * duration_s)
        assert len(made) == 33 * rows
        assert find_copies(made, 30.0) == Copies(rows, 33), seed
        # Cut off in the middle of the ninth.
        assert find_copies(made.iloc[: 8 * rows + rows // 2], 30.0) == Copies(rows, 9), seed


@pytest.mark.parametrize("ataxic", [False, True], ids=["healthy", "ataxic"])
@pytest.mark.parametrize("duration_s", [3.0, 10.0, 30.0, 120.0])
def test_walking_is_no_copy_of_itself(ataxic: bool, duration_s: float) -> None:
    for seed in range(1, 21):
        assert find_copies(make_gait(ataxic, seed, duration_s), 30.0) is None, seed


def test_standing_still_is_no_copy() -> None:
    still = pandas.DataFrame({name: np.ones(300) for name in COLUMNS})
    assert find_copies(still, 30.0) is None


def test_copies_are_left_out(tmp_path: Path) -> None:
    path = write_gait(tmp_path / "c.csv", False, 3, 20.0, faults=("copies",))
    recording = read_gait(path)
    assert noted(recording, "33 sequences of 600 rows")
    assert noted(recording, "rows 601 to 19800")
    assert recording.n_rows == 600
    assert recording.duration_ms == pytest.approx(20_000.0, rel=1e-12)
    made = make_gait(False, 3, 20.0)
    assert np.array_equal(recording.column("ZLeftAnkle"), made["ZLeftAnkle"])
    scaled = recording.normalised("ZLeftAnkle")
    assert (scaled.min(), scaled.max()) == (0.0, 1.0)
    # Limbs of other lengths reach farther: over all rows the range would have been another.
    every = recording.frame["ZLeftAnkle"]
    assert every.max() - every.min() > 1.05 * np.ptp(recording.column("ZLeftAnkle"))


def test_normalisation(table: pandas.DataFrame, tmp_path: Path) -> None:
    recording = read_gait(saved(table, tmp_path), 30.0)
    x = table["StepLength"].to_numpy()
    np.testing.assert_allclose(
        recording.normalised("StepLength") * np.ptp(x) + x.min(), x, rtol=0, atol=1e-12
    )
    z = recording.normalised("StepLength", "z_score")
    assert abs(z.mean()) < 1e-12
    assert z.std() == pytest.approx(1.0, abs=1e-12)
    with pytest.raises(InputError, match="neither 'min_max' nor 'z_score'"):
        recording.normalised("StepLength", "rank")  # type: ignore[arg-type]


def test_columns_that_carry_nothing_or_are_not_there(
    table: pandas.DataFrame, tmp_path: Path
) -> None:
    recording = read_gait(saved(table.assign(StepWidth=0.2), tmp_path), 30.0)
    with pytest.raises(InputError, match=r"StepWidth: is 0\.2 in all 300 rows"):
        recording.normalised("StepWidth")
    with pytest.raises(InputError, match="did you mean 'LeftStrideSpeed'"):
        recording.column("LeftStridespeed")
