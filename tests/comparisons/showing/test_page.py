"""The report: what stands on the page, in its parts and in the figures, and how it behaves in a browser."""

from __future__ import annotations

import base64
import csv
import dataclasses
import importlib.util
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from matplotlib.figure import Figure

from coincide.comparisons.running.child import run_to_folder
from coincide.comparisons.running.runs import Run
from coincide.comparisons.showing import render, style
from coincide.comparisons.showing import shown as select
from coincide.comparisons.showing.drawing import Drawing
from coincide.comparisons.showing.layout import fitted, text_width
from coincide.comparisons.showing.notebook import recording_html, run_html
from coincide.comparisons.showing.page import notebook_page, write_page
from coincide.comparisons.showing.recordings import recordings_figure
from coincide.comparisons.showing.section import (
    Provenance,
    Section,
    Statement,
    Table,
    bullets,
    prose,
)
from coincide.comparisons.studies.compare import rungs, words
from coincide.comparisons.studies.compare.figures import comparison_figure, draw_comparison
from coincide.comparisons.studies.compare.page import comparison_command
from coincide.comparisons.studies.compare.study import Comparison, compare_runs
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment
from coincide.core.realize import realize
from coincide.core.recording import Recording, Spikes, Trace
from coincide.core.settings import Settings
from coincide.models.library import load_model

EVIL = '<script>alert("x")</script>'
DRIVE = "(-(v - v_rest) + I)/tau"
# The same number in real arithmetic, another one in floating point.
REARRANGED = "(I/tau - v/tau + v_rest/tau)"


def perform(experiment: Experiment, folder: Path, name: str, method: str, mode: str) -> Run:
    """A run of the reference in this process, under a name of its own."""
    settings = Settings(method=method)
    data = run_to_folder(realize(experiment), "reference", settings, folder, lambda fraction: None)
    assert data["status"] == "ok", data
    return Run(
        id=f"{name}-{mode}",
        backend=name,
        mode=mode,
        method=method,
        status="ok",
        version=data["version"],
        spikes=data["spikes"],
        wall_s=data["wall_s"],
        peak_mb=data["peak_mb"],
        folder=folder,
    )


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return load_model("lif_10").with_(title=EVIL)


@pytest.fixture(scope="module")
def runs(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, ...]:
    """lockstep: two that coincide to round-off; aligned: the same with one that differs, two that failed."""
    folder = tmp_path_factory.mktemp("runs")
    other = Experiment.from_json(experiment.to_json().replace(DRIVE, REARRANGED))
    assert other != experiment
    scheme = "exponential_euler"
    found = [
        perform(experiment, folder / "a", "reference", scheme, "lockstep"),
        perform(other, folder / "b", "rearranged", scheme, "lockstep"),
        perform(experiment, folder / "c", "euler", "euler", "aligned"),
    ]
    again = [
        dataclasses.replace(run, id=run.id.replace("lockstep", "aligned"), mode="aligned")
        for run in found[:2]
    ]
    ended = [
        Run(
            "slow-aligned", "slow", "aligned", "", "timeout", "did not finish within 3 s", wall_s=3
        ),
        Run("odd-aligned", "odd", "aligned", "", "unsupported", f"it has no {EVIL}"),
    ]
    return (*found[:2], *again, found[2], *ended)


@pytest.fixture(scope="module")
def comparison(experiment: Experiment, runs: tuple[Run, ...]) -> Comparison:
    return compare_runs(experiment, runs, notes=(f"a delay was rounded {EVIL}",))


@pytest.fixture(scope="module")
def folder(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("report") / "new"
    assert comparison.save(target) == target / "index.html"
    return target


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def variant(run: Run, **changes: object) -> Run:
    """The run with parts of its recording replaced."""
    changed = dataclasses.replace(run)
    changed.__dict__["recording"] = dataclasses.replace(run.recording, **changes)
    return changed


class Page(HTMLParser):
    """Checks that tags are balanced; keeps text, addresses and ids."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append(given)
        self.addresses += [
            v or "" for k, v in attrs if k in ("src", "href", "xlink:href", "action")
        ]
        self.ids += [v or "" for k, v in attrs if k == "id"]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)

    @property
    def prose(self) -> str:
        return " ".join(" ".join(self.text).split())


# --- the page -------------------------------------------------------------------------------------


def test_page_is_whole_and_needs_no_network(html: str, folder: Path) -> None:
    parsed = Page(html)
    assert len(set(parsed.ids)) == len(parsed.ids)
    for address in parsed.addresses:
        if address.startswith("#"):
            assert address[1:] in parsed.ids
        elif not address.startswith("data:"):
            assert (folder / address).is_file(), address
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", html)
    assert not re.search(r"https?://", html)


def test_page_says_the_verdicts_in_words(html: str, comparison: Comparison) -> None:
    prose = Page(html).prose
    n = sum(comparison.runs[0].spikes.values())
    assert n > 100
    pair = comparison.pair("reference-lockstep", "rearranged-lockstep")
    assert pair.verdict == "round-off"
    assert f"and the reference coincide to round-off: {pair.in_words}." in prose
    different = comparison.pair("reference-aligned", "euler-aligned")
    assert different.verdict == "different"
    assert f"differs from the reference: {different.in_words}." in prose
    assert "slow was stopped: did not finish within 3 s." in prose
    assert f"odd does not support it: it has no {EVIL}." in prose
    for run in comparison.runs:
        assert run.id in prose
    assert comparison.experiment.hash in prose
    assert f"a delay was rounded {EVIL}" in prose


def test_given_text_is_escaped(html: str) -> None:
    assert EVIL not in html
    assert html.count("&lt;script&gt;alert") >= 3
    # Ours: one with the data of each figure and of its narrow twin, one that zooms.
    kinds = [script.get("type") for script in Page(html).scripts]
    assert kinds == [*["application/json"] * 4, None]


def test_tables_keep_every_digit(folder: Path, comparison: Comparison) -> None:
    with (folder / "traces.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    expected = [(p, t) for p in comparison.pairs for t in p.traces]
    assert len(rows) == len(expected)
    for row, (pair, trace) in zip(rows, expected, strict=True):
        assert (row["a"], row["b"]) == (pair.a, pair.b)
        assert float(row["max_abs"]) == trace.max_abs
        assert float(row["rms"]) == trace.rms
        first = trace.first_divergence
        assert row["first_divergence_ms"] == ("" if first is None else str(first["t_ms"]))
    with (folder / "pairs.csv").open(newline="") as file:
        pairs = list(csv.DictReader(file))
    assert [int(row["matched"]) for row in pairs] == [
        s.matched for p in comparison.pairs for s in p.spikes
    ]
    with (folder / "runs.csv").open(newline="") as file:
        assert [r["id"] for r in csv.DictReader(file)] == [r.id for r in comparison.runs]
    with (folder / "statistics.csv").open(newline="") as file:
        first_row = next(csv.DictReader(file))
    seconds = comparison.experiment.duration_ms * 1e-3
    n = sum(comparison.runs[0].spikes.values())
    assert float(first_row["rate_Hz"]) == pytest.approx(n / 10 / seconds, rel=1e-12)


def test_json_and_experiment_read_back(folder: Path, comparison: Comparison) -> None:
    data = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert data == json.loads(comparison.to_json())
    assert Experiment.load(folder / "experiment.json").hash == comparison.experiment.hash


def test_command_repeats_it(comparison: Comparison) -> None:
    assert comparison_command(comparison) == (
        "coincide compare experiment.json -b rearranged euler slow odd --mode lockstep aligned"
    )
    wider = compare_runs(comparison.experiment, comparison.runs[:1], 0.3)
    assert comparison_command(wider).endswith(
        "-b reference --mode lockstep --method exponential_euler"
    )
    pair = compare_runs(comparison.experiment, comparison.runs[:2], 0.3)
    assert "--tolerance '0.3 ms'" in comparison_command(pair)


def test_pictures_are_files(folder: Path) -> None:
    for mode in ("lockstep", "aligned"):
        content = (folder / f"figure-{mode}.png").read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) > 20_000
        svg = (folder / f"figure-{mode}.svg").read_text(encoding="utf-8")
        assert "var(--" not in svg
        assert "<rect" in svg
    assert not (folder / "figure-raw.png").exists()


# --- writing --------------------------------------------------------------------------------------


def test_existing_folder_keeps_what_is_not_ours(comparison: Comparison, tmp_path: Path) -> None:
    comparison.save(tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    only = compare_runs(comparison.experiment, comparison.runs[:2])
    assert (tmp_path / "figure-aligned.png").exists()
    only.save(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert not (tmp_path / "figure-aligned.png").exists()
    assert (tmp_path / "figure-lockstep.png").exists()
    assert "<!DOCTYPE html>" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_nothing_is_half_written(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    (tmp_path / "old").mkdir()
    for name in ("new", "old"):
        with pytest.raises(OSError, match="no space left"):
            comparison.save(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["old"]
    assert not list((tmp_path / "old").iterdir())


def test_file_in_place_of_the_folder(comparison: Comparison, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file; the report needs a folder"):
        comparison.save(tmp_path / "file")


# --- parts ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts() -> list[Section]:
    """Two sections with one of each kind, and with text from outside."""
    figure = Figure(figsize=(4, 2))
    figure.subplots().plot([1, 2], [3, 4], label=EVIL)
    rows = [
        {"backend": EVIL, "error_ms": 1.24e-9, "runs": 12_345, "found": True, "why": None},
        {"backend": "b", "error_ms": 0.1 + 0.2, "runs": 2, "found": False, "why": "x" * 60},
    ]
    columns = {
        "backend": "backend",
        "error_ms": "error (ms)",
        "runs": "runs",
        "found": "found",
        "why": "why",
    }
    return [
        Section(
            "Errors",
            f"plain {EVIL}",
            {"errors": Drawing(figure, f"a line {EVIL}", "It rises.")},
            {"errors": Table(columns, rows, "per backend"), "raw": Table.file(columns, rows)},
            {"errors": {"nan": float("nan"), "list": [np.float64(1.5)]}},
        ),
        Section("More", prose(f"one {EVIL}", "two") + bullets(["three"])),
    ]


def test_any_page_has_its_parts_as_files(parts: list[Section], tmp_path: Path) -> None:
    said = [Statement("b", (f"It holds {EVIL}.",), "holds", "good"), Statement("c", ("So so.",))]
    found = write_page(
        tmp_path / "page", "title", said, parts, Provenance("coincide x", (("seed", "1"),))
    )
    html = found.read_text(encoding="utf-8")
    parsed = Page(html)
    assert EVIL not in html
    for text in (
        "It holds",
        "So so.",
        "plain",
        "per backend",
        "error (ms)",
        "1.2e-09",
        "12,345",
        "It rises.",
        "three",
        "coincide x",
    ):
        assert text in parsed.prose
    for address in parsed.addresses:
        if not address.startswith(("#", "data:")):
            assert (tmp_path / "page" / address).is_file(), address
    with (tmp_path / "page" / "errors.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[1]["error_ms"]) == 0.1 + 0.2
    assert (tmp_path / "page" / "raw.csv").exists()
    assert json.loads((tmp_path / "page" / "errors.json").read_text()) == {
        "nan": None,
        "list": [1.5],
    }
    contents = json.loads((tmp_path / "page" / "page.json").read_text())
    assert sorted(p.name for p in (tmp_path / "page").iterdir()) == contents["files"]
    # Nothing zooms, so no script is needed.
    assert parsed.scripts == []


def test_parts_in_a_notebook(parts: list[Section]) -> None:
    shown = notebook_page("title", [Statement("b", ("It holds.",), "close")], parts, "sub")
    assert EVIL not in shown
    assert [a[:22] for a in Page(shown).addresses] == ["data:image/png;base64,"]
    assert "error (ms)" in Page(shown).prose


def test_names_from_an_earlier_page_do_not_lead_out(parts: list[Section], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "page.json").write_text('{"files": ["../mine.txt"]}')
    write_page(tmp_path / "page", "title", (), parts, Provenance(""))
    assert (tmp_path / "mine.txt").exists()


# --- the ladder -----------------------------------------------------------------------------------


def test_no_line_ends_within_a_number() -> None:
    from coincide.comparisons.showing.section import bullets, prose, unbroken

    number = '<span class="number">4.7e-16</span>'
    assert unbroken("a < 4.7e-16 of 12") == f"a &lt; {number} of 12"
    assert number in prose("within 4.7e-16")
    assert number in bullets(["within 4.7e-16"])
    link = Markup('<a href="run-4.7e-16">run</a>')
    assert unbroken(link) is link


def test_ladder(comparison: Comparison, runs: tuple[Run, ...], folder: Path) -> None:
    found = rungs.ladder(comparison)
    # Only what ran in two modes: not the one that was run in aligned only.
    assert [[r.mode for r in one] for one in found] == [["aligned", "lockstep"]]
    assert [one[0].label for one in found] == ["rearranged"]
    assert (
        "Nothing but round-off in any mode."
        in Page((folder / "index.html").read_text(encoding="utf-8")).prose
    )
    euler = dataclasses.replace(runs[4], id="rearranged-aligned", backend="rearranged")
    one = rungs.ladder(compare_runs(comparison.experiment, [*runs[:3], euler]))[0]
    row = comparison.pair("reference-aligned", "euler-aligned").spikes[0]
    assert one[0].unmatched == 1 - row.matched / max(row.n_a, row.n_b)
    assert f"aligned {row.matched:,} of" in rungs.sentence(one)
    assert rungs.sentence(one).endswith("What aligned leaves is due to its integrator.")
    figure = rungs.ladder_figure([one], "lif_10")
    spikes, traces = figure.axes
    assert [*spikes.lines[0].get_ydata()] == [100 * one[0].unmatched, 0.0]
    assert [*traces.lines[0].get_ydata()] == [pytest.approx(np.log10(r.relative)) for r in one]
    raw = dataclasses.replace(euler, id="rearranged-raw", mode="raw")
    held = dataclasses.replace(runs[0], id="reference-raw", mode="raw")
    good = dataclasses.replace(runs[3])
    steps = rungs.ladder(compare_runs(comparison.experiment, [held, raw, runs[2], good]))[0]
    assert rungs.sentence(steps).endswith("All that differs is due to its conventions.")


# --- words ----------------------------------------------------------------------------------------


def test_sentences_without_anything_to_compare(
    runs: tuple[Run, ...], experiment: Experiment
) -> None:
    alone = compare_runs(experiment, runs[:1])
    assert words.mode_sentences(alone, "lockstep") == [
        "Only the reference ended well, so there is nothing to compare it with."
    ]
    none = compare_runs(experiment, runs[-2:])
    assert len(words.mode_sentences(none, "aligned")) == 2


def test_runs_that_differ_alike_are_named_together(
    runs: tuple[Run, ...], experiment: Experiment
) -> None:
    twin = dataclasses.replace(runs[4], id="twin-aligned", backend="twin")
    compared = compare_runs(experiment, [*runs[2:5], twin])
    sentences = words.mode_sentences(compared, "aligned")
    assert len(sentences) == 2
    assert sentences[0].startswith("rearranged and the reference coincide to round-off")
    assert sentences[1].startswith("euler and twin differ from the reference")
    assert sentences[1].endswith("; they coincide with each other.")


# --- figures --------------------------------------------------------------------------------------


def marks(figure: Figure, marker: str) -> int:
    """Marks of a kind in the raster panels, whose lines are in data coordinates."""
    return sum(
        len(line.get_xdata())
        for ax in figure.axes
        if ax.get_ylabel() == "cell"
        for line in ax.lines
        if line.get_marker() == marker
    )


def test_raster_tells_matched_missing_and_extra_apart(comparison: Comparison) -> None:
    figure = comparison_figure(comparison, "aligned")
    row = comparison.pair("reference-aligned", "euler-aligned").spikes[0]
    assert row.missing > 10
    assert marks(figure, "v") == row.missing
    assert marks(figure, "x") == row.extra
    # One panel for the run that has all spikes of the reference, one for the run that has not.
    assert marks(figure, "|") == row.matched + row.n_a
    lockstep = comparison_figure(comparison)
    assert marks(lockstep, "v") == marks(lockstep, "x") == 0
    assert marks(lockstep, "|") == row.n_a


def test_difference_is_that_of_the_comparison(comparison: Comparison) -> None:
    drawing = draw_comparison(comparison, "lockstep")
    (panel,) = [ax for ax in drawing.figure.axes if "Δ" in ax.get_ylabel()]
    row = comparison.pair("reference-lockstep", "rearranged-lockstep").traces[0]
    shown = max(float(np.max(line.get_ydata())) for line in panel.lines)
    assert "10⁻¹⁵ mV" in panel.get_ylabel()
    assert shown == pytest.approx(row.max_abs * 1e15, rel=1e-9)


def test_figures_of_little(runs: tuple[Run, ...], experiment: Experiment, tmp_path: Path) -> None:
    silent = {"cells": Spikes.sorted([], [])}
    cases = {
        "no_traces": [variant(run, traces={}) for run in runs[2:5]],
        "no_spikes": [variant(run, spikes=silent) for run in runs[:2]],
        "neither": [variant(run, spikes=silent, traces={}) for run in runs[:2]],
        "one_run": runs[:1],
        "none": runs[-2:],
    }
    for name, given_runs in cases.items():
        compared = compare_runs(experiment, given_runs)
        parsed = Page(compared.save(tmp_path / name).read_text(encoding="utf-8"))
        for run in given_runs:
            assert run.id in parsed.prose, name
        assert isinstance(comparison_figure(compared), Figure)
        Page(compared._repr_html_())


def test_not_finite_values_leave_the_rest_visible(runs: tuple[Run, ...]) -> None:
    recording = runs[0].recording
    trace = recording.traces["cells", "v"]
    values = trace.values.copy()
    values[100:, 0] = np.nan
    broken = dataclasses.replace(
        recording, traces={("cells", "v"): dataclasses.replace(trace, values=values)}
    )
    figure = recordings_figure({"whole": recording, "broken": broken})
    assert len(render.png(figure)) > 20_000


def test_four_thousand_cells(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    times, cells = rng.uniform(0, 1000, 60_000).round(1), rng.integers(0, 4000, 60_000)
    moved = np.where(times > 400, times + rng.integers(0, 40, times.size) * 0.1, times)

    def recorded(t: np.ndarray) -> Recording:
        return Recording(
            1000.0, 0.1, {"exc": Spikes.sorted(t, cells)}, {}, sizes={"exc": 3200, "inh": 800}
        )

    # A label from outside may hold what matplotlib would read as a formula.
    figure = recordings_figure({"a": recorded(times), "b $x_{": recorded(moved)})
    drawn = marks(figure, "v")
    n = sum(marks(figure, m) for m in "vxo")
    assert drawn > 100
    assert n <= 2 * 3000
    assert any("every" in text.get_text() for text in figure.texts)
    svg = render.svg(figure)
    assert len(svg) < 1_500_000
    assert "<image" not in svg


@given(
    st.lists(st.floats(-100, 100), min_size=1, max_size=400), st.integers(min_value=1, max_value=9)
)
def test_thinning_keeps_extremes_and_ends(values: list[float], columns: int) -> None:
    y = np.array(values)
    t = np.arange(y.size) * 0.5
    thin_t, thin_y = select.thin(t, y, columns)
    assert thin_t.size <= max(y.size if y.size <= 4 * columns else 0, 4 * columns)
    assert np.all(np.diff(thin_t) > 0)
    assert np.array_equal(y[(thin_t / 0.5).astype(int)], thin_y)
    assert (thin_y.min(), thin_y.max()) == (y.min(), y.max())
    assert (thin_t[0], thin_t[-1]) == (t[0], t[-1])


def test_thinning_passes_over_gaps() -> None:
    y = np.sin(np.arange(1000) / 30)
    y[300:600] = np.nan
    _, thin_y = select.thin(np.arange(1000.0), y, 20)
    assert np.nanmax(thin_y) == np.nanmax(y)
    assert np.nanmin(thin_y) == np.nanmin(y)


def test_cells_shown_are_few_and_hold_the_one_that_parts(runs: tuple[Run, ...]) -> None:
    trace = runs[0].recording.traces["cells", "v"]
    spikes = runs[0].recording.spikes["cells"]
    chosen = select.choose_cells([trace, trace], spikes, [3], 3)
    assert len(chosen) == len(set(chosen)) == 3
    assert 3 in chosen
    few = Trace(trace.values[:, :2], trace.cells[:2], "mV", 0.0, 0.1)
    assert select.choose_cells([trace, few], spikes, [7], 3) == [0, 1]


def test_units_that_are_easy_to_read() -> None:
    for largest, unit, expected in (
        (7e-15, "mV", "10⁻¹⁵ mV"),
        (3e-12, "mV", "fV"),
        (2e-9, "mV", "pV"),
        (0.4e-3, "mV", "nV"),
        (0.2, "mV", "µV"),
        (5.0, "mV", "mV"),
        (3e-13, "nS", "10⁻¹³ nS"),
        (0.0, "1", ""),
    ):
        factor, label = style.scaled_unit(largest, unit)
        assert label == expected
        assert largest == 0 or 1 <= largest * factor < 1000


def test_colours_differ_and_belong_to_backends() -> None:
    names = ["reference", "brian2", "neuron", "pymonntorch", "arbor", "nest", "brian2 again"]
    chosen = style.colours([(n, n.split()[0]) for n in names])
    assert len(set(chosen.values())) == len(names)
    assert chosen["neuron"] == style.VERMILION


# --- notebooks ------------------------------------------------------------------------------------


def test_notebook_html(comparison: Comparison, runs: tuple[Run, ...]) -> None:
    shown = comparison._repr_html_()
    assert EVIL not in shown
    parsed = Page(shown)
    assert [a[:22] for a in parsed.addresses] == ["data:image/png;base64,"]
    assert "coincide to round-off" in parsed.prose
    for one in (run_html(runs[0]), recording_html(runs[0].recording)):
        assert str(sum(runs[0].spikes.values())) in Page(one).prose
    assert "did not finish within 3 s" in Page(run_html(runs[-2])).prose


def test_experiment_html(experiment: Experiment) -> None:
    prose = Page(experiment._repr_html_()).prose
    for text in (
        "dv/dt = (-(v - v_rest) + I)/tau",
        "threshold: v > v_threshold",
        "tau = 10 ms",
        "10 values from 15.5 to 24 mV",
        "fixed_out_degree(n = 3",
        "1.5 ms",
    ):
        assert text in prose


# --- the browser ----------------------------------------------------------------------------------


def test_zoom_data_hold_the_lines(comparison: Comparison) -> None:
    drawing = draw_comparison(comparison, "lockstep")
    text = render.zoom_data(drawing, "x")
    data = json.loads(text)
    assert "<" not in text
    assert len(data["tracks"]) == len(drawing.tracks)
    # Lines that coincide are kept once: 3 cells of 2 runs, and the difference.
    assert len(data["blobs"]) == 4
    for entry, track in zip(data["tracks"], drawing.tracks, strict=True):
        heights = np.frombuffer(_decoded(data["blobs"][entry["y"]]), "<u2") / 65534 * 1.5 - 0.25
        assert np.abs(heights - track.heights).max() <= 0.51 * 1.5 / 65534
        times = entry["t0"] + entry["dt"] * np.arange(heights.size)
        assert np.abs(times - track.times).max() < 1e-9


def _decoded(text: str) -> bytes:
    return base64.b64decode(text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("browser", Path(__file__).with_name("browser.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    executable = module.find_browser()
    if executable is None:
        pytest.skip(f"no browser: none of {', '.join(module.NAMES)} is installed")
    with module.Browser(executable) as opened:
        yield opened


# The lowest contrast of any text on the page, with that text: WCAG 2.1, 1.4.3.
CONTRAST = """(() => {
  const light = c => c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
    .map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
    .reduce((sum, x, k) => sum + x * [0.2126, 0.7152, 0.0722][k], 0);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!/^rgba\\(.*, 0\\)$|transparent|color\\(/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  let worst = [99, ""];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !node.getClientRects().length) continue;
    if (["SCRIPT", "STYLE"].includes(node.tagName)) continue;
    const drawn = node instanceof SVGElement;
    const [a, b] = [getComputedStyle(node)[drawn ? "fill" : "color"], behind(node)].map(light);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, walk.currentNode.data.trim()];
  }
  return worst;
})()"""


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_page_fits_the_screen(browser, folder: Path, width: int, dark: bool) -> None:
    browser.open(folder / "index.html", width, dark=dark)
    assert browser.problems == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate("innerWidth") == width
    # Figures fit as they are: on a phone there are others than on a desk.
    holders = "[...document.querySelectorAll('.drawing')].filter(d => d.getClientRects().length)"
    assert browser.evaluate(f"{holders}.every(d => d.scrollWidth <= d.clientWidth)")
    shown = browser.evaluate(f"{holders}.map(d => d.className.trim())")
    assert set(shown) == {"drawing narrow" if width == 390 else "drawing wide"}
    # Their type is large enough to be read.
    size = (
        f"Math.min(...{holders}.map(d => d.querySelector('svg')).map(s => 6.5 * "
        "s.getBoundingClientRect().width / s.viewBox.baseVal.width))"
    )
    assert browser.evaluate(size) > 7.5
    ratio, text = browser.evaluate(CONTRAST)
    assert ratio >= 4.5, text
    assert browser.evaluate("document.querySelectorAll('.drawing svg path').length") > 50
    # Text and paper differ in brightness, and lines take the colours of the page.
    paper, ink = browser.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        ".map(c => c.match(/\\d+/g).reduce((a, b) => +a + +b, 0) / 3)"
    )
    assert (paper < 60 and ink > 200) if dark else (paper > 240 and ink < 60)
    label = browser.evaluate(
        "getComputedStyle(document.querySelector('.drawing svg text')).fill"
        ".match(/\\d+/g).reduce((a, b) => +a + +b, 0) / 3"
    )
    assert abs(label - ink) < 60


def test_zooming(browser, folder: Path) -> None:
    browser.open(folder / "index.html", 1280)
    line = "document.querySelector('#figure-lockstep-line-0 path').getAttribute('d')"
    tick = (
        "[...document.querySelectorAll('#figure-lockstep-time-axis text')].filter(t => "
        "t.getBoundingClientRect().width).map(t => Number(t.textContent)).filter(Number.isFinite)"
    )
    mark = (
        "Number(document.querySelector('.drawing:has(.zoom-data) g[clip-path] > use')"
        ".getAttribute('x'))"
    )
    settle = (
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
    )
    whole, ticks, first = browser.evaluate(line), browser.evaluate(tick), browser.evaluate(mark)
    assert (min(ticks), max(ticks)) == (0, 200)
    press = "document.querySelector('figure [data-act={}]').click()"
    for _ in range(3):
        browser.evaluate(press.format("in"))
    browser.evaluate(settle)
    # Three times half of 200 ms about the middle.
    zoomed = browser.evaluate(tick)
    assert 87.5 <= min(zoomed) < max(zoomed) <= 112.5
    assert len(zoomed) > 3
    assert browser.evaluate(line) != whole
    assert browser.evaluate(mark) != first
    browser.evaluate(press.format("all"))
    browser.evaluate(settle)
    assert browser.evaluate(line) == whole
    assert browser.evaluate(tick) == ticks
    assert browser.evaluate(mark) == first
    assert browser.problems == []


def test_zooming_with_the_keyboard(browser, folder: Path) -> None:
    browser.open(folder / "index.html", 1280)
    browser.evaluate("document.querySelector('.drawing:has(.zoom-data)').focus()")
    assert browser.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
        "traces"
    )
    path = "document.querySelector('#figure-lockstep-line-0 path').getAttribute('d')"
    settle = (
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
    )
    whole, seen = browser.evaluate(path), set()
    for key in ("+", "ArrowRight", "-", "+", "+"):
        browser.press(key)
        browser.evaluate(settle)
        seen.add(browser.evaluate(path))
    assert len(seen) >= 4
    browser.press("0")
    browser.evaluate(settle)
    assert browser.evaluate(path) == whole
    assert browser.problems == []


def test_paper(browser, folder: Path) -> None:
    browser.open(folder / "index.html", 1280, dark=True)
    browser.media("print")
    try:
        # On paper it is black on white whatever the screen, without what only a screen can do.
        paper, ink = browser.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
            ".map(c => c.match(/\\d+/g).reduce((a, b) => +a + +b, 0) / 3)"
        )
        assert paper > 240
        assert ink < 60
        for name in (".zoom", ".drawing.narrow", "nav"):
            sizes = f"[...document.querySelectorAll('{name}')].map(n => n.getClientRects().length)"
            assert set(browser.evaluate(sizes)) <= {0}
    finally:
        browser.media("screen")
    assert browser.pdf()[:5] == b"%PDF-"


@pytest.mark.parametrize(
    ("text", "lines"),
    [("v (mV)", 1), ("m_sodium_dend_4", 2), ("a_very_long_variable_of_a_cell_with_many_parts", 2)],
)
def test_text_fits_its_room(text: str, lines: int) -> None:
    found = fitted(text, 60.0, 7.5)
    assert len(found.split("\n")) == lines
    assert all(text_width(line, 7.5) <= 60.0 for line in found.split("\n"))
    # Nothing is lost where the lines have room for all of it; else both ends are there.
    if "…" in found:
        assert found.startswith(text[:4])
        assert found.endswith(text[-4:])
    else:
        assert found.replace("\n", "") == text.replace("\n", "")


def test_a_value_stays_with_its_operator() -> None:
    found = fitted("axon.sodium.conductance *= 0.25", 110.0, 8.5, "bold", lines=3)
    assert found.split("\n")[-1].endswith("*= 0.25")


def test_differences_that_nearly_coincide_are_all_seen(runs: tuple[Run, ...]) -> None:
    recording = runs[0].recording
    trace = recording.traces["cells", "v"]

    def shifted(by: float) -> Recording:
        moved = dataclasses.replace(trace, values=trace.values + by)
        return dataclasses.replace(recording, traces={("cells", "v"): moved})

    figure = recordings_figure({"a": recording, "b": shifted(1e-3), "c": shifted(1.0001e-3)})
    panel = next(ax for ax in figure.axes if ax.get_ylabel().startswith("|Δ"))
    below, above = (line for line in panel.lines if str(line.get_gid()).startswith("line"))
    assert below.get_linewidth() > above.get_linewidth()
    assert above.is_dashed()
