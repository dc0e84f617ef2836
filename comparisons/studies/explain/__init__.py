"""Why two runs differ: hypotheses, each tested by running without the cause it names."""

from .causes import CAUSES, Cause
from .engine import Situation, explain_sides
from .explaining import explain
from .explanation import Explanation, Finding
from .hypothesis import Hypothesis, Side

__all__ = [
    "CAUSES",
    "Cause",
    "Explanation",
    "Finding",
    "Hypothesis",
    "Side",
    "Situation",
    "explain",
    "explain_sides",
]
