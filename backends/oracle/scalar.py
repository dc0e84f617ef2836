"""The equations of one cell as functions of single numbers, with their Jacobian and their switches.

A switch is a condition within the equations, such as ``v > -50*mV`` in a time constant of two pieces.
While an integrator holds the switches, the right-hand sides are smooth; where one turns it has to stop.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.cell import Assignment
from ...core.derivative import condition_of, derivative
from ...core.errors import InputError
from ...core.expressions import names, text
from ...core.numpy_code import ScalarRenderer, bind_scalar, scalar_code
from .events import NoDistanceError, distance

Floats = NDArray[np.float64]
Inputs = tuple[float, ...]
Modes = tuple[bool, ...]
Function = Callable[[Sequence[float], Inputs, Modes], tuple[Any, ...]]
"""(states, inputs, modes of the switches) to numbers."""


@dataclass(frozen=True)
class OneCell:
    """Functions of one cell: states as a list, inputs as of `ScalarEquations.inputs`, modes.

    ``entries`` are the values of the Jacobian at ``(rows, columns)``, None where algebra does not give
    them. ``conditions`` tells the modes, ``distances`` is positive where they hold, and ``turned`` is
    positive where one differs from its mode by more than the slack.
    """

    rates: Function
    entries: Function | None
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    conditions: Function
    distances: Function
    turned: Function

    def jacobian(self, state: Floats, inputs: Inputs, modes: Modes) -> Floats:
        """The Jacobian, shape (S, S), by differences where there is no algebra for it."""
        n = state.size
        matrix = np.zeros((n, n))
        if self.entries is not None:
            matrix[self.rows, self.columns] = self.entries(state.tolist(), inputs, modes)
            return matrix
        rate = np.array(self.rates(state.tolist(), inputs, modes))
        for k in range(n):
            moved = state.copy()
            moved[k] += 1e-7 * max(abs(state[k]), 1e-5)
            there = np.array(self.rates(moved.tolist(), inputs, modes))
            matrix[:, k] = (there - rate) / (moved[k] - state[k])
        return matrix


class ScalarEquations:
    """The equations of a population, compiled once; `of` gives the functions of a cell.

    *statements* assign sub-expressions, then ``rate_x_`` of every state x; *inputs* are the names that
    change between events; *margin* is the relative and the absolute slack of a switch. Without
    *algebra* the Jacobian is one of differences.
    """

    def __init__(
        self,
        statements: Sequence[Assignment],
        states: Sequence[str],
        inputs: Sequence[str],
        constants: Sequence[str],
        margin: tuple[float, float],
        algebra: bool = True,
    ) -> None:
        self._statements, self._states = tuple(statements), tuple(states)
        self.inputs = tuple(inputs)
        self._constants = tuple(constants)
        self._depends = self._dependences()
        self._tests = self._find_switches()
        self.switches = tuple(text(t) for t in self._tests)
        self._held = ScalarRenderer(_local, {key: k for k, key in enumerate(self.switches)})
        rates = [_local(f"rate_{name}_") for name in states]
        self._rates = self._code(self._render(self._statements, self._held), rates)
        free = ScalarRenderer(_local)
        self._conditions = self._of_switches([free.render(t) for t in self._tests], free)
        distances = [self._held.render(distance(t)) for t in self._tests]
        self._distances = self._of_switches(distances, self._held)
        relative, absolute = margin
        turned = [
            f"(-({self._held.render(distance(t, -relative, -absolute))}) if s[{k}] "
            f"else {self._held.render(distance(t, relative, absolute))})"
            for k, t in enumerate(self._tests)
        ]
        self._turned = self._of_switches(turned, self._held)
        self._rows: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self._columns: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self._entries = self._derive() if algebra else None

    def of(self, constants: Mapping[str, float]) -> OneCell:
        """The functions of a cell with the values of its constants and parameters."""
        own = {_local(k): constants[k] for k in self._constants}

        def bound(code: CodeType) -> Function:
            return _guarded(bind_scalar(code, own), bind_scalar(code, own, errors=False))

        return OneCell(
            bound(self._rates),
            None if self._entries is None else bound(self._entries),
            self._rows,
            self._columns,
            bound(self._conditions),
            bound(self._distances),
            bound(self._turned),
        )

    def _code(self, lines: list[str], results: Sequence[str]) -> CodeType:
        unpacked = [f"{', '.join(_local(n) for n in self._states)}, = y"]
        for k, name in enumerate(self.inputs):
            unpacked.append(f"{_local(name)} = u[{k}]")
        joined = ", ".join(results)
        return scalar_code(
            [*unpacked, *lines, f"return ({joined}{',' if results else ''})"], "y, u, s"
        )

    def _render(self, statements: Sequence[Assignment], renderer: ScalarRenderer) -> list[str]:
        return [f"{_local(a.target)} = {renderer.render(a.expression)}" for a in statements]

    def _of_switches(self, results: Sequence[str], renderer: ScalarRenderer) -> CodeType:
        needed = {name for tree in self._tests for name in names(tree)}
        kept = []
        for statement in reversed(self._statements):
            if statement.target in needed:
                kept.append(statement)
                needed |= names(statement.expression)
        return self._code(self._render(kept[::-1], renderer), results)

    # -- switches ----------------------------------------------------------------------------

    def _dependences(self) -> dict[str, frozenset[str]]:
        """The states that every state and assigned name depends on."""
        depends = {name: frozenset([name]) for name in self._states}
        for statement in self._statements:
            used = (depends.get(n, frozenset()) for n in names(statement.expression))
            depends[statement.target] = frozenset().union(*used)
        return depends

    def _find_switches(self) -> list[ast.expr]:
        """The conditions that depend on the state and have a distance, inner ones first."""
        conditions: dict[str, ast.expr] = {}
        for statement in self._statements:
            for node in reversed(list(ast.walk(statement.expression))):
                test = condition_of(node)
                if test is None or "not_refractory" in names(test):
                    continue
                if not any(self._depends.get(n) for n in names(test)):
                    continue
                try:
                    distance(test)
                except (NoDistanceError, TypeError, AttributeError):
                    continue
                conditions[text(test)] = test
        return list(conditions.values())

    # -- the Jacobian ------------------------------------------------------------------------

    def _derive(self) -> CodeType | None:
        """Derivatives statement by statement with the chain rule, so that sub-expressions stay shared."""
        lines: list[str] = []
        known: dict[str, dict[str, str]] = {name: {name: "1.0"} for name in self._states}
        try:
            for statement in self._statements:
                lines += self._render([statement], self._held)
                parts: dict[str, list[str]] = {}
                for name in sorted(names(statement.expression) & known.keys()):
                    partial = self._held.render(derivative(statement.expression, name))
                    if partial == "0.0":
                        continue
                    inner = known[name]
                    if len(inner) > 1 and len(partial) > 20:
                        local = f"p{len(lines)}"
                        lines.append(f"{local} = {partial}")
                        partial = local
                    for state, chain in inner.items():
                        term = partial if chain == "1.0" else f"{partial} * {chain}"
                        parts.setdefault(state, []).append(term)
                own: dict[str, str] = {}
                for state, terms in parts.items():
                    local = f"d{len(lines)}"
                    lines.append(f"{local} = {' + '.join(terms)}")
                    own[state] = local
                known[statement.target] = own
        except (InputError, NotImplementedError, TypeError, ValueError, AttributeError):
            # Sympy knows derivatives, such as Heaviside's, that our language does not.
            return None
        cells = [
            (row, self._states.index(state), local)
            for row, name in enumerate(self._states)
            for state, local in known.get(f"rate_{name}_", {}).items()
        ]
        self._rows = np.array([c[0] for c in cells], dtype=np.intp)
        self._columns = np.array([c[1] for c in cells], dtype=np.intp)
        return self._code(lines, [c[2] for c in cells])


def _local(name: str) -> str:
    return f"_{name}"


def _guarded(fast: Callable[..., Any], slow: Callable[..., Any]) -> Function:
    def function(y: Sequence[float], u: Inputs, s: Modes) -> tuple[Any, ...]:
        try:
            result: tuple[Any, ...] = fast(y, u, s)
        except (ArithmeticError, ValueError):
            with np.errstate(all="ignore"):
                result = slow([np.float64(x) for x in y], u, s)
        return result

    return function
