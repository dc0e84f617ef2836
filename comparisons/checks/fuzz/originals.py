"""The intact inputs that are mutated: small, of every kind, valid."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import InputError
from ....core.experiment import Experiment
from ....core.realize import realize
from ....core.settings import Settings
from .draw import Draw, Plain
from .experiments import draw_case

_SWC = (
    """# a cell of four branches
1 1 0 0 0 8 -1
2 3 0 10 0 1.5 1
3 3 0 40 0 1.0 2
4 3 20 70 0 0.6 3
5 3 -20 70 0 0.6 3
6 4 0 -12 0 1.2 1
7 4 0 -60 5 0.8 6
8 2 9 0 0 0.5 1
9 2 60 0 0 0.4 8
""",
    """1 1 0 0 0 5 -1
2 1 0 -5 0 5 1
3 1 0 5 0 5 1
4 3 0 8.5 0 1 1
5 3 1 30.5 0 0.9 4
""",
)


class Originals:
    """Valid inputs, made once and copied for each attack."""

    def __init__(self, scratch: Path) -> None:
        self._folder = scratch / "originals"
        self._folder.mkdir()

    def driven(self) -> Plain:
        """An experiment of a few cells, a source and an input, that runs in a moment."""
        return {
            "schema_version": 1,
            "name": "small",
            "populations": [
                {
                    "name": "cells",
                    "model": {
                        "name": "lif",
                        "equations": "dv/dt = (E_L - v + R*I)/tau : mV (unless refractory)\n"
                        "I : pA (input)\nE_L : mV\nR : GOhm\ntau : ms",
                        "threshold": "v > -50*mV",
                        "reset": "v = E_L",
                        "refractory": "2 ms",
                        "parameters": {"E_L": "-65 mV", "R": "0.1 GOhm", "tau": "10 ms"},
                        "initial": {"v": "-65 mV"},
                    },
                    "size": 5,
                    "receptors": {
                        "ampa": {
                            "kind": "exponential_conductance",
                            "tau": "3 ms",
                            "reversal": "0 mV",
                        }
                    },
                    "parameters": {
                        "tau": {"distribution": "uniform", "low": "8 ms", "high": "12 ms"}
                    },
                },
                {"name": "drive", "kind": "poisson", "size": 4, "rate": "200 Hz"},
                {"name": "given", "kind": "spike_trains", "times": [[1.0, 5.5], [2.25], []]},
            ],
            "projections": [
                {
                    "source": "drive",
                    "target": "cells",
                    "receptor": "ampa",
                    "weight": "2 nS",
                    "delay": "0.5 ms",
                    "rule": {"rule": "fixed_probability", "p": 0.5},
                    "name": "drive_to_cells",
                },
                {
                    "source": "given",
                    "target": "cells",
                    "receptor": "ampa",
                    "name": "given_to_cells",
                    "rule": {"rule": "explicit", "pre": [0, 1, 2], "post": [0, 4, 2]},
                    "weight": {"values": [1.0, 2.0, 0.5], "unit": "nS"},
                    "delay": "1 ms",
                },
            ],
            "inputs": [
                {
                    "name": "step",
                    "kind": "step",
                    "population": "cells",
                    "amplitude": "180 pA",
                    "start": "2 ms",
                }
            ],
            "records": [{"population": "cells", "variables": ["v"], "cells": [0, 3]}],
            "duration": "12 ms",
            "dt": "0.1 ms",
            "seed": 7,
            "signal": "drive",
            "output": "cells",
        }

    def experiment(self, draw: Draw) -> Plain:
        """The small experiment, or a random one that is valid."""
        if draw.chance(0.4):
            return self.driven()
        for number in range(100):
            data = draw_case(draw.whole(0, 10_000), number).experiment
            try:
                Experiment.from_dict(data)
            except InputError:
                continue
            return data
        raise AssertionError("no random experiment is valid")

    def swc(self, draw: Draw) -> str:
        """A morphology as SWC."""
        return draw.one(_SWC)

    def with_swc(self, file: Path) -> Plain:
        """A passive cell with the morphology of a file."""
        return {
            "name": "swc_cell",
            "populations": [
                {
                    "name": "cells",
                    "size": 1,
                    "model": {
                        "kind": "cable",
                        "name": "cell",
                        "morphology": {"swc": str(file)},
                        "channels": [
                            {"name": "leak", "conductance": "1e-4 S/cm**2", "reversal": "-65 mV"}
                        ],
                    },
                }
            ],
            "duration": "1 ms",
            "dt": "0.05 ms",
        }

    def series(self) -> str:
        """A CSV of a current over time."""
        rows = [f"{0.5 * k:g},{100 + 37 * (k % 5)},{k}" for k in range(20)]
        return "\n".join(["time,current,other", *rows]) + "\n"

    def with_series(self, file: Path, column: str) -> Plain:
        """The small experiment driven by a column of a file."""
        data = self.driven()
        data["inputs"] = [
            {
                "name": "series",
                "kind": "time_series",
                "population": "cells",
                "csv": str(file),
                "column": column,
                "unit": "pA",
                "interval": "0.5 ms",
            }
        ]
        return data

    def spikes(self) -> str:
        """A CSV of spikes."""
        rows = [f"{1.1 + 2.3 * k:.4g},{k % 4}" for k in range(25)]
        return "\n".join(["time,cell", *rows]) + "\n"

    def gait(self) -> str:
        """The first rows of the bundled gait file."""
        from ....data.gait import __file__ as package

        text = (Path(package).parent / "synthetic_healthy.csv").read_text(encoding="utf-8")
        return "\n".join(text.split("\n")[:44]) + "\n"

    @cached_property
    def _recording(self) -> Path:
        from ...running.child import run_to_folder

        folder = self._folder / "recording"
        realization = realize(Experiment.from_dict(self.driven()))
        run_to_folder(realization, "reference", Settings(), folder, lambda fraction: None)
        return folder

    def recording(self, folder: Path) -> None:
        """A folder of a run, of SONATA files and a run.json."""
        shutil.copytree(self._recording, folder)

    def neo(self) -> bytes:
        """A MATLAB file as Neo writes it."""
        return self._neo

    @cached_property
    def _neo(self) -> bytes:
        import neo
        import quantities

        segment = neo.Segment()
        for k in range(3):
            times = np.array([1.0, 4.5, 9.25]) + k
            segment.spiketrains.append(neo.SpikeTrain(times, units="ms", t_stop=20.0))
        signal = neo.AnalogSignal(
            np.linspace(-70, -50, 40).reshape(-1, 2),
            units="mV",
            sampling_period=1.0 * quantities.ms,
            name="v",
        )
        segment.analogsignals.append(signal)
        block = neo.Block()
        block.segments.append(segment)
        path = self._folder / "neo.mat"
        neo.io.NeoMatlabIO(str(path)).write_block(block)
        return path.read_bytes()

    def assignment(self, draw: Draw) -> str:
        """What --set takes."""
        return draw.one(
            (
                "cells.tau=12 ms",
                "cells.size=4",
                "drive.rate=150 Hz",
                "drive_to_cells.weight=1 nS",
                "drive_to_cells.rule.p=0.25",
                "cells.ampa.tau=4 ms",
                "step.amplitude=200 pA",
                "duration=8 ms",
                "dt=0.05 ms",
                "seed=3",
                "cells.initial.v=-60 mV",
                "drive->cells.delay=1 ms",
                "cells.lost=0.2",
                'cells.E_L={"distribution": "normal", "mean": "-65 mV", "std": "2 mV"}',
                "given.times=[[1], [2], [3]]",
            )
        )

    def lesion(self, draw: Draw) -> str:
        """A perturbation as text."""
        return draw.one(
            (
                "cells.tau *= 0.5",
                "drive_to_cells.weight := 1 nS",
                "remove 40% cells",
                "silence drive",
                "cells.E_L += 3 mV at 50%",
                "drive->cells.weight *= 0.3",
                "step.amplitude -= 50 pA",
                "*.weight *= 0.8",
                "cells.ampa.tau := 6 ms at 25%",
            )
        )

    def commands(self, model: str, folder: Path) -> list[tuple[Sequence[str], Sequence[str]]]:
        """Commands with options, each of which is to be mutated."""
        run = ("run", model, "-b", "reference", "--out", str(folder / "out"))
        a, b = folder / "a.csv", folder / "b.csv"
        a.write_text(self.spikes())
        b.write_text(self.spikes())
        return [
            (run, ("--duration", "5 ms", "--dt", "0.1 ms", "--seed", "4")),
            (run, ("--method", "rk4", "--mode", "lockstep")),
            (run, ("--mode", "raw", "--undo", "spike_stamp", "--precision", "float64")),
            (run, ("--device", "cpu", "--target", "numpy")),
            (run, ("--gait", "synthetic_healthy", "--gait-into", "drive", "--frame-rate", "30 Hz")),
            (("diff", str(a), str(b)), ("--tolerance", "0.2 ms", "--expect", "close")),
            (("show", model), ("--set", "cells.tau=9 ms", "--variant", "")),
            (
                ("compare", model, "-b", "reference"),
                ("--tolerance", "0.1 ms", "--mode", "lockstep", "--no-report"),
            ),
            (("explain", model), ("-b", "nosuch", "--mode", "raw", "--dt", "0.2 ms")),
            (
                ("converge", model, "-b", "nosuch"),
                ("--levels", "3", "--budget", "5", "--seeds", "0"),
            ),
            (("select", model, "-b", "nosuch"), ("--error", "0.1 ms", "--duration", "5 ms")),
            (
                ("lesion", model, "silence drive", "-b", "nosuch"),
                ("--severity", "0,0.5,1", "--from", "2 ms"),
            ),
            (("curve", model, "-b", "nosuch"), ("--duration", "5 ms")),
            (("gait", "make", str(folder / "new.csv")), ("--duration", "2 s", "--seed", "3")),
            (("conventions",), ("-b", "nosuch", "--json", "-")),
            (("fuzz",), ("--cases", "1", "--seed", "2", "-b", "nosuch", "--time", "3")),
        ]

    def damage_hdf5(self, draw: Draw, file: Path) -> str:
        """Change the structure of a SONATA file in one way; says what was done."""
        import h5py

        with h5py.File(file, "r+") as content:
            datasets: list[str] = []
            content.visititems(
                lambda n, o: datasets.append(n) if isinstance(o, h5py.Dataset) else None
            )
            name = draw.one(sorted(datasets))
            kind = draw.one(
                (
                    "lost",
                    "shape",
                    "text",
                    "nan",
                    "negative",
                    "huge",
                    "scalar",
                    "empty",
                    "unit",
                    "group",
                    "link",
                )
            )
            values = content[name][()]
            attributes = dict(content[name].attrs)
            if kind == "unit":
                unit: Any = draw.one(("s", "kg", "", "µs", 5, np.nan, "ms\x00", "m" * 300, [1, 2]))
                content[name].attrs["units"] = unit
                return f"{name}: units {unit!r}"
            del content[name]
            if kind == "group":
                content.create_group(name)
            elif kind == "link":
                content[name] = h5py.SoftLink(draw.one(("/", f"/{name}", "/nowhere")))
            elif kind != "lost":
                made = _damaged(kind, np.asarray(values))
                content[name] = made
                for key, value in attributes.items():
                    content[name].attrs[key] = value
        return f"{name}: {kind}"


def _damaged(kind: str, values: Any) -> Any:
    if kind == "shape":
        return np.stack([values, values]) if values.ndim < 3 else values[0]
    if kind == "text":
        return np.array([b"a"] * max(1, min(values.size, 5)))
    if kind == "scalar":
        return 3.5
    if kind == "empty":
        return values[:0]
    made = np.array(values, dtype=np.float64 if kind == "nan" else None)
    if made.size:
        odd = {"nan": np.nan, "negative": -5, "huge": 1e300}[kind]
        with np.errstate(all="ignore"):
            if not np.issubdtype(made.dtype, np.floating):
                made = made.astype(np.float64 if kind == "huge" else np.int64)
            made.flat[made.size // 2] = odd
    return made
