"""Hypotheses from evidence: what two recordings and the model say about a mistake that nobody declared.

Where the two first part says which numbers and mistakes can be meant. Each is replayed over the few steps
around the parting (`replay`), numbers fitted to the difference (`fitting`); those that give it to the last
digit are replayed for longer until they part from each other. What is left goes to the engine, which names a
cause only after a whole run of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from .engine import Situation
from .fitting import WORTH, fitted, guesses
from .hypothesis import Hypothesis, Side
from .mistakes import mistakes
from .replay import ENOUGH, Parting, Replay, parting
from .scalars import scalars

ALLOWED = 10.0
"""Steps that replays may cost, in runs of the model: with the engine's own runs that makes 15."""
FOR_MISTAKES, FOR_NUMBERS = 0.45, 0.75
"""Up to which part of it mistakes, then numbers are screened; the rest is for telling apart what is right."""
NEAR = 0.3
"""A hypothesis that leaves more than this share of the difference is not proposed."""
MOST = 5
"""Proposals at one time."""
AT_ONCE = 8
"""Hypotheses that are told apart by longer replays."""
AHEAD_FIRST = 100
"""Steps of the first of these, each 8 times as long as the one before."""


@dataclass(frozen=True, eq=False)
class Screened:
    """A hypothesis and the share of the difference that it leaves around the parting."""

    hypothesis: Hypothesis
    left: float


@dataclass(eq=False)
class Evidence:
    """A proposer for the engine: call it with a situation; ``replayed`` counts its cost in runs.

    The second side is changed until it does what the first does: it is the contract, or the one that others
    are held against. Nothing is proposed where it cannot be run, nor off the grid of the clock contract. Of
    two sides that are off the contract each may cost ``allowed``.
    """

    allowed: float = ALLOWED
    replayed: float = 0.0
    _about: tuple[str, str] = ("", "")
    _before: float = 0.0

    @property
    def _spent(self) -> float:
        """What replays about the present side have cost."""
        return self.replayed - self._before

    def __call__(self, situation: Situation) -> Iterable[Hypothesis]:
        """The likeliest hypotheses about the difference that is left, best first."""
        healthy = situation.b
        if self._about != (about := (situation.a.label, situation.a.backend)):
            self._about, self._before = about, self.replayed
        if not healthy.runs or not on_contract(healthy, situation):
            return ()
        at = parting(situation.recording_b, situation.recording_a)
        if at is None or self._spent >= self.allowed:
            return ()
        replay = Replay(healthy, situation.recording_b, situation.recording_a, at)
        found = sorted(self._mistakes(replay, healthy), key=_order)
        if found and found[0].left < ENOUGH:
            # Nothing is fitted where a mistake that has no number to fit gives the difference already.
            found = self._told_apart(situation, healthy, at, found)
        if not found or found[0].left >= ENOUGH:
            found = sorted([*self._numbers(replay, healthy), *found], key=_order)
            found = self._told_apart(situation, healthy, at, found)
        near = [s for s in found if s.left < NEAR][:MOST]
        # The engine tests by prior: the order found here is the order of the tests.
        return [replace(s.hypothesis, prior=0.95 - 0.05 * k) for k, s in enumerate(near)]

    def _mistakes(self, replay: Replay, healthy: Side) -> Iterator[Screened]:
        before = self.replayed - replay.cost
        for hypothesis in mistakes(replay.model, healthy.settings, replay.at):
            if self._spent > FOR_MISTAKES * self.allowed:
                return
            changed = hypothesis.change(healthy)
            said = replay(changed, quick=True)
            if said is not None and said.left < WORTH:
                said = replay(changed)
                if said is not None:
                    yield Screened(hypothesis, said.left)
            self.replayed = before + replay.cost

    def _numbers(self, replay: Replay, healthy: Side) -> Iterator[Screened]:
        before = self.replayed - replay.cost

        def spent() -> bool:
            self.replayed = before + replay.cost
            return self._spent > FOR_NUMBERS * self.allowed

        candidates = tuple(scalars(replay.model, replay.at.populations))
        if not replay.at.traced:
            for hypothesis, said in guesses(candidates, replay, healthy, spent):
                yield Screened(hypothesis, said.left)
        else:
            for scalar in candidates:
                best = None if spent() else fitted(scalar, replay, healthy)
                if best is not None:
                    yield Screened(best[0], best[1].left)
        spent()

    def _told_apart(
        self, situation: Situation, healthy: Side, at: Parting, found: list[Screened]
    ) -> list[Screened]:
        """Replay those that are right so far over longer and longer windows until one is left."""
        right = [s for s in found if s.left < ENOUGH]
        # Where none is right by itself, cells that no trace shows may have parted before.
        right = right[:AT_ONCE] or found[:AT_ONCE]
        rest = [s for s in found if s not in right]
        assert healthy.realization is not None
        n_steps = healthy.realization.n_steps
        ahead = AHEAD_FIRST
        while right:
            steps = min(at.step + ahead, n_steps)
            most = int((self.allowed - self._spent) * n_steps / steps) - 1  # one without a change
            if most < 1:
                break
            rest = [*right[most:], *rest]
            replay = Replay(
                healthy, situation.recording_b, situation.recording_a, at, ahead, whole=True
            )
            again = []
            for s in right[:most]:
                said = replay(s.hypothesis.change(healthy))
                again.append(Screened(s.hypothesis, 1.0 if said is None else said.left))
            self.replayed += replay.cost
            again.sort(key=_order)
            right = [s for s in again if s.left < ENOUGH]
            if not right:
                return sorted([*again, *rest], key=lambda s: s.left)
            rest = [*(s for s in again if s not in right), *rest]
            if len(right) == 1 or steps == n_steps:
                break
            ahead *= 8
        return [*right, *rest]


def _order(screened: Screened) -> tuple[float, float]:
    """Those that are right first, by how likely they are; then by what they leave."""
    right = screened.left < ENOUGH
    return (0.0 if right else screened.left, -screened.hypothesis.prior)


def on_contract(side: Side, situation: Situation) -> bool:
    """Whether the traces of both recordings have the samples that the clock contract asks for."""
    assert side.realization is not None
    n, dt = side.realization.n_steps + 1, side.realization.dt_ms
    traces = [t for r in (situation.recording_a, situation.recording_b) for t in r.traces.values()]
    return all(
        len(t.values) == n and abs(t.start_ms) < 1e-9 and abs(t.dt_ms - dt) < 1e-9 for t in traces
    )
