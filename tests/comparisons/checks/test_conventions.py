"""Probes: the contract's numbers, the documented conventions of real simulators, faults that have to show."""

import json
import os
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coincide.backends import registry
from coincide.backends.conventions import CAUSES
from coincide.backends.reference import ReferenceBackend
from coincide.backends.registry import load_backend
from coincide.comparisons.checks.conventions import PROBES, Sheet, conventions
from coincide.comparisons.checks.conventions.catalogue import BATCHES
from coincide.comparisons.checks.conventions.pack import Packed, pack
from coincide.comparisons.checks.conventions.page import sheet_html
from coincide.comparisons.checks.conventions.sheet import (
    Cell,
    Column,
    cell_of,
    cell_without,
    declarations_of,
)
from coincide.comparisons.checks.conventions.store import changes_since, keep
from coincide.comparisons.checks.conventions.view import View
from coincide.comparisons.cli import main
from coincide.core.errors import CoincideError, InputError
from coincide.core.realization import Realization
from coincide.core.realize import realize
from coincide.core.recording import Recording
from coincide.core.settings import Settings

Run = Callable[[Realization, Settings], Recording]
ALONE = ("delay_0_04", "not_finite", "not_finite_hidden")


@pytest.fixture(scope="module")
def packed() -> dict[str, tuple[Packed, Realization]]:
    """The batches that every backend can run, drawn once."""
    found = {}
    for batch, probes in BATCHES.items():
        if batch not in ALONE:
            one = pack("probes", [(p.name, p.parts) for p in probes])
            found[batch] = one, realize(one.experiment)
    return found


def column(
    packed: dict[str, tuple[Packed, Realization]], backend: str, mode: str, run: Run | None = None
) -> Column:
    """The cells of a backend, measured in this process; *run* stands in for it."""
    simulator = load_backend(backend)
    cells: list[Cell] = []
    for batch, (one, realization) in packed.items():
        method = BATCHES[batch][0].method
        if method is not None and method not in simulator.methods[mode]:
            continue
        settings = Settings(mode=mode, method=method)  # type: ignore[arg-type]
        recording = (run or simulator.run)(realization, settings)
        for probe in BATCHES[batch]:
            number = probe.read(View(probe.name, recording, realization, one.places))
            cells.append(cell_of(probe, number, simulator.on_grid))
    return Column(backend, mode, simulator.version(), tuple(cells))


def texts(found: Column, probes: Iterable[str]) -> dict[str, str]:
    return {name: found.cell(name).text for name in probes}


@pytest.mark.parametrize("mode", ["raw", "aligned", "lockstep"])
def test_the_reference_is_the_contract_in_every_probe(packed, mode: str) -> None:
    found = column(packed, "reference", mode)
    assert len(found.cells) == len(PROBES) - len(ALONE)
    assert found.others == ()
    assert {c.probe for c in found.cells if c.agreement == "open"} == {
        "integrator_linear",
        "integrator_nonlinear",
    }


@pytest.mark.parametrize(
    "backend",
    ["pymonntorch", *(pytest.param(n, marks=pytest.mark.slow) for n in ("brian2", "neuron"))],
)
def test_aligned_is_the_contract_in_every_probe(packed, backend: str) -> None:
    found = column(packed, backend, "aligned")
    assert found.others == ()
    assert sum(c.agreement == "same" for c in found.cells) >= 65


def test_aligned_brian2_is_the_contract_for_point_neurons(packed) -> None:
    found = column({"main": packed["main"]}, "brian2", "aligned")
    assert found.others == ()
    assert sum(c.agreement == "same" for c in found.cells) == len(BATCHES["main"]) - 2


def test_the_oracle_differs_only_where_there_is_no_grid(packed) -> None:
    found = column(packed, "oracle", "aligned")
    assert found.others == ()
    assert texts(found, ["stamp", "refractory_2_05", "delay_1_04", "input_between"]) == {
        "stamp": "10.05 ms",
        "refractory_2_05": "20.5 steps",
        "delay_1_04": "1.04 ms",
        "input_between": "5.05 ms",
    }
    assert found.cell("stamp").agreement == "continuous"
    assert found.cell("stamp_lif").number == pytest.approx(19.6165850, abs=1e-6)


@pytest.mark.parametrize(
    ("digits", "text", "agreement"),
    [
        (51, "51 bits", "other"),
        (52, "float64", "same"),
        (53, "float64", "same"),
        (54, "54 bits", "other"),
        (23, "float32", "other"),
        (24, "float32", "other"),
    ],
)
def test_a_tie_of_the_last_bit_is_no_digit_more(
    packed, digits: int, text: str, agreement: str
) -> None:
    """Kernels of BLAS add in different orders, so that by processor 1 + 2⁻⁵³ is 1 or 1 + 2⁻⁵²."""
    reference = load_backend("reference")
    one, realization = packed["main"]
    recording = reference.run(realization, Settings(mode="raw"))
    probe = next(p for p in PROBES if p.name == "precision_computed")
    view = View(probe.name, recording, realization, one.places)
    population, first = view.place("cell")
    trace = recording.traces[population, "u"]
    values = trace.values.copy()
    for k in range(60):
        column = int(np.flatnonzero(trace.cells == first + k)[0])
        values[1:, column] = 1 + 2.0**-20 if k < digits else 1.0
    traces = {**recording.traces, (population, "u"): replace(trace, values=values)}
    changed = replace(recording, traces=traces)
    found = cell_of(probe, probe.read(View(probe.name, changed, realization, one.places)), True)
    assert (found.text, found.agreement) == (text, agreement)


BRIAN2 = {
    "stamp": "10 ms", "stamp_lateness": "1 step early", "stamp_lif": "19.6 ms",
    "threshold_start": "0 spikes", "crossing_start": "1 spike", "reset_copies": "one array",
    "refractory_2": "19 steps", "refractory_1_04": "9 steps", "refractory_1_05": "9 steps",
    "refractory_1_06": "9 steps", "refractory_2_05": "19 steps", "refractory_0_25": "1 step",
    "refractory_0_15": "0 steps",
    "source_acts": "11.1 ms", "source_seen": "11.2 ms", "source_start": "1.1 ms",
    "source_10_05": "0 ms", "source_10_06": "0 ms", "delay_0_15": "0.1 ms",
    "arrival_lifts": "1 step late", "arrivals_state": "in turn", "input_stages": "0.333 steps late",
    "samples": "200", "last_sample": "19.9 ms", "sample_at_spike": "not yet",
    "membrane_shape": "0.75",
}  # fmt: skip
NEURON = {
    "threshold_held": "never",
    "threshold_start": "0 spikes",
    "threshold_end": "0 spikes",
    "saturation": "0",
    "arrival_after": "2.1 ms",
    "source_10_05": "0 ms",
    "source_rounded_twice": "11.1 ms",
    "delay_1_05": "1 ms",
    "delay_0_25": "0.2 ms",
    "delay_0_15": "0.1 ms",
    "arrival_lifts": "0.4 steps late",
    "arrivals_state": "in turn",
    "arrival_seen": "1 step late",
    "sample_at_spike": "overshoot",
    "overshoot": "10.1 mV",
    "membrane_order": "1",
    "membrane_built_in": "3.3 mV",
}
PYMONNTORCH = {
    "stamp": "10.2 ms", "stamp_lateness": "1 step late", "threshold_end": "0 spikes",
    "refractory_1_05": "10 steps", "refractory_2_05": "20 steps", "refractory_0_25": "2 steps",
    "refractory_0_15": "1 step", "source_acts": "10.9 ms", "source_seen": "11 ms",
    "source_start": "never", "source_rounded_twice": "11 ms", "delay_1_05": "1 ms",
    "delay_0_25": "0.2 ms", "delay_0_15": "0.1 ms", "input_onset": "4.9 ms", "input_seen": "5 ms",
    "input_between": "5 ms", "input_varying": "at its end", "arrival_seen": "1 step late",
    "samples": "200", "first_sample": "0.1 ms", "sample_at_spike": "past its reset",
    "overshoot": "10.1 mV", "precision_kept": "float32", "precision_computed": "float32",
    "membrane_onset": "5 ms", "membrane_between": "5.1 ms",
}  # fmt: skip
DOCUMENTED = {"brian2": BRIAN2, "neuron": NEURON, "pymonntorch": PYMONNTORCH}


@pytest.mark.parametrize(
    "backend", ["brian2", "pymonntorch", pytest.param("neuron", marks=pytest.mark.slow)]
)
def test_raw_shows_the_documented_conventions_and_no_other(packed, backend: str) -> None:
    found = column(packed, backend, "raw")
    assert texts(found, found.others) == DOCUMENTED[backend]
    declared = {c.name: c.does for c in load_backend(backend).conventions}
    standings = {
        d.convention: d.standing for d in declarations_of(backend, declared, found, PROBES, {})
    }
    assert "" not in standings  # nothing is shown that is not declared
    assert "not probed" not in standings.values()
    hidden = {
        "brian2": {"refractory_arrivals"},
        "neuron": {"refractory_rounding"},
        "pymonntorch": set(),
    }[backend]
    assert {n for n, s in standings.items() if s == "not shown"} == hidden


def _steps(realization: Realization, by: int) -> Realization:
    """Given spikes some steps later."""
    sources = {
        name: replace(s, steps=s.steps + np.int32(by)) for name, s in realization.sources.items()
    }
    return replace(realization, sources=sources)


def _refractory(realization: Realization, by: int) -> Realization:
    populations = {
        name: replace(p, refractory_steps=np.maximum(np.asarray(p.refractory_steps) + by, 0))
        if p.cell.refractory is not None
        else p
        for name, p in realization.populations.items()
    }
    return replace(realization, populations=populations)


def _between_cells(realization: Realization, by: int) -> Realization:
    edges = tuple(
        e
        if e.source in realization.sources
        else replace(e, delay_steps=np.asarray(e.delay_steps) + by)
        for e in realization.edges
    )
    return replace(realization, edges=edges)


def _stamped(recording: Recording, by: int) -> Recording:
    spikes = {
        n: replace(s, times=s.times + by * recording.dt_ms) for n, s in recording.spikes.items()
    }
    return replace(recording, spikes=spikes)


def _without_last(recording: Recording) -> Recording:
    traces = {key: replace(t, values=t.values[:-1]) for key, t in recording.traces.items()}
    return replace(recording, traces=traces)


def _single(recording: Recording) -> Recording:
    traces = {
        key: replace(t, values=t.values.astype(np.float32).astype(np.float64))
        for key, t in recording.traces.items()
    }
    return replace(recording, traces=traces)


def _one_arrival_a_step(realization: Realization) -> Realization:
    """A source that saturates at one spike a step."""
    found = {}
    for name, s in realization.sources.items():
        keep = np.ones(s.steps.size, dtype=bool)
        order = np.lexsort((s.steps, s.cells))
        steps, cells = s.steps[order], s.cells[order]
        keep[order[1:]] = (np.diff(steps) != 0) | (np.diff(cells) != 0)
        found[name] = replace(s, steps=s.steps[keep], cells=s.cells[keep], times=s.times[keep])
    return replace(realization, sources=found)


def _before(change: Callable[[Realization], Realization]) -> Run:
    return lambda realization, settings: ReferenceBackend().run(change(realization), settings)


def _after(change: Callable[[Recording], Recording]) -> Run:
    return lambda realization, settings: change(ReferenceBackend().run(realization, settings))


REFRACTORY = {p.name for p in PROBES if p.name.startswith("refractory_")}
DELAYS = {p.name for p in PROBES if p.name.startswith("delay_")} - {"delay_0_04"}
FAULTS: dict[str, tuple[Run, set[str]]] = {
    "stamp": (
        _after(lambda r: _stamped(r, 1)),
        # A stamp one step on shows the sample after that of the reset.
        {"stamp", "stamp_lateness", "stamp_lif", "sample_at_spike"},
    ),
    "source": (
        _before(lambda r: _steps(r, 1)),
        {"source_acts", "source_seen", "source_start", "source_rounded_twice"},
    ),
    "refractory": (
        _before(lambda r: _refractory(r, 1)),
        REFRACTORY | {"threshold_held", "arrival_after"},
    ),
    "delay": (_before(lambda r: _between_cells(r, 1)), DELAYS),
    "last_sample": (_after(_without_last), {"samples", "last_sample"}),
    "precision": (_after(_single), {"precision_kept", "precision_computed"}),
    "saturation": (
        _before(_one_arrival_a_step),
        {"source_repeats", "source_crowded", "poisson_strong"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_shows_in_its_rows_and_no_other(packed, fault: str) -> None:
    run, rows = FAULTS[fault]
    assert set(column(packed, "reference", "raw", run).others) == rows


def test_every_probe_alone_answers_as_it_does_among_all() -> None:
    """Putting probes together changes none: the second path by which a backend with gaps is measured."""
    reference = ReferenceBackend()
    for probe in PROBES:
        if probe.name in ALONE:
            continue
        realization = realize(probe.alone.experiment)
        recording = reference.run(realization, Settings(mode="aligned", method=probe.method))
        number = probe.read(View(probe.name, recording, realization, probe.alone.places))
        assert cell_of(probe, number, True).agreement in ("same", "open"), probe.name


def test_a_probe_is_of_the_class_of_a_convention_that_it_informs() -> None:
    causes = {c.name: c.cause for n in registry.entries() for c in load_backend(n).conventions}
    for probe in PROBES:
        # A class of causes that no backend has a convention of stands for itself.
        classes = {causes.get(name, name) for name in probe.informs} & set(CAUSES)
        assert not classes or probe.cause in classes, probe.name


def test_names_are_distinct_and_conventions_those_of_backends() -> None:
    names = [probe.name for probe in PROBES]
    assert len(set(names)) == len(names)
    declared = {
        c.name for n in ("brian2", "neuron", "pymonntorch") for c in load_backend(n).conventions
    }
    informed = {name for probe in PROBES for name in probe.informs}
    # Those that no backend has yet, but one from elsewhere may.
    assert informed - declared == {"initial_value", "random_streams", "reset_order", "saturation"}


PLUGIN = """
    from dataclasses import replace
    import numpy as np
    from coincide.backends.base import Convention
    from coincide.backends.reference import ReferenceBackend

    LACKS = {lacks}

    class Planted(ReferenceBackend):
        name = "planted"
        conventions = (
            Convention("spike_stamp", "stamps a spike a step early", "at the end of the step"),
            Convention("input_onset", "declared in vain", "at t_n"),
        )
        features = ReferenceBackend.features - LACKS

        def version(self):
            return "Planted 1"

        def _simulate(self, realization, settings, progress):
            sources = {
                n: replace(s, steps=s.steps + np.int32(1)) for n, s in realization.sources.items()
            }
            if settings.mode == "raw":
                realization = replace(realization, sources=sources)
            return super()._simulate(realization, settings, progress)
"""


@pytest.fixture
def planted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path, request: pytest.FixtureRequest
):
    """An installed plug-in that delivers given spikes late, says something else, and may lack features."""
    site = tmp_path / "site"
    info = site / "planted_backend-1.dist-info"
    info.mkdir(parents=True)
    (site / "planted_backend.py").write_text(
        textwrap.dedent(PLUGIN).replace("{lacks}", repr(request.param))
    )
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planted-backend\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[coincide.backends]\nplanted = planted_backend:Planted\n"
    )
    paths = [str(site), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in paths if p))
    monkeypatch.syspath_prepend(str(site))
    registry.entries.cache_clear()
    yield "planted"
    registry.entries.cache_clear()


@pytest.mark.parametrize("planted", [set()], indirect=True)
def test_a_plugin_is_measured_and_its_words_are_checked(
    planted: str, own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, data = tmp_path / "out", tmp_path / "sheet.json"
    asked = ["conventions", "-b", planted, "--json", str(data), "--out", str(out)]
    assert main(asked) == 0
    printed = " ".join(capsys.readouterr().out.split())
    sheet = json.loads(data.read_text())
    late = ["source_acts", "source_seen", "source_start", "source_rounded_twice"]
    rows = {row["probe"]: row["cells"]["planted raw"] for row in sheet["rows"]}
    assert [name for name, cell in rows.items() if cell["agreement"] == "other"] == late
    assert [name for name, cell in rows.items() if cell["text"] == "refused"] == [
        "delay_0_04",
        "not_finite",
    ]
    assert "step of 0.1 ms" in rows["delay_0_04"]["reason"]
    assert "is inf from" in rows["not_finite"]["reason"]
    assert rows["not_finite_hidden"]["text"] == "reported"
    standings = {d["convention"]: d["standing"] for d in sheet["declarations"]}
    assert standings == {"spike_stamp": "not shown", "input_onset": "not shown", "": "undeclared"}
    assert sheet["declarations"][-1]["probes"] == late
    said = "declares spike_stamp (stamps a spike a step early), but no probe shows it"
    assert said in printed
    # Nothing is run again, and nothing is lost by that.
    runs = list((own_cache / "runs").rglob("run.json"))
    again = tmp_path / "again.json"
    assert main(["conventions", "-b", planted, "--json", str(again)]) == 0
    assert json.loads(again.read_text()) == sheet
    assert list((own_cache / "runs").rglob("run.json")) == runs
    page = (out / "index.html").read_text()
    assert "declares nothing of it" in page
    assert (out / "conventions.csv").read_text().count("\n") == len(PROBES) + 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "planted", [{"coincident_spikes", "refractoriness_per_cell"}], indirect=True
)
def test_what_a_backend_cannot_run_costs_its_own_rows(planted: str) -> None:
    found = conventions([planted], ["aligned"]).column(planted, "aligned")
    # Refractory times that differ from cell to cell are only needed when probes share a run.
    assert {cell.probe for cell in found.cells if cell.agreement == "none"} == {
        "source_repeats",
        "source_crowded",
        "poisson_strong",
    }
    assert found.others == ()
    reason = found.cell("source_repeats").reason
    assert reason == "trains needs several spikes of one source in one step"


def test_an_upgrade_shows_what_it_changed(packed, own_cache: Path) -> None:
    old = replace(column(packed, "reference", "raw", FAULTS["source"][0]), version="NumPy 1")
    keep(old)
    new = column(packed, "reference", "raw")
    found = changes_since(new)
    assert {change.probe for change in found} == FAULTS["source"][1]
    assert found[0].text == "since NumPy 1: reference raw source_acts was 11.1 ms, is 11 ms"
    keep(new)
    # It is told again as long as it is the latest change of version.
    assert changes_since(new) == found


def test_nothing_has_changed_where_nothing_was_measured(packed, own_cache: Path) -> None:
    assert changes_since(column(packed, "reference", "raw")) == ()
    (own_cache / "conventions" / "reference-raw-0.json").write_text("{}")
    assert changes_since(column(packed, "reference", "raw")) == ()


def test_a_sheet_as_html_escapes_and_marks_by_shape(packed) -> None:
    found = column(packed, "reference", "raw", FAULTS["stamp"][0])
    reason = "<script>alert(1)</script>"
    missing = [cell_without(p, "failed", reason) for p in PROBES if p.name in ALONE]
    whole = replace(found, cells=(*found.cells, *missing))
    html = sheet_html(Sheet(PROBES, (whole,)))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert html.count('class="other"') == len(whole.others) == 5
    assert html.count("<i>≠</i>") == 5
    assert html.count("<i>∅</i>") == 0  # an end with a reason is an answer
    assert html.startswith('<div class="convention-sheet">')
    assert html in Sheet(PROBES, (whole,))._repr_html_()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["-b", "brain2"], "did you mean 'brian2'"),
        (["--mode", "row"], "did you mean 'raw'"),
        (["--out", __file__], "is a file; give a folder"),
        (["--json", str(Path(__file__).parent)], "is a folder; give a file"),
        (["--jobs", "0"], "has to be 1 or more"),
    ],
)
def test_bad_input_is_one_sentence(
    asked: list[str], words: str, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["conventions", *asked]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""


def test_an_unknown_backend_is_an_input_error(own_cache: Path) -> None:
    with pytest.raises(InputError, match="there is no backend"):
        conventions(["nest"])
    assert issubclass(InputError, CoincideError)
