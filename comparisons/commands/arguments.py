"""What the words of a command line are: values of options, an experiment, files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import InputError, nearest
from ...core.reading import reason_of
from ...core.settings import MODES

if TYPE_CHECKING:
    from ...core.experiment import Experiment
    from ..measuring.pairs import Verdict


@dataclass(frozen=True)
class Grammar:
    """What the words of a command can be: options that take several values, flags, how many arguments."""

    several: frozenset[str]
    flags: frozenset[str]
    n_arguments: int
    """Arguments without an option; -1 for a last one of which there may be many."""
    needs_argument: bool = True
    """Whether one of them has to be given."""

    @classmethod
    def of(cls, command: Any) -> Grammar:
        """The grammar of a click command."""
        options = [p for p in command.params if p.param_type_name == "option"]
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        return cls(
            frozenset(o for p in options if p.multiple for o in p.opts),
            frozenset(o for p in options if p.is_flag for o in (*p.opts, *p.secondary_opts))
            | {"-h", "--help"},
            -1 if any(p.nargs == -1 for p in arguments) else len(arguments),
            any(p.required for p in arguments),
        )


def spread(arguments: list[str], grammar: Grammar) -> list[str]:
    """``-b A B`` as ``-b A -b B``: an option that takes several values takes all up to the next option.

    *arguments* begin with the name of the command.
    """
    result: list[str] = arguments[:1]
    positional = 0
    k = 1
    while k < len(arguments):
        word = arguments[k]
        k += 1
        if word not in grammar.several:
            positional += not word.startswith("-") and not _takes_value(result[1:], grammar)
            result.append(word)
            continue
        values: list[str] = []
        while k < len(arguments) and not arguments[k].startswith("-"):
            if grammar.n_arguments < 0 and values and _is_no_value(word, arguments[k]):
                break  # MODEL or a LESION, of which there may be several
            values.append(arguments[k])
            k += 1
        later = _has_argument(arguments[k:], grammar)
        # ``compare -b A B MODEL``: the last word is the model if none stands elsewhere.
        wanted = positional < 1 and grammar.n_arguments != 0 and not later
        if wanted and not grammar.needs_argument and values:
            wanted = _is_no_value(word, values[-1])
        model = [values.pop()] if wanted and len(values) > 1 else []
        positional += len(model)
        for value in values or [""]:
            result += [word, value] if value else [word]
        result += model
    return result


def _has_argument(words: Sequence[str], grammar: Grammar) -> bool:
    """Whether one of some words is neither an option nor, as far as one can tell, the value of one."""
    option, n_values = "", 0
    for word in words:
        if word.startswith("-"):
            option, n_values = word, 0
            continue
        n_values += 1
        if option in grammar.several:
            if n_values > 1 and _is_no_value(option, word):
                return True
        elif n_values > 1 or not _takes_value([option] if option else [], grammar):
            return True
    return False


def _is_no_value(option: str, word: str) -> bool:
    """Whether a word after an option's first value is not another value of it, as far as one can tell."""
    if option in {"-b", "--backend"}:
        from ...backends.registry import entries

        return word not in entries()
    if option == "--set":
        return "=" not in word or any(sign in word for sign in (":=", "*=", "+=", "-=", " "))
    return option == "--mode" and word not in MODES


def _takes_value(before: list[str], grammar: Grammar) -> bool:
    """Whether the last of some words is an option that waits for its value."""
    return (
        bool(before)
        and before[-1].startswith("-")
        and before[-1] not in grammar.flags
        and "=" not in before[-1]
    )


def load_experiment(
    model: str,
    variant: str = "",
    duration: str | None = None,
    dt: str | None = None,
    seed: int | None = None,
    assignments: Sequence[str] = (),
) -> Experiment:
    """The experiment that a command line asks for; InputError for anything wrong."""
    # Imported here and below, so that --help does not wait for them.
    from ...core.experiment import Experiment
    from ...models.library import MODELS, load_model

    path = Path(model)
    if model in MODELS:
        # A model's own options, such as size, are set in the same way as any value.
        options = {
            name.strip(): value.strip()
            for name, equals, value in (a.partition("=") for a in assignments)
            if equals and name.strip() in MODELS[model].options
        }
        assignments = [a for a in assignments if a.partition("=")[0].strip() not in options]
        experiment = load_model(model, variant, **options)
    elif path.suffix == ".json" or path.exists():
        if variant:
            raise InputError("--variant", "a JSON file has no variants; leave it out")
        experiment = Experiment.load(path)
    else:
        raise InputError(
            "MODEL", f"{model!r} is neither a library model nor a file; {nearest(model, MODELS)}"
        )
    return changed(experiment, duration, dt, seed, assignments)


def changed(
    experiment: Experiment,
    duration: str | None = None,
    dt: str | None = None,
    seed: int | None = None,
    assignments: Sequence[str] = (),
) -> Experiment:
    """An experiment with what the command line changes in it."""
    from ...core.paths import set_values

    changes = {"duration": duration, "dt": dt, "seed": seed}
    given = {name: value for name, value in changes.items() if value is not None}
    if given:
        experiment = experiment.with_(**given)
    return set_values(experiment, assignments) if assignments else experiment


def check_expected(expected: str | None) -> Verdict | None:
    """The verdict that ``--expect`` names; InputError for anything else."""
    from ..measuring.pairs import VERDICTS

    if expected is None:
        return None
    for verdict in VERDICTS[:3]:
        if expected == verdict:
            return verdict
    raise InputError("--expect", f"{expected!r} is not one of {', '.join(VERDICTS[:3])}")


def tolerance_of(text: str | None) -> float | None:
    """The tolerance in ms that ``--tolerance`` asks for; InputError if it is negative or no time."""
    from ...core.units import milliseconds

    if text is None:
        return None
    found = milliseconds(text, "--tolerance")
    if found < 0:
        raise InputError("--tolerance", f"{text} is negative; a tolerance has to be >= 0")
    return found


def check_writable(out: Path | None, json_file: str | None) -> None:
    """InputError before anything is run if a result could not be written."""
    if json_file is not None and Path(json_file).is_dir():
        raise InputError("--json", f"{json_file} is a folder; give a file, or - for stdout")
    if out is not None:
        if out.exists() and not out.is_dir():
            raise InputError("--out", f"{out} is a file; give a folder")
    for path in (out, Path(json_file) if json_file not in (None, "-") else None):
        if path is None:
            continue
        parent = path.absolute().parent
        while not parent.exists():
            parent = parent.parent
        try:
            with tempfile.TemporaryFile(dir=parent):
                pass
        except OSError as error:
            raise InputError(
                str(path), f"{parent} cannot be written to: {reason_of(error)}"
            ) from error


def write_json(data: Any, target: str) -> None:
    """Print data as JSON for ``-``, else write them to a file, whole or not at all."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    if target == "-":
        print(text)
        return
    path = Path(target)
    if path.is_dir():
        raise InputError("--json", f"{path} is a folder; give a file, or - for stdout")
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise InputError("--json", f"{path} cannot be written: {error.strerror}") from error
