"""What every description shares: frozen, strict, exact in JSON, with errors that name the place."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import InputError, nearest


class Description(BaseModel):
    """Frozen data that is complete as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise explain(error, type(self), data.get("name")) from None


def explain(error: ValidationError, of: type[BaseModel], name: object = None) -> InputError:
    """Pydantic's first complaint as an InputError: where, what was given, what is allowed."""
    first = error.errors(include_url=False)[0]
    place = [str(name) if isinstance(name, str) else of.__name__]
    place += [str(part) for part in first["loc"] if not str(part).startswith("function-")]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InputError):
        where = cause.where or ".".join(place)
        return InputError(where, cause.problem)
    given = repr(first.get("input"))
    given = given if len(given) <= 60 else f"{given[:57]}..."
    kind = first["type"]
    if kind == "extra_forbidden":
        fields = nearest(str(first["loc"][-1]), of.model_fields)
        return InputError(".".join(place[:-1]), f"there is no field {place[-1]!r}; {fields}")
    if kind == "missing":
        return InputError(".".join(place[:-1]), f"the field {place[-1]!r} is missing")
    message = first["msg"].removeprefix("Value error, ")
    return InputError(".".join(place), f"{given}: {message[0].lower()}{message[1:]}")
