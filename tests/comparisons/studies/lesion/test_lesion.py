"""Healthy against lesioned from end to end: arms on the same draws, tables, figures, the command."""

import json
import re
from pathlib import Path

import numpy as np
import pandas
import pytest

from coincide.comparisons.cli import main, spread_values
from coincide.comparisons.measuring.potentials import shaped, shapes
from coincide.comparisons.measuring.readouts import measure, probe_of, with_thresholds
from coincide.comparisons.measuring.signal import downstream_of, signal_of
from coincide.comparisons.showing.terminal import Console
from coincide.comparisons.studies.lesion import Measure, lesion
from coincide.comparisons.studies.lesion.study import choose_seeds
from coincide.comparisons.studies.lesion.terminal import print_study
from coincide.core.cable import CableCell
from coincide.core.channels import Channel
from coincide.core.discretisation import FixedSegments
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import ConstantInput, SineInput
from coincide.core.kinetics import Gate
from coincide.core.morphology import ball_and_stick as ball_and_stick_of
from coincide.core.neurons import NeuronModel
from coincide.core.perturbations import Lesion
from coincide.core.populations import PoissonSource, Population
from coincide.core.projections import AllToAll, OneToOne, Projection
from coincide.core.realize import realize
from coincide.core.receptors import ExponentialCurrent
from coincide.core.recording import Recording, Spikes, Trace
from coincide.models.library import load_model

LIF = NeuronModel(
    name="LIF",
    equations="dv/dt = (E_L - v + R*I)/tau : mV (unless refractory)\n"
    "I : pA (input)\nE_L : mV\nR : GOhm\ntau : ms",
    threshold="v > -50*mV",
    reset="v = -65*mV",
    refractory="2 ms",
    parameters={"E_L": "-65 mV", "R": "0.1 GOhm", "tau": "10 ms"},
    initial={"v": "-65 mV"},
)
HH = NeuronModel(
    name="HH",
    equations="""
    dv/dt = (I - g_Na*m**3*h*(v - 50*mV) - g_K*n**4*(v + 77*mV) - g_L*(v + 54.3*mV))/C : mV
    dm/dt = (1 - m)/exprel(-(v + 40*mV)/(10*mV))/ms - 4*m*exp(-(v + 65*mV)/(18*mV))/ms : 1
    dh/dt = 0.07*(1 - h)*exp(-(v + 65*mV)/(20*mV))/ms - h/(1 + exp(-(v + 35*mV)/(10*mV)))/ms : 1
    dn/dt = 0.1*(1 - n)/exprel(-(v + 55*mV)/(10*mV))/ms - 0.125*n*exp(-(v + 65*mV)/(80*mV))/ms : 1
    I : pA (input)
    C : pF
    g_Na : nS
    g_K : nS
    g_L : nS
    """,
    threshold="v > 0*mV",
    parameters={"C": "100 pF", "g_Na": "12000 nS", "g_K": "3600 nS", "g_L": "30 nS"},
    initial={"v": "-65 mV", "m": 0.0529, "h": 0.5961, "n": 0.3177},
)


def driven(current: str = "200 pA", duration: str = "200 ms") -> Experiment:
    """Three cells under a constant current: nothing random, and a rate known in closed form."""
    return Experiment(
        name="driven",
        populations=(Population(name="cells", model=LIF, size=3),),
        inputs=(ConstantInput(name="drive", population="cells", amplitude=current),),
        records=(Record(population="cells", variables=("v",), cells=(0,)),),
        duration=duration,
    )


def carrying() -> Experiment:
    """A current that carries a signal to cells, which drive others; cells get noise of their own."""
    return Experiment(
        name="carrying",
        populations=(
            PoissonSource(name="noise", size=8, rate="400 Hz"),
            Population(
                name="relay", model=LIF, size=8, receptors={"syn": ExponentialCurrent(tau="2 ms")}
            ),
            Population(
                name="out", model=LIF, size=3, receptors={"syn": ExponentialCurrent(tau="3 ms")}
            ),
            Population(name="aside", model=LIF, size=1),
        ),
        projections=(
            Projection(source="noise", target="relay", receptor="syn", rule=OneToOne(),
                       weight="60 pA", delay="0.5 ms"),
            Projection(source="relay", target="out", receptor="syn", rule=AllToAll(),
                       weight="70 pA", delay="1 ms"),
        ),
        inputs=(
            SineInput(name="gait", population="relay", amplitude="80 pA", offset="130 pA",
                      frequency="5 Hz"),
            ConstantInput(name="drive", population="aside", amplitude="200 pA"),
        ),
        records=(Record(population="out", variables=("v",)),),
        duration="500 ms",
        signal="gait",
        output="out",
    )  # fmt: skip


def spiking(current: str = "1000 pA") -> Experiment:
    return Experiment(
        name="axon",
        populations=(Population(name="axon", model=HH, size=1),),
        inputs=(ConstantInput(name="drive", population="axon", amplitude=current),),
        records=(Record(population="axon", variables=("v",)),),
        duration="60 ms",
        dt="0.02 ms",
    )


def _interval_ms(current_pa: float, tau_ms: float = 10.0) -> float:
    """Of a LIF cell whose asymptote is R·I above rest: t_ref + τ ln(RI/(RI - 15 mV))."""
    height = 0.1 * current_pa
    return 2.0 + tau_ms * float(np.log(height / (height - 15.0)))


def test_the_effect_is_that_of_the_closed_form_on_every_simulator(own_cache: Path) -> None:
    study = lesion(driven(duration="1000 ms"), ["drive.amplitude *= 0.9"], ["brian2", "neuron"])
    assert study.seeds == (1,)
    assert any("nothing in it is random" in note for note in study.notes)
    (rate,) = [e for e in study.effects if e.measure == Measure("cells", "rate")]
    assert [s.simulator for s in rate.simulators] == ["brian2", "neuron", "reference"]
    for told in rate.simulators:
        # A count of whole spikes in 0.8 s, and intervals rounded up to steps of 0.1 ms.
        assert told.healthy == pytest.approx(1e3 / _interval_ms(200), abs=1.25 + 1.0)
        assert told.lesioned == pytest.approx(1e3 / _interval_ms(180), abs=1.25 + 1.0)
        assert not told.has_interval
    assert rate.verdict == "independent"
    # The simulators agree, but a count of spikes could differ by one unseen.
    assert rate.disagreement == 0.0
    assert rate.ratio == pytest.approx(abs(rate.effect) / rate.grain)


def test_removed_cells_leave_the_draws_of_the_others(own_cache: Path) -> None:
    study = lesion(carrying(), "remove 50% aside+remove 25% relay", ["reference"], seeds=2)
    healthy, lesioned = (study.run(arm, "aligned", "reference", 2) for arm in study.arms)
    assert healthy is not None
    assert lesioned is not None
    kept = lesioned.kept["relay"]
    assert kept.size == 6
    for place, cell in enumerate(kept):
        a, b = (r.run.recording.spikes["relay"] for r in (healthy, lesioned))
        # Nothing but the noise and the signal reaches a relay cell: the same spikes to the bit.
        np.testing.assert_array_equal(a.times[a.cells == cell], b.times[b.cells == place])


def test_a_lesion_that_changes_nothing_is_told(own_cache: Path) -> None:
    given = ["cells.tau *= 1", "title := other", "remove 10% cells", "cells.tau *= 1.5"]
    notes = lesion(driven(duration="20 ms"), given, ["reference"]).notes
    same = "leaves the model as it is, so that there is nothing to compare"
    assert f"cells.tau *= 1: {same}" in notes
    assert f"title := other: {same}" in notes
    assert "remove 10% cells: too small a part of cells for a cell to be lost" in notes
    assert not any(note.startswith("cells.tau *= 1.5") for note in notes)


def test_what_is_drawn_wrongly_names_the_lesion() -> None:
    with pytest.raises(InputError, match=r"drive\.amplitude := .*: cells.I_drive: has 4 values"):
        lesion(driven(), 'drive.amplitude := {"values": [1, 2, 3, 4], "unit": "pA"}', ["reference"])


@pytest.mark.slow
def test_what_the_study_says_of_a_lost_signal(own_cache: Path) -> None:
    study = lesion(carrying(), "silence gait", ["brian2", "neuron"], seeds=3)
    assert study.start_ms == 100.0
    by = {e.measure: e for e in study.effects}
    assert by[Measure("relay", "transmission")].verdict == "independent"
    assert by[Measure("relay", "transmission")].effect < -0.5
    assert by[Measure("aside", "rate")].verdict == "none"
    assert Measure("aside", "transmission") not in by
    output, rate = by[Measure("out", "output")], by[Measure("out", "rate")]
    assert output.healthy == pytest.approx(3 * rate.healthy, rel=1e-12)
    table = study.effects_table
    assert set(table["simulator"]) == {"brian2", "neuron", "reference"}
    assert "silence gait" in repr(study)


def test_signal_and_what_it_reaches() -> None:
    experiment = carrying()
    assert downstream_of(experiment, "gait") == ("relay", "out")
    assert downstream_of(experiment, "noise") == ("relay", "out")
    assert downstream_of(experiment, "drive") == ("aside",)
    realization = realize(experiment)
    course = signal_of(realization, "gait").values
    t = np.arange(500) + 0.45  # the mean of the ten steps of every bin
    np.testing.assert_allclose(course, 130 + 80 * np.sin(2 * np.pi * 5e-3 * t), rtol=1e-4)
    assert signal_of(realization, "noise").values.sum() == realization.sources["noise"].times.size
    assert np.ptp(signal_of(realization, "drive").values) == 0.0


@pytest.mark.parametrize("repeat", [False, True])
def test_a_poisson_source_with_a_profile_has_it_as_signal(repeat: bool) -> None:
    experiment = carrying()
    source = PoissonSource(
        name="noise",
        size=8,
        rate="400 Hz",
        profile=(1.0, 0.0, 2.0),
        interval="50 ms",
        repeat=repeat,
    )
    changed = experiment.with_(
        populations=[
            source.model_dump(mode="json", exclude_none=True),
            *experiment.to_dict()["populations"][1:],
        ]
    )
    course = signal_of(realize(changed), "noise").values
    expected = np.repeat([1.0, 0.0, 2.0], [50, 50, 400])
    if repeat:
        expected = np.tile(np.repeat([1.0, 0.0, 2.0], 50), 4)[:500]
    np.testing.assert_array_equal(course, expected)


def test_seeds_are_one_where_nothing_is_random_in_any_arm() -> None:
    from coincide.comparisons.studies.lesion.arms import arms_of

    def seeds(experiment: Experiment, text: str, asked: int | None = None) -> tuple[int, ...]:
        arms = arms_of([("arm", Lesion("arm", "", [text]))])
        return choose_seeds({a: a.of(experiment) for a in arms}, 1, asked)[0]

    assert seeds(driven(), "cells.tau *= 2") == (1,)
    assert seeds(driven(), "cells.tau *= 2", 4) == (1,)
    # Which cell is lost is drawn.
    assert seeds(driven(), "remove 34% cells") == (1, 2, 3, 4, 5)
    assert seeds(carrying(), "relay.tau *= 2", 2) == (1, 2)


def ball_and_stick(records: list[Record]) -> Experiment:
    """Hodgkin and Huxley's soma with a passive dendrite under a constant current."""
    sodium = Channel(
        name="sodium",
        conductance="0.12 S/cm**2",
        reversal="50 mV",
        region="soma",
        gates=[
            Gate(
                name="m",
                power=3,
                alpha="1/exprel(-(v + 40*mV)/(10*mV))/ms",
                beta="4*exp(-(v + 65*mV)/(18*mV))/ms",
            ),
            Gate(
                name="h",
                alpha="0.07*exp(-(v + 65*mV)/(20*mV))/ms",
                beta="1/(1 + exp(-(v + 35*mV)/(10*mV)))/ms",
            ),
        ],
    )
    potassium = Channel(
        name="potassium",
        conductance="0.036 S/cm**2",
        reversal="-77 mV",
        region="soma",
        gates=[
            Gate(
                name="n",
                power=4,
                alpha="0.1/exprel(-(v + 55*mV)/(10*mV))/ms",
                beta="0.125*exp(-(v + 65*mV)/(80*mV))/ms",
            )
        ],
    )
    cell = CableCell(
        name="stick",
        morphology=ball_and_stick_of(soma="20 um", length="100 um", diameter="2 um"),
        discretisation=FixedSegments(segments=2),
        channels=[
            sodium,
            potassium,
            Channel(name="leak", conductance="3e-4 S/cm**2", reversal="-54.3 mV"),
        ],
    )
    return Experiment(
        name="stick",
        populations=(Population(name="stick", model=cell, size=1),),
        inputs=(
            ConstantInput(name="drive", population="stick", amplitude="0.3 nA", port="soma(0.5)"),
        ),
        records=tuple(records),
        duration="60 ms",
        dt="0.025 ms",
    )


SOMA = Record(population="stick", variables=("v",), at="soma(0.5)")
DENDRITE = Record(population="stick", variables=("v",), at="dend(0.9)")


def test_a_cable_cell_has_action_potentials_where_its_spikes_are(own_cache: Path) -> None:
    experiment = ball_and_stick([SOMA, DENDRITE])
    (variable,) = experiment.recorded_variables(SOMA)
    assert shaped(experiment) == ({"stick": variable}, [])
    effects = lesion(experiment, "drive.amplitude *= 1.1", ["reference"]).effects
    found = {e.measure.quantity: e for e in effects}
    # Hodgkin and Huxley's: about 100 mV high and below 2 ms wide at half; the dendrite loads the soma.
    assert 60.0 < found["AP amplitude"].healthy < 120.0
    assert 0.3 < found["AP width"].healthy < 3.0
    none, (said,) = shaped(ball_and_stick([DENDRITE]))
    assert none == {}
    assert "stick (v at soma(0.5)): the potential is not recorded" in said


def test_a_population_without_a_spike_is_told_and_not_counted(own_cache: Path) -> None:
    cells = driven(duration="100 ms").to_dict()
    quiet = {**cells["populations"][0], "name": "quiet"}
    both = Experiment.from_dict({**cells, "populations": [*cells["populations"], quiet]})
    study = lesion(both, "drive.amplitude *= 0.7", ["reference", "brian2"])
    assert "no cell of quiet spikes after 20 ms, so that its rate tells nothing" in study.notes
    (rate,) = [e for e in study.effects if e.measure == Measure("quiet", "rate")]
    assert (rate.verdict, rate.healthy, rate.lesioned) == ("undefined", 0.0, 0.0)
    assert np.isnan(rate.effect)
    (text,) = [s["sentence"] for s in study.to_dict()["sentences"]]
    assert "of 2 read-outs" in text or "all 2 read-outs" in text
    assert "no cell of quiet spikes in the window" in text
    still = lesion(driven("10 pA", "50 ms"), "cells.tau *= 2", ["reference", "brian2"])
    assert "cells.tau *= 2, aligned: nothing can be said, for no cell spikes" in repr(still)


def test_notes_on_lost_cells_name_the_seeds(own_cache: Path) -> None:
    some = carrying().with_(
        duration="20 ms", records=[{"population": "out", "variables": ["v"], "cells": [0]}]
    )
    study = lesion(some, "remove 67% out", ["reference"], seeds=6)
    assert "remove 67% out: out: 2 of 3 cells are lost" in study.notes
    (told,) = [n for n in study.notes if "no cell to record is there" in n]
    gone = [
        found.seed
        for found in study.runs
        if not found.arm.is_healthy and 0 not in found.kept["out"]
    ]
    assert 0 < len(gone) < 6
    assert [int(s) for s in re.findall("[0-9]+", told.partition("(seed")[2])] == gone


def test_a_lesion_of_another_variant_names_that_variant() -> None:
    circuit = load_model("cerebellar_circuit", "as_written")
    words = r"nav16_null: does not fit the variant as_written \(.*\); take --variant hh$"
    with pytest.raises(InputError, match=words):
        lesion(circuit, "nav16_null", "neuron")
    with pytest.raises(InputError, match="matches nothing"):
        lesion(circuit, "purkinje.naRsg.Oon := 2.3", "neuron")


def test_a_lesion_that_is_a_variant_is_answered_with_the_option() -> None:
    with pytest.raises(InputError, match=r"'med' is a variant of the model, .*: --variant med"):
        lesion("purkinje_khaliq2003", "med", ["reference"])


def test_shapes_need_a_potential_and_no_reset() -> None:
    assert shaped(spiking())[0] == {"axon": "v"}
    none, said = shaped(driven())
    assert none == {}
    assert "a spike is a reset" in said[0]
    bare = spiking().with_(records=[])
    none, said = shaped(bare)
    assert none == {}
    assert "not recorded" in said[0]
    assert "AP width" not in {m.quantity for m in probe_of(bare, 0.0).measures}


def _triangles(n: int, last_is_whole: bool = True) -> Recording:
    """Action potentials that rise by 100 mV in 1 ms and fall in 1 ms, every 20 ms."""
    dt, period = 0.01, 2000
    values = np.full(n * period, -60.0)
    ramp = np.linspace(0.0, 100.0, 101)
    for k in range(n):
        at = k * period + 1000
        values[at : at + 201] = -60.0 + np.concatenate([ramp, ramp[-2::-1]])
    if not last_is_whole:
        values = values[: (n - 1) * period + 1105]
    trace = Trace(values[:, None], np.array([0], np.int32), "mV", 0.0, dt)
    return Recording(values.size * dt, dt, {"axon": Spikes.sorted([], [])}, {("axon", "v"): trace})


@pytest.mark.parametrize("whole", [True, False])
def test_shapes_of_triangles(whole: bool) -> None:
    amplitude, width = shapes(_triangles(5, whole), "axon", "v", 0.0, -20.0)
    # From -60 to 40 mV; above -10 mV for 1 ms. eFEL's derivative moves the onset by a sample or two,
    # which are 1 mV each, and the width by as many.
    assert amplitude.value == pytest.approx(100.0, abs=3.0)
    assert width.value == pytest.approx(1.0, abs=0.05)


def test_shapes_without_an_action_potential_are_words() -> None:
    flat = _triangles(1)
    trace = flat.traces["axon", "v"]
    trace.values[:] = -60.0
    for reading in shapes(flat, "axon", "v", 0.0, -20.0):
        assert np.isnan(reading.value)
        assert reading.why == "no action potential"


@pytest.mark.slow
def test_a_block_of_sodium_makes_action_potentials_smaller(own_cache: Path) -> None:
    # At 0.02 ms exponential Euler's amplitude is 0.8 mV off, and the effect of 2.5 mV unclear.
    model = spiking().with_(dt="0.01 ms")
    study = lesion(model, ["axon.g_Na *= 0.95", "axon.g_Na *= 0"], ["neuron", "brian2"])
    smaller = {e.measure.quantity: e for e in study.at("aligned", "axon.g_Na *= 0.95")}
    assert -5.0 < smaller["AP amplitude"].effect < -1.0
    assert smaller["AP amplitude"].verdict == "independent"
    gone = {e.measure.quantity: e for e in study.at("aligned", "axon.g_Na *= 0")}
    assert gone["AP amplitude"].verdict == "undefined"
    assert "no action potential" in gone["AP amplitude"].remark
    assert gone["rate"].lesioned == 0.0
    assert gone["interval"].verdict == "undefined"
    # 48 ms hold a whole number of spikes; the interval is not bound to that.
    assert smaller["interval"].healthy == pytest.approx(1e3 / smaller["rate"].healthy, rel=0.25)


def test_one_simulator_and_the_reference_tell_nothing_of_a_change_of_simulator(
    own_cache: Path,
) -> None:
    study = lesion(driven(), "cells.tau *= 1.5", ["brian2", "oracle"])
    assert {s.simulator: s.judge for s in study.effects[0].simulators} == {
        "brian2": False,
        "oracle": True,
        "reference": True,
    }
    assert {e.verdict for e in study.effects} <= {"alone", "none", "undefined"}
    assert all(np.isnan(e.ratio) for e in study.effects)
    for said in (repr(study), study.to_json()):
        assert "one simulator only" in said
        assert "does not depend on the simulator" not in said
    none = lesion(driven(), "cells.tau *= 1.5", ["reference"])
    assert "no simulator, for the reference is none" in repr(none)


def test_a_simulator_that_failed_keeps_every_read_out_from_holding(
    own_cache: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("COINCIDE_PYTHON_PYMONNTORCH", "/bin/false")
    study = lesion(driven(), "cells.tau *= 1.5", ["brian2", "neuron", "pymonntorch"])
    by = {e.measure.quantity: e for e in study.effects}
    # Both that ran show the whole effect: without the third it would hold.
    assert by["rate"].effect < -1.0
    assert by["rate"].verdict == "undecided"
    assert not {e.verdict for e in study.effects} & {"independent", "none"}
    page = study.save(tmp_path / "page").read_text()
    for text in (repr(study), page, study._repr_html_(), study.to_json()):
        assert "pymonntorch-aligned: " in text
        assert "undecided" in text
        assert "does not depend on the simulator" not in text
    print_study(Console(width=200), study)
    said = capsys.readouterr().out
    assert "Not finished: pymonntorch-aligned" in said.splitlines()[0]


def _peaks(heights: list[float]) -> Recording:
    """Peaks of some heights [mV] from -60 mV, every 20 ms; a spike is one above 0 mV."""
    dt, period = 0.01, 2000
    values = np.full(len(heights) * period, -60.0)
    for k, height in enumerate(heights):
        at = k * period + 1000
        ramp = np.linspace(-60.0, height, 101)
        values[at : at + 201] = np.concatenate([ramp, ramp[-2::-1]])
    times = [(k * period + 1100) * dt for k, height in enumerate(heights) if height > 0]
    trace = Trace(values[:, None], np.array([0], np.int32), "mV", 0.0, dt)
    spikes = {"axon": Spikes.sorted(times, [0] * len(times))}
    return Recording(values.size * dt, dt, spikes, {("axon", "v"): trace}, {"axon": 1})


def test_a_spike_is_the_same_for_every_read_out() -> None:
    experiment = spiking()
    probe = with_thresholds(probe_of(experiment, 0.0), realize(experiment))
    assert probe.thresholds == {"axon": 0.0}
    triplets = measure(probe, _peaks([31.0, -19.5, -16.8] * 4), 1)
    # The small peaks are spikes neither of the rate nor of the amplitude: 4 in 240 ms, 91 mV high.
    assert triplets[Measure("axon", "rate")].value == pytest.approx(4 / 0.24)
    assert triplets[Measure("axon", "AP amplitude")].value == pytest.approx(91.0, abs=3.0)
    said = {reading.ambiguous for reading in triplets.values()}
    assert said == {"4 peaks are above its threshold of 0 mV, 12 above −20 mV"}
    clear = measure(probe, _peaks([31.0] * 4), 1)
    assert {reading.ambiguous for reading in clear.values()} == {""}


@pytest.mark.slow
def test_a_number_of_spikes_that_depends_on_the_threshold_is_undecided(
    own_cache: Path, capsys
) -> None:
    study = lesion("purkinje_khaliq2003", "kv3_half", "neuron", reference=False)
    (caveat,) = [c for e in study.effects[:1] for c in e.caveats]
    assert caveat.kind == "ambiguous"
    assert "purkinje, kv3_half" in caveat.where
    assert all(e.ambiguous for e in study.effects)
    # How many peaks there are of each kind is the cell's affair, and a processor's after some time.
    assert re.search(
        r"Ambiguous: purkinje, kv3_half: \d+ peaks are above its threshold of 0 mV, \d+ above",
        repr(study),
    )
    print_study(Console(width=200), study)
    assert "purkinje rate (Hz) *" in capsys.readouterr().out


@pytest.fixture
def model(tmp_path: Path, own_cache: Path) -> Path:
    path = tmp_path / "carrying.json"
    path.write_text(carrying().to_json())
    return path


@pytest.mark.slow
def test_the_command_from_end_to_end(model: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    arguments = [
        "lesion", str(model), "relay->out.weight *= 0.5", "remove 50% relay", "-b", "neuron",
        "brian2", "--no-reference", "--seeds", "3", "--severity", "0,0.5,1", "--from", "50 ms",
        "--json", str(tmp_path / "study.json"), "--out", str(out),
    ]  # fmt: skip
    assert main(arguments) == 0
    said = capsys.readouterr().out
    first = next(line for line in said.splitlines() if line.startswith("carrying"))
    assert first.startswith("carrying  12 cells, 500 ms")
    assert "transmission  how much of the signal" in said
    assert "ratio 3 or more" in said
    assert "by an effect that does not depend on the simulator" in " ".join(said.split())
    assert max(len(line) for line in said.splitlines()) <= 80
    names = {p.name for p in out.iterdir()}
    for kind in ("voltage", "rasters", "effects", "dose_response-1", "dose_response-2"):
        for suffix in ("png", "svg"):
            assert f"{kind}.{suffix}" in names
            assert (out / f"{kind}.{suffix}").stat().st_size > 5000
    data = json.loads((tmp_path / "study.json").read_text())
    assert data["from_ms"] == 50.0
    assert data["seeds"] == [1, 2, 3]
    assert [a["severity"] for a in data["arms"]] == [0, 0.5, 1, 0.5, 1]
    assert {"mode", "arm", "severity", "population", "quantity", "unit", "seeds", "effect",
            "relative", "disagreement", "apart", "agree", "ratio", "verdict", "in_words", "caveats",
            "simulators"} == set(data["effects"][0])  # fmt: skip
    assert len(data["runs"]) == 5 * 2 * 3
    readouts = pandas.read_csv(out / "readouts.csv")
    assert len(readouts) == len(data["readings"])
    doses = pandas.read_csv(out / "dose_response.csv")
    assert set(doses["severity"]) == {0.0, 0.5, 1.0}
    # The response at 0 is the healthy mean of the read-outs.
    healthy = readouts.query(
        "arm == 'healthy' and population == 'out' and quantity == 'rate' and simulator == 'brian2'"
    )["value"].mean()
    at_0 = doses.query(
        "population == 'out' and quantity == 'rate' and severity == 0 and simulator == 'brian2'"
    )["response"]
    assert at_0.to_numpy() == pytest.approx(healthy, rel=1e-12)


def test_an_interrupted_study_goes_on_from_the_cache(model: Path, own_cache: Path) -> None:
    ended = []

    def stop(place: int, run) -> None:
        ended.append(run)
        if len(ended) == 3:
            raise KeyboardInterrupt

    experiment = Experiment.load(model)
    with pytest.raises(KeyboardInterrupt):
        lesion(experiment, "silence gait", "reference", seeds=2, jobs=1, on_end=stop)
    again = lesion(experiment, "silence gait", "reference", seeds=2, jobs=1)
    assert sum(r.run.cached for r in again.runs) >= 3


def test_a_simulator_that_fails_costs_itself(model: Path, capsys) -> None:
    arguments = ["lesion", str(model), "silence gait", "-b", "reference", "neuron", "--seeds", "1"]
    assert main([*arguments, "--timeout", "0.1", "--duration", "100 s", "--fresh"]) == 3
    said = capsys.readouterr().out
    assert "0.1 s" in said
    assert "timeout" in said


def test_the_command_says_what_a_lesion_changes(model: Path, tmp_path: Path, capsys) -> None:
    path = tmp_path / "loss.json"
    path.write_text(Lesion("loss", "most of it", ["remove 90% relay", "silence aside"]).to_json())
    with pytest.raises(InputError, match="no projection leaves it"):
        lesion(Experiment.load(model), str(path), "reference", seeds=1)
    changed = ["remove 90% relay", "relay.tau *= 2"]
    path.write_text(Lesion("loss", "most", changed, "Nobody 2000").to_json())
    arguments = ["lesion", str(model), str(path), "aside.tau *= 2", "-b", "reference"]
    assert main([*arguments, "--seeds", "1", "--severity", "0.5,1"]) == 0
    said = capsys.readouterr().out
    assert said.count("remove 90% relay") == 1
    assert "loss: remove 90% relay; relay.tau *= 2" in said
    assert said.count("loss, source: Nobody 2000") == 1
    assert "aside.tau *= 2: aside.tau" not in said


def test_a_notebook_shows_the_study(own_cache: Path) -> None:
    html = lesion(driven(), "cells.tau *= 1.5", "brian2")._repr_html_()
    assert "one simulator only (the reference is none)" in html
    assert "data:image/png;base64," in html


def test_a_library_model_by_name(own_cache: Path) -> None:
    study = lesion("lif_10", "cells.tau *= 2", "reference", seeds=1)
    assert study.experiment.name == "lif_10"
    assert study.effects


BAD = [
    (["silence giat"], "gait"),
    (["nav16_nul"], "lesion"),
    (["relay.taw *= 2"], "relay.tau"),
    (["relay.tau *= x"], "no number"),
    (["relay.tau := 5 mV"], "ms"),
    (["remove 140% relay"], "100%"),
    (["silence gait", "silence gait"], "twice"),
    (["dt := 0.05 ms"], "dt"),
    (["silence gait", "--severity", "0,1.5"], "out of range"),
    (["silence gait", "--severity", "0,-0.5"], "out of range"),
    (["silence gait", "--severity", "a"], "no number"),
    (["silence gait", "--severity", "0"], "healthy"),
    (["silence gait", "--severity", "nan"], "no number"),
    (["silence gait", "--seeds", "0"], "at least 1"),
    (["silence gait", "--from", "500 ms"], "not within the run"),
    (["silence gait", "--from", "5 mV"], "a time"),
    (["silence gait", "-b", "brain2"], "brian2"),
    (["silence gait", "--mode", "alined"], "aligned"),
    (["nowhere.json"], "there is no such file"),
    (["remove 40%"], "of which population?"),
    (["relay.tau *= 2 at 150%"], "the severity 150% is above 100%"),
    (["silence gait", "--seeds", "1001"], "at most 1,000"),
    (["nothing"], "no lesions of its own"),
    (["silence gait + "], "nothing on one side"),
    (["remove gait"], "gait"),
    ([], "LESION"),
]


@pytest.mark.parametrize(("arguments", "word"), BAD, ids=[" ".join(a) or "none" for a, _ in BAD])
def test_bad_input_gives_one_message(arguments: list[str], word: str, model: Path, capsys) -> None:
    assert main(["lesion", str(model), *arguments]) == 2
    said = capsys.readouterr()
    assert word in said.err
    assert "Traceback" not in said.err + said.out
    assert not (model.parent / "cache" / "runs").exists()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["lesion", "m", "-b", "reference", "cut"], ["lesion", "m", "-b", "reference", "cut"]),
        (
            ["lesion", "-b", "brian2", "neuron", "m", "cut"],
            ["lesion", "-b", "brian2", "-b", "neuron", "m", "cut"],
        ),
        (
            ["lesion", "m", "--mode", "raw", "aligned", "cut"],
            ["lesion", "m", "--mode", "raw", "--mode", "aligned", "cut"],
        ),
        (
            ["lesion", "m", "--set", "a=1", "b=2", "c *= 0.5"],
            ["lesion", "m", "--set", "a=1", "--set", "b=2", "c *= 0.5"],
        ),
    ],
)
def test_model_and_lesions_may_follow_an_option_of_several_values(given, expected) -> None:
    assert spread_values(given) == expected
