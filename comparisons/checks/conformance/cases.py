"""The cases of the conformance suite: small experiments, each about one thing a backend has to get right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ....core.experiment import Experiment, Record
from ....core.inputs import (
    ConstantInput,
    OrnsteinUhlenbeckInput,
    RampInput,
    SineInput,
    StepInput,
    TimeSeriesInput,
    WhiteNoiseInput,
)
from ....core.neurons import NeuronModel
from ....core.plasticity import TsodyksMarkram
from ....core.populations import PoissonSource, Population, SpikeTrains
from ....core.projections import (
    AllToAll,
    Explicit,
    FixedInDegree,
    FixedProbability,
    OneToOne,
    Projection,
)
from ....core.receptors import (
    NMDA,
    AlphaConductance,
    AlphaCurrent,
    CustomReceptor,
    Delta,
    DoubleExponentialConductance,
    ExponentialConductance,
    ExponentialCurrent,
)
from ....core.values import Array, Normal, Uniform
from .membranes import membrane, tree
from .steps import whole_steps


@dataclass(frozen=True)
class Case:
    """One experiment of the suite and what it shows.

    ``methods`` are the schemes it is run in; a ``chaotic`` one can be compared with the oracle only by
    numbers of spikes. In ``steps`` the integrator does not matter: it is held against the contract itself.
    """

    name: str
    shows: str
    build: Callable[[], Experiment]
    methods: tuple[str, ...] = ("exponential_euler",)
    chaotic: bool = False
    steps: bool = False


LIF = NeuronModel(
    name="LIF",
    equations="""
        dv/dt = (E_L - v)/tau + I/C : mV (unless refractory)
        I : pA (input)
        E_L : mV
        tau : ms
        C : pF
        v_th : mV
    """,
    threshold="v > v_th",
    reset="v = E_L",
    parameters={"E_L": "-65 mV", "tau": "20 ms", "C": "250 pF", "v_th": "-50 mV"},
    initial={"v": "E_L"},
    refractory="2 ms",
)
_ALL = ("euler", "exponential_euler", "rk4")


def _model(**changes: Any) -> NeuronModel:
    return NeuronModel(**{**LIF.model_dump(), **changes})


def _experiment(name: str, **parts: Any) -> Experiment:
    defaults: dict[str, Any] = {"duration": "60 ms", "dt": "0.1 ms", "seed": 3}
    return Experiment(name=name, **{**defaults, **parts})


def _cells(size: int, model: NeuronModel = LIF, **parts: Any) -> Population:
    return Population(name="cells", model=model, size=size, **parts)


def _record(*variables: str, population: str = "cells") -> Record:
    return Record(population=population, variables=variables)


def _drive(amplitude: Any, population: str = "cells", name: str = "drive") -> ConstantInput:
    return ConstantInput(name=name, population=population, amplitude=amplitude)


def relaxation() -> Experiment:
    """Cells without a threshold that relax from different initial values."""
    equations = LIF.equations.replace(" (unless refractory)", "")
    model = _model(equations=equations, threshold=None, reset="", refractory=None)
    cells = _cells(5, model, initial={"v": Array([-90.0, -70.0, -65.0, -40.0, 0.0], "mV")})
    return _experiment("relaxation", populations=[cells], records=[_record("v")])


def drive() -> Experiment:
    """Cells with different drives and no refractoriness: inter-spike intervals."""
    model = _model(refractory="0 ms")
    return _experiment(
        "drive",
        populations=[_cells(4, model)],
        inputs=[_drive(Array([150.0, 200.0, 300.0, 900.0], "pA"))],
        records=[_record("v")],
    )


def refractoriness() -> Experiment:
    """The same with 2 ms of refractoriness, and parameters of their own."""
    cells = _cells(4, parameters={"tau": Array([5.0, 10.0, 20.0, 40.0], "ms")})
    return _experiment(
        "refractoriness", populations=[cells], inputs=[_drive("700 pA")], records=[_record("v")]
    )


def refractoriness_per_cell() -> Experiment:
    """A refractory period that is a parameter of every cell, zero in one."""
    model = _model(equations=LIF.equations + "\nt_ref : ms", refractory="t_ref")
    cells = _cells(4, model, parameters={"t_ref": Array([0.0, 0.5, 2.0, 7.5], "ms")})
    return _experiment(
        "refractoriness_per_cell",
        populations=[cells],
        inputs=[_drive("900 pA")],
        records=[_record("v")],
    )


def adaptation() -> Experiment:
    """Izhikevich cells: a quadratic equation, two variables, a reset of two statements."""
    model = NeuronModel(
        name="Izhikevich",
        equations="""
            dv/dt = (0.04/mV*v**2 + 5*v + 140*mV - u + I)/ms : mV
            du/dt = a*(b*v - u) : mV
            I : mV (input)
            a : 1/ms
            b : 1
            c : mV
            d : mV
        """,
        threshold="v >= 30*mV",
        reset="v = c; u += d",
        parameters={"a": "0.02 1/ms", "b": "0.2", "c": "-65 mV", "d": "8 mV"},
        initial={"v": "-65 mV", "u": "b*v"},
        source="Izhikevich 2003, IEEE Trans. Neural Networks 14:1569",
    )
    cells = _cells(
        3,
        model,
        parameters={
            "a": Array([0.02, 0.02, 0.1], "1/ms"),
            "c": Array([-65.0, -50.0, -65.0], "mV"),
            "d": Array([8.0, 2.0, 2.0], "mV"),
        },
    )
    return _experiment(
        "adaptation",
        populations=[cells],
        inputs=[_drive("10 mV")],
        records=[_record("v", "u")],
        dt="0.05 ms",
        duration="100 ms",
    )


def crossing() -> Experiment:
    """FitzHugh-Nagumo cells without reset: a spike is the step at which v > 1 becomes true."""
    model = NeuronModel(
        name="FitzHughNagumo",
        equations="""
            dv/dt = (v - v**3/3 - r + I)/tau : 1
            dr/dt = 0.08*(v + 0.7 - 0.8*r)/tau : 1
            I : 1 (input)
            tau : ms
        """,
        threshold="v > 1",
        parameters={"tau": "0.5 ms"},
        initial={"v": "-1.2", "r": "-0.6"},
        source="FitzHugh 1961, Biophys. J. 1:445",
    )
    cells = _cells(3, model, initial={"v": Array([-1.2, 0.5, 1.5])})
    return _experiment(
        "crossing",
        populations=[cells],
        inputs=[_drive(Array([0.5, 0.8, 0.2]))],
        records=[_record("v", "r")],
        dt="0.05 ms",
        duration="80 ms",
    )


_TRAIN = ((5.0, 12.0, 12.5, 30.0),)


def receptors() -> Experiment:
    """Every kind of receptor on one cell, each reached by the same train over its own delay."""
    cells = _cells(
        2,
        receptors={
            "kick": Delta(),
            "expcur": ExponentialCurrent(tau="5 ms"),
            "alphacur": AlphaCurrent(tau="3 ms"),
            "ampa": ExponentialConductance(tau="4 ms", reversal="0 mV"),
            "alpha": AlphaConductance(tau="2 ms", reversal="0 mV"),
            "gaba": DoubleExponentialConductance(
                tau_rise="1 ms", tau_decay="8 ms", reversal="-80 mV"
            ),
            "nmda": NMDA(tau="50 ms"),
            "own": CustomReceptor(
                equations="dx/dt = -x/tau_x : 1\nleak = k*x*(E_L - v) : pA\ntau_x : ms\nk : nS",
                on_pre="x += 0.5*w",
                current="leak",
                parameters={"tau_x": "6 ms", "k": "2 nS"},
            ),
        },
    )
    weights = {
        "kick": "2 mV",
        "expcur": "60 pA",
        "alphacur": "40 pA",
        "ampa": "2 nS",
        "alpha": "3 nS",
        "gaba": "4 nS",
        "nmda": "1 nS",
        "own": "1.5",
    }
    projections = [
        Projection(
            source="train",
            target="cells",
            receptor=name,
            rule=AllToAll(),
            weight=weight,
            delay=f"{1 + k * 0.7:.1f} ms",
        )
        for k, (name, weight) in enumerate(weights.items())
    ]
    return _experiment(
        "receptors",
        populations=[cells, SpikeTrains(name="train", times=_TRAIN)],
        projections=projections,
        inputs=[_drive("150 pA")],
        records=[
            _record("v", "current_expcur", "current_alphacur", "g_nmda", "rise_gaba", "x_own")
        ],
    )


def delays() -> Experiment:
    """A chain of cells with delays from one step up, weights of their own, and a double connection."""
    cells = _cells(5, receptors={"exc": ExponentialCurrent(tau="5 ms")})
    chain = Projection(
        source="cells",
        target="cells",
        receptor="exc",
        rule=Explicit(pre=(0, 0, 1, 2, 2, 3), post=(1, 4, 2, 3, 3, 4)),
        weight=Array([500.0, 200.0, 600.0, 300.0, 400.0, 900.0], "pA"),
        delay=Array([0.1, 3.0, 1.5, 2.0, 2.0, 0.2], "ms"),
    )
    return _experiment(
        "delays",
        populations=[cells],
        projections=[chain],
        inputs=[ConstantInput(name="drive", population="cells", amplitude="500 pA", cells=(0,))],
        records=[_record("v", "current_exc")],
    )


def arrivals_in_refractoriness() -> Experiment:
    """Kicks before, during, at the end of and after refractoriness; those within are lost."""
    cells = _cells(1, receptors={"kick": Delta()})
    # The first kick makes the cell spike at 6.0; refractoriness ends at 8.0, when a cell accepts again.
    times = ((5.0, 5.5, 6.9, 7.0, 7.1, 12.0),)
    projection = Projection(
        source="train",
        target="cells",
        receptor="kick",
        rule=AllToAll(),
        weight="16 mV",
        delay="1 ms",
    )
    return _experiment(
        "arrivals_in_refractoriness",
        populations=[cells, SpikeTrains(name="train", times=times)],
        projections=[projection],
        records=[_record("v")],
        duration="20 ms",
    )


def coincident_spikes() -> Experiment:
    """Several spikes of one source in one step, and two sources that arrive together."""
    cells = _cells(
        2, receptors={"kick": Delta(), "ampa": ExponentialConductance(tau="4 ms", reversal="0 mV")}
    )
    times = ((3.0, 3.0, 3.0, 9.0), (2.0, 9.0, 9.0), ())
    projections = [
        Projection(
            source="train",
            target="cells",
            receptor=receptor,
            rule=FixedProbability(p=1.0),
            weight=weight,
            delay=delay,
        )
        for receptor, weight, delay in (("kick", "1.5 mV", "1 ms"), ("ampa", "3 nS", "2 ms"))
    ]
    return _experiment(
        "coincident_spikes",
        populations=[cells, SpikeTrains(name="train", times=times)],
        projections=projections,
        records=[_record("v", "g_ampa")],
        duration="20 ms",
    )


def inputs() -> Experiment:
    """Step, ramp, sine, time series and frozen noise, into different cells and together."""
    common: dict[str, Any] = {"population": "cells"}
    return _experiment(
        "inputs",
        populations=[_cells(6)],
        inputs=[
            StepInput(
                name="step", amplitude="500 pA", start="5 ms", stop="25 ms", cells=(0, 5), **common
            ),
            RampInput(
                name="ramp", initial="0 pA", final="600 pA", start="10 ms", stop="40 ms",
                cells=(1,), **common,
            ),
            SineInput(
                name="sine", amplitude="400 pA", frequency="40 Hz", offset="200 pA", cells=(2,),
                **common,
            ),
            TimeSeriesInput(
                name="series", values=(0, 300, 100, 500), unit="pA", interval="7.5 ms",
                cells=(3, 5), **common,
            ),
            WhiteNoiseInput(
                name="noise", mean="250 pA", std="300 pA", interval="0.5 ms", cells=(4,), **common
            ),
            OrnsteinUhlenbeckInput(
                name="ou", mean="100 pA", std="100 pA", tau="5 ms", interval="0.1 ms", shared=True,
                **common,
            ),
        ],
        records=[_record("v")],
    )  # fmt: skip


def functions() -> Experiment:
    """Every function, operator and condition of the expression language."""
    model = NeuronModel(
        name="Functions",
        equations="""
            dx/dt = (y - x)/tau : 1
            y = exp(-z) + log(2 + z) + sqrt(1 + z) + exprel(z - 1) + expm1(z)/9 + log1p(z) : 1
            z = clip(s, 0, 1.5) + abs(s)/7 + sign(s)/9 + floor(3*s)/8 + ceil(s)/11 : 1
            s = sin(theta) + cos(2*theta)**2 + tanh(theta) + tan(theta/9) + sinh(q) + cosh(q) : 1
            q = minimum(theta/20, 0.5) - maximum(-theta/30, -0.25) + int(theta > 3 and not s0)/5 : 1
            s0 = 1 if p**3 > 2 or p**-1.5 <= 0.1 else 0 : 1
            dtheta/dt = k*(1 if x < 4 else 0.5) : 1
            dp/dt = (1 if theta != 2 and theta >= 1 else -0.1)/(9*tau) : 1
            tau : ms
            k : 1/ms
        """.replace("not s0", "not s0 > 0.5"),
        parameters={"tau": "5 ms", "k": "0.2 1/ms"},
        initial={"theta": "0.1", "p": "0.9"},
    )
    cells = _cells(3, model, initial={"theta": Array([0.1, 0.7, 1.3])})
    return _experiment(
        "functions", populations=[cells], records=[_record("x", "theta", "p")], duration="40 ms"
    )


def start_above_threshold() -> Experiment:
    """Cells that begin above threshold spike at t = 0; resets and spikes go on from there."""
    cells = _cells(
        3, initial={"v": Array([-45.0, -65.0, -49.0], "mV")}, receptors={"kick": Delta()}
    )
    projection = Projection(
        source="cells",
        target="cells",
        receptor="kick",
        rule=OneToOne(),
        weight="4 mV",
        delay="3 ms",
    )
    return _experiment(
        "start_above_threshold",
        populations=[cells],
        projections=[projection],
        inputs=[_drive("400 pA")],
        records=[_record("v")],
    )


def plasticity() -> Experiment:
    """Depressing and facilitating connections of trains and cells, some with numbers of their own."""
    cells = _cells(4, receptors={"exc": ExponentialCurrent(tau="5 ms")})
    own = TsodyksMarkram(
        U=Uniform(low="0.1", high="0.6"),
        tau_rec=Uniform(low="50 ms", high="300 ms"),
        tau_facil=Uniform(low="20 ms", high="200 ms"),
    )
    delay = Uniform(low="0.3 ms", high="3 ms")
    projections = [
        Projection(
            name=name,
            source=source,
            target="cells",
            receptor="exc",
            rule=AllToAll(),
            weight=weight,
            delay=delay,
            plasticity=kind,
        )
        for name, source, weight, kind in (
            ("depressing", "train", "400 pA", TsodyksMarkram(U="0.35", tau_rec="100 ms")),
            (
                "facilitating",
                "train",
                "900 pA",
                TsodyksMarkram(U="0.05", tau_rec="80 ms", tau_facil="200 ms"),
            ),
            ("among", "cells", Uniform(low="50 pA", high="150 pA"), own),
            ("static", "cells", "-40 pA", None),
        )
    ]
    times = ((2.0, 7.0, 12.0, 12.5, 17.0, 40.0), (5.0, 9.0, 30.0))
    return _experiment(
        "plasticity",
        populations=[cells, SpikeTrains(name="train", times=times)],
        projections=projections,
        inputs=[_drive(Array([180.0, 220.0, 260.0, 300.0], "pA"))],
        records=[_record("v", "current_exc")],
    )


def network() -> Experiment:
    """Excitatory and inhibitory cells with conductances, drawn weights and delays, Poisson drive."""
    receptors: Any = {
        "ampa": ExponentialConductance(tau="5 ms", reversal="0 mV"),
        "gaba": ExponentialConductance(tau="10 ms", reversal="-80 mV"),
    }
    parameters: Any = {"v_th": Normal(mean="-50 mV", std="1 mV")}
    groups = {"exc": 32, "inh": 8}
    populations: list[Any] = [
        Population(
            name=name,
            model=LIF,
            size=size,
            receptors=receptors,
            parameters=parameters,
            initial={"v": Uniform(low="-65 mV", high="-50 mV")},
        )
        for name, size in groups.items()
    ]
    populations.append(PoissonSource(name="drive", size=40, rate="400 Hz"))
    delay = Uniform(low="0.1 ms", high="3 ms")
    projections = [
        Projection(
            source=source,
            target=target,
            receptor=receptor,
            rule=FixedInDegree(n=n),
            weight=weight,
            delay=delay,
        )
        for target in groups
        for source, receptor, n, weight in (
            ("exc", "ampa", 4, Normal(mean="3 nS", std="0.5 nS")),
            ("inh", "gaba", 3, Uniform(low="3 nS", high="9 nS")),
            ("drive", "ampa", 8, "1.2 nS"),
        )
    ]
    return _experiment(
        "network",
        populations=populations,
        projections=projections,
        duration="200 ms",
        records=[_record("v", "g_ampa", population="exc"), _record("v", population="inh")],
    )


_CASES = (
    Case("relaxation", "states without a threshold, initial values", relaxation, _ALL),
    Case("drive", "threshold and reset without refractoriness", drive, _ALL),
    Case(
        "refractoriness",
        "round(t_ref/dt) steps of refractoriness, parameters per cell",
        refractoriness,
    ),
    Case("refractoriness_per_cell", "a refractory period for each cell", refractoriness_per_cell),
    Case("adaptation", "a non-linear equation, a reset of two statements", adaptation, _ALL),
    Case("crossing", "spikes as upward crossings", crossing, _ALL),
    Case("receptors", "every kind of receptor", receptors, _ALL),
    Case("delays", "delays from one step up, weights per connection, multapses", delays),
    Case(
        "arrivals_in_refractoriness",
        "what arrives while a cell is refractory",
        arrivals_in_refractoriness,
    ),
    Case("coincident_spikes", "several arrivals at one instant add", coincident_spikes),
    Case("inputs", "inputs held over each step", inputs),
    Case("functions", "every function of the expression language", functions, _ALL),
    Case("start_above_threshold", "what happens at t = 0", start_above_threshold),
    Case("plasticity", "depression and facilitation of connections", plasticity),
    Case(
        "whole_steps",
        "stamps, delays and refractoriness of whole steps",
        whole_steps,
        _ALL,
        steps=True,
    ),
    Case("network", "a recurrent network with drawn numbers", network, _ALL, chaotic=True),
    Case("membrane", "channels, a Markov scheme, a calcium pool", membrane, _ALL),
    Case("tree", "compartments, places, densities by region", tree),
)
CASES: Mapping[str, Case] = MappingProxyType({case.name: case for case in _CASES})
"""Every case by name."""
