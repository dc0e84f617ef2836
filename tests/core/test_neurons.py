"""Neuron models: what is checked before anything runs, and the cell that comes out."""

from typing import Any

import pytest
from pydantic import ValidationError

from coincide.core.cell import build_cell
from coincide.core.errors import InputError
from coincide.core.expressions import text
from coincide.core.inputs import ConstantInput, StepInput
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.core.units import Quantity
from coincide.core.values import Array, Normal, TruncatedNormal, Uniform

EQUATIONS = """
dv/dt = (E_L - v + R*I)/tau : mV (unless refractory)
I : pA (input)
E_L : mV
R : GOhm
tau : ms
"""


def lif(**changes: Any) -> NeuronModel:
    given: dict[str, Any] = {
        "name": "LIF",
        "equations": EQUATIONS,
        "threshold": "v > -50*mV",
        "reset": "v = E_L",
        "refractory": "2 ms",
        "parameters": {"tau": "20 ms", "E_L": "-65 mV", "R": "80 MOhm"},
    }
    return NeuronModel(**{**given, **changes})


def test_a_model_as_written() -> None:
    model = lif(initial={"v": "E_L + 2*mV"})
    assert [v.name for v in model.variables] == ["v", "I", "E_L", "R", "tau"]
    assert NeuronModel(**model.model_dump(mode="json")) == model
    with pytest.raises(ValidationError, match="frozen"):
        model.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"name": "L IF"}, "neuron model", "is not a name"),
        ({"equations": ""}, "LIF", "has no differential equation"),
        ({"equations": "tau : ms"}, "LIF", "has no differential equation"),
        (
            {"equations": "dv/dt = x/ms : 1\nx = y : 1\ny = x : 1"},
            "LIF",
            "need each other; break the cycle",
        ),
        (
            {"equations": EQUATIONS.replace("\ntau :", "\ntaw :")},
            "LIF.dv/dt",
            "unknown variable 'tau'; did you mean 'taw'?",
        ),
        ({"threshold": "u > -50*mV"}, "LIF.threshold", "unknown variable 'u'"),
        ({"threshold": "v > 3"}, "LIF.threshold", "cannot compare"),
        ({"threshold": "v"}, "LIF.threshold", "is a value, not a condition such as 'v > v_th'"),
        ({"threshold": ""}, "LIF.threshold", "is not an expression"),
        ({"threshold": "v.any()"}, "LIF.threshold", "only the functions"),
        ({"threshold": None}, "LIF.threshold", "a reset or refractoriness needs a threshold"),
        ({"reset": "u = E_L"}, "LIF.reset", "there is no state variable 'u'"),
        ({"reset": "E_L = v"}, "LIF.reset", "there is no state variable 'E_L'"),
        ({"reset": "v = tau"}, "LIF.reset", "'tau' has the dimension of a time [ms]"),
        ({"reset": "v *= E_L"}, "LIF.reset", "but a pure number is needed"),
        ({"reset": "v += nothing"}, "LIF.reset", "unknown variable 'nothing'"),
        ({"reset": ""}, "LIF.refractory", "needs a reset"),
        ({"refractory": "-2 ms"}, "LIF.refractory", "-2 ms is negative; a time has to be >= 0"),
        ({"refractory": "2 mV"}, "LIF.refractory", "2 mV has the dimension of a voltage"),
        ({"refractory": 2}, "LIF.refractory", "2 has the dimension of a pure number"),
        (
            {"refractory": "taw"},
            "LIF.refractory",
            "there is no parameter 'taw'; did you mean 'tau'?",
        ),
        ({"refractory": "E_L"}, "LIF.refractory", "the parameter 'E_L' is not a time"),
        ({"refractory": "2 mss"}, "LIF.refractory", "'mss' is not a unit"),
        ({"refractory": None}, "LIF", "is 'unless refractory', but refractory is not given"),
        (
            {"parameters": {"taw": "2 ms"}},
            "LIF",
            "there is no parameter 'taw'; did you mean 'tau'?",
        ),
        ({"parameters": {"v": "2 mV"}}, "LIF", "there is no parameter 'v'"),
        (
            {"parameters": {"tau": "2 mV"}},
            "LIF.tau",
            "2 mV has the dimension of a voltage [mV], but a time",
        ),
        (
            {"parameters": {"tau": "-10 ms"}},
            "LIF.tau",
            "-10 ms is negative; a time constant has to be > 0",
        ),
        ({"parameters": {"tau": "0 ms"}}, "LIF.tau", "0 ms is zero; a time constant has to be > 0"),
        ({"parameters": {"tau": Array([20, -1], "ms")}}, "LIF.tau", "-1 ms is negative"),
        (
            {"parameters": {"tau": Uniform(low="-1 ms", high="2 ms")}},
            "LIF.tau",
            "-1 ms is negative",
        ),
        (
            {"parameters": {"tau": TruncatedNormal(mean="5 ms", std="1 ms", low="-1 ms")}},
            "LIF.tau",
            "-1 ms is negative",
        ),
        (
            {"parameters": {"tau": Normal(mean="5 ms", std="1 mV")}},
            "LIF.tau.std",
            "1 mV has the dimension",
        ),
        ({"parameters": {"tau": "20 mss"}}, "LIF.parameters.tau", "'mss' is not a unit"),
        (
            {"parameters": {"tau": [1.0, float("nan")]}},
            "LIF.parameters.tau.values.1",
            "finite number",
        ),
        (
            {"parameters": {"tau": [[1.0], [2.0, 3.0]]}},
            "LIF.parameters.tau",
            "is no array of numbers",
        ),
        ({"initial": {"u": "1 mV"}}, "LIF.initial", "there is no state variable 'u'"),
        ({"initial": {"v": "1 ms"}}, "LIF.initial.v", "1 ms has the dimension of a time"),
        ({"initial": {"v": "tau"}}, "LIF.initial.v", "'tau' has the dimension of a time"),
        ({"initial": {"v": "E_L + I"}}, "LIF.initial.v", "unknown variable 'I'"),
        ({"initial": {"v": "E_L.x"}}, "LIF.initial.v", "attribute access"),
        ({"treshold": "v > 3"}, "LIF", "there is no field 'treshold'; did you mean 'threshold'?"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], where: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        lif(**changes)
    assert str(caught.value).startswith(f"{where}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize("tau", ["C/g", "1*ms + C/g", "C/g if g > 0*nS else ms"])
def test_a_capacitance_has_to_be_positive(tau: str) -> None:
    equations = f"dv/dt = -v/({tau}) : mV\nC : pF\ng : nS"
    with pytest.raises(
        InputError, match=r"^M\.C: 0 pF is not positive; a capacitance has to be > 0$"
    ):
        NeuronModel(name="M", equations=equations, parameters={"C": "0 pF"})


def test_a_time_that_does_not_divide_may_be_zero() -> None:
    equations = "dv/dt = -v*(t_0 + 1*ms)/ms**2 : mV\nt_0 : ms"
    NeuronModel(name="M", equations=equations, parameters={"t_0": "0 ms"})
    with pytest.raises(InputError, match=r"^M\.t_0: -1 ms is negative; a time has to be >= 0$"):
        NeuronModel(name="M", equations=equations, parameters={"t_0": "-1 ms"})


def test_a_parameter_without_a_value_is_named_with_its_unit() -> None:
    with pytest.raises(InputError, match=r'^exc\.tau: .* give parameters=\{"tau": "… ms"\}$'):
        Population(name="exc", model=lif(parameters={"E_L": "-65 mV", "R": "80 MOhm"}), size=1)


def test_a_population_overrides_the_model() -> None:
    population = Population(name="exc", model=lif(), size=1, parameters={"tau": "5 ms"})
    assert build_cell(population).values["tau"] == Quantity(5.0, "ms")
    assert build_cell(population).values["E_L"] == Quantity(-65.0, "mV")


def test_inputs_add_up_at_the_port() -> None:
    population = Population(name="exc", model=lif(), size=1)
    cell = build_cell(
        population,
        [
            ConstantInput(name="bias", population="exc", amplitude="100 pA"),
            StepInput(name="step", population="exc", amplitude="50 pA"),
        ],
    )
    port = cell.variable("I")
    assert port.kind == "subexpression"
    assert port.right is not None
    assert text(port.right) == "I_bias + I_step"
    assert [v.name for v in cell.inputs] == ["I_step"]
    assert cell.threshold is not None
    assert text(cell.threshold) == "v > -50 * 1.0"
    nothing = build_cell(population).variable("I").right
    assert nothing is not None
    assert text(nothing) == "0.0"


def test_one_name_is_never_used_twice() -> None:
    model = lif(
        equations=f"{EQUATIONS}I_bias : pA",
        parameters={"tau": "20 ms", "E_L": "-65 mV", "R": "80 MOhm", "I_bias": "1 pA"},
    )
    population = Population(name="exc", model=model, size=1)
    cell = build_cell(population, [ConstantInput(name="bias", population="exc", amplitude="2 pA")])
    assert cell.drives == {"bias": "I__bias__input"}
    assert cell.values["I_bias"].internal == 1.0  # type: ignore[union-attr]
    assert cell.values["I__bias__input"].internal == 2.0  # type: ignore[union-attr]


def test_ports_are_chosen_by_name() -> None:
    two = "dv/dt = (I + J)/C : mV\nI : pA (input)\nJ : pA (input)\nC : pF"
    model = NeuronModel(name="M", equations=two, parameters={"C": "1 pF"})
    population = Population(name="exc", model=model, size=1)

    def given(port: str | None) -> ConstantInput:
        return ConstantInput(name="bias", population="exc", port=port, amplitude="1 pA")

    with pytest.raises(InputError, match=r"^bias: M has the inputs I, J; say port=$"):
        build_cell(population, [given(None)])
    with pytest.raises(InputError, match=r"^bias: there is no \(input\) of M 'K'"):
        build_cell(population, [given("K")])
    assert build_cell(population, [given("J")]).variable("J_bias").kind == "parameter"
    closed = NeuronModel(name="M", equations="dv/dt = -v/ms : mV")
    with pytest.raises(InputError, match=r"^bias: M has no variable that is an \(input\)"):
        build_cell(Population(name="exc", model=closed, size=1), [given(None)])
