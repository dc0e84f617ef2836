"""Statements and expressions compiled to NumPy functions, or to functions of single numbers."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from .cell import Assignment
from .errors import InputError
from .expressions import Renderer, names, text

Namespace = dict[str, Any]


def exprel(x: Any) -> Any:
    """(eˣ - 1)/x, 1 at 0."""
    x = np.asarray(x, dtype=np.float64)
    safe = np.where(x == 0.0, 1.0, x)
    return np.where(x == 0.0, 1.0, np.expm1(safe) / safe)


class NumpyRenderer(Renderer):
    """Renders expressions as vectorised NumPy source."""

    functions: ClassVar[Mapping[str, str]] = {
        "exp": "exp",
        "expm1": "expm1",
        "log": "log",
        "log1p": "log1p",
        "sqrt": "sqrt",
        "exprel": "exprel",
        "abs": "absolute",
        "sign": "sign",
        "floor": "floor",
        "ceil": "ceil",
        "minimum": "minimum",
        "maximum": "maximum",
    }

    @override
    def negation(self, operand: str) -> str:
        return f"logical_not({operand})"

    @override
    def junction(self, word: str, operands: list[str]) -> str:
        result = operands[0]
        for operand in operands[1:]:
            result = f"logical_{word}({result}, {operand})"
        return result

    @override
    def choice(self, test: str, body: str, orelse: str) -> str:
        return f"where({test}, {body}, {orelse})"

    @override
    def call(self, name: str, arguments: list[str]) -> str:
        if name == "int":
            return f"where({arguments[0]}, 1.0, 0.0)"
        if name == "clip":
            return f"minimum(maximum({arguments[0]}, {arguments[1]}), {arguments[2]})"
        return super().call(name, arguments)


class ScalarRenderer(Renderer):
    """Renders expressions as source for single numbers, of which a choice evaluates one branch.

    Conditions among *switches*, by their text, are read from ``s[k]`` instead of being evaluated.
    """

    functions: ClassVar[Mapping[str, str]] = {"abs": "absolute"}

    def __init__(
        self, translate: Callable[[str], str], switches: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(translate)
        self.switches = switches or {}

    @override
    def render(self, node: ast.expr) -> str:
        if isinstance(node, ast.IfExp):
            test = self._test(node.test)
            return self.choice(test, self.render(node.body), self.render(node.orelse))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "int":
            return f"(1.0 if {self._test(node.args[0])} else 0.0)"
        return super().render(node)

    def _test(self, condition: ast.expr) -> str:
        switch = self.switches.get(text(condition)) if self.switches else None
        return self.render(condition) if switch is None else f"s[{switch}]"

    @override
    def power(self, base: str, exponent: str) -> str:
        return f"power({base}, {exponent})"

    @override
    def call(self, name: str, arguments: list[str]) -> str:
        if name == "clip":
            return f"minimum(maximum({arguments[0]}, {arguments[1]}), {arguments[2]})"
        return super().call(name, arguments)


def _scalar_exprel(x: float) -> float:
    return math.expm1(x) / x if x else 1.0


def _scalar_sign(x: float) -> float:
    return x if x != x else float((x > 0) - (x < 0))


def _scalar_minimum(a: float, b: float) -> float:
    return a if a < b or a != a else b


def _scalar_maximum(a: float, b: float) -> float:
    return a if a > b or a != a else b


_SCALARS: dict[str, Any] = {
    name: getattr(math, name)
    for name in (
        "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh",
    )
} | {
    "power": math.pow, "absolute": abs, "exprel": _scalar_exprel, "sign": _scalar_sign,
    "minimum": _scalar_minimum, "maximum": _scalar_maximum, "__builtins__": {},
    "floor": lambda x: float(math.floor(x)), "ceil": lambda x: float(math.ceil(x)),
}  # fmt: skip


_GLOBALS: dict[str, Any] = {
    name: getattr(np, name)
    for name in (
        "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh",
        "absolute", "sign", "floor", "ceil", "minimum", "maximum", "where", "logical_not",
        "logical_and", "logical_or",
    )
} | {"exprel": exprel, "__builtins__": {}}  # fmt: skip


def scalar_code(lines: Sequence[str], arguments: str) -> CodeType:
    """The code of a function from lines that a `ScalarRenderer` made; `bind_scalar` makes it callable."""
    source = f"def compiled({arguments}):\n" + "\n".join(f"    {line}" for line in lines)
    return compile(source, "<coincide program>", "exec")


def bind_scalar(
    code: CodeType, constants: Mapping[str, float], errors: bool = True
) -> Callable[..., Any]:
    """A function of single numbers with the values of its constants, by their names in the source.

    With *errors* it computes with Python's numbers, which is fast, and raises ArithmeticError or
    ValueError where a result is not finite; otherwise with NumPy's, which give inf or nan.
    """
    scope: dict[str, Any]
    if errors:
        scope = {**_SCALARS, **{k: float(v) for k, v in constants.items()}}
    else:
        scope = {**_GLOBALS, "power": np.power}
        scope |= {k: np.float64(v) for k, v in constants.items()}
    exec(code, scope)
    function: Callable[..., Any] = scope["compiled"]
    return function


def _compile(lines: Sequence[str], arguments: str) -> Callable[..., Any]:
    # The source is rendered from checked trees: names, numbers, operators and the functions above.
    source = f"def compiled({arguments}):\n" + "\n".join(f"    {line}" for line in lines)
    scope = dict(_GLOBALS)
    exec(compile(source, "<coincide program>", "exec"), scope)
    function: Callable[..., Any] = scope["compiled"]
    return function


def _local(name: str) -> str:
    # A prefix keeps a model's names apart from NumPy's functions.
    return f"_{name}"


def compile_expression(tree: ast.expr) -> Callable[[Mapping[str, Any]], Any]:
    """A function of a namespace of arrays that evaluates a tree."""
    rendered = NumpyRenderer(lambda name: f"ns[{name!r}]").render(tree)
    return _compile([f"return {rendered}"], "ns")


def evaluate(tree: ast.expr, values: Mapping[str, Any]) -> Any:
    """The value of a tree; InputError for a division by zero or an overflow of plain numbers."""
    try:
        return compile_expression(tree)(values)
    except ArithmeticError as error:
        used = [n for n in sorted(names(tree)) if not np.ndim(values[n])]
        given = "".join(f", {n} = {values[n]:g}" for n in used)
        what = (
            "division by zero" if isinstance(error, ZeroDivisionError) else "is too large a number"
        )
        raise InputError("parameters", f"{text(tree)!r}{given}: {what}") from error


def _needed(statements: Sequence[Assignment]) -> list[str]:
    """The names that statements read before they are assigned."""
    assigned: set[str] = set()
    needed: list[str] = []
    for statement in statements:
        needed += sorted(names(statement.expression) - assigned - set(needed))
        assigned.add(statement.target)
    return needed


def compile_statements(
    statements: Sequence[Assignment], results: Sequence[str]
) -> Callable[[Namespace], None]:
    """A function that runs the statements on a namespace of arrays and stores the named results."""
    needed, assigned = _needed(statements), {s.target for s in statements}
    renderer = NumpyRenderer(_local)
    lines = [f"{_local(name)} = ns[{name!r}]" for name in needed]
    lines += [f"{_local(s.target)} = {renderer.render(s.expression)}" for s in statements]
    lines += [f"ns[{name!r}] = {_local(name)}" for name in results if name in assigned]
    return _compile(lines or ["pass"], "ns")


def compile_for_one(
    statements: Sequence[Assignment], results: Sequence[str]
) -> Callable[[Namespace], None]:
    """`compile_statements` for arrays of one cell, computed with Python's numbers: 20 times as fast.

    Functions such as exp are the C library's, which may differ from NumPy's in the last digit. What
    Python refuses (an overflow, a division by 0) is computed by NumPy, which gives inf or nan.
    """
    kept = [name for name in results if name in {s.target for s in statements}]
    needed, renderer = _needed(statements), ScalarRenderer(_local)
    lines = [f"{', '.join(map(_local, needed))}, = given"] if needed else []
    lines += [f"{_local(s.target)} = {renderer.render(s.expression)}" for s in statements]
    lines.append(f"return ({''.join(f'{_local(name)}, ' for name in kept)})")
    quick, full = bind_scalar(scalar_code(lines, "given"), {}), compile_statements(statements, kept)

    def run(ns: Namespace) -> None:
        given = [v.item() if isinstance(v := ns[name], np.ndarray) else v for name in needed]
        try:
            values = quick(given)
        except (ArithmeticError, ValueError):
            full(ns)
            return
        for name, value in zip(kept, values, strict=True):
            ns[name] = np.array([value])

    return run


def evaluate_constants(
    constants: Sequence[Assignment], parameters: Mapping[str, Any], dt_ms: float
) -> dict[str, float | NDArray[np.float64]]:
    """The constants of a program, evaluated once for all backends: floats, or arrays (cells,)."""
    values: Namespace = {**parameters, "dt": dt_ms}
    with np.errstate(all="ignore"):
        for constant in constants:
            value = np.asarray(evaluate(constant.expression, values), dtype=np.float64)
            values[constant.target] = float(value) if value.ndim == 0 else value
    return {c.target: values[c.target] for c in constants}
