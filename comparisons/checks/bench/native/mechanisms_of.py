"""Mechanisms compiled once into a cache, for the scripts of NEURON."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import neuron


def compiled(source: Path, cache: Path) -> Path:
    """The mechanism library for one folder of mod files, compiled once into the cache."""
    texts = b"".join(path.read_bytes() for path in sorted(source.glob("*.mod")))
    key = hashlib.sha256(texts + neuron.__version__.encode()).hexdigest()[:16]
    target = cache / key
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        # Built beside its final place and moved in one step: two processes may compile at once.
        building = Path(tempfile.mkdtemp(dir=cache))
        tool = Path(sys.executable).with_name("nrnivmodl")
        subprocess.run(
            [tool, source.resolve()], cwd=building, check=True, capture_output=True, text=True
        )
        try:
            building.rename(target)
        except OSError:
            shutil.rmtree(building)
    return next(target.glob("*/libnrnmech.so"))
