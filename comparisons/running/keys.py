"""Under which name the result of a run is kept: everything that could change it."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ...backends.registry import entries, interpreter
from ...core.errors import InputError
from ...core.package import ROOT
from ...core.program import METHODS
from ...core.settings import Settings


@lru_cache(maxsize=1)
def code_fingerprint() -> str:
    """Changes whenever the code of coincide does, so that no result outlives the code that made it."""
    digest = hashlib.sha256()
    for folder in ("core", "backends"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".mod"}:
                # Every backend has a backend.py: names are those within the package.
                digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def installed_version(package: str) -> str:
    """The version of an installed package, without importing it; empty if there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


_MATTERS = ("numpy", "scipy", "sympy")
"""Packages whose version may change a result of every backend."""


@lru_cache(maxsize=16)
def _versions(python: str, packages: tuple[str, ...], backend: str) -> tuple[tuple[str, str], ...]:
    """The versions of packages in the environment of the interpreter of a backend."""
    if python == sys.executable:
        return tuple((name, installed_version(name)) for name in packages)
    code = (
        "import sys, json\nfrom importlib.metadata import version, PackageNotFoundError\n"
        "def get(n):\n try: return version(n)\n except PackageNotFoundError: return ''\n"
        "print(json.dumps([get(n) for n in sys.argv[1:]]))"
    )
    try:
        done = subprocess.run(
            [python, "-c", code, *packages], capture_output=True, text=True, check=True, timeout=60
        )
        found = tuple(zip(packages, json.loads(done.stdout), strict=True))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        why = "does not run as a Python"
        if isinstance(error, OSError):
            why = f"cannot be started ({error.strerror})"
        raise InputError(
            f"COINCIDE_PYTHON_{backend.upper()}",
            f"{python} {why}; give the path of a Python that has {backend}, or unset it",
        ) from error
    return found


def versions_of(backend: str) -> dict[str, str]:
    """The versions of what a backend needs, in the environment that runs it.

    Raises InputError for an interpreter of its own that does not run.
    """
    found = _versions(interpreter(backend), entries()[backend].needs, backend)
    return {package: version for package, version in found if version}


def _plugin_code(name: str) -> str:
    """The content of a plug-in's own module, so that its author never sees a result of older code.

    Of a wrapper it is the whole folder, since what it does around a backend is spread over modules.
    """
    from importlib.util import find_spec

    entry = entries()[name]
    if not entry.plugin:
        return ""
    spec = find_spec(entry.target.partition(":")[0])
    path = Path(spec.origin) if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        return ""
    parts = sorted(path.parent.glob("*.py")) if entry.wraps else [path]
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()


def _any_mode(settings: Settings) -> Settings:
    """The same settings for all modes, of a backend to which they mean the same: nothing is run twice."""
    method = None if settings.method in {*METHODS, "auto"} else settings.method
    return replace(settings, mode="aligned", method=method, undone=None)


def run_key(digest: str, backend: str, settings: Settings) -> str:
    """The name under which the result of a run of a realization with this digest is kept."""
    entry = entries()[backend]
    python = interpreter(backend)
    if entry.one_mode:
        settings = _any_mode(settings)
    parts = [
        digest,
        backend,
        settings.key,
        code_fingerprint(),
        entry.plugin,
        _plugin_code(backend),
        python,
        platform.platform(),
        json.dumps(_versions(python, (*entry.needs, *_MATTERS), entry.wraps or backend)),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
