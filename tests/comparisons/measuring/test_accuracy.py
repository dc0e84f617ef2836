"""Errors of recordings with known shifts, and the error asked for on a command line."""

import numpy as np
import pytest

from coincide.comparisons.measuring.accuracy import accuracy, parse_error
from coincide.core.errors import InputError
from coincide.core.recording import Recording, Spikes, Trace


def _recording(
    times: list[float],
    cells: list[int],
    dt: float = 0.1,
    values: np.ndarray | None = None,
    duration: float = 100.0,
) -> Recording:
    traces = {}
    if values is not None:
        traces["p", "v"] = Trace(values[:, None], np.array([0], np.int32), "mV", 0.0, dt)
    return Recording(duration, dt, {"p": Spikes.sorted(times, cells)}, traces, {"p": 3})


def test_shifts_of_spikes_paired_in_order() -> None:
    truth = _recording([10.0, 20.0, 12.0], [0, 0, 1])
    found = accuracy(_recording([10.3, 19.9, 12.0], [0, 0, 1]), truth)
    assert found.counts_agree
    assert found.spike_ms == pytest.approx(0.3)
    assert found.spike_mean_ms == pytest.approx(0.2 / 3)
    assert found.spike_rms_ms == pytest.approx(np.sqrt(0.1 / 3))
    assert found.meets(parse_error("0.31ms"))
    assert not found.meets(parse_error("0.29ms"))


def test_another_number_of_spikes_is_a_mismatch_without_a_shift() -> None:
    truth = _recording([10.0, 20.0, 12.0], [0, 0, 1])
    found = accuracy(_recording([10.0, 12.0], [0, 1]), truth)
    assert (found.n_unlike, found.spike_ms) == (1, None)
    assert not found.meets(parse_error("50ms"))
    assert "2 spikes instead of 3" in found.in_words


def test_as_many_in_all_but_of_other_cells_is_a_mismatch() -> None:
    found = accuracy(_recording([10.0, 10.0], [0, 0]), _recording([10.0, 10.0], [0, 1]))
    assert found.n_unlike == 2
    assert found.spike_ms is None


def test_a_last_spike_beyond_the_end_is_no_mismatch() -> None:
    truth = _recording([10.0, 50.0, 99.9], [0, 0, 0])
    late = accuracy(_recording([10.1, 50.2], [0, 0]), truth)
    assert (late.n_unlike, late.n_at_end) == (0, 1)
    assert late.spike_ms == pytest.approx(0.2)
    # Half a millisecond before the end, a shift of 0.2 ms does not carry it over.
    early = _recording([10.0, 50.0, 99.5], [0, 0, 0])
    assert accuracy(_recording([10.1, 50.2], [0, 0]), early).n_unlike == 1


def test_interpolation_is_never_blamed_on_a_simulator() -> None:
    def wave(dt: float) -> np.ndarray:
        return 30.0 * np.sin(np.arange(0.0, 100.0 + dt / 2, dt) / 5.0)

    fine, other = (_recording([], [], dt, wave(dt)) for dt in (0.1, 0.37))
    found = accuracy(other, fine)
    assert found.traces[0].bound > 0.0
    # What is left is the rounding of sample times.
    assert found.trace_max < 1e-14
    shifted = accuracy(_recording([], [], 0.37, wave(0.37) + 0.6), fine)
    # 0.6 of a range of 60 mV, less the bound.
    assert shifted.trace_max == pytest.approx(0.01, abs=1.1 * found.traces[0].bound / 60.0)


def test_errors_before_the_first_spike_are_those_of_that_time_only() -> None:
    t = np.arange(0.0, 100.05, 0.1)
    truth = _recording([50.0], [0], values=t)
    wrong = np.where(t < 40.0, t + 1e-3, t + 5.0 * (t > 50.0))
    found = accuracy(_recording([50.0], [0], values=wrong), truth)
    assert found.before[0].max_abs == pytest.approx(1e-3)
    assert found.before_max == pytest.approx(1e-5)
    assert found.traces[0].max_abs == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("0.05ms", "spikes", 0.05),
        ("50 us", "spikes", 0.05),
        ("1%", "traces", 0.01),
        ("0.1 %", "traces", 0.001),
    ],
)
def test_errors_that_can_be_asked_for(text: str, kind: str, value: float) -> None:
    bound = parse_error(text)
    assert (bound.kind, bound.value) == (kind, pytest.approx(value))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("3 mV", "is a voltage"),
        ("0.1", "has no unit"),
        ("0ms", "is not above 0"),
        ("-0.1 ms", "is not above 0"),
        ("0%", "is not above 0"),
        ("-1%", "is not above 0"),
        ("100%", "has to be < 100 %"),
        ("1 ms%", "is no percentage"),
        ("much", "is not a quantity"),
        ("", "is not a quantity"),
        ("nan%", "is not a quantity"),
    ],
)
def test_errors_that_cannot(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_error(text)


def test_nothing_in_common() -> None:
    truth = _recording([1.0], [0])
    with pytest.raises(InputError, match="no population and no trace"):
        accuracy(Recording(100.0, 0.1, {"q": truth.spikes["p"]}, {}), truth)
