"""How the figures of a study look: a simulator's colour and marker, paper and type."""

from __future__ import annotations

from collections.abc import Sequence

from ....core.errors import unknown
from .arms import Arm
from .study import LesionStudy


def mode_of(study: LesionStudy, mode: str | None) -> str:
    """The mode asked for, the first by default; InputError if it was not run."""
    if mode is None:
        return study.modes[0]
    if mode not in study.modes:
        raise unknown("mode", "mode of this study", mode, study.modes)
    return mode


def arms_shown(
    study: LesionStudy, severity: float | None, names: Sequence[str] | None
) -> list[Arm]:
    """The healthy arm and the lesions at a severity, the largest by default; InputError if there is none."""
    dose = study.severities[-1] if severity is None else severity
    if dose not in study.severities:
        raise unknown("severity", "severity", f"{dose:g}", [f"{s:g}" for s in study.severities])
    for name in names or ():
        if name not in study.lesions:
            raise unknown("lesion", "lesion of this study", name, study.lesions)
    wanted = study.lesions if names is None else names
    return [
        arm for arm in study.arms if arm.is_healthy or (arm.severity == dose and arm.name in wanted)
    ]
