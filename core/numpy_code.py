"""Statements and expressions compiled to NumPy functions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
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
        "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p", "sqrt": "sqrt",
        "exprel": "exprel", "abs": "absolute", "sign": "sign", "floor": "floor", "ceil": "ceil",
        "minimum": "minimum", "maximum": "maximum",
    }  # fmt: skip

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


_GLOBALS: dict[str, Any] = {
    name: getattr(np, name)
    for name in (
        "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh",
        "absolute", "sign", "floor", "ceil", "minimum", "maximum", "where", "logical_not",
        "logical_and", "logical_or",
    )
} | {"exprel": exprel, "__builtins__": {}}  # fmt: skip


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
        raise InputError("parameters", f"{text(tree)!r}{given}: {error}") from error


def compile_statements(
    statements: Sequence[Assignment], results: Sequence[str]
) -> Callable[[Namespace], None]:
    """A function that runs the statements on a namespace of arrays and stores the named results."""
    assigned: set[str] = set()
    needed: list[str] = []
    for statement in statements:
        needed += sorted(names(statement.expression) - assigned - set(needed))
        assigned.add(statement.target)
    renderer = NumpyRenderer(_local)
    lines = [f"{_local(name)} = ns[{name!r}]" for name in needed]
    lines += [f"{_local(s.target)} = {renderer.render(s.expression)}" for s in statements]
    lines += [f"ns[{name!r}] = {_local(name)}" for name in results if name in assigned]
    return _compile(lines or ["pass"], "ns")


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
