"""Faults of the machine, by real processes: each has one clear end."""

import json
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import coincide as co
from coincide.comparisons.checks.doctor import tiny_experiment
from coincide.comparisons.running.child import (
    PARENT,
    child_environment,
    run_to_folder,
    write_progress,
)
from coincide.comparisons.running.how import How
from coincide.comparisons.running.store import store_realization
from coincide.core.errors import InputError, MachineError
from coincide.core.exit_status import FINDINGS, ExitStatus, table_of
from coincide.core.realization import Realization
from coincide.core.seal import broken_seal, seal

COMMAND = [sys.executable, "-m", "coincide"]


def coincide(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """Run the command; its output as text."""
    environment = {**child_environment(), **options.pop("env", {})}
    environment.pop(PARENT, None)
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        **options,
    )


def one_run(**options):
    realization, path = store_realization(tiny_experiment())
    (found,) = How(**options).run(path, realization, [("reference", co.Settings())])
    return found


def flip(path: Path, place: int = -100) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


# A bit that flips


@pytest.mark.parametrize("name", ["spikes.h5", "v.h5", "run.json"])
def test_a_recording_that_changed_on_the_disk_is_computed_again(
    name: str, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = one_run()
    assert one_run().cached
    assert first.folder is not None
    path = first.folder / name
    if name == "run.json":
        path.write_text(path.read_text().replace('"spikes"', '"spikez"'))
    else:
        flip(path)
    with caplog.at_level(logging.WARNING, "coincide"):
        again = one_run()
    assert again.ok
    assert not again.cached
    words = f"the recording kept of this run was damaged ({name} is not as it was written); it was"
    assert words in again.notes[-1]
    assert words in caplog.text
    third = one_run()
    assert third.cached
    assert not any("damaged" in note for note in third.notes)
    assert np.array_equal(
        again.recording.spikes["cells"].times, first.recording.spikes["cells"].times
    )


def test_every_byte_is_under_the_seal(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run_to_folder(
        store_realization(tiny_experiment())[0], "reference", co.Settings(), folder, lambda f: None
    )
    seal(folder, json.loads((folder / "run.json").read_text()))
    assert broken_seal(folder) is None
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for place in range(0, len(whole), max(1, len(whole) // 25)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
            try:
                assert broken_seal(folder) is not None or json.loads(
                    path.read_bytes()
                ) == json.loads(whole)
            except InputError:
                assert path.name == "run.json"
        path.write_bytes(whole)
    shutil.copy(folder / "v.h5", folder / "moved.h5")
    (folder / "v.h5").unlink()
    assert broken_seal(folder) == "v.h5 is missing"
    (folder / "v.h5").symlink_to(folder / "moved.h5")
    assert broken_seal(folder) == "v.h5 is not as it was written"


def test_what_was_drawn_and_changed_on_the_disk_is_drawn_anew(
    own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    realization, path = store_realization(tiny_experiment())
    assert oct(path.stat().st_mode & 0o777) == "0o644"
    whole = path.read_bytes()
    for place in range(0, len(whole), len(whole) // 150):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        try:
            found = Realization.load(path)
        except InputError:
            continue
        assert found.digest == realization.digest  # padding, or a date in the zip's directory
    flip(path, len(whole) // 2)
    with caplog.at_level(logging.WARNING, "coincide"):
        found, _ = store_realization(tiny_experiment())
    assert found.digest == realization.digest
    assert "it was drawn anew" in caplog.text
    assert "it was drawn anew" in found.notes[-1]


# A full disk, and what cannot be written


def limited(**limits: int):
    """What a child does before it begins: limits of the system, in bytes."""

    def limit() -> None:
        for name, most in limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))

    return limit


def test_a_file_that_may_not_grow_is_a_sentence_and_a_status(
    own_cache: Path, tmp_path: Path
) -> None:
    done = coincide(
        "run",
        "lif_80",
        "--duration",
        "200 ms",
        "--out",
        str(tmp_path / "out"),
        preexec_fn=limited(FSIZE=20_000),
    )
    assert done.returncode == ExitStatus.MACHINE, done.stderr
    assert "file too large; the system allows no larger file (ulimit -f)" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert not (tmp_path / "out").exists()
    assert list(tmp_path.glob(".*")) == []  # nothing half-written is left
    done = coincide(
        "compare",
        "lif_80",
        "-b",
        "reference",
        "--duration",
        "200 ms",
        "--no-report",
        preexec_fn=limited(FSIZE=20_000),
    )
    assert done.returncode == ExitStatus.MACHINE, done.stderr + done.stdout
    assert "file too large" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 128 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    asked = ["mount", "-t", "tmpfs", "-o", "size=128k,mode=755", "tmpfs", str(folder)]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_full_disk_is_a_sentence_and_a_status(small_disk: Path, own_cache: Path) -> None:
    out = small_disk / "out"
    done = coincide("run", "lif_80", "--duration", "200 ms", "--out", str(out))
    assert done.returncode == ExitStatus.MACHINE, done.stderr
    assert "no space left on device; make room, or write elsewhere" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
    done = coincide(
        "compare",
        "lif_80",
        "-b",
        "reference",
        "--duration",
        "200 ms",
        "--no-report",
        env={"COINCIDE_CACHE_DIR": str(small_disk / "cache")},
    )
    assert done.returncode == ExitStatus.MACHINE, done.stderr + done.stdout
    assert "no space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_output_that_nobody_can_take_is_a_status(own_cache: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=child_environment(),
        )
    assert done.returncode == ExitStatus.MACHINE
    assert done.stderr.startswith("error: ")
    assert "no space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_progress_is_advice(tmp_path: Path) -> None:
    progress = write_progress(str(tmp_path / "missing" / "file"))
    progress(0.5)
    (tmp_path / "folder").mkdir()
    write_progress(str(tmp_path / "folder"))(0.5)
    realization = store_realization(tiny_experiment())[0]
    data = run_to_folder(realization, "reference", co.Settings(), tmp_path / "out", progress)
    assert data["status"] == "ok"


def test_a_link_to_a_folder_is_followed_and_kept(tmp_path: Path) -> None:
    target, link = tmp_path / "elsewhere" / "kept", tmp_path / "link"
    target.mkdir(parents=True)
    link.symlink_to(target)
    realization = store_realization(tiny_experiment())[0]
    for _ in range(2):
        run_to_folder(realization, "reference", co.Settings(), link, lambda f: None)
        assert link.is_symlink()
        assert (target / "run.json").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["elsewhere", "link"]
    assert [p.name for p in target.parent.iterdir()] == ["kept"]


# The parent that is gone


SLOW = """
    import sys
    import coincide as co
    from coincide.comparisons.running.how import How
    from coincide.comparisons.running.store import store_realization

    model = co.NeuronModel(name="slow", equations="dv/dt = -v/(10*ms) : mV")
    cells = [co.Population(name="c", model=model, size=1)]
    experiment = co.Experiment(name="slow", populations=cells, duration="10000 s")
    realization, path = store_realization(experiment)
    print("ready", flush=True)
    How(timeout_s=3600).run(path, realization, [(sys.argv[1], co.Settings())])
"""


def children_of(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("backend", ["reference", "neuron"])
def test_a_simulator_ends_with_the_process_that_waits_for_it(
    backend: str, tmp_path: Path, own_cache: Path
) -> None:
    script = tmp_path / "slow.py"
    script.write_text(textwrap.dedent(SLOW))
    parent = subprocess.Popen(
        [sys.executable, str(script), backend], env=child_environment(), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    deadline = time.monotonic() + 60
    while not (children := children_of(parent.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    (child,) = children
    time.sleep(4 if backend == "neuron" else 2)  # well into the run
    assert is_there(child)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 5
    while is_there(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_there(child)


@pytest.mark.parametrize("parent", ["1", ""])
def test_a_process_whose_input_ends_or_whose_time_is_over_ends(
    parent: str, tmp_path: Path, own_cache: Path
) -> None:
    """Where no kernel tells of the parent's end (it is another process here), the end of the pipe does."""
    script = tmp_path / "slow.py"
    only_drawn = textwrap.dedent(SLOW).partition("How(timeout_s")[0]
    script.write_text(f"{only_drawn}\nprint(path)\n")
    path = subprocess.run(
        [sys.executable, str(script)],
        env=child_environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[-1]
    environment = child_environment() | ({PARENT: parent} if parent else {})
    command = [*COMMAND, "run", path, "-b", "reference", "--out", str(tmp_path / "out"), "--quiet"]
    command += [] if parent else ["--ends-after", "1.5"]
    child = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, start_new_session=True
    )
    time.sleep(1.0)
    if parent:
        assert child.poll() is None
        assert child.stdin is not None
        child.stdin.close()
    assert child.wait(30) == (-signal.SIGKILL if parent else -signal.SIGALRM)


# Whose cache it is


def nobody(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    if not hasattr(os, "getuid") or os.getuid() != 0:
        pytest.skip("only root can be another user")
    try:
        subprocess.run([*COMMAND[:1], "-c", ""], check=True, user=65534, group=65534, cwd="/")
    except OSError:
        pytest.skip("another user cannot run this Python")
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        user=65534,
        group=65534,
        extra_groups=[],
        env={**child_environment(), "HOME": "/nonexistent", **environment},
        cwd="/",
    )


@pytest.mark.parametrize(
    ("mode", "words"),
    [(0o775, "may be written to by its group"), (0o777, "may be written to by everybody")],
)
def test_a_cache_that_others_may_write_to_is_refused(
    mode: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)
    monkeypatch.setenv("COINCIDE_CACHE_DIR", str(folder))
    with pytest.raises(MachineError, match=words) as caught:
        store_realization(tiny_experiment())
    assert "COINCIDE_CACHE_SHARED=1 if it is shared on purpose" in str(caught.value)
    monkeypatch.setenv("COINCIDE_CACHE_SHARED", "1")
    store_realization(tiny_experiment())
    monkeypatch.setenv("COINCIDE_CACHE_SHARED", "0")
    folder.chmod(0o755)
    store_realization(tiny_experiment())


def test_the_cache_of_somebody_else_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
        if folder.name.startswith("pytest-of"):
            break
    cache, out = tmp_path / "cache", tmp_path / "out"
    cache.mkdir()
    out.mkdir(mode=0o777)
    out.chmod(0o777)
    asked = ["compare", "lif_80", "-b", "reference", "--duration", "20 ms", "--no-report"]
    refused = nobody(*asked, COINCIDE_CACHE_DIR=str(cache))
    if "Permission denied" in refused.stderr or "No module named" in refused.stderr:
        pytest.skip("another user cannot read this installation")
    assert refused.returncode == ExitStatus.MACHINE, refused.stderr
    assert "belongs to another user, whose compiled code would be loaded" in refused.stderr
    # Shared on purpose: what one has run the other takes.
    cache.chmod(0o777)
    shared = {"COINCIDE_CACHE_DIR": str(cache), "COINCIDE_CACHE_SHARED": "1"}
    first = coincide(*asked, env=shared)
    assert first.returncode == 0, first.stderr
    second = nobody(*asked, **shared)
    assert second.returncode == 0, second.stderr + second.stdout
    assert "cached" in second.stdout
    third = nobody(*asked[:5], "30 ms", "--no-report", **shared)
    assert third.returncode == 0, third.stderr + third.stdout


# What reaches the terminal


EVIL = "\x1b[2J\x1b]0;owned\x07 \x9b31m [red]title[/red] [/bold]"


@pytest.mark.slow
def test_what_a_file_is_called_does_nothing_to_the_terminal(
    tmp_path: Path, own_cache: Path
) -> None:
    experiment = tiny_experiment().to_dict() | {"title": EVIL, "name": EVIL, "source": EVIL}
    path = tmp_path / "model.json"
    path.write_text(json.dumps(experiment))
    for asked in (
        ["show", str(path)],
        ["run", str(path), "--out", str(tmp_path / "out")],
        ["compare", str(path), "-b", "reference", "--no-report"],
        ["run", EVIL],
        ["show", str(path), "--set", f"{EVIL}=1"],
        ["compare", str(path), "-b", EVIL],
        ["diff", str(tmp_path / f"a{EVIL[:4]}.csv"), str(path)],
    ):
        done = coincide(*asked)
        said = done.stdout + done.stderr
        assert "\x1b" not in said, asked
        assert "\x07" not in said, asked
        assert "\x9b" not in said, asked
        assert "Traceback" not in said, asked
        assert said


# Other interpreters


def test_run_obeys_the_interpreter_of_a_backend(tmp_path: Path, own_cache: Path) -> None:
    log, other = tmp_path / "log", tmp_path / "python"
    other.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    asked = ["run", "lif_80", "--duration", "10 ms", "--out", str(tmp_path / "out")]
    done = coincide(*asked, env={"COINCIDE_PYTHON_REFERENCE": str(other)})
    assert done.returncode == 0, done.stderr
    (line,) = log.read_text().splitlines()
    assert line.startswith("-m coincide run lif_80")
    assert (tmp_path / "out" / "run.json").exists()
    done = coincide(*asked, env={"COINCIDE_PYTHON_REFERENCE": "/bin/false"})
    assert done.returncode != 0
    done = coincide(*asked, env={"COINCIDE_PYTHON_REFERENCE": str(tmp_path / "none")})
    assert done.returncode == ExitStatus.BAD_INPUT
    assert "does not run: no such file or directory; give the path of a Python" in done.stderr


def test_list_says_the_versions_of_a_backend_where_it_runs(tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    found = {}
    for name, python in (("NEURON", str(other)), ("BRIAN2", "/bin/false"), ("ORACLE", "/none")):
        done = coincide("list", "--json", "-", env={f"COINCIDE_PYTHON_{name}": python})
        assert done.returncode == 0, done.stderr
        rows = {row["name"]: row for row in json.loads(done.stdout)["backends"]}
        found[name] = rows[name.lower()]
    assert found["NEURON"]["python"] == str(other)
    assert found["NEURON"]["installed"]
    assert found["NEURON"]["versions"].keys() == {"neuron"}
    for name, python in (("BRIAN2", "/bin/false"), ("ORACLE", "/none")):
        assert not found[name]["installed"]
        assert found[name]["versions"] == {}
        assert f"{python} " in found[name]["install"]
        assert "give the path of a Python that has" in found[name]["install"]


# The table of exit statuses


def test_every_command_tells_how_it_ends() -> None:
    from coincide.comparisons.cli import app, main

    names = [c.name or c.callback.__name__ for c in app.registered_commands]
    assert set(FINDINGS) <= set(names)
    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        for line in table_of(name):
            assert line in (command.epilog or "")
        assert ("1: " in (command.epilog or "")) == (name in FINDINGS)
    assert {int(status) for status in ExitStatus} == {0, 1, 2, 3, 4, 130}
    assert main(["run", "no_such_model"]) == ExitStatus.BAD_INPUT


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are Linux's")
@pytest.mark.parametrize("megabytes", [300, 600])
def test_too_little_memory_ends_with_a_sentence(megabytes: int, own_cache: Path) -> None:
    begun = time.monotonic()
    done = coincide(
        "compare",
        "lif_80",
        "-b",
        "reference",
        "--duration",
        "20 ms",
        "--no-report",
        preexec_fn=limited(AS=megabytes * 2**20),
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    if megabytes < 512:
        # OpenBLAS would wait for ever for the memory that it does not get, deaf to signals.
        assert time.monotonic() - begun < 60
        assert done.returncode == ExitStatus.MACHINE, said
        assert "may have 300 MB of address space (ulimit -v)" in said
    else:
        assert done.returncode in (ExitStatus.DONE, ExitStatus.FAILED, ExitStatus.MACHINE), said
        assert said.strip()
