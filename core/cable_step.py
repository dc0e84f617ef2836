"""The membrane potentials of a tree moved together: one linearly implicit step, written out.

::

    (1 - dt·J)·Δ = dt·f(t_n),   v(t_{n+1}) = v(t_n) + Δ

J holds the slope of every compartment's equation in its own v, as the exponential Euler step of a single
compartment does, and g_kj/C_k to its neighbours. A step that held the neighbours instead would lag behind
where they exchange faster than once a step, which in a finely cut cable they do. 1 - dt·J is diagonally
dominant, so that it is eliminated without pivoting (Hines 1984, Int. J. Biomed. Comput. 15:69), here
in the order of least degree, since a branch point without membrane couples all its arms.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from .builders import binary
from .cell import Assignment
from .expressions import number
from .lowering import Lowered


def implicit_step(lowered: Lowered, slopes: Mapping[str, ast.expr | None]) -> list[Assignment]:
    """The statements that move all v of a tree from their rates ``rate_v_``.

    *slopes* are ∂f/∂v of each v by name, None for 0. Temporaries are called ``tree_0_``, ``tree_1_``, ….
    """
    return _Elimination(lowered, slopes).statements


class _Elimination:
    """Sparse elimination with every number a statement of its own."""

    def __init__(self, lowered: Lowered, slopes: Mapping[str, ast.expr | None]) -> None:
        self.statements: list[Assignment] = []
        self._count = 0
        n = len(lowered.compartments)
        names = [lowered.potential(k) for k in range(n)]
        self._rows: list[dict[int, ast.expr]] = [{} for _ in range(n)]
        dt = ast.Name(id="dt")
        for coupling in lowered.cut.couplings:
            for k, j in ((coupling.first, coupling.second), (coupling.second, coupling.first)):
                rate = _times(number(-coupling.shape), dt)
                for divisor in ("axial_resistivity", "capacitance", lowered.area(k)):
                    rate = binary(rate, ast.Div(), ast.Name(id=divisor))
                known = self._rows[k].get(j)
                self._rows[k][j] = rate if known is None else binary(known, ast.Add(), rate)
        right: list[ast.expr] = []
        for k, name in enumerate(names):
            slope = slopes[name]
            own: ast.expr = number(1.0)
            if slope is not None:
                own = binary(own, ast.Sub(), _times(dt, slope))
            self._rows[k] = {j: self._named(tree) for j, tree in self._rows[k].items()}
            self._rows[k][k] = self._named(own)
            right.append(self._named(_times(dt, ast.Name(id=f"rate_{name}_"))))
        self._solve(names, right)

    def _named(self, tree: ast.expr) -> ast.expr:
        """A temporary that holds the value of a tree."""
        name = f"tree_{self._count}_"
        self._count += 1
        self.statements.append(Assignment(name, tree))
        return ast.Name(id=name)

    def _solve(self, names: list[str], right: list[ast.expr]) -> None:
        rows, left = self._rows, set(range(len(names)))
        order = []
        while left:
            pivot = min(left, key=lambda k: (len(rows[k].keys() & left), k))
            left.remove(pivot)
            near = sorted(rows[pivot].keys() & left)
            order.append((pivot, near))
            for k in near:
                factor = self._named(binary(rows[k][pivot], ast.Div(), rows[pivot][pivot]))
                for j in near:
                    less = _times(factor, rows[pivot][j])
                    known = rows[k].get(j)
                    changed = (
                        ast.UnaryOp(op=ast.USub(), operand=less)
                        if known is None
                        else binary(known, ast.Sub(), less)
                    )
                    rows[k][j] = self._named(changed)
                right[k] = self._named(binary(right[k], ast.Sub(), _times(factor, right[pivot])))
        change: dict[int, ast.expr] = {}
        for pivot, near in reversed(order):
            rest = right[pivot]
            for j in near:
                rest = binary(rest, ast.Sub(), _times(rows[pivot][j], change[j]))
            change[pivot] = self._named(binary(rest, ast.Div(), rows[pivot][pivot]))
        for k, name in enumerate(names):
            moved = binary(ast.Name(id=name), ast.Add(), change[k])
            self.statements.append(Assignment(name, moved))


def _times(left: ast.expr, right: ast.expr) -> ast.expr:
    return binary(left, ast.Mult(), right)
