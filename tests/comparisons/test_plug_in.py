"""A simulator from elsewhere is judged by what it declares, as a built-in one is."""

import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import coincide as co
from coincide.backends import registry
from coincide.backends.registry import entries, load_backend
from coincide.comparisons.checks.conventions import PROBES
from coincide.comparisons.showing.style import colours
from coincide.comparisons.studies.explain.engine import explain_sides
from coincide.comparisons.studies.explain.explaining import sides_of
from coincide.comparisons.studies.explain.trials import Trials
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import ConstantInput, SineInput
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.core.projections import OneToOne, Projection
from coincide.core.realize import realize
from coincide.core.receptors import ExponentialCurrent
from coincide.core.storage import read_run

PLUGIN = """
    from dataclasses import replace
    import numpy as np
    from coincide.backends.base import Convention
    from coincide.backends.reference import ReferenceBackend
    from coincide.backends.why_not import no_delay_in_the_middle, no_input_changes

    def averaged(given):
        '''An input whose value in a step is the mean of those at its two ends.'''
        at = given.values[given.frames]
        later = np.concatenate([at[1:], at[-1:]])
        return replace(given, values=(at + later) / 2, frames=np.arange(len(at), dtype=np.int32))

    class Elsewhere(ReferenceBackend):
        name = "elsewhere"
        conventions = (
            Convention(
                "delay_rounding",
                "rounds delays as int(delay/dt + 0.5), in which a tie such as 0.15 ms falls short",
                "delays are rounded to the nearest step, ties up",
                why_not=no_delay_in_the_middle,
            ),
            Convention(
                "averaged_input",
                "holds over a step the mean of an input's values at its two ends",
                "the input of t_n is held from t_n to t_{n+1}",
                cause="input_onset",
                why_not=no_input_changes,
            ),
        )

        def version(self):
            return "Elsewhere 1"

        def _simulate(self, realization, settings, progress):
            dt = realization.dt_ms * 1e-3
            if not settings.undoes("delay_rounding"):
                edges = tuple(
                    replace(
                        e,
                        delay_steps=(np.asarray(e.delay_ms) * 1e-3 / dt + 0.5).astype(np.int32),
                    )
                    for e in realization.edges
                )
                realization = replace(realization, edges=edges)
            if not settings.undoes("averaged_input"):
                populations = {
                    name: replace(p, inputs=tuple(map(averaged, p.inputs)))
                    for name, p in realization.populations.items()
                }
                realization = replace(realization, populations=populations)
            return super()._simulate(realization, settings, progress)
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> Iterator[str]:
    """An installed plug-in on the reference's network that rounds delays as Brian2 does."""
    info = tmp_path / "site" / "elsewhere_backend-1.dist-info"
    info.mkdir(parents=True)
    (info.parent / "elsewhere_backend.py").write_text(textwrap.dedent(PLUGIN))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere-backend\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[coincide.backends]\nelsewhere = elsewhere_backend:Elsewhere\n"
    )
    paths = [str(info.parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in paths if p))
    monkeypatch.syspath_prepend(str(info.parent))
    registry.entries.cache_clear()
    yield "elsewhere"
    monkeypatch.undo()
    sys.modules.pop("elsewhere_backend", None)
    registry.entries.cache_clear()


def chain(delay: str = "0.15 ms", drive: str = "sine") -> Experiment:
    """A cell that fires by itself, and one that it and a current move, at steps of 0.1 ms."""
    leaky = NeuronModel(
        name="leaky",
        equations="dv/dt = (I/(10*nS) - v)/(10*ms) : mV\nI : pA (input)",
        threshold="v > 10*mV",
        reset="v = 0*mV",
    )
    given = ConstantInput(name="drive", population="second", amplitude="50 pA")
    if drive == "sine":
        given = SineInput(name="drive", population="second", amplitude="50 pA", frequency="20 Hz")
    return Experiment(
        name="chain",
        populations=(
            Population(name="first", model=leaky, size=1),
            Population(
                name="second",
                model=leaky,
                size=1,
                receptors={"exc": ExponentialCurrent(tau="3 ms")},
            ),
        ),
        projections=(
            Projection(
                source="first",
                target="second",
                receptor="exc",
                rule=OneToOne(),
                weight="40 pA",
                delay=delay,
            ),
        ),
        inputs=(ConstantInput(name="own", population="first", amplitude="300 pA"), given),
        records=(Record(population="second", variables=("v",)),),
        duration="40 ms",
        dt="0.1 ms",
    )


def test_explain_names_what_a_plug_in_declares(elsewhere: str) -> None:
    """Both causes, of their classes, and nothing else; every run a process that finds the plug-in."""
    found = co.explain(chain(), [elsewhere, "reference"], "raw")
    causes = {f.name: (f.cause, f.side) for f in found.causes}
    assert causes == {
        "delay_rounding": ("rounding", elsewhere),
        "averaged_input": ("input_onset", elsewhere),
    }
    assert found.after.settled, found.in_words


@pytest.mark.parametrize(
    ("delay", "drive", "acting", "why"),
    [
        ("0.15 ms", "constant", {"delay_rounding"}, {"no input changes with time"}),
        ("0.1 ms", "sine", {"averaged_input"}, {"no delay lies in the middle between two steps"}),
        # Off the grid, where other simulators that round in their own way differ: not this one.
        ("0.17 ms", "sine", {"averaged_input"}, {"no delay lies in the middle between two steps"}),
    ],
)
def test_what_cannot_act_is_cleared_by_its_own_rule(
    elsewhere: str, delay: str, drive: str, acting: set[str], why: set[str]
) -> None:
    realization = realize(chain(delay, drive))
    a, b = sides_of(realization, [elsewhere, "reference"], "raw", {})
    here = Trials(perform=lambda s: load_backend(s.backend).run(s.realization, s.settings))
    found = explain_sides(a, b, here, model="chain")
    assert {f.name for f in found.causes} == acting
    assert {c.why for c in found.cleared} == why
    assert found.after.settled, found.in_words


def test_in_lockstep_it_is_the_reference_to_the_bit(elsewhere: str) -> None:
    comparison = co.compare(chain(), [elsewhere], ["lockstep", "raw"])
    verdicts = {(p.a, p.b): p.verdict for p in comparison.pairs}
    assert verdicts["reference-lockstep", "elsewhere-lockstep"] == "identical"
    assert verdicts["reference-raw", "elsewhere-raw"] not in ("identical", "round-off")
    (run,) = (run for run in comparison.runs if run.id == "elsewhere-raw")
    assert read_run(run.folder)["machine"]["packages"]["elsewhere-backend"] == "1"


def test_the_sheet_measures_a_convention_that_no_probe_knows(elsewhere: str) -> None:
    sheet = co.conventions([elsewhere])
    assert not any("averaged_input" in probe.informs for probe in PROBES)
    declared = {d.convention: (d.standing, d.probes) for d in sheet.declarations}
    assert declared.keys() == {"delay_rounding", "averaged_input"}, declared
    assert declared["delay_rounding"][0] == "shown"
    standing, rows = declared["averaged_input"]
    assert standing == "shown"
    assert {sheet.probe(name).section for name in rows} == {"inputs", "membranes"}


def test_it_has_a_colour_that_no_built_in_has(elsewhere: str) -> None:
    """On every page the same, whatever else is on it."""
    built_in = [name for name in entries() if name != elsewhere]
    alone = colours([(elsewhere, elsewhere)])[elsewhere]
    assert alone not in colours([(n, n) for n in built_in]).values()
    many = [(f"{n} {mode}", n) for n in built_in for mode in ("raw", "aligned", "lockstep")]
    assert colours([*many, (elsewhere, elsewhere)])[elsewhere] == alone
