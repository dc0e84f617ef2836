"""Every study gives a `Result`: one JSON head, one way to save, to print and to show in a notebook."""

import json
import pkgutil
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from coincide import (
    Experiment,
    compare,
    conventions,
    converge,
    curve,
    diff,
    explain,
    lesion,
    select,
    sensitivity,
)
from coincide.backends.registry import is_installed
from coincide.comparisons import studies
from coincide.comparisons.cli import main
from coincide.comparisons.running.how import HowKeywords
from coincide.comparisons.showing.result import Result
from coincide.comparisons.studies.targets.beside import beside
from coincide.models.library import load_model, targets_of

SIMULATOR = "brian2" if is_installed("brian2") else "reference"
HOW: HowKeywords = {"target": "numpy"} if SIMULATOR == "brian2" else {}


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COINCIDE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


def short(duration: str = "30 ms") -> Experiment:
    return load_model("lif_10").with_(duration=duration)


def of_targets() -> Result:
    def make(state: str, variant: str) -> Experiment:
        small = load_model("basal_ganglia", variant, state=state, size=1000)
        return small.with_(duration="60 ms")

    return beside(make, targets_of("basal_ganglia"), ["reference"], seeds=2)


def of_recordings() -> Result:
    ours, theirs = (
        {"time (ms)": [1.0, 2.0], "cell": [0, 1]},
        {"time (ms)": [1.0, 2.5], "cell": [0, 1]},
    )
    return diff(ours, theirs, explain=True)


STUDIES: dict[str, Callable[[], Result]] = {
    "comparison": lambda: compare(short(), SIMULATOR, ["lockstep", "raw"], **HOW),
    "convergence": lambda: converge(short(), SIMULATOR, levels=3, seeds=0, oracle=False, **HOW),
    "selection": lambda: select(short(), SIMULATOR, "aligned", budget_s=5.0, oracle=False, **HOW),
    "explanation": lambda: explain(short(), [SIMULATOR, "reference"], budget=4, **HOW),
    "lesion": lambda: lesion(short(), "silence cells", SIMULATOR, seeds=1, **HOW),
    "curve": lambda: curve(
        "msn_d1", SIMULATOR, first="550 pA", last="600 pA", duration_ms=60.0, oracle=False, **HOW
    ),
    "sensitivity": lambda: sensitivity(short(), SIMULATOR, parameters="cells.tau", **HOW),
    "targets": of_targets,
    "diff": of_recordings,
    "conventions": lambda: conventions(["reference"]),
}
WITHOUT_EXPERIMENT = {"diff", "conventions"}


@cache
def result_of(name: str) -> Result:
    return STUDIES[name]()


@pytest.fixture(params=STUDIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def result(name: str) -> Result:
    return result_of(name)


def test_every_result_is_tried_here() -> None:
    for module in pkgutil.walk_packages(studies.__path__, f"{studies.__name__}."):
        import_module(module.name)
    assert {f"coincide-{name}/1" for name in STUDIES} == {c.kind for c in Result.__subclasses__()}


def test_the_head_says_what_it_is_and_of_which_experiment(name: str, result: Result) -> None:
    data = result.to_dict()
    assert list(data)[:2] == ["kind", "experiment"]
    assert data["kind"] == f"coincide-{name}/1"
    assert (data["experiment"] is None) == (name in WITHOUT_EXPERIMENT)
    if (e := result.experiment) is not None:
        assert data["experiment"] == {
            "name": e.name,
            "variant": e.variant,
            "title": e.title,
            "hash": e.hash,
            "seed": e.seed,
            "dt_ms": e.dt_ms,
            "duration_ms": e.duration_ms,
        }
    assert len(data) > 5
    assert data.get("verdict") == result.verdict


def test_json_has_no_more_than_json_can_say(result: Result) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    assert json.loads(result.to_json(), parse_constant=refuse) == result.to_dict()


def test_a_page_is_saved_with_the_files_that_it_names(
    name: str, result: Result, tmp_path: Path
) -> None:
    page = result.save(tmp_path / "new", command="coincide again")
    contents = json.loads((page.parent / "page.json").read_text(encoding="utf-8"))
    assert page == tmp_path / "new" / "index.html"
    assert {p.name for p in page.parent.iterdir()} == set(contents["files"])
    assert contents["title"]
    assert contents["subtitle"]
    assert contents["verdict"]
    assert contents["provenance"]["command"] == "coincide again"
    assert ("experiment.json" in contents["files"]) == (name not in WITHOUT_EXPERIMENT)
    files = [page.parent / f"{data}.json" for s in contents["sections"] for data in s["data"]]
    assert result.to_dict() in [json.loads(file.read_text(encoding="utf-8")) for file in files]
    html = page.read_text(encoding="utf-8")
    for said in contents["verdict"]:
        assert said["word"] in html


def test_the_page_says_what_repeats_it(
    name: str, result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = result.save(tmp_path / "new")
    command = json.loads((page.parent / "page.json").read_text())["provenance"]["command"]
    # Where recordings come from knows who read them; the result does not.
    assert command.startswith("coincide ") == (name != "diff")
    if name in ("diff", "targets", "selection", "conventions"):  # none, or nothing that is kept
        return
    assert ("--target numpy" in command) == bool(HOW)
    monkeypatch.chdir(page.parent)
    main([*shlex.split(command)[1:], "--json", "again.json"])
    again, data = json.loads(Path("again.json").read_text()), result.to_dict()
    for key in ("kind", "experiment", "verdict", "sentences", "in_words", "notes"):
        assert again.get(key) == data.get(key), key
    assert all(run.get("cached", True) for run in again.get("runs", ()))


def test_it_prints_what_was_found(result: Result) -> None:
    assert str(result) == "\n".join(result.sentences())
    first, rest = repr(result).split("\n", 1)
    assert rest == str(result) != ""
    assert first.startswith(type(result).__name__)
    assert first.endswith(f": {result.verdict}") == (result.verdict is not None)


def test_a_notebook_shows_it(result: Result) -> None:
    html = result._repr_html_()
    assert "<script" not in html
    assert result.verdict is None or result.verdict in html
    assert "<table" in html or "<img" in html
