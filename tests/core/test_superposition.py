"""One state per cell stands for those of all its synapses only where all is linear in them."""

from typing import Any

import pytest

from coincide.core.cell import build_cell
from coincide.core.errors import InputError
from coincide.core.expressions import parse
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.core.receptors import CustomReceptor, Delta
from coincide.core.superposition import is_linear

MODEL = NeuronModel(name="M", equations="dv/dt = -v/ms + I*GOhm/ms : mV\nI : pA (input)")


def build(equations: str, on_pre: str = "x += w", current: str | None = None, **more: Any) -> Any:
    receptor = CustomReceptor(equations=equations, on_pre=on_pre, current=current, **more)
    return build_cell(Population(name="p", model=MODEL, size=1, receptors={"r": receptor}))


@pytest.mark.parametrize(
    ("text", "linear"),
    [
        ("-x/tau", True),
        ("k*x - y", True),
        ("k + v*x", True),
        ("(x - y)*exp(v)", True),
        ("v*v", True),
        ("x*y", False),
        ("x*(1 - x)", False),
        ("x**2", False),
        ("exp(x)", False),
        ("x/(1 + x)", False),
        ("minimum(x, 1)", False),
        ("x if v > 0 else 2*x", True),
        ("v if x > 0 else 0", False),
        ("int(x > 0)*y", False),
        ("abs(x)", False),
        ("k/(1 + exp(v))*(y - x)", True),
        ("x*x - x*x + x", True),
        ("(x + 1)**2 - x**2", True),
        ("(x*y + x)/(1 + y)", True),
    ],
)
def test_linear_in_all_states_together(text: str, linear: bool) -> None:
    assert is_linear(parse(text), ["x", "y"]) is linear


@pytest.mark.parametrize(
    ("equations", "on_pre", "current"),
    [
        ("dg/dt = -g/(100*ms) + 0.5/ms*x*(1 - g) : 1\ndx/dt = -x/(2*ms) : 1", "x += w", None),
        ("dx/dt = -x*x/ms : 1", "x += w", None),
        ("dx/dt = -rate*x : 1\nrate = x/ms : 1/ms", "x += w", None),
        ("dx/dt = -x/ms : 1\nflow = x**2*pA : pA", "x += w", "flow"),
        ("dx/dt = -x/ms : 1\nflow = open*pA : pA\nopen = x/(1 + x) : 1", "x += w", "flow"),
        ("dx/dt = -x/ms : 1", "x += w*(1 - x)", None),
        ("dx/dt = -x/ms : 1\nroom = 1 - x : 1", "x += w*room", None),
        ("dx/dt = -x/ms : 1", "v += w*x*mV", None),
    ],
)
def test_what_is_not_linear_is_refused_with_what_to_write(
    equations: str, on_pre: str, current: str | None
) -> None:
    with pytest.raises(InputError) as caught:
        build(equations, on_pre, current)
    message = str(caught.value)
    assert message.startswith("p.r.")
    assert 'Delta(target="x")' in message
    assert "states of single synapses are not available" in message


@pytest.mark.parametrize(
    ("equations", "on_pre", "current"),
    [
        (
            "dx/dt = -x/ms : 1\ndy/dt = (x - y)/(2*ms) : 1\nflow = y*(0*mV - v)*nS : pA",
            "x += w",
            "flow",
        ),
        # What does not depend on the states may be anything.
        (
            "dx/dt = -x*exp(v/mV)/ms : 1\nflow = x/(1 + exp(-v/mV))*pA : pA",
            "x += w*(1 - v/mV)",
            "flow",
        ),
        ("dx/dt = (1 - x)/ms : 1", "x += w", None),
        # A diagnosis that drives nothing may be anything too.
        ("dx/dt = -x/ms : 1\nsquare = x*x : 1", "x += w", None),
    ],
)
def test_what_is_linear_is_taken(equations: str, on_pre: str, current: str | None) -> None:
    assert build(equations, on_pre, current).port("r").increments


def test_what_the_refusal_advises_runs() -> None:
    model = NeuronModel(
        name="M",
        equations="""
            dv/dt = (-65*mV - v)/(20*ms) + (I + g*nS*(0*mV - v))/(250*pF) : mV
            dg/dt = -g/(100*ms) + 0.5/ms*x*(1 - g) : 1
            dx/dt = -x/(2*ms) : 1
            I : pA (input)
        """,
    )
    cell = build_cell(
        Population(name="p", model=model, size=1, receptors={"nmda": Delta(target="x")})
    )
    assert [i.target for i in cell.port("nmda").increments] == ["x"]
