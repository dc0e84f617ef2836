"""NEURON's Sections: against closed forms and the oracle, with the orders of convergence of each mode."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from coincide.backends.neuron.backend import NeuronBackend
from coincide.backends.oracle.backend import OracleBackend
from coincide.backends.reference import ReferenceBackend
from coincide.core.cable import CableCell
from coincide.core.channels import Channel, Ion, Pool
from coincide.core.discretisation import FixedSegments
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import ConstantInput, StepInput
from coincide.core.kinetics import Gate, Scheme
from coincide.core.morphology import cylinder, load_swc
from coincide.core.populations import Population
from coincide.core.realize import realize
from coincide.core.settings import Settings
from coincide.models import hh_squid, rallpack
from coincide.models.purkinje_khaliq2003 import build as purkinje
from coincide.models.tables import read_table

pytest.importorskip("neuron", reason="NEURON is not installed: pip install 'coincide[neuron]'")
NEURON, ORACLE, REFERENCE = NeuronBackend(), OracleBackend(), ReferenceBackend()

# A tree with a soma, a dendrite that branches, an axon.
SWC = """
1 1 0 0 0 10 -1
2 3 10 0 0 1.5 1
3 3 60 0 0 1.0 2
4 3 90 30 0 0.8 3
5 3 150 60 0 0.5 4
6 3 90 -30 0 0.8 3
7 3 140 -70 0 0.6 6
8 2 -10 0 0 0.5 1
9 2 -80 0 0 0.5 8
"""
SODIUM, POTASSIUM = hh_squid.squid_channels(read_table("hh_squid"))
CALCIUM = Channel(
    name="cap",
    ion="ca",
    permeability="2e-5 cm/s",
    region="soma,dend",
    gates=(
        Gate(
            name="m",
            power=2,
            inf="1/(1 + exp(-(v + 30*mV)/(6*mV)))",
            tau="(1 if v > -40*mV else 2)*ms*(1 + int(v > 0*mV)*0.2)",
        ),
    ),
)
# Opened by calcium, with a transition of one way, warmer than measured.
BY_CALCIUM = Channel(
    name="sk",
    ion="k",
    conductance="0.0005 S/cm**2",
    open="O",
    region="soma,dend",
    scheme=Scheme(
        transitions=("C <-> O (there*cai/mM, back)", "O <-> D (kd, 0.5*back)", "C -> D (0.01*kd)"),
        remainder="C",
    ),
    equations="there : 1/ms\nback : 1/ms\nkd = 0.1*back*exp(v/(50*mV)) : 1/ms",
    parameters={"there": "100 /ms", "back": "0.3 /ms"},
    q10=2.3,
    q10_celsius=16.0,
)
# A point channel of an ion with Nernst's equation, which NEURON does not know by name.
CHLORIDE = Channel(
    name="clc",
    ion="cl",
    conductance="5 nS",
    region="dend_1(0.9)",
    gates=(Gate(name="p", inf="1/(1 + exp((v + 50*mV)/(8*mV)))", tau="5*ms"),),
)
IONS = (
    *hh_squid.squid_ions(read_table("hh_squid")),
    Ion(
        name="ca", valence=2, outside="2 mM", pool=Pool(depth="0.2 um", tau="10 ms", rest="5e-5 mM")
    ),
    Ion(name="cl", valence=-1, inside="8 mM", outside="120 mM"),
)


@pytest.fixture(scope="module")
def tree_cell(tmp_path_factory: pytest.TempPathFactory) -> CableCell:
    path = Path(tmp_path_factory.mktemp("swc")) / "tree.swc"
    path.write_text(SWC)
    sodium = Channel(
        name="sodium",
        ion="na",
        conductance="0.12 S/cm**2",
        gates=SODIUM.gates,
        region="soma",
        elsewhere={"axon": "0.06 S/cm**2"},
    )
    leak = Channel(name="leak", conductance="0.0002 S/cm**2", reversal="-60 mV")
    return CableCell(
        name="tree",
        morphology=load_swc(path),
        discretisation=FixedSegments(segments=3),
        channels=(sodium, POTASSIUM, leak, CALCIUM, BY_CALCIUM, CHLORIDE),
        ions=IONS,
        capacitance="0.9 uF/cm**2",
        axial_resistivity="120 ohm*cm",
        celsius=20,
        spike_threshold="-20 mV",
        spike_at="axon_0(1)",
    )


TREE_STATES = (
    "v_soma_1",
    "v_dend_1_2",
    "v_axon_0_2",
    "m_sodium_soma_1",
    "n_potassium_dend_0_0",
    "cai_dend_0_1",
    "O_sk_soma_1",
    "D_sk_soma_1",
    "p_clc_dend_1_2",
    "m_cap_soma_1",
)


def tree(cell: CableCell, dt: str, duration: str = "20 ms") -> Experiment:
    """Two cells of different capacitance that make an action potential; one is held up in a dendrite."""
    return Experiment(
        name="tree",
        populations=(
            Population(
                name="cell",
                model=cell,
                size=2,
                parameters={"capacitance": {"values": [0.9, 1.1], "unit": "uF/cm**2"}},
            ),
        ),
        inputs=(
            ConstantInput(
                name="held", population="cell", port="dend_1(1)", amplitude="20 pA", cells=(0,)
            ),
            StepInput(
                name="pulse",
                population="cell",
                port="soma(0.5)",
                amplitude="600 pA",
                start="3 ms",
                stop="6 ms",
            ),
        ),
        records=(Record(population="cell", variables=TREE_STATES),),
        duration=duration,
        dt=dt,
    )


def worst(found, expected) -> dict[str, float]:
    """The largest difference of every trace relative to its range, on the coarser grid."""
    result = {}
    for key, trace in expected.traces.items():
        own = found.traces[key]
        every = round(trace.dt_ms / own.dt_ms)
        difference = np.abs(own.values[::every] - trace.values).max()
        result[key[1]] = difference / np.ptp(trace.values)
    return result


def upward(recording, population: str, level: float) -> np.ndarray:
    """The times at which v of the first cell rises above a level, between samples by a straight line."""
    trace = recording.traces[population, "v"]
    v = trace.values[:, 0]
    k = np.flatnonzero((v[:-1] <= level) & (v[1:] > level))
    return (k + (level - v[k]) / (v[k + 1] - v[k])) * trace.dt_ms


def run(experiment: Experiment, mode: str = "aligned", **settings):
    return NEURON.run(realize(experiment), Settings(mode, **settings))


# Closed forms


def test_passive_cable_comes_to_the_closed_form_with_order_2_in_compartments() -> None:
    errors = []
    for n in (10, 20, 40):
        experiment = rallpack.build_passive("default", compartments=n)
        recording = run(experiment.with_(duration="900 ms", dt="0.1 ms"))
        ends = [recording.traces["cell", f"v_cable_{k}"].values[:, 0] for k in (0, n - 1)]
        expected = rallpack.steady_state([0.5 / n, 1 - 0.5 / n])
        errors.append(np.abs([v[-1] - v[0] for v in ends] - expected))
    for ratio in (errors[0] / errors[1], errors[1] / errors[2]):
        assert (ratio > 3.5).all()
        assert (ratio < 4.5).all()
    assert errors[2].max() < 0.02  # of 108 to 167 mV


def test_squid_axon_spikes_at_the_published_times() -> None:
    expected = np.array([11.93373489, 26.85272802, 41.48853869])
    for mode, order in (("raw", 1), ("aligned", 2)):
        errors = []
        for dt in ("0.02 ms", "0.01 ms"):
            experiment = hh_squid.build("default").with_(duration="45 ms", dt=dt)
            errors.append(upward(run(experiment, mode), "axon", 10) - expected)
        assert errors[1] * 2**order == pytest.approx(errors[0], rel=0.1), mode
        assert np.abs(errors[1]).max() < {1: 0.08, 2: 0.002}[order]


# The Purkinje cell


@pytest.fixture(scope="module")
def purkinje_oracle():
    return ORACLE.run(realize(purkinje("wild_type").with_(duration="52 ms")), Settings("aligned"))


def test_purkinje_interval_converges_with_the_order_of_the_mode(purkinje_oracle) -> None:
    expected = np.diff(purkinje_oracle.spikes["purkinje"].times)[0]
    for mode, order in (("raw", 1), ("aligned", 2)):
        errors = []
        for dt in ("0.04 ms", "0.02 ms", "0.01 ms"):
            experiment = purkinje("wild_type").with_(duration="52 ms", dt=dt)
            errors.append(np.diff(upward(run(experiment, mode), "purkinje", 0))[0] - expected)
        for coarse, fine in pairwise(errors):
            assert np.log2(coarse / fine) == pytest.approx(order, abs=0.35), mode
    assert abs(errors[-1]) < 2e-3


def test_cvode_is_the_oracle_within_its_tolerance(purkinje_oracle) -> None:
    found = run(purkinje("wild_type").with_(duration="52 ms"), method="cvode")
    # Located between two steps, stamped with the end of the step.
    located = purkinje_oracle.spikes["purkinje"].times
    assert found.spikes["purkinje"].times == pytest.approx(np.ceil(located / 0.01) * 0.01)
    assert max(worst(found, purkinje_oracle).values()) < 1e-4
    assert found.provenance["method"] == "CVODE"


def test_purkinje_in_lockstep_is_the_reference() -> None:
    realization = realize(purkinje("wild_type").with_(duration="12 ms"))
    settings = Settings("lockstep", "exponential_euler")
    expected, found = REFERENCE.run(realization, settings), NEURON.run(realization, settings)
    np.testing.assert_array_equal(found.spikes["purkinje"].times, expected.spikes["purkinje"].times)
    assert len(expected.spikes["purkinje"]) == 1
    assert max(worst(found, expected).values()) < 1e-11


def test_occupancies_stay_in_0_to_1_and_add_to_1() -> None:
    # Implicit Euler keeps an occupancy positive; of second order nothing does, but it misses by little.
    model = purkinje("wild_type")
    states = [f"{s}_naRsg" for s in model.populations[0].model.channels[0].scheme.states]
    experiment = model.with_(
        duration="12 ms",
        records=(Record(population="purkinje", variables=[s for s in states if s != "I6_naRsg"]),),
    )
    for mode in ("raw", "aligned"):
        values = np.stack([t.values[:, 0] for t in run(experiment, mode).traces.values()])
        rest = 1 - values.sum(axis=0)
        assert min(values.min(), rest.min()) >= {"raw": 0.0, "aligned": -1e-9}[mode]
        assert max(values.max(), rest.max()) <= 1.0


# A tree


@pytest.mark.parametrize(("mode", "order"), [("raw", 1), ("aligned", 2)])
def test_tree_converges_to_the_oracle(tree_cell, mode: str, order: int) -> None:
    expected = ORACLE.run(realize(tree(tree_cell, "0.1 ms")), Settings("aligned"))
    assert len(expected.spikes["cell"]) == 2
    coarse, fine = (
        worst(run(tree(tree_cell, dt), mode), expected) for dt in ("0.02 ms", "0.01 ms")
    )
    assert set(coarse) == set(TREE_STATES)
    # NEURON gives a pool the current of half a step before, and the rates of cap jump: order 1 for them.
    smooth = [n for n in TREE_STATES if n.startswith(("v_", "n_", "p_")) or order == 1]
    for name in TREE_STATES:
        if name in smooth:
            assert np.log2(coarse[name] / fine[name]) == pytest.approx(order, abs=0.5), name
        assert fine[name] < {1: 0.03, 2: 0.005}[order], name


def test_tree_with_cvode_and_derivimplicit(tree_cell) -> None:
    expected = ORACLE.run(realize(tree(tree_cell, "0.1 ms")), Settings("aligned"))
    found = worst(run(tree(tree_cell, "0.1 ms"), method="cvode"), expected)
    assert max(found.values()) < 1e-4
    implicit = run(tree(tree_cell, "0.01 ms"), method="derivimplicit")
    assert implicit.provenance["method"] == "Crank-Nicolson, derivimplicit, sparse"
    assert max(worst(implicit, expected).values()) < 0.01


def test_current_of_ghk_at_0_mv_is_its_limit() -> None:
    # dv/dt = -I/C with I = P·z·F·(c_in - c_out): e^-u = 1 and exprel(0) = 1.
    cell = CableCell(
        name="ghk",
        morphology=cylinder("20 um", "20 um"),
        channels=(
            Channel(name="cap", ion="ca", permeability="1e-5 cm/s"),
            Channel(name="leak", conductance="0 S/cm**2", reversal="0 mV"),
        ),
        ions=(Ion(name="ca", valence=2, inside="1 mM", outside="2 mM"),),
        v_initial="0 mV",
        spike_threshold=None,
    )
    experiment = Experiment(
        name="ghk",
        populations=(Population(name="cell", model=cell, size=1),),
        records=(Record(population="cell", variables=("v",)),),
        duration="0.001 ms",
        dt="0.0001 ms",
    )
    current = 1e-5 * 1e4 / 1e3 * 2 * 96.48533212331001 * (1.0 - 2.0)  # pA/µm²
    for mode in ("raw", "aligned"):
        v = run(experiment, mode).traces["cell", "v"].values[:, 0]
        slope = -current / 0.01  # mV/ms at 0.01 pF/µm²
        assert v[-1] == pytest.approx(slope * 0.001, rel=2e-3)
        assert v[-1] > 0


# Mechanisms of NEURON's own


def test_built_in_hh_does_not_come_to_the_solution() -> None:
    expected = np.array([11.93373489, 26.85272802, 41.48853869])
    errors = []
    for dt in ("0.004 ms", "0.002 ms"):
        experiment = hh_squid.build("built_in").with_(duration="45 ms", dt=dt)
        recording = run(experiment, "raw")
        errors.append(upward(recording, "axon", 10)[2] - expected[2])
        assert {name for _, name in recording.traces} >= {"m_sodium", "n_potassium"}
    # What is left after extrapolating to dt = 0 is the table's.
    assert -0.05 < 2 * errors[1] - errors[0] < -0.02


def test_built_in_hh_is_a_convention_that_can_be_undone() -> None:
    own = hh_squid.build("built_in").with_(duration="15 ms")
    plain = run(hh_squid.build("default").with_(duration="15 ms"), "raw").traces["axon", "v"]
    undone = run(own, "raw", undone=("built_in",)).traces["axon", "v"]
    np.testing.assert_array_equal(undone.values, plain.values)
    assert np.abs(run(own, "raw").traces["axon", "v"].values - plain.values).max() > 0.1
    aligned = [run(e.with_(duration="15 ms")) for e in (own, hh_squid.build("default"))]
    np.testing.assert_array_equal(*(a.traces["axon", "v"].values for a in aligned))
