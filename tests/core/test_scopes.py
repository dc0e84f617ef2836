"""Names of a cell's parts: none captures another's."""

from typing import Any

import pytest

from coincide.core.cell import Cell, build_cell
from coincide.core.errors import InputError
from coincide.core.inputs import ConstantInput, StepInput
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.core.receptors import (
    NMDA,
    AlphaConductance,
    AlphaCurrent,
    CustomReceptor,
    Delta,
    DoubleExponentialConductance,
    ExponentialConductance,
)

PRIVATE = (
    "a",
    "g",
    "tau",
    "current",
    "reversal",
    "rise",
    "decay",
    "peak_time",
    "norm",
    "tau_rise",
    "tau_decay",
    "block",
    "magnesium",
    "beta",
    "gamma",
)
"""What the kinds of receptors call their own variables."""
KINDS = {
    "alpha": AlphaConductance(tau="2 ms", reversal="0 mV"),
    "current": AlphaCurrent(tau="2 ms"),
    "double": DoubleExponentialConductance(tau_rise="1 ms", tau_decay="5 ms", reversal="0 mV"),
    "nmda": NMDA(tau="50 ms"),
}


def cell_of(equations: str, parameters: Any = None, inputs: Any = (), **receptors: Any) -> Cell:
    model = NeuronModel(
        name="M", equations=f"{equations}\nI : pA (input)", parameters=parameters or {}
    )
    return build_cell(Population(name="p", model=model, size=1, receptors=receptors), inputs)


@pytest.mark.parametrize("receptor", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("name", PRIVATE)
def test_what_a_receptor_calls_its_own_is_no_business_of_the_neuron(
    name: str, receptor: Any
) -> None:
    equations = f"dv/dt = (-v + I*GOhm)*{name} : mV\n{name} : 1/ms"
    cell = cell_of(equations, {name: "0.1 /ms"}, exc=receptor)
    assert cell.values[name].internal == 0.1  # type: ignore[union-attr]
    right = cell.variable("v").right
    assert right is not None
    assert f"* {name}" in str(cell.variable("v"))


@pytest.mark.parametrize("receptor", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("name", PRIVATE)
def test_a_membrane_potential_may_be_called_as_the_receptors_own(name: str, receptor: Any) -> None:
    equations = f"d{name}/dt = (-{name} + I*GOhm)/(10*ms) : mV"
    moved = receptor
    if hasattr(receptor, "voltage"):
        moved = receptor.model_copy(update={"voltage": name})
    plain = cell_of("dv/dt = (-v + I*GOhm)/(10*ms) : mV", exc=receptor)
    cell = cell_of(equations, exc=moved)
    for one, other in zip(cell.variables, plain.variables, strict=True):
        # All is as with v, but for what it is called.
        assert one.name == (name if other.name == "v" else other.name)
        if one.name != name and one.name != "I":
            assert str(other).replace(" v)", f" {name})").replace("* v", f"* {name}") == str(one)


def test_a_kick_acts_on_what_it_names_whatever_else_ends_so() -> None:
    cell = cell_of("dv/dt = -v/ms + I*GOhm/ms : mV\ndv_d/dt = -v_d/ms : mV", d=Delta(target="v"))
    assert [i.target for i in cell.port("d").increments] == ["v"]


def test_what_would_be_called_alike_is_kept_apart() -> None:
    own = CustomReceptor(
        equations="dg/dt = -g/tau : 1\ntau : ms\nflow = g*pA : pA",
        on_pre="g += w*k_exc",
        current="flow",
        parameters={"tau": "3 ms"},
    )
    cell = cell_of(
        "dv/dt = -v/tau_exc + I*GOhm/ms : mV\ndg_exc/dt = -g_exc/ms : 1\ntau_exc : ms\nk_exc : 1",
        {"tau_exc": "7 ms", "k_exc": "2"},
        exc=own,
    )
    assert cell.port("exc").names == {"g": "g__exc", "tau": "tau__exc", "flow": "flow_exc"}
    assert [i.target for i in cell.port("exc").increments] == ["g__exc"]
    assert cell.values["tau_exc"].internal == 7.0  # type: ignore[union-attr]
    assert cell.values["tau__exc"].internal == 3.0  # type: ignore[union-attr]
    assert str(cell.variable("g__exc")) == "dg__exc/dt = -g__exc / tau__exc : 1"
    assert str(cell.variable("v")).startswith("dv/dt = -v / tau_exc")


def test_receptors_whose_names_end_alike_are_kept_apart() -> None:
    short = CustomReceptor(equations="da_b/dt = -a_b/ms : 1", on_pre="a_b += w")
    long = CustomReceptor(equations="da/dt = -a/(2*ms) : 1", on_pre="a += w")
    cell = cell_of("dv/dt = -v/ms + I*GOhm/ms : mV", c=short, b_c=long)
    assert [i.target for i in cell.port("c").increments] == ["a_b_c"]
    assert [i.target for i in cell.port("b_c").increments] == ["a__b_c"]
    assert str(cell.variable("a__b_c")) == "da__b_c/dt = -a__b_c / (2 * 1.0) : 1"


def test_inputs_and_receptors_of_one_name_are_kept_apart() -> None:
    own = CustomReceptor(equations="dI/dt = -I/ms : pA", on_pre="I += w", current="I")
    drive = StepInput(name="x", population="p", amplitude="1 pA")
    base = ConstantInput(name="y", population="p", amplitude="1 pA")
    cell = cell_of(
        "dv/dt = -v/ms + I*GOhm/ms : mV\nI_y : 1", {"I_y": "1"}, inputs=(drive, base), x=own
    )
    assert cell.drives == {"x": "I_x", "y": "I__y__input"}
    assert cell.port("x").names == {"I": "I__x"}
    assert str(cell.variable("I")) == "I = I_x + I__y__input + I__x : pA"


def test_a_receptors_own_name_goes_before_the_cells_and_before_a_unit() -> None:
    own = CustomReceptor(
        equations="dv/dt = -v/ms : mV\nm = 2 : 1\nflow = m*v*nS : pA",
        on_pre="v += w*m",
        current="flow",
    )
    cell = cell_of("dv/dt = -v/ms + I*GOhm/ms : mV", r=own)
    assert [i.target for i in cell.port("r").increments] == ["v_r"]
    assert str(cell.variable("flow_r")) == "flow_r = m_r * v_r * 1.0 : pA"


def test_an_error_about_a_receptor_is_not_about_the_neuron() -> None:
    wrong = CustomReceptor(equations="dx/dt = -x : pA", on_pre="x += w")
    with pytest.raises(InputError, match=r"^p\.r\.dx/dt: "):
        cell_of("dv/dt = -v*x + I*GOhm/ms : mV\nx : 1/ms", {"x": "1/ms"}, r=wrong)
    with pytest.raises(InputError, match=r"there is no variable 'u'"):
        cell_of(
            "dv/dt = -v/ms + I*GOhm/ms : mV",
            r=ExponentialConductance(tau="1 ms", reversal="0 mV", voltage="u"),
        )
