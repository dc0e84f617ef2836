"""Cells with membranes on PymoNNtorch: what is shared, moved together, compiled; order and precision."""

from __future__ import annotations

import ast
import itertools
import re
import time

import numpy as np
import pytest
import torch

from coincide.backends.oracle.backend import OracleBackend
from coincide.backends.pymonntorch import backend, target
from coincide.backends.pymonntorch import cells as own_cells
from coincide.backends.pymonntorch.backend import PymoNNtorchBackend
from coincide.backends.pymonntorch.share import share
from coincide.backends.reference import ReferenceBackend
from coincide.core.errors import RunError
from coincide.core.experiment import Experiment, Record
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.core.program import METHODS, program_of
from coincide.core.realize import realize
from coincide.core.settings import Settings
from coincide.core.values import Uniform
from coincide.models.purkinje_khaliq2003 import build

BACKEND = PymoNNtorchBackend()


def purkinje(cells: int = 1, duration: str = "12 ms", dt: str = "0.01 ms") -> Experiment:
    """A Purkinje cell whose states are all recorded."""
    experiment = build("wild_type", cells=cells).with_(duration=duration, dt=dt)
    states = [v.name for v in cell_of(experiment).states]
    return experiment.with_(records=[Record(population="purkinje", variables=states)])


def cell_of(experiment):
    return next(iter(realize(experiment.with_(duration="1 ms")).populations.values())).cell


def model_of(experiment, **settings):
    with torch.inference_mode():
        return backend._Model(realize(experiment), Settings(**settings))


def cells_of(experiment, **settings):
    return next(iter(model_of(experiment, **settings).cells.values()))


def crossing(recording) -> float:
    """The first upward crossing of 0 mV, between samples by a straight line."""
    trace = recording.traces["purkinje", "v"]
    v = trace.values[:, 0]
    k = int(np.flatnonzero((v[1:] > 0) & (v[:-1] <= 0))[0])
    return float(trace.times[k] - v[k] / (v[k + 1] - v[k]) * trace.dt_ms)


def same(a, b) -> bool:
    return all(np.array_equal(a.spikes[n].times, b.spikes[n].times) for n in a.spikes) and all(
        np.array_equal(a.traces[k].values, b.traces[k].values) for k in a.traces
    )


def test_lockstep_of_a_purkinje_cell_is_the_reference_to_round_off():
    realization = realize(purkinje(cells=3, duration="10.5 ms"))
    expected = ReferenceBackend().run(realization, Settings())
    found = BACKEND.run(realization, Settings())
    np.testing.assert_allclose(found.spikes["purkinje"].times, [10.04] * 3, atol=1e-9)
    for key, trace in expected.traces.items():
        extent = np.ptp(trace.values)
        assert extent > 0
        assert np.abs(found.traces[key].values - trace.values).max() < 1e-12 * extent, key


@pytest.mark.slow
def test_the_first_spike_converges_to_the_oracle_with_order_one():
    """exponential_euler holds each slope over a step: halving dt halves the error."""
    experiment = purkinje().with_(records=[Record(population="purkinje", variables=["v"])])
    exact = OracleBackend().run(realize(experiment), Settings(mode="aligned"))
    true = float(exact.spikes["purkinje"].times[0])
    aligned = Settings(mode="aligned")
    errors = [
        crossing(BACKEND.run(realize(experiment.with_(dt=f"{dt} ms")), aligned)) - true
        for dt in (0.02, 0.01, 0.005)
    ]
    for coarse, fine in itertools.pairwise(errors):
        # What is of second order changes the ratio by some percent; an order of 0 or 2 gives 1 or 4.
        assert 1.8 < coarse / fine < 2.2


def test_raw_moves_a_cell_without_reset_by_exponential_euler_unless_told_otherwise():
    realization = realize(purkinje(duration="1 ms"))
    raw = BACKEND.run(realization, Settings(mode="raw"))
    assert raw.provenance["method"] == "exponential_euler"
    # Sodium channels open at 150 per ms and more: forward Euler at 0.01 ms is at its limit at -60 mV
    # and beyond it in a spike.
    with pytest.raises(RunError, match=r"nan|inf"):
        BACKEND.run(realize(purkinje()), Settings(mode="raw", method="euler"))


def test_single_precision_keeps_the_sodium_channel_a_channel():
    """The occupancies of the 13 states stay in [0, 1], the one left over by the others too."""
    realization = realize(purkinje())
    single = BACKEND.run(realization, Settings(mode="raw"))
    double = BACKEND.run(realization, Settings(mode="raw", undone=("precision",)))
    assert single.provenance["precision"] == "float32"
    names = [name for _, name in single.traces if name.endswith("_naRsg")]
    assert len(names) == 12
    occupied = np.stack([single.traces["purkinje", name].values for name in names])
    rest = 1.0 - occupied.sum(axis=0)
    # One in 2**24 for each of the twelve that are added.
    assert occupied.min() > -1e-6
    assert rest.min() > -1e-6
    assert occupied.max() < 1.0
    assert rest.max() > 0.05
    # Rounding of 1e-7 moves the spike by less than a tenth of a step, but does move the trace.
    assert abs(crossing(single) - crossing(double)) < 1e-3
    assert not same(single, double)


def calls(source: str, name: str) -> int:
    return len(re.findall(rf"\b{name}\(", source))


def test_nothing_is_computed_twice_and_the_states_move_together():
    cells = cells_of(purkinje())
    source = cells.move.source
    # Of the program's exp(v/20 mV) for ten transitions one is left, and of the time constants' one each.
    statements = program_of(cell_of(purkinje()), "exponential_euler").update
    written = sum(
        isinstance(node, ast.Call) and node.func.id == "exp"
        for s in statements
        for node in ast.walk(s.expression)
    )
    assert written > 60
    assert calls(source, "exp") == 29
    # All states in one, with the divisor of the calcium current.
    assert calls(source, "expm1") == 1
    assert calls(source, "exprel") + calls(source, "exprel_of_ours") == 1
    assert source.count("_states_.add_(") == 1


def test_the_source_of_a_step_does_not_depend_on_the_number_of_cells():
    assert cells_of(purkinje(cells=1)).move.source == cells_of(purkinje(cells=1000)).move.source


def test_time_per_cell_falls_with_the_number_of_cells():
    def spent(count: int) -> float:
        cells = cells_of(purkinje(cells=count))
        best = np.inf
        with torch.inference_mode(), backend._threads(1):
            for _ in range(5):
                started = time.process_time()
                for _ in range(10):
                    cells.move()
                best = min(best, (time.process_time() - started) / count)
        return float(best)

    one, ten, hundred, thousand = (spent(n) for n in (1, 10, 100, 1000))
    # Calls dominate: measured, time per cell falls by 9.5, 9.2 and 6.9 with every ten times the cells.
    assert ten < one / 4
    assert hundred < ten / 4
    assert thousand < hundred / 2


ODD = NeuronModel(
    name="Odd",
    equations="""
        dx/dt = (y - 1*x)/tau : 1
        dy/dt = -(-(x - y))/(2*tau) - copy/tau : 1
        dz/dt = (x**3 + (x - y)**2 - y**4 + exp(-(x - y)/0.5) - exp((x - y)/1.0))/tau : 1
        dq/dt = -q/pause + x*y/tau : 1 (unless refractory)
        dp/dt = (y*x - p)/pause : 1
        copy = x : 1
        pause = (1 + 0)*tau : ms
        tau : ms
    """,
    threshold="x > 0.55",
    reset="x = 0.1; y += 0.6",
    refractory="1 ms",
    parameters={"tau": Uniform(low="3 ms", high="9 ms")},
    initial={"x": 0.5, "y": 0.9, "z": 0.2, "q": 0.4, "p": 0.1},
)


def odd() -> Experiment:
    """Signs, products with 1, powers, an alias of a state, refractoriness."""
    return Experiment(
        name="odd",
        populations=[Population(name="cells", model=ODD, size=7)],
        records=[Record(population="cells", variables=["x", "y", "z", "q", "p"])],
        duration="30 ms",
    )


@pytest.mark.parametrize("method", METHODS)
def test_sharing_changes_no_bit(method, monkeypatch):
    realization = realize(odd())
    shared = BACKEND.run(realization, Settings(method=method))
    monkeypatch.setattr(own_cells, "share", lambda program, constants: program.update)
    plain = BACKEND.run(realization, Settings(method=method))
    assert len(shared.spikes["cells"]) > 10
    assert same(shared, plain)
    monkeypatch.setattr(own_cells, "find_moves", lambda *given: None)
    assert same(shared, BACKEND.run(realization, Settings(method=method)))
    expected = ReferenceBackend().run(realization, Settings(method=method))
    for key, trace in expected.traces.items():
        np.testing.assert_allclose(shared.traces[key].values, trace.values, atol=1e-13)


def test_states_moved_together_are_those_moved_one_by_one_to_the_bit(monkeypatch):
    realization = realize(purkinje(cells=2, duration="2 ms"))
    together = BACKEND.run(realization, Settings())
    monkeypatch.setattr(own_cells, "find_moves", lambda *given: None)
    apart = BACKEND.run(realization, Settings())
    for key, trace in together.traces.items():
        # Torch's exp of a row and of a block may take different code paths, one digit apart.
        np.testing.assert_allclose(apart.traces[key].values, trace.values, rtol=1e-13)


def test_a_constant_that_depends_on_no_parameter_is_a_number_and_equal_ones_are_one():
    cell = cell_of(purkinje())
    program = program_of(cell, "exponential_euler")
    names = {c.target for c in program.constants}
    plain = {c.target: 1.0 for c in program.constants}
    found = share(program, plain)
    used = {node.id for s in found for node in ast.walk(s.expression) if isinstance(node, ast.Name)}
    before = {
        node.id
        for s in program.update
        for node in ast.walk(s.expression)
        if isinstance(node, ast.Name)
    }
    assert len(used & names) < len(before & names)
    assert "a_naRsg" in used


# Whether to compile.


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COINCIDE_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)


def test_it_pays_to_compile_a_long_run_and_a_shorter_one_once_that_was_done(own_cache, monkeypatch):
    monkeypatch.setattr(target, "_can_compile", lambda device: True)
    cells = cells_of(purkinje())
    assert not target.pays(cells, 25_000)
    assert target.pays(cells, 100_000)
    for fused in cells.fused():
        target._marker(fused).touch()
    assert target.pays(cells, 25_000)
    assert not target.pays(cells, 2500)
    # Compiled for one cell is not compiled for a hundred.
    assert not target.pays(cells_of(purkinje(cells=100)), 20_000)
    # A small model never gets back what compiling takes.
    assert not target.pays(cells_of(odd()), 100_000)


def test_without_a_compiler_nothing_is_compiled_unless_asked_for(own_cache, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("CXX", raising=False)
    assert not target.pays(cells_of(purkinje()), 10**9)


def test_a_compiler_that_fails_costs_a_note_where_nobody_asked_for_it(own_cache, monkeypatch):
    def broken(*args, **options):
        raise RuntimeError("no such compiler\nand a long story")

    monkeypatch.setattr(torch, "compile", broken)
    monkeypatch.setattr(backend, "pays", lambda cells, n_steps: True)
    realization = realize(odd())
    found = BACKEND.run(realization, Settings())
    assert found.provenance["target"] == "eager"
    assert "cells: runs without torch.compile, which failed (no such compiler)" in found.notes
    monkeypatch.undo()
    assert same(found, BACKEND.run(realization, Settings(target="eager")))
    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(RunError, match=r"torch\.compile failed \(no such compiler\)"):
        BACKEND.run(realization, Settings(target="compile"))


@pytest.mark.slow
def test_compiled_cells_are_the_reference_to_round_off():
    realization = realize(purkinje(cells=2))
    expected = ReferenceBackend().run(realization, Settings())
    found = BACKEND.run(realization, Settings(target="compile"))
    assert found.provenance["target"] == "compile"
    np.testing.assert_array_equal(found.spikes["purkinje"].times, expected.spikes["purkinje"].times)
    for key, trace in expected.traces.items():
        assert np.abs(found.traces[key].values - trace.values).max() < 1e-12 * np.ptp(trace.values)


@pytest.mark.slow
def test_compiled_updates_see_who_is_refractory():
    realization = realize(odd())
    expected = BACKEND.run(realization, Settings())
    found = BACKEND.run(realization, Settings(target="compile"))
    assert found.provenance["target"] == "compile"
    for key, trace in expected.traces.items():
        np.testing.assert_allclose(found.traces[key].values, trace.values, atol=1e-13)
