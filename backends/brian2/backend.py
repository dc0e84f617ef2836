"""Brian2: equations into generated NumPy or Cython code (Stimberg, Brette & Goodman 2019, eLife 8:e47314).

raw: differential equations, threshold, reset, refractoriness, synapses, generators and timed arrays as in
Brian2's manual, in its own schedule. aligned: the same objects under the clock contract. lockstep: the
program of a scheme as one update of Brian2, under the clock contract.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.errors import RunError, UnsupportedError
from ...core.features import FEATURES
from ...core.program import METHODS
from ...core.realization import Realization, RealizedPopulation
from ...core.recording import Recording
from ...core.settings import MODES, Settings
from ..base import Backend, Watch
from ..watch import LOOKS
from .blocks import Block, Given, blocks_of, given_spikes
from .code import GroupCode, equations_code, lockstep_code
from .conventions import CONVENTIONS, Choices
from .integrators import GUARDED, slopes
from .integrators import METHODS as BRIAN2_METHODS
from .library import import_brian2
from .links import Link, links_of
from .morphology import NoMorphologyError
from .network import Built, build_network, spikes_of, traces_of
from .numerics import NUMERICS
from .states import states_of
from .target import TARGETS, choose_target, compiler_missing, mark_compiled, model_key, preferences
from .tree_code import tree_code
from .trees import NotOnTreeError, Tree, has_tree, trees_of

b2 = import_brian2()

MOST_TREES = 10
"""Cells with a tree in one network, each a `SpatialNeuron` of its own."""


class Brian2Backend(Backend):
    """Brian2 as an engine for point neurons and cable cells.

    In raw the default method is Brian2's own choice: ``exact`` for linear equations, else ``euler``. In
    aligned it is ``exact``, else ``guarded_rk4``: rk4, of order 4, that evaluates nothing beyond a threshold,
    where the equations of an exponential cell become infinite, and that moves by an exponential midpoint
    rule, of order 2, where a rate exceeds 1/dt. Brian2's own ``rk4`` does not come to the solution of such a
    cell at any dt. Cells without reset make their spikes by currents whose rates are that fast at usual steps
    (sodium: 30/ms and more); in raw they take ``exponential_euler`` where each equation is linear in its own
    variable, as Brian2's examples of Hodgkin-Huxley cells do.

    A cable cell of one compartment is a `NeuronGroup` of its lowered equations; what is ``(held)`` in them is
    ``(constant over dt)`` for exponential Euler. In raw and aligned a cell with a tree is a `SpatialNeuron`.
    Its nodes are in the middles of compartments, as ours; its v moves by an implicit step of order 1, and
    the method is that of all else.
    """

    name = "brian2"
    modes = MODES
    methods: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "raw": ("default", *BRIAN2_METHODS),
        "aligned": ("default", "exact", GUARDED, "rk4", "rk2", "exponential_euler", "euler"),
        "lockstep": ("exponential_euler", *(m for m in METHODS if m != "exponential_euler")),
    }
    features = frozenset(FEATURES)
    conventions = CONVENTIONS
    numerics = NUMERICS
    targets = TARGETS

    def version(self) -> str:
        """Brian2's version."""
        import brian2

        return f"Brian2 {brian2.__version__}"

    def _refuse(self, realization: Realization, settings: Settings) -> str | None:
        if settings.target in {"cython", "cpp_standalone"}:
            missing = compiler_missing()
            if missing:
                return f"the target {settings.target} cannot be used: {missing}"
        return None if settings.mode == "lockstep" else _refuse_trees(realization)

    def _simulate(self, realization: Realization, settings: Settings, progress: Watch) -> Recording:
        started = time.perf_counter()
        b2.BrianLogger.log_level_error()
        run = _prepare(realization, settings)
        with preferences(run.target, run.choices.lockstep) as switch, np.errstate(all="ignore"):
            try:
                return _perform(run, realization, progress, started, switch)
            except b2.BrianObjectException as error:
                raise _explain(error, settings) from error


def _refuse_trees(realization: Realization) -> str | None:
    """Why cells with a tree cannot be taken as they are; lockstep takes their lowered equations."""
    branched = _branched(realization)
    total = sum(p.size for p in branched)
    if total > MOST_TREES:
        return (
            f"it has one SpatialNeuron for each cell with a tree, {MOST_TREES} at most here, not {total}; "
            "use lockstep"
        )
    for population in branched:
        try:
            trees_of(population, own_shape=True)
        except NoMorphologyError as error:
            return (
                f"{population.name}: branches leave in the middle and at both ends of {error}, several at "
                "each end, for which its morphologies have no words; use lockstep"
            )
        except NotOnTreeError as error:
            return f"{population.name}: {error}, which SpatialNeuron has no place for; use lockstep"
    return None


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A run with its text written and its target chosen."""

    choices: Choices
    blocks: tuple[Block | Tree, ...]
    given: Given | None
    links: tuple[Link, ...]
    codes: Mapping[str, GroupCode]
    candidates: Mapping[str, Sequence[str]]
    mode: str
    target: str
    key: str


def _prepare(realization: Realization, settings: Settings) -> _Prepared:
    choices = Choices.of(settings)
    dt = realization.dt_ms
    branched = [] if choices.lockstep else _branched(realization)
    blocks = blocks_of(realization, but=[p.name for p in branched])
    trees = [tree for p in branched for tree in trees_of(p, choices.compartment_shape)]
    given = given_spikes(realization, exact_times=not choices.source_rounding)
    links = links_of(realization, blocks, trees, given)
    standalone = settings.target == "cpp_standalone"
    groups: tuple[Block | Tree, ...] = (*blocks, *trees)
    candidates = {group.name: _candidates(group, settings) for group in groups}
    codes = {}
    for block in blocks:
        hold = _holds(candidates[block.name])
        codes[block.name] = (
            lockstep_code(block, settings.scheme, dt, standalone)
            if choices.lockstep
            else equations_code(
                block, choices, dt, standalone, hold, GUARDED in candidates[block.name]
            )
        )
    for tree in trees:
        codes[tree.name] = tree_code(tree, choices, standalone)
    key = model_key(realization, groups, codes, links, choices)
    target = settings.target or "auto"
    if target == "auto":
        target = choose_target(groups, codes, len(links), realization.n_steps, key)
    return _Prepared(choices, groups, given, links, codes, candidates, settings.mode, target, key)


def _branched(realization: Realization) -> list[RealizedPopulation]:
    return [p for p in realization.populations.values() if has_tree(p)]


def _candidates(block: Block | Tree, settings: Settings) -> Sequence[str]:
    """The state updaters to try for a block, in order."""
    if settings.method not in {None, "default"} and settings.mode != "lockstep":
        return (str(settings.method),)
    if isinstance(block, Tree):
        return ("exponential_euler", "rk2" if settings.mode == "raw" else "rk4")
    last = "euler" if settings.mode == "raw" else GUARDED
    if any(v.held for v in block.cell.variables):
        return ("exponential_euler", last) if slopes(block.cell) is not None else (last,)
    if block.cell.on_crossing and settings.mode == "raw":
        return ("exact", "exponential_euler", last)
    return ("exact", last)


def _holds(candidates: Sequence[str]) -> bool:
    """Whether a block's held sub-expressions are to be constant over a step."""
    return candidates[0] == "exponential_euler"


def _perform(
    run: _Prepared, realization: Realization, watch: Watch, started: float, switch: Any
) -> Recording:
    built = build_network(
        realization,
        run.blocks,
        run.links,
        run.given,
        run.codes,
        run.choices,
        run.candidates,
        aligned=run.mode == "aligned",
    )
    switch()
    if run.target == "cpp_standalone":
        # Generates the program only; the device compiles and runs it.
        built.network.run(built.steps * realization.dt_ms * b2.ms, namespace={})
        b2.device.build(compile=True, run=False)
        begun = time.perf_counter()
        b2.device.run(with_output=False)
    else:
        begun = _run_here(built, run.blocks, realization, watch)
    ended = time.perf_counter()
    end_ms = realization.n_steps * realization.dt_ms
    watch.look(end_ms, states_of(run.blocks, built.groups, built.plastic))
    if run.target == "cython":
        mark_compiled(run.key)
    return Recording(
        duration_ms=realization.n_steps * realization.dt_ms,
        dt_ms=realization.dt_ms,
        spikes=spikes_of(built, run.blocks, run.choices, realization),
        traces=traces_of(built, realization, run.choices),
        sizes={name: p.size for name, p in realization.populations.items()},
        notes=tuple(_notes(run, built)),
        provenance={"target": run.target, **_method(run, built)},
        build_s=begun - started,
        run_s=ended - begun,
    )


def _run_here(
    built: Built, blocks: Sequence[Block | Tree], realization: Realization, watch: Watch
) -> float:
    """Run in this process; returns when the first step began, after all code was compiled."""
    begun: list[float] = []
    looking = [0.0]
    dt = realization.dt_ms

    def report(elapsed: Any, completed: float, start: Any, whole: Any) -> None:
        if not begun:
            begun.append(time.perf_counter())
        watch(float(completed))
        # Large networks are looked at more seldom: looking takes a fiftieth of the time at most.
        if completed < 1 and LOOKS * looking[0] <= time.perf_counter() - begun[0]:
            asked = time.perf_counter()
            now = min(round(completed * built.steps), realization.n_steps)
            watch.look(now * dt, states_of(blocks, built.groups, built.plastic))
            looking[0] += time.perf_counter() - asked

    try:
        built.network.run(
            built.steps * dt * b2.ms, report=report, report_period=0.05 * b2.second, namespace={}
        )
    except b2.BrianObjectException:
        # What SciPy says of a matrix with a NaN in it comes after the NaN.
        now = min(float(built.network.t / b2.ms), realization.n_steps * dt)
        watch.look(now, states_of(blocks, built.groups, built.plastic))
        raise
    return begun[0]


def _method(run: _Prepared, built: Built) -> dict[str, str]:
    """The state updaters that Brian2 took; lockstep has none."""
    if run.choices.lockstep:
        return {}
    taken = {built.integrators[b.name].taken for b in run.blocks}
    return {"method": ", ".join(sorted(taken - {""})) or "SpatialNeuron"}


def _notes(run: _Prepared, built: Built) -> Iterator[str]:
    yield f"Brian2 generated {run.target} code"
    if run.choices.lockstep:
        return
    for block in run.blocks:
        used = built.integrators[block.name]
        reason = f" ('exact' was passed over: {used.passed_over})" if used.passed_over else ""
        taken = f"Brian2's {used.taken!r}"
        if used.taken == GUARDED:
            taken = f"{used.taken!r}, in Brian2's own code"
        if isinstance(block, Tree):
            others = f", all else by {taken}" if used.taken else ""
            taken = f"SpatialNeuron: v by its implicit step{others}"
        for population in block.members:
            yield f"{population.name}: integrated by {taken}{reason}"
    if run.given is not None and run.given.origin.size:
        yield "sources with several spikes in one step are several generators of Brian2"


def _explain(error: BaseException, settings: Settings) -> Exception:
    from brian2.stateupdaters.base import UnsupportedEquationsException

    cause: BaseException | None = error
    last = error
    while cause is not None:
        last = cause
        if isinstance(cause, UnsupportedEquationsException):
            return UnsupportedError(
                "brian2", f"its method {settings.method!r} does not take the equations of {cause}"
            )
        cause = cause.__cause__
    return RunError("brian2", f"{type(last).__name__}: {last}")
