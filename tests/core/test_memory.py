"""What does not fit into this machine's memory is refused before anything is drawn."""

import psutil
import pytest

from coincide.core.errors import InputError
from coincide.core.experiment import Experiment, Record
from coincide.core.memory import check_memory
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.core.projections import FixedTotalNumber, Projection
from coincide.core.realize import realize
from coincide.core.receptors import Delta

MODEL = NeuronModel(
    name="M", equations="dv/dt = -v/(10*ms) : mV", threshold="v > 1*mV", reset="v = 0*mV"
)


def experiment(
    size: int = 10, connections: int = 0, duration: str = "1 ms", cells=(0,)
) -> Experiment:
    return Experiment(
        name="x",
        populations=[Population(name="c", model=MODEL, size=size, receptors={"k": Delta()})],
        projections=[
            Projection(
                source="c",
                target="c",
                receptor="k",
                rule=FixedTotalNumber(n=connections),
                weight="1 mV",
                delay="1 ms",
            )
        ],
        records=[Record(population="c", variables=["v"], cells=cells)],
        duration=duration,
        dt="0.1 ms",
    )


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"size": 2_000_000_000}, "c"),
        ({"size": 100_000, "connections": 1_900_000_000}, "c_to_c_k"),
        ({"size": 1000, "duration": "1e5 s", "cells": None}, "records.c"),
    ],
)
def test_what_cannot_fit_is_refused_by_its_largest_part(
    given: dict, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Memory:
        available = 8_000_000_000

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    with pytest.raises(InputError, match=r"GB of memory, and 8 GB are free") as caught:
        realize(experiment(**given))
    assert caught.value.where == where


def test_what_fits_is_drawn_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(psutil, "virtual_memory")
    check_memory(experiment(size=1000, connections=100_000))
    assert realize(experiment()).populations["c"].size == 10


def test_as_much_as_is_there_may_be_taken() -> None:
    free = psutil.virtual_memory().available
    size = int(free / 8 / 4)  # a state, drawn and moved: half of what is free
    check_memory(experiment(size=min(size, 2**31 - 1)))
