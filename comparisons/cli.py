"""The command ``coincide``: the commands, and how each ends."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import sys
from collections.abc import Sequence
from typing import Any

import typer

from ..core.errors import CoincideError, MachineError
from ..core.exit_status import ExitStatus, table_of
from ..core.package import ROOT
from ..core.printable import printable
from ..core.process import ALONE
from .commands.arguments import Grammar, spread
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
from .commands.gait import app as gait_app
from .commands.lesion import lesion
from .commands.list_ import list_
from .commands.run import run
from .commands.select import select
from .commands.sensitivity import sensitivity
from .commands.show import show
from .commands.targets import targets


def _ended(command: str = "") -> str:
    """The exit statuses as the end of a command's help."""
    return "\n\n".join(["Exit status:", *table_of(command)])


app = typer.Typer(
    name="coincide",
    help="One model, many simulators: do they coincide? If not, why?",
    epilog=_ended(),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In the order in which --help lists them.
app.command(epilog=_ended("compare"))(compare)
app.command(epilog=_ended("explain"))(explain)
app.command(epilog=_ended("lesion"))(lesion)
app.command(epilog=_ended("sensitivity"))(sensitivity)
app.command(epilog=_ended("converge"))(converge)
app.command(epilog=_ended("targets"))(targets)
app.command(epilog=_ended("select"))(select)
app.command(epilog=_ended("curve"))(curve)
app.command(epilog=_ended("corrections"))(corrections)
app.command(epilog=_ended("run"))(run)
app.command(epilog=_ended("conventions"))(conventions)
app.command(epilog=_ended("diff"))(diff)
app.command("list", epilog=_ended("list"))(list_)
app.command(epilog=_ended("show"))(show)
app.command(epilog=_ended("doctor"))(doctor)
app.command(epilog=_ended("conformance"))(conformance)
app.command(epilog=_ended("faults"))(faults)
app.command(epilog=_ended("fuzz"))(fuzz)
app.command(epilog=_ended("bench"))(bench)
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
    """Run the command line and return its exit status, one of `ExitStatus`."""
    if not _has_memory():
        return ExitStatus.MACHINE
    arguments = spread_values(list(sys.argv[1:] if argv is None else argv))
    if argv is None and arguments[:1] == ["run"]:
        os.environ[ALONE] = "1"  # what this whole process is for, whoever started it
    try:
        # A scheduler's SIGTERM ends the simulators as Ctrl-C does.
        with contextlib.suppress(ValueError):  # only the main thread can set it
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        code = app(arguments, prog_name="coincide", standalone_mode=False, obj=arguments)
        sys.stdout.flush()
    except typer.Exit as finished:
        return _ended_with(finished.exit_code)
    except _USAGE_ERROR as error:
        error.message = _in_own_words(error.message)
        error.show()
        return int(error.exit_code)
    except CoincideError as error:
        _say_error(str(error))
        return error.exit_status
    except typer.Abort as end:
        if isinstance(end.__cause__, EOFError):
            _say_error(
                "a compiled file of Python is cut short, as a full disk leaves it; delete the folders "
                f"__pycache__ in {ROOT} and in this environment's site-packages"
            )
            return ExitStatus.MACHINE
        return _interrupted()
    except KeyboardInterrupt:
        return _interrupted()
    except MemoryError:
        _say_error("this does not fit into the memory that this process may have; take less")
        return ExitStatus.MACHINE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.DONE
    except OSError as error:  # what a file or option can be wrong in is an InputError by now
        _say_error(str(MachineError.of(error)))
        return ExitStatus.MACHINE
    return _ended_with(code)


_LEAST_BYTES = 512 * 2**20
_PLENTY_BYTES = 4 * 2**30


def _has_memory() -> bool:
    """Whether the libraries can be loaded at all: OpenBLAS waits for ever, deaf to signals, where it cannot.

    With little it is told to take one thread, each of which has memory of its own.
    """
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return True
    if limit < _PLENTY_BYTES:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if limit < _LEAST_BYTES:
        _say_error(
            f"this process may have {limit / 2**20:.0f} MB of address space (ulimit -v), and the libraries "
            f"alone need {_LEAST_BYTES / 2**20:.0f} MB; allow more"
        )
    return limit >= _LEAST_BYTES


def _ended_with(code: Any) -> int:
    return _interrupted() if code == ExitStatus.INTERRUPTED else int(code or 0)


def _say_error(text: str) -> None:
    """One sentence on standard error, which may itself be full or closed."""
    with contextlib.suppress(OSError):
        print(f"error: {printable(text)}", file=sys.stderr)


def _interrupted() -> int:
    print("interrupted; what had finished is kept, the same command goes on", file=sys.stderr)
    return ExitStatus.INTERRUPTED
