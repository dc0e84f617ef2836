"""The command of mutation testing: what a mutant is, and which tests are asked about it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]

TEXT = '''"""A module."""
LIMIT: int = 3


def checked(x: float | None, name: str = "a") -> float:
    """Its text is no mutant, nor are types."""
    if x is None:
        raise ValueError(f"{name + 'b'} is missing")
    check(name)
    if x < 0 and not name:
        return 2 * x
    return x
'''


@pytest.fixture
def mutants(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutants", ROOT / ".ci" / "mutants.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "mutants", module)
    spec.loader.exec_module(module)
    return module


def test_every_kind_of_change_is_made_alone(
    mutants: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    (tmp_path / "a.py").write_text(TEXT)
    found = mutants.mutants_of("a.py")
    assert {(m.line, m.kind, m.after) for m in found} == {
        (2, "constant", "4"),
        (7, "comparison", "x is not None"),
        (7, "guard", "gone"),
        (8, "raise", "gone"),
        (9, "call", "gone"),
        (10, "comparison", "x <= 0"),
        (10, "constant", "1"),
        (10, "boolean", "name"),
        (10, "boolean", "x < 0 or not name"),
        (10, "guard", "gone"),
        (11, "constant", "3"),
        (11, "arithmetic", "2 / x"),
        (11, "return", "return None"),
        (12, "return", "return None"),
    }
    whole = mutants.ast.unparse(mutants.ast.parse(TEXT)).splitlines()
    for mutant in found:
        text = mutants.mutated(mutant)
        compile(text, "a.py", "exec")
        if mutant.kind != "guard":
            changed = [a for a, b in zip(text.splitlines(), whole, strict=True) if a != b]
            assert len(changed) == 1, mutant


def test_a_sample_is_the_same_for_a_seed_and_has_tests(mutants: ModuleType) -> None:
    one = mutants.sample(10, 5, [], [])
    assert one == mutants.sample(10, 5, [], [])
    assert one != mutants.sample(10, 6, [], [])
    assert {m.kind for m in mutants.sample(5, 1, ["core/swc.py"], ["raise"])} == {"raise"}
    assert mutants.tests_of("core/swc.py")[0] == "tests/core/test_swc.py"
    assert mutants.tests_of("core/morphio_files.py") == ["tests/core/test_morphology_files.py"]
