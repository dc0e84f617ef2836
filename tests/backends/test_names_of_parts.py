"""What a model calls its parts is no business of a simulator's language."""

import keyword
from functools import cache

import numpy as np
import pytest

from coincide.backends.registry import load_backend
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import ConstantInput, StepInput
from coincide.core.names import BRIAN2, CPLUSPLUS, NMODL, check_identifier, check_variable
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population, SpikeTrains
from coincide.core.projections import AllToAll, Projection
from coincide.core.realize import realize
from coincide.core.receptors import CustomReceptor, Delta, ExponentialCurrent
from coincide.core.settings import Settings

WORDS = sorted(
    {
        *NMODL,
        *CPLUSPLUS,
        *BRIAN2,
        *keyword.kwlist,
        *keyword.softkwlist,
        # NMODL, hoc and what coincide's own mechanisms hold
        *"""hold advance pre post states scheme above was_above remaining refractory refractory_ms
        refractory_steps step_ms first_arrival coefficient0 arrived last channel tables chosen sign_of
        lesser greater clipped sample init gain column now active v i ina ik ica eca cai secondorder
        stdout nseg L Ra cm diam area access create connect proc func begintemplate endtemplate objref
        strdef print forall forsec ifsec iterator insert uninsert finitialize fadvance cvode tstop
        runStopAt table depend rates DDhold Dv Dx hold_now D DD p ppvar thread nt slist1 dlist1 """.split(),
        # C, Python, Brian2, NumPy, PyTorch, SymPy
        *"""e E I S N O Q C pi inf nan oo zoo beta gamma lambda_x zeta M K expr code rand randn spike
        spikes lastspike not_a t_spike dt_x xi_x j k1 k1_v v_1 step_v rate_v c0 c_0 value0 new_0 x_pre
        x_post x_u v_u x_t x_c count steps arrived_0 change_0 above_x idx neuron_idx array numpy np sum
        any all abs_x where where_x minimum_x div torch ns literals given compiled bind self cls type
        id len map filter object range tiny true false k0 of_v cells network print_ exec eval open
        input property None_x stim timestep t_in poisson unit second mV nS pA volt metre amp""".split(),
    }
)


def _is_refused(word: str, check) -> str:
    try:
        check(word, "here")
    except InputError as error:
        return str(error)
    return ""


@cache
def allowed() -> tuple[str, ...]:
    return tuple(word for word in WORDS if not _is_refused(word, check_variable))


def test_a_name_that_is_refused_is_answered_with_what_to_write() -> None:
    refused = [word for word in WORDS if word not in allowed()]
    assert len(allowed()) > 150
    for word in refused:
        message = _is_refused(word, check_variable)
        assert any(hint in message for hint in ("write ", "call ", "use ", "choose ")), message


def model(kind: str) -> NeuronModel:
    """A variable for every word: a state that rises by its place, or a parameter whose state does."""
    lines, parameters = [], {}
    for k, word in enumerate(allowed()):
        if kind == "states":
            lines.append(f"d{word}/dt = {k + 1}/ms : 1")
        else:
            lines.append(f"dz_{word}/dt = {word}/ms : 1\n{word} : 1")
            parameters[word] = float(k + 1)
    name = allowed()[7] if kind == "states" else f"z_{allowed()[7]}"
    return NeuronModel(
        name="words",
        equations="\n".join(lines),
        threshold=f"{name} > 1e6",
        reset=f"{name} = 0",
        parameters=parameters,
    )


BACKENDS = ["reference", "brian2", "pymonntorch", pytest.param("neuron", marks=pytest.mark.slow)]


@pytest.mark.parametrize("mode", ["lockstep", "aligned"])
@pytest.mark.parametrize("kind", ["states", "parameters"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_any_word_may_be_a_variable(backend: str, kind: str, mode: str) -> None:
    described = model(kind)
    states = tuple(v.name for v in described.variables if v.kind == "state")
    experiment = Experiment(
        name="words",
        populations=(Population(name="p", model=described, size=1),),
        records=(Record(population="p", variables=states),),
        duration="1 ms",
        dt="0.5 ms",
    )
    settings = Settings(mode=mode, method="euler")
    recording = load_backend(backend).run(realize(experiment), settings)
    found = [recording.traces["p", name].values[-1, 0] for name in states]
    np.testing.assert_allclose(found, np.arange(1, len(states) + 1), rtol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_any_word_may_be_a_receptor_or_an_input(backend: str) -> None:
    words = [word for word in allowed() if not _is_refused(word, check_identifier)][::4]
    neuron = NeuronModel(
        name="M", equations="dv/dt = I/pF : mV\ndI_v/dt = 0*pA/ms : pA\nI : pA (input)"
    )
    experiment = Experiment(
        name="words",
        populations=(
            Population(
                name="p",
                model=neuron,
                size=1,
                receptors={word: ExponentialCurrent(tau="1 ms") for word in words},
                initial={f"current_{word}": f"{k + 1} pA" for k, word in enumerate(words)},
            ),
        ),
        inputs=[
            (StepInput if k % 2 else ConstantInput)(name=word, population="p", amplitude="1 pA")
            for k, word in enumerate(words)
        ],
        records=(Record(population="p", variables=("v",)),),
        duration="1 ms",
        dt="0.5 ms",
    )
    found = load_backend(backend).run(realize(experiment), Settings(method="euler"))
    # Euler over two steps: the currents are halved in the second, the inputs are not.
    currents = sum(range(1, len(words) + 1))
    expected = 0.5 * (currents + len(words)) + 0.5 * (currents / 2 + len(words))
    assert found.traces["p", "v"].values[-1, 0] == pytest.approx(expected, rel=1e-13)


NAMES = (
    "a",
    "b",
    "a_b",
    "a_spikes",
    "a_groups",
    "b_samples_0",
    "a_stateupdater",
    "given_spikes",
    "link_0_d",
    "net",
    "tree_0",
    "a_b_spikes",
)


@pytest.mark.parametrize("backend", ["brian2", "pymonntorch", "reference"])
def test_any_word_may_be_a_population(backend: str) -> None:
    # a and b are alike, and so one group of Brian2, which must not be called as that of a_b.
    rates = {name: 1 if name in ("a", "b") else k + 1 for k, name in enumerate(NAMES)}
    experiment = Experiment(
        name="names",
        populations=[
            Population(
                name=name, size=2, receptors={"d": Delta()},
                model=NeuronModel(name="M", equations=f"dv/dt = {rate}*mV/ms : mV", threshold="v > 1e3*mV",
                                  reset="v = 0*mV"),
            )
            for name, rate in rates.items()
        ] + [SpikeTrains(name="cells", times=[[0.5]])],
        projections=[Projection(source="cells", target="a_b", receptor="d", rule=AllToAll(), weight="100 mV",
                                delay="0.5 ms")],
        records=[Record(population=name, variables=("v",)) for name in NAMES], duration="2 ms", dt="0.5 ms",
    )  # fmt: skip
    found = load_backend(backend).run(realize(experiment), Settings(method="euler"))
    ends = {name: found.traces[name, "v"].values[-1, 0] for name in NAMES}
    assert ends == {n: 2.0 * rate + (100.0 if n == "a_b" else 0.0) for n, rate in rates.items()}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mode", ["lockstep", "aligned", "raw"])
def test_a_kick_reaches_what_it_names(backend: str, mode: str) -> None:
    """A receptor d on v beside a state v_d, and one whose own g would be called as the neuron's g_e."""
    neuron = NeuronModel(
        name="M",
        equations="dv/dt = I/pF : mV\ndv_d/dt = 0*mV/ms : mV\ndg_e/dt = 0/ms : 1\nI : pA (input)",
    )
    own = CustomReceptor(
        equations="dg/dt = 0/ms : 1\nflow = g*pA : pA", on_pre="g += w", current="flow"
    )
    experiment = Experiment(
        name="kick",
        populations=(
            Population(
                name="p", model=neuron, size=1, receptors={"d": Delta(target="v"), "e": own}
            ),
            SpikeTrains(name="s", times=[[1.0]]),
        ),
        projections=[
            Projection(source="s", target="p", receptor=r, rule=AllToAll(), weight=w, delay="1 ms")
            for r, w in (("d", "1 mV"), ("e", "2"))
        ],
        records=[Record(population="p", variables=("v", "v_d", "g_e", "g__e"))],
        duration="4 ms",
    )
    method = "euler" if mode == "lockstep" else None
    traces = (
        load_backend(backend).run(realize(experiment), Settings(mode=mode, method=method)).traces
    )
    ends = {n: traces["p", n].values[-1, 0] for n in ("v_d", "g_e", "g__e")}
    assert ends == {"v_d": 0.0, "g_e": 0.0, "g__e": 2.0}
    # From 2 to 4 ms at 2 mV/ms; in raw Brian2 begins a step later and its last sample is a step earlier.
    assert 4.5 < traces["p", "v"].values[-1, 0] < 5.3
