"""What a channel calls its parts is no business of the cell, of its ions or of another channel."""

import numpy as np
import pytest

from coincide.backends.registry import load_backend
from coincide.core.cable import CableCell
from coincide.core.channels import Channel, Ion, Pool
from coincide.core.experiment import Experiment, Record
from coincide.core.kinetics import Gate, Scheme
from coincide.core.morphology import cylinder
from coincide.core.paths import set_values
from coincide.core.populations import Population
from coincide.core.realize import realize
from coincide.core.settings import Settings

APART = {
    "tau_p": "own_t",
    "depth_p": "own_d",
    "rest_p": "own_r",
    "floor_p": "own_f",
    "influx_p": "own_i",
    "free_p": "own_e",
    "alpha": "own_a",
    "rate_C_O": "own_c",
    "m_na": "mna",
}
"""Names that collide with what is made of ions, gates and schemes, and names that do not."""


def cell(**called: str) -> CableCell:
    n = {name: called.get(name, name) for name in APART}
    calcium = Channel(
        name="ca",
        ion="p_ca",
        permeability="1e-4 cm/s",
        equations=f"{n['tau_p']} : ms\n{n['depth_p']} = {n['rest_p']}*6*mV : mV\n{n['rest_p']} : 1\n"
        f"{n['floor_p']} = 2*{n['tau_p']} : ms\n{n['influx_p']} = v/{n['depth_p']} : 1\n"
        f"{n['free_p']} = 25*mV : mV",
        parameters={n["tau_p"]: "0.5 ms", n["rest_p"]: "1"},
        gates=(
            Gate(
                name="m",
                tau=n["floor_p"],
                inf=f"1/(1 + exp(-{n['influx_p']} - {n['free_p']}/{n['depth_p']}))",
            ),
        ),
    )
    sodium = Channel(
        name="na",
        conductance="1 mS/cm**2",
        reversal="50 mV",
        gates=(Gate(name="m", alpha="0.1/ms*exp(v/(40*mV))", beta="0.2/ms"),),
    )
    named_alike = Channel(
        name=n["m_na"],
        conductance="0.1 mS/cm**2",
        reversal="-90 mV",
        open="O",
        equations=f"{n['alpha']} : 1/ms\n{n['rate_C_O']} = 3*{n['alpha']} : 1/ms",
        parameters={n["alpha"]: "0.05/ms"},
        scheme=Scheme(transitions=(f"C <-> O (2*{n['rate_C_O']}, 0.7/ms)",), remainder="C"),
    )
    pool = Pool(depth="0.1 um", tau="5 ms", rest="1e-4 mM", floor="5e-5 mM")
    return CableCell(
        name="cell",
        morphology=cylinder("20 um", "20 um"),
        v_initial="-60 mV",
        channels=(
            calcium,
            sodium,
            named_alike,
            Channel(name="leak", conductance="0.3 mS/cm**2", reversal="-65 mV"),
        ),
        ions=(Ion(name="p_ca", valence=2, outside="2 mM", pool=pool),),
    )


def experiment(model: CableCell) -> Experiment:
    return Experiment(
        name="names",
        populations=(Population(name="p", model=model, size=1),),
        records=(Record(population="p", variables=("v", "p_cai", "m_ca", "m_na")),),
        duration="5 ms",
        dt="0.025 ms",
    )


@pytest.mark.parametrize("mode", ["lockstep", "aligned"])
@pytest.mark.parametrize("backend", ["reference", "brian2", "pymonntorch", "oracle", "neuron"])
def test_a_channels_names_are_its_own(backend: str, mode: str) -> None:
    runner, settings = load_backend(backend), Settings(mode=mode)
    alike, apart = (
        runner.run(realize(experiment(model)), settings) for model in (cell(), cell(**APART))
    )
    for key, trace in alike.traces.items():
        np.testing.assert_allclose(trace.values, apart.traces[key].values, rtol=1e-9)
    assert np.ptp(alike.traces["p", "p_cai"].values) > 1e-4


def test_the_pool_is_changed_by_its_path_and_the_channel_by_its_own() -> None:
    described = experiment(cell())
    pool, channel = (
        realize(set_values(described, [f"p.{path}=7 ms"])).populations["p"].cell.lowered
        for path in ("p_ca.pool.tau", "ca.tau_p")
    )
    assert str(pool.values["pool_tau_p_ca"]) == str(channel.values["tau_p_ca"]) == "7 ms"
    assert str(channel.values["pool_tau_p_ca"]) == "5 ms"
    assert str(pool.values["tau_p_ca"]) == "0.5 ms"
