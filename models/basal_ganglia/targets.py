"""What was measured in rats, and what the authors of the network aimed at: `targets.json` as a `Targets`."""

from __future__ import annotations

import json
from importlib.resources import files

from ..targets import Claim, Target, Targets


def targets() -> Targets:
    """The published numbers beside which the network of the basal ganglia is put."""
    data = json.loads(files(__package__).joinpath("targets.json").read_text("utf-8"))
    return Targets(
        groups={name: tuple(members) for name, members in data["groups"].items()},
        targets=tuple(Target(**given) for given in data["targets"]),
        claims=tuple(
            Claim(
                given["name"],
                given["state"],
                tuple(given["a"]),
                tuple(given["b"]),
                given["bound"],
                given["source"],
            )
            for given in data["claims"]
        ),
        phases=tuple((a, b) for a, b in data["phases"]),
        window_ms=tuple(data["window_ms"]),
    )
