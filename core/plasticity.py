"""Short-term plasticity: how much of its weight a connection passes on at a spike, given those before.

The state belongs to the terminal and changes at the source's spikes only, exactly: nothing is integrated.
An arrival carries ``u·x·weight`` as of the spike that sent it; with fixed delays that is the same as
keeping the state at the target and changing it at arrivals, which some simulators do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from .description import Description
from .errors import InputError
from .units import TIME, Dimension, Quantity, dimension_of_unit
from .values import Array, Floats, Value, check_value

_NUMBER = dimension_of_unit("1")


class TsodyksMarkram(Description):
    """Depression and facilitation of a connection: each spike passes on ``u·x`` of its weight.

    Between spikes dx/dt = (1 - x)/τ_rec and du/dt = -u/τ_facil, from x = 1 and u = 0 at the start. At a spike
    first u → u + U·(1 - u), then u·x·weight is on its way, then x → x - u·x. So the first spike passes on
    U·weight. ``tau_facil`` 0 ms is a connection that does not facilitate: u = U at every spike. Several
    spikes of one source in one step are one after the other.

    Values may be arrays and distributions, one number a connection. Source: Tsodyks, Pawelzik & Markram
    1998, Neural Comput. 10:821, as NEST's ``tsodyks2_synapse``.
    """

    kind: Literal["tsodyks_markram"] = "tsodyks_markram"
    U: Value
    tau_rec: Value
    tau_facil: Value = Quantity(0.0, "ms")

    @model_validator(mode="after")
    def _consistent(self) -> TsodyksMarkram:
        for field, dimension in (("U", _NUMBER), ("tau_rec", TIME), ("tau_facil", TIME)):
            where = f"TsodyksMarkram.{field}"
            try:
                _check(field, getattr(self, field), dimension, where)
            except InputError as error:
                # The projection that holds it knows where it is.
                raise InputError(where, error.problem, relative=True) from None
        return self


def _check(field: str, value: Value, dimension: Dimension, where: str) -> None:
    check_value(value, dimension, where)
    if isinstance(value, Quantity):
        check_numbers(field, np.asarray(value.internal), where, str(value))
    elif isinstance(value, Array):
        scale = Quantity(1.0, value.unit).internal
        check_numbers(field, scale * np.asarray(value.values), where)


def check_numbers(field: str, numbers: NDArray[Any], where: str, shown: str = "") -> None:
    """InputError unless U is in (0, 1], tau_rec > 0, and tau_facil > 0 or one 0 for all."""
    if field == "U":
        wrong, allowed = ~((numbers > 0) & (numbers <= 1)), "U has to be in (0, 1]"
    elif field == "tau_facil" and numbers.ndim == 0:
        wrong, allowed = numbers < 0, "a time constant has to be > 0, or 0 ms for no facilitation"
    else:
        wrong, allowed = ~(numbers > 0), "a time constant has to be > 0"
    if np.any(wrong):
        raise InputError(where, f"{shown or format(np.ravel(numbers[wrong])[0], 'g')}; {allowed}")


@dataclass(frozen=True, eq=False)
class RealizedPlasticity:
    """The numbers of a `TsodyksMarkram`: floats where all connections agree, else arrays (connections,)."""

    U: float | Floats
    tau_rec: float | Floats
    tau_facil: float | Floats

    @property
    def per_connection(self) -> bool:
        """Whether connections of one source can differ, so that each has a state of its own."""
        return any(np.ndim(value) for value in self.values().values())

    def values(self) -> Mapping[str, float | Floats]:
        """The three by name."""
        return {"U": self.U, "tau_rec": self.tau_rec, "tau_facil": self.tau_facil}

    def taken(self, chosen: NDArray[Any]) -> RealizedPlasticity:
        """That of some connections, by number or by mask."""
        return RealizedPlasticity(
            **{n: v[chosen] if np.ndim(v) else v for n, v in self.values().items()}  # type: ignore[index]
        )


class Terminals:
    """The states u and x of the connections of a projection, brought up to date at each spike.

    Connections of one source that share their numbers share their state: there is one a source cell then,
    and one a connection otherwise.
    """

    def __init__(self, plasticity: RealizedPlasticity, source_size: int, connections: int) -> None:
        self.per_connection = plasticity.per_connection
        size = connections if self.per_connection else source_size
        self._values = plasticity.values()
        self.u, self.x = np.zeros(size), np.ones(size)
        self.last = np.zeros(size)

    def release(self, which: NDArray[Any], time_ms: float | Floats) -> Floats:
        """u·x at a spike of distinct source cells (connections), after which resources are used up."""
        capacity, tau_rec, tau_facil = (
            value[which] if np.ndim(value) else value  # type: ignore[index]
            for value in self._values.values()
        )
        since = time_ms - self.last[which]
        u = self.u[which] * np.exp(-since / tau_facil) if np.all(tau_facil) else 0.0
        u = u + capacity * (1.0 - u)
        x = 1.0 + (self.x[which] - 1.0) * np.exp(-since / tau_rec)
        passed: Floats = u * x
        self.u[which], self.x[which], self.last[which] = u, x - passed, time_ms
        return passed


def occurrences(cells: NDArray[Any]) -> Iterator[NDArray[np.intp]]:
    """Where each cell stands for the first time, for the second, …: in each of them no cell twice."""
    if cells.size < 2:
        yield np.arange(cells.size)
        return
    order = np.argsort(cells, kind="stable")
    ranked = cells[order]
    rank = np.arange(cells.size) - np.searchsorted(ranked, ranked)
    if not rank.any():
        yield np.arange(cells.size)
        return
    by_rank = np.argsort(rank, kind="stable")
    ends = np.cumsum(np.bincount(rank))
    for first, last in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        yield np.sort(order[by_rank[first:last]])
