"""Whether and how the update of a population is given to torch.compile."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from ...core.cache import cache_dir
from .cells import Cells
from .update import Fused

# Measured on one core of a 2-core x86-64 machine with torch 2.13: microseconds of a call of an operation
# and of its work on one cell; of a call of a compiled update, and of an operation in it on one cell. An
# operation on another device is a kernel to be launched.
_CALL_US, _CELL_US, _LAUNCH_US = 0.9, 0.0006, 6.0
_FUSED_US, _FUSED_CELL_US = 30.0, 0.00025
# Seconds to compile an update with so many operations, the first time and from the cache.
_COMPILE_S, _COMPILE_EACH_S = 6.0, 0.02
_LOAD_S, _LOAD_EACH_S = 3.0, 0.004
# A tree of many compartments would keep the compiler busy for minutes.
_MOST_OPERATIONS = 3000


class CompilationError(Exception):
    """torch.compile failed; the text is the reason in one line."""


def pays(cells: Cells, n_steps: int) -> bool:
    """Whether a run of so many steps takes longer without torch.compile than with it and compiling.

    Compiled code is kept, so that a shorter run pays once the same was compiled before.
    """
    count = cells.operations
    if count > _MOST_OPERATIONS or not _can_compile(cells.place.device.type):
        return False
    work = count * cells.size
    if cells.place.host:
        eager_us, fused_us = count * _CALL_US + work * _CELL_US, work * _FUSED_CELL_US
    else:
        eager_us, fused_us = count * _LAUNCH_US, 0.0
    saved_s = n_steps * (eager_us - fused_us - _FUSED_US) * 1e-6
    cost_s = 0.0
    for fused in cells.fused():
        known = _marker(fused).exists()
        cost_s += _LOAD_S + _LOAD_EACH_S * count if known else _COMPILE_S + _COMPILE_EACH_S * count
    return saved_s > cost_s


def _can_compile(device: str) -> bool:
    """Whether there is what torch.compile needs for a device: a C++ compiler, Triton."""
    compilers = [os.environ.get("CXX"), "c++", "g++", "clang++"]
    if not any(shutil.which(name) for name in compilers if name):
        return False
    return device == "cpu" or (device in ("cuda", "xpu") and find_spec("triton") is not None)


def _marker(fused: Fused) -> Path:
    """A file that exists once the same update was compiled for tensors of the same shapes."""
    parts = [torch.__version__, sys.version, str(torch.get_num_threads()), fused.source]
    parts += [f"{t.device.type} {t.dtype} {tuple(t.shape)}" for t in fused.arguments]
    parts.append(os.environ.get(_PLACE, ""))
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
    return cache_dir("torch") / f"compiled-{key}"


def compile_update_of(cells: Cells) -> None:
    """Replace the update of a population by a compiled one, compiled now, on states that are put back.

    Raises CompilationError with the reason in one line.
    """
    before = cells.state.clone()
    moves = []
    for fused in cells.fused():
        try:
            with _torch_cache():
                function = torch.compile(fused.function, dynamic=False, options=_options())
                function(*fused.arguments)
        except Exception as error:  # whatever a compiler that is missing or broken may raise
            lines = (str(error).strip() or type(error).__name__).splitlines()
            raise CompilationError(lines[0]) from error
        finally:
            cells.state.copy_(before)
        _marker(fused).touch()
        moves.append(_bound(function, fused.arguments))
    cells.move, cells.move_some = moves[0], moves[-1]


def _bound(function: Any, arguments: list[torch.Tensor]) -> Any:
    def move() -> None:
        function(*arguments)

    return move


def _options() -> dict[str, Any]:
    options: dict[str, Any] = {"compile_threads": 1}
    skip = getattr(torch.compiler, "skip_all_guards_unsafe", None)
    if skip is not None:
        # The arguments are the same tensors in every call.
        options["guard_filter_fn"] = skip
    return options


_PLACE = "TORCHINDUCTOR_CACHE_DIR"


@contextmanager
def _torch_cache() -> Iterator[None]:
    """Compiled code goes to coincide's cache, unless torch was told another place."""
    if _PLACE in os.environ:
        yield
        return
    os.environ[_PLACE] = str(cache_dir("torch"))
    try:
        yield
    finally:
        del os.environ[_PLACE]
