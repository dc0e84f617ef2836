"""What a process of coincide knows of itself, told by the command line that it was started with."""

from __future__ import annotations

import os

ALONE = "COINCIDE_ALONE"
"""The variable that is set where a process is one run and nothing else: no user's code ever runs in it."""


def is_alone() -> bool:
    """Whether this process is one run and nothing else."""
    return bool(os.environ.get(ALONE))
