"""Programs as PyTorch source: the statements of a step, the threshold, the reset, the arrivals.

Every number is a zero-dimensional tensor of the run's own precision: `torch.where` of two Python floats
would be float32, and an operation of two tensors is dispatched faster than one of a tensor and a float.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from typing_extensions import override

from ...core.cell import Assignment
from ...core.expressions import Renderer, names

Namespace = Mapping[str, torch.Tensor]
"""Everything that a program names, as tensors: shape (size,), or () where all cells agree."""

_IN_PLACE: Mapping[type[ast.operator], str] = {
    ast.Add: "add_",
    ast.Sub: "sub_",
    ast.Mult: "mul_",
    ast.Div: "div_",
}


class Literals:
    """The numbers and truth values of a program as tensors, each made once."""

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self.dtype = dtype
        self.device = device
        self.tensors: dict[str, torch.Tensor] = {}
        self._names: dict[float, str] = {}
        # (eˣ - 1)/x needs no case for x = 0 when x is moved by far less than its last digit.
        self._add("tiny", 1e-300 if dtype == torch.float64 else 1e-37, dtype)
        self._add("true", True, torch.bool)
        self._add("false", False, torch.bool)

    def _add(self, name: str, value: float, dtype: torch.dtype) -> str:
        self.tensors[name] = torch.tensor(value, dtype=dtype, device=self.device)
        return name

    def number(self, value: float) -> str:
        """The name of a number."""
        if value not in self._names:
            self._names[value] = self._add(f"k{len(self._names)}", value, self.dtype)
        return self._names[value]

    def value(self, name: str) -> float | None:
        """The number of a name."""
        return next((value for value, known in self._names.items() if known == name), None)


class TorchRenderer(Renderer):
    """Renders expressions as PyTorch source.

    ``whole`` are the names with one value per cell: an intermediate result of that shape is nobody
    else's, so the next operation is done in place, a third faster. So it is with a temporary of ``spent``,
    read here for the last time. ``always_active`` leaves out what only
    matters while a cell is refractory.
    """

    functions: ClassVar[Mapping[str, str]] = {"abs": "absolute"}

    def __init__(
        self,
        translate: Callable[[str], str],
        literals: Literals,
        whole: Iterable[str],
        always_active: bool = False,
    ) -> None:
        super().__init__(translate)
        self.literals = literals
        self.whole = set(whole)
        self.spent: set[str] = set()
        self.always_active = always_active

    @override
    def render(self, node: ast.expr) -> str:
        match node:
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _IN_PLACE:
                method = _IN_PLACE[type(op)]
                if self.is_ours(left):
                    return f"{self.render(left)}.{method}({self.render(right)})"
                if isinstance(op, ast.Add | ast.Mult) and self.is_ours(right):
                    return f"{self.render(right)}.{method}({self.render(left)})"
            case ast.IfExp(test=test, body=body, orelse=ast.Constant(value=0.0)) if (
                self._is_activity(test) and not self.always_active and self.is_ours(body)
            ):
                return f"{self.render(body)}.mul_({self.translate('active_')})"
            case ast.Call(func=ast.Name(id="exprel"), args=[x]) if self.is_ours(x):
                return f"exprel_of_ours({self.render(x)}, tiny)"
        return super().render(node)

    def is_ours(self, node: ast.expr) -> bool:
        """Whether a tree is rendered as a new tensor of one value per cell."""
        match node:
            case ast.Name(id=name):
                return name in self.spent
            case ast.IfExp(test=test, body=body) if self._is_activity(test) and self.always_active:
                return self.is_ours(body)
            case ast.BinOp() | ast.UnaryOp(op=ast.USub()) | ast.Call() | ast.IfExp():
                return self.is_whole(node)
        return False

    def _is_activity(self, test: ast.expr) -> bool:
        return isinstance(test, ast.Name) and test.id == "not_refractory"

    def is_whole(self, node: ast.expr) -> bool:
        """Whether a tree has one value per cell."""
        return not names(node).isdisjoint(self.whole)

    @override
    def number(self, value: float) -> str:
        return self.literals.number(value)

    @override
    def truth(self, value: bool) -> str:
        return "true" if value else "false"

    @override
    def power(self, base: str, exponent: str) -> str:
        # Squares and cubes are exact products only where torch sees a plain number.
        value = self.literals.value(exponent)
        return f"({base} ** {exponent if value is None else repr(value)})"

    @override
    def negation(self, operand: str) -> str:
        return f"(~{operand})"

    @override
    def junction(self, word: str, operands: list[str]) -> str:
        return "(" + (" & " if word == "and" else " | ").join(operands) + ")"

    @override
    def choice(self, test: str, body: str, orelse: str) -> str:
        if test == self.translate("not_refractory"):
            if self.always_active:
                return body
            if self.literals.value(orelse) == 0.0:
                # A quarter of the time of torch.where, and nothing that is not finite gets lost.
                return f"({body} * {self.translate('active_')})"
        return f"where({test}, {body}, {orelse})"

    @override
    def call(self, name: str, arguments: list[str]) -> str:
        if name == "int":
            return f"where({arguments[0]}, {self.number(1.0)}, {self.number(0.0)})"
        if name == "clip":
            return f"minimum(maximum({arguments[0]}, {arguments[1]}), {arguments[2]})"
        if name == "exprel":
            return f"exprel({arguments[0]}, tiny)"
        return super().call(name, arguments)

    def render_into(self, node: ast.expr, row: str) -> str:
        """A statement that writes the value of a tree into an existing tensor."""
        match node:
            case ast.IfExp(test=test, body=body, orelse=ast.Constant(value=0.0)) if (
                self._is_activity(test)
            ):
                if self.always_active:
                    return self.render_into(body, row)
                if self.is_whole(body):
                    return f"mul({self.render(body)}, {self.translate('active_')}, out={row})"
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _IN_PLACE:
                if self.is_whole(node):
                    function = _IN_PLACE[type(op)].rstrip("_")
                    return f"{function}({self.render(left)}, {self.render(right)}, out={row})"
            case ast.UnaryOp(op=ast.USub(), operand=operand) if self.is_whole(operand):
                return f"neg({self.render(operand)}, out={row})"
        return f"{row}.copy_({self.render(node)})"


def _exprel(x: torch.Tensor, tiny: torch.Tensor) -> torch.Tensor:
    """(eˣ - 1)/x, 1 at 0."""
    return _exprel_of_ours(x + tiny, tiny)


def _exprel_of_ours(x: torch.Tensor, tiny: torch.Tensor) -> torch.Tensor:
    """The same of an intermediate result, which is lost."""
    return torch.expm1(x.add_(tiny)).div_(x)


def _sign(x: torch.Tensor) -> torch.Tensor:
    """The sign; NaN stays NaN, which torch.sign would make 0."""
    return torch.where(torch.isnan(x), x, torch.sign(x))


_GLOBALS: dict[str, Any] = {
    name: getattr(torch, name)
    for name in (
        "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh",
        "absolute", "floor", "ceil", "minimum", "maximum", "where", "stack",
        "add", "sub", "mul", "div", "neg",
    )
} | {"exprel": _exprel, "exprel_of_ours": _exprel_of_ours, "sign": _sign, "__builtins__": {}}  # fmt: skip


def local(name: str) -> str:
    """What a name is called in the source: apart from the functions and literals."""
    return f"_{name}"


def whole(ns: Namespace) -> set[str]:
    """The names with one value per cell."""
    return {name for name, value in ns.items() if value.dim()}


def bind_source(
    lines: Sequence[str], arguments: str, ns: Namespace, literals: Literals
) -> Callable[..., Any]:
    """A function from lines; what they name is bound to it once."""
    # The source is rendered from checked trees: names, numbers, operators and the functions above.
    # Tensors are bound once, as variables of an enclosing function, so a step looks nothing up.
    used = set(re.findall(r"[A-Za-z_]\w*", "\n".join(lines)))
    bound = [f"    {local(name)} = ns[{name!r}]" for name in ns if local(name) in used]
    bound += [f"    {name} = literals[{name!r}]" for name in literals.tensors if name in used]
    body = [f"        {line}" for line in lines or ["pass"]]
    source = "\n".join(
        [
            "def bind(ns, literals):",
            *bound,
            f"    def compiled({arguments}):",
            *body,
            "    return compiled",
        ]
    )
    scope = dict(_GLOBALS)
    exec(compile(source, "<coincide program>", "exec"), scope)
    made: Callable[..., Any] = scope["bind"](ns, literals.tensors)
    made.source = source  # type: ignore[attr-defined]
    return made


def compile_expression(
    tree: ast.expr, ns: Namespace, literals: Literals
) -> Callable[[], torch.Tensor]:
    """A function that evaluates a tree on the tensors of a namespace; shape (size,) or ()."""
    rendered = TorchRenderer(local, literals, whole(ns)).render(tree)
    return bind_source([f"return {rendered}"], "", ns, literals)


def compile_reset(
    reset: Sequence[Assignment], ns: Namespace, literals: Literals
) -> Callable[[torch.Tensor], None]:
    """A function of the indices of the cells that fired: runs the reset, in order, on them alone."""

    def chosen(name: str) -> str:
        return f"of_{name}" if ns[name].dim() else local(name)

    renderer = TorchRenderer(chosen, literals, whole(ns))
    lines = []
    for assignment in reset:
        arrays = sorted(n for n in names(assignment.expression) if ns[n].dim())
        lines += [f"of_{name} = {local(name)}.index_select(0, cells)" for name in arrays]
        method = "index_copy_" if arrays else "index_fill_"
        value = renderer.render(assignment.expression)
        lines.append(f"{local(assignment.target)}.{method}(0, cells, {value})")
    return bind_source(lines, "cells", ns, literals)
