"""What is written by hand in `native` for which simulator, and how it is started beside ours.

The one module of this folder that names simulators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ....backends.registry import interpreter
from ....core.cache import cache_dir

SCRIPTS = Path(__file__).with_name("native")

SIMULATORS = ("brian2", "neuron", "pymonntorch")
"""The backends for which there are scripts: a file for the networks and one for the cell each."""

METHODS: Mapping[tuple[str, str], str] = MappingProxyType(
    {("brian2", "coba"): "exponential_euler", ("brian2", "cell"): "exponential_euler"}
)
"""Where the script follows an example of the manual that names another integrator than the default."""

COMPILING: Mapping[str, str] = MappingProxyType({"brian2": "cython"})
"""The target that compiles, where a run does so only if that pays within it; later ones use the code."""

MANY = frozenset({"pymonntorch"})
"""Those of which many cells are measured beside one."""

PYNN_TIMES: Mapping[str, float] = MappingProxyType({"neuron": 4.0, "brian2": 20.0})
"""How many times faster than PyNN on the same simulator ours is to be."""

_KEEPS_CODE = frozenset({"brian2", "neuron"})
_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    # The precision of PymoNNtorch's own choice, which raw takes too.
    {"pymonntorch": ("--dtype", "float32")}
)


def network_script(backend: str) -> str:
    """The file of a simulator's networks."""
    return f"{backend}_.py"


def cell_script(backend: str) -> str:
    """The file of a simulator's single cell."""
    return f"purkinje_{backend}.py"


def script_command(
    backend: str,
    script: str,
    arguments: Sequence[str | Path],
    out: Path,
    dt_ms: float,
    duration_ms: float,
) -> list[str | Path]:
    """The command line of a script of `native`, which writes its spikes to *out*."""
    command: list[str | Path] = [
        interpreter(backend),
        SCRIPTS / script,
        *arguments,
        "--duration",
        f"{duration_ms:g}",
        "--dt",
        f"{dt_ms:g}",
        "--out",
        out,
    ]
    if backend in _KEEPS_CODE:
        command += ["--cache", cache_dir("bench", backend)]
    return [*command, *_WORDS.get(backend, ())]
