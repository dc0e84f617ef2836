"""Cable cells of NEURON in networks: receptors, delays, conventions, several populations, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from coincide.backends.neuron.backend import NeuronBackend
from coincide.backends.neuron.conventions import CONVENTIONS
from coincide.backends.oracle.backend import OracleBackend
from coincide.backends.reference import ReferenceBackend
from coincide.core.cable import CableCell
from coincide.core.discretisation import FixedSegments
from coincide.core.errors import UnsupportedError
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import OrnsteinUhlenbeckInput, StepInput
from coincide.core.morphology import ball_and_stick
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population, SpikeTrains
from coincide.core.projections import AllToAll, OneToOne, Projection
from coincide.core.realize import realize
from coincide.core.receptors import (
    AlphaCurrent,
    CustomReceptor,
    Delta,
    DoubleExponentialConductance,
    ExponentialConductance,
)
from coincide.core.settings import Settings
from coincide.models import hh_squid
from coincide.models.tables import read_table

pytest.importorskip("neuron", reason="NEURON is not installed: pip install 'coincide[neuron]'")
NEURON, ORACLE, REFERENCE = NeuronBackend(), OracleBackend(), ReferenceBackend()
TABLE = read_table("hh_squid")
BALL = CableCell(
    name="ball",
    morphology=ball_and_stick("20 um", "200 um", "2 um"),
    discretisation=FixedSegments(segments=2),
    channels=(*hh_squid.squid_channels(TABLE), hh_squid.leak(TABLE)),
    ions=hh_squid.squid_ions(TABLE),
    spike_threshold="0 mV",
    spike_at="soma(0.5)",
)
LIF = NeuronModel(
    name="LIF",
    equations="""
    dv/dt = (E_L - v + R*I)/tau : mV (unless refractory)
    I : pA (input)
    E_L : mV
    R : GOhm
    tau : ms
    t_ref : ms""",
    threshold="v > -50*mV",
    reset="v = E_L",
    refractory="t_ref",
    parameters={"tau": "20 ms", "E_L": "-65 mV", "R": "0.08 GOhm", "t_ref": "2 ms"},
    initial={"v": "E_L"},
)
RECEPTORS = {
    "ampa": ExponentialConductance(tau="2 ms", reversal="0 mV", port="dend(0.75)"),
    "gaba": DoubleExponentialConductance(
        tau_rise="0.5 ms", tau_decay="6 ms", reversal="-75 mV", port="soma(1)"
    ),
    "alpha": AlphaCurrent(tau="3 ms", port="soma(0)"),
    # What an arrival does depends on v at the receptor's place.
    "own": CustomReceptor(
        equations="dx/dt = -x/tau : 1\ndy/dt = -y/tau : 1\ntau : ms\ncurrent = 10*pA*x : pA",
        on_pre="x += (1 - 0.005*v/mV)*w; y += w*v/mV",
        current="current",
        parameters={"tau": "7 ms"},
        port="dend(1)",
    ),
}
WEIGHTS = {"ampa": "2 nS", "gaba": "1 nS", "alpha": "20 pA", "own": "2"}
STATES = (
    "g_ampa",
    "rise_gaba",
    "decay_gaba",
    "a_alpha",
    "current_alpha",
    "x_own",
    "y_own",
    "v_dend_1",
)


def driven(**changes) -> Experiment:
    """Two cells with every receptor, driven by given spikes, of which some coincide."""
    whole = {
        "name": "driven",
        "populations": (
            Population(name="cell", model=BALL, size=2, receptors=RECEPTORS),
            SpikeTrains(name="given", times=((0.0, 2.0, 2.0, 4.02), (2.0, 7.0))),
        ),
        "projections": tuple(
            Projection(
                name=f"to_{r}",
                source="given",
                target="cell",
                receptor=r,
                rule=AllToAll(),
                weight=WEIGHTS[r],
                delay="1.12 ms",
            )
            for r in RECEPTORS
        ),
        "records": (Record(population="cell", variables=STATES),),
        "duration": "10 ms",
        "dt": "0.05 ms",
    }
    return Experiment(**{**whole, **changes})


def run(experiment: Experiment, mode: str = "aligned", **settings):
    return NEURON.run(realize(experiment), Settings(mode, **settings))


def refusal(experiment: Experiment, mode: str = "aligned", **settings) -> str:
    with pytest.raises(UnsupportedError) as caught:
        run(experiment, mode, **settings)
    return str(caught.value)


def test_receptors_on_a_dendrite_are_the_reference() -> None:
    # Decays are exact in both, so that all of it is delivery: order, weights, delays, samples.
    expected = REFERENCE.run(realize(driven()), Settings("lockstep"))
    found = run(driven())
    for name in ("g_ampa", "rise_gaba", "decay_gaba", "a_alpha", "x_own", "current_alpha"):
        trace, other = expected.traces["cell", name].values, found.traces["cell", name].values
        # Of alpha's two equations cnexp solves one after the other; x_own takes v, which the two integrate
        # otherwise.
        limit = 0.03 if name in ("current_alpha", "x_own") else 1e-11
        assert np.abs(other - trace).max() < limit * np.ptp(trace), name


def test_an_arrival_sees_v_of_its_instant() -> None:
    traces = run(driven()).traces
    y, v = (traces["cell", name].values[:, 0] for name in ("y_own", "v_dend_1"))
    first = np.flatnonzero(y)[0]
    assert first == 22
    assert y[first] == pytest.approx(2.0 * v[first], rel=1e-12)
    assert np.ptp(v) > 1  # or any v would do


def test_receptors_with_cvode_are_the_reference_at_the_samples() -> None:
    some = {n: r for n, r in RECEPTORS.items() if n in {"ampa", "gaba"}}
    experiment = driven()
    experiment = driven(
        populations=(
            Population(name="cell", model=BALL, size=2, receptors=some),
            experiment.populations[1],
        ),
        projections=tuple(p for p in experiment.projections if p.receptor in some),
        records=(Record(population="cell", variables=("g_ampa", "rise_gaba")),),
    )
    expected = REFERENCE.run(realize(experiment), Settings("lockstep"))
    found = run(experiment, method="cvode")
    for key, trace in expected.traces.items():
        assert np.abs(found.traces[key].values - trace.values).max() < 1e-6 * np.ptp(trace.values)
    assert "at the instant" in " ".join(found.notes)


def circuit(**changes) -> Experiment:
    """Given spikes make a cable cell fire, which makes a point neuron and another cable cell fire."""
    excitation = {"ampa": ExponentialConductance(tau="2 ms", reversal="0 mV", port="dend(0.75)")}
    point = {"ampa": ExponentialConductance(tau="2 ms", reversal="0 mV")}
    kick = {"size": 1, "receptors": excitation}

    def connect(source: str, target: str, weight: str, delay: str) -> Projection:
        return Projection(
            source=source,
            target=target,
            receptor="ampa",
            rule=OneToOne(),
            weight=weight,
            delay=delay,
        )

    whole = {
        "name": "circuit",
        "populations": (
            Population(name="first", model=BALL, **kick),
            Population(
                name="second", model=BALL, parameters={"conductance_leak": "0.0004 S/cm**2"}, **kick
            ),
            Population(name="point", model=LIF, size=1, receptors=point),
            SpikeTrains(name="given", times=((1.0,),)),
        ),
        "projections": (
            connect("given", "first", "60 nS", "0.5 ms"),
            connect("first", "point", "60 nS", "0.7 ms"),
            connect("point", "second", "60 nS", "0.05 ms"),
            connect("second", "first", "0.1 nS", "0.05 ms"),
        ),
        "records": tuple(
            Record(population=name, variables=("g_ampa",)) for name in ("first", "second", "point")
        ),
        "duration": "15 ms",
        "dt": "0.05 ms",
    }
    return Experiment(**{**whole, **changes})


@pytest.mark.parametrize("mode", ["raw", "aligned"])
def test_spikes_of_cable_cells_and_point_neurons_arrive_after_their_delays(mode: str) -> None:
    found = run(circuit(), mode)
    # A sample of raw is taken before the arrivals of its instant.
    late = 1 if mode == "raw" else 0
    for source, target, steps in (("first", "point", 14), ("point", "second", 1)):
        spike = round(found.spikes[source].times[0] / 0.05)
        g = found.traces[target, "g_ampa"].values[:, 0]
        assert np.flatnonzero(g)[0] == spike + steps + late
    spike = round(found.spikes["second"].times[0] / 0.05) + 1 + late
    g = found.traces["first", "g_ampa"].values[:, 0]
    decay = np.exp(-0.05 / 2)
    # In raw the step after an arrival has decayed already.
    assert g[spike] - g[spike - 1] * decay == pytest.approx(0.1 * (decay if late else 1), rel=1e-9)


def test_mixed_network_comes_to_the_oracle_as_dt_falls() -> None:
    names = ("first", "point", "second")
    exact = ORACLE.run(realize(circuit()), Settings("aligned"))
    for dt in ("0.05 ms", "0.0125 ms"):
        found = run(circuit(dt=dt))
        for name in names:
            assert len(found.spikes[name]) == len(exact.spikes[name]) > 0, name
            difference = found.spikes[name].times[0] - exact.spikes[name].times[0]
            assert abs(difference) < 3 * float(dt.split()[0]), name


def test_a_crossing_needs_to_be_below_first() -> None:
    above = {"v_soma_0": "10 mV", "v_soma_1": "10 mV"}
    experiment = Experiment(
        name="above",
        populations=(Population(name="cell", model=BALL, size=1, initial=above),),
        duration="1 ms",
        dt="0.05 ms",
    )
    assert len(run(experiment).spikes["cell"]) == 0
    # NEURON's own NetCon takes the beginning for a crossing.
    assert run(experiment, "raw").spikes["cell"].times == pytest.approx([0.0], abs=1e-9)
    assert len(run(experiment, "raw", undone=("threshold_test",)).spikes["cell"]) == 0
    assert "begins above threshold" in refusal(experiment, method="cvode")


def test_played_inputs_are_those_of_the_reference() -> None:
    # A passive cell in small steps: the current in every step decides v.
    passive = CableCell(
        name="passive",
        morphology=BALL.morphology,
        channels=(hh_squid.leak(TABLE),),
        spike_threshold=None,
    )
    experiment = Experiment(
        name="played",
        populations=(Population(name="cell", model=passive, size=3),),
        inputs=(
            OrnsteinUhlenbeckInput(
                name="noise",
                population="cell",
                port="dend(1)",
                mean="0 pA",
                std="50 pA",
                tau="2 ms",
                interval="0.2 ms",
                cells=(0, 1),
            ),
            StepInput(
                name="step",
                population="cell",
                port="soma(0)",
                amplitude="100 pA",
                start="1 ms",
                stop="2.05 ms",
            ),
        ),
        records=(Record(population="cell", variables=("v_soma", "v_dend")),),
        duration="5 ms",
        dt="0.01 ms",
    )
    expected = REFERENCE.run(realize(experiment), Settings("lockstep", "rk4"))
    for mode, limit in (("aligned", 2e-4), ("raw", 5e-3)):
        found = run(experiment, mode)
        for key, trace in expected.traces.items():
            difference = np.abs(found.traces[key].values - trace.values).max()
            assert 0 < difference < limit * np.ptp(trace.values)


# Conventions


def test_all_conventions_undone_in_raw_is_aligned() -> None:
    expected = run(driven())
    found = run(driven(), "raw", undone=tuple(c.name for c in CONVENTIONS))
    np.testing.assert_array_equal(found.spikes["cell"].times, expected.spikes["cell"].times)
    for key, trace in expected.traces.items():
        np.testing.assert_allclose(found.traces[key].values, trace.values, atol=1e-12)


@pytest.mark.parametrize("name", [c.name for c in CONVENTIONS])
def test_each_convention_can_be_undone_alone(name: str) -> None:
    raw, undone = run(driven(), "raw"), run(driven(), "raw", undone=(name,))
    same = all(np.array_equal(t.values, undone.traces[k].values) for k, t in raw.traces.items())
    # Refractoriness there is none, nor a mechanism of NEURON's own; nothing spikes near the end. What an
    # arrival does to a receptor on a tree never depends on what another did, so that no order shows.
    without = {"refractory_rounding", "refractory_count", "built_in", "threshold_test"}
    assert same == (name in without | {"delivery_order"})


# What is refused


def test_kicks_of_v_are_refused() -> None:
    kicked = Population(
        name="cell", model=BALL, size=1, receptors={"kick": Delta(target="v_soma_0")}
    )
    experiment = Experiment(
        name="kicked",
        populations=(kicked, SpikeTrains(name="given", times=((1.0,),))),
        projections=(
            Projection(
                source="given",
                target="cell",
                receptor="kick",
                rule=AllToAll(),
                weight="1 mV",
                delay="1 ms",
            ),
        ),
        duration="2 ms",
        dt="0.05 ms",
    )
    assert "cell.kick changes v_soma_0" in refusal(experiment)


def test_receptors_that_use_another_compartment_are_refused() -> None:
    receptor = CustomReceptor(
        equations="dx/dt = -x/tau : 1\ntau : ms\ncurrent = x*1*nS*(0*mV - v_dend_1) : pA",
        on_pre="x += w",
        current="current",
        parameters={"tau": "7 ms"},
        port="soma(0)",
    )
    populations = (
        Population(name="cell", model=BALL, size=1, receptors={"far": receptor}),
        SpikeTrains(name="given", times=((1.0,),)),
    )
    experiment = Experiment(name="far", populations=populations, duration="2 ms", dt="0.05 ms")
    assert "cell.far uses v_dend_1" in refusal(experiment)


def test_areas_that_are_not_the_morphologys_are_refused() -> None:
    population = Population(
        name="cell", model=BALL, size=1, parameters={"membrane_area_dend_1": "1 um**2"}
    )
    experiment = Experiment(name="area", populations=(population,), duration="2 ms", dt="0.05 ms")
    assert "cell.membrane_area_dend_1 is 1 um**2, but the morphology says" in refusal(experiment)


def test_cvode_is_refused_for_point_neurons_and_arrivals_that_look_at_the_state() -> None:
    assert "point is of point neurons" in refusal(circuit(), method="cvode")
    assert "cell.own: what an arrival does depends on the state" in refusal(
        driven(), method="cvode"
    )
    with pytest.raises(UnsupportedError, match="no method 'cvode' in raw mode"):
        run(driven(), "raw", method="cvode")
