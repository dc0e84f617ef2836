"""The faults of github.com/techzzt/Basal-ganglia-neuron-models, each as a small experiment that shows it.

Every fault has two arms that differ in nothing else: as written, and corrected. All arms with one time
step are populations of one experiment, so that all faults together are two runs on a simulator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from ...core.experiment import Experiment
from ...core.inputs import ConstantInput
from ...core.plasticity import TsodyksMarkram
from ...core.populations import PoissonSource, Population, SpikeTrains
from ...core.projections import FixedInDegree, FixedProbability, OneToOne, Projection
from ...core.receptors import ExponentialConductance
from ...core.units import Quantity
from ...core.values import Normal, TruncatedNormal
from .cells import read_cell

Side = Literal["as_written", "corrected"]
SIDES: tuple[Side, Side] = ("as_written", "corrected")
DURATION_MS = 2000.0
START_MS = 1000.0
"""From when on rates are counted, to the end."""
CELLS = 20
_SEED = 20161


@dataclass(frozen=True)
class Arm:
    """One side of a fault: a population, what drives it, the time step; names get a prefix later."""

    cells: Population
    current: str
    sources: tuple[PoissonSource | SpikeTrains, ...] = ()
    projections: tuple[Projection, ...] = ()
    dt_ms: float = 0.1


@dataclass(frozen=True)
class Fault:
    """One fault: what is written, what is meant, and an experiment for each.

    ``cycle_hz`` is that of a drive whose rhythm is the point: how deep the rate follows it is measured too.
    """

    name: str
    cell: str
    as_written: str
    corrected: str
    experiment: str
    arms: tuple[Arm, Arm] = field(repr=False)
    cycle_hz: float | None = None

    def population(self, side: Side) -> str:
        """The name of the measured population of a side."""
        return f"{self.name}_{side}"

    def arm(self, side: Side) -> Arm:
        """The arm of a side."""
        return self.arms[SIDES.index(side)]


def _cells(
    cell: str, parameters: str, size: int, receptors: dict[str, Any] | None = None, **changed: Any
) -> Population:
    """Cells of a set, driven cells with a receptor; *changed* are parameters."""
    found = read_cell(cell, parameters)
    return Population(
        name="cells", model=found.model(), size=size, receptors=receptors or {}, parameters=changed
    )


def _driven(
    cell: str,
    current: str,
    source: PoissonSource | SpikeTrains,
    rule: Any,
    weight: str,
    tau: str,
    reversal: str,
    *,
    dt_ms: float = 0.1,
    size: int = CELLS,
    changed: Mapping[str, Any] = MappingProxyType({}),
    **how: Any,
) -> Arm:
    receptor = ExponentialConductance(tau=tau, reversal=reversal)
    return Arm(
        _cells(cell, "lindahl2016", size, {"syn": receptor}, **changed),
        current,
        (source,),
        (
            Projection(
                source="source",
                target="cells",
                receptor="syn",
                rule=rule,
                weight=weight,
                delay="1 ms",
                **how,
            ),
        ),
        dt_ms,
    )


def _poisson(rate: float, size: int = CELLS, **how: Any) -> PoissonSource:
    return PoissonSource(name="source", size=size, rate=f"{rate} Hz", **how)


def _trains(rate: float, lost_ms: float) -> SpikeTrains:
    """Poisson trains from which spikes within *lost_ms* of the last one kept are dropped."""
    rng = np.random.default_rng(_SEED)
    trains = []
    for _ in range(CELLS):
        times = np.cumsum(rng.exponential(1000.0 / rate, round(3 * rate * DURATION_MS / 1000)))
        kept, last = [], -np.inf
        for time in times[times < DURATION_MS].tolist():
            if time - last >= lost_ms:
                kept.append(time)
                last = time
        trains.append(tuple(kept))
    return SpikeTrains(name="source", times=tuple(trains))


def _one(cell: str, parameters: str, current: str, **changed: Any) -> Arm:
    return Arm(_cells(cell, parameters, 1, **changed), current)


def faults() -> tuple[Fault, ...]:
    """The faults, in the order in which one meets them."""
    one_to_one = OneToOne()
    sixteen, some, few = FixedInDegree(n=16), FixedProbability(p=0.00042), FixedInDegree(n=3)
    right, many = FixedProbability(p=16 / 1599), FixedInDegree(n=25)
    fsns, every_fsn, tis = _poisson(15, 200), _poisson(15, 1599), _poisson(30, 200)
    stronger = f"{0.25 * (1 + 1.154 * 0.8)} nS"
    fs, ctx = "11 ms", "12 ms"
    spread: dict[str, Any] = {
        "C": TruncatedNormal(mean=Quantity(40, "pF"), std=Quantity(8, "pF"), low=Quantity(8, "pF")),
        "v_t": Normal(mean=Quantity(-54.7, "mV"), std=Quantity(1, "mV")),
    }
    square: dict[str, Any] = {"profile": (0.82, 1.18), "interval": "25 ms", "repeat": True}
    bursts = _poisson(60, 200, profile=(1.0, 0.0), interval="250 ms", repeat=True)
    bursting, many_tis = "250 of every 500 ms under 30 TI", FixedInDegree(n=30)
    depressing = TsodyksMarkram(U=0.196, tau_rec="969 ms")
    return (
        Fault(
            "time_constant", "msn_d1",
            "a = 0.01 s and the equation has 1/a: 10 ms", "a = 0.01/ms: 100 ms",
            "one MSN D1 at 300 pA",
            (_one("msn_d1", "as_written", "300 pA"), _one("msn_d1", "lindahl2016", "300 pA")),
        ),
        Fault(
            "fsn_recovery", "fsn",
            "u grows below v_b, and with 200 ms", "u grows above v_b, with 5 ms",
            "one FSN at 200 pA",
            (_one("fsn", "as_written", "200 pA"), _one("fsn", "lindahl2016", "200 pA")),
        ),
        Fault(
            "last_connection_wins", "msn_d1",
            "every GABA synapse decays with the last one's 87 ms (TA)", "FSN's decays with 11 ms",
            "MSN D1 at 500 pA under 16 FSN of 15 Hz, 6 nS",
            (
                _driven("msn_d1", "500 pA", fsns, sixteen, "6 nS", "87 ms", "-74 mV"),
                _driven("msn_d1", "500 pA", fsns, sixteen, "6 nS", fs, "-74 mV"),
            ),
        ),
        Fault(
            "wrong_population", "msn_d1",
            "p = 16/37,971 of 1,599 FSN: 0.67 inputs", "p = 16/1,599: 16 inputs",
            "MSN D1 at 500 pA under FSN of 15 Hz, 6 nS",
            (
                _driven("msn_d1", "500 pA", every_fsn, some, "6 nS", fs, "-74 mV"),
                _driven("msn_d1", "500 pA", every_fsn, right, "6 nS", fs, "-74 mV"),
            ),
        ),
        Fault(
            "dopamine_sign", "stn",
            "depletion weakens CTX to STN: 0.64", "it strengthens it: 1 + 1.154·0.8 = 1.92",
            "STN at 6 pA under cortex of 170 Hz, 0.25 nS, α = 0",
            (
                _driven("stn", "6 pA", _poisson(170), one_to_one, f"{0.25 * 0.64} nS", "4 ms", "0 mV"),
                _driven("stn", "6 pA", _poisson(170), one_to_one, stronger, "4 ms", "0 mV"),
            ),
        ),
        Fault(
            "control_level", "gpe_ti",
            "normal is α = 1: GPe to GPe 0.834", "control is α = 0.8: every factor is 1",
            "TI at 60 pA under 25 TI of 30 Hz, 1.3 nS",
            (
                _driven("gpe_ti", "60 pA", tis, many, f"{1.3 * 0.834} nS", "5 ms", "-65 mV"),
                _driven("gpe_ti", "60 pA", tis, many, "1.3 nS", "5 ms", "-65 mV"),
            ),
        ),
        Fault(
            "dt_of_depletion", "fsn",
            "depletion runs at dt 1 ms and drops spikes closer than that: 646 Hz become 393",
            "dt 0.1 ms as control, no spike dropped",
            "FSN under cortex of 646 Hz, 0.225 nS",
            (
                _driven("fsn", "0 pA", _trains(646, 1.0), one_to_one, "0.225 nS", ctx, "0 mV", dt_ms=1.0),
                _driven("fsn", "0 pA", _trains(646, 0.0), one_to_one, "0.225 nS", ctx, "0 mV"),
            ),
        ),
        Fault(
            "conductance_cap", "snr",
            "TI to SNr is cut to 8.25 nS and never depresses", "76 nS, U 0.196, depressing (969 ms)",
            "SNr at 100 pA under 3 TI of 30 Hz; apart by more than the decay of 2.1 ms, a cap is a weight",
            (
                _driven("snr", "100 pA", tis, few, "8.25 nS", "2.1 ms", "-72 mV"),
                _driven("snr", "100 pA", tis, few, "76 nS", "2.1 ms", "-72 mV",
                        plasticity=depressing),
            ),
        ),
        Fault(
            "thalamic_feedback", "fsn",
            "the rate that the thalamus sets is never used: cortex stays at 646 Hz",
            "SNr at 30 Hz, of 20 to 35, leaves cortex 10 + 636·5/15 = 222 Hz",
            "FSN at 50 pA under cortex, 0.225 nS",
            (
                _driven("fsn", "50 pA", _poisson(646), one_to_one, "0.225 nS", ctx, "0 mV"),
                _driven("fsn", "50 pA", _poisson(222), one_to_one, "0.225 nS", ctx, "0 mV"),
            ),
        ),
        Fault(
            "no_heterogeneity", "gpe_ti",
            "all cells alike", "C of 20 % and v_t of 1 mV standard deviation",
            f"{CELLS} TI at 12 pA",
            (
                Arm(_cells("gpe_ti", "lindahl2016", CELLS), "12 pA"),
                Arm(_cells("gpe_ti", "lindahl2016", CELLS, **spread), "12 pA"),
            ),
        ),
        Fault(
            "no_modulation", "stn",
            "the switch to cortical activation raises the rate of cortex to 250 Hz, constant; "
            "amplitude_oscillations is passed on and never used",
            "250 Hz, modulated by ±18 % at 20 Hz",
            f"{5 * CELLS} STN at 6 pA under cortex, 0.25 nS; in brackets how deep the rate follows 20 Hz",
            (
                _driven("stn", "6 pA", _poisson(250, 5 * CELLS), one_to_one, "0.25 nS", "4 ms",
                        "0 mV", size=5 * CELLS),
                _driven("stn", "6 pA", _poisson(250, 5 * CELLS, **square), one_to_one, "0.25 nS",
                        "4 ms", "0 mV", size=5 * CELLS),
            ),
            cycle_hz=20.0,
        ),
        Fault(
            "stn_reset", "stn",
            "where u < 0 a spike is reset to v_reset + 20 mV = -50 mV, always",
            "to min(v_reset - 10 mV/pA·u, -60 mV)",
            f"STN at 6 pA, {bursting} of 60 Hz, 0.4 nS; u < 0 after them",
            (
                # No more than the rule differs: so steep a slope is at the cap for any u < 0.
                _driven("stn", "6 pA", bursts, many_tis, "0.4 nS", "8 ms", "-84 mV",
                        changed={"slope": "-1e9 mV/pA", "v_cap": "-50 mV"}),
                _driven("stn", "6 pA", bursts, many_tis, "0.4 nS", "8 ms", "-84 mV"),
            ),
        ),
    )  # fmt: skip


def experiments(chosen: tuple[Fault, ...] | None = None) -> tuple[Experiment, ...]:
    """All arms as experiments, one for every time step; the populations are named `Fault.population`."""
    chosen = faults() if chosen is None else chosen
    steps = sorted({arm.dt_ms for fault in chosen for arm in fault.arms})
    return tuple(_together(chosen, dt_ms) for dt_ms in steps)


def _together(chosen: tuple[Fault, ...], dt_ms: float) -> Experiment:
    populations: list[Any] = []
    projections: list[Projection] = []
    inputs: list[ConstantInput] = []
    for fault in chosen:
        for side in SIDES:
            arm, name = fault.arm(side), fault.population(side)
            if arm.dt_ms != dt_ms:
                continue
            populations.append(arm.cells.model_copy(update={"name": name}))
            inputs.append(ConstantInput(name=f"to_{name}", population=name, amplitude=arm.current))
            populations += [s.model_copy(update={"name": f"{name}_source"}) for s in arm.sources]
            projections += [
                p.model_copy(
                    update={"source": f"{name}_source", "target": name, "name": f"{name}_syn"}
                )
                for p in arm.projections
            ]
    return Experiment(
        name="basal_ganglia_corrections",
        variant=f"dt_{dt_ms:g}_ms",
        title="Faults of a repository, each as written and corrected",
        source="github.com/techzzt/Basal-ganglia-neuron-models, commit ef74d2b",
        populations=tuple(populations),
        projections=tuple(projections),
        inputs=tuple(inputs),
        duration=f"{DURATION_MS:g} ms",
        dt=f"{dt_ms:g} ms",
    )
