"""What every description shares: frozen, strict, exact in JSON, with errors that name the place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from .complaints import complaint
from .errors import InputError, nearest
from .idioms import FIELDS

_TAGS = frozenset({"point", "cable"})


class Description(BaseModel):
    """Frozen data that is complete as JSON."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise explain(error, type(self), self._called(data)) from None

    @classmethod
    def _called(cls, data: Mapping[str, Any]) -> object:
        """The name of what is being described, for messages."""
        return data.get("name")


def explain(error: ValidationError, of: type[BaseModel], name: object = None) -> InputError:
    """Pydantic's first complaint as an InputError: where, what was given, what is allowed."""
    first = error.errors(include_url=False)[0]
    named = isinstance(name, str) and bool(name)
    place = [str(name) if named else of.__name__]
    parts = [str(part) for part in first["loc"] if not str(part).startswith("function-")]
    # The tag by which the kind of a population's model was chosen is no place.
    parts = [p for k, p in enumerate(parts) if not (p in _TAGS and k and parts[k - 1] == "model")]
    place += [part if part.isprintable() else repr(part) for part in parts]
    given = first.get("input")
    if len(place) > 1 and isinstance(given, Mapping):
        # The last part may be the tag by which one of several kinds was chosen.
        if place[-1] in (given.get("kind"), given.get("rule")):
            place.pop()
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InputError):
        if cause.where and not cause.relative:
            return InputError(cause.where, cause.problem)
        # A part without a name does not know where it is; what holds it does.
        inside = cause.where.split(".")[1:]
        return InputError(".".join([*place, *inside]), cause.problem, not named)
    given = repr(given)
    given = given if len(given) <= 60 else f"{given[:57]}..."
    kind = first["type"]
    if kind == "extra_forbidden":
        fields = FIELDS.get(place[-1]) or nearest(str(first["loc"][-1]), of.model_fields)
        return InputError(
            ".".join(place[:-1]), f"there is no field {place[-1]!r}; {fields}", not named
        )
    if kind == "missing":
        return InputError(".".join(place[:-1]), f"the field {place[-1]!r} is missing", not named)
    if kind == "union_tag_invalid":
        known = [tag.strip("' ") for tag in first["ctx"]["expected_tags"].split(",")]
        what = first["ctx"]["discriminator"].strip("'")
        problem = (
            f"there is no {what} {first['ctx']['tag']!r}; {nearest(first['ctx']['tag'], known)}"
        )
        return InputError(".".join(place), problem, not named)
    if kind == "union_tag_not_found":
        what = first["ctx"]["discriminator"]
        return InputError(".".join(place), f"the field {what} is missing", not named)
    return InputError(".".join(place), f"{given}: {complaint(first)}", not named)
