import json
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from coincide.backends.registry import is_installed
from coincide.comparisons.running.runs import run
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment
from coincide.core.inputs import ConstantInput
from coincide.core.recording import Recording
from coincide.core.settings import Settings
from coincide.core.values import Array
from coincide.models.basal_ganglia.cell_types import EQUATIONS, ROWS
from coincide.models.basal_ganglia.cells import CELLS, read_cell, sets_of
from coincide.models.basal_ganglia.neurons import KINDS
from coincide.models.library import MODELS, load_model

BACKENDS = ("reference", "brian2", "neuron", "pymonntorch")
# One cell of every neuron model, at a current at which it spikes.
OF_EVERY_KIND = {
    "lif": ("stn", "chakravarty2022"),
    "qif": ("msn_d1", "lindahl2016"),
    "fast_spiking": ("fsn", "lindahl2016"),
    "fast_spiking_inverted": ("fsn", "as_written"),
    "adex": ("gpe_ti", "lindahl2016"),
    "adex_two_sided": ("stn", "lindahl2016"),
    "adex_jump": ("stn", "as_written"),
    "izhikevich": ("gpi", "thibeault2013"),
}


def together(chosen: Mapping[str, Experiment], duration: str) -> Experiment:
    """Several one-cell experiments as one, every cell a population of its own."""
    populations, inputs, records = [], [], []
    for name, one in chosen.items():
        populations.append(one.populations[0].model_copy(update={"name": name}))
        inputs += [
            i.model_copy(update={"name": f"to_{name}", "population": name}) for i in one.inputs
        ]
        records += [r.model_copy(update={"population": name}) for r in one.records]
    return Experiment(
        name="cells",
        populations=tuple(populations),
        inputs=tuple(inputs),
        records=tuple(records),
        duration=duration,
    )


def test_every_set_is_a_variant_of_the_library_and_spikes() -> None:
    chosen = {}
    for cell in CELLS:
        assert tuple(MODELS[cell].variants) == sets_of(cell)
        for name in sets_of(cell):
            chosen[f"{cell}_of_{name}"] = load_model(cell, name)
            assert all(read_cell(cell, name).sources.values())
    recording = run(together(chosen, "600 ms"), "reference")
    assert [name for name, spikes in recording.spikes.items() if not len(spikes)] == []
    assert {read_cell(c, n).kind.name for c in CELLS for n in sets_of(c)} == set(KINDS)


def test_every_neuron_model_agrees_to_round_off_in_lockstep() -> None:
    assert {kind: read_cell(*of).kind.name for kind, of in OF_EVERY_KIND.items()} == {
        kind: kind for kind in KINDS
    }
    experiment = together({k: load_model(*of) for k, of in OF_EVERY_KIND.items()}, "300 ms")
    recordings = {b: run(experiment, b) for b in BACKENDS if is_installed(b)}
    assert len(recordings) > 1
    for kind in KINDS:
        assert len(recordings["reference"].spikes[kind]) > 0
        for a, b in combinations(recordings, 2):
            np.testing.assert_array_equal(
                recordings[a].spikes[kind].times,
                recordings[b].spikes[kind].times,
                f"{kind} {a} {b}",
            )
            for state in KINDS[kind].dimensions("state"):
                x, y = (recordings[k].traces[kind, state].values for k in (a, b))
                assert np.isfinite(x).all()
                assert np.abs(x - y).max() <= 1e-9 * max(np.abs(x).max(), 1.0), (kind, a, b, state)


@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4"])
def test_the_exponential_stays_finite_in_every_scheme(method: str) -> None:
    experiment = load_model("gpe_ti", current="5000 pA").with_(duration="50 ms")
    recording = run(experiment, "reference", Settings(mode="lockstep", method=method))
    assert len(recording.spikes["gpe_ti"]) > 5
    u = recording.traces["gpe_ti", "u"].values
    assert np.isfinite(u).all()
    assert np.abs(u).max() < 1e4  # pA; where v overflowed on the way up, u would keep it


def test_dopamine_moves_what_has_a_beta() -> None:
    cell = read_cell("msn_d1")
    control, depleted = cell.model(), cell.model(phi=-0.8)
    assert cell.model(phi=0.0) == control
    changed = {n for n in control.parameters if control.parameters[n] != depleted.parameters[n]}
    assert changed == {"E_L", "d"}
    assert str(depleted.parameters["d"]) == f"{66.9 * (1 + 0.45 * 0.8)!r} pA"


BAD = {
    "missing unit": (("C", {"value": 15.2, "source": "s"}), "C: 15.2 has no unit"),
    "wrong dimension": (("C", {"value": "15.2 mV", "source": "s"}), "C: 15.2 mV has the dimension"),
    "unknown key": (("tau", {"value": "1 ms", "source": "s"}), "there is no parameter 'tau'"),
    "no source": (("C", {"value": "15.2 pF"}), "C: the field 'source' is missing"),
    "no line": (("C", "15.2 pF"), "C: '15.2 pF' is no line"),
    "no such unit": (("C", {"value": "15.2 pFF", "source": "s"}), "C: 'pFF' is not a unit"),
    "negative": (("C", {"value": "-1 pF", "source": "s"}), "C: -1 pF is not positive"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_wrong_parameter_file_is_named_with_its_key(kind: str, tmp_path: Path) -> None:
    (key, line), message = BAD[kind]
    file = tmp_path / "mine.json"
    packaged = (
        Path(str(read_cell.__code__.co_filename)).parent / "parameters/msn_d1.lindahl2016.json"
    )
    data = json.loads(packaged.read_text())
    data["parameters"][key] = line
    file.write_text(json.dumps(data))
    with pytest.raises(InputError, match=message) as error:
        load_model("msn_d1", parameters=str(file))
    assert error.value.where.startswith(str(file))


def test_a_file_of_ones_own_replaces_the_set(tmp_path: Path) -> None:
    packaged = (
        Path(str(read_cell.__code__.co_filename)).parent / "parameters/msn_d1.lindahl2016.json"
    )
    data = json.loads(packaged.read_text())
    data["parameters"]["C"]["value"] = "20 pF"
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(data))
    experiment = load_model("msn_d1", parameters=str(file), current="400 pA")
    assert experiment.variant == "mine"
    assert str(experiment.cells["msn_d1"].values["C"]) == "20 pF"
    with pytest.raises(InputError, match="there is no parameter set 'lindhal2016'"):
        load_model("msn_d1", parameters="lindhal2016")
    with pytest.raises(InputError, match="give one of them"):
        load_model("msn_d1", "as_written", parameters="lindahl2016")
    with pytest.raises(InputError, match="has the dimension of a voltage"):
        load_model("msn_d1", current="300 mV")
    data["parameters"].pop("k")
    file.write_text(json.dumps(data))
    with pytest.raises(InputError, match="k: is missing"):
        load_model("msn_d1", parameters=str(file))
    file.write_text("{")
    with pytest.raises(InputError, match="is no JSON"):
        load_model("msn_d1", parameters=str(file))


def test_the_table_of_types_is_answered_row_by_row() -> None:
    assert len(ROWS) == 14
    for row in (*ROWS, *EQUATIONS):
        assert row.models or row.note
        assert set(row.models) <= set(MODELS)
    assert {cell for row in ROWS for cell in row.models} == set(CELLS)


# Currents [pA], published rates [Hz], the oracle's spikes and the rate of its intervals [Hz], and the window
# [ms] of all three: isolated cells with the authors' equations. One spike more or less in w s is 1/w Hz.
TARGETS = {
    "msn_d1": (
        (250.0, 300.0, 400.0, 500.0),
        (15.0, 25.0, 42.5, 60.5),
        (31, 49, 84, 119),
        (15.050, 24.480, 42.395, 59.704),
        (1000, 3000),
    ),
    "msn_d2": (
        (250.0, 300.0, 400.0, 500.0),
        (5.5, 12.5, 25.5, 38.0),
        (11, 25, 51, 76),
        (5.274, 12.294, 25.247, 37.765),
        (1000, 3000),
    ),
    "fsn": (
        (75.0, 100.0, 150.0, 200.0, 300.0),
        (15.0, 21.0, 29.0, 35.0, 46.0),
        (23, 32, 44, 53, 69),
        (15.629, 21.372, 29.220, 35.426, 46.221),
        (0, 1500),
    ),
    "gpe_ti": ((12.0,), (18.3,), (73,), (18.298,), (0, 4000)),
    "snr": ((15.0,), (14.25,), (56,), (14.072,), (0, 4000)),
    "stn": ((6.0,), (9.75,), (39,), (9.763,), (0, 4000)),
    "gpe_ta": ((1.0,), (0.0,), (0,), (0.0,), (0, 4000)),
}


def counted(recording: Recording, cell: str, n: int, window: tuple[int, int]) -> np.ndarray:
    """The spikes of each of *n* cells in a window."""
    spikes = recording.spikes[cell]
    inside = (spikes.times > window[0]) & (spikes.times <= window[1])
    return np.bincount(spikes.cells[inside], minlength=n)


def of_intervals(recording: Recording, cell: str, n: int, window: tuple[int, int]) -> np.ndarray:
    """The rate of the intervals of each of *n* cells in a window [Hz], which no edge of it rounds."""
    found = np.zeros(n)
    spikes = recording.spikes[cell]
    for k in range(n):
        times = spikes.times[spikes.cells == k]
        times = times[(times > window[0]) & (times <= window[1])]
        if times.size > 1:
            found[k] = 1e3 * (times.size - 1) / np.ptp(times)
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("cell", TARGETS)
def test_the_oracle_counts_what_the_table_says(cell: str) -> None:
    """In continuous time, at every current: what the simulators on a grid are held against below."""
    currents, rates, counts, exact, window = TARGETS[cell]
    for current, rate, count, of_exact in zip(currents, rates, counts, exact, strict=True):
        experiment = load_model(cell, current=f"{current} pA").with_(duration=f"{window[1]} ms")
        recording = run(experiment, "oracle", Settings(mode="aligned"))
        assert counted(recording, cell, 1, window).tolist() == [count], current
        found = of_intervals(recording, cell, 1, window)
        np.testing.assert_allclose(found, of_exact, atol=6e-4, err_msg=f"{current}")
        # The published 60.5 Hz were counted at a step of 0.1 ms; in continuous time the rate is 59.7.
        allowed = 1.0 if (cell, current) == ("msn_d1", 500.0) else 0.5
        assert abs(count * 1e3 / (window[1] - window[0]) - rate) <= allowed


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("backend", BACKENDS)
def test_single_cells_fire_at_the_published_rates_and_as_the_oracle(backend: str) -> None:
    if not is_installed(backend):
        pytest.skip(f"{backend} is not installed")
    populations, inputs = [], []
    for cell, (currents, *_) in TARGETS.items():
        one = load_model(cell).populations[0]
        populations.append(one.model_copy(update={"size": len(currents)}))
        inputs.append(
            ConstantInput(name=f"to_{cell}", population=cell, amplitude=Array(currents, "pA"))
        )
    # At 0.1 ms the step at a spike, in which u still sees the peak, adds up to 2 Hz at 60 Hz; NEURON's
    # method for these cells is of order 1, the others' of order 4 between spikes.
    dt_ms = 0.02 if backend == "neuron" else 0.05
    experiment = Experiment(
        name="targets",
        populations=tuple(populations),
        inputs=tuple(inputs),
        duration="4 s",
        dt=f"{dt_ms} ms",
    )
    recording = run(experiment, backend, Settings(mode="aligned"))
    for cell, (currents, rates, _, exact, window) in TARGETS.items():
        found = counted(recording, cell, len(currents), window)
        seconds = (window[1] - window[0]) / 1e3
        allowed = max(0.5, 1 / seconds) + 1e-9
        assert np.abs(found / seconds - rates).max() <= allowed, (cell, found / seconds)
        # u gains on the step of a spike, and u is what sets these rates: an error of order 1, so MSN D1 at
        # 500 pA fires at 60.82, 60.23, 60.00, 59.84 Hz at 0.1, 0.05, 0.025, 0.0125 ms on the reference.
        # Measured, most at MSN D1: 1.1 % on the reference, 1 NEURON, 1.3 Brian2, 2.1 PymoNNtorch.
        within = 0.025 if backend == "pymonntorch" else 0.015
        errors = np.abs(of_intervals(recording, cell, len(currents), window) - exact)
        assert (errors <= within * np.array(exact)).all(), (cell, errors)
