"""Whole steps: stamps, delays and refractoriness, seen where no integrator matters.

An error of whole steps shrinks with dt as an integrator's does, so that halving dt cannot tell the two apart.
Here every spike is lifted far over the threshold at once, by an arrival or a strong drive, so that each is
stamped with the step that the contract says, whoever integrates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....core.experiment import Experiment
from ....core.inputs import ConstantInput
from ....core.neurons import NeuronModel
from ....core.populations import Population, SpikeTrains
from ....core.projections import Explicit, Projection
from ....core.receptors import Delta
from ....core.recording import Recording
from ....core.values import Array, Floats

_EACH = 5
_TRAIN_MS = (5.0, 20.0, 35.0)
_FROM_TRAIN_MS = (0.1, 0.3, 1.0, 2.5, 6.0)
_FROM_RELAY_MS = (0.1, 0.2, 0.5, 3.0, 7.0)
_REFRACTORY_MS = (0.3, 0.5, 1.0, 2.0, 7.5)
_SLACK = 1e-3

LEAKY = NeuronModel(
    name="Leaky",
    equations="""
        dv/dt = (-65*mV - v)/(20*ms) + I/(250*pF) : mV (unless refractory)
        I : pA (input)
        t_ref : ms
    """,
    threshold="v > -50*mV",
    reset="v = -65*mV",
    refractory="t_ref",
    parameters={"t_ref": "2 ms"},
    initial={"v": "-65 mV"},
)


def whole_steps() -> Experiment:
    """A train that lifts cells by 60 mV over delays, those others, and cells driven by 60 mV a step."""
    kick: Any = {"kick": Delta(target="v")}
    each = tuple(range(_EACH))
    return Experiment(
        name="whole_steps",
        populations=[
            SpikeTrains(name="train", times=(_TRAIN_MS,) * _EACH),
            Population(name="relay", model=LEAKY, size=_EACH, receptors=kick),
            Population(name="follower", model=LEAKY, size=_EACH, receptors=kick),
            Population(
                name="driven",
                model=LEAKY,
                size=_EACH,
                parameters={"t_ref": Array(list(_REFRACTORY_MS), "ms")},
            ),
        ],
        projections=[
            Projection(
                name=f"{source}_to_{target}",
                source=source,
                target=target,
                receptor="kick",
                rule=Explicit(pre=each, post=each),
                weight="60 mV",
                delay=Array(list(delays), "ms"),
            )
            for source, target, delays in (
                ("train", "relay", _FROM_TRAIN_MS),
                ("relay", "follower", _FROM_RELAY_MS),
            )
        ],
        inputs=[ConstantInput(name="drive", population="driven", amplitude="150 nA")],
        duration="60 ms",
        dt="0.1 ms",
    )


def off_the_contract(recording: Recording, contract: Recording, own: int) -> str:
    """What is more than *own* steps off the contract, in a sentence; empty if nothing is.

    ``own`` steps are what a simulator's conventions move a stamp, a delay or a refractory period by. They are
    measured one by one: from given spikes to those that they cause, from those to the next, from a cell's
    spike to its next.
    """
    return next(_wrong(recording, contract, own), "")


def _wrong(recording: Recording, contract: Recording, own: int) -> Iterator[str]:
    for name in ("relay", "follower", "driven"):
        for cell in range(_EACH):
            found, right = (_times(r, name, cell) for r in (recording, contract))
            if found.size != right.size and (name != "driven" or found.size < 2):
                yield f"cell {cell} of {name} has {found.size} spikes instead of {right.size}"
                continue
            for what, a, b in _parts(recording, contract, name, cell):
                steps = (a - b) / contract.dt_ms
                for k in np.flatnonzero(np.abs(steps) > own + _SLACK)[:1].tolist():
                    yield (
                        f"{what} of cell {cell} of {name}: {a[k]:.4g} ms instead of {b[k]:.4g} ms, "
                        f"{abs(steps[k]):.3g} steps {'more' if steps[k] > 0 else 'less'}, where every spike "
                        "is lifted far over the threshold and no integrator matters"
                    )


def _parts(
    recording: Recording, contract: Recording, name: str, cell: int
) -> Iterator[tuple[str, Floats, Floats]]:
    """(what it is, what was found, the contract's) in ms, number by number."""
    found, right = (_times(r, name, cell) for r in (recording, contract))
    if name == "relay":
        yield "delay and stamp after given spikes", found - _TRAIN_MS, right - _TRAIN_MS
    elif name == "follower":
        before, ours = (_times(r, "relay", cell) for r in (recording, contract))
        yield "delay after a spike", found - before, right - ours
    else:
        n = min(found.size, right.size)
        yield "the first stamp", found[:1], right[:1]
        yield "time from spike to spike", np.diff(found[:n]), np.diff(right[:n])


def _times(recording: Recording, name: str, cell: int) -> Floats:
    spikes = recording.spikes[name]
    times: Floats = spikes.times[spikes.cells == cell]
    return times
