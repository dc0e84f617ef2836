"""Verdicts on recordings whose differences are known."""

from dataclasses import replace

import numpy as np
import pytest

from coincide.comparisons.measuring.pairs import compare_recordings, pair_to_dict
from coincide.comparisons.running.foreign import same_names
from coincide.comparisons.showing.terminal import Console, print_pair
from coincide.core.caveats import Caveat, CaveatKind
from coincide.core.errors import InputError
from coincide.core.recording import Recording, Spikes, Trace

DT = 0.1


def _recording(times, cells, values=None) -> Recording:
    if values is None:
        values = np.sin(np.arange(101) * 0.1)[:, None] * 10 - 60
    trace = Trace(np.asarray(values, dtype=float), np.array([0], np.int32), "mV", 0.0, DT)
    return Recording(
        10.0, DT, {"cells": Spikes.sorted(times, cells)}, {("cells", "v"): trace}, {"cells": 3}
    )


TIMES, CELLS = np.array([1.0, 2.5, 7.0]), np.array([0, 2, 1])


def _pair(a: Recording, b: Recording, tolerance: float = DT):
    return compare_recordings(a, b, ("a", "b"), tolerance)


def test_equal_bits_are_identical() -> None:
    pair = _pair(_recording(TIMES, CELLS), _recording(TIMES, CELLS))
    assert pair.verdict == "identical"
    assert pair.agree_until_ms is None


def test_round_off_in_traces_and_times() -> None:
    a = _recording(TIMES, CELLS)
    values = a.traces["cells", "v"].values * (1 + 1e-14)
    b = _recording(TIMES * (1 + 1e-15), CELLS, values)
    pair = _pair(a, b)
    assert pair.verdict == "round-off"
    assert pair.agree_until_ms is None


@pytest.mark.parametrize(
    ("shift", "verdict"), [(DT, "close"), (-DT, "close"), (2 * DT, "different")]
)
def test_a_shift_of_one_step_is_close(shift: float, verdict: str) -> None:
    pair = _pair(_recording(TIMES, CELLS), _recording(TIMES + np.array([0, shift, 0]), CELLS))
    assert pair.verdict == verdict
    first = pair.spikes[0].first_mismatch_ms
    assert first == pytest.approx(min(2.5, 2.5 + shift), abs=1e-9)
    assert pair.agree_until_ms == first


def test_a_spike_of_another_cell_is_different() -> None:
    pair = _pair(_recording(TIMES, CELLS), _recording(TIMES, [0, 1, 1]))
    row = pair.spikes[0]
    assert pair.verdict == "different"
    assert (row.matched, row.missing, row.extra) == (2, 1, 1)


def test_a_trace_beyond_round_off_is_not_round_off() -> None:
    a = _recording(TIMES, CELLS)
    values = a.traces["cells", "v"].values.copy()
    values[40:] += 1e-6
    pair = _pair(a, _recording(TIMES, CELLS, values))
    assert pair.verdict == "close"
    assert pair.traces[0].first_divergence == {"t_ms": pytest.approx(4.0), "cell": 0}
    assert pair.agree_until_ms == pytest.approx(4.0)


def test_a_missing_tail_is_never_round_off() -> None:
    a = _recording(TIMES, CELLS)
    trace = a.traces["cells", "v"]
    short = replace(a, traces={("cells", "v"): replace(trace, values=trace.values[:-5])})
    pair = _pair(a, short)
    assert pair.traces[0].n_missing == 5
    assert pair.verdict == "undecided"


@pytest.mark.parametrize(("factor", "verdict"), [(1.0005, "close"), (1.2, "different")])
def test_without_spikes_traces_decide(factor: float, verdict: str) -> None:
    a = _recording([], [])
    values = (a.traces["cells", "v"].values + 60) * factor - 60
    assert _pair(a, _recording([], [], values)).verdict == verdict


def test_nothing_in_common_is_an_error() -> None:
    a = _recording(TIMES, CELLS)
    b = replace(a, spikes={"others": a.spikes["cells"]}, traces={})
    with pytest.raises(InputError, match=r"nothing|in common"):
        _pair(a, b)
    assert _pair(*same_names(a, b)).verdict == "close"  # one has spikes alone


def _with(recording: Recording, **parts) -> Recording:
    return replace(recording, **parts)


def test_nan_is_never_agreement() -> None:
    a = _recording(TIMES, CELLS)
    values = a.traces["cells", "v"].values.copy()
    values[50:] = np.nan
    pair = _pair(a, _recording(TIMES, CELLS, values))
    assert pair.verdict == "different"
    assert pair.traces[0].n_not_finite == 51
    assert "not finite" in pair.in_words


def test_what_only_one_recorded_is_named_and_limits_the_verdict() -> None:
    a = _recording(TIMES, CELLS)
    more = Spikes.sorted([1.0], [0])
    b = _with(a, spikes={**a.spikes, "others": more})
    pair = _pair(a, b)
    assert pair.verdict == "undecided"
    assert "only b has spikes of others" in pair.in_words
    trace = a.traces["cells", "v"]
    wider = replace(
        trace, values=np.hstack([trace.values, trace.values]), cells=np.array([0, 1], np.int32)
    )
    assert _pair(a, _with(a, traces={("cells", "v"): wider})).verdict == "undecided"
    longer = _with(a, duration_ms=20.0)
    assert "lasts" in _pair(a, longer).in_words


def test_a_file_of_spikes_alone_is_close_at_best() -> None:
    a = _recording(TIMES, CELLS)
    spikes = _with(a, traces={}, duration_ms=7.0)
    pair = _pair(a, spikes)
    assert pair.verdict == "close"  # all spikes are the same to the bit, but v was not compared
    assert "no traces; only a has cells.v" in pair.in_words
    assert _pair(spikes, spikes).verdict == "identical"


def test_two_recordings_of_nothing_are_undecided() -> None:
    nothing = _with(_recording([], []), traces={})
    pair = _pair(nothing, nothing)
    assert pair.verdict == "undecided"
    assert "nothing to tell them apart by" in pair.in_words
    assert _pair(_recording([], []), _recording([], [])).verdict == "identical"  # traces tell


@pytest.mark.parametrize(
    ("kind", "other", "verdict"),
    [
        ("not finite", 0.0, "undecided"),
        ("implausible", 0.0, "undecided"),
        ("rate of the step", 0.0, "undecided"),
        ("not read", 0.0, "undecided"),
        ("assumed", 0.0, "identical"),
        ("implausible", 5 * DT, "different"),
    ],
)
def test_what_was_not_seen_caps_the_verdict_and_stands_beside_it(
    kind: CaveatKind, other: float, verdict: str
) -> None:
    a = _recording(TIMES, CELLS)
    b = _with(_recording(TIMES + other, CELLS), caveats=(Caveat(kind, "cells.w", "was odd"),))
    for pair in (_pair(a, b), _pair(b, a)):
        assert pair.verdict == verdict
        assert "cells.w: was odd" in pair.in_words
        assert pair_to_dict(pair)["caveats"][0]["kind"] == kind
        assert pair.of_seen == ("identical" if other == 0.0 else "different")


@pytest.mark.parametrize(("extreme", "verdict"), [(999.0, "identical"), (-1e26, "undecided")])
def test_agreement_on_a_voltage_that_no_cell_has_is_undecided(extreme: float, verdict: str) -> None:
    values = _recording([], []).traces["cells", "v"].values.copy()
    values[40] = extreme
    pair = _pair(_recording(TIMES, CELLS, values), _recording(TIMES, CELLS, values))
    assert pair.verdict == verdict
    said = "b, cells.v of cell 0: reaches -1e+26 mV at 4 ms" in pair.in_words
    assert said == (verdict == "undecided")


def test_the_distance_of_spikes_without_a_partner_is_said() -> None:
    a = _recording([1.0, 2.0, 3.0, 9.0, 4.0], [0, 0, 0, 0, 1])
    b = _recording([1.0, 2.05, 4.5, 9.8, 6.0], [0, 0, 0, 0, 2])
    pair = _pair(a, b)
    (row,) = pair.spikes
    assert (row.matched, row.alone) == (2, 2)
    # 3 is 0.95 from 2.05, 4.5 is 1.5 from 3, 9 is 0.8 from 9.8; cells 1 and 2 are silent in the other.
    assert row.farthest_ms == pytest.approx(1.5)
    assert (
        "largest shift 0.05 ms of these; the others up to 1.5 ms from the nearest" in pair.in_words
    )
    assert "or (2) of cells silent in the other" in pair.in_words
    assert _pair(a, a).spikes[0].farthest_ms is None


def test_none_of_the_spikes_says_by_how_much() -> None:
    pair = _pair(_recording([2.0], [0]), _recording([5.25], [0]))
    assert "none of 1 spikes within 0.1 ms of another's: up to 3.25 ms from" in pair.in_words
    pair = _pair(_recording([2.0], [0]), _recording([2.0], [1]))
    assert "of cells that are silent in the other" in pair.in_words


def test_a_silent_population_is_held_to_its_traces() -> None:
    a = _recording(TIMES, CELLS)
    trace = a.traces["cells", "v"]
    quiet = {"quiet": Spikes.sorted([], [])}
    one = _with(a, spikes={**a.spikes, **quiet}, traces={**a.traces, ("quiet", "v"): trace})
    off = replace(trace, values=trace.values + 10.0)
    other = _with(one, traces={**a.traces, ("quiet", "v"): off})
    assert _pair(one, other).verdict == "different"


def test_matching_spikes_do_not_excuse_a_wrong_trace() -> None:
    a = _recording(TIMES, CELLS)
    wrong = _recording(TIMES, CELLS, -3.0 * a.traces["cells", "v"].values)
    assert _pair(a, wrong).verdict == "different"


def test_units_have_to_agree() -> None:
    a = _recording(TIMES, CELLS)
    volts = replace(a.traces["cells", "v"], unit="V")
    with pytest.raises(InputError, match="'mV', the other in 'V'"):
        _pair(a, _with(a, traces={("cells", "v"): volts}))


def test_json_has_no_nan() -> None:
    import json

    from coincide.comparisons.measuring.pairs import pair_to_dict

    a = _recording(TIMES, CELLS)
    values = np.full_like(a.traces["cells", "v"].values, np.nan)
    text = json.dumps(pair_to_dict(_pair(a, _recording(TIMES, CELLS, values))), allow_nan=False)
    assert json.loads(text)["verdict"] == "different"


def test_shifts_of_no_pairs_are_no_numbers(capsys) -> None:
    early, late = (
        Recording(100.0, 0.1, {"cells": Spikes.sorted([t], [0])}, {}) for t in (10.0, 80.0)
    )
    pair = compare_recordings(early, late, ("a", "b"), 1.0)
    (row,) = pair.spikes
    assert (row.matched, row.max_shift_ms, row.rms_shift_ms, row.mean_shift_ms) == (0, *[None] * 3)
    assert pair_to_dict(pair)["spikes"][0]["max_shift_ms"] is None
    print_pair(Console(width=100), pair)
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1].split()[-4:] == ["–", "–", "70", "ms"]


def test_no_number_is_given_of_traces_that_were_not_compared(capsys) -> None:
    a = _recording(TIMES, CELLS)
    trace = a.traces["cells", "v"]
    later = {("cells", "v"): replace(trace, start_ms=20.0)}
    silent = {"cells": Spikes.sorted([], [])}
    for spikes, words in ((a.spikes, "all 3 spikes the same"), (silent, "no spikes")):
        one = _with(a, spikes=spikes)
        pair = _pair(one, _with(one, traces=later))
        assert pair.verdict in ("close", "undecided")
        assert pair.in_words.startswith(words)
        assert "no sample of a trace was compared" in pair.in_words
        print_pair(Console(width=200), pair)
        shown = capsys.readouterr().out
        assert "0.0e+00" not in shown
        assert "largest difference" not in shown


def test_the_same_traces_without_a_spike_are_not_called_the_same_spikes() -> None:
    pair = _pair(_recording([], []), _recording([], []))
    assert pair.in_words == "no spikes; every sample is the same to the bit"
