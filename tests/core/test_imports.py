"""What importing costs: the core knows no simulator, and `import coincide` nothing heavy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SIMULATORS = {"brian2", "neuron", "nest", "arbor", "pymonntorch", "torch"}
HEAVY = {
    "pint",
    "sympy",
    "pydantic",
    "pandas",
    "matplotlib",
    "scipy",
    "numpy",
    "h5py",
    "rich",
    "typer",
}
CORE = sorted(
    p.stem for p in (Path(__file__).parents[2] / "core").glob("*.py") if p.stem != "__init__"
)


def modules_after(program: str) -> set[str]:
    """The top-level modules that a program loads in a process of its own."""
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{program}\nimport json, sys; print(json.dumps(list(sys.modules)))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in json.loads(found.stdout.splitlines()[-1])}


def test_import_coincide_loads_nothing_heavy() -> None:
    loaded = modules_after("import coincide; dir(coincide); coincide.__version__")
    assert "coincide" in loaded
    assert loaded.isdisjoint(SIMULATORS | HEAVY)


def test_a_study_can_be_asked_for_without_what_draws_it() -> None:
    program = "import coincide\nfor name in dir(coincide): getattr(coincide, name)"
    loaded = modules_after(program)
    assert "numpy" in loaded
    assert loaded.isdisjoint(SIMULATORS | {"matplotlib", "pandas", "jinja2", "rich", "typer"})


def test_no_module_of_the_core_loads_a_simulator() -> None:
    assert len(CORE) > 20
    program = "\n".join(f"import coincide.core.{name}" for name in CORE)
    assert modules_after(program).isdisjoint(SIMULATORS)


def test_a_network_is_realized_without_the_heavy_libraries() -> None:
    program = """
from coincide import Experiment, NeuronModel, Population, realize
model = NeuronModel(name="M", equations="dv/dt = -v/tau : mV\\ntau : ms", parameters={"tau": "5 ms"})
experiment = Experiment(name="e", populations=[Population(name="p", model=model, size=2)], duration="1 ms")
realize(Experiment.from_json(experiment.to_json()))
"""
    loaded = modules_after(program)
    assert {"numpy", "pydantic"} <= loaded
    # pint is for units out of the ordinary, sympy for equations that are not plainly linear, pandas for CSV.
    assert loaded.isdisjoint(
        SIMULATORS | {"pandas", "matplotlib", "sympy", "pint", "scipy", "h5py"}
    )


def test_every_public_name_of_the_core_is_there() -> None:
    import coincide

    homes = {n: h for n, h in coincide._HOME_OF.items() if h.startswith("coincide.core.")}
    assert len(homes) > 40
    for name, home in homes.items():
        assert getattr(coincide, name) is getattr(sys.modules[home], name)
    with pytest.raises(AttributeError, match="has no attribute 'Experimint'"):
        _ = coincide.Experimint


def test_whatever_a_projection_takes_has_a_name_at_the_top() -> None:
    """Rules and plasticity are written ``co.…`` in a description, so each is found there."""
    import coincide
    from coincide.core.plasticity import TsodyksMarkram

    assert coincide.TsodyksMarkram is TsodyksMarkram
    for name in coincide.__all__:
        assert getattr(coincide, name) is not None, name
