"""What `coincide compare` adds to its page: conventions, causes, convergence, work and precision."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from coincide.backends.registry import is_installed
from coincide.comparisons.cli import main
from coincide.comparisons.commands.further import PARTS, differing, further, joined
from coincide.comparisons.showing.section import Section, Statement
from coincide.comparisons.studies.compare.study import Comparison, compare
from coincide.models.library import load_model

HOW = {"jobs": 2, "timeout_s": 600.0, "fresh": False}
brian2 = pytest.mark.skipif(not is_installed("brian2"), reason="Brian2 is not installed")


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COINCIDE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def comparison(own_cache: None) -> Comparison:
    short = load_model("lif_10").with_(duration="60 ms")
    return compare(short, ["brian2"], ["raw", "aligned", "lockstep"], jobs=2)


@brian2
def test_each_backend_is_explained_in_the_first_mode_in_which_it_differs(
    comparison: Comparison,
) -> None:
    assert [(run.id, held.id) for run, held in differing(comparison)] == [
        ("brian2-raw", "reference-raw")
    ]


@pytest.mark.slow
@brian2
def test_causes_stand_on_the_page_of_a_comparison(comparison: Comparison, tmp_path: Path) -> None:
    (part,) = further(comparison, Console(quiet=True), ["explain"], HOW)
    assert part.name == "explanations"
    assert part.data["brian2-raw"]["causes"]
    page = comparison.save(
        tmp_path / "out", more=part.sections, command="coincide compare --explain"
    )
    html = page.read_text(encoding="utf-8")
    assert "Why brian2 differs from the reference: raw" in html
    for name in ("brian2-raw-explanation.png", "brian2-raw-causes.csv", "brian2-raw-ladder.csv"):
        assert (page.parent / name).is_file()
    said = json.loads((page.parent / "page.json").read_text())["provenance"]["command"]
    assert said == "coincide compare --explain"


def test_sections_of_another_page_keep_their_names_apart() -> None:
    given = [Section("Convergence", "one"), Section("Notes", "two")]
    first, second = joined([Statement("neuron", ("It converges.",))], given)
    assert (first.title, second.title) == ("Convergence", "Convergence: notes")
    assert "neuron: It converges." in first.body
    assert "one" in first.body


@pytest.mark.slow
@brian2
def test_all_parts_on_one_page(comparison: Comparison, tmp_path: Path) -> None:
    parts = further(comparison, Console(quiet=True), list(PARTS), HOW)
    assert [p.name for p in parts] == ["conventions", "explanations", "convergence", "selection"]
    sections = [section for part in parts for section in part.sections]
    page = comparison.save(tmp_path / "out", more=sections)
    for name in ("conventions.csv", "convergence.png", "precision.svg", "points.csv"):
        assert (page.parent / name).is_file()
    titles = [s["title"] for s in json.loads((page.parent / "page.json").read_text())["sections"]]
    assert len(set(titles)) == len(titles)


def test_a_sweep_has_none_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "brunel_2000", "--sweep", "--explain"]) == 2
    assert "--explain: a sweep has none" in capsys.readouterr().err
