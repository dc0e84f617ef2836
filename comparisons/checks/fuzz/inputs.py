"""Mutated inputs of every kind for the real commands: no traceback, no hang, no nonsense accepted."""

from __future__ import annotations

import json
import math
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....core.errors import InputError
from ....core.experiment import Experiment
from ....core.storage import read_recording
from ....core.units import Quantity
from .draw import Draw
from .mutate import mutated_bytes, mutated_json, mutated_text
from .originals import Originals
from .running import Worker

STATUSES = frozenset({0, 1, 2, 3, 4})
"""What a command may end with when it was not interrupted."""
WALL_S = 90.0
CPU_S = 20.0
"""What a command may take of a processor."""
_WORDS = (
    r"Traceback|pydantic|Expecting |could not convert|invalid literal|h5py|Unable to|has no attribute|"
    r"NoneType|unhashable|not supported between|Input should be|Extra data|codec can't|list index|"
    r"could not broadcast|dictionary update|unexpected keyword|not subscriptable|not iterable|"
    r"Errno|<class|dtype|ufunc|maximum recursion|tokeniz|int too large|"
    r"\b(?:Key|Type|Value|Attribute|Index|Overflow|Recursion|Unicode\w*|Assertion|ZeroDivision|Memory|OS|Parser|"
    r"UndefinedUnit|Dimensionality|LinAlg)Error\b"
)
RAW = re.compile(_WORDS)
"""Words of a library or of Python, which nobody who gave a wrong file can read."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202e]")
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\]8;[^\x1b\x07]*(?:\x1b\\|\x07)")


@dataclass(frozen=True)
class Attack:
    """One mutated input: its kind, the command, what was given in a few words, and what to look at after."""

    kind: str
    argv: tuple[str, ...]
    given: str
    accepted: Callable[[Path, str], str | None] = field(default=lambda folder, said: None)


@dataclass(frozen=True)
class Verdict:
    """What became of an attack; ``problem`` is empty where all is well."""

    attack: Attack
    number: int
    status: int | str
    said: str
    problem: str = ""


Maker = Callable[[Draw, Originals, Path], Attack]


def _brief(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:120]} … {text[-60:]}"


def _changed(before: str, after: str) -> str:
    """Where two texts part, in a few words."""
    k = next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
        min(len(before), len(after)),
    )
    return f"…{_brief(after[max(0, k - 40) : k + 80])}…"


def _experiment(draw: Draw, originals: Originals, folder: Path) -> Attack:
    data = originals.experiment(draw)
    text = mutated_json(draw, data)
    file = folder / "model.json"
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    command = draw.one(
        (("show", str(file), "--json", "-"), ("show", str(file)))
        + (("run", str(file), "-b", "reference", "--out", str(folder / "out")),) * 3
    )
    return Attack(
        "experiment", command, _changed(json.dumps(data, ensure_ascii=False), text), _as_given(text)
    )


def _as_given(text: str) -> Callable[[Path, str], str | None]:
    """Looks whether what was taken says what was given, and whether a run of it is finite."""

    def look(folder: Path, said: str) -> str | None:
        try:
            given = json.loads(text)
        except (ValueError, RecursionError):
            return "what is no JSON was accepted"
        if not isinstance(given, dict):
            return "what is no experiment was accepted"
        out = folder / "out"
        taken: Any = None
        if out.exists():
            problem = _finite(out)
            if problem:
                return problem
            taken = json.loads((out / "run.json").read_text())["experiment"]
        elif said.lstrip().startswith("{"):
            taken = json.loads(said)
        return None if taken is None else _differs(given, taken, "")

    return look


def _differs(given: Any, taken: Any, where: str) -> str | None:
    """The first place where a number or text that was given was taken as another."""
    if isinstance(given, dict) and isinstance(taken, dict):
        for key in given.keys() & taken.keys():
            found = _differs(given[key], taken[key], f"{where}.{key}")
            if found:
                return found
        return None
    if isinstance(given, list) and isinstance(taken, list):
        if len(given) != len(taken):
            return f"{where} had {len(given)} parts and has {len(taken)}"
        parts = (
            _differs(g, t, f"{where}[{k}]")
            for k, (g, t) in enumerate(zip(given, taken, strict=True))
        )
        return next((p for p in parts if p), None)
    if given == taken:
        return None
    if isinstance(given, list) and isinstance(taken, dict):
        return _differs(given, taken.get("values"), where)
    try:
        a, b = (Quantity.parse(value) for value in (given, taken))
        same = a.dimension == b.dimension and math.isclose(a.internal, b.internal, rel_tol=1e-12)
    except (InputError, TypeError, ValueError):
        same = str(given).split() == str(taken).split()
    return None if same else f"{where}: {given!r} was taken as {taken!r}"


def _finite(out: Path) -> str | None:
    recording = read_recording(out)
    for key, trace in recording.traces.items():
        if not (abs(trace.values) < float("inf")).all():
            return f"{'.'.join(key)} is not finite in a run that is ok"
    return None


def _damaged(draw: Draw, original: str, file: Path, as_text: float) -> str:
    """Write a text with a part changed, or with some of its bytes damaged; returns what can be read of it."""
    if draw.chance(as_text):
        text = mutated_text(draw, original)
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        return text
    file.write_bytes(mutated_bytes(draw, original.encode()))
    return file.read_text(errors="replace")


def _swc(draw: Draw, originals: Originals, folder: Path) -> Attack:
    original = originals.swc(draw)
    file = folder / "cell.swc"
    text = _damaged(draw, original, file, 0.6)
    model = folder / "model.json"
    model.write_text(json.dumps(originals.with_swc(file)))
    command = ("run", str(model), "-b", "reference", "--out", str(folder / "out"))
    return Attack("swc", command, _changed(original, text), lambda f, said: _sane_cell(f / "out"))


def _sane_cell(out: Path) -> str | None:
    problem = _finite(out)
    if problem:
        return problem
    taken = json.loads((out / "run.json").read_text())["experiment"]
    lengths = [
        s.extent_um
        for p in Experiment.from_dict(taken).populations
        for s in p.model.morphology.sections  # type: ignore[union-attr]
    ]
    if not all(0 < length < 1e5 for length in lengths):
        return f"a section is {max(lengths):g} µm long"
    return None


def _csv_input(draw: Draw, originals: Originals, folder: Path) -> Attack:
    original = originals.series()
    file = folder / "series.csv"
    text = mutated_text(draw, original) if draw.chance(0.7) else ""
    file.write_bytes(
        text.encode("utf-8", "replace") if text else mutated_bytes(draw, original.encode())
    )
    model = folder / "model.json"
    model.write_text(json.dumps(originals.with_series(file, "current")))
    command = ("run", str(model), "-b", "reference", "--out", str(folder / "out"))
    return Attack(
        "csv input", command, _changed(original, text), lambda f, said: _finite(f / "out")
    )


def _csv_spikes(draw: Draw, originals: Originals, folder: Path) -> Attack:
    original = originals.spikes()
    first, second = folder / "a.csv", folder / "b.csv"
    first.write_text(original)
    text = mutated_text(draw, original)
    if draw.chance(0.3):
        second.write_bytes(mutated_bytes(draw, original.encode()))
        text = second.read_text(errors="replace")
    else:
        second.write_text(text, encoding="utf-8", errors="surrogateescape")
    return _diff(
        draw, "csv spikes", first, second, _changed(original, text), _numbers_differ(original, text)
    )


def _numbers_differ(before: str, after: str) -> Callable[[Path, str], str | None]:
    """Looks that *identical* is not said of tables that hold other numbers."""

    def numbers(text: str) -> list[float]:
        return sorted(
            float(n) for n in re.findall(r"-?\d+\.?\d*(?:e[-+]?\d+)?", text, re.IGNORECASE)
        )

    def look(folder: Path, said: str) -> str | None:
        if "identical" in said and "not" not in said and numbers(before) != numbers(after):
            return "identical, although other numbers stand in the file"
        return None

    return look


def _diff(
    draw: Draw,
    kind: str,
    first: Path,
    second: Path,
    given: str,
    accepted: Callable[[Path, str], str | None] = lambda folder, said: None,
) -> Attack:
    files = (str(first), str(second)) if draw.chance(0.7) else (str(second), str(first))
    options = draw.one(((), ("--explain",), ("--json", "-")))
    return Attack(kind, ("diff", *files, *options), given, accepted)


def _sonata(draw: Draw, originals: Originals, folder: Path) -> Attack:
    intact, damaged = folder / "a", folder / "b"
    originals.recording(intact)
    originals.recording(damaged)
    name = draw.one(sorted(p.name for p in damaged.glob("*.h5")))
    if draw.chance(0.4):
        file = damaged / name
        file.write_bytes(mutated_bytes(draw, file.read_bytes()))
        given = f"bytes of {name}"
    else:
        given = originals.damage_hdf5(draw, damaged / name)
    if draw.chance(0.5):
        return _diff(draw, "sonata", intact / name, damaged / name, given)
    return _diff(draw, "sonata", intact, damaged, given)


def _run_json(draw: Draw, originals: Originals, folder: Path) -> Attack:
    intact, damaged = folder / "a", folder / "b"
    originals.recording(intact)
    originals.recording(damaged)
    file = damaged / "run.json"
    original = file.read_text()
    text = mutated_json(draw, json.loads(original))
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    given = _changed(original, text)
    return _diff(draw, "run.json", intact, damaged, given, _same_header(original, text))


def _same_header(before: str, after: str) -> Callable[[Path, str], str | None]:
    """Looks that *identical* is not said of runs of another length or step."""

    def look(folder: Path, said: str) -> str | None:
        if "identical" not in said:
            return None
        try:
            old, new = json.loads(before), json.loads(after)
        except ValueError:
            return "what is no JSON was accepted"
        for key in ("duration_ms", "dt_ms", "sizes", "variables"):
            if not isinstance(new, dict) or old[key] != new.get(key):
                return f"identical, although {key} is another"
        return None

    return look


def _neo(draw: Draw, originals: Originals, folder: Path) -> Attack:
    first, second = folder / "a.mat", folder / "b.mat"
    content = originals.neo()
    first.write_bytes(content)
    second.write_bytes(mutated_bytes(draw, content))
    if draw.chance(0.25):
        second = second.rename(
            second.with_suffix(
                draw.one((".pkl", ".nix", ".abf", ".nwb", ".dat", ".smr", ".xyz", ""))
            )
        )
    return _diff(draw, "neo", first, second, f"bytes of {second.name}")


def _gait(draw: Draw, originals: Originals, folder: Path) -> Attack:
    original = originals.gait()
    file = folder / "walk.csv"
    text = _damaged(draw, original, file, 0.7)
    model = folder / "model.json"
    model.write_text(json.dumps(originals.driven()))
    run = ("run", str(model), "-b", "reference", "--gait", str(file), "--out", str(folder / "out"))
    command = draw.one((("gait", "check", str(file)), run))

    def look(where: Path, said: str) -> str | None:
        return _finite(where / "out") if (where / "out").exists() else None

    return Attack("gait", command, _changed(original, text), look)


def _set(draw: Draw, originals: Originals, folder: Path) -> Attack:
    text = originals.assignment(draw)
    changed = _mutated_words(draw, text)
    model = folder / "model.json"
    model.write_text(json.dumps(originals.driven()))
    command = ("run", str(model), "-b", "reference", "--out", str(folder / "out"), "--set", changed)
    return Attack("--set", command, repr(_brief(changed)), lambda f, said: _finite(f / "out"))


def _mutated_words(draw: Draw, text: str) -> str:
    from .mutate import ODD_TEXTS

    if draw.chance(0.5):
        return mutated_text(draw, text).replace("\x00", "")
    parts = re.split(r"(\s*(?::=|\*=|\+=|=)\s*|\s+)", text)
    parts[draw.whole(0, len(parts) - 1)] = draw.one(ODD_TEXTS)
    # A process cannot be given a zero byte.
    return "".join(parts).replace("\x00", "")


def _lesion(draw: Draw, originals: Originals, folder: Path) -> Attack:
    model = folder / "model.json"
    model.write_text(json.dumps(originals.driven()))
    text = originals.lesion(draw)
    if draw.chance(0.35):
        file = folder / "lesion.json"
        data = {
            "name": "loss",
            "title": "a loss",
            "perturbations": [{"path": "cells.tau", "operation": "scale", "value": 0.5}, text],
        }
        written = mutated_json(draw, data)
        file.write_text(written, encoding="utf-8", errors="surrogateescape")
        given, lesion = _changed(json.dumps(data), written), str(file)
    else:
        lesion = _mutated_words(draw, text)
        given = repr(_brief(lesion))
    command = ("lesion", str(model), lesion, "-b", "reference", "--seeds", "1", "--no-reference")
    return Attack("lesion", command, given)


def _options(draw: Draw, originals: Originals, folder: Path) -> Attack:
    model = folder / "model.json"
    model.write_text(json.dumps(originals.driven()))
    command, options = draw.one(originals.commands(str(model), folder))
    words = list(options)
    k = draw.whole(0, len(words) - 1)
    words[k] = _mutated_words(draw, words[k])
    if draw.chance(0.3):
        words.insert(
            draw.whole(0, len(words)), draw.one(("--", "-", "--xyz", "-b", "--mode", "=", ""))
        )
    return Attack("options", (*command, *words), " ".join(words))


KINDS: Mapping[str, Maker] = {
    "experiment": _experiment,
    "swc": _swc,
    "csv input": _csv_input,
    "csv spikes": _csv_spikes,
    "sonata": _sonata,
    "run.json": _run_json,
    "neo": _neo,
    "gait": _gait,
    "--set": _set,
    "lesion": _lesion,
    "options": _options,
}
"""How an input of each kind is mutated, and what command reads it."""
_SHARES = ("experiment",) * 4 + tuple(k for k in KINDS if k != "experiment")


def kind_of(number: int) -> str:
    """The kind of attack number *number*: all kinds in turn, descriptions more often."""
    return _SHARES[number % len(_SHARES)]


def attack(seed: int, number: int, originals: Originals, folder: Path) -> Attack:
    """The mutated input *number* of a seed, with its files written to a folder."""
    return KINDS[kind_of(number)](Draw(seed, number), originals, folder)


def judge(made: Attack, number: int, answer: Mapping[str, Any], folder: Path) -> Verdict:
    """What a command did with an attack."""
    status, said = answer["status"], answer["reason"]
    plain = _COLOUR.sub("", said)
    problem = ""
    if status == "timeout":
        problem = f"does not end ({said})"
    elif status == "crashed":
        problem = f"crashed: {said}"
    elif status not in STATUSES:
        problem = f"ends with {status}, which no table of statuses has"
    elif RAW.search(plain):
        match = RAW.search(plain)
        assert match is not None
        line = next(line for line in plain.split("\n") if match[0] in line)
        problem = f"says {match[0]!r}: {_brief(line.strip())}"
    elif _CONTROL.search(plain.replace("\r\n", "\n")):
        problem = "prints a control character that was in the input"
    elif status == 0:
        problem = _looked(made, folder, plain)
    elif not plain.strip():
        problem = f"ends with {status} without a word"
    return Verdict(made, number, status, plain, problem or "")


def _looked(made: Attack, folder: Path, said: str) -> str:
    try:
        return made.accepted(folder, said) or ""
    except Exception as error:
        return f"what was accepted cannot be read back: {type(error).__name__}: {error}"


def attacks(
    seed: int,
    numbers: Sequence[int],
    out: Path | None = None,
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """Give mutated inputs to the commands, each in a fork of one process, and judge what they do.

    The files of those that fail are kept in the folder *out*, if one is given.
    """
    found = []
    worker = Worker("commands", WALL_S)
    try:
        with tempfile.TemporaryDirectory(prefix="coincide-inputs-") as scratch:
            originals = Originals(Path(scratch))
            for number in numbers:
                folder = Path(scratch) / f"{number}"
                folder.mkdir()
                made = attack(seed, number, originals, folder)
                answer = worker.command(made.argv, folder, CPU_S)
                found.append(judge(made, number, answer, folder))
                if found[-1].problem and out is not None:
                    shutil.copytree(folder, out / f"{number}", dirs_exist_ok=True)
                shutil.rmtree(folder, ignore_errors=True)
                on_verdict(found[-1])
    finally:
        worker.close()
    return found
