"""What Brian2's `SpatialNeuron` is given to read for a cell with a tree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...core.expressions import names
from ...core.scopes import Owner
from .code import BrianRenderer, GroupCode, arrivals, declare, mangled, names_of, write_inputs
from .conventions import Choices
from .trees import Tree

_V = "v"
_AREA = "membrane_area"


def tree_code(tree: Tree, choices: Choices, standalone: bool) -> GroupCode:
    """The equations of any compartment, with the current through the membrane as ``Im``.

    Currents are counted inward there, those at a place are ``(point current)``. The condition of a spike is
    tested at one compartment, which is refractory as long as it holds.
    """
    cell = tree.cell
    code = GroupCode()
    special = {**names_of(tree.parameters), "not_refractory": "(1 > 0)"}
    renderer = BrianRenderer(lambda name: special.get(name) or mangled(name))
    code.equations += [f"{mangled(_V)} = v/mV : 1", f"{mangled(_AREA)} = area/um**2 : 1"]
    for variable in (*cell.states, *cell.subexpressions):
        assert variable.right is not None
        name, right = mangled(variable.name), renderer.render(variable.right)
        if variable.kind == "state":
            code.equations.append(f"d{name}/dt = ({right})/ms : 1")
            code.arrays[name] = tree.initial[variable.name]
        else:
            held = " (constant over dt)" if variable.held else ""
            code.equations.append(f"{name} = {right} : 1{held}")
    code.equations += _currents(tree, renderer)
    code.equations += [f"{_here(k)} : 1 (constant)" for k in tree.plan.ports]
    for k in tree.plan.ports:
        code.arrays[_here(k)] = tree.placed(np.arange(tree.size) == k)
    trees = [v.right for v in cell.variables if v.right is not None]
    trees += [*tree.plan.ports.values()]
    trees += [i.coefficient for r in cell.receptors for i in r.increments]
    trees += [cell.threshold] if cell.threshold is not None else []
    declare(code, tree.parameters, {name for t in trees for name in names(t)})
    write_inputs(code, tree, choices.input_hold, standalone)
    if cell.threshold is not None:
        code.threshold = code.refractory = renderer.render(cell.threshold)
        code.starts_refractory = choices.rotated
    increments = {r.name: r.increments for r in cell.receptors}
    arrivals(code, cell, increments, renderer, False, choices.arrivals_add, in_volts=_V)
    return code


def _here(compartment: int) -> str:
    return f"at_{compartment}_n"


def _currents(tree: Tree, renderer: BrianRenderer) -> Iterator[str]:
    """``Im`` in A/m², which is pA/µm², and the point currents."""
    names_there = {v.owner: v.name for v in tree.cell.variables}
    through = []
    for channel in tree.plan.lowered.cell.channels:
        current = mangled(names_there[Owner("channel", channel.name, "I")])
        if channel.is_point:
            yield f"point_{channel.name}_n = -{current}*pA : amp (point current)"
        else:
            through.append(current)
    total = f"-({' + '.join(through)})" if through else "0"
    yield f"Im = {total}*amp/meter**2 : amp/meter**2"
    for k, port in tree.plan.ports.items():
        injected = renderer.render(port)
        yield f"injected_{k}_n = {_here(k)}*({injected})*pA : amp (point current)"
