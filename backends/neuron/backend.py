"""NEURON: every cell a generated NMODL point process, every connection a NetCon."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from ...core.clock import step_times
from ...core.features import FEATURES
from ...core.program import METHODS
from ...core.realization import Realization, RealizedPopulation
from ...core.recording import Recording, Spikes, Trace
from ...core.settings import MODES, Mode, Settings
from ...core.units import internal_unit
from ...core.values import Floats
from ..base import Backend, Watch
from ..watch import LOOKS
from .blocks import plastic_targets
from .cable import CablePlan, plan_of, takes_sections, why_not_sections
from .compile import helper_texts, load_mechanisms, load_neuron, neuron_version
from .conventions import CONVENTIONS, Integrator, Style, style_of, timing_of
from .equations import why_not_cnexp, why_not_together
from .mechanism import Mechanism, mechanism_of
from .network import Network
from .nmodl import mangled
from .numerics import NUMERICS

_OWN = ("auto", "cnexp", "derivimplicit", "euler")
_ADVANCE = "coincide_advance"
_LONGEST_MS = 10.0
_ATOL = 1e-9
"""CVODE's absolute tolerance, the same for mV, occupancies and mM: a pool may hold 1e-4 mM."""
_AFTER_MS = 1e-9
_VARIABLE = (
    "CVODE sends a spike at the instant that it locates, not at the end of its step: it arrives up to a step "
    "earlier than the clock contract says"
)


class NeuronBackend(Backend):
    """NEURON.

    In raw mode a point neuron is written as NEURON's users write one: STATE and DERIVATIVE, ``cnexp`` where
    every equation is linear in its own variable, WATCH for the threshold, net_send for refractoriness,
    NetCon delays in ms. In aligned mode the integrator is the same and the clock contract is kept, but that
    cells whose equations are not linear in all states together (exponential, quadratic, with channels) take
    rk4, written as C. A cable
    cell is built of Sections with generated density mechanisms, in raw by implicit Euler, in aligned by
    Crank and Nicolson's method or by CVODE. In lockstep every cell is a point process, its program's
    statements C in a PROCEDURE.
    """

    name = "neuron"
    modes = MODES
    methods: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "raw": _OWN,
        "aligned": (*_OWN, "cvode"),
        "lockstep": ("exponential_euler", *(m for m in METHODS if m != "exponential_euler")),
    }
    features = frozenset(FEATURES)
    conventions = CONVENTIONS
    numerics = NUMERICS
    gaps: ClassVar[Mapping[tuple[Mode, str], str]] = {
        ("raw", "start_above_threshold"): (
            "WATCH notices a crossing: a cell that begins above its threshold never crosses it"
        )
    }

    @override
    def prepare(self) -> None:
        """Import NEURON, with no mechanism but its own."""
        load_neuron()

    def version(self) -> str:
        """NEURON's version."""
        return f"NEURON {neuron_version()}"

    def _refuse(self, realization: Realization, settings: Settings) -> str | None:
        style = style_of(settings)
        for name, population in realization.populations.items():
            if takes_sections(population, settings.mode == "lockstep"):
                reason = why_not_sections(realization, name, style)
                if reason is not None:
                    return reason
                continue
            if style.variable_step:
                return f"{name} is of point neurons, which are integrated by fixed steps; use another method"
            if settings.mode != "lockstep" and settings.method == "cnexp":
                reason = why_not_cnexp(population, realization.dt_ms)
                if reason is not None:
                    return f"cnexp cannot solve it: {reason}; use derivimplicit or euler"
        return None

    def _simulate(self, realization: Realization, settings: Settings, progress: Watch) -> Recording:
        started = time.perf_counter()
        n_steps, dt = realization.n_steps, realization.dt_ms
        style = style_of(settings)
        points = {
            name: p
            for name, p in realization.populations.items()
            if not takes_sections(p, settings.mode == "lockstep")
        }
        integrators, notes = _integrators(realization, points, settings)
        mechanisms = _mechanisms(realization, points, style, integrators)
        plans, more = _plans(realization, points, style)
        load_mechanisms(
            helper_texts(),
            {m.name: m.text for m in mechanisms.values()},
            *({m.name: m.text for m in plan.membranes} for plan in plans.values()),
        )
        h = load_neuron()
        # What belongs to t_n is seen in the step from t_n, so the last instant needs one step more.
        n_advances = n_steps + (1 if style.copies or not style.watch else 0)
        times = _sample_times(n_steps, dt) if style.variable_step else None
        network = Network(
            realization, mechanisms, plans, timing_of(settings, dt), n_advances + 1, times
        )
        try:
            for name in points:
                if style.played:
                    network.play(name, mangled)
                else:
                    network.hold(name)
            h.CVode().active(0)
            h.secondorder = 2 if plans and style.second_order else 0
            h.dt = dt
            if style.variable_step:
                _choose_steps(h)
            h.finitialize()
            built = time.perf_counter()
            if style.variable_step:
                _solve(network, step_times(np.arange(n_steps + 1), dt)[-1] + dt, progress)
            else:
                _advance(network, n_steps, n_advances - n_steps, progress)
            ran = time.perf_counter()
            recording = _collect(network, realization, style)
        finally:
            network.close()
        if style.variable_step:
            more = (*more, _VARIABLE)
        method = settings.scheme if style.program else _used(style, integrators, plans)
        return replace(
            recording,
            notes=(*notes, *more),
            build_s=built - started,
            run_s=ran - built,
            provenance={"method": method},
        )


def _integrators(
    realization: Realization, points: Mapping[str, RealizedPopulation], settings: Settings
) -> tuple[dict[str, Integrator], tuple[str, ...]]:
    """The METHOD for every population of point neurons, and notes where it is not what one would expect.

    By default cnexp for equations that are linear in their own variables. In NEURON's own way others are
    derivimplicit's; but a step of that has no solution on the upstroke of a spike that only a reset ends
    (Izhikevich, exponential integrate-and-fire), so with a reset they are euler's, which comes half a dozen
    steps late over such an upstroke. Under the clock contract they are guarded_rk4's, with a reset or
    without: Newton's iterations of derivimplicit diverge on the upstroke of a Wang-Buzsaki cell too, whose
    sodium channels open at once with v. So are, by the contract, cells in which states multiply each other
    though each equation is linear in its own: cnexp holds the gates of a Hodgkin-Huxley cell over a step,
    which makes its spikes ten steps late.
    """
    by_contract = style_of(settings).by_contract
    chosen: dict[str, Integrator] = {}
    notes = []
    for name, population in points.items():
        if settings.mode == "lockstep":
            chosen[name] = "cnexp"  # not used
        elif settings.method not in {None, "auto"}:
            chosen[name] = settings.method  # type: ignore[assignment]
        else:
            reason = why_not_cnexp(population, realization.dt_ms)
            chosen[name] = "cnexp"
            if reason is not None:
                chosen[name] = "euler" if population.cell.reset else "derivimplicit"
            if by_contract and population.cell.lowered is None:
                reason = reason or why_not_together(population.cell)
                chosen[name] = "cnexp" if reason is None else "guarded_rk4"
            if reason is not None:
                notes.append(f"NEURON integrates {name} by {chosen[name]}: {reason}")
    return chosen, tuple(notes)


def _mechanisms(
    realization: Realization,
    points: Mapping[str, RealizedPopulation],
    style: Style,
    integrators: Mapping[str, Integrator],
) -> dict[str, Mechanism]:
    """The mechanism of every population of point neurons; the second of one text is another variant."""
    mechanisms: dict[str, Mechanism] = {}
    seen: Counter[str] = Counter()
    for name, population in points.items():
        own = replace(style, integrator=integrators[name])
        if integrators[name] == "guarded_rk4":
            own = replace(own, program="guarded_rk4")
        recorded = [v for p, v, _ in realization.recorded() if p == name]

        def make(
            variant: int,
            population: RealizedPopulation = population,
            own: Style = own,
            recorded: list[str] = recorded,
        ) -> Mechanism:
            plastic = population.name in plastic_targets(realization)
            return mechanism_of(population, recorded, own, realization.dt_ms, variant, plastic)

        first = make(0)
        mechanisms[name] = make(seen[first.name]) if seen[first.name] else first
        seen[first.name] += 1
    return mechanisms


def _used(
    style: Style, integrators: Mapping[str, Integrator], plans: Mapping[str, CablePlan]
) -> str:
    """The methods of a run in words: that of v in Sections first, then the METHODs of all mechanisms."""
    if style.variable_step:
        return "CVODE"
    used = [*integrators.values(), *(m.integrator for p in plans.values() for m in p.membranes)]
    fixed = "Crank-Nicolson" if style.second_order else "implicit Euler"
    sections = [fixed] if plans else []
    return ", ".join([*sections, *sorted({method for method in used if method})])


def _plans(
    realization: Realization, points: Mapping[str, RealizedPopulation], style: Style
) -> tuple[dict[str, CablePlan], tuple[str, ...]]:
    """How every population of cable cells is built, and notes on what NEURON integrates otherwise."""
    plans: dict[str, CablePlan] = {}
    notes = []
    for name in realization.populations:
        if name in points:
            continue
        others = [m for plan in plans.values() for m in plan.membranes]
        plans[name] = plan_of(realization, name, style, others)
        for membrane in plans[name].membranes:
            usual = {style.integrator, "sparse", ""}
            if membrane.integrator not in usual and not style.variable_step:
                notes.append(
                    f"NEURON integrates {name}.{membrane.piece.name} by {membrane.integrator}: an "
                    "equation is not linear in its own variable"
                )
    return plans, tuple(notes)


def _advance(network: Network, n: int, more: int, watch: Watch) -> None:
    """Take n steps, at whose end the states are looked at, and some more.

    In groups of steps, which is faster, if no delay is shorter than a step.
    """
    h, dt = network.h, network.realization.dt_ms
    in_groups = network.shortest_ms >= dt
    chunk = max(1, n // LOOKS)
    context = h.ParallelContext()
    context.set_maxstep(_LONGEST_MS)
    if not hasattr(h, _ADVANCE):
        h(f"proc {_ADVANCE}() {{ local k  for k = 1, $1 {{ fadvance() }} }}")
    stops = [*range(chunk, n, chunk), n, n + more]
    steps_done = 0
    for stop in dict.fromkeys(stops):
        try:
            if in_groups:
                # A quarter of a step more, because NEURON rounds the number of steps down.
                context.psolve((stop + 0.25) * h.dt)
            else:
                getattr(h, _ADVANCE)(stop - steps_done)
        except RuntimeError as error:
            why = f"NEURON stopped ({_message_of(error)})"
            raise watch.stopped(why, float(h.t), network.states()) from error
        steps_done = stop
        watch(min(1.0, steps_done / n))
        if steps_done <= n:
            watch.look(steps_done * dt, network.states())


def _choose_steps(h: Any) -> None:
    cvode = h.CVode()
    cvode.active(1)
    cvode.atol(_ATOL)
    cvode.rtol(0.0)
    cvode.condition_order(2)


def _message_of(error: RuntimeError) -> str:
    """What NEURON says without the names of its own functions."""
    return str(error).rpartition(": ")[2]


def _solve(network: Network, end_ms: float, watch: Watch) -> None:
    """Let CVODE integrate to the end."""
    h = network.h
    cvode = h.CVode()
    for k in range(1, LOOKS + 1):
        try:
            cvode.solve(end_ms * k / LOOKS)
        except RuntimeError as error:
            why = f"CVODE stopped ({_message_of(error)})"
            raise watch.stopped(why, float(h.t), network.states()) from error
        watch(k / LOOKS)
        watch.look(end_ms * k / LOOKS, network.states())


def _sample_times(n_steps: int, dt: float) -> Floats:
    """t_0 … t_N, a little later, so that what arrives at t_n is in the sample of t_n."""
    return step_times(np.arange(n_steps + 1), dt) + _AFTER_MS


def _collect(network: Network, realization: Realization, style: Style) -> Recording:
    dt, n_steps = realization.dt_ms, realization.n_steps
    spikes = {}
    for name in realization.populations:
        times, cells = network.spikes(name)
        if style.variable_step:
            # Located between two instants: it belongs to the later.
            steps = np.ceil(times / dt - 1e-9).astype(np.int64)
            kept = steps <= n_steps
            spikes[name] = Spikes.from_steps(steps[kept], cells[kept], dt)
            continue
        if style.watch:
            spikes[name] = Spikes.sorted(times, cells)
            continue
        # A point neuron's are sent during the step that follows the instant they belong to.
        late = 0 if name in network.cables else 1
        steps = np.rint(times / dt).astype(np.int64) - late
        kept = steps <= n_steps
        spikes[name] = Spikes.from_steps(steps[kept], cells[kept], dt)
    traces = {}
    for name, variable, cells in realization.recorded():
        values = network.trace(name, variable)
        if name in network.cables:
            values = network.cables[name].samples(variable, values, n_steps + 1)
        else:
            values = values[int(style.copies) :][: n_steps + 1]
        unit = internal_unit(realization.populations[name].cell.variable(variable).dimension)
        traces[name, variable] = Trace(values, cells, unit, 0.0, dt)
    return Recording(
        duration_ms=n_steps * dt,
        dt_ms=dt,
        spikes=spikes,
        traces=traces,
        sizes={name: p.size for name, p in realization.populations.items()},
    )
