import json
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest

from coincide.core.errors import InputError
from coincide.core.experiment import Experiment
from coincide.core.realize import realize
from coincide.core.units import Quantity
from coincide.core.values import Distribution
from coincide.models.library import MODELS, Entry, load_model, load_sweep, options_of
from coincide.models.tables import Table, read_table

EVERY_VARIANT = [(name, variant) for name, entry in MODELS.items() for variant in entry.variants]
TABLES = sorted(
    path.name.removesuffix(".json")
    for path in files("coincide.models").joinpath("parameters").iterdir()
    if path.name.endswith(".json")
)


def test_listing_imports_no_model() -> None:
    code = (
        "import sys; from coincide.models.library import MODELS; "
        "loaded = [m for m in sys.modules if m.startswith('coincide.models.')]; "
        "assert set(loaded) == {'coincide.models.library'}, loaded; "
        "heavy = {'sympy', 'scipy', 'pandas', 'matplotlib', 'torch', 'brian2', 'neuron'}; "
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "variant"), EVERY_VARIANT)
def test_every_variant_is_complete(name: str, variant: str) -> None:
    experiment = load_model(name, variant)
    assert (experiment.name, experiment.variant) == (name, variant)
    assert experiment.title
    assert experiment.source
    assert experiment.records
    again = Experiment.from_json(experiment.to_json())
    assert again == experiment
    assert again.hash == experiment.hash


@pytest.mark.parametrize(("name", "variant"), EVERY_VARIANT)
def test_every_variant_is_realized_alike_twice(name: str, variant: str) -> None:
    experiment = load_model(name, variant)
    # The draws of the connections depend on neither; a short run keeps the noise small.
    short = experiment.with_(duration="5 ms")
    first, second = realize(short), realize(short)
    for a, b in zip(first.edges, second.edges, strict=True):
        assert len(a) > 0
        assert np.array_equal(a.pre, b.pre)
        assert np.array_equal(a.post, b.post)
        assert np.array_equal(a.weight, b.weight)
    for population, drawn in first.populations.items():
        for state, values in drawn.initial.items():
            assert np.array_equal(values, second.populations[population].initial[state])


@pytest.mark.parametrize(("name", "variant"), EVERY_VARIANT)
def test_the_time_step_can_be_halved(name: str, variant: str) -> None:
    experiment = load_model(name, variant)
    half = Quantity(experiment.dt.magnitude / 2, experiment.dt.unit)
    finer = realize(experiment.with_(duration="2 ms", dt=half))
    assert min((int(np.min(e.delay_steps)) for e in finer.edges), default=2) >= 2


def test_every_title_and_hash_is_its_own() -> None:
    experiments = [load_model(name, variant) for name, variant in EVERY_VARIANT]
    experiments += [e for name, entry in MODELS.items() if entry.sweep for _, e in load_sweep(name)]
    by_hash = {e.hash: e for e in experiments}
    titles = [e.title for e in by_hash.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", [n for n, e in MODELS.items() if e.sweep])
def test_a_sweep_has_distinct_labels_and_experiments(name: str) -> None:
    sweep = load_sweep(name)
    assert len({tuple(labels.items()) for labels, _ in sweep}) == len(sweep) > 3
    assert len({experiment.hash for _, experiment in sweep}) == len(sweep)
    assert len({tuple(labels) for labels, _ in sweep}) == 1


def test_options_of_the_table_are_those_of_the_builder() -> None:
    import importlib
    import inspect

    for name, entry in MODELS.items():
        module, _, function = entry.target.partition(":")
        build = getattr(importlib.import_module(module), function)
        keywords = [
            p.name for p in inspect.signature(build).parameters.values() if p.kind is p.KEYWORD_ONLY
        ]
        assert keywords == list(entry.options) == list(options_of(name))


def test_an_option_has_default_and_choices() -> None:
    options = options_of("synapse_lab")
    assert options["populations"].choices == ("mixed", "homogeneous")
    assert options["populations"].default == "mixed"
    assert options["noise"].default is True
    assert options_of("cuba_4000")["size"].default == 4000
    assert options_of("lif_10") == {}


@pytest.mark.parametrize(
    ("arguments", "options", "where", "words"),
    [
        (("lif_1O",), {}, "model", "did you mean 'lif_10'"),
        (("lif_10", "as_writen"), {}, "lif_10", "did you mean 'as_written'"),
        (("cuba_4000",), {"siz": 10}, "cuba_4000", "did you mean 'size'"),
        (("cuba_4000",), {"size": "many"}, "cuba_4000.size", "no number"),
        (("cuba_4000",), {"size": 1000.5}, "cuba_4000.size", "no whole number"),
        (("cuba_4000",), {"size": "nan"}, "cuba_4000.size", "no finite number"),
        (("cuba_4000",), {"size": 100}, "cuba_4000.size", "80 inputs need 160 cells"),
        (("synapse_lab",), {"noise": "perhaps"}, "synapse_lab.noise", "neither true nor false"),
        (("synapse_lab",), {"populations": "mix"}, "synapse_lab.populations", "mixed"),
        (
            ("synapse_lab", "decision"),
            {"populations": "homogeneous"},
            "synapse_lab.populations",
            "of its own",
        ),
        (("izhikevich_50",), {"inhibition": -1}, "izhikevich_50.inhibition", ">= 0"),
        (("izhikevich_50",), {"inhibition": "inf"}, "izhikevich_50.inhibition", "no finite number"),
    ],
)
def test_a_wrong_name_or_value_is_explained(
    arguments: tuple[str, ...], options: dict[str, object], where: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_model(*arguments, **options)  # type: ignore[arg-type]
    assert caught.value.where == where
    assert words in caught.value.problem


def test_a_model_without_a_sweep_says_which_have_one() -> None:
    with pytest.raises(InputError, match="izhikevich_50, synapse_lab"):
        load_sweep("lif_10")


def test_options_may_be_texts() -> None:
    assert load_model("cuba_4000", size="1000") == load_model("cuba_4000", size=1000)
    assert load_model("synapse_lab", noise="no") == load_model("synapse_lab", noise=False)
    assert load_model("izhikevich_50", inhibition="2") == load_model("izhikevich_50", inhibition=2)


def test_the_first_variant_is_the_default() -> None:
    for name, entry in MODELS.items():
        assert isinstance(entry, Entry)
        assert load_model(name).variant == entry.default == next(iter(entry.variants))


@pytest.mark.parametrize("name", TABLES)
def test_every_number_has_a_unit_and_a_source(name: str) -> None:
    table = read_table(name)
    assert table.source
    for key, parameter in table.parameters.items():
        assert parameter.source, key
        assert set(_raw(name)[key]) == {"value", "source"}
        value = parameter.value
        if isinstance(value, int | float):
            continue  # counts and pure numbers
        read = table[key]
        if isinstance(read, Distribution):
            assert read.quantities()
        else:
            assert isinstance(read, Quantity)
            assert read.unit != "1", key


def test_every_model_has_a_table_and_every_table_a_model() -> None:
    # The cells and networks of the basal ganglia have tables of their own kind, with their own tests.
    others = {name for name, entry in MODELS.items() if ".basal_ganglia." in entry.target}
    assert set(TABLES) == set(MODELS) - others


def test_every_number_of_a_table_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, set[str]] = {name: set() for name in TABLES}
    given = Table._given

    def noted(self: Table, name: str) -> object:
        asked.setdefault(self.name, set()).add(name)
        return given(self, name)

    monkeypatch.setattr(Table, "_given", noted)
    for name, variant in EVERY_VARIANT:
        load_model(name, variant)
    for _ in load_sweep("synapse_lab"):
        pass
    for name in TABLES:
        assert set(read_table(name).parameters) - asked[name] == set(), name


def _raw(name: str) -> dict[str, dict[str, object]]:
    path = files("coincide.models").joinpath("parameters", f"{name}.json")
    loaded: dict[str, dict[str, object]] = json.loads(path.read_text("utf-8"))["parameters"]
    return loaded
