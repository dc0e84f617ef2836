"""Words for numbers and verdicts, the same in every study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...core.caveats import Caveat, CaveatKind
from ...core.experiment import Experiment

SYMBOLS: Mapping[str, str] = {
    "identical": "≡",
    "round-off": "≈",
    "close": "~",
    "undecided": "?",
    "different": "≠",
    "ok": "✓",
    "failed": "✕",
    "unsupported": "∅",
    "timeout": "…",
}
"""One sign for every verdict and status, so that colour is never alone."""


def titled(experiment: Experiment) -> str:
    """An experiment's name and, if it has one, its variant."""
    return f"{experiment.name} {experiment.variant}".strip()


def scientific(value: float | None) -> str:
    """A number of any size in few characters; 0 stays 0, and what there is not is a dash."""
    if value is None or value != value:
        return "–"
    if value == 0:
        return "0"
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e5 else f"{value:.1e}"


def enumerate_words(words: Sequence[str]) -> str:
    """Words as in a sentence: a, b and c."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


_CAVEAT_WORDS: Mapping[CaveatKind, str] = {
    "not run": "Not run",
    "not finished": "Not finished",
    "not finite": "Not finite",
    "implausible": "Implausible",
    "rate of the step": "A rate of the step, not of the model",
    "ambiguous": "Ambiguous",
    "not settled": "Not settled",
    "not read": "Not read",
    "assumed": "Assumed",
}


def caveat_sentences(caveats: Iterable[Caveat]) -> list[str]:
    """What was not seen, or cannot be trusted, and what was assumed: a sentence each."""
    return [f"{_CAVEAT_WORDS[c.kind]}: {str(c).rstrip('.')}." for c in dict.fromkeys(caveats)]
