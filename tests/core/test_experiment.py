"""Experiments: exact as JSON, one hash for one description, the schema."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coincide.core.errors import InputError, RunError, UnsupportedError
from coincide.core.experiment import Experiment, Record, json_schema
from coincide.core.inputs import ConstantInput, TimeSeriesInput
from coincide.core.neurons import NeuronModel
from coincide.core.populations import PoissonSource, Population, SpikeTrains
from coincide.core.projections import AllToAll, Explicit, Projection
from coincide.core.realize import realize
from coincide.core.receptors import ExponentialConductance
from coincide.core.units import Quantity
from coincide.core.values import Array, Normal, Uniform

Plain = dict[str, Any]

# --- random experiments as plain data -----------------------------------------------------------

magnitudes = st.floats(0.5, 100).map(lambda x: float(f"{x:.4g}"))


def quantities(unit: str) -> st.SearchStrategy[str]:
    return magnitudes.map(lambda x: f"{x} {unit}".removesuffix(" 1"))


def values(unit: str, size: int | None = None) -> st.SearchStrategy[Any]:
    """Any kind of value; all of them positive."""
    q = quantities(unit)

    def tagged(distribution: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Plain]:
        return st.fixed_dictionaries({"distribution": st.just(distribution), **fields})

    kinds: list[st.SearchStrategy[Any]] = [
        q,
        st.tuples(magnitudes, magnitudes).map(
            lambda p: {
                "distribution": "uniform",
                "low": f"{min(p)} {unit}",
                "high": f"{max(p)} {unit}",
            }
        ),
        tagged("truncated_normal", mean=q, std=q, low=st.just(f"0.4 {unit}")),
        tagged(
            "truncated_normal",
            mean=q,
            std=q,
            low=st.just(f"0.4 {unit}"),
            high=st.just(f"300 {unit}"),
        ),
        tagged("lognormal", median=q, sigma=st.floats(0, 0.5)),
    ]
    if size is not None:
        kinds.append(
            st.fixed_dictionaries(
                {
                    "values": st.lists(magnitudes, min_size=size, max_size=size),
                    "unit": st.just(unit),
                }
            )
        )
    return st.one_of(kinds)


def kinds_of(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Plain]:
    return st.fixed_dictionaries({"kind": st.just(kind), **fields})


def receptors(size: int) -> st.SearchStrategy[Plain]:
    tau, reversal = values("ms", size), values("mV", size)
    return st.one_of(
        kinds_of("delta"),
        kinds_of("exponential_current", tau=tau),
        kinds_of("alpha_current", tau=tau, port=st.just("I")),
        kinds_of("exponential_conductance", tau=tau, reversal=reversal),
        kinds_of("alpha_conductance", tau=tau, reversal=reversal, voltage=st.just("v")),
        kinds_of(
            "double_exponential_conductance",
            tau_rise=st.just("0.3 ms"),
            tau_decay=quantities("ms"),
            reversal=reversal,
        ),
        kinds_of("nmda", tau=tau, magnesium=quantities("mM"), gamma=quantities("1/mV")),
        kinds_of(
            "custom",
            equations=st.just("dx/dt = -x/tau : 1\ncur = x*pA : pA\ntau : ms"),
            on_pre=st.just("x += w*2"),
            current=st.sampled_from([None, "cur"]),
            parameters=st.fixed_dictionaries({"tau": tau}),
        ),
    )


flags = st.booleans()
WEIGHT_UNITS = {
    "delta": "mV",
    "exponential_current": "pA",
    "alpha_current": "nA",
    "exponential_conductance": "nS",
    "alpha_conductance": "uS",
    "double_exponential_conductance": "nS",
    "nmda": "nS",
    "custom": "1",
}


def rules(n_pre: int, n_post: int) -> st.SearchStrategy[Plain]:
    def rule(name: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Plain]:
        return st.fixed_dictionaries({"rule": st.just(name), **fields})

    cells = st.tuples(st.integers(0, n_pre - 1), st.integers(0, n_post - 1))
    return st.one_of(
        rule("all_to_all", self_connections=flags),
        rule("fixed_probability", p=st.floats(0.01, 1), self_connections=flags),
        rule(
            "fixed_in_degree", n=st.integers(1, n_pre - 1), self_connections=flags, multapses=flags
        ),
        rule(
            "fixed_out_degree",
            n=st.integers(0, n_post - 1),
            self_connections=flags,
            multapses=flags,
        ),
        rule(
            "fixed_total_number", n=st.integers(0, n_pre), self_connections=flags, multapses=flags
        ),
        st.lists(cells, max_size=5).map(
            lambda pairs: {
                "rule": "explicit",
                "pre": [i for i, _ in pairs],
                "post": [j for _, j in pairs],
            }
        ),
        *([rule("one_to_one")] if n_pre == n_post else []),
    )


def inputs(size: int) -> st.SearchStrategy[Plain]:
    pA, ms = quantities("pA"), quantities("ms")
    stop = st.just("200 ms")
    return st.one_of(
        kinds_of("constant", amplitude=values("pA", size)),
        kinds_of("constant", amplitude=pA, cells=st.lists(st.integers(0, size - 1), unique=True)),
        kinds_of("step", amplitude=values("nA", size), start=ms, stop=st.one_of(st.none(), stop)),
        kinds_of("ramp", initial=pA, final=pA, stop=stop, start=ms),
        kinds_of(
            "sine", amplitude=pA, frequency=quantities("Hz"), phase=st.floats(-3, 3), offset=pA
        ),
        kinds_of(
            "time_series",
            values=st.lists(st.floats(-1e3, 1e3), min_size=1),
            unit=st.just("nA"),
            interval=ms,
        ),
        kinds_of("white_noise", mean=pA, std=pA, interval=ms, shared=flags),
        kinds_of("uniform_noise", low=st.just("0 pA"), high=pA, interval=ms, shared=flags),
        kinds_of("ornstein_uhlenbeck", mean=pA, std=pA, tau=ms, interval=ms, shared=flags),
    )


@st.composite
def experiments(draw: st.DrawFn) -> Plain:
    model = {
        "name": "LIF",
        "equations": "dv/dt = (E_L - v + R*I)/tau : mV (unless refractory)\ndu/dt = -u/tau : 1\n"
        "I : pA (input)\nE_L : mV\nR : GOhm\ntau : ms",
        "threshold": "v > -50*mV",
        "reset": "v = E_L; u += 1",
        "refractory": draw(st.sampled_from(["2 ms", "0.25 ms", "tau"])),
        "parameters": {"tau": "20 ms", "E_L": "-65 mV", "R": "80 MOhm"},
        "source": draw(st.text(st.characters(codec="utf-8"), max_size=10)),
    }
    size = draw(st.integers(2, 6))
    neurons = {
        "name": "exc",
        "kind": "neurons",
        "model": model,
        "size": size,
        "receptors": {f"r{k}": draw(receptors(size)) for k in range(draw(st.integers(1, 3)))},
        "parameters": draw(st.fixed_dictionaries({}, optional={"tau": values("ms", size)})),
        "initial": draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "v": st.one_of(values("mV", size), st.just("E_L + 2*mV")),
                    "u": st.just(0.5),
                },
            )
        ),
    }
    sources = draw(
        st.lists(
            st.one_of(
                kinds_of("poisson", size=st.integers(2, 6), rate=quantities("Hz")),
                kinds_of(
                    "poisson",
                    size=st.just(4),
                    rate=values("Hz", 4),
                    interval=quantities("ms"),
                    profile=st.lists(magnitudes, min_size=1, max_size=4),
                    start=quantities("us"),
                ),
                kinds_of(
                    "spike_trains",
                    times=st.lists(st.lists(st.floats(0, 1)), min_size=2, max_size=4),
                    unit=st.just("s"),
                ),
            ),
            max_size=2,
        )
    )
    populations = [neurons] + [{**s, "name": f"s{k}"} for k, s in enumerate(sources)]
    projections = []
    for k in range(draw(st.integers(0, 4))):
        source = draw(st.sampled_from(populations))
        receptor = draw(st.sampled_from(sorted(neurons["receptors"])))
        n_pre = source.get("size") or len(source["times"])
        rule = draw(rules(n_pre, size))
        scales = {"fixed_probability": ["1/(pN)"], "fixed_in_degree": ["1/C"]}.get(rule["rule"], [])
        unit = WEIGHT_UNITS[neurons["receptors"][receptor]["kind"]]
        projections.append(
            {
                "name": f"p{k}",
                "source": source["name"],
                "target": "exc",
                "receptor": receptor,
                "rule": rule,
                "weight": draw(values(unit)),
                "delay": draw(values("ms")),
                "weight_scale": draw(st.sampled_from(["none", "1/N", *scales])),
            }
        )
    return {
        "name": "random",
        "title": draw(st.text(st.characters(codec="utf-8"), max_size=10)),
        "populations": populations,
        "projections": projections,
        "inputs": [
            {**i, "name": f"i{k}", "population": "exc"}
            for k, i in enumerate(draw(st.lists(inputs(size), max_size=3)))
        ],
        "records": draw(
            st.sampled_from([[], [{"population": "exc", "variables": ["v", "u"], "cells": [1, 0]}]])
        ),
        "duration": draw(quantities("ms")),
        "dt": draw(st.sampled_from(["0.1 ms", "50 us", "0.025 ms"])),
        "seed": draw(st.integers(0, 2**64)),
    }


def shuffled(data: Any, draw: Any) -> Any:
    """The same data with the keys of every object in another order."""
    if isinstance(data, dict):
        keys = draw(st.permutations(sorted(data)))
        return {k: shuffled(data[k], draw) for k in keys}
    if isinstance(data, list):
        return [shuffled(x, draw) for x in data]
    return data


@given(experiments(), st.data())
@settings(max_examples=20)
def test_any_experiment_survives_json(plain: Plain, data: st.DataObject) -> None:
    experiment = Experiment.from_dict(plain)
    text = experiment.to_json()
    again = Experiment.from_json(text)
    assert again == experiment
    assert again.to_json() == text
    assert again.hash == experiment.hash
    other_order = Experiment.from_dict(shuffled(json.loads(text), data.draw))
    assert other_order == experiment
    assert other_order.hash == experiment.hash
    assert Experiment.from_json(experiment.to_json(indent=None)).hash == experiment.hash
    # Python's own numbers of the arrays and of the noise are those of the file.
    assert realize(again).digest == realize(experiment).digest


@given(experiments(), st.integers(0, 2**64))
@settings(max_examples=10)
def test_another_seed_is_another_experiment(plain: Plain, seed: int) -> None:
    experiment = Experiment.from_dict(plain)
    assert (experiment.with_(seed=seed).hash == experiment.hash) == (seed == plain["seed"])
    assert experiment.with_(duration=Quantity(3.0, "s")).duration_ms == 3000.0
    assert experiment.with_() == experiment


def test_every_part_survives_json(described: Plain) -> None:
    experiment = Experiment.from_dict(described)
    assert Experiment.from_json(experiment.to_json()) == experiment
    assert experiment.n_steps == 500


def test_the_hash_is_the_same_in_another_process(described: Plain) -> None:
    experiment = Experiment.from_dict(described)
    program = (
        "import sys; from coincide.core.experiment import Experiment; "
        "print(Experiment.from_json(sys.stdin.read()).hash)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        input=experiment.to_json(),
        capture_output=True,
        text=True,
        check=True,
        env={**__import__("os").environ, "PYTHONHASHSEED": "12345"},
    )
    assert found.stdout.strip() == experiment.hash


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(seed=2),
        lambda d: d.update(name="b"),
        lambda d: d.update(dt="0.2 ms"),
        lambda d: d["populations"][0]["model"].update(threshold="v > -49*mV"),
        lambda d: d["populations"][0]["receptors"]["ampa"].update(tau="6 ms"),
        lambda d: d["populations"][0]["parameters"]["R"]["values"].__setitem__(
            0, 0.08000000000000002
        ),
        lambda d: d["projections"][0]["rule"].update(p=0.30000000000000004),
        lambda d: d["projections"][0]["rule"].update(self_connections=False),
        lambda d: d["projections"].reverse(),
        lambda d: d["inputs"].pop(),
        lambda d: d["records"][0].update(cells=[0]),
        lambda d: d["populations"][4]["times"][1].append(1.0),
    ],
)
def test_the_hash_tells_descriptions_apart(change: Any, described: Plain) -> None:
    before = Experiment.from_dict(described).hash
    change(described)
    assert Experiment.from_dict(described).hash != before


def test_defaults_written_out_are_the_same_experiment(described: Plain) -> None:
    before = Experiment.from_dict(described)
    described["projections"][0]["rule"]["self_connections"] = True
    described["populations"][2]["start"] = "0 ms"
    described.update(schema_version=1, variant="", seed=1)
    assert Experiment.from_dict(described).hash == before.hash


# --- Python and JSON say the same -----------------------------------------------------------------


def test_python_and_json_say_the_same() -> None:
    model = NeuronModel(
        name="LIF",
        equations="dv/dt = (E - v + R*I)/tau : mV\nI : pA (input)\nE : mV\nR : GOhm\ntau : ms",
        threshold="v > -50*mV",
        reset="v = E",
        parameters={"E": "-65 mV", "R": "80 MOhm", "tau": "20 ms"},
    )
    python = Experiment(
        name="small",
        populations=[
            Population(
                name="exc", model=model, size=3, parameters={"tau": Array(np.array([10, 20, 30]), "ms")},
                receptors={"ampa": ExponentialConductance(tau="5 ms", reversal="0 mV")},
                initial={"v": Uniform(low="-65 mV", high="-50 mV")},
            ),
            PoissonSource(name="drive", size=2, rate="10 Hz"),
            SpikeTrains(name="given", times=[np.array([1.0, 2.0]), []]),
        ],
        projections=[
            Projection(source="drive", target="exc", receptor="ampa", rule=AllToAll(),
                       weight=Normal(mean="1 nS", std="0.1 nS"), delay="1 ms"),
            Projection(source="given", target="exc", receptor="ampa", delay="1 ms",
                       weight=Array([1, 2], "nS"),
                       rule=Explicit(pre=np.array([0, 1]), post=np.array([2, 0]))),
        ],
        inputs=[
            ConstantInput(name="bias", population="exc", amplitude="0.1 nA"),
            TimeSeriesInput(name="series", population="exc", values=np.arange(3), unit="pA", interval="1 ms"),
        ],
        records=[Record(population="exc", variables=["v"], cells=np.array([0, 2]))],
        duration="100 ms",
    )  # fmt: skip
    plain = {
        "name": "small", "duration": "100 ms",
        "populations": [
            {
                "name": "exc", "kind": "neurons", "size": 3,
                "model": {
                    "name": "LIF", "threshold": "v > -50*mV", "reset": "v = E", "equations": model.equations,
                    "parameters": {"E": "-65 mV", "R": "80 MOhm", "tau": "20 ms"},
                },
                "parameters": {"tau": {"values": [10, 20, 30], "unit": "ms"}},
                "receptors": {"ampa": {"kind": "exponential_conductance", "tau": "5 ms", "reversal": "0 mV"}},
                "initial": {"v": {"distribution": "uniform", "low": "-65 mV", "high": "-50 mV"}},
            },
            {"name": "drive", "kind": "poisson", "size": 2, "rate": "10 Hz"},
            {"name": "given", "kind": "spike_trains", "times": [[1, 2], []]},
        ],
        "projections": [
            {
                "source": "drive", "target": "exc", "receptor": "ampa", "rule": {"rule": "all_to_all"},
                "weight": {"distribution": "normal", "mean": "1 nS", "std": "0.1 nS"}, "delay": "1 ms",
            },
            {
                "source": "given", "target": "exc", "receptor": "ampa", "delay": "1 ms",
                "weight": {"values": [1, 2], "unit": "nS"},
                "rule": {"rule": "explicit", "pre": [0, 1], "post": [2, 0]},
            },
        ],
        "inputs": [
            {"name": "bias", "kind": "constant", "population": "exc", "amplitude": "0.1 nA"},
            {
                "name": "series", "kind": "time_series", "population": "exc",
                "values": [0, 1, 2], "unit": "pA", "interval": "1 ms",
            },
        ],
        "records": [{"population": "exc", "variables": ["v"], "cells": [0, 2]}],
    }  # fmt: skip
    assert Experiment.from_dict(plain) == python
    assert Experiment.from_dict(plain).hash == python.hash
    assert json.loads(python.to_json())["populations"][0]["kind"] == "neurons"


def test_a_csv_column_becomes_part_of_the_description(described: Plain, tmp_path: Any) -> None:
    path = tmp_path / "current.csv"
    path.write_text("t,current\n0,1.5\n1,-2\n2,0.1\n")
    described["inputs"][4] = {
        "name": "series",
        "kind": "time_series",
        "population": "exc",
        "unit": "pA",
        "interval": "10 ms",
        "csv": str(path),
        "column": "current",
    }
    experiment = Experiment.from_dict(described)
    path.unlink()
    again = Experiment.from_json(experiment.to_json())
    assert again == experiment
    assert again.inputs[4].values == (1.5, -2.0, 0.1)  # type: ignore[union-attr]


def test_a_file_is_read(described: Plain, tmp_path: Any) -> None:
    experiment = Experiment.from_dict(described)
    (tmp_path / "e.json").write_text(experiment.to_json(), encoding="utf-8")
    assert Experiment.load(tmp_path / "e.json") == experiment


def test_the_schema_describes_every_kind(described: Plain) -> None:
    schema = json_schema()
    text = json.dumps(schema)
    for word in (
        "exponential_conductance",
        "fixed_in_degree",
        "ornstein_uhlenbeck",
        "truncated_normal",
        "spike_trains",
        "weight_scale",
        "schema_version",
    ):
        assert word in text
    assert set(described) <= set(schema["properties"])
    assert {"name", "populations", "duration"} <= set(schema["required"])
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(Experiment.from_dict(described).to_dict(), schema)


def test_errors_survive_a_process_border() -> None:
    import pickle

    for error in (
        InputError("a.b", "is wrong", True),
        UnsupportedError("nest", "x"),
        RunError("nest", "y"),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)
