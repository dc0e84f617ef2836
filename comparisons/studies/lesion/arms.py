"""The arms of a study: the healthy model, and it with every lesion at every severity."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....core.errors import InputError, unknown
from ....core.experiment import Experiment
from ....core.perturbations import Lesion, apply, parse_perturbation

HEALTHY = "healthy"
_NAME = re.compile(r"[\w.-]+")
# A + that is no part of += nor of a number such as 1e+5.
_JOINED = re.compile(r"(?<![0-9][eE])\+(?!=)")


@dataclass(frozen=True)
class Arm:
    """One arm: a lesion at a severity from 0 to 1; the healthy one has none, at 0."""

    name: str
    severity: float = 1.0
    # A value that is set may be a list or an object, which have no hash.
    lesion: Lesion | None = field(default=None, hash=False)

    @property
    def label(self) -> str:
        """The arm in a table or a figure."""
        part = 0.0 < self.severity < 1.0
        return f"{self.name} at {self.severity:g}" if part else self.name

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is lesioned."""
        return self.lesion is None

    def of(self, experiment: Experiment) -> Experiment:
        """The experiment with the lesion; InputError if a path of it matches nothing."""
        if self.lesion is None:
            return experiment
        made = apply(experiment, self.lesion.at(self.severity))
        for name in ("dt", "duration", "seed"):
            if getattr(made, name) != getattr(experiment, name):
                raise InputError(
                    self.name,
                    f"changes {name}, which is how the model is run; give --{name} to all arms",
                )
        return made


def describe_arms(experiment: Experiment, arms: Iterable[Arm]) -> dict[Arm, Experiment]:
    """The experiment of every arm.

    InputError if a path of a lesion matches nothing; it names the variants that the lesion is for.
    """
    found = {}
    for arm in arms:
        try:
            found[arm] = arm.of(experiment)
        except InputError as error:
            fitting = _variants_for(arm, experiment)
            if not fitting:
                raise
            known = " or ".join(f"--variant {name}" for name in fitting)
            problem = f"does not fit the variant {experiment.variant} ({error.where}); take {known}"
            raise InputError(arm.name, problem) from None
    return found


def _variants_for(arm: Arm, experiment: Experiment) -> list[str]:
    """The other variants of a library model that one of its own lesions can be applied to."""
    from ....models.library import MODELS, lesions_of, load_model

    name = experiment.name
    if name not in MODELS or arm.lesion != lesions_of(name).get(arm.name):
        return []
    found = []
    for variant in MODELS[name].variants:
        try:
            arm.of(load_model(name, variant))
        except InputError:
            continue
        found.append(variant)
    return [variant for variant in found if variant != experiment.variant]


def is_unchanged(healthy: Experiment, lesioned: Experiment) -> bool:
    """Whether two experiments describe the same but for texts about them and what they read out."""
    return _without_texts(healthy) == _without_texts(lesioned)


def _without_texts(experiment: Experiment) -> dict[str, Any]:
    data = experiment.to_dict()
    for text in ("name", "variant", "title", "source", "signal", "output"):
        data.pop(text, None)
    for population in data["populations"]:
        # What is perturbed is written to the population, whatever the default of its model is.
        model = population.get("model", {})
        for part in ("parameters", "initial"):
            population[part] = {**model.pop(part, {}), **population.get(part, {})}
    return data


def read_lesion(
    text: str, known: Mapping[str, Lesion], variants: Collection[str] = ()
) -> tuple[str, Lesion]:
    """A name and a lesion from an argument.

    It is a name of the model's own, a perturbation, a JSON file of a lesion, or several with + between.
    InputError with the nearest name for one that is none of these, or that is one of the model's *variants*.
    """
    text = text.strip()
    if text in known:
        return text, known[text]
    parts = [part.strip() for part in _JOINED.split(text)]
    if Path(text).is_file() or (text.endswith(".json") and len(parts) == 1):
        read = _load(Path(text))
        return read.name, read
    if len(parts) == 1:
        if text in variants:
            what = f"{text!r} is a variant of the model, not a lesion: --variant {text}"
            raise InputError("LESION", what)
        if _NAME.fullmatch(text):
            if known:
                raise unknown("LESION", "lesion", text, known)
            raise InputError(
                "LESION",
                f"there is no {text!r}, for the model has no lesions of its own; write one, such as "
                "'*.weight *= 0.5', 'remove 40% NAME' or 'silence NAME', or give a JSON file",
            )
        return text, Lesion(name=_plain_name(text), perturbations=(parse_perturbation(text),))
    if not all(parts):
        raise InputError("LESION", f"{text!r} has a + with nothing on one side")
    found = [read_lesion(part, known, variants) for part in parts]
    citations = dict.fromkeys(lesion.citation for _, lesion in found if lesion.citation)
    return " + ".join(name for name, _ in found), Lesion(
        name=_plain_name("+".join(lesion.name for _, lesion in found)),
        title=", ".join(lesion.title or name for name, lesion in found),
        perturbations=tuple(p for _, lesion in found for p in lesion.perturbations),
        citation="; ".join(citations),
    )


def _plain_name(text: str) -> str:
    """A text as a name of a lesion, which has letters, digits, spaces and _ . + - only."""
    return re.sub(r"[^\w.+-]+", " ", text).strip(" .+-")[:100] or "lesion"


def _load(path: Path) -> Lesion:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            str(path), "there is no such file; give the JSON file of a lesion"
        ) from None
    except UnicodeDecodeError:
        raise InputError(str(path), "is no text in UTF-8; give the JSON file of a lesion") from None
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}") from error
    return Lesion.from_json(text, str(path))


def arms_of(
    lesions: Iterable[tuple[str, Lesion]], severities: Sequence[float] = ()
) -> tuple[Arm, ...]:
    """The healthy arm, then every lesion at every severity above 0; as it is without severities.

    InputError for a lesion given twice or none at all.
    """
    lesions = list(lesions)
    if not lesions:
        raise InputError("LESION", "name one at least")
    names = [name for name, _ in lesions]
    for name in names:
        if names.count(name) > 1 or name == HEALTHY:
            word = "is the arm without a lesion" if name == HEALTHY else "is given twice"
            raise InputError("LESION", f"{name!r} {word}; names have to be distinct")
    doses = [s for s in severities if s > 0.0] or [1.0]
    return (
        Arm(HEALTHY, 0.0),
        *(Arm(name, dose, lesion) for name, lesion in lesions for dose in doses),
    )


def check_severities(given: Iterable[float]) -> tuple[float, ...]:
    """Severities, ascending, each once; InputError for one below 0 or above 1, or for 0 alone."""
    found = sorted({float(s) for s in given})
    for severity in found:
        if not 0.0 <= severity <= 1.0:
            raise InputError(
                "--severity", f"{severity:g} is out of range; 0 is healthy, 1 the whole lesion"
            )
    if found and not any(found):
        raise InputError("--severity", "0 alone is the healthy arm; give one above 0")
    return tuple(found)


def read_severities(text: str | None) -> tuple[float, ...]:
    """Severities as the command line has them: 0,0.25,0.5,1."""
    if text is None:
        return ()
    numbers = []
    for word in text.split(","):
        try:
            number = float(word)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InputError(
                "--severity", f"{word.strip()!r} is no number; write them as 0,0.25,0.5,1"
            )
        numbers.append(number)
    return check_severities(numbers)
