"""Measuring: the runs of the probes on every backend, and the `Sheet` made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from ....backends.base import Backend
from ....backends.registry import entries, is_installed, load_backend
from ....core.errors import InputError, unknown
from ....core.program import METHODS
from ....core.realization import Realization
from ....core.settings import MODES, Mode, Settings
from ...running.how import Callbacks, How, Listener
from ...running.runs import DEFAULT_TIMEOUT_S, Run
from ...running.store import store_realization
from .catalogue import BATCHES, PROBES
from .pack import Packed, pack
from .probe import Probe
from .sheet import (
    Cell,
    Change,
    Column,
    Declaration,
    Sheet,
    Status,
    cell_of,
    cell_without,
    declarations_of,
)
from .store import changes_since, keep, key_of, recall
from .view import View

Group = tuple[Probe, ...]
Target = tuple[str, Settings]
OnRun = Callable[[Run | None], None]


def conventions(
    backends: Sequence[str] | None = None,
    modes: Sequence[Mode] = ("raw",),
    *,
    jobs: int | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    fresh: bool = False,
    listener: Listener | None = None,
    on_run: OnRun | None = None,
) -> Sheet:
    """Measure the conventions of backends (all installed by default) in some modes.

    Every run is a process of its own; what was measured of the same version is kept. *listener* is told of
    every run; *on_run*, in its place, is called with None for each run that is asked for and with the `Run`
    when it ended. Raises InputError for an unknown backend or mode.
    """
    names, notes = _chosen(backends)
    for mode in modes:
        if mode not in MODES:
            raise unknown("--mode", "mode", mode, MODES)
    if listener is None:
        listener = Listener() if on_run is None else _listener(on_run)
    machine = _Machine(How(jobs=jobs, timeout_s=timeout_s, fresh=fresh, listener=listener))
    kept: dict[Target, tuple[Column, tuple[Declaration, ...]]] = {}
    missing: list[Target] = []
    for name in names:
        for mode in dict.fromkeys(modes):
            target = name, Settings(mode=mode)
            known = None if fresh else recall(name, mode, key_of(*target))
            if known is not None:
                kept[target] = known
            elif (problem := machine.without(name, mode)) is not None:
                notes.append(problem)
            else:
                missing.append(target)
    measured = dict(zip(missing, _columns(missing, machine, BATCHES.values()), strict=True))
    for target, column in measured.items():
        kept[target] = column, _declarations(column, machine) if column.mode == "raw" else ()
    columns: list[Column] = []
    declarations: list[Declaration] = []
    changes: list[Change] = []
    asked = [(name, Settings(mode=mode)) for name in names for mode in dict.fromkeys(modes)]
    for target in (t for t in asked if t in kept):
        column, declared = kept[target]
        columns.append(column)
        declarations += declared
        changes += changes_since(column)
        if target in measured:
            keep(column, key_of(*target), declared)
    return Sheet(PROBES, tuple(columns), tuple(declarations), tuple(changes), tuple(notes))


def _listener(on_run: OnRun) -> Listener:
    return Callbacks(
        on_start=lambda place, job: on_run(None), on_end=lambda place, run: on_run(run)
    )


def _chosen(backends: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """The backends to measure, and notes on those that are left out."""
    notes = []
    for name in backends or ():
        if name not in entries():
            raise unknown("-b", "backend", name, entries())
        if not is_installed(name):
            install = entries()[name].install
            notes.append(f"{name} is not installed" + (f": {install}" if install else ""))
    names = [n for n in dict.fromkeys(backends or entries()) if is_installed(n)]
    if not names:
        raise InputError("-b", f"none of these can be measured here; {'; '.join(notes)}")
    return names, notes


@dataclass(frozen=True)
class _Machine:
    """How runs are performed, and the backends for what they declare, loaded when that is asked for."""

    how: How
    _loaded: dict[str, Backend | None] = field(default_factory=dict)

    def simulator(self, name: str) -> Backend | None:
        """A backend; None where it lives in an environment of its own."""
        if name not in self._loaded:
            try:
                self._loaded[name] = load_backend(name)
            except InputError:
                self._loaded[name] = None
        return self._loaded[name]

    def without(self, name: str, mode: Mode) -> str | None:
        """What to say of a backend that has no such mode; None if it has."""
        simulator = self.simulator(name)
        if simulator is None or mode in simulator.modes:
            return None
        return f"{name} has no {mode} mode (it has {', '.join(simulator.modes)})"

    def on_grid(self, backend: str) -> bool:
        """Whether a backend's spikes lie on the grid."""
        simulator = self.simulator(backend)
        return simulator is None or simulator.on_grid

    def has(self, target: Target, method: str) -> bool:
        """Whether a backend has a method in the mode of its settings."""
        simulator = self.simulator(target[0])
        return simulator is None or method in simulator.methods.get(target[1].mode, METHODS)

    def perform(self, todo: Sequence[tuple[Path, Realization, Target]]) -> tuple[Run, ...]:
        """The runs of realizations, side by side."""
        return self.how.perform(
            [self.how.job(path, drawn, *target) for path, drawn, target in todo]
        )


def _columns(
    targets: Sequence[Target], machine: _Machine, groups: Iterable[Group]
) -> tuple[Column, ...]:
    """A column of the cells of some groups for every backend and its settings."""
    cells: dict[Target, dict[str, Cell]] = {target: {} for target in targets}
    versions: dict[Target, str] = {}
    todo = [(group, target) for group in groups for target in targets]
    # A run that is refused or fails is done again in parts, until it is known which probes it is about.
    while todo:
        todo = _round(todo, machine, cells, versions)
    return tuple(
        Column(
            name,
            settings.mode,
            versions.get((name, settings), ""),
            tuple(found[p.name] for p in PROBES if p.name in found),
        )
        for name, settings in targets
        for found in [cells[name, settings]]
    )


def _round(
    todo: Sequence[tuple[Group, Target]],
    machine: _Machine,
    cells: Mapping[Target, dict[str, Cell]],
    versions: dict[Target, str],
) -> list[tuple[Group, Target]]:
    """Run groups of probes on targets, fill in the cells, and return what is to be run in parts."""
    again: list[tuple[Group, Target]] = []
    made: list[tuple[Group, Target, Packed, Realization, Path]] = []
    for group, target in todo:
        method = group[0].method
        if method is not None and not machine.has(target, method):
            cells[target].update(
                (p.name, Cell(p.name, "refused", None, f"no {method}", "none")) for p in group
            )
            continue
        packed = _packed(group)
        try:
            realization, path = store_realization(packed.experiment)
        except InputError as error:
            if len(group) > 1:
                again += [(part, target) for part in _smaller(group)]
            else:
                cells[target][group[0].name] = cell_without(group[0], "refused", str(error))
            continue
        made.append((group, target, packed, realization, path))
    runs = machine.perform(
        [
            (path, realization, (name, replace(settings, method=group[0].method)))
            for group, (name, settings), _, realization, path in made
        ]
    )
    for (group, target, packed, realization, _), run in zip(made, runs, strict=True):
        if run.version:
            versions[target] = run.version
        if not run.ok and len(group) > 1:
            again += [(part, target) for part in _smaller(group)]
            continue
        cells[target].update(
            (probe.name, _cell(probe, run, packed, realization, machine.on_grid(target[0])))
            for probe in group
        )
    return again


@lru_cache(maxsize=64)
def _packed(group: Group) -> Packed:
    return pack("probes", [(probe.name, probe.parts) for probe in group])


def _smaller(group: Group) -> list[Group]:
    """A group section by section; one of a single section probe by probe."""
    sections = dict.fromkeys(probe.section for probe in group)
    if len(sections) > 1:
        return [tuple(p for p in group if p.section == section) for section in sections]
    return [(probe,) for probe in group]


def _cell(probe: Probe, run: Run, packed: Packed, realization: Realization, on_grid: bool) -> Cell:
    run_id = run.folder.name[:12] if run.folder is not None else ""
    if not run.ok:
        status: Status = "refused" if run.status == "unsupported" else "failed"
        return cell_without(probe, status, run.reason or run.status, run_id)
    try:
        number = probe.read(View(probe.name, run.recording, realization, packed.places))
    except (LookupError, ValueError, ArithmeticError) as error:
        reason = f"its recording cannot be read: {type(error).__name__}: {error}"
        return cell_without(probe, "failed", reason, run_id)
    return cell_of(probe, number, on_grid, run_id)


def _declarations(column: Column, machine: _Machine) -> tuple[Declaration, ...]:
    """What the backend of a column in raw declares, against its cells.

    A convention that no row shows may be covered up by another: it is then left alone, all others undone.
    So is one of a name that no probe knows, a plug-in's own, with all probes: it is about the rows that are
    others without it.
    """
    simulator = machine.simulator(column.backend)
    if simulator is None:
        return ()
    declared = {c.name: c.does for c in simulator.conventions}
    first = declarations_of(column.backend, declared, column, PROBES, {})
    unseen = [d.convention for d in first if d.standing == "not shown"]
    unknown_names = [d.convention for d in first if d.standing == "not probed"]
    own = _rows_of(unknown_names, column.backend, tuple(declared), machine)
    alone = dict(own)
    for name in unseen:
        target = _alone(name, column.backend, tuple(declared))
        informing = [
            p for p in PROBES if name in p.informs and column.cell(p.name).status == "measured"
        ]
        groups = [tuple(p for p in informing if p.batch == batch) for batch in BATCHES]
        found = _columns([target], machine, [group for group in groups if group])
        alone[name] = found[0].others
    return declarations_of(column.backend, declared, column, PROBES, alone, own)


def _alone(name: str, backend: str, declared: Sequence[str]) -> Target:
    """A backend with one convention left, all others undone; with none for a name that is none of them."""
    return backend, Settings(mode="raw", undone=tuple(n for n in declared if n != name))


def _rows_of(
    names: Sequence[str], backend: str, declared: Sequence[str], machine: _Machine
) -> dict[str, tuple[str, ...]]:
    """The probes that find something else than the contract where one convention alone is left."""
    if not names:
        return {}
    targets = [_alone(name, backend, declared) for name in ("", *names)]
    bare, *left = _columns(targets, machine, BATCHES.values())
    return {
        name: tuple(p for p in one.others if one.cell(p).text != bare.cell(p).text)
        for name, one in zip(names, left, strict=True)
    }
