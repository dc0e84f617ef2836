"""Runs as processes: what a crash, a hang, a NaN or an interruption costs, and what the cache keeps."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from coincide.backends.base import Backend
from coincide.comparisons.checks.doctor import tiny_experiment
from coincide.comparisons.running import process
from coincide.comparisons.running.child import write_progress
from coincide.comparisons.running.how import How, Listener
from coincide.comparisons.running.runs import Job
from coincide.comparisons.running.store import perform, store_realization
from coincide.comparisons.running.warm import COLD
from coincide.comparisons.studies.compare.study import compare
from coincide.core.errors import InputError
from coincide.core.settings import Settings

PLUGIN = """
    import os, signal, sys, time
    import numpy as np
    from coincide.backends.base import Backend
    from coincide.backends.reference import ReferenceBackend
    from coincide.core.features import FEATURES
    from coincide.core.errors import InputError
    from coincide.core.settings import MODES

    class Broken(Backend):
        name = "broken"
        modes = MODES
        features = frozenset(FEATURES)

        def version(self):
            return "broken 1"

        def _simulate(self, realization, settings, progress):
            {body}
"""
BODIES = {
    "crash": "os.kill(os.getpid(), signal.SIGSEGV)",
    "hang": "time.sleep(600)",
    "raise": "raise KeyError('a bug in the simulator')",
    "memory": "raise MemoryError",
    "exit": "os._exit(7)",
    "nan": (
        "r = ReferenceBackend()._simulate(realization, settings, progress); "
        "r.traces['cells', 'v'].values[50:] = np.nan; return r"
    ),
    "tail": (
        "from dataclasses import replace; "
        "r = ReferenceBackend()._simulate(realization, settings, progress); "
        "t = r.traces['cells', 'v']; "
        "return replace(r, traces={('cells', 'v'): replace(t, values=t.values[:-7])})"
    ),
    "initial": (
        "r = ReferenceBackend()._simulate(realization, settings, progress); "
        "from dataclasses import replace; "
        "return replace(r, spikes={})"
    ),
}


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path):
    """Installs a plug-in backend whose run does what is asked for, and returns its name."""

    def install(kind: str) -> str:
        site = tmp_path / "site"
        info = site / "broken_backend-1.dist-info"
        info.mkdir(parents=True)
        source = textwrap.dedent(PLUGIN).format(body=BODIES[kind])
        (site / "broken_backend.py").write_text(source)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-backend\nVersion: 1\n")
        (info / "entry_points.txt").write_text(
            "[coincide.backends]\nbroken = broken_backend:Broken\n"
        )
        paths = [str(site), os.environ.get("PYTHONPATH", "")]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in paths if p))
        monkeypatch.syspath_prepend(str(site))
        from coincide.backends import registry

        registry.entries.cache_clear()
        return "broken"

    yield install
    from coincide.backends import registry

    monkeypatch.undo()
    sys.modules.pop("broken_backend", None)
    registry.entries.cache_clear()


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        ("crash", "failed", "SIGSEGV"),
        ("hang", "timeout", "within 20 s"),
        ("raise", "failed", "a bug in the simulator"),
        ("memory", "failed", "memory"),
        ("exit", "failed", "ended"),
        ("nan", "failed", "nan from 5 ms on"),
        ("tail", "failed", "494 samples instead of 501"),
        ("initial", "failed", "no spikes of cells"),
    ],
)
def test_a_broken_backend_costs_its_own_row(broken, kind: str, status: str, word: str) -> None:
    name = broken(kind)
    timeout = 20.0 if kind == "hang" else 60.0
    result = compare(tiny_experiment(), [name, "reference"], timeout_s=timeout)
    bad = next(run for run in result.runs if run.backend == "broken")
    good = next(run for run in result.runs if run.backend == "reference")
    assert bad.status == status
    assert word in bad.reason
    assert good.status == "ok"
    assert good.recording.traces["cells", "v"].values.shape == (501, 2)


def test_a_killed_process_costs_its_own_row(own_cache: Path, monkeypatch) -> None:
    started: list[int] = []
    original = subprocess.Popen

    def remembering(*args, **kwargs):
        process = original(*args, **kwargs)
        started.append(process.pid)
        return process

    monkeypatch.setenv(COLD, "1")  # of a fork the same is shown in test_warm.py
    monkeypatch.setattr(process.subprocess, "Popen", remembering)
    experiment = tiny_experiment().with_(duration="20000 ms")
    realization, path = store_realization(experiment)
    job = Job(str(path), realization.digest, "reference", Settings())
    result = []
    thread = threading.Thread(target=lambda: result.append(perform(job)))
    thread.start()
    deadline = time.monotonic() + 30
    while not started and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(started[0], signal.SIGKILL)
    thread.join(30)
    assert result[0].status == "failed"
    assert "SIGKILL" in result[0].reason


def test_the_same_run_is_computed_once(own_cache: Path) -> None:
    experiment = tiny_experiment()
    first = compare(experiment, ["reference"])
    second = compare(experiment, ["reference"])
    third = compare(experiment, ["reference"], fresh=True)
    assert [c.runs[0].cached for c in (first, second, third)] == [False, True, False]
    a, b = (c.runs[0].recording.traces["cells", "v"].values for c in (first, second))
    np.testing.assert_array_equal(a, b)


def test_other_settings_and_seeds_are_other_runs(own_cache: Path) -> None:
    experiment = tiny_experiment()
    compare(experiment, ["reference"])
    assert not compare(experiment, ["reference"], method="euler").runs[0].cached
    assert not compare(experiment.with_(seed=2), ["reference"]).runs[0].cached
    assert not compare(experiment.with_(dt="0.05 ms"), ["reference"]).runs[0].cached


def test_a_failed_run_is_tried_again(broken) -> None:
    name = broken("raise")
    first = compare(tiny_experiment(), [name], reference=False).runs[0]
    second = compare(tiny_experiment(), [name], reference=False).runs[0]
    assert (first.status, second.status) == ("failed", "failed")
    assert not second.cached


def test_two_compares_at_once_share_the_cache(own_cache: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "coincide",
        "compare",
        "lif_10",
        "-b",
        "reference",
        "--no-report",
        "--json",
        "-",
    ]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(3)
    ]
    import json

    outputs = [json.loads(p.communicate(timeout=120)[0]) for p in processes]
    assert all(p.returncode == 0 for p in processes)
    digests = {o["runs"][0]["spikes"]["cells"] for o in outputs}
    assert len(digests) == 1
    # One computed it, the others waited and took it.
    assert sorted(o["runs"][0]["cached"] for o in outputs) == [False, True, True]


def test_an_interrupted_compare_goes_on_from_what_finished(own_cache: Path) -> None:
    experiment = tiny_experiment()
    realization, path = store_realization(experiment)
    requests = [("reference", Settings(method=m)) for m in ("euler", "exponential_euler", "rk4")]

    class StopAfterFirst(Listener):
        def end(self, place, run) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        How(jobs=1, listener=StopAfterFirst()).run(path, realization, requests)
    again = How(jobs=1).run(path, realization, requests)
    assert again[0].cached
    assert all(run.ok for run in again)


def test_any_executor_can_run_them(own_cache: Path) -> None:
    from concurrent.futures import ProcessPoolExecutor

    realization, path = store_realization(tiny_experiment())
    with ProcessPoolExecutor(1) as pool:
        (run,) = How(executor=pool).run(path, realization, [("reference", Settings())])
    assert run.ok


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 0.0, -1.0, 2e9])
def test_a_time_that_no_clock_can_wait_for_is_no_timeout(seconds: float) -> None:
    with pytest.raises(InputError, match="--timeout: ") as caught:
        compare(tiny_experiment(), "reference", timeout_s=seconds)
    assert caught.value.exit_status == 2


def test_no_jobs_side_by_side_are_refused() -> None:
    with pytest.raises(InputError, match="--jobs: 0 is given"):
        compare(tiny_experiment(), "reference", jobs=0)


def test_nothing_half_written_is_left(broken, own_cache: Path) -> None:
    name = broken("crash")
    compare(tiny_experiment(), [name], reference=False)
    left = [p for p in (own_cache / "runs").rglob("*") if p.is_file() and p.suffix != ".lock"]
    assert left == []


def test_a_backend_is_abstract_until_it_simulates() -> None:
    with pytest.raises(TypeError, match="_simulate"):
        Backend()  # type: ignore[abstract]


def test_a_run_that_is_stopped_says_how_far_it_came(tmp_path: Path) -> None:
    job = Job("x", "x", "reference", Settings("lockstep"), 3.0, progress_file=str(tmp_path / "0"))
    assert process.too_late(job) == "did not finish within 3 s"
    write_progress(job.progress_file)(0.125)
    assert process.too_late(job) == "did not finish within 3 s; 12 % of it was done"
