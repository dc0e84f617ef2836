"""The contracts of import-linter in pyproject.toml: each holds, and breaks where it is broken."""

import ast
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract
from importlinter.domain.contract import Contract

ROOT = Path(__file__).parents[2]
CONFIGURATION = read_configuration(str(ROOT / "pyproject.toml"))
CONTRACTS = {c["id"]: c for c in CONFIGURATION["contracts_options"]}
KINDS = {
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "layers": LayersContract,
}
STUDIES = "coincide.comparisons.studies"
PLANTED = {
    "folders": [
        ("coincide.core.units", "coincide.backends.base"),
        ("coincide.backends.base", "coincide.comparisons.running.runs"),
        ("coincide.models.library", "coincide.backends.registry"),
    ],
    "rooms": [
        ("coincide.comparisons.running.keys", "coincide.comparisons.showing.page"),
        ("coincide.comparisons.measuring.pairs", "coincide.comparisons.running.runs"),
        ("coincide.comparisons.showing.style", f"{STUDIES}.compare.study"),
        (f"{STUDIES}.compare.study", "coincide.comparisons.checks.conformance"),
        ("coincide.comparisons.checks.conformance", "coincide.comparisons.commands.compare"),
    ],
    "studies": [
        (f"{STUDIES}.compare.words", f"{STUDIES}.explain.words"),
        (f"{STUDIES}.curve.study", f"{STUDIES}.lesion.study"),
    ],
    "backends": [
        # Between modules that no other backend's entry imports: packages are held apart, not files.
        ("coincide.backends.brian2.code", "coincide.backends.neuron.nmodl"),
        ("coincide.backends.pymonntorch.code", "coincide.backends.reference"),
    ],
    "simulators": [
        ("coincide.core.units", "brian2"),
        ("coincide.comparisons.running.runs", "torch"),
    ],
}


@lru_cache(maxsize=1)
def graph() -> grimp.ImportGraph:
    """Who imports whom, as it is; without a cache, which may remember files that are gone."""
    return grimp.build_graph("coincide", include_external_packages=True, cache_dir=None)


def contract(name: str) -> Contract:
    options: dict[str, Any] = CONTRACTS[name]
    return KINDS[options["type"]](
        name=options["name"],
        session_options=CONFIGURATION["session_options"],
        contract_options=options,
    )


def test_every_contract_is_tried_here() -> None:
    assert CONTRACTS.keys() == PLANTED.keys()


@pytest.mark.parametrize("name", PLANTED)
def test_a_contract_holds_and_breaks_where_it_is_broken(name: str) -> None:
    assert contract(name).check(deepcopy(graph()), verbose=False).kept
    for importer, imported in PLANTED[name]:
        broken = deepcopy(graph())
        assert imported in broken.modules | {"torch", "brian2"}
        broken.add_import(importer=importer, imported=imported)
        assert not contract(name).check(broken, verbose=False).kept, (importer, imported)


def circle(imports: grimp.ImportGraph) -> list[str]:
    """Modules of ours that import each other, if there are some; the first is also the last."""
    own = {m for m in imports.modules if m.startswith("coincide.")}
    order = TopologicalSorter({m: imports.find_modules_directly_imported_by(m) & own for m in own})
    try:
        order.prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_but_for_types() -> None:
    imports = grimp.build_graph("coincide", exclude_type_checking_imports=True, cache_dir=None)
    assert circle(imports) == []
    # Late imports count too: what a study shows knows the study, not the other way round.
    late = (f"{STUDIES}.compare.study", f"{STUDIES}.compare.page")
    imports.add_import(importer=late[0], imported=late[1])
    assert {*late} <= {*circle(imports)}


FOLDERS = ["core", "backends models data", "comparisons"]
ROOMS = ["running measuring", "showing", "studies", "checks", "commands", "cli"]


def height(module: str) -> tuple[int, int]:
    """How high a module lies: the place of its folder, and of its room in comparisons."""
    _, folder, *rest = module.split(".")
    at = next(k for k, names in enumerate(FOLDERS) if folder in names.split())
    if folder != "comparisons" or not rest:
        return at, len(ROOMS)
    return at, next(k for k, names in enumerate(ROOMS) if rest[0] in names.split())


def strings(tree: ast.Module) -> Iterator[str]:
    """The strings of a module that are no docstrings."""
    said = {id(statement.value) for statement in ast.walk(tree) if isinstance(statement, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


def test_no_string_names_a_module_of_a_higher_layer() -> None:
    named = 0
    for module in sorted(m for m in graph().modules if m.count(".") and m.startswith("coincide.")):
        if module.startswith("coincide.tests") or module == "coincide.__main__":
            continue
        path = Path(*module.split(".")[1:])
        source = ROOT / path / "__init__.py"
        if not source.exists():
            source = (ROOT / path).with_suffix(".py")
        for text in strings(ast.parse(source.read_text(encoding="utf-8"))):
            for found in re.findall(r"\bcoincide(?:\.\w+)+", text):
                if found in graph().modules - {"coincide.__main__"}:
                    named += 1
                    assert height(found) <= height(module), (module, text)
    assert named > 3
