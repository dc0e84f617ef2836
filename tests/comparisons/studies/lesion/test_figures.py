"""The figures of a study: what is written on them, and that they show what the numbers say."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from coincide.comparisons.showing import render
from coincide.comparisons.studies.lesion import LesionStudy, lesion
from coincide.comparisons.studies.lesion.figures import raster_figure, voltage_figure
from coincide.comparisons.studies.lesion.forest import dose_figure, effects_figure
from coincide.core.expressions import names
from coincide.models.library import load_model


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> LesionStudy:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COINCIDE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        short = load_model("lif_80").with_(duration="100 ms")
        lesions = ["remove 40% exc", "exc_to_inh_exc.weight *= 0.5"]
        made = lesion(short, lesions, "reference", seeds=2, severities=(0.5, 1.0))
        for found in made.runs:
            assert found.run.recording.sizes
        return made


def _texts(figure) -> str:
    figure.draw_without_rendering()
    said = [t.get_text() for ax in figure.axes for t in [*ax.texts, *ax.get_yticklabels()]]
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    return "\n".join([figure.get_suptitle().replace("\n", " "), *titles, *said])


def test_a_pure_number_has_its_quantity_on_the_axis(study: LesionStudy) -> None:
    figure = dose_figure(study)
    labels = {ax.get_title(loc="left"): ax.get_ylabel() for ax in figure.axes}
    assert labels["exc rate"] == "rate (Hz)"
    assert labels["exc CV"] == "CV"
    shown = [ax for ax in figure.axes if ax.axison]
    assert all(ax.get_xlabel() == "severity of the lesion" for ax in shown)


def test_an_interval_beyond_the_frame_has_an_arrow(study: LesionStudy) -> None:
    figure = dose_figure(study)
    table = study.dose_response.query("arm == 'remove 40% exc'")
    for ax in figure.axes:
        population, quantity = ax.get_title(loc="left").split(" ", 1)
        own = table[(table["population"] == population) & (table["quantity"] == quantity)]
        bottom, top = ax.get_ylim()
        beyond = int((own["low"] < bottom).sum()), int((own["high"] > top).sum())
        drawn = [
            sum(
                len(line.get_xdata())
                for line in ax.lines
                if line.get_gid() == "cut" and line.get_marker() == marker
            )
            for marker in "v^"
        ]
        assert tuple(drawn) == beyond


def test_a_band_is_promised_where_there_is_one(study: LesionStudy) -> None:
    assert "band" not in _texts(effects_figure(study))


def _with(study: LesionStudy, verdicts: int, **changed) -> LesionStudy:
    """The study with *verdicts* copies of its first effect, of other populations."""
    first = next(e for e in study.effects if e.severity == 1.0)
    effects = tuple(
        replace(first, measure=replace(first.measure, population=f"p{k}"), **changed)
        for k in range(verdicts)
    )
    return replace(study, effects=(*effects, first))


def test_many_rows_without_an_effect_are_one_text(study: LesionStudy) -> None:
    same = replace(study.effects[0].simulators[0], effect=0.0, low=0.0, high=0.0)
    none = {"verdict": "none", "simulators": (same,), "effect": 0.0}
    few = effects_figure(_with(study, 6, **none), names=["remove 40% exc"]).axes[0]
    assert [t.get_text() for t in few.get_yticklabels()] == [
        "exc rate",
        *(f"p{k} rate" for k in range(6)),
    ]
    many = effects_figure(_with(study, 7, **none), names=["remove 40% exc"])
    assert [t.get_text() for t in many.axes[0].get_yticklabels()] == ["exc rate"]
    assert "no effect: p0 rate; p1 rate" in _texts(many)
    assert len(render.png(many)) > 5000


def test_the_band_is_what_the_ratio_is_held_against(study: LesionStudy) -> None:
    first = study.effects[0]
    for disagreement, grain in ((0.1, 0.4), (0.4, 0.1)):
        changed = _with(study, 1, disagreement=disagreement, grain=grain, ratio=2.0)
        figure = effects_figure(changed, names=["remove 40% exc"])
        healthy = next(e for e in study.effects if e.severity == 1.0).healthy
        widths = [bar.get_width() for ax in figure.axes for bar in ax.patches]
        assert widths[0] == pytest.approx(2 * 100 * 0.4 / healthy, rel=1e-12)
        assert ("one spike" in _texts(figure)) is (grain > disagreement)
    assert first.grain > 0.0


def test_rasters_say_which_cells_and_what_is_grey(study: LesionStudy) -> None:
    said = _texts(raster_figure(study))
    assert "grey rows: lost cells" in said
    assert "exc\n40 of 64" in said
    assert "inh (16)" in said
    intact = raster_figure(study, names=["exc_to_inh_exc.weight *= 0.5"])
    assert "grey rows" not in _texts(intact)


def test_titles_of_many_arms_do_not_touch(study: LesionStudy) -> None:
    given = ("a_population.a_long_channel_name.conductance *= 0.25", "exc_to_inh_exc.weight *= 0.5")
    renamed = dict(zip(study.lesions, given, strict=True))
    arms = {a: replace(a, name=renamed.get(a.name, a.name)) for a in study.arms}
    runs = tuple(replace(r, arm=arms[r.arm]) for r in study.runs)
    figure = voltage_figure(replace(study, arms=tuple(arms.values()), runs=runs))
    figure.draw_without_rendering()
    boxes = [ax._left_title.get_window_extent() for ax in figure.axes[:3]]
    for left, right in pairwise(boxes):
        assert left.x1 < right.x0
    assert boxes[-1].x1 < figure.bbox.x1


@pytest.mark.slow
def test_of_several_potentials_that_of_the_threshold_is_drawn(own_cache: Path) -> None:
    cable = load_model("rallpack3").with_(duration="1 ms")
    threshold = cable.cells["cell"].threshold
    assert threshold is not None
    assert names(threshold) & {"v_cable_0", "v_cable_49"} == {"v_cable_49"}
    study = lesion(cable, "current.amplitude *= 0.5", "neuron", reference=False)
    assert voltage_figure(study).axes[0].get_ylabel() == "v_cable_49 (mV)"


def test_the_cell_whose_membrane_is_lesioned_is_drawn(own_cache: Path) -> None:
    circuit = load_model("cerebellar_circuit", "hh", size=0.5).with_(duration="0.5 ms")
    study = lesion(circuit, "nav16_null", "reference", seeds=1)
    assert circuit.output == "nuclei"
    assert "membrane potential of purkinje, cell" in _texts(voltage_figure(study))
