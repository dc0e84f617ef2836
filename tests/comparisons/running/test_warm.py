"""Warm workers: the same results as from processes of their own, and each accident costs one run."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from coincide import Experiment, NeuronModel, Population, compare
from coincide.comparisons.running.child import child_environment
from coincide.comparisons.running.runs import Run
from coincide.comparisons.running.warm import COLD, Fork, forks, workers
from coincide.core.settings import Settings

TIMES = {"build_s", "run_s", "wall_s", "peak_mb", "seal"}


def small(duration: str = "20 ms", dt: str = "0.1 ms") -> Experiment:
    model = NeuronModel(
        name="leaky",
        equations="dv/dt = (60*mV - v)/(9*ms) : mV",
        threshold="v > 20*mV",
        reset="v = 0*mV",
    )
    return Experiment(
        name="small",
        populations=[Population(name="cells", model=model, size=2)],
        duration=duration,
        dt=dt,
    )


def long() -> Experiment:
    """Some minutes of work for the reference."""
    return small("100000 ms", "0.01 ms")


@pytest.fixture(autouse=True)
def no_worker_of_before(own_cache: Path) -> Iterator[None]:
    workers().close()
    yield
    workers().close()


def one(experiment: Experiment, backend: str, **how) -> Run:
    (run,) = compare(experiment, [backend], "aligned", reference=False, **how).runs
    return run


def plain(run: Run) -> dict:
    assert run.folder is not None
    data = json.loads((run.folder / "run.json").read_text())
    return {k: v for k, v in data.items() if k not in TIMES}


@pytest.mark.parametrize("backend", ["reference", "brian2", "neuron", "pymonntorch"])
def test_a_fork_leaves_what_a_process_of_its_own_leaves(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm = one(small(), backend)
    first = workers()[backend].process.pid
    again = one(small(), backend, fresh=True)
    assert workers()[backend].process.pid == first
    found = plain(warm)
    assert plain(again) == found
    monkeypatch.setenv(COLD, "1")
    cold = one(small(), backend, fresh=True)
    assert plain(cold) == found
    assert (
        cold.recording.spikes["cells"].times.tobytes()
        == warm.recording.spikes["cells"].times.tobytes()
    )


def begun(backend: str) -> Fork:
    """The run that a worker is doing, as soon as it has begun."""
    for _ in range(600):
        known = workers()._workers.get(backend)
        for fork in tuple(known[1]._forks.values()) if known else ():
            if fork.pid is not None:
                return fork
        time.sleep(0.05)
    raise AssertionError("no run began")


def in_background(experiment: Experiment, backend: str, **how) -> tuple[threading.Thread, list]:
    runs: list[Run] = []
    thread = threading.Thread(target=lambda: runs.append(one(experiment, backend, **how)))
    thread.start()
    return thread, runs


def ends(*pids: int) -> bool:
    """Whether processes end within some seconds."""
    for _ in range(100):
        if not any(map(is_there, pids)):
            return True
        time.sleep(0.05)
    return False


def is_there(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.parametrize("whom", ["run", "worker"])
def test_what_is_killed_costs_its_own_row(whom: str) -> None:
    thread, runs = in_background(long(), "reference")
    fork = begun("reference")
    worker = workers()["reference"].process.pid
    os.kill(fork.pid if whom == "run" else worker, signal.SIGKILL)
    thread.join(30)
    (run,) = runs
    assert run.status == "failed"
    assert run.reason == "the process died of SIGKILL; out of memory?"
    assert ends(fork.pid)
    assert one(small(), "reference").ok
    assert (workers()["reference"].process.pid == worker) == (whom == "run")


def test_a_run_ends_with_its_time_and_the_worker_stays() -> None:
    assert one(small(), "reference").ok
    worker = workers()["reference"].process.pid
    thread, runs = in_background(long(), "reference", timeout_s=2.0)
    fork = begun("reference")
    thread.join(30)
    assert runs[0].status == "timeout"
    assert "did not finish within 2 s" in runs[0].reason
    assert ends(fork.pid)
    assert workers()["reference"].process.pid == worker
    assert one(small(), "reference", fresh=True).ok


def test_worker_and_run_end_with_the_one_that_asked(tmp_path: Path) -> None:
    (tmp_path / "long.json").write_text(long().to_json())
    script = tmp_path / "asks.py"
    script.write_text(
        "import threading, time, coincide as co\n"
        "from coincide.comparisons.running.warm import workers\n"
        f"e = co.Experiment.load({str(tmp_path / 'long.json')!r})\n"
        "how = dict(modes='aligned', reference=False)\n"
        "ask = lambda: co.compare(e, ['reference'], **how)\n"
        "threading.Thread(target=ask, daemon=True).start()\n"
        "while True:\n"
        "    time.sleep(0.05)\n"
        "    known = workers()._workers.get('reference')\n"
        "    pids = [f.pid for f in (known[1]._forks.values() if known else ()) if f.pid]\n"
        "    if pids:\n"
        "        print(known[1].process.pid, *pids, flush=True)\n"
        "        time.sleep(600)\n"
    )
    asks = subprocess.Popen(
        [sys.executable, str(script)], env=child_environment(), stdout=subprocess.PIPE, text=True
    )
    assert asks.stdout is not None
    pids = [int(word) for word in asks.stdout.readline().split()]
    assert len(pids) == 2
    assert all(map(is_there, pids))
    asks.kill()
    asks.wait()
    assert ends(*pids)
    asks.stdout.close()


def test_another_environment_is_another_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    assert one(small(), "reference").ok
    before = workers()["reference"]
    monkeypatch.setenv("COINCIDE_CACHE_SHARED", "")
    assert workers()["reference"] is before
    monkeypatch.setenv("SOMETHING_THAT_A_LIBRARY_READS", "1")
    after = workers()["reference"]
    assert after is not before
    assert not before.alive


def test_a_simulator_that_does_not_import_says_so_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['neuron'] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    reasons = set()
    for cold in ("", "1"):
        monkeypatch.setenv(COLD, cold)
        run = one(small(), "neuron", fresh=True)
        assert run.status == "failed"
        reasons.add(run.reason)
    (reason,) = reasons
    assert "neuron" in reason


def test_an_executor_of_processes_has_workers_of_its_own() -> None:
    assert one(small(), "reference").ok
    ours = workers()["reference"]
    with ProcessPoolExecutor(1) as executor:
        assert one(small(), "reference", fresh=True, executor=executor).ok
    assert ours.alive
    assert workers()["reference"] is ours


def test_where_a_fork_is_not_safe_there_is_none() -> None:
    assert forks("brian2", Settings("raw"))
    assert not forks("pymonntorch", Settings("raw", device="cuda"))
    assert not forks("fault:weights_half:reference", Settings("raw"))
