"""A kind of input that coincide does not know, written here: every backend runs it, and nobody is told."""

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import numpy as np
import pytest
from pydantic import Field

from coincide.backends.registry import load_backend
from coincide.core.errors import InputError
from coincide.core.experiment import Experiment, Record
from coincide.core.input_base import Grid, Waveform
from coincide.core.inputs import Input
from coincide.core.neurons import NeuronModel
from coincide.core.perturbations import Lesion, apply
from coincide.core.populations import Population
from coincide.core.realize import realize
from coincide.core.settings import Mode, Settings
from coincide.core.units import Quantity
from coincide.core.values import Floats

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class TriangleInput(Waveform):
    """Up from 0 at ``start`` to ``peak``, and down to 0 at ``stop``."""

    measured: ClassVar[tuple[str, ...]] = ("peak",)
    moves: ClassVar[bool] = True

    kind: Literal["triangle"] = "triangle"
    peak: Quantity
    start: Quantity
    stop: Quantity

    def wave(self, times: Floats, start: float, stop: float) -> Floats:
        """peak·(1 - |t - middle|/half), nowhere below 0."""
        half = 0.5 * (stop - start)
        return self.peak.internal * np.maximum(1 - np.abs(times - start - half) / half, 0.0)

    def breakpoints(self, grid: Grid) -> Floats:
        """Both ends and the peak."""
        start, stop = self.span
        return np.array([start, 0.5 * (start + stop), stop])

    def between(self, instant: float) -> Callable[[Floats], Floats]:
        """It has no jump."""
        return lambda times: self.wave(times, *self.span)


class WithTriangles(Experiment):
    """What one line in `core.inputs.Input` would do."""

    inputs: tuple[  # type: ignore[assignment]
        Annotated[Input | TriangleInput, Field(discriminator="kind")], ...
    ] = ()


INTEGRATOR = NeuronModel(name="integrator", equations="dv/dt = I/(1*ms) : mV\nI : mV (input)")
TRIANGLE = TriangleInput(
    name="triangle", population="cells", peak="2 mV", start="1 ms", stop="5 ms", cells=(1,)
)


def experiment(*inputs: TriangleInput) -> Experiment:
    return WithTriangles(
        name="triangles",
        duration="8 ms",
        dt="0.1 ms",
        populations=(Population(name="cells", model=INTEGRATOR, size=2),),
        inputs=inputs or (TRIANGLE,),
        records=(Record(population="cells", variables=("v",)),),
    )


def v_of(backend: str, mode: Mode = "lockstep", described: Experiment | None = None) -> Floats:
    settings = Settings(mode=mode, method="euler" if mode == "lockstep" else None)
    recording = load_backend(backend).run(realize(described or experiment()), settings)
    return np.asarray(recording.traces["cells", "v"].values)


def test_the_oracle_integrates_it_exactly() -> None:
    values = v_of("oracle", "raw")
    assert np.all(values[:, 0] == 0)
    # The area: half of 4 ms times 2 mV, and a quarter of it where half of the rise is over.
    assert values[-1, 1] == pytest.approx(4.0, rel=1e-9)
    assert values[20, 1] == pytest.approx(0.5, rel=1e-9)


def test_the_reference_holds_it_over_each_step() -> None:
    times = np.arange(80) * 0.1
    rates = TRIANGLE.wave(times, 1.0, 5.0)
    expected = np.concatenate([[0.0], np.cumsum(0.1 * rates)])[: len(v_of("reference"))]
    assert v_of("reference")[:, 1] == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("backend", ["brian2", "neuron", "pymonntorch"])
def test_a_simulator_does_as_the_reference(backend: str) -> None:
    assert np.array_equal(v_of(backend), v_of("reference"))


def test_it_is_checked_read_again_and_silenced_as_every_input() -> None:
    again = WithTriangles.from_json(experiment().to_json())
    assert again == experiment()
    with pytest.raises(InputError, match=r"triangle\.peak: 2 nS has the dimension"):
        experiment(TRIANGLE.model_copy(update={"peak": Quantity(2.0, "nS")}))
    half = apply(again, Lesion("quieter", "", "silence triangle").at(0.5))
    assert v_of("reference", described=half)[-1, 1] == pytest.approx(2.0, rel=1e-2)


def test_an_end_between_two_steps_is_noted() -> None:
    late = TRIANGLE.model_copy(update={"stop": Quantity(5.03, "ms")})
    assert realize(experiment(late)).notes == ("triangle: stop 5.03 ms acts from 5 ms",)
