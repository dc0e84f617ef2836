"""Neo's blocks: all segments, signals of one name, irregular ones, trains in any order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import neo
import numpy as np
import pytest
import quantities as pq

import coincide as co
from coincide.core.errors import InputError
from coincide.core.recording import Recording

TRAINS = ([1.0, 5.0, 9.0], [2.0], [3.0, 4.0])


def train(times: Any, **annotations: Any) -> neo.SpikeTrain:
    name = annotations.pop("name", None)
    return neo.SpikeTrain(list(times) * pq.ms, t_stop=10 * pq.ms, name=name, **annotations)


def block(*segments: Any) -> neo.Block:
    made = neo.Block()
    for trains, signals in segments:
        segment = neo.Segment()
        segment.spiketrains.extend(trains)
        for signal in signals:
            if isinstance(signal, neo.IrregularlySampledSignal):
                segment.irregularlysampledsignals.append(signal)
            else:
                segment.analogsignals.append(signal)
        made.segments.append(segment)
    return made


def signal(values: Any, name: str = "v", **more: Any) -> neo.AnalogSignal:
    return neo.AnalogSignal(
        np.asarray(values, dtype=float),
        units=more.pop("units", "mV"),
        name=name,
        sampling_period=0.1 * pq.ms,
        **more,
    )


def left_out(recording: Recording) -> str:
    return "; ".join(str(c) for c in recording.caveats if c.kind == "not read")


@pytest.mark.parametrize("key", ["source_index", "source_id", "channel_id", "name", "unit_id"])
def test_trains_in_another_order_are_the_same(key: str) -> None:
    def value(k: int) -> Any:
        return f"cell {k}" if key == "name" else k + 7

    trains = [train(times, **{key: value(k)}) for k, times in enumerate(TRAINS)]
    ours, theirs = block((trains, [])), block((trains[::-1], []))
    assert co.diff(ours, theirs).verdict == "identical"
    changed = [trains[0], train([2.5], **{key: value(1)}), trains[2]]
    assert co.diff(ours, block((changed, []))).verdict == "different"


def test_trains_that_share_an_id_are_told_by_the_next_thing_that_differs() -> None:
    trains = [train(t, channel_id=1, name=f"unit {k}") for k, t in enumerate(TRAINS)]
    assert co.diff(block((trains, [])), block((trains[::-1], []))).verdict == "identical"
    nameless = [train(t) for t in TRAINS]
    found = co.diff(block((nameless, [])), block((nameless, [])))
    assert "numbered in their order" in "; ".join(map(str, found.assumed))


def test_every_segment_is_compared() -> None:
    trains = [train(times, source_index=k) for k, times in enumerate(TRAINS)]
    other = [train([7.0], source_index=0)]
    ours, theirs = block((trains, []), (trains, [])), block((trains, []), (other, []))
    assert co.diff(ours, ours).verdict == "identical"
    assert co.diff(ours, theirs).verdict == "different"
    assert co.diff(ours, block((trains, []))).verdict != "identical"
    assert len(co.diff(ours, ours).pair.spikes) == 2


def test_every_signal_of_one_name_is_compared() -> None:
    v, w = np.arange(5.0)[:, None] - 65, np.arange(5.0)[:, None] - 70
    ours = block(([], [signal(v), signal(w)]))
    assert len(co.from_neo(ours).traces) == 2
    assert co.diff(ours, block(([], [signal(v), signal(w + 30)]))).verdict == "different"
    assert co.diff(ours, block(([], [signal(v + 30), signal(w)]))).verdict == "different"
    apart = [
        signal(v, array_annotations={"channel_ids": [4]}),
        signal(w, array_annotations={"channel_ids": [2]}),
    ]
    trace = co.from_neo(block(([], apart))).traces["cells", "v"]
    assert trace.cells.tolist() == [2, 4]
    np.testing.assert_array_equal(trace.values, np.column_stack([w, v]))
    assert co.diff(block(([], apart)), block(([], apart[::-1]))).verdict == "identical"


def test_irregular_signals_are_compared() -> None:
    def irregular(values: Any) -> neo.IrregularlySampledSignal:
        return neo.IrregularlySampledSignal(
            [0, 0.1, 0.5, 2.0] * pq.ms, values, units="mV", name="v"
        )

    ours = block(([], [irregular([-65, -64, -60, -65.0])]))
    assert co.diff(ours, ours).verdict == "identical"
    theirs = block(([], [irregular([-65, -64, -20, -65.0])]))
    assert co.diff(ours, theirs).verdict == "different"


def test_units_are_converted_and_grids_are_to_the_bit() -> None:
    v = np.linspace(-65, -60, 7)[:, None]
    volts = neo.AnalogSignal(v / 1000, units="V", name="v", sampling_rate=10 * pq.kHz)
    assert co.diff(block(([], [signal(v)])), block(([], [volts]))).verdict in (
        "identical",
        "round-off",
    )
    amps = signal(v, units="nA")
    with pytest.raises(InputError, match="in common"):
        co.diff(block(([], [signal(v)])), block(([], [amps])))


def test_what_is_no_spike_and_no_trace_is_named() -> None:
    made = block(([train(TRAINS[0], waveforms=np.ones((3, 1, 4)) * pq.mV)], []))
    made.segments[0].events.append(neo.Event([1] * pq.ms, labels=["start"]))
    recording = co.from_neo(made)
    assert "waveforms" in left_out(recording)
    assert "events" in left_out(recording)
    assert co.diff(made, made).verdict == "undecided"


def test_recorded_for_another_time_is_not_the_same() -> None:
    short = block(([train(TRAINS[0])], []))
    long = neo.Block()
    long.segments.append(neo.Segment())
    long.segments[0].spiketrains.append(neo.SpikeTrain([1, 5, 9] * pq.ms, t_stop=90 * pq.ms))
    assert co.diff(short, long).verdict == "undecided"
    late = neo.Block()
    late.segments.append(neo.Segment())
    late.segments[0].spiketrains.append(
        neo.SpikeTrain([1, 5, 9] * pq.ms, t_start=0.5 * pq.ms, t_stop=10 * pq.ms)
    )
    assert co.diff(short, late).verdict == "undecided"


def test_a_file_whose_library_is_missing_says_which(tmp_path: Path) -> None:
    path = tmp_path / "a.nix"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"nixio|Neo"):
        co.read_foreign(path)


def test_a_nix_file(tmp_path: Path) -> None:
    pytest.importorskip("nixio", reason="nixio is not installed")
    trains = [train(times, source_index=k) for k, times in enumerate(TRAINS)]
    made = block((trains, [signal(np.arange(5.0)[:, None] - 65)]), (trains[:1], []))
    with neo.io.NixIO(str(tmp_path / "a.nix"), "ow") as file:
        file.write_block(made)
    found = co.diff(tmp_path / "a.nix", made)
    assert found.verdict == "identical"
    assert len(found.pair.spikes) == 2


def test_blocks_and_segments_and_lists() -> None:
    trains = [train(times, source_index=k) for k, times in enumerate(TRAINS)]
    made = block((trains, []))
    assert co.diff(made, made.segments[0]).verdict == "identical"
    assert len(co.from_neo([made, made]).spikes) == 2
    with pytest.raises(InputError, match="holds no segment"):
        co.from_neo(neo.Block())
