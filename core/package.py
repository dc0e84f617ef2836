"""Where this package lies, for those that read its code or start a Python that has to find it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The folder of coincide: core, backends, models, comparisons and data lie in it."""


def environment_that_finds_it(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that imports coincide from here, even where it is not installed.

    ``PYTHONPATH`` stays what it is where the folder is not called coincide: a package that is installed in
    place, and is found without.
    """
    given = dict(environment)
    paths = [p for p in (given.get("PYTHONPATH"),) if p]
    if ROOT.name == "coincide":
        paths.append(str(ROOT.parent))
    if paths:
        given["PYTHONPATH"] = os.pathsep.join(paths)
    return given
