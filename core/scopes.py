"""Whose a name is: the names of a cell's parts beside each other in one set of equations.

A receptor's ``g`` is called ``g_exc`` in the cell and in recordings, an input's share of the port ``I``
``I_drive``. Where that is the name of something else already, it is ``g__exc`` and ``I__drive__input``,
which nobody can have written. What is made for an ion's pool gives way too: the ``tau_p_ca`` of an ion
``p_ca`` is ``pool_tau_p_ca`` beside a channel ``ca`` with a ``tau_p``. What a name means is decided by who
uses it, never by how it ends: a receptor sees its own names first, then the cell's; the cell's neuron sees
its own alone.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from .expressions import rename

OwnerKind = Literal[
    "membrane", "channel", "gate", "scheme", "ion", "pool", "receptor", "input", "neuron"
]


class Owner(NamedTuple):
    """Whose a variable of a cell is: the kind of part, which one, and the variable's name in it.

    A gate and a scheme have the name of their channel, a pool that of its ion: ``m_kpkj_dend_3`` is ``m`` of
    the gates of ``kpkj``. What is made for a part is called by its path there: a gate's ``m.alpha``, a
    scheme's ``C->O``, a channel's ``I``, an ion's ``reversal`` and ``inside``, a pool's ``influx``.
    """

    kind: OwnerKind
    name: str
    own: str


NOBODY = Owner("neuron", "", "")
"""Of a variable that a backend makes for itself."""


def receptor_name(name: str, receptor: str, taken: Container[str]) -> str:
    """What a receptor's variable is called in the equations of its cell."""
    plain = f"{name}_{receptor}"
    return f"{name}__{receptor}" if plain in taken else plain


def input_name(port: str, given: str, taken: Container[str]) -> str:
    """What an input's share of a port is called in the equations of its cell."""
    plain = f"{port}_{given}"
    return f"{port}__{given}__input" if plain in taken else plain


def ion_name(part: str, ion: str, taken: Container[str]) -> str:
    """What a part of an ion's pool, such as its ``tau``, is called in the equations of its cell."""
    name = f"{part}_{ion}"
    while name in taken:
        name = f"pool_{name}"
    return name


@dataclass(frozen=True)
class Scope:
    """The names that a receptor can use, each with its name in the equations of the cell.

    ``own`` are the receptor's variables, ``cell`` those of the neuron, ``outside`` names that stand for one
    of the neuron's although the receptor has one of that name.
    """

    own: Mapping[str, str]
    cell: Mapping[str, str]
    outside: Mapping[str, str] = field(default_factory=dict)

    def flat(self, name: str) -> str:
        """A name in the equations of the cell; a name that is nobody's stays."""
        meant = self.outside.get(name)
        if meant is not None:
            return self.cell.get(meant, meant)
        return self.own.get(name) or self.cell.get(name, name)

    def written_out(self, tree: ast.expr) -> ast.expr:
        """A tree of the receptor's with the names that the equations of the cell have."""
        used = [*self.own, *self.cell, *self.outside]
        return rename(tree, {name: new for name in used if (new := self.flat(name)) != name})
