"""Making gait files of the same schema, from published numbers: synthetic, seeded, with faults on request."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from ...core.drawn import stream
from ...core.errors import InputError, unknown
from ...core.reading import reason_of
from .parameters import body, walker
from .schema import AXES, COLUMNS, COORDINATES, JOINTS, Floats, features
from .walking import plan_steps, walk

MARK = "# synthetic"
"""How the first line of a made file begins."""
FAULTS = {
    "copies": "32 noisy copies follow the sequence, as in the published files",
    "equal_axes": "Y and Z of every joint are its X, as in the published files",
}
"""The faults that can be asked for."""
SHIPPED = {
    "synthetic_healthy": {"ataxic": False, "seed": 1, "duration_s": 10.0},
    "synthetic_ataxic": {"ataxic": True, "seed": 1, "duration_s": 10.0},
}
"""The files that come with coincide, and what `gait_text` makes them from."""

_DECIMALS = 4
_COPIES = 32
# The order in which the published copies were chained: knees from hips, hips from wrists.
_PARENTS = {"Elbow": "Shoulder", "Wrist": "Elbow", "Hip": "Wrist", "Knee": "Hip", "Ankle": "Knee"}


def make_gait(
    ataxic: bool = False,
    seed: int = 1,
    duration_s: float = 60.0,
    frame_rate_hz: float = 30.0,
    faults: Sequence[str] = (),
) -> Any:
    """A table (pandas.DataFrame) of the 47 columns, one row a frame, rounded to 0.1 mm.

    The features are those of the rounded coordinates. Raises InputError for a duration under a second, a
    frame rate at which a step has no frames, or a fault that is not in `FAULTS`.
    """
    import pandas

    for fault in faults:
        if fault not in FAULTS:
            raise unknown("faults", "fault", fault, FAULTS)
    _check(seed, duration_s, frame_rate_hz)
    group = "ataxic" if ataxic else "healthy"
    person = walker(ataxic)
    steps = plan_steps(person, duration_s, stream(seed, "gait", group, "steps"))
    times = np.arange(round(duration_s * frame_rate_hz)) / frame_rate_hz
    positions = {
        joint: np.round(position, _DECIMALS)
        for joint, position in walk(steps, person, body(), times).items()
    }
    if "copies" in faults:
        positions = _with_copies(positions, stream(seed, "gait", group, "copies"))
    columns = {
        f"{axis}{joint}": positions[joint][:, k] for joint in JOINTS for k, axis in enumerate(AXES)
    }
    columns |= {
        name: np.round(values, _DECIMALS)
        for name, values in features(positions, frame_rate_hz).items()
    }
    if "equal_axes" in faults:
        columns |= {name: columns[f"X{name[1:]}"] for name in COORDINATES}
    return pandas.DataFrame({name: columns[name] for name in COLUMNS})


def gait_text(
    ataxic: bool = False,
    seed: int = 1,
    duration_s: float = 60.0,
    frame_rate_hz: float = 30.0,
    faults: Sequence[str] = (),
) -> str:
    """A made file as text: two lines that say how it was made, the header, the rows."""
    table = make_gait(ataxic, seed, duration_s, frame_rate_hz, faults)
    rate = f"{float(frame_rate_hz)!r}".removesuffix(".0")
    command = f"coincide gait make FILE{' --ataxic' if ataxic else ''} --seed {seed}"
    command += f" --duration '{duration_s:g} s' --frame-rate {rate}"
    command += "".join(f" --fault {fault}" for fault in faults)
    out = StringIO()
    group = "ataxic" if ataxic else "healthy"
    out.write(f"{MARK}: {group} walking, nobody's recording; made by: {command}\n")
    out.write(f"# frame rate: {frame_rate_hz!r} Hz\n")
    table.to_csv(out, index=False, float_format=f"%.{_DECIMALS}f", lineterminator="\n")
    return out.getvalue()


def write_gait(
    path: str | Path,
    ataxic: bool = False,
    seed: int = 1,
    duration_s: float = 60.0,
    frame_rate_hz: float = 30.0,
    faults: Sequence[str] = (),
) -> Path:
    """Write a made file; InputError if it cannot be written."""
    path = Path(path)
    text = gait_text(ataxic, seed, duration_s, frame_rate_hz, faults)
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(str(path), f"cannot be written: {reason_of(error)}") from error
    return path


def shipped(name: str) -> Path:
    """The path of a file that comes with coincide; InputError with the nearest name."""
    if name not in SHIPPED:
        raise unknown("gait", "shipped file", name, SHIPPED)
    return Path(str(files(__package__).joinpath(f"{name}.csv")))


def _check(seed: int, duration_s: float, frame_rate_hz: float) -> None:
    if seed < 0:
        raise InputError("seed", f"{seed} is negative; a seed has to be >= 0")
    if not 1.0 <= duration_s <= 36_000:
        raise InputError("duration", f"{duration_s:g} s is not between 1 s and 10 h")
    if not 10.0 <= frame_rate_hz <= 1000:
        raise InputError("frame_rate", f"{frame_rate_hz:g} Hz is not between 10 and 1000 Hz")


def _with_copies(positions: dict[str, Floats], rng: np.random.Generator) -> dict[str, Floats]:
    """The sequence and 32 copies: limbs of other lengths, uniform noise up to a quarter of the SD."""
    stacked = {joint: [position] for joint, position in positions.items()}
    for _ in range(_COPIES):
        made: dict[str, Floats] = {}
        for joint, position in positions.items():
            side = "Left" if joint.startswith("Left") else "Right"
            parent = _PARENTS.get(joint.removeprefix(side))
            if parent is None:
                made[joint] = position
            else:
                limb = position - positions[f"{side}{parent}"]
                made[joint] = made[f"{side}{parent}"] + rng.uniform(0.9, 1.1) * limb
        for joint, position in made.items():
            noise = rng.uniform(0.0, 0.25, position.shape) * positions[joint].std(axis=0)
            stacked[joint].append(np.round(position + noise, _DECIMALS))
    return {joint: np.concatenate(parts) for joint, parts in stacked.items()}
