"""How Brian2 is to generate code for a run: NumPy, Cython, or a C++ program."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ...core.cache import cache_dir
from ...core.realization import Realization
from .blocks import Block
from .code import GroupCode
from .conventions import Choices
from .library import import_brian2
from .links import Link
from .plasticity import plastic_code
from .trees import Tree

TARGETS = ("numpy", "cython", "cpp_standalone")

# Measured on one core of a 2-core x86-64 machine with Brian2 2.9: seconds to compile a module and to load
# a model's compiled modules; microseconds a step for an object (a group's statements, a monitor, a pathway)
# and for a cell's statement.
_COMPILE_S, _LOAD_S = 2.1, 0.1
_NUMPY_US, _NUMPY_CELL_US = 9.0, 0.0025
_CYTHON_US, _CYTHON_CELL_US = 4.0, 0.0012
# For an operation in its statements; Brian2 writes an equation's sub-expressions out wherever they occur.
_NUMPY_OPERATION_US, _CYTHON_OPERATION_US = 0.5, 0.02
_WRITTEN_OUT = 3
_OPERATION = re.compile(r"\*\*|[-+*/<>]|\w\(")


def compiler_missing() -> str | None:
    """What is missing to compile; None if nothing is."""
    if find_spec("Cython") is None:
        return "Cython is not installed (pip install cython)"
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        return "there is no C++ compiler (apt install g++)"
    return None


def model_key(
    realization: Realization,
    blocks: Sequence[Block | Tree],
    codes: Mapping[str, GroupCode],
    links: Sequence[Link],
    choices: Choices,
) -> str:
    """A text that is the same for networks whose compiled code is the same."""
    import brian2

    parts = [brian2.__version__, np.__version__, sys.version, repr(choices)]
    for block in blocks:
        parts += [block.name, codes[block.name].text(), *(p.name for p in block.members)]
    for link in links:
        parts += [link.source, link.target, link.receptor, str(np.ndim(link.weight))]
        parts.append(str(np.ndim(link.delay_ms)))
        parts.append("\n".join(map(str, plastic_code(link, "")[:2])))
    parts += [f"{population} {variable}" for population, variable, _ in realization.recorded()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def cython_dir() -> Path:
    """Where compiled modules are kept, with a marker for each model compiled before.

    Brian2's own key of a module leaves out the compiler's flags, so that ours are in a place of their own.
    """
    return cache_dir("brian2", "cython")


def is_compiled(key: str) -> bool:
    """Whether this model ran with Cython before."""
    return (cython_dir() / f"compiled-{key}").exists()


def mark_compiled(key: str) -> None:
    """Remember that this model's modules exist."""
    (cython_dir() / f"compiled-{key}").touch()


def choose_target(
    blocks: Sequence[Block | Tree],
    codes: Mapping[str, GroupCode],
    n_links: int,
    n_steps: int,
    key: str,
) -> str:
    """NumPy, unless the modules exist or the time saved by Cython exceeds that of compiling."""
    if compiler_missing():
        return "numpy"
    objects, statements, operations = float(n_links), 0.0, 0
    for block in blocks:
        code = codes[block.name]
        lines = len(code.update) or 3 * len(block.cell.states)
        objects += 2 + 3 * (code.threshold is not None)
        statements += block.size * (lines + 1)
        operations += _operations(code)
    numpy_us = objects * _NUMPY_US + statements * _NUMPY_CELL_US + operations * _NUMPY_OPERATION_US
    cython_us = (
        objects * _CYTHON_US + statements * _CYTHON_CELL_US + operations * _CYTHON_OPERATION_US
    )
    saved_s = n_steps * (numpy_us - cython_us) * 1e-6
    cost_s = _LOAD_S if is_compiled(key) else 1.5 * objects * _COMPILE_S
    return "cython" if saved_s > cost_s else "numpy"


def _operations(code: GroupCode) -> int:
    if code.update:
        return len(_OPERATION.findall("\n".join(code.update)))
    return _WRITTEN_OUT * len(_OPERATION.findall("\n".join(code.equations)))


@contextmanager
def preferences(target: str, lockstep: bool) -> Iterator[Callable[[], None]]:
    """Brian2's preferences and device for a run, given back afterwards.

    Yields a function that sets the target, to be called when the network is built.
    """
    b2 = import_brian2()
    standalone = target == "cpp_standalone"
    wanted: dict[str, Any] = {
        # connect() stays with NumPy: compiling it takes longer than it ever does.
        "codegen.target": "numpy",
        # Cython has -O3 anyway. The default flags make Brian2 compile six files to try them, in each
        # process, and let the compiler reorder sums.
        "codegen.cpp.extra_compile_args_gcc": ["-O3"] if standalone else [],
        "codegen.runtime.cython.cache_dir": str(cython_dir()),
        "codegen.loop_invariant_optimisations": not lockstep,
    }
    before = {name: b2.prefs[name] for name in wanted}
    dt = float(b2.defaultclock.dt)

    def switch() -> None:
        if not standalone:
            b2.prefs["codegen.target"] = target

    with tempfile.TemporaryDirectory(prefix="standalone-", dir=cache_dir("brian2")) as folder:
        try:
            for name, value in wanted.items():
                b2.prefs[name] = value
            if standalone:
                b2.set_device("cpp_standalone", directory=folder, build_on_run=False)
            yield switch
        finally:
            if standalone:
                b2.device.reinit()
                b2.set_device("runtime")
            for name, value in before.items():
                b2.prefs[name] = value
            b2.defaultclock.dt = dt * b2.second
