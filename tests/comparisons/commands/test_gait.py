"""``coincide gait`` and ``--gait``: what they print, write and refuse."""

import json
from pathlib import Path

import pytest

from coincide.comparisons.cli import main
from coincide.comparisons.commands.gait import hertz
from coincide.core.errors import InputError
from coincide.core.storage import read_run
from coincide.data.gait.generate import gait_text


def test_make_and_check(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "a.csv"
    options = ["--ataxic", "--seed", "3", "--duration", "12 s", "--frame-rate", "25"]
    assert main(["gait", "make", str(path), *options, "--fault", "copies"]) == 0
    assert path.read_text() == gait_text(True, 3, 12.0, 25.0, ("copies",))
    # The command in the file makes the file.
    assert f"coincide gait make FILE {options[0]} --seed 3 --duration '12 s'" in path.read_text()
    capsys.readouterr()
    assert main(["gait", "check", str(path), "--json", "-"]) == 0
    out, error = capsys.readouterr()
    data = json.loads(out)
    assert (data["synthetic"], data["rows"], data["rows_in_file"]) == (True, 300, 33 * 300)
    assert data["sequences"] == 33
    assert set(data["features"]["StepLength"]) == {"mean", "sd", "lowest", "highest"}
    assert "33 sequences of 300 rows" in error


def test_a_run_driven_by_gait(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "run"
    arguments = ["run", "lif_10", "--gait", "synthetic_healthy", "--gait-column", "StepLength"]
    assert main([*arguments, "--out", str(out)]) == 0
    assert "scaled to 19.75 mV" in capsys.readouterr().out.replace("\n", " ")
    assert main(["run", "lif_10", "--out", str(tmp_path / "plain")]) == 0
    driven, plain = (read_run(folder)["experiment"] for folder in (out, tmp_path / "plain"))
    assert driven != plain


def test_a_comparison_driven_by_gait(own_cache: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["compare", "lif_10", "-b", "reference", "--no-report", "--json", "-"]
    assert main([*arguments, "--gait", "synthetic_ataxic"]) == 0
    out, error = capsys.readouterr()
    assert json.loads(out)["experiment"]["name"] == "lif_10"
    assert "nobody's recording" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "lif_10", "--gait", "nothing.csv"], "no such file"),
        (["run", "lif_10", "--gait-into", "drive"], "--gait-into: is of use only with --gait"),
        (["run", "lif_10", "--frame-rate", "30"], "--frame-rate: is of use only with --gait"),
        (["run", "lif_80", "--gait", "synthetic_healthy"], "one of input_exc, input_inh"),
        (["compare", "lif_80", "--gait", "synthetic_healthy"], "one of input_exc, input_inh"),
        (["run", "x.npz", "--gait", "synthetic_healthy"], "what is drawn cannot be driven"),
        (["gait", "check", "nothing.csv"], "no such file"),
        (["gait", "check", "synthetic_healthy", "--json", "."], "is a folder"),
        (["run", "lif_10", "--gait", "synthetic_healthy", "--gait-column", ""], "no such column"),
        (["gait", "make", "a.csv", "--fault", "copy"], "did you mean 'copies'"),
        (["gait", "make", "a.csv", "--duration", "5 mV"], "--duration"),
        (["gait", "make", "no/folder/a.csv", "--duration", "2 s"], "cannot be written"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "a.csv").exists()


def test_a_made_file_goes_to_stdout(capsys) -> None:
    assert main(["gait", "make", "-", "--duration", "1 s", "--frame-rate", "33.3333333333"]) == 0
    text = capsys.readouterr().out
    assert text == gait_text(False, 1, 1.0, 33.3333333333)
    # The command in the file names the whole rate.
    assert "--frame-rate 33.3333333333" in text.splitlines()[0]
    assert not Path("-").exists()


def test_frame_rates() -> None:
    assert [hertz(text) for text in ("30", "29.97 Hz", "0.03 kHz", None)] == [
        30.0,
        29.97,
        30.0,
        None,
    ]
    for wrong in ("fast", "30 mV"):
        with pytest.raises(InputError, match="--frame-rate"):
            hertz(wrong)
