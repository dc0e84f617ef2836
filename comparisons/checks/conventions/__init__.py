"""Probes: tiny experiments that measure the conventions of the installed simulators.

`conventions` runs them and gives the `Sheet`; `PROBES` are the questions that are asked.
"""

from __future__ import annotations

from .catalogue import PROBES
from .measure import conventions
from .probe import Probe
from .sheet import Cell, Change, Column, Declaration, Sheet

__all__ = ["PROBES", "Cell", "Change", "Column", "Declaration", "Probe", "Sheet", "conventions"]
