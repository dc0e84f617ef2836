"""What people write for Brian2 is understood or answered."""

from typing import Any

import numpy as np
import pytest

from coincide.core.errors import InputError
from coincide.core.expressions import FUNCTIONS, parse, text
from coincide.core.inputs import TimeSeriesInput
from coincide.core.neurons import NeuronModel
from coincide.core.populations import PoissonSource, Population, SpikeTrains
from coincide.core.projections import AllToAll, Projection
from coincide.core.receptors import ExponentialCurrent
from coincide.core.units import Quantity
from coincide.core.values import Array


def model(right: str = "-v/ms", flag: str = "", line: str = "", **more: Any) -> NeuronModel:
    return NeuronModel(
        name="M", equations=f"dv/dt = {right} : mV {flag}\n{line}\nI : pA (input)", **more
    )


def answer(**fields: Any) -> str:
    with pytest.raises(InputError) as caught:
        model(**fields)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"right": "rand()*mV/ms"}, "Uniform(low=…, high=…)"),
        ({"right": "randn()*mV/ms"}, "WhiteNoiseInput"),
        ({"right": "stim(t, i)"}, "TimeSeriesInput"),
        ({"right": "drive(t)"}, "TimeSeriesInput"),
        ({"right": "sigmoid(v/mV)*mV/ms"}, "write 1/(1 + exp(-x))"),
        ({"right": "pow(v, 2)"}, "write x**y"),
        ({"right": "arctan(v/mV)*mV/ms"}, "not available"),
        ({"right": "timestep(t, dt)*mV/ms"}, "use an input"),
        ({"right": "int(v/mV)*mV/ms"}, "use floor(x)"),
        ({"right": "-v/tau"}, "declare it by a line 'tau : 1'"),
        ({"right": "xi*mV*ms**-0.5"}, "WhiteNoiseInput"),
        ({"right": "xi_1*mV*ms**-0.5"}, "WhiteNoiseInput"),
        ({"right": "t_in_timesteps*mV/ms"}, "use an input"),
        ({"right": "i*mV/ms"}, "one value a cell"),
        ({"right": "(v_pre - v_post)/ms"}, "gap junctions"),
        ({"right": "(t - lastspike)*mV/ms**2"}, "use an input"),
        ({"right": "v/lastspike"}, "unless refractory"),
        ({"right": "pi*mV/ms"}, "3.141592653589793"),
        ({"right": "e*mV/ms"}, "exp(1)"),
        ({"flag": "(event-driven)"}, "leave it out"),
        ({"flag": "(clock-driven)"}, "leave it out"),
        ({"line": "k : 1 (constant)"}, "leave it out: parameters are constant"),
        ({"line": "k : 1 (shared)"}, "one for all cells"),
        ({"line": "k : 1 (linked)"}, "not available"),
        ({"line": "k = v/mV : 1 (constant over dt)"}, "write (held)"),
        ({"line": "k = v/mV : 1 (summed)"}, "gap junctions"),
        ({"line": "k : boolean"}, "write ': 1' and 0 or 1"),
        ({"line": "k : integer"}, "write ': 1' and 0 or 1"),
        ({"method": "euler"}, "Settings(method=…)"),
        ({"events": {"a": "v > 0*mV"}}, "threshold and reset"),
        ({"on_pre": "v += w"}, "CustomReceptor(on_pre=…)"),
        (
            {"threshold": "v > 0*mV", "reset": "v = 0*mV", "refractory": "v > -40*mV"},
            "such as '2 ms'",
        ),
    ],
)
def test_an_idiom_has_an_answer(fields: dict[str, Any], words: str) -> None:
    found = answer(**fields)
    assert words in found
    assert "did you mean" not in found or "declare it" in found


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("on_pre", "v += w", "CustomReceptor(on_pre=…)"),
        ("on_post", "v += w", "cannot be described"),
        ("condition", "i != j", "self_connections=False"),
        ("p", 0.1, "FixedProbability(p=…)"),
        ("i", [0], "Explicit(pre=…, post=…)"),
        ("w", "1 nS", "it is called weight"),
        ("method", "exact", "Settings(method=…)"),
    ],
)
def test_a_synapses_idiom_has_an_answer(field: str, value: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        Projection(
            source="a",
            target="b",
            receptor="c",
            rule=AllToAll(),
            weight="1 nS",
            delay="1 ms",
            **{field: value},
        )
    assert words in str(caught.value)


def test_all_functions_are_listed_and_only_a_near_one_is_offered() -> None:
    with pytest.raises(InputError) as caught:
        parse("quux(x)", "M")
    assert str(caught.value).endswith(", ".join(FUNCTIONS))
    assert "did you mean" not in str(caught.value)
    with pytest.raises(InputError, match=r"did you mean 'tanh'"):
        parse("tanhh(x)", "M")


def test_chained_comparisons_are_what_they_mean() -> None:
    assert text(parse("0 < x <= 1")) == "0 < x and x <= 1"
    assert text(parse("not 0 < x < y < 1")) == "not (0 < x and x < y and (y < 1))"


UNITS = ("mvolt", "msecond", "namp", "usiemens", "ufarad", "khertz", "meter", "amp", "siemens", "farad",
         "volt", "nsiemens", "pamp", "cmeter", "second", "mmolar", "kelvin")  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_units_may_be_spelled_out(unit: str) -> None:
    short = Quantity.parse(f"1 {unit}")
    assert Quantity.parse(f"1*{unit}").internal == short.internal
    assert model(right=f"-v/ms*({unit}/{unit})").variables


def test_a_quantity_may_be_a_product() -> None:
    assert Quantity.parse("-70*mvolt").internal == -70.0
    assert Quantity.parse("10*ms").internal == 10.0
    assert model(line="tau : msecond", parameters={"tau": "10*msecond"}).parameters


def test_quantities_of_brian2() -> None:
    b2 = pytest.importorskip("brian2")
    for given, expected in (
        (10 * b2.ms, "10 ms"),
        (0.3 * b2.mV, "0.3 mV"),
        (0.1 * b2.nS / b2.um**2, "0.1 nS/um**2"),
        (b2.ms, "1 ms"),
        (5 * b2.Hz, "0.005 1/ms"),
        (200 * b2.pF, "200 pF"),
        (1.1 * b2.nA, "1100 pA"),
        (b2.Quantity(3), "3"),
    ):
        assert str(Quantity.parse(given)) == expected
    assert Array([1, 2] * b2.mV) == Array([1.0, 2.0], "mV")
    assert Array([10 * b2.ms, 20 * b2.ms]) == Array([10.0, 20.0], "ms")
    assert model(line="tau : ms", parameters={"tau": [1, 2] * b2.ms}).parameters["tau"] == Array(
        [1.0, 2.0], "ms"
    )
    trains = SpikeTrains(name="s", times=[[5, 10] * b2.ms, [1 * b2.second], [3.0]])
    assert trains.times == ((5.0, 10.0), (1000.0,), (3.0,))
    series = TimeSeriesInput(
        name="s", population="p", values=[1, 2] * b2.nA, unit="pA", interval=1 * b2.ms
    )
    assert series.values == (1000.0, 2000.0)
    population = Population(
        name="p", model=model(), size=2, receptors={"r": ExponentialCurrent(tau=5 * b2.ms)}
    )
    assert population.receptors["r"].tau == Quantity(5.0, "ms")  # type: ignore[union-attr]
    with pytest.raises(InputError, match="but a time"):
        model(line="tau : ms", parameters={"tau": [1, 2] * b2.mV})
    with pytest.raises(InputError, match="2 numbers where one is needed"):
        Quantity.parse([1, 2] * b2.mV)


def test_quantities_of_pint_and_of_the_package_quantities() -> None:
    import pint

    units: Any = pint.UnitRegistry()
    assert Quantity.parse(10 * units.mV).internal == 10.0
    assert Array(np.array([1.0, 2.0]) * units.nS) == Array([1.0, 2.0], "nS")
    pq: Any = pytest.importorskip("quantities")
    assert str(Quantity.parse(10 * pq.ms)) == "10 ms"
    assert Quantity.parse(3 * pq.nS / pq.um**2).internal == 3.0
    assert Array([1, 2] * pq.mV) == Array([1.0, 2.0], "mV")
    assert SpikeTrains(name="s", times=[[1, 2] * pq.s]).times == ((1000.0, 2000.0),)


def test_lists_of_texts_and_mixed_units() -> None:
    assert Array(["10 ms", "0.02 s"]) == Array([10.0, 20.0], "ms")
    with pytest.raises(InputError, match="has another dimension than 10 ms"):
        Array(["10 ms", "1 mV"])


def test_the_profile_of_a_poisson_source_is_of_factors() -> None:
    brian2 = pytest.importorskip("brian2")
    quantities = pytest.importorskip("quantities")
    factors = ([1.0, 2.0], np.array([1.0, 2.0]), np.array([1.0, 2.0]) * quantities.dimensionless)
    for profile in factors:
        source = PoissonSource(name="s", size=1, rate="1 Hz", profile=profile, interval="1 ms")
        assert source.profile == (1.0, 2.0)
    rates = ([1, 2] * brian2.Hz, [brian2.Hz, 2 * brian2.Hz], [1, 2] * quantities.Hz)
    for profile in rates:
        with pytest.raises(InputError, match=r"s\.profile: 1 .* a rate .* a pure number is needed"):
            PoissonSource(name="s", size=1, rate="1 Hz", profile=profile, interval="1 ms")


def test_a_unit_given_twice_is_one_unit() -> None:
    brian2 = pytest.importorskip("brian2")
    assert Array([1, 2] * brian2.second, "ms") == Array([1000.0, 2000.0], "ms")
    with pytest.raises(InputError, match=r"a voltage \[mV\], but a time \[ms\] is needed"):
        Array([1, 2] * brian2.mV, "ms")
