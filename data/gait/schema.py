"""The columns of a gait file: 36 coordinates of 12 joints, and 11 features computed from them.

The names are those that the authors' scripts write: the axis before the joint, ``XLeftShoulder``.
x is sideways, y up, z away from the sensor; metres, radians, seconds.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

AXES = ("X", "Y", "Z")
SIDES = ("Left", "Right")
JOINTS = tuple(
    f"{side}{part}"
    for part in ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")
    for side in SIDES
)
COORDINATES = tuple(f"{axis}{joint}" for joint in JOINTS for axis in AXES)
ANGLES = tuple(f"Theta{side}{part}" for part in ("Shoulder", "Hip", "Knee") for side in SIDES)
STRIDE_SPEEDS = tuple(f"{side}StrideSpeed" for side in SIDES)
FEATURES = (*ANGLES, "StepLength", "StepWidth", "FeetClearance", *STRIDE_SPEEDS)
COLUMNS = (*COORDINATES, *FEATURES)
"""The 47 columns, in the order of the files."""

UNITS: Mapping[str, str] = {
    **dict.fromkeys(ANGLES, "rad"),
    **dict.fromkeys(("StepLength", "StepWidth", "FeetClearance"), "m"),
    **dict.fromkeys((*STRIDE_SPEEDS, *(f"{side}AnkleSpeed" for side in SIDES)), "m/s"),
}
"""The units of the features and of the computed speeds."""
COMPUTED: Mapping[str, str] = {f"{side}AnkleSpeed": f"{side}Ankle" for side in SIDES}
"""What is offered besides: the speed of a joint, from differences of its positions."""

_SEGMENTS = {
    "Shoulder": (("Shoulder", "Elbow"), ("Shoulder", "Hip")),
    "Hip": (("Shoulder", "Hip"), ("Hip", "Knee")),
    "Knee": (("Hip", "Knee"), ("Knee", "Ankle")),
}


def features(positions: Mapping[str, Floats], frame_rate_hz: float) -> dict[str, Floats]:
    """The 11 features of joint positions, one number a row each.

    Theta = arccos(a·b / (|a| |b|)) of the two segments at a joint; StepWidth, FeetClearance and
    StepLength are |x|, |y| and |z| between the ankles; StrideSpeed = |ankle position| / frame interval, as
    in the files, although that is a distance from the sensor and no speed. *positions* has shape (rows, 3)
    a joint.
    """
    found: dict[str, Floats] = {}
    for part, (first, second) in _SEGMENTS.items():
        for side in SIDES:
            a, b = (
                positions[f"{side}{end}"] - positions[f"{side}{begin}"]
                for begin, end in (first, second)
            )
            lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
            cosine = np.divide(
                np.sum(a * b, axis=1), lengths, out=np.ones_like(lengths), where=lengths > 0
            )
            found[f"Theta{side}{part}"] = np.arccos(np.clip(cosine, -1.0, 1.0))
    apart = np.abs(positions["LeftAnkle"] - positions["RightAnkle"])
    found |= {"StepLength": apart[:, 2], "StepWidth": apart[:, 0], "FeetClearance": apart[:, 1]}
    for side in SIDES:
        distance = np.linalg.norm(positions[f"{side}Ankle"], axis=1)
        found[f"{side}StrideSpeed"] = distance * frame_rate_hz
    return {name: found[name] for name in FEATURES}


def speed(positions: Floats, frame_rate_hz: float) -> Floats:
    """|p_k - p_{k-1}| times the frame rate, shape (rows,); the first row has the value of the second."""
    moved = np.linalg.norm(np.diff(positions, axis=0), axis=1) * frame_rate_hz
    return np.concatenate([moved[:1], moved])
