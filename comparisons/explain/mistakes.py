"""Mistakes that are no number: delays in steps, refractoriness, connections, sources, precision, the scheme.

Each is a hypothesis about the suspicious side, tested by making the healthy side do the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from ...core.clock import to_steps
from ...core.experiment import Experiment
from ...core.neurons import NeuronModel
from ...core.populations import Population
from ...core.program import METHODS
from ...core.realization import Edges, HeldInput, Realization, RealizedPopulation, RealizedSource
from ...core.realize import realize
from ...core.settings import Settings
from .causes import Cause
from .hypothesis import Hypothesis, with_model, with_settings
from .replay import Parting
from .scalars import projections_into, with_edges, with_populations

ModelChange = Callable[[Realization], Realization]


def mistakes(model: Realization, settings: Settings, at: Parting) -> Iterator[Hypothesis]:
    """All mistakes that can act on the populations that part first, likely ones first."""
    yield from _schemes(settings)
    yield from _delays(model, at.populations)
    yield from _refractoriness(model, at.populations)
    yield from _timing_of_inputs(model, at.populations)
    yield from _spike_sources(model, at)
    yield from _shared(model, at.populations)
    yield from _lost_synapses(model, at)
    yield from _connections(model, at.populations)
    yield from _cells(model, at.populations)
    yield from _averages(model, at.populations)
    yield from _swaps(model, at.populations)
    yield _single_precision()


def _of_model(
    cause: Cause, words: str, change: ModelChange, prior: float, place: str = ""
) -> Hypothesis:
    return Hypothesis(cause, words, words, "a", with_model(change), prior, place=place)


def _schemes(settings: Settings) -> Iterator[Hypothesis]:
    if settings.mode != "lockstep":
        return
    for method in METHODS:
        if method != settings.scheme:
            yield Hypothesis(
                "integrator", f"integrates with {method}", f"integrates with {method}", "a",
                with_settings(lambda s, m=method: replace(s, method=m)), 0.7,  # type: ignore[misc]
                place="method",
            )  # fmt: skip


# Delays.


def _plain(value: Any) -> Any:
    return int(value) if np.ndim(value) == 0 else np.asarray(value).astype(np.int32)


def _delays(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    for label, chosen, _ in projections_into(model, populations):
        edges = [e for e in model.edges if chosen(e) and len(e)]
        for by in (1, -1, 2, -2):
            if by < 0 and all(np.max(e.delay_steps) <= 1 for e in edges):
                continue

            def longer(model: Realization, chosen: Any = chosen, by: int = by) -> Realization:
                return with_edges(
                    model, chosen,
                    lambda e: replace(
                        e, delay_steps=_plain(np.maximum(np.asarray(e.delay_steps) + by, 1))
                    ),
                )  # fmt: skip

            steps = f"{abs(by)} step{'s' if abs(by) > 1 else ''}"
            words = f"delivers the spikes of {label} {steps} {'late' if by > 0 else 'early'}"
            yield _of_model("delivery_order", words, longer, 0.7 - 0.1 * abs(by), label)
        off_grid = [e for e in edges if np.any(_fraction(e, model.dt_ms) > 1e-6)]
        if off_grid:
            for name, rule in (("down", np.floor), ("up", np.ceil)):

                def rounded(
                    model: Realization, chosen: Any = chosen, rule: Any = rule
                ) -> Realization:
                    def one(e: Edges) -> Edges:
                        steps = rule(np.round(np.asarray(e.delay_ms) / model.dt_ms, 9))
                        return replace(e, delay_steps=_plain(np.maximum(steps, 1)))

                    return with_edges(model, chosen, one)

                yield _of_model("rounding", f"rounds the delays of {label} {name}", rounded, 0.65, label)
        if any(np.ptp(e.delay_steps) for e in edges):

            def mean(model: Realization, chosen: Any = chosen) -> Realization:
                def one(e: Edges) -> Edges:
                    if not len(e):
                        return e
                    steps = int(to_steps(float(np.mean(e.delay_ms)), model.dt_ms))
                    return replace(e, delay_steps=steps)

                return with_edges(model, chosen, one)

            yield _of_model("parameter", f"gives {label} one delay, their mean", mean, 0.5, label)


def _fraction(edges: Edges, dt: float) -> Any:
    ratio = np.asarray(edges.delay_ms) / dt
    return np.abs(ratio - np.round(ratio))


# Refractoriness.


def _refractoriness(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    owners = [n for n, p in model.populations.items() if p.has_refractoriness]
    scopes = [tuple(owners)] if len(owners) > 1 and set(owners) & set(populations) else []
    scopes += [(n,) for n in owners if n in populations]
    for scope in scopes:
        label = scope[0] if len(scope) == 1 else "every population"
        for by in (1, -1, 2, -2):

            def counted(model: Realization, scope: Any = scope, by: int = by) -> Realization:
                def one(p: RealizedPopulation) -> RealizedPopulation:
                    return replace(
                        p, refractory_steps=_plain(np.maximum(np.asarray(p.refractory_steps) + by, 0))
                    )

                return with_populations(model, scope, one)

            words = f"keeps {label} refractory for {abs(by)} step{'s' if abs(by) > 1 else ''} "
            words += "more" if by > 0 else "less"
            yield _of_model("refractory_count", words, counted, 0.7 - 0.1 * abs(by), label)

        def none(model: Realization, scope: Any = scope) -> Realization:
            return with_populations(
                model, scope, lambda p: replace(p, refractory_steps=p.refractory_steps * 0)
            )

        yield _of_model(
            "refractory_count", f"has no refractoriness in {label}", none, 0.6, label
        )
        for name, rule in (("down", np.floor), ("up", np.ceil)):
            yield from _rounded_refractoriness(model, scope, label, name, rule)


def _rounded_refractoriness(
    model: Realization, scope: Sequence[str], label: str, name: str, rule: Any
) -> Iterator[Hypothesis]:
    exact = {n: _period(model, n) for n in scope}
    new = {
        n: _plain(rule(np.round(np.asarray(t) / model.dt_ms, 9))) for n, t in exact.items()
    }
    if all(np.array_equal(new[n], model.populations[n].refractory_steps) for n in scope):
        return

    def rounded(model: Realization) -> Realization:
        return with_populations(model, scope, lambda p: replace(p, refractory_steps=new[p.name]))

    yield _of_model(
        "rounding", f"rounds the refractory time of {label} {name}", rounded, 0.65, label
    )


def _period(model: Realization, name: str) -> Any:
    from ...core.units import TIME, Quantity

    population = model.populations[name]
    said = population.cell.refractory
    if said is None:
        return np.asarray(population.refractory_steps) * model.dt_ms
    if said in population.parameters:
        return population.parameters[said]
    return Quantity.parse(said, name).to(TIME, name)


# Inputs and sources.


def _each_input(
    model: Realization, populations: Sequence[str], change: Callable[[HeldInput], HeldInput]
) -> Realization:
    return with_populations(
        model, populations, lambda p: replace(p, inputs=tuple(change(i) for i in p.inputs))
    )


def _timing_of_inputs(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    holders = [n for n, p in model.populations.items() if p.inputs]
    if not set(holders) & set(populations):
        return
    scopes = [tuple(holders)]
    if len(holders) > 1:
        scopes += [(n,) for n in holders if n in populations]
    for scope in scopes:
        of = "" if len(scope) == len(holders) else f" of {scope[0]}"
        for by in (1, -1, 2, -2):

            def moved(model: Realization, scope: Any = scope, by: int = by) -> Realization:
                def one(given: HeldInput) -> HeldInput:
                    steps = np.arange(given.frames.size) - by
                    return replace(given, frames=given.frames[np.clip(steps, 0, steps.size - 1)])

                return _each_input(model, scope, one)

            steps = f"{abs(by)} step{'s' if abs(by) > 1 else ''}"
            words = f"changes the inputs{of} {steps} {'late' if by > 0 else 'early'}"
            yield _of_model("input_onset", words, moved, 0.75 - 0.1 * abs(by))


def _each_source(
    model: Realization, change: Callable[[RealizedSource], RealizedSource]
) -> Realization:
    return replace(model, sources={n: change(s) for n, s in model.sources.items()})


def _kept(source: RealizedSource, kept: Any) -> RealizedSource:
    return replace(
        source, steps=source.steps[kept], cells=source.cells[kept], times=source.times[kept]
    )


def dead_time(source: RealizedSource, steps: int) -> Any:
    """A mask of the spikes of a source that keeps none within some steps after the last kept of its cell."""
    order = np.lexsort((source.steps, source.cells))
    at = source.steps[order].astype(np.int64) + source.cells[order].astype(np.int64) * 2**32
    kept = np.zeros(at.size, dtype=bool)
    k = 0
    while k < at.size:  # one jump for every spike kept
        kept[order[k]] = True
        k = int(np.searchsorted(at, at[k] + max(steps, 1)))
    return kept


def _spike_sources(model: Realization, at: Parting) -> Iterator[Hypothesis]:
    feeding = {
        e.source for e in model.edges if e.target in at.populations and e.source in model.sources
    }
    if not feeding:
        return
    merged = {n: dead_time(model.sources[n], 1) for n in feeding}
    if any(not kept.all() for kept in merged.values()):
        yield _of_model(
            "lost_spikes", "merges the spikes of a source that fall into one step",
            lambda m: _each_source(m, lambda s: _kept(s, dead_time(s, 1))), 0.7, "sources",
        )  # fmt: skip
    for steps in _dead_times(model, sorted(feeding)):
        yield _of_model(
            "saturation",
            f"lets no source spike twice within {steps} steps ({steps * model.dt_ms:g} ms)",
            lambda m, d=steps: _each_source(m, lambda s: _kept(s, dead_time(s, d))), 0.6, "sources",
        )  # fmt: skip
    for end in (at.step - d - k for d in _delays_of_sources(model, feeding) for k in range(4)):
        yield _of_model(
            "lost_spikes", f"has no source spikes from {end * model.dt_ms:g} ms on",
            lambda m, e=end: _each_source(m, lambda s: _kept(s, s.steps < e)), 0.4, "sources",
        )  # fmt: skip
    yield from _other_draws(model)


def _dead_times(model: Realization, names: Sequence[str]) -> list[int]:
    """Dead times that tell intervals between the spikes of a source apart, shortest first."""
    intervals: set[int] = set()
    for name in names:
        source = model.sources[name]
        order = np.lexsort((source.steps, source.cells))
        steps, cells = source.steps[order], source.cells[order]
        gaps = np.diff(steps)[np.diff(cells) == 0]
        intervals |= set(np.unique(gaps[gaps > 0])[:20].tolist())
    return [gap + 1 for gap in sorted(intervals)[:20]]


def _delays_of_sources(model: Realization, names: set[str]) -> list[int]:
    return sorted(
        {int(d) for e in model.edges if e.source in names for d in np.unique(e.delay_steps)[:3]}
    )


def _other_draws(model: Realization) -> Iterator[Hypothesis]:
    def shared(source: RealizedSource, cell: int) -> RealizedSource:
        if source.size < 2 or not source.steps.size:
            return source
        mine = source.cells == min(cell, source.size - 1)
        n = int(mine.sum())
        return replace(
            source, steps=np.repeat(source.steps[mine], source.size),
            cells=np.tile(np.arange(source.size, dtype=np.int32), n),
            times=np.repeat(source.times[mine], source.size),
        )  # fmt: skip

    most = max(s.size for s in model.sources.values())
    for cell in range(min(most, 100) if most > 1 else 0):
        yield _of_model(
            "random_streams", f"gives all cells of a source the spikes of its cell {cell}",
            lambda m, c=cell: _each_source(m, lambda s: shared(s, c)), 0.5, "sources",
        )  # fmt: skip
    own = model.experiment.seed
    for seed in dict.fromkeys((own + 1, own - 1, 0, 1, 2, 42, 1234)):
        if seed == own or seed < 0:
            continue

        def drawn(model: Realization, seed: int = seed) -> Realization:
            other = realize(model.experiment.with_(seed=seed))
            return replace(model, sources=dict(other.sources))

        yield _of_model(
            "random_streams", f"draws the spikes of sources with seed {seed} instead of {own}", drawn,
            0.35, "sources",
        )  # fmt: skip


def _shared(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    holders = [
        n for n, p in model.populations.items() if any(np.ptp(i.columns) > 0 for i in p.inputs)
    ]
    if not set(holders) & set(populations):
        return

    def first(given: HeldInput) -> HeldInput:
        return replace(given, columns=np.full_like(given.columns, given.columns[0]))

    yield _of_model(
        "random_streams", "gives all cells of a population the noise of the first",
        lambda m: _each_input(m, holders, first), 0.6, "inputs",
    )  # fmt: skip


# Connections.


def _chosen(edges: Edges, kept: Any) -> Edges:
    def part(value: Any) -> Any:
        return value if np.ndim(value) == 0 else np.asarray(value)[kept]

    return replace(
        edges, pre=edges.pre[kept], post=edges.post[kept], weight=part(edges.weight),
        delay_steps=part(edges.delay_steps), delay_ms=part(edges.delay_ms),
    )  # fmt: skip


def _lost_synapses(model: Realization, at: Parting) -> Iterator[Hypothesis]:
    """One synapse each: those onto the cell that parts first, over which a spike may just have come."""
    if not at.traced:
        return
    for edges in model.edges:
        if edges.target not in at.populations or not len(edges):
            continue
        for k in np.flatnonzero(edges.post == at.cell)[:60]:

            def without(model: Realization, name: str = edges.name, k: int = int(k)) -> Realization:
                return with_edges(
                    model, lambda e: e.name == name,
                    lambda e: _chosen(e, np.arange(len(e)) != k),
                )  # fmt: skip

            words = f"lacks the synapse {edges.pre[k]} → {edges.post[k]} of {edges.name}"
            yield _of_model("lost_spikes", words, without, 0.45, edges.name)


def _connections(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    for label, chosen, _ in projections_into(model, populations):
        edges = [e for e in model.edges if chosen(e) and len(e)]
        if any(_first_of_pairs(e).size < len(e) for e in edges):

            def single(model: Realization, chosen: Any = chosen) -> Realization:
                return with_edges(model, chosen, lambda e: _chosen(e, _first_of_pairs(e)))

            words = f"keeps one of several synapses between two cells in {label}"
            yield _of_model("lost_spikes", words, single, 0.55, label)
        for by in (1, -1):

            def shifted(model: Realization, chosen: Any = chosen, by: int = by) -> Realization:
                def one(e: Edges) -> Edges:
                    post = (e.post + by) % model.populations[e.target].size
                    new = replace(e, post=post.astype(np.int32))
                    return _chosen(new, np.lexsort((new.post, new.pre)))

                return with_edges(model, chosen, one)

            words = f"connects {label} to the next cell each" if by > 0 else (
                f"connects {label} to the cell before each"
            )
            yield _of_model("lost_spikes", words, shifted, 0.4, label)
        if any(e.source == e.target for e in edges):

            def turned(model: Realization, chosen: Any = chosen) -> Realization:
                def one(e: Edges) -> Edges:
                    if e.source != e.target:
                        return e
                    new = replace(e, pre=e.post, post=e.pre)
                    return _chosen(new, np.lexsort((new.post, new.pre)))

                return with_edges(model, chosen, one)

            words = f"exchanges source and target cells in {label}"
            yield _of_model("lost_spikes", words, turned, 0.4, label)


def _first_of_pairs(edges: Edges) -> Any:
    pairs = edges.pre.astype(np.int64) * (int(edges.post.max(initial=0)) + 1) + edges.post
    return np.sort(np.unique(pairs, return_index=True)[1])


# Cells. Their equations belong to the experiment, so that a process can be given the changed ones.


def _cells(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    reached = _other_models(model, _not_strict)
    if reached is not None:
        yield _of_model(
            "lost_spikes", "lets a cell spike where the threshold is reached, not exceeded",
            lambda m: _other_models(m, _not_strict) or m, 0.6, "threshold",
        )  # fmt: skip
    most = max(len(model.populations[n].cell.reset) for n in populations)
    for k in range(most if most > 1 else 0):
        targets = {
            c.reset[k].target for n in populations if len((c := model.populations[n].cell).reset) > k
        }
        words = f"does not reset {', '.join(sorted(targets))}"
        yield _of_model(
            "parameter", words, lambda m, k=k: _other_models(m, _without_reset(k)) or m, 0.5, "reset"
        )


def _other_models(
    model: Realization, change: Callable[[NeuronModel], dict[str, str] | None]
) -> Realization | None:
    """A realization with other equations of its point neurons; None if none of them changes."""
    new = {}
    for population in model.experiment.populations:
        if isinstance(population, Population) and isinstance(population.model, NeuronModel):
            fields = change(population.model)
            if fields is not None:
                new[population.name] = population.model.model_copy(update=fields)
    if not new:
        return None
    populations = tuple(
        p.model_copy(update={"model": new[p.name]}) if p.name in new else p
        for p in model.experiment.populations
    )
    # Written out and read again, so that everything derived is derived anew.
    experiment = Experiment.from_dict(
        model.experiment.model_copy(update={"populations": populations}).to_dict()
    )
    return with_populations(
        replace(model, experiment=experiment), list(new),
        lambda p: replace(p, cell=experiment.cells[p.name]),
    )  # fmt: skip


def _not_strict(model: NeuronModel) -> dict[str, str] | None:
    found = re.fullmatch(r"([^<>=]+)(<=|>=|<|>)([^<>=]+)", model.threshold or "")
    if found is None:
        return None
    sign = found[2]
    return {"threshold": found[1] + (sign[0] if "=" in sign else f"{sign}=") + found[3]}


def _without_reset(k: int) -> Callable[[NeuronModel], dict[str, str] | None]:
    def change(model: NeuronModel) -> dict[str, str] | None:
        lines = [line for line in re.split(r"[\n;]", model.reset) if line.strip()]
        if len(lines) < 2 or k >= len(lines):
            return None
        return {"reset": "\n".join(lines[:k] + lines[k + 1 :])}

    return change


# Averages, swaps, digits.


def _averages(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    def parameters(p: RealizedPopulation) -> RealizedPopulation:
        new = {n: float(np.mean(v)) for n, v in p.parameters.items() if np.ptp(v) > 0}
        return replace(p, parameters={**p.parameters, **new})

    def initial(p: RealizedPopulation) -> RealizedPopulation:
        return replace(p, initial={n: np.full_like(v, np.mean(v)) for n, v in p.initial.items()})

    def lost(p: RealizedPopulation) -> RealizedPopulation:
        return replace(p, initial={n: v * 0.0 for n, v in p.initial.items()})

    everyone = list(model.populations)
    here = [model.populations[n] for n in populations]
    seen = {(p, v) for p, v, _ in model.recorded()}
    if any(np.ptp(v) > 0 for p in here for v in p.parameters.values()):
        yield _of_model(
            "parameter", "gives all cells of a population the mean of each parameter",
            lambda m: with_populations(m, everyone, parameters), 0.6, "parameters",
        )  # fmt: skip
    for words, change, acts in (
        ("begins every state at the mean of its population", initial, lambda v: np.ptp(v) > 0),
        ("begins every state at 0", lost, lambda v: np.any(v)),
    ):
        if not any(acts(v) for p in here for v in p.initial.values()):
            continue

        def unseen(p: RealizedPopulation, change: Any = change) -> RealizedPopulation:
            kept = {n: v for n, v in p.initial.items() if (p.name, n) in seen}
            return replace(p, initial={**change(p).initial, **kept})

        for one, label in ((change, ""), (unseen, " that is not recorded")):
            yield _of_model(
                "initial_value", words.replace("every state", f"every state{label}"),
                lambda m, c=one: with_populations(m, everyone, c), 0.55, "initial values",
            )  # fmt: skip
    into = [e for e in model.edges if e.target in populations and len(e)]
    if any(np.ptp(e.weight) > 0 for e in into):

        def mean(e: Edges) -> Edges:
            return replace(e, weight=float(np.mean(e.weight))) if len(e) else e

        yield _of_model(
            "parameter", "gives all synapses of a projection their mean weight",
            lambda m: with_edges(m, lambda e: True, mean), 0.55, "weights",
        )  # fmt: skip


def _swaps(model: Realization, populations: Sequence[str]) -> Iterator[Hypothesis]:
    done = set()
    for name in populations:
        p = model.populations[name]
        dimension = {n: p.cell.variable(n).dimension for n in p.parameters}
        for a, b in combinations(p.parameters, 2):
            if dimension[a] != dimension[b] or (a, b) in done or len(done) > 150:
                continue
            if np.array_equal(p.parameters[a], p.parameters[b]):
                continue
            done.add((a, b))

            def swapped(model: Realization, a: str = a, b: str = b) -> Realization:
                def one(p: RealizedPopulation) -> RealizedPopulation:
                    if a not in p.parameters or b not in p.parameters:
                        return p
                    new = {a: p.parameters[b], b: p.parameters[a]}
                    return replace(p, parameters={**p.parameters, **new})

                return with_populations(model, list(model.populations), one)

            yield _of_model("parameter", f"exchanges {a} and {b}", swapped, 0.45, f"{a}, {b}")


def _single(value: Any) -> Any:
    single = np.asarray(value, dtype=np.float32).astype(np.float64)
    return float(single) if single.ndim == 0 else single


def _single_precision() -> Hypothesis:
    def change(model: Realization) -> Realization:
        def one(p: RealizedPopulation) -> RealizedPopulation:
            return replace(
                p, parameters={n: _single(v) for n, v in p.parameters.items()},
                initial={n: _single(v) for n, v in p.initial.items()},
            )  # fmt: skip

        model = with_populations(model, list(model.populations), one)
        return with_edges(model, lambda e: True, lambda e: replace(e, weight=_single(e.weight)))

    return _of_model(
        "precision", "keeps parameters, weights and initial values in 32-bit numbers", change, 0.6,
        "precision",
    )  # fmt: skip

