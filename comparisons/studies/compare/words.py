"""A comparison in words: labels of runs, one sentence for every mode."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from ....core.caveats import Caveat
from ...measuring.pairs import VERDICTS, Pair
from ...measuring.wording import caveat_sentences, enumerate_words, scientific
from ...running.runs import Run
from .study import Comparison, yardstick

MEANING: Mapping[str, str] = {
    "identical": "every spike and every sample the same to the bit",
    "round-off": "the same spikes; traces within 10⁻⁹ of the range of the variable",
    "close": "every spike has a partner within the tolerance",
    "undecided": "nothing differs in what was seen, but not all was, or it cannot be trusted",
    "different": "spikes without a partner, or traces apart",
}


def reference_of(runs: Sequence[Run]) -> Run | None:
    """The run that others are held against: the oracle or the reference if there, else the first."""
    return min(runs, key=yardstick, default=None)


def run_labels(runs: Sequence[Run]) -> dict[str, str]:
    """A short label for every run id: the backend, and what tells it from others of its mode."""
    labels = {}
    for run in runs:
        same = [r for r in runs if r.backend == run.backend and r.mode == run.mode]
        rest = run.id.removeprefix(f"{run.backend}-").removeprefix(run.mode).strip("-")
        labels[run.id] = run.backend if len(same) == 1 else f"{run.backend} {rest}".strip()
    return labels


def modes_of(comparison: Comparison) -> list[str]:
    """The modes of a comparison in the order in which they were asked for."""
    return list(dict.fromkeys(run.mode for run in comparison.runs))


def pairs_of(comparison: Comparison, mode: str) -> list[Pair]:
    """The pairs of one mode."""
    ids = {run.id for run in comparison.runs if run.mode == mode}
    return [pair for pair in comparison.pairs if pair.a in ids]


def sentences(comparison: Comparison) -> list[str]:
    """The verdict of every mode, then of every pair, how runs failed, what cannot be trusted, notes."""
    c, told = comparison, comparison.caveats
    said = [f"{mode}: {c.verdict_in(mode) or 'nothing to compare'}" for mode in modes_of(c)]
    said += [f"{p.a} and {p.b}: {p.verdict}, {p.words_beside(told)}" for p in c.pairs]
    said += [f"{run.id}: {run.status}, {run.reason}" for run in c.runs if not run.ok]
    said += [f"{seen.kind}: {seen}" for run in c.runs if run.ok for seen in c.seen[run.id]]
    return [*said, *c.notes]


def mode_sentences(comparison: Comparison, mode: str) -> list[str]:
    """The verdict of one mode in words: who coincides, who differs by what, and what was not seen."""
    runs = [run for run in comparison.runs if run.mode == mode]
    labels = run_labels(comparison.runs)
    good = [run for run in runs if run.ok]
    pairs = pairs_of(comparison, mode)
    said = []
    if pairs:
        said += _about_pairs(good, pairs, labels, comparison.caveats)
    elif good:
        said.append(
            f"Only {_named(good, labels)} ended well, so there is nothing to compare it with."
        )
    for run in runs:
        if not run.ok:
            said.append(f"{_first_upper(labels[run.id])} {_ending(run)}")
    return [*said, *caveat_sentences(c for run in good for c in comparison.seen[run.id])]


_VERBS: Mapping[str, tuple[str, str]] = {
    "close": ("is close to", "are close to"),
    "undecided": ("cannot be judged against", "cannot be judged against"),
    "different": ("differs from", "differ from"),
}


def _about_pairs(
    good: Sequence[Run], pairs: Sequence[Pair], labels: Mapping[str, str], told: Container[Caveat]
) -> list[str]:
    """Who coincides and who differs by what; the caveats *told* are said elsewhere."""
    groups = _groups(good, pairs)
    base = groups[0]
    inside = _within(base, pairs)
    said = []
    if len(base) > 1:
        worst = max(inside, key=_badness)
        manner = "coincide" if worst.verdict == "identical" else "coincide to round-off"
        said.append(f"{_first_upper(_named(base, labels))} {manner}: {worst.words_beside(told)}.")
    for group in groups[1:]:
        across = [
            p
            for p in pairs
            if {p.a, p.b} & {r.id for r in base} and {p.a, p.b} & {r.id for r in group}
        ]
        reference = reference_of(base)
        assert reference is not None
        direct = [p for p in across if reference.id in (p.a, p.b)]
        worst = max(direct or across, key=_badness)
        one = len(group) == 1
        verb = _VERBS[worst.verdict][0 if one else 1]
        other = labels[reference.id]
        other = f"the {other}" if other in ("reference", "oracle") else other
        text = f"{_first_upper(_named(group, labels))} {verb} {other}: {worst.words_beside(told)}"
        said.append(text + ("." if one else "; they coincide with each other."))
    return said


def _groups(good: Sequence[Run], pairs: Sequence[Pair]) -> list[list[Run]]:
    """Runs that coincide to round-off, group by group; the group of the reference first."""
    group = {run.id: k for k, run in enumerate(good)}
    for pair in pairs:
        if pair.verdict in ("identical", "round-off"):
            old, new = group[pair.b], group[pair.a]
            group = {run_id: new if g == old else g for run_id, g in group.items()}
    reference = reference_of(good)
    assert reference is not None
    order = dict.fromkeys([group[reference.id], *(group[run.id] for run in good)])
    return [[run for run in good if group[run.id] == g] for g in order]


def _within(group: Sequence[Run], pairs: Sequence[Pair]) -> list[Pair]:
    ids = {run.id for run in group}
    return [p for p in pairs if p.a in ids and p.b in ids]


def _badness(pair: Pair) -> tuple[int, float, float]:
    relative = max((row.relative for row in pair.traces if row.n_compared), default=0.0)
    lonely = sum(row.missing + row.extra for row in pair.spikes)
    return VERDICTS.index(pair.verdict), float(lonely), relative


def _named(runs: Sequence[Run], labels: Mapping[str, str]) -> str:
    """Runs in a sentence, the reference last."""
    ordered = sorted(runs, key=lambda run: run.backend == "reference")
    return enumerate_words(
        [f"the {n}" if n in ("reference", "oracle") else n for n in (labels[r.id] for r in ordered)]
    )


def _ending(run: Run) -> str:
    reason = run.reason.rstrip(".") or "no reason was given"
    if run.status == "unsupported":
        return f"does not support it: {reason}."
    if run.status == "timeout":
        return f"was stopped: {reason}."
    return f"failed: {reason}."


def _first_upper(text: str) -> str:
    # Names of simulators keep their case; only an article starts the sentence with a capital.
    return "The" + text[3:] if text.startswith("the ") else text


def main_number(pair: Pair) -> str:
    """The number that a verdict rests on, in a few characters."""
    if pair.verdict == "identical" or not (pair.spikes or pair.traces):
        return ""
    n_a, n_b = (sum(getattr(row, side) for row in pair.spikes) for side in ("n_a", "n_b"))
    matched = sum(row.matched for row in pair.spikes)
    if matched < max(n_a, n_b):
        return f"{matched:,} of {max(n_a, n_b):,} spikes"
    compared = [row.relative for row in pair.traces if row.n_compared]
    return scientific(max(compared)) if compared else f"{matched:,} spikes"
