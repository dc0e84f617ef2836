"""What in an expression is a number whatever the model's states are, and whether that number is one.

``sqrt(-1)*v``, ``v/(1 - 1)`` and ``exp(1000)`` are NaN or infinite in every state: a description that holds
them is refused where it is read. What depends on a parameter is not looked at.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType

from .errors import InputError
from .syntax import source_of

Number = float | bool
_NOTHING: Mapping[str, Number] = MappingProxyType({})


def fold(tree: ast.expr, where: str, values: Mapping[str, Number] = _NOTHING) -> Number | None:
    """The value of a tree whose names are all in *values*, None if some are not.

    Raises InputError naming *where* and the part that is no finite real number, in all parts of the tree.

    >>> import ast
    >>> fold(ast.parse("2*exp(0)", mode="eval").body, "cell.v")
    2.0
    """
    match tree:
        case ast.Constant(value=bool() | int() | float() as value):
            return value if isinstance(value, bool) else float(value)
        case ast.Name(id=name):
            return values.get(name)
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(tree, op, fold(left, where, values), fold(right, where, values), where)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            chosen = fold(test, where, values)
            parts = fold(body, where, values), fold(orelse, where, values)
            return None if chosen is None else parts[0 if chosen else 1]
        case ast.Call(func=ast.Name(id=function), args=arguments):
            given = [fold(a, where, values) for a in arguments]
            known = [g for g in given if g is not None]
            return _call(tree, function, known, where) if len(known) == len(given) else None
        case ast.UnaryOp(op=op, operand=operand):
            inner = fold(operand, where, values)
            return None if inner is None else _UNARY[type(op)](inner)
        case ast.BoolOp(op=op, values=terms):
            truths = [fold(term, where, values) for term in terms]
            if None in truths:
                return None
            return all(truths) if isinstance(op, ast.And) else any(truths)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [fold(side, where, values) for side in (left, *comparators)]
            numbers = [side for side in sides if side is not None]
            if len(numbers) < len(sides):
                return None
            pairs = zip(numbers, ops, numbers[1:], strict=False)
            return all(_COMPARED[type(op)](a, b) for a, op, b in pairs)
    return None


def _binary(
    tree: ast.expr, op: ast.operator, a: Number | None, b: Number | None, where: str
) -> float | None:
    if b == 0 and isinstance(op, ast.Div):
        raise InputError(where, f"{source_of(tree)}: division by zero")
    if a is None or b is None:
        return None
    try:
        result: float | complex = _ARITHMETIC[type(op)](a, b)
    except ZeroDivisionError as error:
        raise InputError(where, f"{source_of(tree)}: division by zero") from error
    except ArithmeticError as error:
        raise InputError(where, f"{source_of(tree)}: too large a number") from error
    if isinstance(result, complex) or not math.isfinite(result):
        raise InputError(where, f"{source_of(tree)} is no finite real number")
    if isinstance(op, ast.Pow) and a != 0 and result == 0:
        raise InputError(where, f"{source_of(tree)} is too small a number")
    return result


def _call(tree: ast.expr, function: str, given: list[Number], where: str) -> float | None:
    compute = _FUNCTIONS.get(function)
    if compute is None:
        return None
    try:
        result = float(compute(*given))
    except OverflowError as error:
        raise InputError(where, f"{source_of(tree)}: too large a number") from error
    except ValueError as error:
        raise InputError(where, f"{source_of(tree)} is no finite real number") from error
    if not math.isfinite(result):
        raise InputError(where, f"{source_of(tree)} is no finite real number")
    return result


_UNARY: Mapping[type[ast.unaryop], Callable[[Number], Number]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float | complex]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARED: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    **{
        name: getattr(math, name)
        for name in (
            "exp",
            "expm1",
            "log",
            "log1p",
            "sqrt",
            "sin",
            "cos",
            "tan",
            "sinh",
            "cosh",
            "tanh",
            "floor",
            "ceil",
        )
    },
    "exprel": lambda x: math.expm1(x) / x if x else 1.0,
    "abs": abs,
    "sign": lambda x: (x > 0) - (x < 0),
    "int": float,
    "clip": lambda x, low, high: min(max(x, low), high),
    "minimum": min,
    "maximum": max,
}
