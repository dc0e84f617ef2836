"""PymoNNtorch: a realization as generated behaviours of its Network, NeuronGroup and SynapseGroup.

PymoNNtorch has no time, units, integrator, delays or refractoriness of its own: a model is behaviours
called in the order of their keys, once per iteration. What its examples and users do is `raw`; the keys
of `pymonntorch_behaviors` put the clock contract in the same order of behaviours.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version as version_of
from typing import Any, ClassVar, cast

import numpy as np
import torch
from typing_extensions import override

from ...core.errors import RunError
from ...core.features import FEATURES
from ...core.guarded_rk4 import runs_away
from ...core.program import Scheme, program_of
from ...core.realization import Edges, Ints, Realization, RealizedPopulation
from ...core.recording import Recording, Spikes, Trace
from ...core.settings import MODES, Settings
from ...core.units import TIME as TIME_DIMENSION
from ...core.units import Quantity, internal_unit
from ..base import Backend, Watch
from ..watch import IMPLAUSIBLE_MV, LOOKS
from .behaviors import (
    DENDRITE,
    INPUT,
    MOVE,
    NEURON,
    RECORDER,
    SAMPLE,
    SYNAPSE,
    TIME,
    Fire,
    GiveSpikes,
    HoldInputs,
    Integrate,
    KeepTime,
    Receive,
    Sample,
    SendSpikes,
    Terminals,
)
from .cells import Arrivals, Cells, Firing, Moment, Place, Trains
from .conventions import CONVENTIONS
from .library import Network, NeuronGroup, SynapseGroup
from .numerics import NUMERICS
from .target import CompilationError, compile_update_of, pays

TARGETS = ("eager", "compile")
"""``compile`` gives the update to torch.compile, ``auto`` does where the time saved exceeds that it takes."""

_GRAIN = 1_000_000
"""Cells from which more than one thread pays.

Torch splits an elementwise operation from 32,768 elements on, but its threads then wait for each other at
every statement: 50,000 cells took 28 to 43 s with two threads and 1 s with one on a shared machine.
"""


class PymoNNtorchBackend(Backend):
    """PymoNNtorch on any device of torch, event-driven synapses, delays in rings.

    PymoNNtorch has no integrator, so its own best in `aligned` is one of ours: ``exponential_euler`` by
    default, ``guarded_rk4`` for cells with a reset that are not linear (exponential, quadratic) and for
    those whose channels make the spike (Hodgkin-Huxley). `raw` is forward Euler with the iteration as step,
    as in its manual. On the CPU a run is the same to the bit every
    time; CUDA adds arrivals in any order, so its last digits may differ.
    """

    name = "pymonntorch"
    modes = MODES
    methods: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "raw": ("euler", "exponential_euler"),
        "aligned": ("exponential_euler", "euler", "rk4", "guarded_rk4"),
        "lockstep": ("exponential_euler", "euler", "rk4"),
    }
    features = frozenset(FEATURES)
    targets = (*TARGETS, "cuda_graph")
    conventions = CONVENTIONS
    numerics = NUMERICS
    devices = ("cpu", "cuda", "mps", "xpu")
    precisions = ("float64", "float32")

    @override
    def version(self) -> str:
        return f"PymoNNtorch {version_of('pymonntorch')} (torch {torch.__version__})"

    @override
    def _refuse(self, realization: Realization, settings: Settings) -> str | None:
        if settings.target == "cuda_graph":
            return "a step asks which cells fired, and no CUDA graph can hold that question"
        try:
            device = torch.device(settings.device)
            torch.zeros(1, dtype=_dtype(settings), device=device)
        except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
            reason = str(error).splitlines()[0].split(". ")[0]
            return f"torch {torch.__version__} has no {settings.device!r} here ({reason})"
        return None

    @override
    def _simulate(self, realization: Realization, settings: Settings, progress: Watch) -> Recording:
        started = time.perf_counter()
        largest = max((p.size for p in realization.populations.values()), default=1)
        with torch.inference_mode(), _threads(1 if largest < _GRAIN else None):
            model = _Model(realization, settings)
            compiled = self._compiled(model, settings.target)
            built = time.perf_counter()
            model.run(progress)
            recording = model.recording()
            finished = time.perf_counter()
        return Recording(
            **recording,
            build_s=built - started,
            run_s=finished - built,
            provenance={
                "method": ", ".join(sorted(model.methods)),
                "device": str(model.place.device),
                "precision": str(model.place.dtype).removeprefix("torch."),
                "target": "compile" if compiled else "eager",
            },
        )

    def _compiled(self, model: _Model, target: str | None) -> list[str]:
        """Give the updates to torch.compile where that is asked for or pays; the populations of which."""
        compiled = []
        for cells in model.cells.values():
            if target != "compile" and (target == "eager" or not pays(cells, model.n_steps)):
                continue
            try:
                compile_update_of(cells)
            except CompilationError as error:
                if target == "compile":
                    raise RunError(self.name, f"torch.compile failed ({error})") from error
                model.notes.append(
                    f"{cells.name}: runs without torch.compile, which failed ({error})"
                )
                continue
            compiled.append(cells.name)
        return compiled


def _dtype(settings: Settings) -> torch.dtype:
    default = "float64" if settings.undoes("precision") else "float32"
    dtype: torch.dtype = getattr(torch, settings.precision or default)
    return dtype


@contextmanager
def _threads(number: int | None) -> Iterator[None]:
    """Torch's own threads for a while: one for small networks."""
    before = torch.get_num_threads()
    if number is not None:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Model:
    """A realization as a PymoNNtorch network.

    ``host`` tells whether NumPy may look into the tensors; by default on the CPU.
    """

    def __init__(
        self, realization: Realization, settings: Settings, host: bool | None = None
    ) -> None:
        self.realization, self.settings = realization, settings
        self.dt, self.n_steps = realization.dt_ms, realization.n_steps
        device = torch.device(settings.device)
        host = device.type == "cpu" if host is None else host
        self.place = Place(device, _dtype(settings), host)
        self.moment = Moment()
        self.network = Network(
            behavior={TIME: KeepTime(self.moment)}, dtype=self.place.dtype, device=settings.device
        )
        # The instant at the end of the run is half an iteration: all but the move.
        self.at_end = settings.undoes("spike_stamp") or settings.undoes("recording_phase")
        self.only_before_end: list[Any] = []
        self.samples: list[tuple[Cells, Sample]] = []
        self.notes: list[str] = []
        self.terminals: dict[str, Terminals] = {}
        self.methods: set[str] = set()
        self.cells = {
            name: self._cells(population) for name, population in realization.populations.items()
        }
        delays = [self._delays(edges) for edges in realization.edges]
        for edges, delay in zip(realization.edges, delays, strict=True):
            self._make_room(edges, delay, delays)
        groups = {name: self._neuron_group(cells) for name, cells in self.cells.items()}
        firing: dict[str, Firing] = dict(self.cells)
        for name in realization.sources:
            firing[name], groups[name] = self._source_group(name)
        for edges, delay in zip(realization.edges, delays, strict=True):
            arrivals = self.cells[edges.target].arrivals[edges.receptor]
            send = SendSpikes(
                edges, delay, firing[edges.source], arrivals, self.moment, self.place, self.dt
            )
            if send.terminals is not None:
                self.terminals[edges.name] = send.terminals
            SynapseGroup(
                net=self.network,
                src=groups[edges.source],
                dst=groups[edges.target],
                tag=f"projection_{edges.name}",
                behavior={SYNAPSE: send},
            )
        self.network.initialize(info=False, warnings=False)

    def _cells(self, population: RealizedPopulation) -> Cells:
        method = self._method(population)
        self.methods.add(method)
        program = program_of(population.cell, method)
        if self.settings.undoes("refractory_rounding"):
            pauses = population.refractory_steps
        else:
            pauses = _rounded_refractoriness(population, self.dt)
        return Cells(population, program, pauses, self.dt, self.place)

    def _method(self, population: RealizedPopulation) -> Scheme:
        if self.settings.mode == "lockstep":
            return self.settings.scheme
        if self.settings.method is not None:
            return cast(Scheme, self.settings.method)
        cell = population.cell
        by_channels = cell.on_crossing and cell.lowered is None
        if self.settings.mode == "aligned" and (by_channels or runs_away(cell)):
            return "guarded_rk4"
        if cell.on_crossing or cell.lowered is not None:
            return "exponential_euler"
        return cast(Scheme, PymoNNtorchBackend.methods[self.settings.mode][0])

    def _delays(self, edges: Edges) -> int | Ints:
        """Delays in iterations; a synapse sees a spike in the next iteration, so one is the least."""
        if self.settings.undoes("delay_rounding"):
            return edges.delay_steps
        steps = np.maximum(np.rint(np.asarray(edges.delay_ms) / self.dt), 1).astype(np.int32)
        return int(steps) if steps.ndim == 0 else steps

    def _make_room(self, edges: Edges, delay: int | Ints, delays: list[int | Ints]) -> None:
        cells = self.cells[edges.target]
        if edges.receptor in cells.arrivals:
            return
        same = [
            d
            for e, d in zip(self.realization.edges, delays, strict=True)
            if (e.target, e.receptor) == (edges.target, edges.receptor)
        ]
        longest = max(int(np.max(d, initial=1)) for d in same)
        varied = any(np.ndim(d) for d in same)
        cells.arrivals[edges.receptor] = Arrivals(
            edges.receptor, cells.size, longest, varied, self.place
        )

    def _neuron_group(self, cells: Cells) -> Any:
        behavior: dict[int, Any] = {}
        if cells.inputs:
            lead = 0 if self.settings.undoes("input_onset") else 1
            behavior[INPUT] = HoldInputs(cells, self.moment, self.n_steps, lead)
        if cells.arrivals:
            behavior[DENDRITE] = Receive(cells, self.moment)
        if cells.threshold is not None:
            behavior[NEURON] = Fire(cells, self.moment)
        behavior[MOVE] = Integrate(cells, self.moment)
        self.only_before_end.append(behavior[MOVE])
        wanted = [(v, c) for name, v, c in self.realization.recorded() if name == cells.name]
        if wanted:
            undone = self.settings.undoes("recording_phase")
            sample = Sample(cells, wanted, self.n_steps + undone)
            behavior[SAMPLE if undone else RECORDER] = sample
            self.samples.append((cells, sample))
            if not undone:
                self.only_before_end.append(sample)
        return NeuronGroup(
            net=self.network, size=cells.size, tag=f"population_{cells.name}", behavior=behavior
        )

    def _source_group(self, name: str) -> tuple[Firing, Any]:
        source = self.realization.sources[name]
        lead = 0 if self.settings.undoes("source_delivery") else 1
        lost = int(np.count_nonzero(source.steps == 0)) if lead else 0
        if lost:
            self.notes.append(
                f"{name}: {lost} given spikes at t = 0 are lost, iterations count from 1"
            )
        trains = Trains(name, source.size, source.steps, source.cells, self.n_steps, lead)
        give = GiveSpikes(trains, self.moment, self.place)
        group = NeuronGroup(
            net=self.network, size=source.size, tag=f"source_{name}", behavior={NEURON: give}
        )
        return trains, group

    def run(self, progress: Watch) -> None:
        """All iterations; PymoNNtorch reports progress batch by batch."""

        def told(percent: float, _: Any) -> None:
            progress(min(percent / 100, 1.0))
            self._show(progress)

        self.network.simulate_iterations(
            self.n_steps,
            batch_size=max(1, self.n_steps // LOOKS),
            measure_block_time=False,
            batch_progress_update_func=told,
        )
        if self.at_end:
            for behavior in self.only_before_end:
                behavior.behavior_enabled = False
            self.network.simulate_iteration()
        self._show(progress)

    def _show(self, watch: Watch) -> None:
        """Show the states; from a device they are fetched only where one is strange."""
        shown: list[tuple[str, str, Any]] = []
        for name, cells in self.cells.items():
            strange = not float(cells.state.abs().max()) <= IMPLAUSIBLE_MV if cells.size else False
            shown += [(name, v, s.cpu().numpy()) for v, s in cells.states.items() if strange]
        for projection, terminals in self.terminals.items():
            shown += [
                (projection, "u", terminals.u.cpu().numpy()),
                (projection, "x", terminals.x.cpu().numpy()),
            ]
        watch.look(min(self.moment.now + 1, self.n_steps) * self.dt, shown)

    def recording(self) -> dict[str, Any]:
        """What was recorded, copied from the device once."""
        undone = self.settings.undoes("recording_phase")
        start = 0.0 if undone else self.dt
        traces = {}
        for cells, sample in self.samples:
            for (name, chosen), tensor in zip(sample.wanted, sample.values, strict=True):
                unit = internal_unit(cells.population.cell.variable(name).dimension)
                values = tensor.cpu().numpy().astype(np.float64, copy=False)
                traces[cells.name, name] = Trace(values, chosen, unit, start, self.dt)
        return {
            "duration_ms": self.n_steps * self.dt,
            "dt_ms": self.dt,
            "spikes": {name: self._spikes(cells) for name, cells in self.cells.items()},
            "traces": traces,
            "sizes": {name: cells.size for name, cells in self.cells.items()},
            "notes": tuple(self.notes),
        }

    def _spikes(self, cells: Cells) -> Spikes:
        counts = [fired.size for fired in cells.spike_cells]
        steps = np.repeat(np.asarray(cells.spike_steps, dtype=np.int64), counts)
        who = np.concatenate([*cells.spike_cells, np.empty(0, np.int64)])
        if not self.settings.undoes("spike_stamp"):
            kept = steps < self.n_steps
            steps, who = steps[kept] + 1, who[kept]
        return Spikes.from_steps(steps, who, self.dt)


def _rounded_refractoriness(population: RealizedPopulation, dt: float) -> int | Ints:
    """Refractory times in iterations as Python's round() makes them."""
    refractory = population.cell.refractory
    if refractory is None:
        return 0
    period: Any = population.parameters.get(refractory)
    if period is None:
        period = Quantity.parse(refractory, population.name).to(TIME_DIMENSION, population.name)
    steps = np.rint(np.asarray(period) / dt).astype(np.int32)
    return int(steps) if steps.ndim == 0 else steps
