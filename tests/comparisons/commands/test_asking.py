"""The options that commands share stand in one place, and no command is a list of options."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from coincide.comparisons.cli import app
from coincide.comparisons.commands.asking import GAIT, MODEL, Asked, asking

MOST = 12
"""Parameters of one command as it is written."""


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command of a group by its words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield before + name, command


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_has_more_parameters_of_its_own(name: str) -> None:
    written = inspect.unwrap(COMMANDS[name].callback)
    assert len(inspect.signature(written).parameters) <= MOST


def test_a_command_gets_what_was_asked_for_and_the_usual_otherwise() -> None:
    @asking(MODEL, "jobs", "timeout", without=("variant",), timeout=5.0)
    def command(asked: Asked, own: int = 3) -> tuple[Asked, int]:
        return asked, own

    names = list(inspect.signature(command).parameters)
    assert names == ["model", "duration", "dt", "seed", "assignments", "jobs", "timeout", "own"]
    asked, own = command(model="lif_10", jobs=2, timeout=5.0, own=4)
    assert (asked.model, asked.variant, own) == ("lif_10", "", 4)
    assert asked.how() == {"timeout_s": 5.0, "jobs": 2}


def test_options_are_given_back_as_they_are_typed() -> None:
    asked = Asked(dt="0.05 ms", assignments=["a=1", "b=2"], gait="synthetic_healthy")
    assert asked.given(*MODEL[1:], *GAIT, "device") == {
        "--dt": "0.05 ms",
        "--set": ["a=1", "b=2"],
        "--gait": "synthetic_healthy",
    }
