"""Which backends there are: a table of strings, imported on first use, open to plug-ins."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from ..core.errors import InputError, unknown

if TYPE_CHECKING:  # it is read for the help of commands, which is not to wait for NumPy
    from .base import Backend
    from .numerics import Numerics

GROUP = "coincide.backends"
WRAPPERS = "coincide.wrappers"


@dataclass(frozen=True)
class Entry:
    """Where a backend's class is, what it needs installed, how to get that, and which options it has.

    ``one_mode``: its modes, and the schemes of lockstep, all mean the same to it.
    ``plugin`` is the distribution and version of a plug-in, empty for what is built in. ``wraps`` is the
    backend inside a wrapper and ``argument`` what the wrapper is told; both empty for a plain backend.
    ``judge`` is True for what says who is right without being a simulator: it is no second opinion.

    What has to be known before a simulator is imported: ``options`` are those of `Settings` that it has, with
    their values, ``compiling`` the targets that compile code; ``start_s`` how long its start takes, roughly;
    ``colour`` what it is drawn in, a word of `comparisons.showing.style`; ``numerics`` where its `Numerics`
    are and ``missing`` a function that yields what this machine lacks for it and how to get that.
    """

    target: str
    needs: tuple[str, ...] = ()
    install: str = ""
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    one_mode: bool = False
    plugin: str = ""
    wraps: str = ""
    argument: str = ""
    judge: bool = False
    compiling: frozenset[str] = frozenset()
    start_s: float = 0.0
    colour: str = ""
    numerics: str = ""
    missing: str = ""

    @property
    def packages(self) -> tuple[str, ...]:
        """The distributions whose versions say what ran: what it needs, and a plug-in itself."""
        return (*self.needs, *self.plugin.split()[:1])


_BUILT_IN: Mapping[str, Entry] = MappingProxyType(
    {
        "reference": Entry(
            "coincide.backends.reference:ReferenceBackend", judge=True, colour="ink"
        ),
        "brian2": Entry(
            "coincide.backends.brian2.backend:Brian2Backend",
            needs=("brian2",),
            install="pip install 'coincide[brian2]'",
            options={"target": ("numpy", "cython", "cpp_standalone")},
            compiling=frozenset({"cython", "cpp_standalone"}),
            start_s=2.0,
            colour="blue",
            numerics="coincide.backends.brian2.numerics:NUMERICS",
        ),
        "neuron": Entry(
            "coincide.backends.neuron.backend:NeuronBackend",
            needs=("neuron",),
            install="pip install 'coincide[neuron]'",
            start_s=0.5,
            colour="vermilion",
            numerics="coincide.backends.neuron.numerics:NUMERICS",
            missing="coincide.backends.neuron.compile:missing",
        ),
        "pymonntorch": Entry(
            "coincide.backends.pymonntorch.backend:PymoNNtorchBackend",
            needs=("pymonntorch", "torch"),
            install="pip install 'coincide[pymonntorch]'",
            options={
                "device": ("cpu", "cuda", "mps", "xpu"),
                "precision": ("float64", "float32"),
                "target": ("eager", "compile"),
            },
            compiling=frozenset({"compile"}),
            start_s=3.0,
            colour="green",
            numerics="coincide.backends.pymonntorch.numerics:NUMERICS",
        ),
        "oracle": Entry(
            "coincide.backends.oracle.backend:OracleBackend",
            needs=("scipy",),
            judge=True,
            one_mode=True,
            colour="purple",
        ),
    }
)


EXAMPLE = "brian2 neuron"
"""How two backends are named on the command line, for help and messages."""


def values_in_words(option: str) -> str:
    """The values of an option by built-in backend, for help: ``brian2: numpy, cython``."""
    having = {name: entry.options.get(option) for name, entry in _BUILT_IN.items()}
    return "; ".join(f"{name}: {', '.join(values)}" for name, values in having.items() if values)


@lru_cache(maxsize=1)
def wrappers() -> Mapping[str, str]:
    """Functions ``(argument, backend) -> Backend`` by name: a backend around another, to test the instrument.

    They are announced as ``name = "package.module:function"`` in the entry point group
    ``coincide.wrappers``.
    """
    return {point.name: point.value for point in entry_points(group=WRAPPERS)}


class Backends(Mapping[str, Entry]):
    """Backends by name; ``wrapper:argument:backend`` is found as well, but not listed."""

    def __init__(self, listed: Mapping[str, Entry]) -> None:
        self._listed = listed

    def __getitem__(self, name: str) -> Entry:
        if name in self._listed:
            return self._listed[name]
        wrapper, _, rest = name.partition(":")
        argument, _, inner = rest.partition(":")
        if not argument or wrapper not in wrappers():
            raise KeyError(name)
        return replace(
            self[inner],
            target=wrappers()[wrapper],
            plugin=wrapper,
            wraps=inner,
            argument=argument,
            one_mode=False,
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed)

    def __len__(self) -> int:
        return len(self._listed)


@lru_cache(maxsize=1)
def entries() -> Backends:
    """All backends by name: the built-in ones, then those of installed plug-ins.

    A plug-in announces ``name = "package.module:Class"`` in the entry point group ``coincide.backends``;
    it cannot take the name of a built-in backend.
    """
    entries = dict(_BUILT_IN)
    for point in entry_points(group=GROUP):
        entries.setdefault(point.name, Entry(point.value, plugin=_plugin_version(point)))
    return Backends(entries)


def is_judge(name: str) -> bool:
    """Whether a backend is no simulator but says who is right: the NumPy reference, the oracle."""
    return name in entries() and entries()[name].judge


def simulators() -> tuple[str, ...]:
    """The backends that are simulators: neither the reference nor the oracle."""
    return tuple(name for name, entry in entries().items() if not entry.judge)


def plug_ins() -> tuple[str, ...]:
    """The backends that other distributions bring."""
    return tuple(name for name, entry in entries().items() if entry.plugin)


def numerics_of(name: str) -> Numerics:
    """What is known of a backend's integrators; no built-in simulator is imported for it."""
    from .numerics import Numerics

    entry = entries()[name]
    if entry.wraps:
        return numerics_of(entry.wraps)
    if entry.numerics:
        return cast("Numerics", _found(entry.numerics))
    try:
        return load_backend(name).numerics
    except InputError:
        return Numerics()  # it lives in an environment of its own


def missing(name: str) -> Iterator[tuple[str, str]]:
    """What this machine lacks for a backend beside packages, and how to get it."""
    target = entries()[name].missing
    if target:
        yield from _found(target)()


def _found(target: str) -> Any:
    """What ``package.module:name`` names."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _plugin_version(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


@dataclass(frozen=True)
class Availability:
    """Whether a backend can be used here; if not, the cause and the command that mends it."""

    name: str
    available: bool
    version: str = ""
    cause: str = ""
    install: str = ""


def load_backend(name: str) -> Backend:
    """The backend of a name; InputError for an unknown name or a simulator that does not import."""
    from .base import Backend

    if name not in entries():
        raise unknown("backend", "backend", name, entries())
    entry = entries()[name]
    try:
        maker = _found(entry.target)
        made = maker(entry.argument, load_backend(entry.wraps)) if entry.wraps else maker()
    except InputError:
        raise
    except Exception as error:  # a foreign package can fail in any way while it is imported
        hint = f"; {entry.install}" if entry.install else ""
        raise InputError(
            f"backend {name}", f"cannot be used here ({type(error).__name__}: {error}){hint}"
        ) from error
    if not isinstance(made, Backend):
        raise InputError(f"backend {name}", f"{entry.target} is no Backend")
    return made


def interpreter(name: str) -> str:
    """The Python that runs a backend: COINCIDE_PYTHON_<NAME> if set, else this one.

    So a simulator may live in an environment of its own, where its dependencies do not conflict.
    """
    inner = name.rpartition(":")[2]  # a wrapped backend runs where the backend does
    return os.environ.get(f"COINCIDE_PYTHON_{inner.upper()}", sys.executable)


def is_installed(name: str) -> bool:
    """Whether what a backend needs is installed, without importing it.

    A backend with an interpreter of its own counts as installed; its run will say if it is not.
    """
    from importlib.util import find_spec

    if interpreter(name) != sys.executable:
        return True
    entry = entries()[name]
    modules = entry.needs or (entry.target.partition(":")[0].partition(".")[0],)
    return all(find_spec(module) is not None for module in modules)


def availability(name: str) -> Availability:
    """Try to import a backend's simulator; slow, since it really imports it."""
    entry = entries().get(name)
    try:
        backend = load_backend(name)
        return Availability(name, True, version=backend.version())
    except InputError as error:
        return Availability(
            name, False, cause=error.problem, install=entry.install if entry else ""
        )
