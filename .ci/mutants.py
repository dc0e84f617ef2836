"""Mutation testing: change one thing in core or backends, and see whether a matching test fails.

    make mutants                     # 60 mutants, two at a time, within the hour
    make mutants N=25 SEED=3 ONLY=core/swc.py

A mutant is one change of the syntax tree: a comparison, a boundary, an arithmetic operator, a constant, a
returned value, a raise or a guard that is gone. A seeded sample of all there are is run, each in a copy of
the repository, with the tests of its module and those that import it, until the first that fails. A mutant
that no test kills is a line that may be wrong without anybody noticing.

Own, after trying two libraries: mutmut 3 copies the tree into a folder below it, but `coincide` is the root
itself, so that the tests go on importing the original ("could not find any test case for any mutant");
cosmic-ray 8 changes the files that one is working on, and has no operator for a raise, a guard or a check
that is gone, which are the ones that matter here.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("core", "backends")
COPIED = ("core", "backends", "comparisons", "models", "data", "tests")
_MOST_TEST_FILES = 5
_COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """One change: the ``number``-th site of a file, what it was and what it becomes."""

    file: str
    number: int
    line: int
    kind: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.kind}: {self.before} → {self.after}"


class _Sites(ast.NodeTransformer):
    """Walks a module and lists its sites; changes the one that is asked for."""

    def __init__(self, file: str, chosen: int = -1) -> None:
        self.file, self.chosen = file, chosen
        self.found: list[Mutant] = []

    def _site(self, node: ast.AST, kind: str, changed: ast.AST | None) -> ast.AST:
        """Note a site; the node, or what it becomes. None is a statement that is gone."""
        after = "gone" if changed is None else ast.unparse(ast.fix_missing_locations(changed))
        number = len(self.found)
        line = getattr(node, "lineno", 0)
        self.found.append(
            Mutant(self.file, number, line, kind, _short(ast.unparse(node)), _short(after))
        )
        if number != self.chosen:
            return node
        return ast.copy_location(ast.Pass() if changed is None else changed, node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        swapped = [_COMPARISONS[type(op)]() for op in node.ops[:1]] + node.ops[1:]
        return self._site(node, "comparison", ast.Compare(node.left, swapped, node.comparators))

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        other: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return self._site(node, "boolean", ast.BoolOp(other, node.values))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return self._site(node, "boolean", node.operand) if isinstance(node.op, ast.Not) else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        # X | Y is a type, "%" % … a text.
        self.generic_visit(node)
        other = _ARITHMETIC.get(type(node.op))
        if other is None or any(_is_text(side) for side in (node.left, node.right)):
            return node
        return self._site(node, "arithmetic", ast.BinOp(node.left, other(), node.right))

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, bool):
            return self._site(node, "constant", ast.Constant(not node.value))
        if isinstance(node.value, int | float):
            return self._site(node, "constant", ast.Constant(node.value + 1))
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        self.generic_visit(node)
        if node.value is None or (
            isinstance(node.value, ast.Constant) and node.value.value is None
        ):
            return node
        return self._site(node, "return", ast.Return(ast.Constant(None)))

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        # What the message says is no mutant.
        return self._site(node, "raise", None)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if not isinstance(node.value, ast.Call):
            return node
        self.generic_visit(node)
        return self._site(node, "call", None)

    def visit_If(self, node: ast.If) -> ast.AST:
        if ast.unparse(node.test) == "TYPE_CHECKING":
            return node
        self.generic_visit(node)
        if all(isinstance(s, ast.Raise | ast.Return | ast.Continue) for s in node.body):
            if not node.orelse:
                return self._site(node, "guard", None)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.args = self.visit(node.args)
        node.body = [self.visit(s) for s in node.body]
        return node


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}…"


def mutants_of(file: str) -> list[Mutant]:
    """Every mutant of a file, in order."""
    walker = _Sites(file)
    walker.visit(ast.parse((ROOT / file).read_text(encoding="utf-8")))
    return walker.found


def mutated(mutant: Mutant) -> str:
    """The file's text with one thing changed."""
    tree = ast.parse((ROOT / mutant.file).read_text(encoding="utf-8"))
    changed = _Sites(mutant.file, mutant.number).visit(tree)
    return ast.unparse(ast.fix_missing_locations(changed))


def tests_of(file: str) -> list[str]:
    """The test files of a module: those named like it, then those that import it, a few at most."""
    module = Path(file).stem
    dotted = file.removesuffix(".py").replace("/", ".")
    named, importing = [], []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = str(path.relative_to(ROOT))
        if path.stem in (f"test_{module}", f"test_{module.rstrip('_')}"):
            named.append(name)
        elif f"coincide.{dotted} import" in path.read_text(encoding="utf-8"):
            importing.append(
                (path.parent.name != Path(file).parent.name, path.stat().st_size, name)
            )
    found = named + [name for *_, name in sorted(importing)]
    if not found:
        # Of a part that no test names: those of what is built on it.
        for path in sorted((ROOT / file).parent.glob("*.py")):
            if f"from .{module} import" in path.read_text(encoding="utf-8"):
                found += [
                    str(test.relative_to(ROOT))
                    for test in (ROOT / "tests").rglob(f"test_{path.stem.rstrip('_')}.py")
                ]
    return found[:_MOST_TEST_FILES]


class Copies:
    """Copies of the repository, one for each mutant that is run at a time, gone at the end."""

    def __init__(self, jobs: int) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mutants-"))
        self._free: Queue[Path] = Queue()
        for k in range(jobs):
            copy = self._folder / str(k) / "coincide"
            copy.mkdir(parents=True)
            for name in COPIED:
                shutil.copytree(
                    ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__")
                )
            for path in ROOT.glob("*.*"):
                if path.is_file():
                    shutil.copy(path, copy)
            self._free.put(copy)

    def run(self, tests: list[str], mutant: Mutant | None, limit_s: float) -> tuple[str, str]:
        """(status, the test that failed): passed, failed, too long, or no test ran."""
        copy = self._free.get()
        try:
            if mutant is not None:
                (copy / mutant.file).write_text(mutated(mutant), encoding="utf-8")
            return self._tested(copy, tests, limit_s)
        finally:
            if mutant is not None:
                shutil.copy(ROOT / mutant.file, copy / mutant.file)
            self._free.put(copy)

    def _tested(self, copy: Path, tests: list[str], limit_s: float) -> tuple[str, str]:
        # The copy's folder is called coincide and comes before the editable install.
        environment = {
            **os.environ,
            "PYTHONPATH": str(copy.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COINCIDE_CACHE_DIR": str(copy.parent / "cache"),
        }
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        process = subprocess.Popen(
            command,
            cwd=copy,
            env=environment,
            text=True,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            said, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            return "too long", ""
        failed = [row for row in said.splitlines() if row.startswith(("FAILED ", "ERROR "))]
        if failed:
            return "failed", failed[0].split(" - ")[0]
        return (
            "passed" if process.returncode == 0 else f"pytest ended with {process.returncode}",
            "",
        )

    def close(self) -> None:
        """Remove them."""
        shutil.rmtree(self._folder, ignore_errors=True)


def sample(n: int, seed: int, only: list[str], kinds: list[str]) -> list[Mutant]:
    """A seeded sample of all mutants: of files first, so that a long one does not take all."""
    files = [
        str(path.relative_to(ROOT))
        for folder in FOLDERS
        for path in sorted((ROOT / folder).glob("*.py"))
        if not only or any(str(path.relative_to(ROOT)).startswith(o) for o in only)
    ]
    rng = random.Random(seed)
    pools = {file: [m for m in mutants_of(file) if not kinds or m.kind in kinds] for file in files}
    chosen: list[Mutant] = []
    while len(chosen) < n and any(pools.values()):
        names = [file for file, pool in pools.items() if pool]
        # By the root of how many there are: between every file alike and every line alike.
        file = rng.choices(names, [len(pools[name]) ** 0.5 for name in names])[0]
        chosen.append(pools[file].pop(rng.randrange(len(pools[file]))))
    return chosen


def judged(
    copies: Copies, mutants: list[Mutant], jobs: int, end: float
) -> Iterator[tuple[Mutant, str, str]]:
    """(mutant, killed or survived or why neither, by which test), as they are done."""
    times: dict[tuple[str, ...], float | str] = {}
    # Asked now: the copies hold the tests of now.
    tests_by_file = {file: tests_of(file) for file in {m.file for m in mutants}}

    def judge(mutant: Mutant) -> tuple[Mutant, str, str]:
        tests = tests_by_file[mutant.file]
        if not tests:
            return mutant, "no test", ""
        if time.monotonic() > end:
            return mutant, "no time", ""
        key = tuple(tests)
        if key not in times:
            begun = time.monotonic()
            status, by = copies.run(tests, None, max(60.0, end - begun))
            times[key] = time.monotonic() - begun if status == "passed" else f"{status} {by}"
        usual = times[key]
        if isinstance(usual, str):
            return mutant, f"not judged, unchanged its tests: {usual}", ""
        status, by = copies.run(tests, mutant, 3 * usual + 30)
        words = {"passed": "survived", "failed": "killed", "too long": "killed"}
        return mutant, words.get(status, status), by or status

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(judge, mutants)


def main() -> int:
    """Run a sample and print what survived; 0, whatever it is: a number to raise, not a test."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("-n", type=int, default=60, help="mutants in the sample")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="mutants run at a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60, help="no mutant is begun after these")
    parser.add_argument(
        "--only", nargs="*", default=[], help="files or folders: core/swc.py backends/b"
    )
    parser.add_argument(
        "--kinds", nargs="*", default=[], help="such as guard raise call comparison"
    )
    parser.add_argument(
        "--list", action="store_true", help="say the sample and its tests, run nothing"
    )
    given = parser.parse_args()
    mutants = sample(given.n, given.seed, given.only, given.kinds)
    if not mutants:
        print("no such mutant; --only core/swc.py, --kinds guard raise call comparison")
        return 2
    if given.list:
        for mutant in mutants:
            print(mutant, "|", " ".join(tests_of(mutant.file)))
        return 0
    copies = Copies(given.jobs)
    counts: dict[str, int] = {}
    try:
        end = time.monotonic() + 60 * given.minutes
        for mutant, status, by in judged(copies, mutants, given.jobs, end):
            counts[status] = counts.get(status, 0) + 1
            print(
                f"{status:8}  {mutant}" + (f"   [{by}]" if status == "killed" else ""), flush=True
            )
    finally:
        copies.close()
    decided = counts.get("killed", 0) + counts.get("survived", 0)
    others = ", ".join(f"{n} {s}" for s, n in counts.items() if s not in ("killed", "survived"))
    print(
        f"killed {counts.get('killed', 0)} of {decided} mutants (seed {given.seed})"
        + (f"; {others}" if others else "")
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
