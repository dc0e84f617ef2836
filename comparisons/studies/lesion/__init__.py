"""Healthy against lesioned: is the effect of a lesion larger than what the simulators differ by?"""

from ...measuring.readings import Measure, Reading
from .arms import Arm
from .effects import Effect, SimulatorEffect
from .study import ArmRun, LesionStudy, lesion

__all__ = [
    "Arm",
    "ArmRun",
    "Effect",
    "LesionStudy",
    "Measure",
    "Reading",
    "SimulatorEffect",
    "lesion",
]
