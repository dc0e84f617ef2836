"""A backend with one planted fault: it runs as any other, under the name ``fault:<fault>:<backend>``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from ....backends.base import Backend, Watch
from ....core.errors import InputError
from ....core.realization import Realization
from ....core.recording import Recording
from ....core.settings import Settings
from .catalogue import fault_named
from .fault import Fault


class _Faulty(Backend):
    """What `wrapped` makes a class of for every backend; the contract is checked outside, as of any other."""

    def __init__(self, fault: Fault, inner: Backend) -> None:
        self._fault = fault
        self._inner = inner

    @override
    def version(self) -> str:
        return self._inner.version()

    @override
    def _refuse(self, realization: Realization, settings: Settings) -> str | None:
        return self._inner._refuse(realization, settings)

    @override
    def _simulate(self, realization: Realization, settings: Settings, progress: Watch) -> Recording:
        fault = self._fault
        model = self._acted(fault.model, realization)
        if fault.settings is not None:
            settings = fault.settings(settings)
        recording = self._inner._simulate(model, settings, progress)
        return recording if fault.foreign else self._acted(fault.recording, recording)

    def _acted(self, change: Callable[[Any], Any] | None, given: Any) -> Any:
        changed = given if change is None else change(given)
        if changed is None:
            raise InputError(self.name, "this fault cannot be planted in this model")
        return changed


def wrapped(argument: str, inner: Backend) -> Backend:
    """A backend around another that makes the mistake named; InputError for an unknown one."""
    fault = fault_named(argument)
    made = type(inner)
    data = {
        name: getattr(made, name)
        for name in (
            "modes",
            "methods",
            "features",
            "conventions",
            "devices",
            "targets",
            "precisions",
            "on_grid",
        )
    }
    faulty = type("Faulty", (_Faulty,), {**data, "name": f"fault:{argument}:{inner.name}"})
    return faulty(fault, inner)  # type: ignore[no-any-return]
