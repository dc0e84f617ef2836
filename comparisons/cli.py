"""The command ``coincide``: the commands, and how each ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Sequence
from typing import Any

import typer

from ..core.errors import CoincideError
from .arguments import Grammar, spread
from .commands.bench import bench
from .commands.compare import compare
from .commands.conformance import conformance
from .commands.conventions import conventions
from .commands.converge import converge
from .commands.corrections import corrections
from .commands.curve import curve
from .commands.diff import diff
from .commands.doctor import doctor
from .commands.explain import explain
from .commands.faults import faults
from .commands.fuzz import fuzz
from .commands.lesion import lesion
from .commands.list_ import list_
from .commands.run import run
from .commands.select import select
from .commands.show import show
from .commands.targets import targets
from .gait import app as gait_app

app = typer.Typer(
    name="coincide",
    help="One model, many simulators: do they coincide? If not, why?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In the order in which --help lists them.
app.command()(compare)
app.command()(explain)
app.command()(lesion)
app.command()(converge)
app.command()(targets)
app.command()(select)
app.command()(curve)
app.command()(corrections)
app.command()(run)
app.command()(conventions)
app.command()(diff)
app.command("list")(list_)
app.command()(show)
app.command()(doctor)
app.command()(conformance)
app.command()(faults)
app.command()(fuzz)
app.command()(bench)
app.add_typer(gait_app, name="gait")

# Typer brings a click of its own in some versions: the class that all its usage errors have in common.
_USAGE_ERROR: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

_SENTENCES = (
    (r"Input should be a valid integer\b.*", "it has to be a whole number, such as 3"),
    (r"Input should be a valid number\b.*", "it has to be a number, such as 2.5"),
    (r"Input should be a finite number\b.*", "it has to be a finite number"),
    (r"Input should be greater than or equal to (\S+)", r"it has to be \1 or more"),
    (r"Input should be less than or equal to (\S+)", r"it has to be \1 or less"),
)
"""What the library that reads options says, and what is said instead."""


def _in_own_words(message: str) -> str:
    for raw, said in _SENTENCES:
        message = re.sub(raw, said, message)
    return message


def spread_values(arguments: list[str]) -> list[str]:
    """``-b A B`` as ``-b A -b B``, as the command that the first word names has its options."""
    found = typer.main.get_command(app)
    command = getattr(found, "commands", {}).get(arguments[0]) if arguments else None
    return arguments if command is None else spread(arguments, Grammar.of(command))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 not within, 2 bad input, 3 a run failed."""
    arguments = spread_values(list(sys.argv[1:] if argv is None else argv))
    try:
        # A scheduler's SIGTERM ends the simulators as Ctrl-C does.
        with contextlib.suppress(ValueError):  # only the main thread can set it
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        code = app(arguments, prog_name="coincide", standalone_mode=False)
    except typer.Exit as finished:
        return _interrupted() if finished.exit_code == 130 else int(finished.exit_code)
    except _USAGE_ERROR as error:
        error.message = _in_own_words(error.message)
        error.show()
        return int(error.exit_code)
    except CoincideError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except MemoryError:
        print(
            "error: this does not fit into the memory of this machine; take less", file=sys.stderr
        )
        return CoincideError.exit_status
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return _interrupted() if code == 130 else int(code or 0)


def _interrupted() -> int:
    print("interrupted; what had finished is kept, the same command goes on", file=sys.stderr)
    return 130
