"""Functions that Brian2 lacks or computes otherwise than NumPy does, for all of its targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.numpy_code import exprel
from .library import import_brian2


def _pick(condition: Any, value: Any, other: Any) -> Any:
    return np.where(condition, value, other)


# name: argument types, NumPy, body in C
_TABLE: dict[str, tuple[list[str], Callable[..., Any], str]] = {
    "where_": (["boolean", "float", "float"], _pick, "a ? b : c"),
    "div_": (["float", "float"], np.true_divide, "a / b"),
    "exprel_": (["float"], exprel, "a == 0.0 ? 1.0 : expm1(a) / a"),
    "minimum_": (["float", "float"], np.minimum, "b < a ? b : a"),
    "maximum_": (["float", "float"], np.maximum, "b > a ? b : a"),
    "sign_": (["float"], np.sign, "a > 0.0 ? 1.0 : (a < 0.0 ? -1.0 : 0.0)"),
    "floor_": (["float"], np.floor, "floor(a)"),
    "ceil_": (["float"], np.ceil, "ceil(a)"),
}

# Brian2's Cython raises on a division by zero, so the functions are C, taken in as they are.
_CYTHON = '''
cdef extern from *:
    """
    #include <math.h>
    {c}
    """
    double {name}({types}) noexcept nogil
'''


def functions() -> dict[str, Any]:
    """The functions by name, for a namespace."""
    b2 = import_brian2()
    made = {}
    for name, (types, python, body) in _TABLE.items():
        c_types = ["bool" if t == "boolean" else "double" for t in types]
        arguments = ", ".join(f"{t} {letter}" for t, letter in zip(c_types, "abc", strict=False))
        c = f"static inline double {name}({arguments}) {{ return {body}; }}"
        # A whole number such as the 0 of maximum(x, 0) is no float to Brian2.
        allowed = ["any" if t == "float" else t for t in types]
        function = b2.Function(
            python,
            arg_units=[1] * len(types),
            arg_types=allowed,
            return_unit=1,
            return_type="float",
            stateless=True,
        )
        function.implementations.add_implementation("numpy", python)
        function.implementations.add_implementation("cpp", f"#include <math.h>\n{c}")
        cython_types = ["bint" if t == "boolean" else "double" for t in types]
        function.implementations.add_implementation(
            "cython", _CYTHON.format(c=c, name=name, types=", ".join(cython_types))
        )
        made[name] = function
    return made
