"""The expression language: parsed with ``ast`` against a whitelist, checked for dimensions, rendered.

An expression is a Python expression tree of numbers, names, arithmetic, comparisons, ``and``/``or``/``not``,
``a if c else b`` and calls of the functions in FUNCTIONS. Nothing of a user's text is ever evaluated
by Python: backends render the checked tree into their own language through one `Renderer`.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Callable, Container, Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar

from .common_units import SPELLED_OUT
from .errors import InputError, nearest
from .folding import fold
from .idioms import about_call, about_name
from .syntax import shown, source_of, why_no_expression
from .units import DIMENSIONLESS, Dimension, Quantity, describe

FUNCTIONS: Mapping[str, int] = {
    "exp": 1, "expm1": 1, "log": 1, "log1p": 1, "sqrt": 1, "exprel": 1,
    "sin": 1, "cos": 1, "tan": 1, "sinh": 1, "cosh": 1, "tanh": 1,
    "abs": 1, "sign": 1, "floor": 1, "ceil": 1, "int": 1,
    "clip": 3, "minimum": 2, "maximum": 2,
}  # fmt: skip
"""Allowed functions and how many arguments each takes; ``exprel(x)`` is (eˣ - 1)/x, 1 at 0."""

_KEEP_DIMENSION = {"abs", "clip", "minimum", "maximum"}
_MAX_LENGTH = 20_000
_MAX_DEPTH = 100

_OPERATORS: Mapping[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.And: "and",
    ast.Or: "or",
    ast.Not: "not",
    ast.UAdd: "+",
    ast.USub: "-",
}


@lru_cache(maxsize=4096)
def parse(text: str, where: str = "expression") -> ast.expr:
    """The tree of an expression; InputError names *where* for anything outside the language."""
    if len(text) > _MAX_LENGTH:
        raise InputError(where, f"an expression of {len(text)} characters; {_MAX_LENGTH} at most")
    if not text.isascii():
        # Python reads some other letters as these, so that two names could look alike.
        raise InputError(where, f"{shown(text)}: only plain letters, digits and operators")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        problem = f"{shown(text)} is not an expression: {why_no_expression(text)}"
        raise InputError(where, problem) from error
    except (ValueError, RecursionError, MemoryError) as error:
        problem = f"{shown(text)} is not an expression: it nests too deeply or a number is too long"
        raise InputError(where, problem) from error
    _check(tree, where, 0)
    fold(tree, where)
    return _unchained(tree)


def _check(node: ast.AST, where: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise InputError(where, f"nested deeper than {_MAX_DEPTH} levels; use a sub-expression")
    match node:
        case ast.Constant(value=bool() | int() | float() as value):
            if not math.isfinite(_as_float(value, where)):
                raise InputError(where, f"{value} is not a finite number")
            return
        case ast.Name():
            return
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow()):
            parts: list[ast.expr] = [node.left, node.right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not()):
            parts = [node.operand]
        case ast.BoolOp():
            parts = node.values
        case ast.IfExp():
            parts = [node.test, node.body, node.orelse]
        case ast.Compare(ops=ops) if all(type(op) in _OPERATORS for op in ops):
            parts = [node.left, *node.comparators]
        case ast.Compare():
            raise InputError(where, f"{source_of(node)}: compare with <, <=, >, >=, == or !=")
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            if name not in FUNCTIONS:
                raise InputError(where, f"there is no function {name!r}; {_about(node, name)}")
            if len(node.args) != FUNCTIONS[name]:
                raise InputError(
                    where, f"{name}() takes {FUNCTIONS[name]} argument(s), not {len(node.args)}"
                )
            parts = node.args
        case ast.Attribute():
            raise InputError(where, f"{source_of(node)}: attribute access is not allowed")
        case ast.Call():
            raise InputError(
                where, f"{source_of(node)}: only the functions {', '.join(FUNCTIONS)} can be called"
            )
        case ast.BinOp(op=ast.BitXor()):
            raise InputError(where, f"{source_of(node)}: a power is written with **")
        case _:
            raise InputError(
                where, f"{source_of(node)} is not allowed; use arithmetic, comparisons, functions"
            )
    for part in parts:
        _check(part, where, depth + 1)


def _unchained(tree: ast.expr) -> ast.expr:
    """``a < b < c`` as ``a < b and b < c``, which it means."""
    if not any(isinstance(n, ast.Compare) and len(n.ops) > 1 for n in ast.walk(tree)):
        return tree

    class Unchain(ast.NodeTransformer):
        def visit_Compare(self, node: ast.Compare) -> ast.expr:
            self.generic_visit(node)
            if len(node.ops) == 1:
                return node
            sides = [node.left, *node.comparators]
            pairs = zip(sides, node.ops, sides[1:], strict=False)
            compared = [ast.Compare(left=a, ops=[op], comparators=[b]) for a, op, b in pairs]
            return ast.BoolOp(op=ast.And(), values=list(compared))

    changed: ast.expr = Unchain().visit(tree)
    return changed


def _about(call: ast.Call, name: str) -> str:
    """What to write instead of a call: an answer, or all functions, with the nearest if one is near."""
    of_time = any(isinstance(a, ast.Name) and a.id in {"t", "t_in_timesteps"} for a in call.args)
    known = f"known: {', '.join(FUNCTIONS)}"
    close = difflib.get_close_matches(name, FUNCTIONS, n=1, cutoff=0.8)
    return about_call(name, of_time) or (f"did you mean {close[0]!r}? {known}" if close else known)


def _as_float(value: float, where: str) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise InputError(where, f"the number {value!r:.30} is too large") from error


def names(tree: ast.AST) -> frozenset[str]:
    """The names of variables in a tree; the names of functions are not among them."""
    used = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            used.add(node.id)
        elif isinstance(node, ast.Call):
            stack.extend(node.args)
        else:
            stack.extend(ast.iter_child_nodes(node))
    return frozenset(used)


def text(tree: ast.expr) -> str:
    """The canonical text of a tree."""
    return ast.unparse(tree)


def substitute(tree: ast.expr, values: Mapping[str, ast.expr]) -> ast.expr:
    """A tree with names replaced by trees; what does not change is shared, as no tree is ever changed."""
    if not values or names(tree).isdisjoint(values):
        return tree
    return _substituted(tree, values)


def _substituted(node: ast.expr, values: Mapping[str, ast.expr]) -> ast.expr:
    if isinstance(node, ast.Name):
        return values.get(node.id, node)
    if isinstance(node, ast.Call):
        arguments = [_substituted(argument, values) for argument in node.args]
        return ast.Call(func=node.func, args=arguments, keywords=[])
    parts: dict[str, Any] = {}
    for field, part in ast.iter_fields(node):
        if isinstance(part, ast.expr):
            parts[field] = _substituted(part, values)
        elif isinstance(part, list):
            parts[field] = [_substituted(p, values) if isinstance(p, ast.expr) else p for p in part]
        else:
            parts[field] = part
    return type(node)(**parts)


def rename(tree: ast.expr, new_names: Mapping[str, str]) -> ast.expr:
    """A copy of a tree with variables renamed."""
    return substitute(tree, {old: ast.Name(id=new) for old, new in new_names.items()})


def number(value: float) -> ast.expr:
    """A number as a tree; negative ones as a unary minus, so that no precedence is lost."""
    node = ast.Constant(value=abs(float(value)))
    return node if value >= 0 else ast.UnaryOp(op=ast.USub(), operand=node)


def _constant(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _constant(operand)
            return None if inner is None else -inner
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            above, below = _constant(left), _constant(right)
            return None if above is None or not below else above / below
    return None


BOOLEAN = "boolean"
"""What `dimension_of` answers for a condition."""


def dimension_of(
    tree: ast.expr, known: Mapping[str, Dimension | str], where: str
) -> Dimension | str:
    """The dimension of a tree, or BOOLEAN; InputError names the two sides that do not agree."""

    def value_of(node: ast.expr) -> Dimension:
        dimension = visit(node)
        if isinstance(dimension, str):
            raise InputError(
                where, f"{text(node)!r} is a condition, not a value; use int(…) to count it"
            )
        return dimension

    def condition(node: ast.expr) -> None:
        if visit(node) != BOOLEAN:
            raise InputError(where, f"{text(node)!r} is a value, not a condition")

    def agree(left: ast.expr, right: ast.expr, action: str) -> Dimension:
        a, b = value_of(left), value_of(right)
        if a != b:
            raise InputError(
                where,
                f"cannot {action} {text(left)!r}, {describe(a)}, and {text(right)!r}, {describe(b)}",
            )
        return a

    def visit(node: ast.expr) -> Dimension | str:
        match node:
            case ast.Constant(value=bool()):
                return BOOLEAN
            case ast.Constant():
                return DIMENSIONLESS
            case ast.Name(id=name):
                if name not in known:
                    hint = about_name(name) or _undeclared(name, known)
                    raise InputError(where, f"unknown variable {name!r}; {hint}")
                return known[name]
            case ast.UnaryOp(op=ast.Not()) | ast.BoolOp():
                for part in [node.operand] if isinstance(node, ast.UnaryOp) else node.values:
                    condition(part)
                return BOOLEAN
            case ast.UnaryOp(operand=operand):
                return value_of(operand)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return agree(left, right, "add")
            case ast.BinOp(op=ast.Sub(), left=left, right=right):
                return agree(left, right, "subtract")
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                return value_of(left) * value_of(right)
            case ast.BinOp(op=ast.Div(), left=left, right=right):
                return value_of(left) / value_of(right)
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                return power(left, right)
            case ast.Compare(left=left, comparators=[right]):
                agree(left, right, "compare")
                return BOOLEAN
            case ast.IfExp(test=test, body=body, orelse=orelse):
                condition(test)
                return agree(body, orelse, "choose between")
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return call(name, arguments)
        raise InputError(where, f"{text(node)!r} is not allowed")

    def power(base: ast.expr, exponent: ast.expr) -> Dimension:
        dimension = value_of(base)
        if not value_of(exponent).is_dimensionless:
            raise InputError(where, f"the exponent {text(exponent)!r} is not a pure number")
        if dimension.is_dimensionless:
            return dimension
        value = _constant(exponent)
        if value is None:
            raise InputError(
                where,
                f"{text(base)!r}, {describe(dimension)}, is raised to {text(exponent)!r}; "
                "a power of a dimension has to be a number",
            )
        return dimension ** Fraction(value).limit_denominator(1000)

    def call(name: str, arguments: list[ast.expr]) -> Dimension:
        if name == "int":
            if visit(arguments[0]) != BOOLEAN:
                raise InputError(
                    where,
                    f"int({text(arguments[0])}): int() counts a condition, such as int(v > 0*mV); of a "
                    "number use floor(x)",
                )
            return DIMENSIONLESS
        if name in _KEEP_DIMENSION:
            result = value_of(arguments[0])
            for other in arguments[1:]:
                agree(arguments[0], other, f"use in {name}()")
            return result
        dimension = value_of(arguments[0])
        if name == "sign":
            return DIMENSIONLESS
        if name == "sqrt":
            return dimension ** Fraction(1, 2)
        if not dimension.is_dimensionless:
            raise InputError(
                where,
                f"{name}({text(arguments[0])}) takes a pure number, not {describe(dimension)}",
            )
        return dimension

    return visit(tree)


def _undeclared(name: str, known: Iterable[str]) -> str:
    """What to do about a name that nobody has declared."""
    declare = f"declare it by a line '{name} : 1' with its unit and give its value in parameters"
    return f"{nearest(name, known)}; or {declare}"


UNIT_NAMES = (
    "V", "mV", "uV", "s", "ms", "us", "A", "mA", "uA", "nA", "pA", "S", "mS", "uS", "nS", "pS",
    "F", "uF", "nF", "pF", "ohm", "kohm", "Mohm", "Gohm", "kOhm", "MOhm", "GOhm", "Hz", "kHz",
    "m", "cm", "mm", "um", "mM", "uM", "nM", *SPELLED_OUT,
)  # fmt: skip
"""Units that can stand in an expression as in Brian2, ``v > -50*mV``, unless declared otherwise."""


def units_in(tree: ast.expr, declared: Container[str]) -> dict[str, Quantity]:
    """The unit names that a tree uses and that no declared variable hides."""
    return {
        name: Quantity(1.0, name)
        for name in names(tree)
        if name in UNIT_NAMES and name not in declared
    }


class Renderer:
    """Renders a checked tree as source text, every operation in parentheses, left to right.

    Subclasses name the functions and override what their language writes differently. A whole
    number as a small power of a name becomes a product everywhere, so that all backends round alike.
    """

    functions: ClassVar[Mapping[str, str]] = {}

    def __init__(self, translate: Callable[[str], str] = lambda name: name) -> None:
        self.translate = translate

    def render(self, node: ast.expr) -> str:
        """The text of a tree."""
        match node:
            case ast.Constant(value=bool() as truth):
                return self.truth(truth)
            case ast.Constant(value=int() | float() as value):
                return self.number(float(value))
            case ast.Name(id=name):
                return self.translate(name)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.negation(self.render(operand))
            case ast.UnaryOp(op=op, operand=operand):
                return f"({_OPERATORS[type(op)]}{self.render(operand)})"
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                return self._power(left, right)
            case ast.BinOp(op=op, left=left, right=right):
                return f"({self.render(left)} {_OPERATORS[type(op)]} {self.render(right)})"
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return f"({self.render(left)} {_OPERATORS[type(op)]} {self.render(right)})"
            case ast.BoolOp(op=op, values=values):
                word = _OPERATORS[type(op)]
                return self.junction(word, [self.render(value) for value in values])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.choice(self.render(test), self.render(body), self.render(orelse))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self.call(name, [self.render(argument) for argument in arguments])
        raise AssertionError(f"not in the language: {ast.dump(node)}")

    def _power(self, base: ast.expr, exponent: ast.expr) -> str:
        if isinstance(base, ast.Name) and isinstance(exponent, ast.Constant):
            for small in (2, 3, 4):
                if exponent.value == small:
                    return "(" + " * ".join([self.render(base)] * small) + ")"
        return self.power(self.render(base), self.render(exponent))

    def truth(self, value: bool) -> str:
        """A literal truth value."""
        return str(value)

    def number(self, value: float) -> str:
        """A literal number, to the last bit."""
        return repr(value)

    def power(self, base: str, exponent: str) -> str:
        """A power."""
        return f"({base} ** {exponent})"

    def negation(self, operand: str) -> str:
        """A logical not."""
        return f"(not {operand})"

    def junction(self, word: str, operands: list[str]) -> str:
        """A chain of ``and`` or ``or``."""
        return "(" + f" {word} ".join(operands) + ")"

    def choice(self, test: str, body: str, orelse: str) -> str:
        """One of two values by a condition."""
        return f"({body} if {test} else {orelse})"

    def call(self, name: str, arguments: list[str]) -> str:
        """A function's value."""
        return f"{self.functions.get(name, name)}({', '.join(arguments)})"
