"""Conditions that are numbers in part, resets that copy, groups that differ in what is one number for all."""

import runpy

import numpy as np
import pytest

from coincide.backends.registry import load_backend
from coincide.comparisons.checks.bench.by_hand import SCRIPTS
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import ConstantInput
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population, SpikeTrains
from coincide.core.projections import AllToAll, FixedInDegree, Projection
from coincide.core.realize import realize
from coincide.core.receptors import CustomReceptor, ExponentialConductance
from coincide.core.settings import Settings

BACKENDS = ["reference", "brian2", "pymonntorch", pytest.param("neuron", marks=pytest.mark.slow)]
CONDITIONS = {
    "not (p < 0.5) or x <= 1.2": True,
    "p < 0.5 or x <= -1": False,
    "p > 0.5 and x > -1": True,
    "not p > 0.5": False,
    "not (not p > 0.5)": True,
    "True": True,
    "False or x > -1": True,
    "True and x > 10": False,
    "not False": True,
    "0 < p < 1": True,
    "0 < x + 0.5 <= p < 1 or x > 10": False,
    "p == p": True,
    "x != x": False,
    "int(p > 0.5) > 0.5": True,
    "not_refractory and p > 0.5": True,
    "(1 if p > 0.5 else 0) > x - 10": True,
}
"""Conditions with p = 0.7 while x goes from 0.9 to 0.9 + 4: those on x hold, or not, all the time."""


@pytest.mark.parametrize("mode", ["lockstep", "aligned"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_condition_may_be_constant_in_part(backend: str, mode: str) -> None:
    lines = ["dx/dt = 0/ms : 1", "p : 1"]
    for k, condition in enumerate(CONDITIONS):
        lines += [
            f"da{k}/dt = (1 if {condition} else 0)/ms : 1",
            f"db{k}/dt = int({condition})/ms : 1",
        ]
    # In a threshold and in a reset too.
    lines.append("dq/dt = 1/ms : 1")
    reset = "; ".join(f"a{k} = a{k} + 10*int({c})" for k, c in enumerate(CONDITIONS))
    model = NeuronModel(
        name="M",
        equations="\n".join(lines),
        threshold="q > 1.9 and (p < 0.5 or not p < 0.5)",
        reset=f"q = -100; {reset}",
        parameters={"p": "0.7"},
        initial={"x": "0.9"},
    )
    states = tuple(f"{letter}{k}" for letter in "ab" for k in range(len(CONDITIONS)))
    experiment = Experiment(
        name="conditions",
        populations=(Population(name="p", model=model, size=2),),
        records=(Record(population="p", variables=states),),
        duration="3 ms",
        dt="0.5 ms",
    )
    recording = load_backend(backend).run(
        realize(experiment), Settings(mode=mode, method="euler" if mode == "lockstep" else None)
    )
    for k, (condition, holds) in enumerate(CONDITIONS.items()):
        rate = recording.traces["p", f"b{k}"].values[-1]
        np.testing.assert_allclose(rate, 3.0 * holds, atol=1e-12, err_msg=condition)
        reset_too = recording.traces["p", f"a{k}"].values[-1]
        np.testing.assert_allclose(reset_too, 13.0 * holds, atol=1e-12, err_msg=condition)


def test_what_cancels_in_a_reset_is_still_read() -> None:
    """Brian2 looks for a factor of `out` by algebra, in which x1 <= x1 is no condition any more."""
    model = NeuronModel(
        name="M",
        equations="dx1/dt = (I - x1)/(10*ms) : 1\ndout/dt = 1/ms : 1\nI : 1 (input)",
        threshold="out > 1",
        reset="out = int(x1 <= x1)*out; out -= 1",
    )
    own = CustomReceptor(
        equations="dy/dt = -y/(5*ms) : 1\nflow = y*x1 : 1", on_pre="y += w", current="flow"
    )
    experiment = Experiment(
        name="x",
        populations=(
            Population(name="c", model=model, size=2, receptors={"r": own}),
            SpikeTrains(name="s", times=[[1.0]]),
        ),
        projections=(
            Projection(
                source="s", target="c", receptor="r", rule=AllToAll(), weight="1", delay="1 ms"
            ),
        ),
        records=(Record(population="c", variables=("out",)),),
        duration="5 ms",
    )
    for mode in ("raw", "aligned", "lockstep"):
        recording = load_backend("brian2").run(realize(experiment), Settings(mode=mode))
        assert recording.spikes["c"].times.size in (6, 8), mode


def copying(reset: str = "v = 0; r = x; x *= 0.5") -> Experiment:
    model = NeuronModel(
        name="M",
        equations="dv/dt = 1/ms : 1\ndx/dt = 0/ms : 1\ndr/dt = 0/ms : 1\ny = x : 1",
        threshold="v > 1",
        reset=reset,
        initial={"x": "1"},
    )
    return Experiment(
        name="x",
        populations=[Population(name="c", model=model, size=3)],
        records=[Record(population="c", variables=["r", "x"])],
        duration="1.5 ms",
    )


RESETS = {
    "v = 0; r = x; x *= 0.5": (1.0, 0.5),
    "v = 0; r = x; r *= 0.5": (0.5, 1.0),
    "v = 0; r = (x); x += 1; r = r + 1": (2.0, 2.0),
    "v = 0; r = +x; x *= 0.5": (1.0, 0.5),
    "v = 0; r = y; x *= 0.5": (1.0, 0.5),
    "v = 0; x *= 0.5; r = y": (0.5, 0.5),
    "v = 0; r = x; x = 2*x + r": (1.0, 3.0),
}


@pytest.mark.parametrize("mode", ["lockstep", "aligned"])
@pytest.mark.parametrize(
    ("backend", "target"),
    [
        ("reference", None),
        ("brian2", "numpy"),
        ("pymonntorch", None),
        pytest.param("brian2", "cython", marks=pytest.mark.slow),
        pytest.param("neuron", None, marks=pytest.mark.slow),
    ],
)
def test_a_copy_in_a_reset_is_a_value(backend: str, target: str | None, mode: str) -> None:
    for reset, (r, x) in RESETS.items():
        settings = Settings(
            mode=mode, method="euler" if mode == "lockstep" else None, target=target
        )
        recording = load_backend(backend).run(realize(copying(reset)), settings)
        found = [recording.traces["c", name].values[-1, 0] for name in ("r", "x")]
        assert found == [r, x], reset


def test_brian2_makes_a_copy_and_its_original_one_array_in_raw_unless_that_is_undone() -> None:
    copied = runpy.run_path(str(SCRIPTS / "aliased_reset.py"))["copied"]
    assert copied("numpy") == 0.5
    realization = realize(copying())
    for undone, r in (((), 0.5), (("aliased_copies",), 1.0)):
        settings = Settings(mode="raw", target="numpy", undone=undone)
        recording = load_backend("brian2").run(realization, settings)
        assert recording.traces["c", "r"].values[-1, 0] == r


def linked() -> Experiment:
    model = NeuronModel(
        name="lif",
        equations="""
            dv/dt = (E_L - v)/tau_m + I/C : mV (unless refractory)
            I : pA (input)
            E_L : mV
            tau_m : ms
            C : pF
        """,
        threshold="v > -50*mV",
        reset="v = E_L",
        refractory="2 ms",
        parameters={"E_L": "-65 mV", "tau_m": "10 ms", "C": "100 pF"},
        initial={"v": "E_L"},
    )
    reversals = {"a": "-64 mV", "b": "-64 mV", "c": "-76 mV"}
    return Experiment(
        name="x",
        populations=[
            Population(
                name=name,
                model=model,
                size=5,
                receptors={"inh": ExponentialConductance(tau="2 ms", reversal=reversal)},
            )
            for name, reversal in reversals.items()
        ],
        projections=[
            Projection(
                source="a",
                target=target,
                receptor="inh",
                rule=FixedInDegree(n=3),
                weight="1 nS",
                delay="1 ms",
            )
            for target in ("b", "c")
        ],
        inputs=[ConstantInput(name="drive", population="a", amplitude="400 pA")],
        records=[Record(population=name, variables=("v",)) for name in reversals],
        duration="20 ms",
    )


@pytest.mark.parametrize("mode", ["aligned", "raw"])
def test_a_number_of_one_group_is_not_an_array_of_another(mode: str) -> None:
    """The source's reversal is one number, its targets' are several in one group of Brian2."""
    realization = realize(linked())
    recording = load_backend("brian2").run(realization, Settings(mode=mode))
    assert recording.spikes["a"].times.size > 10
    exact = load_backend("reference").run(realization, Settings(mode="aligned"))
    for name in ("b", "c"):
        found = recording.traces[name, "v"].values[-1]
        np.testing.assert_allclose(found, exact.traces[name, "v"].values[-1], atol=0.3)
        assert (found < -65).all() if name == "c" else (found > -65).all()
