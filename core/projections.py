"""Projections: which cell of the source reaches which of the target, how strongly and how late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from typing_extensions import override

from .description import Description
from .errors import InputError
from .names import check_identifier
from .plasticity import TsodyksMarkram
from .units import TIME, Quantity
from .values import Indices, RealNumber, Value, WholeNumber, check_value


class AllToAll(Description):
    """Every source cell to every target cell."""

    rule: Literal["all_to_all"] = "all_to_all"
    self_connections: bool = True


class OneToOne(Description):
    """Source cell k to target cell k; the populations have one size."""

    rule: Literal["one_to_one"] = "one_to_one"


class FixedProbability(Description):
    """Every pair independently with probability p."""

    rule: Literal["fixed_probability"] = "fixed_probability"
    p: RealNumber = Field(ge=0, le=1)
    self_connections: bool = True


class FixedInDegree(Description):
    """Every target cell receives from ``n`` source cells drawn at random."""

    rule: Literal["fixed_in_degree"] = "fixed_in_degree"
    n: WholeNumber = Field(ge=0)
    self_connections: bool = True
    multapses: bool = False


class FixedOutDegree(Description):
    """Every source cell reaches ``n`` target cells drawn at random."""

    rule: Literal["fixed_out_degree"] = "fixed_out_degree"
    n: WholeNumber = Field(ge=0)
    self_connections: bool = True
    multapses: bool = False


class FixedTotalNumber(Description):
    """``n`` connections in all, pairs drawn at random."""

    rule: Literal["fixed_total_number"] = "fixed_total_number"
    n: WholeNumber = Field(ge=0)
    self_connections: bool = True
    multapses: bool = True


class Explicit(Description):
    """A list of pairs: source cell ``pre[k]`` to target cell ``post[k]``, in any order."""

    rule: Literal["explicit"] = "explicit"
    pre: Indices
    post: Indices

    @model_validator(mode="after")
    def _consistent(self) -> Explicit:
        if len(self.pre) != len(self.post):
            raise InputError("", f"{len(self.pre)} source cells, but {len(self.post)} target cells")
        return self


Rule = Annotated[
    AllToAll
    | OneToOne
    | FixedProbability
    | FixedInDegree
    | FixedOutDegree
    | FixedTotalNumber
    | Explicit,
    Field(discriminator="rule"),
]
"""Any connection rule."""

WeightScale = Literal["none", "1/N", "1/(pN)", "1/C"]


class Projection(Description):
    """Connections from a source population to a receptor of a target population.

    ``weight`` has the dimension of what the receptor's ``w`` adds to. ``weight_scale`` divides it by the
    number of source cells N, by p·N of a fixed probability, or by the C of a fixed in-degree
    (Gerstner et al., Neuronal Dynamics, ch. 12). Arrays of weights and delays follow the list of an
    explicit rule; of all other rules the connections sorted by source cell, then target cell. ``delay`` is
    at least one time step. With ``plasticity`` a spike passes on the part of the weight that it says.
    """

    source: str
    target: str
    receptor: str
    rule: Rule
    weight: Value
    delay: Value
    weight_scale: WeightScale = "none"
    plasticity: TsodyksMarkram | None = None
    name: str = ""

    @model_validator(mode="before")
    @classmethod
    def _default_name(cls, given: Any) -> Any:
        return {**given, "name": cls._called(given)} if isinstance(given, dict) else given

    @classmethod
    @override
    def _called(cls, data: Mapping[str, Any]) -> object:
        parts = [str(data.get(k, "")) for k in ("source", "target", "receptor")]
        return data.get("name") or f"{parts[0]}_to_{parts[1]}_{parts[2]}"

    @model_validator(mode="after")
    def _consistent(self) -> Projection:
        check_identifier(self.name, "projection")
        check_value(self.delay, TIME, f"{self.name}.delay")
        if isinstance(self.delay, Quantity) and self.delay.magnitude <= 0:
            raise InputError(
                f"{self.name}.delay", f"{self.delay} has to be > 0, at least one time step"
            )
        if self.weight_scale == "1/(pN)" and not isinstance(self.rule, FixedProbability):
            raise InputError(
                f"{self.name}.weight_scale", "'1/(pN)' needs the rule fixed_probability"
            )
        if self.weight_scale == "1/C" and not isinstance(self.rule, FixedInDegree):
            raise InputError(f"{self.name}.weight_scale", "'1/C' needs the rule fixed_in_degree")
        if self.weight_scale == "1/(pN)" and self.rule.p == 0:  # type: ignore[union-attr]
            raise InputError(f"{self.name}.weight_scale", "'1/(pN)' needs p > 0")
        if self.weight_scale == "1/C" and self.rule.n == 0:  # type: ignore[union-attr]
            raise InputError(f"{self.name}.weight_scale", "'1/C' needs n > 0")
        return self

    def scale(self, source_size: int) -> float:
        """The factor that ``weight_scale`` asks for."""
        if self.weight_scale == "1/N":
            return 1.0 / source_size
        if self.weight_scale == "1/(pN)" and isinstance(self.rule, FixedProbability):
            return 1.0 / (self.rule.p * source_size)
        if self.weight_scale == "1/C" and isinstance(self.rule, FixedInDegree):
            return 1.0 / self.rule.n
        return 1.0
