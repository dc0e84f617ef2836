"""What README.md tells people to type works: every command and every block of Python, shortened.

A command of README has an entry in `COMMANDS`; one without is a failure.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from coincide.core.experiment import Experiment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
_CONSOLE = re.compile(r"^\$ (coincide .*?)(?: {2,}#.*)?$", re.MULTILINE)
_INLINE = re.compile(r"`(coincide [a-z][^`]*)`")
_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands_of(text: str) -> list[str]:
    """Every command, in blocks after ``$`` and in the text, in order, each once."""
    found = [(m.start(), m[1].strip()) for m in (*_CONSOLE.finditer(text), *_INLINE.finditer(text))]
    return list(dict.fromkeys(command for _, command in sorted(found)))


@dataclass(frozen=True)
class How:
    """How a command of README is run: with further arguments that shorten it, and what it has to say.

    ``slow`` says why it is left to ``make test-all``; ``ends`` are the statuses it may end with, 1 where a
    study may find something in so short a run. ``instead`` is what is run for a command with placeholders;
    empty text for one that is a name only. ``after`` has to be run before.
    """

    shows: str
    short: str = ""
    slow: str = ""
    ends: tuple[int, ...] = (0,)
    instead: str | None = None
    after: tuple[str, ...] = ()


_RUNS = "runs simulators in processes of their own"
_STUDY = "a whole study of several simulators"
_MEASURES = "measures times"
_GAIT = "coincide gait make walk.csv --ataxic --seed 3"
_HERE = "coincide run lif_10 -b neuron --mode aligned --out here"
_THERE = "coincide run lif_10 -b brian2 --mode raw --undo spike_stamp --out there"
_FOUND = (0, 1)
_SLOW_S = 900
"""A whole study, on a machine that does other things too."""

COMMANDS: dict[str, How] = {
    "coincide compare lif_10 --mode raw lockstep": How("≡ lockstep", "--duration 20ms", _RUNS),
    "coincide explain lif_80 -b brian2": How("spike_stamp", "--duration 50ms", _STUDY, _FOUND),
    "coincide diff A B --explain": How(
        "spikes", slow=_RUNS, instead="coincide diff here there --explain", after=(_HERE, _THERE)
    ),
    "coincide conventions": How("stamp", "-b pymonntorch", _STUDY),
    "coincide faults": How(
        "weights_half", "--only weights_half --models lif_10 --per-fault 1 --no-controls", _STUDY
    ),
    "coincide fuzz --cases 20 --seed 1": How("experiments", "--cases 2", _RUNS),
    "coincide converge hh_squid --variant built_in -b neuron --mode raw": How(
        "neuron", "--duration 20ms", _STUDY, _FOUND
    ),
    "coincide select hh_squid --error 0.05ms -b brian2 neuron": How(
        "0.05", "--duration 20ms --budget 60", _MEASURES, _FOUND
    ),
    "coincide lesion purkinje_khaliq2003 nav16_null -b brian2 neuron oracle --no-reference --dt 0.0025ms "
    "--out lesion": How("nav16_null", "--duration 20ms --dt 0.01ms", _STUDY),
    "coincide show purkinje_khaliq2003": How("nav16_null"),
    "coincide lesion cerebellar_circuit purkinje_loss -b brian2 neuron --severity 0.25,0.5,1": How(
        "purkinje_loss", "--duration 50ms", _STUDY
    ),
    'coincide lesion purkinje_khaliq2003 "capacitance × 1.2" "naRsg.epsilon := 1e-12"': How(
        "capacitance", "--duration 5ms -b neuron --no-reference", _STUDY
    ),
    'coincide lesion lif_80 "exc_to_inh_exc.weight *= 0.5" "remove 40% exc" "silence input_inh"': How(
        "silence", "--duration 50ms -b pymonntorch --no-reference --seeds 2", _RUNS
    ),
    "coincide sensitivity hh_squid -b brian2 neuron --parameter '*.conductance' '*.reversal' --percent 10 "
    "--out sensitivity": How(
        "tornado|matter", "--duration 20ms --parameter leak.conductance -b reference", _STUDY
    ),
    _GAIT: How("walk.csv"),
    "coincide gait check walk.csv": How("47 columns|walk.csv", after=(_GAIT,)),
    "coincide compare cerebellar_circuit --gait walk.csv --gait-column ThetaLeftKnee": How(
        "lockstep", "--duration 20ms -b pymonntorch", _RUNS, after=(_GAIT,)
    ),
    "coincide curve msn_d1 -b brian2 neuron": How("msn_d1|rate", "--duration 50ms", _STUDY),
    "coincide lesion basal_ganglia dopamine_depletion -b brian2 neuron --set size=5000": How(
        "dopamine_depletion", "--duration 50ms --set size=400 --seeds 1", _STUDY
    ),
    "coincide targets basal_ganglia -b brian2 neuron --set size=5000 --seeds 5": How(
        "Hz", "--duration 100ms --set size=400 --seeds 2 --from 20ms", _STUDY, _FOUND
    ),
    "coincide compare lif_80 --mode raw aligned lockstep": How(
        "lockstep", "--duration 20ms", _RUNS
    ),
    "coincide compare coba_4000 -b brian2 neuron --duration 500ms --expect round-off": How(
        "lockstep", "--duration 5ms", "4,000 cells on two simulators"
    ),
    "coincide compare synapse_lab --sweep": How(
        "lockstep", "--duration 20ms -b pymonntorch", _STUDY
    ),
    _HERE: How("here", "--duration 50ms"),
    _THERE: How("there", "--duration 50ms"),
    "coincide diff here there --explain": How("spikes", after=(_HERE, _THERE)),
    "coincide faults --only weights_half,delay_plus_one --models lif_10": How(
        "weights_half", "--per-fault 1 --no-controls", _STUDY
    ),
    "coincide corrections basal_ganglia": How(
        "corrected", "", "ten networks, as written and corrected"
    ),
    "coincide list": How("lif_10"),
    "coincide show lif_10": How("dv/dt"),
    "coincide doctor": How("reference", "", "a run on each simulator"),
    "coincide conformance brian2": How("passed", "--cases relaxation", "compiles on Brian2"),
    "coincide bench": How("", "--only cell --pairs 1 --duration 20ms --budget 60", _MEASURES),
    "coincide compare lif_80 --mode raw aligned lockstep --conventions --explain --converge --select "
    "--out report": How("lockstep", "--duration 20ms -b pymonntorch", _STUDY),
    "coincide compare mine.json": How("aligned|lockstep", "--duration 10ms -b pymonntorch", _RUNS),
    "coincide show --schema": How('"Experiment"'),
    "coincide compare mine.json --set cells.tau='10 ms'": How(
        "lockstep", "--duration 10ms -b pymonntorch", _RUNS
    ),
    "coincide compare lif_10 --mode aligned -b brian2 neuron oracle": How(
        "oracle", "--duration 20ms", _RUNS
    ),
    "coincide conformance NAME": How(
        "passed", "--cases relaxation", instead="coincide conformance reference"
    ),
    "coincide bench --only cell": How("", "--pairs 1 --duration 20ms --budget 60", _MEASURES),
    "coincide bench --only compare": How("", "--budget 60", _MEASURES),
}


def test_every_command_of_the_readme_has_an_entry() -> None:
    assert commands_of(README) == list(dict.fromkeys(commands_of(README)))
    assert set(commands_of(README)) == set(COMMANDS)


def test_commands_are_found_wherever_they_stand() -> None:
    block = '```console\n$ make x\n$ coincide run a   # why\n$ coincide b "c  d"\n```\n'
    text = f"{block}or `coincide run a`, `coincide e`"
    assert commands_of(text) == ["coincide run a", 'coincide b "c  d"', "coincide e"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where commands are typed, with the experiment of README's first block as mine.json."""
    made = tmp_path_factory.mktemp("readme")
    block = _PYTHON.findall(README)[0].partition("result = ")[0]
    scope: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), scope)
    experiment = scope["experiment"]
    assert isinstance(experiment, Experiment)
    (made / "mine.json").write_text(experiment.to_json(), encoding="utf-8")
    return made


def typed(folder: Path, command: str, short: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command as a user would, with further arguments."""
    program, *arguments = [*shlex.split(command), *shlex.split(short)]
    assert program == "coincide"
    return subprocess.run(
        [sys.executable, "-m", "coincide", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_SLOW_S,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
    )


@pytest.fixture(scope="module")
def ends(folder: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Type a command of README, shortened, after those that it needs; each once."""

    @cache
    def typed_once(command: str) -> subprocess.CompletedProcess[str]:
        for before in COMMANDS[command].after:
            assert typed_once(before).returncode == 0
        return typed(folder, COMMANDS[command].instead or command, COMMANDS[command].short)

    return typed_once


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(
            command,
            id=command.removeprefix("coincide "),
            marks=(pytest.mark.slow, pytest.mark.timeout(_SLOW_S)) if how.slow else (),
        )
        for command, how in COMMANDS.items()
        if how.instead != ""
    ],
)
def test_a_command_of_the_readme(
    command: str, ends: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    done, how = ends(command), COMMANDS[command]
    assert done.returncode in how.ends, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert re.search(how.shows, done.stdout), done.stdout[-2000:]


BLOCKS = _PYTHON.findall(README)


@pytest.mark.slow
@pytest.mark.timeout(_SLOW_S)
@pytest.mark.parametrize("k", range(len(BLOCKS)))
def test_a_block_of_python(k: int, tmp_path: Path) -> None:
    text = re.sub(r'duration="\d+ ms"', 'duration="10 ms"', BLOCKS[k])
    assert text != BLOCKS[k]
    done = subprocess.run(
        [sys.executable, "-"],
        input=text,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=_SLOW_S,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "lockstep" in done.stdout
