"""Linearity as written agrees with algebra, and says no where it cannot see it."""

import numpy as np
import pytest

from coincide.core.expressions import names, parse
from coincide.core.linear import linear_in
from coincide.core.numpy_code import compile_expression

VALUES = {"a": 0.7, "b": -1.3, "c": 2.1, "d": 0.4}


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "-x",
        "a",
        "0",
        "a*x + b",
        "(b - x + c*a)/d",
        "a*(b - x) + c*(d - x)",
        "x*a/b - x*c",
        "(a*(b - x) - x)/c if a > 0.5 else b*x",
        "a if b < 0 else c",
        "exp(a)*x - log(c)*(x - b)",
        "-(x - a)*(b + c)/(1 + exp(-d))",
        "+x*2 - x",
        "int(a > b)*x",
    ],
)
def test_slope_and_intercept_give_back_the_value(text: str) -> None:
    tree = parse(text)
    linear = linear_in(tree, "x")
    assert linear is not None
    parts = [p for p in (linear.slope, linear.intercept) if p is not None]
    assert all("x" not in names(p) for p in parts)
    for x in (-2.0, 0.0, 0.3, 5.0):
        values = {**VALUES, "x": x}
        slope, intercept = (
            0.0 if p is None else float(compile_expression(p)(values))
            for p in (linear.slope, linear.intercept)
        )
        expected = float(compile_expression(tree)(values))
        np.testing.assert_allclose(slope * x + intercept, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "text",
    ["x*x", "x**2", "a/x", "exp(x)", "x if x > 0 else a", "abs(x)", "x*x - x*x", "a*int(x > b)"],
)
def test_what_is_not_linear_as_written(text: str) -> None:
    assert linear_in(parse(text), "x") is None
