"""Made gait files: the body holds together and walks as the table says; what is shipped is made again."""

from itertools import pairwise

import numpy as np
import pandas
import pytest

from coincide.core.drawn import stream
from coincide.core.errors import InputError
from coincide.data.gait.generate import SHIPPED, gait_text, make_gait, shipped
from coincide.data.gait.parameters import body, read_parameters, walker
from coincide.data.gait.schema import COLUMNS, COORDINATES, FEATURES, JOINTS
from coincide.data.gait.walking import plan_steps, walk

GROUPS = pytest.mark.parametrize("ataxic", [False, True], ids=["healthy", "ataxic"])
# A statistic leaves four standard errors once in 16,000 draws; the seeds are fixed.
ERRORS = 4


def position(table: pandas.DataFrame, joint: str) -> np.ndarray:
    return table[[f"X{joint}", f"Y{joint}", f"Z{joint}"]].to_numpy()


def angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # By the tangent, not by the cosine that is tested.
    return np.arctan2(np.linalg.norm(np.cross(a, b), axis=1), np.sum(a * b, axis=1))


def cv_error(n: int) -> float:
    """The relative standard error of an SD of n normal numbers."""
    return 1 / np.sqrt(2 * n)


def test_the_schema_is_that_of_the_published_files() -> None:
    assert (len(COORDINATES), len(FEATURES), len(set(COLUMNS))) == (36, 11, 47)
    assert COLUMNS[:4] == ("XLeftShoulder", "YLeftShoulder", "ZLeftShoulder", "XRightShoulder")
    assert list(make_gait(duration_s=2.0).columns) == list(COLUMNS)


def test_every_number_has_a_source() -> None:
    for name, line in read_parameters().items():
        assert set(line) == {"value", "source"}, name
        assert len(line["source"]) >= len("chosen"), name


@GROUPS
def test_the_features_are_those_of_the_coordinates(ataxic: bool) -> None:
    table = make_gait(ataxic, seed=3, duration_s=20.0, frame_rate_hz=25.0)
    at = {joint: position(table, joint) for joint in JOINTS}
    for side in ("Left", "Right"):
        arm = at[f"{side}Elbow"] - at[f"{side}Shoulder"]
        trunk = at[f"{side}Hip"] - at[f"{side}Shoulder"]
        thigh = at[f"{side}Knee"] - at[f"{side}Hip"]
        shank = at[f"{side}Ankle"] - at[f"{side}Knee"]
        for name, expected in (
            (f"Theta{side}Shoulder", angle(arm, trunk)),
            (f"Theta{side}Hip", angle(trunk, thigh)),
            (f"Theta{side}Knee", angle(thigh, shank)),
            (f"{side}StrideSpeed", np.sqrt((at[f"{side}Ankle"] ** 2).sum(axis=1)) * 25.0),
        ):
            # Four decimals are written.
            np.testing.assert_allclose(table[name], expected, rtol=0, atol=5.1e-5)
    apart = at["LeftAnkle"] - at["RightAnkle"]
    for axis, name in enumerate(("StepWidth", "FeetClearance", "StepLength")):
        np.testing.assert_allclose(table[name], np.abs(apart[:, axis]), rtol=0, atol=5.1e-5)


@GROUPS
def test_limbs_keep_their_length_and_feet_stay_above_the_ground(ataxic: bool) -> None:
    table = make_gait(ataxic, seed=5, duration_s=60.0)
    lengths = body()
    for side in ("Left", "Right"):
        for a, b, expected in (
            ("Hip", "Knee", lengths.thigh),
            ("Knee", "Ankle", lengths.shank),
            ("Shoulder", "Elbow", lengths.upper_arm),
            ("Elbow", "Wrist", lengths.forearm),
        ):
            measured = np.linalg.norm(
                position(table, f"{side}{a}") - position(table, f"{side}{b}"), axis=1
            )
            # Six coordinates are rounded to 0.1 mm.
            assert np.abs(measured - expected).max() < 2e-4, (side, a, b)
        floor = -lengths.sensor_height + lengths.ankle_height
        assert table[f"Y{side}Ankle"].min() == pytest.approx(floor, abs=1e-4)


@GROUPS
def test_planned_steps_have_the_statistics_of_the_table(ataxic: bool) -> None:
    person = walker(ataxic)
    steps = plan_steps(person, 3600.0, stream(1, "test"))
    n = steps.times.size // 2
    strides = np.diff(steps.times[::2])
    mean, cv = strides.mean(), strides.std() / strides.mean()
    error = person.stride_time_cv * person.stride_time / np.sqrt(n)
    assert abs(mean - person.stride_time) < ERRORS * error
    assert abs(cv / person.stride_time_cv - 1) < ERRORS * cv_error(n)
    lengths = steps.lengths[0::2] + steps.lengths[1::2]
    assert abs(lengths.std() / lengths.mean() / person.stride_length_cv - 1) < ERRORS * cv_error(n)
    # Neighbouring widths share a foot: every second one is independent of the others.
    widths = np.abs(np.diff(steps.sideways))[::2]
    assert abs(widths.mean() - person.step_width) < ERRORS * person.step_width_sd / np.sqrt(n)
    assert abs(widths.std() / person.step_width_sd - 1) < ERRORS * cv_error(n)
    left, right = (steps.lengths[steps.feet == foot] for foot in (0, 1))
    asymmetry = (left.mean() - right.mean()) / steps.lengths.mean()
    error = np.sqrt(2) * person.stride_length_cv * np.sqrt(2 / n)
    assert abs(asymmetry - person.asymmetry) < ERRORS * error


@GROUPS
def test_walking_shows_the_steps_that_were_planned(ataxic: bool) -> None:
    person = walker(ataxic)
    steps = plan_steps(person, 60.0, stream(2, "test"))
    inside = (steps.times > 0) & (steps.times < 60)
    at = walk(steps, person, body(), steps.times[inside])
    apart = np.abs(at["LeftAnkle"] - at["RightAnkle"])
    # At a strike both feet stand: exactly a step apart.
    np.testing.assert_allclose(apart[:, 2], steps.lengths[inside], rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        apart[:, 0], np.abs(np.diff(steps.sideways))[inside[1:]], rtol=0, atol=1e-12
    )


@GROUPS
def test_a_file_has_the_statistics_of_the_table(ataxic: bool) -> None:
    person = walker(ataxic)
    table = make_gait(ataxic, seed=7, duration_s=600.0, frame_rate_hz=50.0)
    ahead = (table["ZRightAnkle"] - table["ZLeftAnkle"]).to_numpy()
    before = np.flatnonzero((ahead[:-1] < 0) & (ahead[1:] >= 0))
    crossings = (before + ahead[before] / (ahead[before] - ahead[before + 1])) / 50.0
    strides = np.diff(crossings)
    n = strides.size
    error = person.stride_time_cv * person.stride_time / np.sqrt(n)
    assert abs(strides.mean() - person.stride_time) < ERRORS * error
    # The left foot passes the right in the middle of a swing, which depends on the lengths of two steps
    # too: the spread is that of strides within a factor, too small to take one group for the other.
    assert 0.7 < strides.std() / strides.mean() / person.stride_time_cv < 1.6
    lengths = table["StepLength"].to_numpy()
    edges = np.flatnonzero(np.diff(np.sign(ahead)))
    steps = np.array([lengths[a:b].max() for a, b in pairwise(edges)])
    sd = np.sqrt(2) * person.stride_length_cv * person.stride_length / 2
    assert abs(steps.mean() - person.stride_length / 2) < ERRORS * sd / np.sqrt(steps.size)
    together = (steps[:-1:2] + steps[1::2]) / 2
    spread = together.std() / together.mean()
    assert abs(spread / person.stride_length_cv - 1) < ERRORS * cv_error(together.size)


def test_ataxia_is_wider_shorter_slower_and_less_regular() -> None:
    healthy, ataxic = walker(False), walker(True)
    assert ataxic.step_width > 1.5 * healthy.step_width
    assert ataxic.stride_length < 0.8 * healthy.stride_length
    assert ataxic.stride_time > 1.2 * healthy.stride_time
    assert ataxic.stride_time_cv > 3 * healthy.stride_time_cv


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_files_are_marked_small_and_made_again_byte_for_byte(name: str) -> None:
    data = shipped(name).read_bytes()
    assert data.decode() == gait_text(**SHIPPED[name])  # type: ignore[arg-type]
    assert data.startswith(b"# synthetic")
    assert sum(shipped(other).stat().st_size for other in SHIPPED) < 300_000


def test_a_seed_is_one_walk() -> None:
    first = make_gait(seed=1, duration_s=3.0)
    assert first.equals(make_gait(seed=1, duration_s=3.0))
    assert not first.equals(make_gait(seed=2, duration_s=3.0))
    # A longer walk does not begin alike: its steps are drawn for its length.
    assert len(make_gait(duration_s=3.5, frame_rate_hz=100.0)) == 350


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"duration_s": 0.5}, "duration: 0.5 s is not between"),
        ({"duration_s": float("nan")}, "duration: nan s is not between"),
        ({"frame_rate_hz": 1.0}, "frame_rate: 1 Hz is not between"),
        ({"seed": -1}, "seed: -1 is negative"),
        ({"faults": ("copys",)}, "did you mean 'copies'"),
    ],
)
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_gait(**options)


def test_an_unknown_shipped_file() -> None:
    with pytest.raises(InputError, match="did you mean 'synthetic_ataxic'"):
        shipped("syntetic_ataxic")
