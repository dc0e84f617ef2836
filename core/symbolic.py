"""Expressions as sympy objects, for what needs algebra: linearity, derivatives, Jacobians."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from typing import Any

import mpmath
import sympy
from sympy.printing.str import StrPrinter
from typing_extensions import override

from .errors import InputError
from .expressions import parse, text


class exprel(sympy.Function):  # type: ignore[misc]  # noqa: N801 - sympy names functions so
    """(eˣ - 1)/x with the value 1 at 0."""

    @classmethod
    @override
    def eval(cls, x: Any) -> Any:
        return sympy.Integer(1) if x.is_zero else None

    def _eval_is_positive(self) -> Any:
        return self.args[0].is_real

    def _eval_evalf(self, precision: int) -> Any:
        try:
            x = self.args[0]._to_mpmath(precision + 5)
        except ValueError:  # not a number
            return None
        with mpmath.workprec(precision):
            return sympy.Expr._from_mpmath(mpmath.expm1(x) / x if x else mpmath.mpf(1), precision)

    @override
    def fdiff(self, argindex: int = 1) -> Any:
        x = self.args[0]
        # d/dx (eˣ-1)/x = (eˣ - exprel(x))/x, whose limit at 0 is 1/2.
        return sympy.Piecewise(
            (sympy.Rational(1, 2), sympy.Eq(x, 0)), ((sympy.exp(x) - exprel(x)) / x, True)
        )


_FUNCTIONS: dict[str, Any] = {
    "exp": sympy.exp,
    "expm1": lambda x: sympy.exp(x) - 1,
    "log": sympy.log,
    "log1p": lambda x: sympy.log(1 + x),
    "sqrt": sympy.sqrt,
    "exprel": exprel,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "abs": sympy.Abs,
    "sign": sympy.sign,
    "floor": sympy.floor,
    "ceil": sympy.ceiling,
    "int": lambda c: sympy.Piecewise((1, c), (0, True)),
    "minimum": sympy.Min,
    "maximum": sympy.Max,
    "clip": lambda x, low, high: sympy.Min(sympy.Max(x, low), high),
}
_COMPARE: dict[type[ast.AST], Any] = {
    ast.Lt: sympy.Lt,
    ast.LtE: sympy.Le,
    ast.Gt: sympy.Gt,
    ast.GtE: sympy.Ge,
    ast.Eq: sympy.Eq,
    ast.NotEq: sympy.Ne,
}


def symbol(name: str) -> Any:
    """The real sympy symbol of a variable."""
    return sympy.Symbol(name, real=True)


def _number(value: float) -> Any:
    """The exact decimal a user wrote; sympy's own floats would be printed rounded."""
    return sympy.Rational(repr(value))


def to_sympy(node: ast.expr) -> Any:
    """A checked tree as a sympy expression; numbers become exact rationals."""
    match node:
        case ast.Constant(value=bool() as truth):
            return sympy.true if truth else sympy.false
        case ast.Constant(value=int() | float() as value):
            return _number(float(value))
        case ast.Name(id="not_refractory"):
            return sympy.Symbol("not_refractory", bool=True)
        case ast.Name(id=name):
            return symbol(name)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return sympy.Not(to_sympy(operand))
        case ast.UnaryOp(op=op, operand=operand):
            value = to_sympy(operand)
            return -value if isinstance(op, ast.USub) else value
        case ast.BinOp(op=op, left=left, right=right):
            a, b = to_sympy(left), to_sympy(right)
            if isinstance(op, ast.Add):
                return a + b
            if isinstance(op, ast.Sub):
                return a - b
            if isinstance(op, ast.Mult):
                return a * b
            if isinstance(op, ast.Div):
                return a / b
            if a.is_number and b.is_number and not (b.is_integer and abs(b) <= 16):
                # An exact power of rationals could have millions of digits.
                return _number(float(a) ** float(b))
            return a**b
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _apply(_COMPARE[type(op)], node, [left, right])
        case ast.BoolOp(op=op, values=values):
            parts = [to_sympy(value) for value in values]
            return sympy.And(*parts) if isinstance(op, ast.And) else sympy.Or(*parts)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return sympy.Piecewise((to_sympy(body), to_sympy(test)), (to_sympy(orelse), True))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _apply(_FUNCTIONS[name], node, arguments)
    raise AssertionError(f"not in the language: {ast.dump(node)}")


def _apply(function: Any, node: ast.expr, arguments: Sequence[ast.expr]) -> Any:
    values = [to_sympy(argument) for argument in arguments]
    try:
        return function(*values)
    except (TypeError, ValueError) as error:
        # Sympy's answer to what cannot be compared, such as sqrt(-1).
        problem = f"{text(node)!r} has no real value; is a root or a logarithm negative?"
        raise InputError("expression", problem) from error


class _Printer(StrPrinter):  # type: ignore[misc]
    """Prints sympy in the expression language."""

    def _print_Rational(self, value: Any) -> str:
        number = float(value)
        return f"({number!r})" if number < 0 else repr(number)

    def _print_Integer(self, value: Any) -> str:
        return f"({int(value)})" if value < 0 else str(int(value))

    _print_NegativeOne = _print_One = _print_Zero = _print_Integer
    _print_Half = _print_Rational

    def _print_Float(self, value: Any) -> str:
        return self._print_Rational(value)

    def _print_Exp1(self, value: Any) -> str:
        return "exp(1)"

    def _print_Pi(self, value: Any) -> str:
        return repr(float(value))

    def _print_Abs(self, value: Any) -> str:
        return f"abs({self._print(value.args[0])})"

    def _print_ceiling(self, value: Any) -> str:
        return f"ceil({self._print(value.args[0])})"

    def _chain(self, value: Any, name: str) -> str:
        result = self._print(value.args[0])
        for argument in value.args[1:]:
            result = f"{name}({result}, {self._print(argument)})"
        return str(result)

    def _print_Min(self, value: Any) -> str:
        return self._chain(value, "minimum")

    def _print_Max(self, value: Any) -> str:
        return self._chain(value, "maximum")

    def _print_Piecewise(self, value: Any) -> str:
        *cases, (last, condition) = value.args
        result = self._print(last)
        if condition != True:  # noqa: E712 - sympy's true is not Python's
            result = f"({result})"
        for body, test in reversed(cases):
            result = f"(({self._print(body)}) if ({self._print(test)}) else ({result}))"
        return str(result)

    def _print_ITE(self, value: Any) -> str:
        # Sympy's choice between two conditions, which a comparison with a choice becomes.
        test, body, orelse = (f"({self._print(a)})" for a in value.args)
        return f"(({test} and {body}) or ((not {test}) and {orelse}))"

    def _print_And(self, value: Any) -> str:
        return "(" + " and ".join(f"({self._print(a)})" for a in value.args) + ")"

    def _print_Or(self, value: Any) -> str:
        return "(" + " or ".join(f"({self._print(a)})" for a in value.args) + ")"

    def _print_Not(self, value: Any) -> str:
        return f"(not ({self._print(value.args[0])}))"

    def _print_Relational(self, value: Any) -> str:
        return f"({self._print(value.lhs)} {value.rel_op} {self._print(value.rhs)})"


def from_sympy(value: Any) -> ast.expr:
    """A sympy expression as a tree of the expression language."""
    return parse(str(_Printer().doprint(value)), "derived expression")


_MOST_OPERATIONS = 60
"""Above this an expression is not simplified: sympy's time grows without bound with its size and choices."""
_TRIED = ((-70.0, 12.5), (0.2, 0.7), (3.0, 41.0))
"""Where linearity is tried: a value and a distance, of the sizes of potentials, gates and currents."""


def _surely_curved(rhs: Any, variable: Any) -> bool:
    """Whether three equally spaced values of a variable give values on no line, whatever the algebra.

    It says so at once of what sympy would have to simplify for minutes to find the same.
    """
    others = sorted(rhs.free_symbols - {variable}, key=str)
    values = {other: sympy.Float(0.31 + 0.57 * k) for k, other in enumerate(others)}
    for start, step in _TRIED:
        samples = []
        for k in range(3):
            try:
                number = complex(rhs.xreplace({**values, variable: sympy.Float(start + k * step)}))
            except (TypeError, ValueError, ArithmeticError, AttributeError):
                break
            samples.append(number.real if not number.imag else math.nan)
        if len(samples) == 3 and all(map(math.isfinite, samples)):
            a, b, c = samples
            if abs(a - 2 * b + c) > 1e-6 * max(abs(a), abs(b), abs(c)):
                return True
    return False


def linear_coefficient(rhs: Any, name: str) -> Any | None:
    """∂rhs/∂name if *rhs* is linear in *name*, else None; None too where that cannot be told in short."""
    variable = symbol(name)
    if not rhs.has(variable):
        return sympy.Integer(0)
    if _surely_curved(rhs, variable):
        return None
    coefficient = sympy.diff(rhs, variable)
    if coefficient.has(variable) or coefficient.has(sympy.Derivative, sympy.DiracDelta):
        if coefficient.has(sympy.Piecewise) or coefficient.count_ops() > _MOST_OPERATIONS:
            return None
        try:
            coefficient = sympy.simplify(coefficient)
        except (ValueError, TypeError):  # sympy puts a 0 where its result is not comparable
            return None
        if coefficient.has(variable) or coefficient.has(sympy.Derivative, sympy.DiracDelta):
            return None
    if coefficient.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.I):
        return None  # log(0) or sqrt(-1) among the constants: no number to compute with
    return coefficient
