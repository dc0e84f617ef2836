"""NEURON in this process, and NMODL compiled by its `nrnivmodl` into a cache.

What a run needs and the process does not have yet becomes one library, since NEURON loads a mechanism's
name only once per process. Its folder in the cache is named after the texts, NEURON's version and the
compiler's; it appears whole, by one rename, so that two processes may compile the same texts at once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...core.cache import cache_dir
from ...core.errors import RunError

_HERE = Path(__file__).parent
SOURCE, CONNECT, CROSSING = "CoincideSource", "coincide_connect", "CoincideCrossing"
"""The mechanism of given spikes, the function that makes NetCons in bulk, and what finds a crossing of v."""
_INSTALL = (
    "install a C++ compiler and make: 'apt install g++ make' (Debian, Ubuntu), "
    "'dnf install gcc-c++ make' (Fedora), 'xcode-select --install' (macOS)"
)


@lru_cache(maxsize=1)
def neuron_version() -> str:
    """The installed NEURON's version, without importing it."""
    return version("neuron")


@lru_cache(maxsize=1)
def load_neuron() -> Any:
    """NEURON's interpreter ``h``, imported in an empty folder and without its graphics.

    Imported in a folder with ``x86_64/``, NEURON would load the mechanisms in it, of whoever they are.
    """
    key = "NEURON_MODULE_OPTIONS"
    before = os.environ.get(key)
    os.environ[key] = f"-nogui {before or ''}".strip()
    path = os.environ.pop("NRN_NMODL_PATH", None)
    try:
        folder: Path | None = Path.cwd()
    except FileNotFoundError:
        folder = None
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        try:
            from neuron import h
        finally:
            os.chdir(folder or "/")
            if before is None:
                del os.environ[key]
            else:
                os.environ[key] = before
            if path is not None:
                os.environ["NRN_NMODL_PATH"] = path
    return h


def helper_texts() -> dict[str, str]:
    """The NMODL of given spikes, of bulk wiring and of crossings, by the name each defines."""
    return {
        SOURCE: (_HERE / "source.mod").read_text(encoding="utf-8"),
        CONNECT: (_HERE / "wiring.mod").read_text(encoding="utf-8"),
        CROSSING: (_HERE / "crossing.mod").read_text(encoding="utf-8"),
    }


def load_mechanisms(*groups: Mapping[str, str]) -> None:
    """Make what the NMODL texts of each group define, by name, known to NEURON; a library per group.

    Compiles, groups side by side, what neither the process nor the cache has. Raises RunError when a
    tool is missing or the compiler fails, with its output.
    """
    h = load_neuron()
    missing: list[dict[str, str]] = []
    known: set[str] = set()
    for group in groups:
        # Two populations may need the same mechanism, which is then in the first one's library.
        wanted = {n: t for n, t in group.items() if n not in known and not hasattr(h, n)}
        known |= wanted.keys()
        if wanted:
            missing.append(wanted)
    if not missing:
        return
    with ThreadPoolExecutor(len(missing)) as pool:
        libraries = list(pool.map(library_of, missing))
    for group, library in zip(missing, libraries, strict=True):
        try:
            loaded = h.nrn_load_dll(str(library))
        except RuntimeError as error:
            raise RunError("neuron", f"{library} does not load: {error}") from error
        if not loaded or not all(hasattr(h, name) for name in group):
            raise RunError(
                "neuron",
                f"{library} does not load; delete {library.parent} to have it compiled anew",
            )


def library_of(texts: Mapping[str, str]) -> Path:
    """The compiled library of NMODL texts, from the cache or made now."""
    parts = [neuron_version(), _compiler(), *sorted(texts.values())]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    folder = cache_dir("neuron") / key
    found = _libraries(folder)
    if not found:
        _compile(texts, folder)
        found = _libraries(folder)
    return found[0]


def _libraries(folder: Path) -> list[Path]:
    return sorted(folder.glob("libnrnmech.*"))


@lru_cache(maxsize=1)
def _compiler() -> str:
    """The first line of the compiler's ``--version``; empty if there is none."""
    found = shutil.which(os.environ.get("CXX", "c++").split()[0]) or shutil.which("g++")
    if found is None:
        return ""
    run = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    return run.stdout.partition("\n")[0]


def _nrnivmodl() -> Path:
    """NEURON's compiler driver beside this Python, which need not be on the PATH."""
    folders = (Path(sys.executable).parent, Path(sysconfig.get_path("scripts")))
    candidates = [folder / "nrnivmodl" for folder in folders]
    on_path = shutil.which("nrnivmodl")
    if on_path is not None:
        candidates.append(Path(on_path))
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise RunError(
        "neuron",
        f"its compiler nrnivmodl is missing beside {sys.executable}; "
        "pip install --force-reinstall neuron",
    )


_COMPILERS = ("c++", "g++", "clang++")


def missing() -> Iterator[tuple[str, str]]:
    """What this machine lacks for NEURON's mechanisms to be compiled, and how to get it."""
    if not any(map(shutil.which, _COMPILERS)):
        yield "no C++ compiler", "NEURON's mechanisms need one; install g++"
    if find_spec("neuron") is not None:
        try:
            _nrnivmodl()
        except RunError:
            yield "nrnivmodl is missing", "pip install --force-reinstall neuron"


def _check_tools(path: str | None = None) -> None:
    lacking = [] if any(shutil.which(c, path=path) for c in _COMPILERS) else ["g++"]
    lacking += [] if shutil.which("make", path=path) else ["make"]
    if lacking:
        raise RunError(
            "neuron",
            f"nrnivmodl compiles the model and needs {' and '.join(lacking)}, not found; {_INSTALL}",
        )


def _compile(texts: Mapping[str, str], folder: Path) -> None:
    """Compile in a folder of one's own, then move the library to *folder* in one step."""
    driver = _nrnivmodl()
    _check_tools()
    # make cannot handle a blank in a path, and the cache's path is the user's, so not in the cache.
    with tempfile.TemporaryDirectory(prefix="coincide-nmodl-") as build:
        for name, text in texts.items():
            (Path(build) / f"{name}.mod").write_text(text, encoding="utf-8")
        run = subprocess.run(
            [sys.executable, str(driver)] if _is_python(driver) else [str(driver)],
            cwd=build,
            capture_output=True,
            text=True,
            check=False,
        )
        made = sorted(Path(build).glob("*/libnrnmech.*"))
        if run.returncode or not made:
            output = run.stdout + run.stderr
            log = folder.with_suffix(".log")
            log.write_text("\n".join([output, *map(_numbered, texts.values())]), encoding="utf-8")
            raise RunError(
                "neuron",
                f"nrnivmodl does not compile the model: {_essence(output)}; what coincide wrote for it and "
                f"all that nrnivmodl said are in {log}: please report it with that file",
            )
        staging = Path(tempfile.mkdtemp(dir=folder.parent))
        try:
            staging.chmod(0o755)  # in a shared cache others load it
            for file in (made[0], *Path(build).glob("*.mod")):
                shutil.copy2(file, staging)
            try:
                os.rename(staging, folder)
            except OSError:
                if not _libraries(folder):  # not because another process was first
                    raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _is_python(driver: Path) -> bool:
    with driver.open("rb") as file:
        return b"python" in file.readline()


def _essence(output: str) -> str:
    """The line of nrnivmodl's output that tells what is wrong: the first error, or the last that it said."""
    hint = "NOTE: If you are encountering MOD file compilation errors"
    kept = [line for line in output.splitlines() if line.strip() and hint not in line]
    wrong = [line for line in kept if re.search(r"[Ee]rror\b|Assertion", line)]
    telling = (wrong or kept[-1:] or ["it said nothing"])[0].strip()
    return telling if len(telling) <= 200 else f"{telling[:197]}..."


def _numbered(text: str) -> str:
    return "\n".join(f"{k:4d} {line}" for k, line in enumerate(text.splitlines(), 1))
