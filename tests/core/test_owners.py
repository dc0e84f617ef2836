"""Whose a variable is: told by the variable, whatever it is called."""

import pytest

from coincide.core.cable import CableCell
from coincide.core.cell import Cell, build_cell
from coincide.core.channels import Channel, Ion, Pool
from coincide.core.discretisation import FixedSegments
from coincide.core.experiment import Experiment, Record
from coincide.core.inputs import ConstantInput, StepInput
from coincide.core.kinetics import Gate, Scheme
from coincide.core.morphology import ball_and_stick
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population
from coincide.core.receptors import ExponentialConductance
from coincide.core.scopes import Owner

GATE = Gate(name="m", alpha="1/ms", beta="2/ms")
KA = Channel(
    name="ka",
    region="all",
    conductance="1 mS/cm**2",
    ion="k",
    gates=(GATE,),
    equations="alpha_m = 1 : 1",  # beside the gate's rate
)
SCHEME = Channel(
    name="na_m",
    region="soma",
    conductance="1 mS/cm**2",
    reversal="50 mV",
    scheme=Scheme(transitions=("C <-> O (1/ms, 2/ms)",)),
    open="O",
)
CA = Channel(
    name="cal",
    region="all",
    conductance="0.1 mS/cm**2",
    elsewhere={"dend": "0.2 mS/cm**2"},
    ion="ca",
)


def cell() -> CableCell:
    """A tree in which names look like what they are not: compartments dend_0, a receptor dend_0."""
    return CableCell(
        name="tree",
        morphology=ball_and_stick("20 um", "100 um", "2 um"),
        discretisation=FixedSegments(segments=2),
        channels=(KA, SCHEME, CA),
        ions=(
            Ion(name="k", reversal="-80 mV"),
            Ion(
                name="ca",
                valence=2,
                outside="2 mM",
                pool=Pool(depth="0.1 um", tau="1 ms", rest="1e-4 mM", floor="1e-4 mM"),
            ),
        ),
    )


@pytest.fixture(scope="module")
def written() -> Cell:
    """Its equations with a receptor that is called as a compartment and two inputs."""
    receptor = ExponentialConductance(tau="5 ms", reversal="0 mV", port="dend(0.2)")
    population = Population(name="cells", size=1, model=cell(), receptors={"dend_0": receptor})
    inputs = (
        ConstantInput(name="m_ka", population="cells", amplitude="1 pA", port="soma(0.5)"),
        StepInput(name="late", population="cells", amplitude="1 pA", port="dend(1)"),
    )
    return build_cell(population, inputs)


@pytest.mark.parametrize(
    ("name", "owner", "compartment"),
    [
        ("v_dend_1", Owner("membrane", "", "v"), 3),
        ("I_soma_0", Owner("membrane", "", "I"), 0),
        ("capacitance", Owner("membrane", "", "capacitance"), None),
        ("m_ka_dend_0", Owner("gate", "ka", "m"), 2),
        ("alpha_m_ka_dend_0", Owner("channel", "ka", "alpha_m"), 2),
        ("gate_alpha_m_ka_dend_0", Owner("gate", "ka", "m.alpha"), 2),
        ("O_na_m_soma_0", Owner("scheme", "na_m", "O"), 0),
        ("rate_C_O_na_m_soma_0", Owner("scheme", "na_m", "C->O"), 0),
        ("reversal_na_m", Owner("channel", "na_m", "reversal"), None),
        ("conductance_cal", Owner("channel", "cal", "conductance"), None),
        ("conductance_cal_in_dend", Owner("channel", "cal", "elsewhere.dend"), None),
        ("ek", Owner("ion", "k", "reversal"), None),
        ("eca_dend_0", Owner("ion", "ca", "reversal"), 2),
        ("cai_dend_0", Owner("ion", "ca", "inside"), 2),
        ("tau_ca", Owner("pool", "ca", "tau"), None),
        ("influx_ca_soma_0", Owner("pool", "ca", "influx"), 0),
        ("g_dend_0", Owner("receptor", "dend_0", "g"), 2),
        ("I_soma_1_m_ka", Owner("input", "m_ka", "I_soma_1"), 1),
        ("I_dend_1_late", Owner("input", "late", "I_dend_1"), 3),
    ],
)
def test_a_variable_says_whose_it_is_and_where(
    written: Cell, name: str, owner: Owner, compartment: int | None
) -> None:
    variable = written.variable(name)
    assert (variable.owner, variable.compartment) == (owner, compartment)


def test_every_variable_of_a_tree_is_found_by_its_owner() -> None:
    lowered = cell().lowered
    for v in lowered.variables:
        assert lowered.name(*v.owner, v.compartment) == v.name
        if v.compartment is not None:
            assert lowered.called(v.plain, v.compartment) == v.name


def test_a_neurons_own_variables_are_its_own() -> None:
    model = NeuronModel(name="m", equations="dv_exc/dt = -v_exc/(10*ms) : mV")
    assert model.variables[0].owner == Owner("neuron", "", "v_exc")


def test_a_record_at_a_place_is_of_that_place_alone() -> None:
    described = Experiment(
        name="x",
        duration="1 ms",
        dt="0.1 ms",
        populations=(Population(name="cells", size=1, model=cell()),),
        records=(Record(population="cells", variables=("v", "m_ka"), at="dend(0.9)"),),
    )
    (record,) = described.records
    assert described.recorded_variables(record) == ("v_dend_1", "m_ka_dend_1")
    with pytest.raises(ValueError, match="no state variable 'v_dend_1'"):
        described.with_(
            records=(Record(population="cells", variables=("v_dend_1",), at="dend(0.9)"),)
        )
