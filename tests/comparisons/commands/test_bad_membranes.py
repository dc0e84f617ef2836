"""What is wrong with a membrane, a tree or a gait file, given to the command: one message, status 2."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coincide.comparisons.cli import main
from coincide.data.gait.generate import make_gait

Plain = dict[str, Any]

CELL: Plain = {
    "name": "two_parts",
    "kind": "cable",
    "morphology": {
        "sections": [
            {"name": "soma", "length": "20 um", "diameter": "20 um", "label": "soma"},
            {"name": "dend", "parent": "soma", "length": "300 um", "diameter": "2 um"},
        ]
    },
    "channels": [
        {
            "name": "sodium",
            "ion": "na",
            "conductance": "0.12 S/cm**2",
            "gates": [
                {
                    "name": "m",
                    "power": 3,
                    "inf": "1/(1 + exp(-(v + 40*mV)/(9*mV)))",
                    "tau": "0.2*ms",
                }
            ],
        },
        {
            "name": "potassium",
            "ion": "k",
            "conductance": "0.036 S/cm**2",
            "open": "O",
            "scheme": {"transitions": ["C <-> O (a, b)"]},
            "equations": "a = exp(v/(20*mV))/ms : 1/ms\nb : 1/ms",
            "parameters": {"b": "0.1 /ms"},
        },
        {"name": "calcium", "ion": "ca", "permeability": "1e-5 cm/s"},
    ],
    "ions": [
        {"name": "na", "reversal": "50 mV"},
        {"name": "k", "reversal": "-77 mV"},
        {
            "name": "ca",
            "valence": 2,
            "outside": "2 mM",
            "pool": {"depth": "0.1 um", "tau": "10 ms", "rest": "5e-5 mM"},
        },
    ],
}
EXPERIMENT: Plain = {
    "name": "membranes",
    "populations": [{"name": "cells", "model": CELL, "size": 20}],
    "records": [{"population": "cells", "variables": ["v"], "at": "dend(0.8)"}],
    "duration": "1 ms",
    "dt": "0.01 ms",
}


def channel(cell: Plain, k: int) -> Plain:
    found: Plain = cell["channels"][k]
    return found


def section(cell: Plain, k: int) -> Plain:
    found: Plain = cell["morphology"]["sections"][k]
    return found


BAD: dict[str, tuple[Callable[[Plain, Plain], Any], str]] = {
    "a current nobody balances": (
        lambda e, c: channel(c, 0).update(ion="cl"), "carried by 'cl', which nobody balances",
    ),
    "an ion without a value": (lambda e, c: c["ions"][0].pop("reversal"), "needs a reversal potential"),
    "an ion without a pool": (lambda e, c: c["ions"][2].pop("pool"), "inside or a pool"),
    "a state that leads nowhere": (
        lambda e, c: channel(c, 1)["scheme"].update(transitions=["C <-> O (a, b)", "O -> (a)"]),
        "does not conserve",
    ),
    "one that becomes two": (
        lambda e, c: channel(c, 1)["scheme"].update(transitions=["C -> O C (a)"]), "does not conserve",
    ),
    "occupancies that are not all": (
        lambda e, c: channel(c, 1)["scheme"].update(initial={"O": 0.5}), "adds to 0.5, not to 1",
    ),
    "a conductance below 0": (
        lambda e, c: channel(c, 0).update(conductance="-1 S/cm**2"), "-1 S/cm**2 is negative",
    ),
    "a permeability below 0": (
        lambda e, c: channel(c, 2).update(permeability="-1 cm/s"), "-1 cm/s is negative",
    ),
    "a conductance drawn below 0": (
        lambda e, c: channel(c, 0).update(
            conductance={"distribution": "normal", "mean": "0 S/cm**2", "std": "1 S/cm**2"}
        ),
        "it has to be >= 0",
    ),
    "a parent that is missing": (lambda e, c: section(c, 1).update(parent="some"), "no section 'some'"),
    "a cycle": (lambda e, c: section(c, 0).update(parent="dend"), "soma → dend → soma"),
    "a record off the tree": (lambda e, c: e["records"][0].update(at="dend(1.2)"), "is off the tree"),
    "a channel off the tree": (
        lambda e, c: channel(c, 0).update(conductance="5 nS", region="axon(0.5)"), "no section 'axon'",
    ),
    "an SWC file with a cycle": (
        lambda e, c: c.update(morphology={"swc": "cycle.swc"}), "cycle.swc, line 2: is its own ancestor",
    ),
    "an SWC file with a missing parent": (
        lambda e, c: c.update(morphology={"swc": "missing.swc"}), "its parent 7 is not in the file",
    ),
    "an SWC file that is not there": (
        lambda e, c: c.update(morphology={"swc": "nowhere.swc"}), "nowhere.swc: cannot be read",
    ),
}  # fmt: skip


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one message of a command that ends with status 2."""
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    assert said.err.count("error: ") == 1
    return " ".join(said.err.split())


@pytest.mark.parametrize("name", BAD)
def test_a_membrane(name: str, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cycle.swc").write_text("1 1 0 0 0 9 -1\n2 3 10 0 0 1 3\n3 3 20 0 0 1 2\n")
    Path("missing.swc").write_text("1 1 0 0 0 9 -1\n2 3 10 0 0 1 7\n")
    experiment = copy.deepcopy(EXPERIMENT)
    change, words = BAD[name]
    change(experiment, experiment["populations"][0]["model"])
    Path("model.json").write_text(json.dumps(experiment))
    assert words in told(["run", "model.json", "-b", "reference", "--out", "out"], capsys)
    assert not Path("out").exists()


def test_the_same_with_nothing_wrong(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.json").write_text(json.dumps(EXPERIMENT))
    assert main(["run", "model.json", "-b", "reference", "--out", "out"]) == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing", "1 column missing: StepWidth"), ("nan", "line 4, column StepWidth: is empty")],
)
def test_a_gait_file(name: str, words: str, tmp_path: Path, capsys) -> None:
    table = make_gait(duration_s=2.0)
    if name == "missing":
        table = table.drop(columns="StepWidth")
    else:
        table.loc[2, "StepWidth"] = np.nan
    path = str(tmp_path / f"{name}.csv")
    table.to_csv(path, index=False)
    for command in (
        ["gait", "check", path],
        ["compare", "cerebellar_circuit", "--gait", path, "--gait-column", "StepWidth"],
    ):
        assert words in told(command, capsys)
