"""Every state of a Brian2 network as it stands, by population: what a `Watch` looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...core.values import Floats
from ..watch import IMPLAUSIBLE_MV, States
from .blocks import Block
from .code import mangled
from .trees import Tree

_PLASTIC = {"facil": "facil_n", "resources": "resources_n"}


def states_of(
    blocks: Sequence[Block | Tree], groups: Mapping[str, Any], plastic: Sequence[tuple[str, Any]]
) -> States:
    """All states of blocks and trees, views of Brian2's own arrays, then those of plasticity."""
    trees: dict[str, list[tuple[Tree, dict[str, Floats]]]] = {}
    for block in blocks:
        group = groups[block.name]
        if isinstance(block, Tree):
            own = _of_tree(block, group)
            trees.setdefault(block.population.name, []).append((block, own))
            continue
        for variable in block.cell.states:
            values = _values(group, mangled(variable.name))
            for member in block.members:
                first = block.offsets[member.name]
                yield member.name, variable.name, values[first : first + member.size]
    for name, own_trees in trees.items():
        yield from _of_population(name, own_trees)
    for projection, made in plastic:
        for own_name, brian2_name in _PLASTIC.items():
            if brian2_name in made.variables:
                yield projection, own_name, _values(made, brian2_name)


def _values(group: Any, variable: str) -> Floats:
    values: Floats = np.asarray(group.variables[variable].get_value())
    return values


def _of_tree(tree: Tree, group: Any) -> dict[str, Floats]:
    """The states of a cell with a tree in internal units, each by Brian2's compartments."""
    states = {v.name: _values(group, mangled(v.name)) for v in tree.cell.states}
    return {"v": _values(group, "v") * 1e3, **states}


def _of_population(name: str, trees: Sequence[tuple[Tree, dict[str, Floats]]]) -> States:
    """The states of cells with a tree by the names of the lowered equations, where one of them is strange.

    Its compartments are as many variables, so that nothing is done for each of them as long as all are fine.
    """
    fine = all(
        max(float(values.max()), -float(values.min())) <= IMPLAUSIBLE_MV
        for _, own in trees
        for values in own.values()
    )
    if fine:
        return
    for flat, (variable, compartment) in trees[0][0].plan.home.items():
        if variable in trees[0][1]:
            yield name, flat, np.array([own[variable][t.rows[compartment]] for t, own in trees])
