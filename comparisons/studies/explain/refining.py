"""How a difference grows or shrinks: with the step, and from a perturbation of the size of round-off."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ....backends.registry import entries, load_backend
from .case import TINY, Case, of_side
from .explanation import Convergence, Finding
from .hypothesis import Hypothesis, Side
from .measure import Disagreement, growing_error
from .numerics import CHAOS, SHRINKS, STEP, at_half_step, perturbed


def ask_finer_steps(case: Case, found: Disagreement) -> Disagreement:
    """Where the integrators cannot be exchanged: whether what is left goes away with dt.

    If it shrinks, it is what the two make of a step. If it does not, although each of the two changes little
    itself, they tend to different solutions.
    """
    pair = case.without(case.removed)
    if found.settled or not _cannot_be_exchanged(case):
        return found
    at_dt = _error(case, *pair)
    finer = _finer(case, pair, "what is left at half the step")
    at_half = None if finer is None else _error(case, *finer)
    if at_dt is None or at_half is None or finer is None or pair[0].realization is None:
        return found
    shrinks = at_half[0] < SHRINKS * at_dt[0]
    if not shrinks:
        own = [_error(case, x, y) for x, y in zip(pair, finer, strict=True)]
        if any(e is None or e[0] > 0.5 * at_dt[0] for e in own):
            return found
    cause: Literal["integrator", "non_convergent"] = "integrator" if shrinks else "non_convergent"
    step = Hypothesis(
        cause,
        STEP,
        f"{case.a.label} and {case.b.label} make different things of a step",
        "both",
        lambda side: side,
    )
    convergence = Convergence(pair[0].realization.dt_ms, at_dt[0], at_half[0], at_dt[1], shrinks)
    case.findings.append(
        Finding(
            cause,
            step,
            "both",
            0.0,
            found,
            case.ids(finer, step),
            case.ids(pair, step),
            convergence=convergence,
        )
    )
    return replace(found, total=0.0)


def _cannot_be_exchanged(case: Case) -> bool:
    """Whether one of the two has no steps of its own, or lockstep could not be run."""
    if not (case.a.runs and case.b.runs):
        return False
    sides = (case.a, case.b)
    if any(s.backend in entries() and not load_backend(s.backend).on_grid for s in sides):
        return True
    locked = [t for t in case.trials.done.values() if t.settings.mode == "lockstep"]
    return any(t.status != "ok" for t in locked)


def _finer(case: Case, pair: tuple[Side, Side], purpose: str) -> tuple[Side, Side] | None:
    """A pair at half the step, run; None if that cannot be had."""
    one, other = (at_half_step(side) for side in pair)
    if one is None or other is None or case.trials.cost((one, other)) > case.trials.left:
        return None
    case.trials.run((one, other), purpose)
    return one, other


def ask_for_chaos(case: Case, before: Disagreement, found: Disagreement) -> Disagreement:
    """Whether round-off alone grows to what is left; then that is what it is."""
    b = case.without(case.removed)[1]
    if found.total < 0.01 * before.total or not b.runs:
        return found
    kicked = perturbed(b)
    if case.trials.cost([kicked]) > case.trials.left:
        return found
    case.trials.run([kicked], "a perturbation of the size of round-off")
    grown = case.trials.measure(b, kicked)
    if grown is None or grown.total < 0.5 * found.total:
        return found
    chaos = Hypothesis(
        "chaos",
        CHAOS,
        f"moved by 10⁻¹² of its initial values comes to disagree with itself by {grown.total:.2g}, "
        f"from {grown.until_ms or 0:g} ms on: this is what is left between the two",
        "b",
        lambda side: side,
    )
    case.findings.append(
        Finding("chaos", chaos, b.label, 0.0, found, case.trials.id(kicked), case.trials.id(b))
    )
    return replace(found, total=0.0)


def refine(case: Case) -> None:
    """For what may be numerics: does its effect go to 0 with dt? That tells the classes apart."""
    for k, finding in enumerate(case.findings):
        if finding.cause not in ("integrator", "non_convergent") or finding.convergence:
            continue
        if finding.effect.total < TINY:
            continue
        convergence = _convergence(case, finding)
        if convergence is not None:
            cause: Literal["integrator", "non_convergent"] = (
                "integrator" if convergence.shrinks else "non_convergent"
            )
            case.findings[k] = replace(finding, cause=cause, convergence=convergence)


def _convergence(case: Case, finding: Finding) -> Convergence | None:
    conventions = [c.hypothesis for c in case.candidates]
    if finding.hypothesis.side == "both":
        pair = case.without(conventions)
    else:
        side = finding.hypothesis.side
        others = [h for h in conventions if h is not finding.hypothesis]
        pair = of_side(case.without(others), side), of_side(case.without(conventions), side)
    at_dt = _error(case, *pair)
    if at_dt is None or pair[0].realization is None:
        return None
    halves = _finer(case, pair, f"half the step: {finding.name}")
    if halves is None:
        return None
    at_half = _error(case, *halves)
    if at_half is None or at_dt[0] == 0:
        return None
    shrinks = at_half[0] < SHRINKS * at_dt[0]
    return Convergence(pair[0].realization.dt_ms, at_dt[0], at_half[0], at_dt[1], shrinks)


def _error(case: Case, a: Side, b: Side) -> tuple[float, str] | None:
    one, other = case.trials.recording(a), case.trials.recording(b)
    return None if one is None or other is None else growing_error(one, other)
