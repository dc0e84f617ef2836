"""No module outside of ``backends`` names a simulator, but for those that are listed here with a reason."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

EXCEPTIONS = {
    # What people bring from elsewhere is read, whatever runs here.
    "core/names.py": "names that a model cannot have are reserved words of languages, Brian2's among them",
    "core/units.py": "quantities that people hand over carry Brian2's units",
    "comparisons/running/foreign/arrays.py": "arrays that people hand over carry Brian2's units",
    "comparisons/running/foreign/clocks.py": "columns are called as NEST and Brian2 call them",
    "comparisons/running/foreign/columns.py": "headers say which simulator wrote a file",
    # The word is no simulator's here.
    "core/equations.py": "a variable may be the neuron's",
    "core/scopes.py": "a variable may be the neuron's",
    "comparisons/running/foreign/neo_.py": "an annotation of Neo that numbers cells is called neuron",
    "comparisons/checks/fuzz/experiments.py": "a population that somebody calls neuron",
    # A cell that names a mechanism of one simulator is about that simulator.
    "models/hh_squid.py": "its variant built_in names NEURON's mechanism hh",
    "models/library.py": "says what that variant is",
    "comparisons/checks/conventions/membranes.py": "the probe of built-in mechanisms names NEURON's hh",
    # Measurements that were laid down.
    "comparisons/checks/bench/by_hand.py": "what is written by hand in native, for which simulator",
    "comparisons/checks/faults/suite.py": "which fault is planted in which simulator is part of the suite",
    "comparisons/checks/corrections.py": "the simulator that the table of corrections is of, unless asked",
}
FOLDERS = {"backends", "tests", "comparisons/checks/bench/native"}

SAID = re.compile(
    r"\b(?:Brian ?2?|brian2?|NEURON|Py[Mm]o[Nn][Nn]torch|pymonntorch|NEST|Arbor|arbor)\b"
    # These are English words too.
    r"|^(?:neuron|nest)$|(?:import |install |-b |backends[./])(?:neuron|nest)\b"
)
CALLED = {"brian", "brian2", "pymonntorch", "nest", "arbor"}


def modules() -> Iterator[Path]:
    """All modules of the package but those that are of a simulator, relative to it."""
    for path in sorted(ROOT.rglob("*.py")):
        relative = path.relative_to(ROOT)
        parents = {str(folder) for folder in relative.parents}
        if not parents & FOLDERS and not relative.parts[0].startswith("."):
            yield relative


def named(source: str) -> set[str]:
    """What in a module names a simulator: strings but docstrings, imports, and names of its own."""
    tree = ast.parse(source)
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    found = set()
    for node in ast.walk(tree):
        names: list[str] = []
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings and SAID.search(text):
                found.add(text)
            case ast.Import() | ast.ImportFrom():
                parts = [part for a in node.names for part in a.name.split(".")]
                parts += (getattr(node, "module", "") or "").split(".")
                found |= {part for part in parts if part == "neuron"}
                names = parts
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                names = [name]
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.keyword(arg=str(name)):
                names = [name]
        found |= {name for name in names if CALLED & set(name.lower().split("_"))}
    return found


def test_no_module_names_a_simulator_without_a_reason() -> None:
    naming = {str(path) for path in modules() if named((ROOT / path).read_text(encoding="utf-8"))}
    assert naming - EXCEPTIONS.keys() == set(), "say it in backends/, or in backends/registry.py"
    assert EXCEPTIONS.keys() - naming == set(), "no exception any more"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('if backend == "brian2":\n    pass', {"brian2"}),
        ('slow = {"neuron": 3}', {"neuron"}),
        ('print(f"{n} of NEURON\'s own")', {" of NEURON's own"}),
        ('hint = "pip install neuron"', {"pip install neuron"}),
        ("from ...backends.neuron.equations import why_not_cnexp", {"neuron"}),
        ("import torch, pymonntorch", {"pymonntorch"}),
        ("def read_brian2(given): ...", {"read_brian2"}),
        ('"""What Brian2 does."""', set()),
        ('said = "each neuron, the nest of a bird"', set()),
    ],
)
def test_a_name_is_found(source: str, expected: set[str]) -> None:
    assert named(source) == expected
