"""How a body walks on a treadmill in front of a sensor: a plan of steps, and the joints at any time.

Every step has a duration, a length, a width and a height of its own; one step does not depend on the one
before. Between steps everything follows from the body: feet that stand still in stance and swing with
the least jerk, a pelvis as high as both legs allow, knees where thigh and shank meet, arms that swing
with the other leg.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .parameters import Body, Walker
from .schema import SIDES, Floats

_PAD = 4
_BENT = 0.99
_HEEL_OFF = 0.4
_ELBOW = 0.35
_LEAN = 0.3
# A hip goes forward with its foot, the shoulder above it back, by this share.
_TURN = 0.02


@dataclass(frozen=True)
class Steps:
    """Steps in order, shape (steps,): the foot (0 left, 1 right), when and where it strikes, its height.

    ``times`` [s]; ``lengths``, ``forward`` (their sum), ``sideways`` and ``heights`` [m].
    """

    feet: NDArray[np.int64]
    times: Floats
    lengths: Floats
    forward: Floats
    sideways: Floats
    heights: Floats


def plan_steps(walker: Walker, duration_s: float, rng: np.random.Generator) -> Steps:
    """Steps that cover a duration, with some before and after.

    A stride is two steps, drawn independently, so that a step varies √2 times as much, relatively.
    """
    mean = walker.stride_time / 2
    n = int(np.ceil(1.5 * duration_s / mean)) + 4 * _PAD
    feet = np.arange(n, dtype=np.int64) % 2
    sided = 1 + walker.asymmetry / 2 * np.where(feet == 0, 1.0, -1.0)
    drawn = np.clip(rng.standard_normal((4, n)), -3.0, 3.0)
    durations = mean * (sided + np.sqrt(2) * walker.stride_time_cv * drawn[0])
    lengths = walker.stride_length / 2 * (sided + np.sqrt(2) * walker.stride_length_cv * drawn[1])
    # The distance of two feet has the variance of both.
    aside = walker.step_width / 2 + walker.step_width_sd / np.sqrt(2) * drawn[2]
    return Steps(
        feet,
        np.cumsum(durations) - _PAD * mean,
        lengths,
        np.cumsum(lengths),
        np.where(feet == 0, aside, -aside),
        walker.clearance * (1 + walker.clearance_cv * drawn[3]),
    )


def walk(steps: Steps, walker: Walker, body: Body, times: Floats) -> dict[str, Floats]:
    """Positions of the twelve joints at *times* [s], shape (times, 3) each, in m from the sensor."""
    from scipy.interpolate import PchipInterpolator

    middle = steps.forward - steps.lengths / 2
    progress = PchipInterpolator(steps.times, middle)(times)
    # Over the standing foot between its own strike and the next.
    weight = PchipInterpolator((steps.times[1:] + steps.times[:-1]) / 2, steps.sideways[:-1])
    sway = _LEAN * weight(times)
    ankles = {
        side: _ankle(steps, walker, body, foot, times, progress) for foot, side in enumerate(SIDES)
    }
    signs = {"Left": 1.0, "Right": -1.0}
    height = _pelvis_height(ankles, signs, walker, body, sway, times)
    found: dict[str, Floats] = {}
    for side, sign in signs.items():
        pelvis = np.stack([sway, height, np.zeros_like(sway)], axis=1)
        turned = _TURN * np.stack([0 * sway, 0 * sway, ankles[side][:, 2]], axis=1)
        beside = np.array([sign * body.hip_width / 2, 0.0, 0.0])
        above = np.array([sign * body.shoulder_width / 2, body.trunk, 0.0])
        hip, shoulder = pelvis + beside + turned, pelvis + above - turned
        other = ankles["Right" if side == "Left" else "Left"][:, 2]
        swing = other / (walker.stance * walker.stride_length / 2)
        elbow = shoulder + body.upper_arm * _hanging(walker.arm_swing * swing)
        bent = walker.arm_swing * swing + _ELBOW * (1 + swing / 2)
        found |= {
            f"{side}Shoulder": shoulder,
            f"{side}Elbow": elbow,
            f"{side}Wrist": elbow + body.forearm * _hanging(bent),
            f"{side}Hip": hip,
            f"{side}Knee": _knee(hip, ankles[side], body),
            f"{side}Ankle": ankles[side],
        }
    # From "forward of the body, above the ground" to "away from the sensor, above the sensor".
    flip, origin = np.array([1.0, 1.0, -1.0]), [0.0, -body.sensor_height, body.sensor_distance]
    return {joint: position * flip + origin for joint, position in found.items()}


def _ankle(
    steps: Steps, walker: Walker, body: Body, foot: int, times: Floats, progress: Floats
) -> Floats:
    own = np.flatnonzero(steps.feet == foot)
    strikes = steps.times[own]
    k = np.searchsorted(strikes, times, side="right") - 1
    phase = (times - strikes[k]) / (strikes[k + 1] - strikes[k])
    u = np.clip((phase - walker.stance) / (1 - walker.stance), 0.0, 1.0)
    moved = u**3 * (10 - 15 * u + 6 * u**2)  # least jerk (Flash and Hogan 1985)
    forward, sideways, heights = (x[own] for x in (steps.forward, steps.sideways, steps.heights))
    # The heel rises before the toes leave: highest at 0.4 of the time from there to the strike.
    rise = np.clip((phase - _HEEL_OFF) / (1 - _HEEL_OFF), 0.0, 1.0)
    lift = rise**2 * (1 - rise) ** 3 / (0.4**2 * 0.6**3)
    return np.stack(
        [
            sideways[k] + (sideways[k + 1] - sideways[k]) * moved,
            body.ankle_height + heights[k + 1] * lift,
            forward[k] + (forward[k + 1] - forward[k]) * moved - progress,
        ],
        axis=1,
    )


def _pelvis_height(
    ankles: dict[str, Floats],
    signs: dict[str, float],
    walker: Walker,
    body: Body,
    sway: Floats,
    times: Floats,
) -> Floats:
    """As high as both legs reach, smoothed from below."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    reach = (_BENT * (body.thigh + body.shank)) ** 2
    allowed = []
    for side, sign in signs.items():
        ankle = ankles[side]
        level = (ankle[:, 0] - sway - sign * body.hip_width / 2) ** 2 + ankle[:, 2] ** 2
        # A leg that has gone far ahead of the body bends it no lower than half its length.
        allowed.append(ankle[:, 1] + np.sqrt(np.maximum(reach - level, reach / 4)))
    interval = times[1] - times[0] if times.size > 1 else 1.0
    width = 2 * int(walker.stride_time / 16 / interval) + 1
    # A mean of minima over the same odd width is nowhere above what was allowed.
    lowest = minimum_filter1d(np.minimum(*allowed), width, mode="nearest")
    height: Floats = uniform_filter1d(lowest, width, mode="nearest")
    return height


def _knee(hip: Floats, ankle: Floats, body: Body) -> Floats:
    """Where thigh and shank meet, forward of the line from hip to ankle."""
    line = ankle - hip
    distance = np.linalg.norm(line, axis=1)
    along = line / distance[:, None]
    distance = np.minimum(distance, body.thigh + body.shank)
    part = (body.thigh**2 - body.shank**2 + distance**2) / (2 * distance)
    ahead = np.array([0.0, 0.0, 1.0]) - along[:, 2:] * along
    ahead /= np.linalg.norm(ahead, axis=1)[:, None]
    off = np.sqrt(np.maximum(body.thigh**2 - part**2, 0.0))
    return np.asarray(hip + part[:, None] * along + off[:, None] * ahead)


def _hanging(angle: Floats) -> Floats:
    """Unit vectors down, turned forward by an angle [rad]."""
    return np.stack([np.zeros_like(angle), -np.cos(angle), np.sin(angle)], axis=1)
