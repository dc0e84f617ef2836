"""What the parts of a membrane are called in its equations, and of each name whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .channels import Channel, Ion
from .discretisation import Compartment
from .errors import InputError
from .scopes import Owner, OwnerKind, ion_name

if TYPE_CHECKING:
    from .cable import CableCell


class Origin(NamedTuple):
    """Where a name of the lowered equations comes from, as `Variable` has it."""

    owner: Owner
    compartment: int | None
    plain: str


def amount_owner(channel: Channel, region: str) -> Owner:
    """The parameter that holds a channel's conductance or permeability in a region."""
    own = channel.amount if region == channel.region else f"elsewhere.{region}"
    return Owner("channel", channel.name, own)


class MembraneNames:
    """The names of a cable cell's parts in its equations.

    ``origins`` holds whose each is, ``places`` where some of them were written. In a cell of one compartment
    they are plain (``v``, ``m_kpkj``), otherwise the compartment stands behind.
    """

    def __init__(self, cell: CableCell, compartments: tuple[Compartment, ...]) -> None:
        self.cell, self.compartments = cell, compartments
        self.origins: dict[str, Origin] = {}
        self.places: dict[str, str] = {}
        # What channels' own names are called, which nothing made here may be called.
        self._written = frozenset(f"{n}_{c.name}" for c in cell.channels for n in c.written_names)

    def _call(self, plain: str, kind: OwnerKind, name: str, own: str, k: int | None = None) -> str:
        """What something is called, in a compartment or in the cell; InputError if another thing is."""
        called = plain
        if k is not None and len(self.compartments) > 1:
            called = f"{plain}_{self.compartments[k].name}"
        origin = Origin(Owner(kind, name, own), k, plain)
        if self.origins.setdefault(called, origin) != origin:
            raise InputError(
                self.cell.name,
                f"written out, two things would be called {called!r}; rename a section, channel or state",
            )
        return called

    def _membrane(self, own: str, k: int | None = None) -> str:
        return self._call(own, "membrane", "", own, k)

    def _of_channel(self, channel: Channel, own: str, k: int | None = None) -> str:
        return self._call(f"{own}_{channel.name}", "channel", channel.name, own, k)

    def _made(self, name: str, kind: OwnerKind, channel: Channel, own: str, k: int) -> str:
        """What is made for a channel, such as the rate ``alpha_m`` of its gate.

        A channel's own ``alpha_m`` is not that of its gate m, nor is ``alpha`` of another channel ``m_na``.
        """
        while f"{name}_{channel.name}" in self._written:
            name = f"gate_{name}"
        called = self._call(f"{name}_{channel.name}", kind, channel.name, own, k)
        self.places[called] = f"{channel.name}.{own}"
        return called

    def _amount(self, channel: Channel, region: str) -> str:
        owner = amount_owner(channel, region)
        plain = f"{channel.amount}_{channel.name}"
        if region != channel.region:
            plain += "_in_" + "_".join(part.strip() for part in region.split(","))
        return self._call(plain, *owner)

    def _reversal(self, ion: Ion, k: int | None = None) -> str:
        return self._call(f"e{ion.name}", "ion", ion.name, "reversal", k)

    def _inside(self, ion: Ion, k: int | None = None) -> str:
        return self._call(f"{ion.name}i", "ion", ion.name, "inside", k)

    def _outside(self, ion: Ion) -> str:
        return self._call(f"{ion.name}o", "ion", ion.name, "outside")

    def _pooled(self, part: str, ion: Ion, k: int | None = None) -> str:
        return self._call(ion_name(part, ion.name, self._written), "pool", ion.name, part, k)
