"""Cells that are lost, and inputs that are silenced, are so on every backend alike."""

from functools import cache

import numpy as np
import pytest

from coincide.backends.registry import load_backend
from coincide.core.experiment import Experiment
from coincide.core.inputs import ConstantInput, OrnsteinUhlenbeckInput, StepInput
from coincide.core.perturbations import apply
from coincide.core.realization import Realization
from coincide.core.realize import realize
from coincide.core.recording import Recording
from coincide.core.settings import Settings
from coincide.models.library import load_model

BACKENDS = ("reference", "brian2", "neuron", "pymonntorch")


@cache
def drawn(remove: bool) -> Realization:
    """lif_80, with inputs of every shape and cells recorded by number; 40 % of all cells removed or none."""
    experiment = load_model("lif_80")
    inputs = (
        ConstantInput(name="bias", population="exc", amplitude="20 pA", cells=range(0, 64, 2)),
        StepInput(name="step", population="inh", amplitude="30 pA", start="50 ms"),
        OrnsteinUhlenbeckInput(
            name="noise", population="exc", mean="0 pA", std="30 pA", tau="5 ms", interval="1 ms"
        ),
    )
    experiment = experiment.with_(
        duration="300 ms",
        inputs=[i.model_dump(mode="json") for i in inputs],
        records=[
            {"population": "exc", "variables": ["v"], "cells": list(range(0, 64, 3))},
            {"population": "inh", "variables": ["v"]},
        ],
    )
    return realize(apply(experiment, "remove 40% *") if remove else experiment)


@cache
def recorded(backend: str, remove: bool) -> Recording:
    return load_backend(backend).run(drawn(remove), Settings(mode="lockstep"))


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_the_cells_left_spike_alike_on_every_backend(backend: str) -> None:
    expected, found = recorded("reference", True), recorded(backend, True)
    assert dict(found.sizes) == {"exc": 38, "inh": 10}
    assert sum(spikes.times.size for spikes in expected.spikes.values()) > 300
    for name, spikes in expected.spikes.items():
        assert np.array_equal(found.spikes[name].cells, spikes.cells)
        np.testing.assert_allclose(found.spikes[name].times, spikes.times, rtol=0, atol=1e-9)
    for key, trace in expected.traces.items():
        assert np.array_equal(found.traces[key].cells, trace.cells)
        np.testing.assert_allclose(found.traces[key].values, trace.values, rtol=0, atol=1e-9)


def test_the_loss_changes_what_the_others_do() -> None:
    # Otherwise the agreement above would say nothing of connections that are gone.
    kept = drawn(True).populations["exc"].kept
    assert kept is not None
    healthy, lesioned = (recorded("reference", remove).spikes["exc"] for remove in (False, True))
    of_kept = np.isin(healthy.cells, kept)
    assert not np.array_equal(healthy.times[of_kept], lesioned.times)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_silenced_input_is_as_if_it_were_not_there(backend: str) -> None:
    experiment: Experiment = drawn(False).experiment.with_(duration="50 ms")
    silenced = experiment
    for name in ("bias", "step", "noise"):
        silenced = apply(silenced, f"silence {name}")
    assert len(silenced.inputs) == 3
    run = [
        load_backend(backend).run(realize(e), Settings(mode="lockstep"))
        for e in (silenced, experiment.with_(inputs=[]))
    ]
    for name, spikes in run[0].spikes.items():
        assert spikes.times.size
        assert np.array_equal(spikes.times, run[1].spikes[name].times)
        assert np.array_equal(spikes.cells, run[1].spikes[name].cells)
