"""Which runs to do: backends, modes and options, as somebody asked for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...backends.registry import entries, is_installed, load_backend
from ...core.errors import InputError, unknown
from ...core.program import METHODS
from ...core.settings import MODES, Settings
from .runs import grid_backends


def plan(
    backends: Iterable[str] | None,
    modes: Iterable[str],
    method: str | None,
    options: Mapping[str, str | None],
    reference: bool,
) -> list[tuple[str, Settings]]:
    """The runs to do: every backend in every mode, the reference among them, the slow ones first.

    An option (device, precision, target) goes to the backends that have it; InputError if none has.
    """
    names = list(dict.fromkeys(backends or grid_backends()))
    for name in names:
        if name not in entries():
            raise unknown("-b", "backend", name, entries())
    modes = list(dict.fromkeys(modes))
    check_options(names, modes, {**options, "method": method})
    if reference and "reference" not in names:
        names.append("reference")
    if not reference and backends is None:
        names.remove("reference")
    # Simulators that take longest to import start first.
    names.sort(key=lambda name: -entries()[name].start_s)
    requests = []
    for mode in modes:
        for name in names:
            own = {
                option: value
                for option, value in options.items()
                if option in entries()[name].options
            }
            requests.append((name, Settings(mode=mode, method=method, **own)))  # type: ignore[arg-type]
    return requests


def check_options(
    names: Sequence[str], modes: Sequence[str], options: Mapping[str, str | None]
) -> None:
    """InputError for an option that no backend has, or a method that none has in any of the modes."""
    for option, value in options.items():
        if option == "method" or value in (None, "cpu"):
            continue
        if not any(option in entries()[name].options for name in names):
            having = ", ".join(n for n, e in entries().items() if option in e.options)
            raise InputError(
                f"--{option}",
                f"none of {', '.join(names)} has a {option}; those that have: {having}",
            )
    method = options.get("method")
    if method is None or not all(map(is_installed, names)) or any(m not in MODES for m in modes):
        return  # what is wrong with those is said elsewhere
    known: set[str] = set()
    for name in names:
        for mode in modes:
            known |= set(load_backend(name).methods.get(mode, METHODS))
        if method in known:
            return
    raise unknown("--method", f"method of {', '.join(names)}", method, known)
