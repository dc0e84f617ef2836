"""Which of Brian2's state updaters integrates a block: tried in turn, as Brian2 itself does."""

from __future__ import annotations

import ast
import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.cache import cache_dir
from ...core.cell import Cell
from ...core.expressions import names, substitute
from ...core.linear import linear_in
from .code import GroupCode

METHODS = ("exact", "euler", "exponential_euler", "rk2", "rk4", "heun")
"""The state updaters of Brian2 for equations without noise terms, by its names."""
GUARDED = "guarded_rk4"
"""The step of core's program of this name, which Brian2 has no updater for; see `GroupCode.guarded`."""


def slopes(cell: Cell) -> dict[str, frozenset[str]] | None:
    """What the slope a of every dx/dt = a·x + b depends on; None if one is not linear in its own variable.

    What is ``(held)`` counts as a constant.
    """
    inline: dict[str, ast.expr] = {}
    for variable in cell.subexpressions:
        assert variable.right is not None
        if not variable.held:
            inline[variable.name] = substitute(variable.right, inline)
    by_state = {}
    for state in cell.states:
        assert state.right is not None
        linear = linear_in(substitute(state.right, inline), state.name)
        if linear is None:
            return None
        by_state[state.name] = frozenset() if linear.slope is None else names(linear.slope)
    return by_state


def may_vanish(cell: Cell) -> frozenset[str]:
    """The states whose slope has a held sub-expression as a factor, which can be 0: a pool at its floor."""
    held = {v.name for v in cell.variables if v.held}
    return frozenset(name for name, found in (slopes(cell) or {}).items() if found & held)


# Symbolic matrix exponentials: seconds for 4 equations, minutes for 7, hours for a cable.
_SIMPLIFIED = 4
_MOST_EQUATIONS = 7


class Integrator:
    """Brian2's first state updater among ``candidates`` that takes a block's equations.

    Brian2 calls it in place of a method's name. ``taken`` is the updater's name, ``passed_over`` says why
    ``exact`` was not taken where that is not a matter of the equations' form. ``is_usable`` is asked
    whether a symbolic solution can be evaluated, unless it is the last candidate. ``undivided`` are the
    variables whose exponential Euler step is written without a division by their slope; ``guarded`` is the
    step of that scheme, where it is among the candidates.
    """

    def __init__(
        self,
        block: str,
        candidates: Sequence[str],
        is_usable: Callable[[str], bool] = lambda step: True,
        undivided: Collection[str] = (),
        guarded: Sequence[str] = (),
    ) -> None:
        self.block = block
        self.candidates = candidates
        self.is_usable = is_usable
        self.undivided = undivided
        self.guarded = guarded
        self.taken = ""
        self.passed_over = ""

    def __call__(self, equations: Any, variables: Any = None, method_options: Any = None) -> Any:
        """The update step as Brian2's abstract code."""
        from brian2.stateupdaters.base import UnsupportedEquationsException

        count = len(equations.diff_eq_names)
        for name in self.candidates:
            last = name == self.candidates[-1]
            if name == GUARDED:
                self.taken = name
                return "\n".join(self.guarded)
            if name == "exact" and count > _MOST_EQUATIONS and not last:
                self.passed_over = f"{count} equations are too many to solve symbolically"
                continue
            try:
                step = _step_of(name, equations, variables, count)
            except UnsupportedEquationsException as error:
                if last:
                    raise UnsupportedEquationsException(f"{self.block}: {error}") from error
                continue
            if name == "exact" and not last and not self.is_usable(step):
                self.passed_over = "its solution divides by zero for these parameters"
                continue
            self.taken = name
            if name == "exponential_euler" and self.undivided:
                return _undivided(step, equations, variables, self.undivided)
            return step
        raise AssertionError("no candidate")


def _step_of(name: str, equations: Any, variables: Any, count: int) -> Any:
    """A state updater's step; that of ``exact`` is kept on disk, as sympy takes seconds for it."""
    from brian2.stateupdaters.base import StateUpdateMethod

    updater = StateUpdateMethod.stateupdaters[name]
    if name != "exact":
        return updater(equations, variables, {})
    options = {"simplify": count <= _SIMPLIFIED}
    path = _cached_step(equations, variables)
    if path.exists():
        return path.read_text(encoding="utf-8")
    step = updater(equations, variables, options)
    _write(path, step)
    return step


def _undivided(step: str, equations: Any, variables: Any, names: Collection[str]) -> str:
    """Brian2's exponential Euler with some variables as x + dt·exprel(dt·a)·(a·x + b).

    It writes (x + b/a)·e^{a·dt} - b/a, the same where a is not 0.
    """
    from brian2.parsing.sympytools import sympy_to_str
    from brian2.stateupdaters.exponential_euler import get_conditionally_linear_system

    system = get_conditionally_linear_system(equations, variables)
    lines = []
    for line in step.splitlines():
        target = line.split(" = ")[0]
        name = target.removeprefix("_BA_").removeprefix("_")
        slope, intercept = system[name]
        if name not in names or slope == 0 or not target.startswith("_"):
            lines.append(line)
        elif target == f"_{name}":
            lines.append(f"_slope_{name} = {sympy_to_str(slope)}")
            rate = f"_slope_{name}*{name}"
            if intercept != 0:
                rate += f" + {sympy_to_str(intercept)}"
            lines.append(f"_{name} = {name} + dt*exprel(dt*_slope_{name})*({rate})")
    return "\n".join(lines)


def _cached_step(equations: Any, variables: Any) -> Path:
    import brian2
    import sympy

    parts = [brian2.__version__, sympy.__version__]
    parts += [f"{name} = {e.expr.code}" for name, e in sorted(equations.items()) if e.expr]
    # Whether a TimedArray is constant over a step is not seen in the text.
    dt = float(variables["dt"].get_value()[0])
    parts += [
        f"{name} {value.is_locally_constant(dt)}"
        for name, value in sorted(variables.items())
        if isinstance(value, brian2.TimedArray)
    ]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    return cache_dir("brian2", "exact") / f"{key}.txt"


def _write(path: Path, step: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(step)
    os.replace(temporary, path)


def can_evaluate(
    code: GroupCode, functions: Mapping[str, Any], dt_ms: float
) -> Callable[[str], bool]:
    """A test whether an update step gives finite numbers for a block's parameters and initial values.

    The symbolic solution of two equations with equal time constants divides by their difference.
    """
    values: dict[str, Any] = {
        name: getattr(np, name) for name in ("exp", "sin", "cos", "log", "sqrt")
    }
    values |= {name: function.pyfunc for name, function in functions.items()}
    values |= {**code.constants, **code.arrays, "dt": dt_ms * 1e-3, "ms": 1e-3, "second": 1.0}
    values |= {"not_refractory": True, "int": lambda c: np.asarray(c, dtype=np.int64)}
    values |= dict.fromkeys(code.held.values(), 0.0)

    def test(step: str) -> bool:
        # The text was made by Brian2 from checked equations: names, numbers, operators.
        space = {**values, "__builtins__": {}}
        try:
            with np.errstate(all="ignore"):
                exec(compile(step, "<update step>", "exec"), space)
        except NameError:
            return True  # a function that is not needed here often enough to be listed
        except ZeroDivisionError:
            return False
        states = [line.split("=")[0].strip() for line in step.splitlines()]
        return all(np.all(np.isfinite(space[name])) for name in states)

    return test
