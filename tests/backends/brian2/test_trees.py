"""Brian2's SpatialNeuron for cells with a tree: geometry, currents, spikes, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from coincide.backends.registry import load_backend
from coincide.core.cable import CableCell
from coincide.core.channels import Channel, Ion, Pool
from coincide.core.discretisation import FixedSegments
from coincide.core.errors import UnsupportedError
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import ConstantInput, StepInput
from coincide.core.kinetics import Gate
from coincide.core.morphology import Morphology, Section, cylinder
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population, SpikeTrains
from coincide.core.projections import AllToAll, OneToOne, Projection
from coincide.core.realize import realize
from coincide.core.receptors import CustomReceptor, Delta, ExponentialConductance
from coincide.core.settings import Settings
from coincide.core.units import Quantity
from coincide.core.values import Uniform

pytest.importorskip("brian2")

BRIAN2 = load_backend("brian2")
REFERENCE = load_backend("reference")
ORACLE = load_backend("oracle")


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COINCIDE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


def run(realization, mode, **settings):
    return BRIAN2.run(realization, Settings(mode=mode, target="numpy", **settings))


# --- the passive cable -------------------------------------------------------------------------------

LENGTH, DIAMETER, RA, RM, CURRENT = 1e-3, 1e-6, 1.0, 4.0, 1e-10
"""Rallpack 1 in SI units (Bhalla, Bilitch & Bower 1992, Trends Neurosci. 15:453)."""


def closed_form(x):
    """The steady state [mV above rest] of a sealed cable with a current at its end 0."""
    constant = np.sqrt(RM * DIAMETER / 4 / RA)
    infinite = RA * constant * 4 / np.pi / DIAMETER**2
    return 1e3 * CURRENT * infinite * np.cosh((LENGTH - x) / constant) / np.sinh(LENGTH / constant)


def passive(name, morphology, segments, v_initial="-65 mV"):
    return CableCell(
        name=name,
        morphology=morphology,
        discretisation=FixedSegments(segments=segments),
        channels=(Channel(name="leak", conductance="0.25 S/m**2", reversal="-65 mV"),),
        capacitance="0.01 F/m**2",
        axial_resistivity="100 ohm*cm",
        v_initial=v_initial,
        spike_threshold=None,
    )


def steady_cable(segments, mode):
    """The potentials above rest at both end nodes after 200 time constants of implicit steps."""
    cell = passive("rallpack1", cylinder("1 mm", "1 um", name="dend"), segments)
    ends = ("v_dend_0", f"v_dend_{segments - 1}")
    experiment = Experiment(
        name="rallpack1",
        populations=(Population(name="cell", model=cell, size=1),),
        inputs=(ConstantInput(name="i", population="cell", amplitude="0.1 nA", port="dend(0)"),),
        records=(Record(population="cell", variables=ends),),
        duration="8000 ms",
        dt="40 ms",
    )
    recording = run(realize(experiment), mode)
    return [65 + float(recording.traces["cell", v].values[-1, 0]) for v in ends]


@pytest.mark.parametrize("mode", ["raw", "aligned"])
def test_rallpack_1_converges_to_the_closed_form_with_order_2(mode):
    assert closed_form(0) == pytest.approx(167.18084, abs=5e-6)
    assert closed_form(LENGTH) == pytest.approx(108.34226, abs=5e-6)
    errors = []
    for segments in (50, 100):
        half = LENGTH / segments / 2
        near, far = steady_cable(segments, mode)
        # The current crosses half a compartment from the end to its node.
        at_end = near + 1e3 * CURRENT * RA * half / (np.pi * DIAMETER**2 / 4)
        errors.append([at_end - closed_form(0), far - closed_form(LENGTH - half)])
    ratio = np.array(errors[0]) / errors[1]
    assert ratio == pytest.approx([4, 4], rel=0.02)
    assert np.all(np.abs(errors[1]) < 5e-3)


# --- trees -------------------------------------------------------------------------------------------


def section(name, parent, parent_x, length, diameter, label="dend"):
    return Section(
        name=name,
        parent=parent,
        parent_x=parent_x,
        label=label,
        length=Quantity.parse(length),
        diameter=Quantity.parse(diameter),
    )


SOMA = section("soma", None, 1.0, "20 um", "20 um", "soma")
CONES = ((0, 0, 0, 3.0), (30, 0, 0, 2.0), (70, 0, 0, 1.0), (90, 0, 0, 0.7))
TREES = {
    # What Brian2's morphologies are: children at ends.
    "ends": (
        SOMA,
        section("d1", "soma", 1.0, "200 um", "2 um"),
        section("d2", "d1", 1.0, "100 um", "1 um"),
        section("d3", "d1", 1.0, "120 um", "1.5 um"),
        section("d4", "d3", 0.0, "90 um", "1.2 um"),
    ),
    # As SWC files are read, with a branch in the middle of a dendrite and one made of cones.
    "middle": (
        SOMA,
        section("d1", "soma", 0.5, "200 um", "2 um"),
        section("d2", "d1", 0.5, "100 um", "1 um"),
        Section(name="d3", parent="soma", parent_x=0.5, points=CONES, label="dend"),
        section("axon", "soma", 1.0, "150 um", "1 um", "axon"),
    ),
    # Several branches at either end of the root, for which it has to begin at a tip.
    "both": (
        SOMA,
        section("d1", "soma", 0.0, "200 um", "2 um"),
        section("d2", "soma", 0.0, "100 um", "1 um"),
        section("d3", "soma", 1.0, "90 um", "1.5 um"),
        section("axon", "soma", 1.0, "150 um", "1 um", "axon"),
    ),
}


def steady_tree(kind, segments, mode):
    """The potentials [mV above rest] of all compartments, with 0.1 nA into the end of d2; and the cell."""
    cell = passive("tree", Morphology(sections=TREES[kind]), segments)
    names = tuple(f"v_{c.name}" for c in cell.lowered.compartments)
    experiment = Experiment(
        name="tree",
        populations=(Population(name="cell", model=cell, size=1),),
        inputs=(ConstantInput(name="i", population="cell", amplitude="0.1 nA", port="d2(1)"),),
        records=(Record(population="cell", variables=names),),
        duration="8000 ms",
        dt="40 ms",
    )
    recording = run(realize(experiment), mode)
    return cell, np.array([65 + recording.traces["cell", v].values[-1, 0] for v in names])


def solved(cell):
    """The same from the couplings: (diag(g·area) + axial)·v = I."""
    cut = cell.lowered.cut
    matrix = np.diag([0.25e-3 * c.area for c in cut.compartments])  # nS/µm², µm²
    for joint in cut.couplings:
        g = joint.shape / 1e-3  # µm/(GOhm·µm): 100 Ohm·cm is 1e-3 of it
        i, j = joint.first, joint.second
        matrix[[i, j], [i, j]] += g
        matrix[[i, j], [j, i]] -= g
    current = np.zeros(len(cut.compartments))
    current[cell.lowered.at("d2(1)", "test")] = 100.0
    return np.linalg.solve(matrix, current)


@pytest.mark.parametrize("segments", [1, 3])
@pytest.mark.parametrize("kind", TREES)
def test_any_tree_is_coupled_as_its_lowered_equations(kind, segments):
    cell, found = steady_tree(kind, segments, "aligned")
    expected = solved(cell)
    # A node that is the end of a section has 1/m between, as Brian2's own Soma: 1e-6 of what is beside it.
    assert found == pytest.approx(expected, rel=1e-6)


def test_raw_takes_compartments_for_single_cones():
    for kind, least, most in (("ends", 0, 1e-6), ("middle", 1e-3, 5e-2)):
        cell, found = steady_tree(kind, 1, "raw")
        expected = solved(cell)
        apart = np.max(np.abs(found / expected - 1))
        assert least <= apart <= most


# --- channels, receptors, inputs ---------------------------------------------------------------------

CHANNELS = (
    Channel(
        name="nat", ion="na", conductance="0.12 S/cm**2", region="soma",
        elsewhere={"dend": "0.01 S/cm**2"},
        gates=(
            Gate(name="m", power=3, alpha="1/exprel(-(v + 40*mV)/(10*mV))/ms",
                 beta="4/ms*exp(-(v + 65*mV)/(18*mV))"),
            Gate(name="h", alpha="0.07/ms*exp(-(v + 65*mV)/(20*mV))",
                 beta="1/ms/(1 + exp(-(v + 35*mV)/(10*mV)))"),
        ),
    ),
    Channel(
        name="kd", ion="k", conductance="0.036 S/cm**2", region="soma",
        elsewhere={"axon": "0.01 S/cm**2"},
        gates=(
            Gate(name="n", power=4, alpha="0.1/exprel(-(v + 55*mV)/(10*mV))/ms",
                 beta="0.125/ms*exp(-(v + 65*mV)/(80*mV))"),
        ),
    ),
    Channel(
        name="cap", ion="ca", permeability="2e-5 cm/s", region="dend",
        gates=(Gate(name="m", inf="1/(1 + exp(-(v + 25*mV)/(6*mV)))", tau="0.5*ms"),),
    ),
    Channel(name="shunt", conductance="0.5 nS", reversal="-70 mV", region="d3(0.5)"),
    Channel(name="leak", conductance="0.3 mS/cm**2", reversal="-54.3 mV"),
)  # fmt: skip
IONS = (
    Ion(name="na", reversal="50 mV"),
    Ion(name="k", reversal="-77 mV"),
    Ion(
        name="ca", valence=2, outside="2 mM", pool=Pool(depth="0.1 um", tau="5 ms", floor="1e-4 mM")
    ),
)


def active_cell():
    return CableCell(
        name="active",
        morphology=Morphology(sections=TREES["middle"]),
        discretisation=FixedSegments(segments=3),
        channels=CHANNELS,
        ions=IONS,
    )


def active(dt="0.02 ms", duration="6 ms", size=2, **more):
    """Two cells that inhibit each other, driven by given spikes, a step and a constant current."""
    parameters = {"conductance_nat": Uniform(low="0.11 S/cm**2", high="0.13 S/cm**2")}
    receptors = {
        "exc": ExponentialConductance(tau="2 ms", reversal="0 mV", port="d1(0.5)"),
        "inh": ExponentialConductance(tau="5 ms", reversal="-80 mV", port="soma(0.5)"),
    }
    fields = {
        "name": "active",
        "populations": (
            Population(
                name="cell", model=active_cell(), size=size, receptors=receptors,
                parameters=parameters,
            ),
            SpikeTrains(name="given", times=[[1, 1, 2], [2.3, 5]]),
        ),
        "inputs": (
            StepInput(
                name="step", population="cell", amplitude=Uniform(low="0.2 nA", high="0.4 nA"),
                start="1 ms", port="soma(0.5)",
            ),
            ConstantInput(name="always", population="cell", amplitude="10 pA", port="d3(0)"),
        ),
        "projections": (
            Projection(source="given", target="cell", receptor="exc", rule=AllToAll(),
                       weight="20 nS", delay="0.5 ms"),
            Projection(source="cell", target="cell", receptor="inh", rule=AllToAll(),
                       weight="5 nS", delay="1 ms"),
        ),
        "records": (
            Record(
                population="cell",
                variables=("v_soma_1", "v_d2_2", "v_axon_2", "cai_d3_1", "m_nat_soma_1", "g_exc"),
            ),
        ),
        "duration": duration,
        "dt": dt,
    }  # fmt: skip
    return realize(Experiment(**{**fields, **more}))


@pytest.mark.slow
def test_an_active_tree_converges_to_the_oracle_with_order_1():
    expected = ORACLE.run(active(duration="3 ms"), Settings(mode="aligned"))
    recordings = [run(active(dt=dt, duration="3 ms"), "aligned") for dt in ("0.02 ms", "0.01 ms")]
    assert recordings[0].provenance["method"] == "exponential_euler"
    assert np.array_equal(recordings[-1].spikes["cell"].cells, expected.spikes["cell"].cells)
    assert len(expected.spikes["cell"]) == 2
    # Before the spike, whose shift would hide the order.
    last = round(2.4 / 0.02)
    for key, trace in expected.traces.items():
        exact = trace.values[:last]
        errors = [
            np.max(np.abs(r.traces[key].values[::every][:last] - exact))
            for r, every in zip(recordings, (1, 2), strict=True)
        ]
        if key[1] == "g_exc":
            # Exact in any method, with arrivals on the grid.
            assert max(errors) < 1e-9
            continue
        assert 1.7 < errors[0] / errors[1] < 2.3, key


def test_a_spike_is_one_crossing_at_the_place_of_spikes():
    recording = run(active(duration="8 ms"), "aligned")
    v = recording.traces["cell", "v_soma_1"].values
    steps, cells = np.nonzero((v[1:] > 0) & (v[:-1] <= 0))
    assert len(steps) >= 2
    order = np.lexsort((cells, steps))
    assert recording.spikes["cell"].times == pytest.approx((steps[order] + 1) * 0.02, abs=1e-9)
    assert recording.spikes["cell"].cells.tolist() == cells[order].tolist()


CONVENTIONS = tuple(c.name for c in BRIAN2.conventions)


@pytest.mark.slow
def test_raw_with_every_convention_undone_is_aligned():
    realization = active(duration="3 ms")
    aligned = run(realization, "aligned")
    undone = run(realization, "raw", undone=CONVENTIONS)
    assert np.array_equal(undone.spikes["cell"].times, aligned.spikes["cell"].times)
    for key, trace in aligned.traces.items():
        # The same steps; only how a step that cannot divide by zero is written differs.
        assert undone.traces[key].values == pytest.approx(trace.values, rel=1e-9, abs=1e-12)


@pytest.mark.slow
def test_raw_has_the_conventions_of_a_neuron_group():
    realization = active(duration="3 ms", size=1)
    raw, stamped = (run(realization, "raw", undone=u) for u in ((), ("spike_stamp",)))
    assert stamped.spikes["cell"].times == pytest.approx(raw.spikes["cell"].times + 0.02, abs=1e-9)
    assert raw.traces["cell", "g_exc"].values.shape[0] == realization.n_steps
    phase = run(realization, "raw", undone=("recording_phase",))
    assert phase.traces["cell", "g_exc"].values.shape[0] == realization.n_steps + 1

    def arrives(recording):
        return np.flatnonzero(recording.traces["cell", "g_exc"].values[:, 0])[0]

    # Given at 1 ms, delay 0.5 ms: step 75; Brian2 delivers one step later.
    on_time = run(realization, "raw", undone=("source_delivery",))
    assert (arrives(on_time), arrives(raw)) == (75, 76)


def test_kicks_at_a_place_act_there_together():
    kick = CustomReceptor(equations="", on_pre="v += w*(-50*mV - v)", port="d1(1)")
    experiment = Experiment(
        name="kicks",
        populations=(
            Population(
                name="cell",
                model=passive("tree", Morphology(sections=TREES["middle"]), 3),
                size=1,
                receptors={"part": kick, "plain": Delta(port="d2(0)")},
            ),
            SpikeTrains(name="given", times=[[1, 1], [1]]),
        ),
        projections=(
            Projection(
                name="a",
                source="given",
                target="cell",
                receptor="part",
                rule=AllToAll(),
                weight="0.1",
                delay="1 ms",
            ),
            Projection(
                name="b",
                source="given",
                target="cell",
                receptor="plain",
                rule=AllToAll(),
                weight="2 mV",
                delay="2 ms",
            ),
        ),
        records=(Record(population="cell", variables=("v_d1_2", "v_d2_0", "v_soma_1")),),
        duration="4 ms",
        dt="1 ms",
    )
    traces = run(realize(experiment), "aligned").traces
    # Three arrivals of 0.1 act on -65 mV: 0.3 of 15 mV, before anything has spread. Brian2's Soma with its
    # 1 m beside compartments of µm costs the solver six digits.
    assert traces["cell", "v_d1_2"].values[:3, 0] == pytest.approx([-65, -65, -60.5], abs=1e-6)
    assert traces["cell", "v_soma_1"].values[:3, 0] == pytest.approx([-65] * 3, abs=1e-6)
    without = run(
        realize(experiment.with_(projections=experiment.projections[:1])), "aligned"
    ).traces
    kicked = traces["cell", "v_d2_0"].values[3] - without["cell", "v_d2_0"].values[3]
    assert kicked == pytest.approx([6.0], abs=1e-6)


def test_a_tree_drives_point_neurons():
    point = NeuronModel(name="Passive", equations="dv/dt = -v/(10*ms) : mV", initial={"v": "0 mV"})
    base = active(duration="4 ms").experiment
    realization = realize(
        base.with_(
            populations=(
                *base.populations,
                Population(name="point", model=point, size=2, receptors={"kick": Delta()}),
            ),
            projections=(
                *base.projections,
                Projection(
                    name="out",
                    source="cell",
                    target="point",
                    receptor="kick",
                    rule=OneToOne(),
                    weight="1 mV",
                    delay="0.3 ms",
                ),
            ),
            records=(Record(population="point", variables=("v",)),),
        )
    )
    recording = run(realization, "aligned")
    v = recording.traces["point", "v"].values
    spikes = recording.spikes["cell"]
    assert sorted(spikes.cells.tolist()) == [0, 1]
    for time, cell in zip(spikes.times, spikes.cells, strict=True):
        assert np.flatnonzero(v[:, cell])[0] == round((time + 0.3) / 0.02)


def test_lockstep_takes_the_lowered_equations():
    realization = active(duration="1 ms", dt="0.01 ms")
    expected = REFERENCE.run(realization, Settings())
    recording = run(realization, "lockstep")
    for key, trace in expected.traces.items():
        scale = np.ptp(trace.values)
        assert np.max(np.abs(recording.traces[key].values - trace.values)) <= 1e-9 * scale


# --- what is refused ---------------------------------------------------------------------------------


def test_many_trees_are_refused():
    with pytest.raises(UnsupportedError, match="10 at most here, not 11; use lockstep"):
        run(active(size=11), "aligned")


def one(**fields):
    cell = passive("tree", Morphology(sections=TREES["middle"]), 3)
    population = Population(**{"name": "cell", "model": cell, "size": 1, **fields})
    return realize(Experiment(name="one", populations=(population,), duration="1 ms"))


def test_a_receptor_in_two_compartments_is_refused():
    bridge = CustomReceptor(
        equations="flow = (v_d1_0 - v)*1*nS : pA",
        on_pre="v += w*mV",
        current="flow",
        port="soma(0.5)",
    )
    with pytest.raises(UnsupportedError, match="in several compartments at once: soma_1, d1_0"):
        run(one(receptors={"bridge": bridge}), "aligned")


def test_an_area_that_is_not_the_morphologys_is_refused():
    realization = one(parameters={"membrane_area_d1_0": "100 um**2"})
    with pytest.raises(UnsupportedError, match="membrane_area_d1_0 is not the area"):
        run(realization, "raw")


def test_a_branching_without_words_in_brian2_is_refused():
    sections = (
        SOMA,
        *(
            section(f"a{k}", "soma", x, "50 um", "1 um")
            for k, x in enumerate((0.5, 0.0, 0.0, 1.0, 1.0))
        ),
    )
    cell = passive("star", Morphology(sections=sections), 1)
    with pytest.raises(
        UnsupportedError, match=r"branches leave in the middle and at both ends of soma\(0.5\)"
    ):
        run(one(model=cell), "aligned")


@pytest.mark.slow
@pytest.mark.parametrize("target", ["cython", "cpp_standalone"])
def test_compiled_targets_coincide_too(target):
    # Two cells that one input drives with different amplitudes.
    cell = CableCell(
        name="cell",
        morphology=Morphology(sections=TREES["middle"]),
        discretisation=FixedSegments(segments=3),
        channels=(CHANNELS[2], CHANNELS[4]),
        ions=IONS,
        spike_threshold="-50 mV",
    )
    experiment = Experiment(
        name="two",
        populations=(
            Population(name="cell", model=cell, size=2, receptors={"kick": Delta(port="d1(0.5)")}),
        ),
        inputs=(
            StepInput(
                name="step",
                population="cell",
                amplitude=Uniform(low="0.3 nA", high="0.6 nA"),
                start="1 ms",
                port="soma(0.5)",
            ),
        ),
        projections=(
            Projection(
                source="cell",
                target="cell",
                receptor="kick",
                rule=AllToAll(),
                weight="1 mV",
                delay="0.5 ms",
            ),
        ),
        records=(Record(population="cell", variables=("v_d1_1", "cai_d1_1")),),
        duration="15 ms",
    )
    realization = realize(experiment)
    expected = run(realization, "aligned")
    assert sorted(set(expected.spikes["cell"].cells.tolist())) == [0, 1]
    recording = BRIAN2.run(realization, Settings(mode="aligned", target=target))
    assert np.array_equal(recording.spikes["cell"].times, expected.spikes["cell"].times)
    assert np.array_equal(recording.spikes["cell"].cells, expected.spikes["cell"].cells)
    for key, trace in expected.traces.items():
        # 1e-7: a node that is an end costs the solver six digits, which it loses in another order.
        scale = np.ptp(trace.values)
        assert np.max(np.abs(recording.traces[key].values - trace.values)) <= 1e-7 * scale


def test_a_concentration_inside_is_one_number_in_every_compartment():
    """Found by random experiments: of an ion whose concentrations are given, not those of a pool."""
    potassium = Channel(name="kdr", ion="k", conductance="5e-4 S/cm**2", region="soma")
    leak = Channel(name="leak", conductance="1e-4 S/cm**2", reversal="-65 mV")
    soma = Section(name="soma", length=Quantity.parse("15 um"), diameter=Quantity.parse("10 um"))
    cell = CableCell(
        name="cell",
        morphology=Morphology(sections=(soma, section("dend", "soma", 1.0, "150 um", "2 um"))),
        discretisation=FixedSegments(segments=1),
        channels=(leak, potassium),
        ions=(Ion(name="k", inside="130 mM", outside="3.3 mM"),),
        celsius=25.0,
        v_initial="-65 mV",
        spike_threshold=None,
    )
    realization = realize(
        Experiment(
            name="nernst",
            populations=(Population(name="cell", model=cell, size=1),),
            records=(Record(population="cell", variables=("v_soma", "v_dend")),),
            duration="400 ms",
            dt="0.1 ms",
        )
    )
    for mode in ("raw", "aligned"):
        found, exact = run(realization, mode).traces, REFERENCE.run(realization, Settings()).traces
        for variable in ("v_soma", "v_dend"):
            end = float(found["cell", variable].values[-1, 0])
            # Both stand still: no integrator is in the way. Below -65 mV, towards that of potassium.
            assert end == pytest.approx(float(exact["cell", variable].values[-1, 0]), abs=1e-6)
            assert -95 < end < -65.5
