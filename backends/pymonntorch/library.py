"""PymoNNtorch's own classes, imported without what a run does not need."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_PACKAGE = "pymonntorch"


def _core() -> tuple[Any, ...]:
    """Network, NeuronGroup, SynapseGroup and Behavior.

    The package's ``__init__`` also imports its equation modules and with them sympy's physical units
    (0.1 s; 0.4 s with sympy). An empty package of the same path stands in while the core modules load;
    afterwards nothing of it stays, so that a later ``import pymonntorch`` gets the whole package.
    """
    if _PACKAGE not in sys.modules:
        spec = find_spec(_PACKAGE)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(f"No module named {_PACKAGE!r}", name=_PACKAGE)
        package = ModuleType(_PACKAGE)
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = ModuleSpec(_PACKAGE, None, is_package=True)
        sys.modules[_PACKAGE] = package
        try:
            return _import_core()
        finally:
            for name in [n for n in sys.modules if n.split(".")[0] == _PACKAGE]:
                del sys.modules[name]
    return _import_core()


def _import_core() -> tuple[Any, ...]:
    place = f"{_PACKAGE}.NetworkCore"
    return tuple(
        getattr(importlib.import_module(f"{place}.{name}"), name)
        for name in ("Network", "NeuronGroup", "SynapseGroup", "Behavior")
    )


Network, NeuronGroup, SynapseGroup, Behavior = _core()
