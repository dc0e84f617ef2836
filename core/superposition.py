"""Whether one state per cell can stand for those of all its synapses.

The states of a receptor are one per cell, driven by the sum of all arrivals. For synapses 1…n with states
g_i of their own, dg_i/dt = a·g_i + …, the sum G = Σ g_i obeys the same equation if it is linear in all states
of the receptor together, and Σ f(g_i) is f(G) if the current is linear too. Then one state is exact, and
otherwise it is another model: with dg/dt = -g/τ + x·(1 - g) a gate of the cell saturates once for all of its
synapses. What does not depend on the states counts once a cell.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from .equations import Variable, in_order
from .errors import InputError
from .expressions import names, substitute
from .linear import linear_in

_ADVICE = (
    "but all synapses of a cell share the receptor's states, which is right only for what is linear in "
    "them; states of single synapses are not available. If one {name} of the cell, driven by the sum of all "
    "arrivals, is meant, write these equations into the neuron's and let arrivals act there: "
    'Delta(target="{kicked}")'
)


def check_superposition(
    variables: Sequence[Variable],
    increments: Sequence[tuple[str, ast.expr]],
    current: str | None,
    where: str,
) -> None:
    """InputError for a receptor whose states cannot be the sums of its synapses' states.

    *variables* are its own, *increments* the statements of ``on_pre`` as (target, right-hand side), where
    ``w`` is the weight.
    """
    states = [v.name for v in variables if v.kind == "state"]
    if not states:
        return
    inline = _written_out(variables, where)
    kicked = next((target for target, _ in increments if target in states), states[0])
    for what, tree in _equations(variables, current, inline):
        if not is_linear(tree, states):
            used = sorted(names(tree) & set(states))
            advice = _ADVICE.format(name=used[0], kicked=kicked)
            raise InputError(f"{where}.{what}", f"is not linear in {_all(used)}, {advice}")
    for _, right in increments:
        tree = substitute(right, inline)
        if not _is_constant(tree, states):
            used = sorted(names(tree) & set(states))
            advice = _ADVICE.format(name=used[0], kicked=kicked)
            problem = f"what an arrival does depends on the receptor's own {_all(used)}, {advice}"
            raise InputError(f"{where}.on_pre", problem)


def _all(used: Sequence[str]) -> str:
    return used[0] if len(used) == 1 else f"{', '.join(used[:-1])} and {used[-1]} together"


def _written_out(variables: Sequence[Variable], where: str) -> Mapping[str, ast.expr]:
    written: dict[str, ast.expr] = {}
    for variable in in_order(tuple(variables), where):
        assert variable.right is not None
        written[variable.name] = substitute(variable.right, written)
    return written


def _equations(
    variables: Sequence[Variable], current: str | None, inline: Mapping[str, ast.expr]
) -> Iterator[tuple[str, ast.expr]]:
    for variable in variables:
        if variable.kind == "state" and variable.right is not None:
            yield f"d{variable.name}/dt", substitute(variable.right, inline)
    if current is not None and current in inline:
        yield current, inline[current]


def _is_constant(tree: ast.expr, states: Sequence[str]) -> bool:
    if not names(tree) & set(states):
        return True
    from .symbolic import symbol, to_sympy

    found = to_sympy(tree).simplify().free_symbols
    return not found & {symbol(name) for name in states}


def is_linear(tree: ast.expr, together: Sequence[str]) -> bool:
    """Whether a tree is linear in several variables jointly: no product, power or function of them."""
    linear = True
    for name in together:
        found = linear_in(tree, name)
        if found is None or (found.slope is not None and names(found.slope) & set(together)):
            linear = False
    if linear or not names(tree) & set(together):
        return True
    if _jumps(tree, set(together)):
        return False
    # Only after cancelling, perhaps; sympy is slow to import, so it is asked last.
    from .symbolic import linear_coefficient, symbol, to_sympy

    whole = to_sympy(tree)
    for name in together:
        coefficient = linear_coefficient(whole, name)
        if coefficient is None or coefficient.free_symbols & {symbol(n) for n in together}:
            return False
    return True


def _jumps(tree: ast.expr, states: set[str]) -> bool:
    """Whether a condition or a step depends on the states: its derivative is 0 and says nothing."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare() if names(node) & states:
                return True
            case ast.Call(func=ast.Name(id="sign" | "floor" | "ceil")) if names(node) & states:
                return True
    return False
