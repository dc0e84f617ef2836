"""Brian2's objects made from blocks, links and their code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.cell import Cell
from ...core.realization import HeldInput, Realization
from ...core.recording import Spikes, Trace
from ...core.units import internal_unit
from .blocks import GIVEN, Block, Given
from .code import GroupCode, mangled
from .conventions import Choices, brian2_delay_steps
from .functions import functions
from .integrators import Integrator, can_evaluate, may_vanish
from .library import import_brian2
from .links import Link
from .plasticity import plastic_code
from .trees import Tree

b2 = import_brian2()


@dataclass(frozen=True, eq=False)
class Samples:
    """Columns of a monitor: the values of ``variable`` there, in internal units after ``scale``."""

    monitor: Any
    variable: str
    columns: NDArray[np.int64]
    scale: float

    def values(self) -> NDArray[np.float64]:
        """Shape (samples, columns)."""
        found = np.asarray(self.monitor.variables[self.variable].get_value())[:, self.columns]
        return found if self.scale == 1.0 else found * self.scale


@dataclass(eq=False)
class Built:
    """A network ready to run, and what it records."""

    network: Any
    steps: int
    spikes: dict[str, Any] = field(default_factory=dict)
    samples: dict[tuple[str, str], list[Samples]] = field(default_factory=dict)
    integrators: dict[str, Integrator] = field(default_factory=dict)
    groups: dict[str, Any] = field(default_factory=dict)
    plastic: list[tuple[str, Any]] = field(default_factory=list)


def build_network(
    realization: Realization,
    blocks: Sequence[Block | Tree],
    links: Sequence[Link],
    given: Given | None,
    codes: Mapping[str, GroupCode],
    choices: Choices,
    candidates: Mapping[str, Sequence[str]],
    aligned: bool,
) -> Built:
    """Make the network.

    ``candidates`` names the state updaters to try for each block; ``aligned`` passes over symbolic
    solutions that divide by zero, which Brian2 takes, and lets no step of exponential Euler do so.
    """
    # The rotated step, and a sample at the end of the run, need one step more.
    extra = 1 if choices.rotated or choices.last_sample else 0
    built = Built(b2.Network(), realization.n_steps + extra)
    built.network.schedule = choices.schedule
    dt_ms = realization.dt_ms
    b2.defaultclock.dt = dt_ms * b2.ms
    namespace = functions()
    groups = built.groups
    for block in blocks:
        code = codes[block.name]
        integrator = Integrator(
            ", ".join(p.name for p in block.members),
            candidates[block.name],
            can_evaluate(code, namespace, dt_ms) if aligned else lambda step: True,
            _undivided(block.cell, aligned),
            code.guarded,
        )
        built.integrators[block.name] = integrator
        group = _make_group(block, code, integrator, namespace | _series(block, dt_ms))
        groups[block.name] = group
        built.network.add(group)
        if code.threshold is not None:
            built.spikes[block.name] = b2.SpikeMonitor(group, name=f"{block.name}_spikes")
            built.network.add(built.spikes[block.name])
        if not code.before_update:
            built.network.add(*_hold(group, block, code, realization.n_steps))
    _sample(built, realization, blocks, groups)
    if given is not None:
        groups[GIVEN] = b2.SpikeGeneratorGroup(
            given.size, given.cells, given.times_ms * b2.ms, when="before_synapses", name=GIVEN
        )
        built.network.add(groups[GIVEN])
    for link in links:
        synapses = _make_synapses(link, groups, codes, choices, namespace, dt_ms)
        built.network.add(synapses)
        if link.plasticity is not None:
            built.plastic.append((link.projection, synapses))
    return built


def _undivided(cell: Cell, aligned: bool) -> list[str]:
    """The variables whose slope can be 0, by their names in Brian2."""
    chosen = [v.name for v in cell.states] if aligned else may_vanish(cell)
    return [mangled(name) for name in chosen]


def _make_group(
    block: Block | Tree, code: GroupCode, integrator: Integrator, namespace: Mapping[str, Any]
) -> Any:
    options = {
        "model": "\n".join(code.equations),
        "threshold": code.threshold,
        "reset": code.reset,
        "refractory": code.refractory or False,
        "method": integrator,
        "namespace": {**namespace, **code.constants},
        "name": block.name,
    }
    if isinstance(block, Tree):
        group = _make_neuron(block, options)
    else:
        group = b2.NeuronGroup(block.size, **options)
    for name, values in code.arrays.items():
        unit = b2.second if group.variables[name].dim is b2.second.dim else 1
        setattr(group, name, values * unit)
    if getattr(group, "subexpression_updater", None) is not None:
        # What is constant over a step is computed at its start, which rotated is after the arrivals.
        group.subexpression_updater.when = "before_groups"
        group.subexpression_updater.order = 1
    if code.starts_refractory:
        group.not_refractory = False
    for slot, when in (
        (code.before_update, "before_groups"),
        (code.update, "groups"),
        (code.after_update, "after_groups"),
        (code.after_synapses, "after_synapses"),
    ):
        if slot:
            group.run_regularly("\n".join(slot), when=when, name=f"{block.name}_{when}")
    return group


def _make_neuron(tree: Tree, options: Mapping[str, Any]) -> Any:
    location = None if options["threshold"] is None else tree.spike_row
    neuron = b2.SpatialNeuron(
        morphology=tree.morphology,
        threshold_location=location,
        # pF/µm² are F/m², GOhm·µm are kOhm·m.
        Cm=tree.number("capacitance") * b2.farad / b2.meter**2,
        Ri=tree.number("axial_resistivity") * 1e3 * b2.ohm * b2.meter,
        **options,
    )
    neuron.v = tree.initial["v"] * b2.mV
    return neuron


def _series(block: Block | Tree, dt_ms: float) -> dict[str, Any]:
    """The inputs of a block as `TimedArray`, for equations that call them."""
    arrays = {}
    for given in block.inputs:
        frames = given.frames
        # One value for each frame where frames are equally long, as a user would have it.
        changes = np.flatnonzero(np.diff(frames)) + 1
        length = int(changes[0]) if changes.size else int(frames.size)
        regular = np.minimum(np.arange(frames.size) // length, frames[-1])
        if given.values.shape[1] == 1 or not np.array_equal(frames, regular):
            values, length = given.values[frames], 1
        else:
            values = given.values[: int(frames[-1]) + 1]
        if values.shape[1] == 1:
            values = values[:, 0]
        name = f"{given.variable}_u_series_n"
        # Standalone code has one name space, and one input may drive several trees.
        own_name = f"{block.name}_{name}"
        arrays[name] = b2.TimedArray(values, dt=length * dt_ms * b2.ms, name=own_name)
    return arrays


def _hold(group: Any, block: Block | Tree, code: GroupCode, n_steps: int) -> list[Any]:
    """Operations that set the held inputs when they change: nothing is done in a step where none does."""
    made = []
    for given in block.inputs:
        if given.variable not in code.held:
            continue
        name = code.held[given.variable]
        array = group.variables[name].get_value()
        made.append(
            b2.NetworkOperation(
                _setter(array, given, n_steps), when="before_groups", name=f"{block.name}_{name}"
            )
        )
    return made


def _setter(array: NDArray[np.float64], given: HeldInput, n_steps: int) -> Callable[[], None]:
    changed = np.ones(n_steps, dtype=bool)
    changed[1:] = np.diff(given.frames) != 0
    due = iter([*np.flatnonzero(changed).tolist(), -1])
    state = {"next": next(due), "now": 0}

    def hold() -> None:
        if state["now"] == state["next"]:
            array[:] = given.at(state["now"])
            state["next"] = next(due)
        state["now"] += 1

    return hold


def _sample(
    built: Built,
    realization: Realization,
    blocks: Sequence[Block | Tree],
    groups: Mapping[str, Any],
) -> None:
    """One monitor for all variables of a group that are recorded from the same cells or compartments."""
    wanted: dict[tuple[str, str], list[tuple[tuple[str, str], NDArray[np.int64], float]]] = {}
    for population, variable, cells in realization.recorded():
        for block in blocks:
            if population not in {p.name for p in block.members}:
                continue
            if isinstance(block, Tree):
                for name, rows, scale in _rows(block, variable, cells):
                    wanted.setdefault((block.name, name), []).append(
                        ((population, variable), rows, scale)
                    )
            else:
                rows = cells.astype(np.int64) + block.offsets[population]
                wanted.setdefault((block.name, mangled(variable)), []).append(
                    ((population, variable), rows, 1.0)
                )
    monitors: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    columns: list[tuple[tuple[str, tuple[int, ...]], str, tuple[str, str], Any, float]] = []
    for (name, variable), parts in wanted.items():
        every = np.unique(np.concatenate([rows for _, rows, _ in parts]))
        key = (name, tuple(every.tolist()))
        monitors.setdefault(key, []).append(variable)
        for target, rows, scale in parts:
            columns.append((key, variable, target, np.searchsorted(every, rows), scale))
    made = {}
    for k, ((name, rows_key), variables) in enumerate(monitors.items()):
        made[name, rows_key] = b2.StateMonitor(
            groups[name],
            variables,
            record=np.asarray(rows_key),
            when="before_groups",
            name=f"{name}_samples_{k}",
        )
        built.network.add(made[name, rows_key])
    for key, variable, target, chosen, scale in columns:
        built.samples.setdefault(target, []).append(Samples(made[key], variable, chosen, scale))


def _rows(
    tree: Tree, variable: str, cells: NDArray[np.int32]
) -> Iterator[tuple[str, NDArray[np.int64], float]]:
    """The name in Brian2 of a variable of a tree, where it is, and what to multiply it by."""
    if tree.index in cells:
        name, compartment = tree.plan.home[variable]
        row = np.asarray([tree.rows[compartment]])
        yield ("v", row, 1e3) if name == "v" else (mangled(name), row, 1.0)


def _make_synapses(
    link: Link,
    groups: Mapping[str, Any],
    codes: Mapping[str, GroupCode],
    choices: Choices,
    namespace: Mapping[str, Any],
    dt_ms: float,
) -> Any:
    code = codes[link.target]
    names: dict[str, Any] = {**namespace, **code.constants}
    one_weight = np.ndim(link.weight) == 0
    if one_weight:
        names["w"] = float(link.weight)
    delay = _delay_ms(link, choices, dt_ms)
    one_delay = np.ndim(delay) == 0
    model, on_pre, numbers, arrays = plastic_code(link, code.on_pre[link.receptor])
    names |= numbers
    if not one_weight:
        model = f"w : 1 (constant)\n{model}"
    synapses = b2.Synapses(
        groups[link.source],
        groups[link.target],
        model,
        on_pre=on_pre,
        namespace=names,
        name=link.name,
        **({"delay": delay * b2.ms} if one_delay else {}),
    )
    synapses.connect(i=link.pre, j=link.post)
    if not one_weight:
        synapses.w = link.weight
    for name, values in arrays.items():
        setattr(synapses, name, values)
    if not one_delay:
        synapses.pre.delay = delay * b2.ms
    return synapses


def _delay_ms(link: Link, choices: Choices, dt_ms: float) -> Any:
    """The delay to give to Brian2's queue."""
    offset = choices.source_offset if link.source == GIVEN else choices.delay_offset
    if choices.delay_rounding:
        return (link.delay_steps + offset) * dt_ms
    if offset == 0:
        return link.delay_ms
    # As Brian2 rounds it, then moved by whole steps; its queue has no negative delay.
    return np.maximum(brian2_delay_steps(link.delay_ms, dt_ms) + offset, 0) * dt_ms


def spikes_of(
    built: Built, blocks: Sequence[Block | Tree], choices: Choices, realization: Realization
) -> dict[str, Spikes]:
    """The spikes of all populations, stamped as Brian2 or the contract has it."""
    dt_ms = realization.dt_ms
    parts_of: dict[str, list[tuple[Any, Any]]] = {name: [] for name in realization.populations}
    for block in blocks:
        monitor = built.spikes.get(block.name)
        if monitor is None:
            continue
        cells = np.asarray(monitor.i[:])
        steps = np.rint(np.asarray(monitor.t_[:]) / (dt_ms * 1e-3)).astype(np.int64) + choices.lag
        within = steps <= realization.n_steps
        cells, steps = cells[within], steps[within]
        if not choices.spike_stamp:
            steps = np.maximum(steps - 1, 0)
        for population in block.members:
            if isinstance(block, Tree):
                parts_of[population.name].append((steps, np.full(steps.size, block.index)))
                continue
            first = block.offsets[population.name]
            mine = (cells >= first) & (cells < first + population.size)
            parts_of[population.name].append((steps[mine], cells[mine] - first))
    return {name: _joined(parts, dt_ms) for name, parts in parts_of.items()}


def _joined(parts: Sequence[tuple[Any, Any]], dt_ms: float) -> Spikes:
    nothing = np.empty(0, dtype=np.int64)
    steps = np.concatenate([nothing, *(steps for steps, _ in parts)])
    return Spikes.from_steps(steps, np.concatenate([nothing, *(c for _, c in parts)]), dt_ms)


def traces_of(
    built: Built, realization: Realization, choices: Choices
) -> dict[tuple[str, str], Trace]:
    """The samples of all that is recorded, to the end of the run or, in Brian2's way, to the step before."""
    samples = realization.n_steps + (1 if choices.last_sample else 0)
    traces = {}
    for population, variable, cells in realization.recorded():
        parts = [part.values()[:samples] for part in built.samples[population, variable]]
        cell = realization.populations[population].cell
        traces[population, variable] = Trace(
            np.ascontiguousarray(np.concatenate(parts, axis=1)),
            cells,
            internal_unit(cell.variable(variable).dimension),
            0.0,
            realization.dt_ms,
        )
    return traces
