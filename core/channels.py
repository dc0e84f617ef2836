"""Channels in a membrane, the ions they carry, and the shells in which calcium gathers.

A current is counted as in NEURON: positive outward, as a density (pA/µm², 1 mA/cm² = 10 pA/µm²) or, for a
point channel, in pA::

    I = g·open·(v - E)                                          ohmic, of conductance g
    I = P·open·z·F·(c_in - c_out·e^{-u})/exprel(-u),  u = zFv/RT    Goldman-Hodgkin-Katz, of permeability P

(Goldman 1943, J. Gen. Physiol. 27:37; Hodgkin & Katz 1949, J. Physiol. 108:37), which has no singularity
at v = 0, because exprel(x) = (eˣ - 1)/x has none.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from .description import Description
from .equations import parse_equations
from .errors import InputError, unknown
from .kinetics import Gate, Scheme
from .names import check_identifier
from .units import DIMENSIONLESS, TIME, Dimension, Quantity, dimension_of_unit
from .values import Array, RealNumber, Value, check_value, smallest

DENSITY = dimension_of_unit("nS/um**2")
ABSOLUTE = dimension_of_unit("nS")
PERMEABILITY = dimension_of_unit("um/ms")
VOLTAGE = dimension_of_unit("mV")
CONCENTRATION = dimension_of_unit("mM")
LENGTH = dimension_of_unit("um")

Amount = Literal["conductance", "permeability"]


_MADE = frozenset({"I", "conductance", "permeability", "reversal", "warmth", "ratio"})
"""What lowering calls its own, with the channel's name behind."""


def relative_number(given: Quantity, dimension: Dimension, where: str) -> float:
    """A number in internal units of a part without a name, whose place is known to what holds it."""
    try:
        return given.to(dimension, where)
    except InputError as error:
        raise InputError(where, error.problem, relative=True) from None


class Pool(Description):
    """The concentration of an ion in a shell below the membrane.

    dc/dt = -I/(z·F·depth) - (c - rest)/tau, never below ``floor``, with I the density of the ion's current.
    It starts at ``initial``, or at the greater of rest and floor. On a grid the step that comes to the
    floor may end below it, by what that step removes at most; there it stays until more flows in.
    """

    depth: Quantity
    tau: Quantity
    rest: Quantity = Quantity(0.0, "mM")
    floor: Quantity = Quantity(0.0, "mM")
    initial: Quantity | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Pool:
        for field, dimension in (("depth", LENGTH), ("tau", TIME)):
            given = getattr(self, field)
            if relative_number(given, dimension, f"Pool.{field}") <= 0:
                raise InputError(f"Pool.{field}", f"{given} has to be > 0", relative=True)
        for field in ("rest", "floor", "initial"):
            given = getattr(self, field)
            if given is not None and relative_number(given, CONCENTRATION, f"Pool.{field}") < 0:
                problem = f"{given} is negative; a concentration has to be >= 0"
                raise InputError(f"Pool.{field}", problem, relative=True)
        if self.initial is not None and self.initial.internal < self.floor.internal:
            problem = f"{self.initial} is below the floor of {self.floor}; start at it or above"
            raise InputError("Pool.initial", problem, relative=True)
        return self

    @property
    def start(self) -> Quantity:
        """The concentration at t = 0."""
        if self.initial is not None:
            return self.initial
        return max(self.rest, self.floor, key=lambda c: c.internal)


class Ion(Description):
    """An ion that channels carry: its reversal potential by value, or by Nernst's equation.

    E = RT/(zF)·ln(c_out/c_in). ``inside`` is a concentration or, with ``pool``, a state of every
    compartment. In equations they are called, for an ion ca, ``eca``, ``cai`` and ``cao``.
    """

    name: str
    valence: int = 1
    reversal: Value | None = None
    inside: Value | None = None
    outside: Value | None = None
    pool: Pool | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Ion:
        check_identifier(self.name, "ion")
        if self.valence == 0:
            raise InputError(f"{self.name}.valence", "is 0; an ion carries charge")
        if self.reversal is not None:
            check_value(self.reversal, VOLTAGE, f"{self.name}.reversal")
        for field in ("inside", "outside"):
            given = getattr(self, field)
            if given is None:
                continue
            check_value(given, CONCENTRATION, f"{self.name}.{field}")
            least = smallest(given)
            if least is not None and least.internal <= 0:
                raise InputError(
                    f"{self.name}.{field}", f"{least} has to be > 0 for a concentration"
                )
        if self.inside is not None and self.pool is not None:
            raise InputError(
                f"{self.name}.inside", "is given and so is a pool; the pool says what is inside"
            )
        return self

    @property
    def has_inside(self) -> bool:
        """Whether there is a concentration inside."""
        return self.inside is not None or self.pool is not None

    @property
    def has_reversal(self) -> bool:
        """Whether there is a reversal potential, by value or by Nernst's equation."""
        return self.reversal is not None or (self.has_inside and self.outside is not None)


class Channel(Description):
    """One kind of channel: how it opens, what it lets through, where it is.

    ``open`` is an expression of its gates and states (by default the product of the gates to their
    powers). ``equations`` are sub-expressions and parameters that the rates use; they may name ``v``,
    ``celsius``, the ions' ``eca``, ``cai``, ``cao``, and what is defined here. All rates are multiplied by
    ``q10 ** ((celsius - q10_celsius)/10)``.

    ``conductance`` is a density (``S/cm**2``) in ``region``, or absolute (``nS``) at a place such as
    ``"soma(0.5)"``; ``elsewhere`` holds other densities by region, which go before that of the
    region ``all``. With ``permeability`` (``cm/s``) the
    current is Goldman's, Hodgkin's and Katz's. ``reversal`` is the channel's own where it carries no ion.
    """

    name: str
    ion: str | None = None
    reversal: Value | None = None
    conductance: Value | None = None
    permeability: Value | None = None
    open: str | None = None
    gates: tuple[Gate, ...] = ()
    scheme: Scheme | None = None
    equations: str = ""
    parameters: dict[str, Value] = Field(default_factory=dict)
    region: str = "all"
    elsewhere: dict[str, Value] = Field(default_factory=dict)
    q10: RealNumber = Field(default=1.0, gt=0)
    q10_celsius: RealNumber | None = None
    source: str = ""

    @field_validator("region")
    @classmethod
    def _region(cls, region: str) -> str:
        if not region.strip():
            problem = "is empty; write 'all', a section's name or a place"
            raise InputError("Channel", problem, relative=True)
        return region.strip()

    @model_validator(mode="after")
    def _consistent(self) -> Channel:
        check_identifier(self.name, "channel")
        self._check_amounts()
        self._check_current()
        self._check_opening()
        if self.q10 != 1.0 and self.q10_celsius is None:
            raise InputError(
                f"{self.name}.q10",
                "needs q10_celsius, the temperature at which the rates were measured",
            )
        return self

    def _check_amounts(self) -> None:
        if (self.conductance is None) == (self.permeability is None):
            raise InputError(
                self.name,
                "needs a conductance or a permeability, one of the two; "
                "without it its current would be nobody's",
            )
        if self.region in self.elsewhere:
            raise InputError(
                f"{self.name}.elsewhere",
                f"gives {self.region!r} again, which is the region; leave one",
            )
        if self.is_point and self.elsewhere:
            raise InputError(
                f"{self.name}.elsewhere", "is for densities; a conductance in nS is at one place"
            )
        density = DENSITY if self.amount == "conductance" else PERMEABILITY
        for place, value in self.amounts.items():
            own = place == self.region
            where = f"{self.name}.{self.amount}" + ("" if own else f" in {place}")
            if not (own and density == DENSITY and _dimension(value) == ABSOLUTE):
                check_value(value, density, where)
            least = smallest(value)
            if least is not None and least.internal < 0:
                raise InputError(where, f"{least} is negative; a {self.amount} has to be >= 0")
        if self.is_point and "(" not in self.region:
            raise InputError(
                f"{self.name}.region",
                f"{self.region!r} is no place: a conductance in nS is at one, such as 'soma(0.5)'; "
                "a density is in S/cm**2",
            )

    def _check_current(self) -> None:
        if self.ion is not None and self.reversal is not None:
            raise InputError(
                f"{self.name}.reversal",
                f"is the ion's: give {self.ion} a reversal, or leave ion out",
            )
        if self.ion is None and self.permeability is not None:
            raise InputError(f"{self.name}.ion", "is missing; a permeability needs an ion")
        if self.ion is None and self.reversal is None:
            raise InputError(
                f"{self.name}.reversal", "is missing, and so is an ion that would have one"
            )
        if self.reversal is not None:
            check_value(self.reversal, VOLTAGE, f"{self.name}.reversal")

    def _check_opening(self) -> None:
        names = [g.name for g in self.gates]
        if self.scheme is not None:
            names += self.scheme.states
        names += [v.name for v in parse_equations(self.equations, self.name)]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"{self.name}.{name}", "is the name of two things; rename one")
            if name in _MADE:
                raise InputError(
                    f"{self.name}.{name}", f"is what the channel's own {name} is called; rename it"
                )
        if self.scheme is not None and self.open is None:
            raise InputError(
                f"{self.name}.open",
                "is missing; say which state lets the current through: open='O'",
            )
        for variable in parse_equations(self.equations, self.name):
            if variable.kind in {"state", "input"}:
                raise InputError(
                    f"{self.name}.{variable.name}",
                    "a channel's equations are sub-expressions and parameters; states are gates or a scheme",
                )
            if variable.kind == "parameter" and variable.name not in self.parameters:
                raise InputError(f"{self.name}.{variable.name}", "the parameter has no value")
        known = {
            v.name for v in parse_equations(self.equations, self.name) if v.kind == "parameter"
        }
        for name in self.parameters:
            if name not in known:
                raise unknown(self.name, "parameter", name, known)

    @property
    def amount(self) -> Amount:
        """Whether its strength is a conductance or a permeability."""
        return "permeability" if self.conductance is None else "conductance"

    @property
    def amounts(self) -> dict[str, Value]:
        """The strength by region; that of `region` first."""
        own = self.conductance if self.permeability is None else self.permeability
        assert own is not None
        return {self.region: own, **self.elsewhere}

    @property
    def is_point(self) -> bool:
        """Whether it sits at a place with an absolute conductance rather than in the membrane."""
        return _dimension(self.amounts[self.region]) == ABSOLUTE

    @property
    def written_names(self) -> frozenset[str]:
        """The names of its gates, states, sub-expressions and parameters, as they were written."""
        states = () if self.scheme is None else self.scheme.states
        own = (v.name for v in parse_equations(self.equations, self.name))
        return frozenset({*own, *states, *(gate.name for gate in self.gates)})

    @property
    def opening(self) -> str:
        """The expression of what is open."""
        if self.open is not None:
            return self.open
        return (
            "*".join(g.name if g.power == 1 else f"{g.name}**{g.power}" for g in self.gates) or "1"
        )


def _dimension(value: Value) -> Dimension:
    if isinstance(value, Quantity):
        return value.dimension
    if isinstance(value, Array):
        try:
            return dimension_of_unit(value.unit)
        except InputError:
            return DIMENSIONLESS  # what checks the value knows where it is
    return next(iter(value.quantities().values())).dimension
