"""coincide sensitivity: closed forms of changes, what is changed, and when nothing is told."""

import json
from pathlib import Path

import numpy as np
import pytest

from coincide import Experiment, InputError, NeuronModel, Population
from coincide.comparisons.cli import main
from coincide.comparisons.measuring.readings import Measure
from coincide.comparisons.studies.sensitivity import sensitivity
from coincide.comparisons.studies.sensitivity.study import chosen, scalable
from coincide.core.inputs import ConstantInput, UniformNoiseInput
from coincide.core.populations import PoissonSource
from coincide.core.projections import AllToAll, Projection
from coincide.core.receptors import ExponentialCurrent
from coincide.core.values import Uniform

RATE = Measure("cells", "rate")


def leaky(**more) -> Experiment:
    """Cells that charge to 40 mV and spike at 20 mV: the interval is tau·ln 2, the rate its inverse."""
    model = NeuronModel(
        name="leaky",
        equations="dv/dt = (drive - v)/tau : mV\ndrive : mV (input)\ntau : ms\nlevel : mV\nidle : mV",
        threshold="v > level",
        reset="v = 0*mV",
        parameters={"tau": "10 ms", "level": "20 mV", "idle": "3 mV"},
    )
    fields = {
        "name": "leaky",
        "populations": [Population(name="cells", model=model, size=2)],
        "inputs": [ConstantInput(name="push", population="cells", amplitude="40 mV")],
        "duration": "500 ms",
        "dt": "0.02 ms",
    }
    return Experiment(**fields | more)


def test_changes_are_those_of_the_closed_form(own_cache: Path) -> None:
    study = sensitivity(leaky(), ["reference"], "aligned", percent=20, start_ms=0.0)
    by_name = {i.parameter: i for i in study.of(RATE)}
    assert by_name.keys() == {"cells.tau", "cells.level", "cells.idle", "push.amplitude"}

    def rate(tau: float, level: float, drive: float) -> float:
        return 1e3 / (tau * np.log(drive / (drive - level)))

    base = rate(10, 20, 40)
    assert study.values[("", 0), "reference", RATE] == pytest.approx(base, abs=2)
    for name, of in (
        ("cells.tau", lambda f: rate(10 * f, 20, 40)),
        ("cells.level", lambda f: rate(10, 20 * f, 40)),
        ("push.amplitude", lambda f: rate(10, 20, 40 * f)),
        ("cells.idle", lambda f: base),
    ):
        influence = by_name[name]
        # One spike in 72, at both ends of the quotient.
        assert influence.smaller["reference"] == pytest.approx(of(0.8) / base - 1, abs=0.03), name
        assert influence.larger["reference"] == pytest.approx(of(1.2) / base - 1, abs=0.03), name
    sizes = [i.size for i in study.of(RATE)]
    assert sizes == sorted(sizes, reverse=True)
    assert {i.verdict for i in study.influences} == {"one only"}


def test_what_does_nothing_matters_less_than_the_choice_of_simulator(own_cache: Path) -> None:
    short = leaky(duration="300 ms", dt="0.1 ms")
    backends = ["brian2", "neuron", "reference"]
    patterns = ["cells.tau", "cells.idle"]
    study = sensitivity(short, backends, parameters=patterns, start_ms=0.0)
    verdicts = {i.parameter: i.verdict for i in study.of(RATE)}
    assert verdicts == {"cells.tau": "more", "cells.idle": "less"}
    (influence,) = (i for i in study.of(RATE) if i.parameter == "cells.idle")
    real = [study.values[("", 0), name, RATE] for name in ("brian2", "neuron")]
    # At least one spike of one of two cells in 300 ms.
    least = 1 / (0.3 * 2)
    expected = max(max(real) - min(real), least) / np.mean(real)
    assert influence.disagreement == pytest.approx(expected, rel=1e-12)
    assert set(influence.smaller) == {"brian2", "neuron", "reference"}
    assert "cells.idle matters no more" in str(study)


def test_a_simulator_that_did_not_run_leaves_all_undecided(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COINCIDE_PYTHON_NEURON", "/no/such/python")
    short = leaky(duration="100 ms", dt="0.1 ms")
    backends = ["brian2", "pymonntorch", "neuron"]
    study = sensitivity(short, backends, parameters="cells.tau", start_ms=0.0)
    (influence,) = study.of(RATE)
    assert influence.verdict == "undecided"
    assert set(influence.smaller) == {"brian2", "pymonntorch"}
    assert {c.kind for c in study.caveats} == {"not finished"}
    # Of all its runs alike, so once.
    assert [c.where for c in study.caveats] == ["neuron-raw"]
    assert "cells.tau is undecided, for not all was seen" in str(study)


def noisy() -> Experiment:
    shake = UniformNoiseInput(
        name="shake", population="cells", low="0 mV", high="9 mV", interval="1 ms"
    )
    return leaky(duration="100 ms", dt="0.1 ms", inputs=[*leaky().inputs, shake])


def test_one_draw_tells_nothing_of_another(own_cache: Path) -> None:
    how = {"parameters": "cells.tau", "mode": "lockstep", "start_ms": 0.0}
    backends = ["brian2", "neuron"]
    one = sensitivity(noisy(), backends, seeds=1, **how)
    assert [i.verdict for i in one.of(RATE)] == ["undecided"]
    assert "one draw only; more seeds (--seeds)" in str(one)
    two = sensitivity(noisy(), backends, seeds=2, **how)
    assert [i.verdict for i in two.of(RATE)] == ["more"]
    assert len(two.runs) == 2 * len(one.runs)
    assert not two.caveats
    # Nothing is random: more seeds would run the same again.
    same = sensitivity(leaky(duration="50 ms", dt="0.1 ms"), ["reference"], seeds=3, **how)
    assert len(same.runs) == 3
    assert "nothing in it is random" in str(same)


def test_what_is_silent_has_no_number_and_no_verdict(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "silent.json"
    model.write_text(leaky(duration="5 ms", dt="0.1 ms", inputs=[]).to_json())
    asked = ["sensitivity", str(model), "-b", "reference", "--parameter", "cells.tau"]
    assert main(asked) == 0
    printed = capsys.readouterr().out
    assert "nan" not in printed
    assert "undefined" in printed


def test_what_has_a_value_and_a_dimension_is_changed_each_once() -> None:
    experiment = leaky(
        populations=[
            Population(
                name="cells",
                model=leaky().populations[0].model,
                size=2,
                receptors={"syn": ExponentialCurrent(tau="3 ms", port="drive")},
                parameters={"tau": Uniform(low="9 ms", high="11 ms"), "idle": "0 mV"},
            ),
            PoissonSource(name="noise", size=3, rate="50 Hz"),
        ],
        projections=[
            Projection(
                source="noise",
                target="cells",
                receptor="syn",
                rule=AllToAll(),
                weight="1 mV",
                delay="1 ms",
            )
        ],
        inputs=[
            ConstantInput(name="push", population="cells", amplitude="40 mV"),
            UniformNoiseInput(
                name="shake", population="cells", low="0 mV", high="2 mV", interval="1 ms"
            ),
        ],
    )
    found = set(scalable(experiment))
    assert {"cells.tau", "cells.level", "cells.syn.tau", "noise.rate", "push.amplitude"} <= found
    assert {"shake.high", "noise_to_cells_syn.weight", "noise_to_cells_syn.delay"} <= found
    # Zero stays zero, a distribution is one parameter, a run's own settings and beginning are none.
    assert not found & {"cells.idle", "shake.low", "cells.tau.low", "dt", "cells.initial.v"}
    assert chosen(experiment, ["*.tau"]) == ("cells.tau", "cells.syn.tau")
    with pytest.raises(InputError, match=r"did you mean 'cells\.tau'"):
        chosen(experiment, ["cells.tua"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"percent": 0.0}, "between 0 and 100"),
        ({"percent": float("nan")}, "between 0 and 100"),
        ({"seeds": 0}, "from 1 to 1,000"),
        ({"parameters": "x.*"}, "matches no parameter"),
    ],
)
def test_bad_input_is_one_sentence(given: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        sensitivity(leaky(), ["reference"], **given)


def test_the_command_prints_a_table_and_writes_a_page(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "leaky.json"
    model.write_text(leaky(duration="100 ms", dt="0.1 ms").to_json())
    out, data = tmp_path / "out", tmp_path / "s.json"
    asked = ["sensitivity", str(model), "-b", "reference", "--percent", "5"]
    asked += ["--parameter", "cells.*", "--from", "0 ms", "--out", str(out), "--json", str(data)]
    assert main(asked) == 0
    printed = capsys.readouterr().out
    assert "cells.level" in printed
    assert "one simulator only" in printed
    plain = json.loads(data.read_text())
    assert plain["kind"] == "coincide-sensitivity/1"
    assert plain["percent"] == 5
    assert {row["parameter"] for row in plain["influences"]} == {
        "cells.tau",
        "cells.level",
        "cells.idle",
    }
    assert (out / "tornado-cells-rate.svg").exists()
    command = "coincide sensitivity experiment.json -b reference --mode raw --parameter cells.level"
    assert command in (out / "index.html").read_text()
