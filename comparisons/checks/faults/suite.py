"""The suite of planted faults: is the cause named first the right one, and is nothing named without a fault?

Every case is explained as any pair is, by `explain_sides`: the faulty backend runs in a process of its own,
and so does every counter-factual. Which model a fault is planted in is a rotation, not a choice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ....backends.registry import load_backend, plug_ins, simulators
from ....core.errors import CoincideError, InputError
from ....core.realization import Realization
from ....core.realize import realize
from ....core.recording import Recording
from ....core.settings import Settings
from ...running.how import How
from ...studies.explain.engine import explain_sides
from ...studies.explain.evidence import Evidence
from ...studies.explain.explanation import Explanation
from ...studies.explain.hypothesis import Side
from ...studies.explain.recorded import from_recordings
from ...studies.explain.sizes import sizes
from ...studies.explain.trials import Trials
from .catalogue import CONTROLS, FAULTS
from .fault import Fault
from .models import MODELS, planted_model

PER_FAULT = 2
"""Models that a fault is planted in, of those tuned with and of those held out each."""


@dataclass(frozen=True)
class Case:
    """One fault in one model and one backend; ``cause`` is empty for a control.

    In lockstep a backend is held against the reference, from which it may differ by round-off only; in
    aligned mode, where every simulator integrates in its own way, against itself without the fault.
    """

    fault: str
    words: str
    cause: str
    model: str
    held_out: bool
    backend: str = "reference"
    foreign: bool = False
    mode: Literal["lockstep", "aligned"] = "lockstep"

    @property
    def healthy(self) -> str:
        """The backend that the suspicious one is held against: the reference; in aligned mode itself."""
        return "reference" if self.mode == "lockstep" else self.backend

    @property
    def suspicious(self) -> str:
        """The backend that is explained."""
        return f"fault:{self.fault}:{self.backend}" if self.fault else self.backend


@dataclass(frozen=True)
class Outcome:
    """What `explain` made of a case.

    ``named`` is the class of the first cause, empty if there is none; ``found`` its words. ``share`` of the
    disagreement is explained. ``runs`` are those of the engine, ``replayed`` what replays cost besides, in
    runs. ``caught`` is the reason why the faulty run was refused before anything could be compared.
    """

    case: Case
    named: str
    found: str
    share: float
    runs: int
    replayed: float
    wall_s: float
    caught: str = ""

    @property
    def right(self) -> bool:
        """Whether the first cause is the one planted; for a control, whether none is named."""
        return self.named == self.case.cause

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            **vars(self.case),
            "named": self.named,
            "found": self.found,
            "right": self.right,
            "share": self.share,
            "runs": self.runs,
            "replayed_runs": self.replayed,
            "wall_s": self.wall_s,
            "caught": self.caught,
        }


def cases(
    faults: Sequence[str] = (), models: Sequence[str] = (), per_fault: int = PER_FAULT
) -> Iterator[Case]:
    """The cases of the suite: every fault in some of the models in which it makes a difference.

    Raises InputError for a name that does not exist.
    """
    for name in faults:
        if name not in FAULTS:
            raise InputError(
                "--only", f"there is no planted fault {name!r}; known: {', '.join(FAULTS)}"
            )
    for name in models:
        planted_model(name)
    healthy: dict[str, tuple[Realization, Recording]] = {}
    for number, fault in enumerate(FAULTS.values()):
        if faults and fault.name not in faults:
            continue
        for held_out in (False, True):
            names = [
                m.name
                for m in MODELS.values()
                if m.held_out == held_out and (not models or m.name in models)
            ]
            turned = [names[(number + k) % len(names)] for k in range(len(names))]
            chosen = 0
            for name in turned:
                if chosen == per_fault:
                    break
                if name not in healthy:
                    model = realize(MODELS[name].build())
                    healthy[name] = model, load_backend("reference").run(model, Settings())
                if acts(fault, *healthy[name]):
                    chosen += 1
                    yield Case(
                        fault.name, fault.words, fault.cause, name, held_out, foreign=fault.foreign
                    )


_SIMULATORS: tuple[tuple[str, str, str, Literal["lockstep", "aligned"]], ...] = (
    ("weights_half", "lif_10", "brian2", "lockstep"),
    ("refractory_minus_one", "lif_10", "brian2", "aligned"),
    ("delay_plus_one", "lif_10", "neuron", "lockstep"),
    ("tau_membrane", "conductance", "neuron", "aligned"),
    ("synapse_lost", "conductance", "pymonntorch", "lockstep"),
    ("input_late", "izhikevich_50", "brian2", "lockstep"),
    ("stamps_early", "izhikevich_50", "neuron", "aligned"),
)


def in_simulators(faults: Sequence[str] = (), models: Sequence[str] = ()) -> Iterator[Case]:
    """Some of the faults in other simulators than the reference."""
    for name, model, backend, mode in _SIMULATORS:
        if (not faults or name in faults) and (not models or model in models):
            fault, held_out = FAULTS[name], MODELS[model].held_out
            yield Case(name, fault.words, fault.cause, model, held_out, backend, mode=mode)


def acts(fault: Fault, model: Realization, healthy: Recording) -> bool:
    """Whether a fault makes a difference to a model: it is planted, run here, and compared.

    *healthy* is what the reference says of the model without it.
    """
    from ...measuring.pairs import compare_recordings

    try:
        faulty = load_backend(f"fault:{fault.name}:reference").run(model, Settings())
    except InputError:
        return False  # it cannot be planted
    except CoincideError:
        return True  # so wrong that the contract refuses it: that is seen in the suite
    if fault.foreign:
        assert fault.recording is not None
        changed = fault.recording(faulty)
        if changed is None:
            return False
        faulty = changed
    pair = compare_recordings(healthy, faulty, ("healthy", "faulty"), model.dt_ms)
    return pair.verdict not in ("identical", "round-off")


def controls(models: Sequence[str] = ()) -> Iterator[Case]:
    """Pairs without a fault: the reference again, other simulators in lockstep, other orders of building."""
    wanted = [m for m in MODELS.values() if not models or m.name in models]
    for model in wanted:
        yield Case("", "the reference in another process", "", model.name, model.held_out)
    others = [name for name in simulators() if name not in plug_ins()]
    for number, model in enumerate(wanted):
        # In lockstep they may differ from the reference by round-off only.
        simulator = others[number % len(others)]
        yield Case("", f"{simulator} in lockstep", "", model.name, model.held_out, simulator)
    drawn = {model.name: realize(model.build()) for model in wanted}
    for number, control in enumerate(CONTROLS.values()):
        for k in (0, 1, 2):
            model = wanted[(number * 3 + k) % len(wanted)]
            assert control.model is not None
            if control.model(drawn[model.name]) is not None:
                yield Case(control.name, control.words, "", model.name, model.held_out)


def judge(case: Case, *, processes: bool = True, jobs: int | None = None) -> Outcome:
    """Explain one case and say what was named first."""
    started = time.perf_counter()
    realization = realize(MODELS[case.model].build())
    settings = Settings(case.mode)
    evidence = Evidence()
    healthy = Side(case.healthy, case.healthy, settings, realization)
    # A control's healthy side is another process than the suspicious one, not the same run from the cache.
    fresh = case.suspicious == "reference"
    trials = Trials(how=How(jobs=jobs), perform=None if processes else _here)
    suspicious = Side(case.fault or case.backend, case.suspicious, settings, realization)
    try:
        if case.foreign:
            recording = _recorded_elsewhere(case, healthy, trials)
            own = trials.recording(healthy)
            explanation = explain_sides(
                Side("somebody's recording", given=recording),
                Side("ours", given=own),
                trials,
                (from_recordings,),
                case.model,
            )
        elif fresh:
            again = load_backend("reference").run(realization, settings)
            explanation = explain_sides(
                Side("here", given=again),
                healthy,
                trials,
                (from_recordings, sizes, evidence),
                case.model,
            )
        else:
            explanation = explain_sides(
                suspicious, healthy, trials, (from_recordings, sizes, evidence), case.model
            )
    except CoincideError as error:
        wall = time.perf_counter() - started
        return Outcome(case, "", "", 0.0, len(trials.done), 0.0, wall, str(error))
    return _outcome(case, explanation, evidence, len(trials.done), time.perf_counter() - started)


def _here(side: Side) -> Recording:
    assert side.realization is not None
    return load_backend(side.backend).run(side.realization, side.settings)


def _recorded_elsewhere(case: Case, healthy: Side, trials: Trials) -> Recording:
    """The recording of a healthy run as a faulty recorder would have written it."""
    trials.run([healthy], "a healthy run")
    change = FAULTS[case.fault].recording
    assert change is not None
    changed = change(trials.need(healthy))
    assert changed is not None
    return replace(changed, provenance={})


def _outcome(
    case: Case, explanation: Explanation, evidence: Evidence, runs: int, wall: float
) -> Outcome:
    first = explanation.causes[0] if explanation.causes else None
    named = "" if first is None else first.cause
    if first is None and not explanation.before.settled:
        named = "unexplained"
    found = "" if first is None else first.hypothesis.words
    return Outcome(case, named, found, 1.0 - explanation.unexplained, runs, evidence.replayed, wall)


@dataclass(frozen=True)
class Score:
    """How many of some cases are right."""

    right: int
    of: int

    @property
    def share(self) -> float:
        """The share that is right; 1 of none."""
        return self.right / self.of if self.of else 1.0


@dataclass(frozen=True)
class Results:
    """The outcomes of faults and controls, with what they amount to."""

    outcomes: tuple[Outcome, ...]

    def score(self, held_out: bool | None = None, controls: bool = False) -> Score:
        """Right ones among faults (tuned, held out or both) or controls; refused runs do not count."""
        chosen = [
            o
            for o in self.outcomes
            if (o.case.cause == "") == controls
            and not o.caught
            and held_out in (None, o.case.held_out)
        ]
        return Score(sum(o.right for o in chosen), len(chosen))

    @property
    def caught(self) -> tuple[Outcome, ...]:
        """Those whose run the contract refused."""
        return tuple(o for o in self.outcomes if o.caught)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        scores = {
            "tuned": self.score(False),
            "held_out": self.score(True),
            "all": self.score(),
            "controls": self.score(controls=True),
        }
        faults = {o.case.fault for o in self.outcomes if o.case.cause}
        return {
            "faults": len(faults),
            "models": len({o.case.model for o in self.outcomes}),
            "scores": {
                n: {"right": s.right, "of": s.of, "share": s.share} for n, s in scores.items()
            },
            "caught_by_the_contract": len(self.caught),
            "most_runs": max((o.runs for o in self.outcomes), default=0),
            "most_replayed_runs": max((o.replayed for o in self.outcomes), default=0.0),
            "outcomes": [o.to_dict() for o in self.outcomes],
        }


def run_suite(
    chosen: Sequence[Case],
    *,
    processes: bool = True,
    jobs: int | None = None,
    on_end: Callable[[Outcome], None] = lambda outcome: None,
) -> Results:
    """Judge cases one after the other; each uses its own processes side by side."""
    outcomes = []
    for case in chosen:
        outcomes.append(judge(case, processes=processes, jobs=jobs))
        on_end(outcomes[-1])
    return Results(tuple(outcomes))
