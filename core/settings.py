"""How an experiment is to be run: `Settings`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from .errors import InputError, unknown
from .program import METHODS, Method

Mode = Literal["raw", "aligned", "lockstep"]
MODES: tuple[Mode, ...] = get_args(Mode)
PRECISIONS = ("float64", "float32")


@dataclass(frozen=True)
class Settings:
    """Mode and what goes with it.

    ``method`` is the scheme of lockstep (exponential_euler by default), or in aligned mode a choice
    among the backend's own methods. ``device`` and ``precision`` are for backends that have them.
    ``undone`` names the conventions of a backend to undo; None means all in aligned and lockstep, none
    in raw.
    ``target`` asks for a way of generating code (Brian2: numpy, cython, cpp_standalone).
    """

    mode: Mode = "lockstep"
    method: str | None = None
    device: str = "cpu"
    precision: str | None = None
    undone: tuple[str, ...] | None = None
    target: str | None = None

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise unknown("mode", "mode", self.mode, MODES)
        if self.precision is not None and self.precision not in PRECISIONS:
            raise unknown("precision", "precision", self.precision, PRECISIONS)
        if self.mode == "lockstep" and self.method is not None and self.method not in METHODS:
            raise unknown("method", "scheme of lockstep", self.method, METHODS)
        if self.mode == "lockstep" and self.undone is not None:
            raise InputError("undone", "lockstep has every convention undone; use raw or aligned")

    @property
    def scheme(self) -> Method:
        """The integration scheme of lockstep."""
        return self.method or "exponential_euler"  # type: ignore[return-value]

    def undoes(self, convention: str) -> bool:
        """Whether a convention of the backend is to be replaced by the clock contract."""
        if self.undone is None:
            return self.mode != "raw"
        return convention in self.undone

    @property
    def key(self) -> str:
        """A short text that is the same for the same settings."""
        plain = asdict(self)
        if self.mode == "lockstep":
            plain["method"] = self.scheme  # not naming the default is naming it
        canonical = json.dumps(plain, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]
