"""NEURON: every cell a generated NMODL point process, every connection a NetCon."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ..core.errors import RunError
from ..core.features import FEATURES
from ..core.program import METHODS
from ..core.realization import Realization, RealizedPopulation
from ..core.recording import Recording, Spikes, Trace
from ..core.settings import MODES, Settings
from ..core.units import internal_unit
from .base import Backend, Progress
from .neuron_compile import helper_texts, load_mechanisms, load_neuron, neuron_version
from .neuron_conventions import CONVENTIONS, Integrator, Style, style_of, timing_of
from .neuron_equations import why_not_cnexp
from .neuron_mechanism import Mechanism, mechanism_of
from .neuron_network import Network
from .neuron_nmodl import mangled

_OWN = ("auto", "cnexp", "derivimplicit", "euler")


class NeuronBackend(Backend):
    """NEURON on a fixed step.

    In raw mode a cell is written as NEURON's users write one: STATE and DERIVATIVE, ``cnexp`` where every
    equation is linear in its own variable, WATCH for the threshold, net_send for refractoriness, NetCon
    delays in ms. In aligned mode the integrator is the same and the clock contract is kept; in lockstep the
    program's statements are C in a PROCEDURE.
    """

    name = "neuron"
    modes = MODES
    methods: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "raw": _OWN,
        "aligned": _OWN,
        "lockstep": ("exponential_euler", *(m for m in METHODS if m != "exponential_euler")),
    }
    features = frozenset(FEATURES)
    conventions = CONVENTIONS

    def version(self) -> str:
        """NEURON's version."""
        return f"NEURON {neuron_version()}"

    def _refuse(self, realization: Realization, settings: Settings) -> str | None:
        if settings.mode != "lockstep" and settings.method == "cnexp":
            for population in realization.populations.values():
                reason = why_not_cnexp(population, realization.dt_ms)
                if reason is not None:
                    return f"cnexp cannot solve it: {reason}; use derivimplicit or euler"
        return None

    def _simulate(
        self, realization: Realization, settings: Settings, progress: Progress
    ) -> Recording:
        started = time.perf_counter()
        n_steps, dt = realization.n_steps, realization.dt_ms
        style = style_of(settings)
        integrators, notes = _integrators(realization, settings)
        mechanisms = _mechanisms(realization, style, integrators)
        load_mechanisms(helper_texts(), {m.name: m.text for m in mechanisms.values()})
        h = load_neuron()
        # What belongs to t_n is seen in the step from t_n, so the last instant needs one step more.
        n_advances = n_steps + (1 if style.copies or not style.watch else 0)
        network = Network(realization, mechanisms, timing_of(settings, dt), n_advances + 1)
        try:
            for name in realization.populations:
                if style.played:
                    network.play(name, mangled)
                else:
                    network.hold(name)
            h.CVode().active(0)
            h.secondorder = 0
            h.dt = dt
            h.finitialize(-65.0)
            built = time.perf_counter()
            _advance(h, n_advances, progress)
            ran = time.perf_counter()
            recording = _collect(network, realization, style)
        finally:
            network.close()
        used = settings.scheme if style.program else ", ".join(sorted(set(integrators.values())))
        return replace(
            recording, notes=notes, build_s=built - started, run_s=ran - built,
            provenance={"method": used},
        )  # fmt: skip


def _integrators(
    realization: Realization, settings: Settings
) -> tuple[dict[str, Integrator], tuple[str, ...]]:
    """The METHOD for every population, and notes where it is not what one would expect.

    By default cnexp for linear equations, derivimplicit for others. But a step of derivimplicit has no
    solution on the upstroke of a spike that only a reset ends (Izhikevich, exponential integrate-and-fire),
    so a nonlinear cell with a reset is integrated by euler.
    """
    chosen: dict[str, Integrator] = {}
    notes = []
    for name, population in realization.populations.items():
        if settings.mode == "lockstep":
            chosen[name] = "cnexp"  # not used
        elif settings.method not in {None, "auto"}:
            chosen[name] = settings.method  # type: ignore[assignment]
        else:
            reason = why_not_cnexp(population, realization.dt_ms)
            chosen[name] = "cnexp"
            if reason is not None:
                chosen[name] = "euler" if population.cell.reset else "derivimplicit"
                notes.append(f"NEURON integrates {name} by {chosen[name]}: {reason}")
    return chosen, tuple(notes)


def _mechanisms(
    realization: Realization, style: Style, integrators: Mapping[str, Integrator]
) -> dict[str, Mechanism]:
    """The mechanism of every population; of two with one text the second is another variant."""
    mechanisms: dict[str, Mechanism] = {}
    seen: Counter[str] = Counter()
    for name, population in realization.populations.items():
        own = replace(style, integrator=integrators[name])
        recorded = [v for p, v, _ in realization.recorded() if p == name]

        def make(
            variant: int, population: RealizedPopulation = population, own: Style = own,
            recorded: list[str] = recorded,
        ) -> Mechanism:  # fmt: skip
            return mechanism_of(population, recorded, own, realization.dt_ms, variant)

        first = make(0)
        mechanisms[name] = make(seen[first.name]) if seen[first.name] else first
        seen[first.name] += 1
    return mechanisms


def _advance(h: Any, n: int, progress: Progress) -> None:
    """Take n steps."""
    chunk = max(1, n // 50)
    for done in range(0, n, chunk):
        try:
            for _ in range(min(chunk, n - done)):
                h.fadvance()
        except RuntimeError as error:
            raise RunError(
                "neuron",
                f"NEURON stopped at {h.t:g} ms ({error}); a smaller dt or another method may help",
            ) from error
        progress(min(1.0, (done + chunk) / n))


def _collect(network: Network, realization: Realization, style: Style) -> Recording:
    dt = realization.dt_ms
    spikes = {}
    for name in realization.populations:
        times, cells = network.spikes(name)
        if style.watch:
            spikes[name] = Spikes.sorted(times, cells)
        else:
            # Sent during the step that follows the instant they belong to.
            spikes[name] = Spikes.from_steps(np.rint(times / dt).astype(np.int64) - 1, cells, dt)
    first = 1 if style.copies else 0
    traces = {}
    for name, variable, cells in realization.recorded():
        values = network.trace(name, variable)[first : first + realization.n_steps + 1]
        unit = internal_unit(realization.populations[name].cell.variable(variable).dimension)
        traces[name, variable] = Trace(values, cells, unit, 0.0, dt)
    return Recording(
        duration_ms=realization.n_steps * dt,
        dt_ms=dt,
        spikes=spikes,
        traces=traces,
        sizes={name: p.size for name, p in realization.populations.items()},
    )
