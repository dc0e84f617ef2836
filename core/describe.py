"""An experiment as a few tables of plain text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from .cable import CableCell
from .populations import AnyPopulation, n_lost

if TYPE_CHECKING:
    from .experiment import Experiment

_FEW = 6


def describe(experiment: Experiment) -> dict[str, Any]:
    """Equations of every neuron model, and tables of populations, projections, inputs, records."""
    data = experiment.to_dict()
    plastic = ["plasticity"] if any(p.plasticity for p in experiment.projections) else []
    return {
        "models": _models(data["populations"]),
        "tables": [
            {
                "title": "Populations",
                "columns": ("name", "cells", "kind", "receptors", "values"),
                "rows": [
                    (
                        p["name"],
                        _cells(experiment.population(p["name"])),
                        p["model"]["name"] if "model" in p else p["kind"],
                        _mapping(p.get("receptors", {})),
                        _mapping({**p.get("parameters", {}), **p.get("initial", {})})
                        or _others(p, {"name", "model", "size", "receptors", "kind"}),
                    )
                    for p in data["populations"]
                ],
            },
            {
                "title": "Projections",
                "columns": ("name", "from", "to", "receptor", "rule", "weight", "delay", *plastic),
                "rows": [
                    (
                        p["name"],
                        p["source"],
                        p["target"],
                        p["receptor"],
                        _text(p["rule"]),
                        " ".join(filter(None, (_text(p["weight"]), _scale(p)))),
                        _text(p["delay"]),
                        *(_text(p.get(column, "")) for column in plastic),
                    )
                    for p in data.get("projections", ())
                ],
            },
            {
                "title": "Inputs",
                "columns": ("name", "kind", "population", "values"),
                "rows": [
                    (
                        i["name"],
                        i["kind"],
                        i["population"],
                        _others(i, {"name", "kind", "population"}),
                    )
                    for i in data.get("inputs", ())
                ],
            },
            {
                "title": "Recorded besides spikes",
                "columns": ("population", "variables", "cells"),
                "rows": [
                    (r["population"], ", ".join(r["variables"]), _text(r.get("cells", "all")))
                    for r in data.get("records", ())
                ],
            },
        ],
    }


def _cells(population: AnyPopulation) -> int | str:
    lost = n_lost(population)
    return f"{population.size} ({lost} lost)" if lost else population.size


def _models(populations: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Every neuron model once, with the populations that have it."""
    described: list[tuple[Any, list[str]]] = []
    for population in populations:
        if "model" not in population:
            continue
        for model, names in described:
            if model == population["model"]:
                names.append(population["name"])
                break
        else:
            described.append((population["model"], [population["name"]]))
    return [
        {
            "name": model["name"],
            "populations": ", ".join(names),
            "text": _equations(model),
            "parameters": _mapping(model.get("parameters", {})),
        }
        for model, names in described
    ]


def cable_lines(cell: CableCell) -> list[str]:
    """A cable cell in lines of text: geometry, membrane, channels with how they open, ions, threshold."""
    compartments = cell.lowered.compartments
    sections, area = len(cell.morphology.sections), sum(c.area for c in compartments)
    lines = [
        f"{sections} section{'s' * (sections > 1)} in {len(compartments)} "
        f"compartment{'s' * (len(compartments) > 1)}, {area:,.6g} µm², {cell.celsius:g} °C",
        f"capacitance {_text(cell.capacitance)}"
        + (f", axial resistivity {_text(cell.axial_resistivity)}" if len(compartments) > 1 else "")
        + f", v(0) = {_text(cell.v_initial)}",
    ]
    for channel in cell.channels:
        amounts = ", ".join(f"{_text(v)} in {region}" for region, v in channel.amounts.items())
        through = channel.ion or f"reversal {_text(channel.reversal)}"
        lines.append(
            f"{channel.name} ({through}): {channel.amount} {amounts}, open {channel.opening}"
        )
        if channel.q10 != 1.0:
            lines.append(f"  rates × {channel.q10:g}^((celsius - {channel.q10_celsius:g})/10)")
        # Parameters stand below with their values.
        lines += [f"  {line.strip()}" for line in channel.equations.splitlines() if "=" in line]
        for gate in channel.gates:
            parts = {f: getattr(gate, f) for f in ("alpha", "beta", "inf", "tau")}
            lines.append(
                f"  {gate.name}: " + ", ".join(f"{k} = {v}" for k, v in parts.items() if v)
            )
        if channel.scheme is not None:
            lines.append(
                f"  {len(channel.scheme.states)} states: " + "; ".join(channel.scheme.transitions)
            )
        if channel.parameters:
            lines.append(f"  {_mapping(channel.parameters)}")
    for ion in cell.ions:
        fields = {f: getattr(ion, f) for f in ("reversal", "inside", "outside") if getattr(ion, f)}
        text = f"ion {ion.name} ({ion.valence:+d}): {_mapping(fields)}"
        if ion.pool is not None:
            shell = ion.pool.model_dump(exclude_none=True)
            text += f"{', ' if fields else ''}inside a shell: {_mapping(shell)}"
        lines.append(text)
    if cell.threshold is not None:
        lines.append(
            f"spike when {cell.threshold} becomes true, with spike_threshold {cell.spike_threshold}"
        )
    return lines


def _equations(model: Mapping[str, Any]) -> str:
    if model.get("kind") == "cable":
        return "\n".join(cable_lines(CableCell.model_validate(model)))
    lines = [dedent(model["equations"]).strip(), ""]
    for word in ("threshold", "reset", "refractory"):
        if model.get(word):
            lines.append(f"{word}: {_text(model[word])}")
    for name, value in model.get("initial", {}).items():
        lines.append(f"{name}(0) = {_text(value)}")
    return "\n".join(lines)


def _scale(projection: Mapping[str, Any]) -> str:
    scale = projection.get("weight_scale", "none")
    return "" if scale == "none" else f"times {scale}"


def _others(data: Mapping[str, Any], but: set[str]) -> str:
    return _mapping({k: v for k, v in data.items() if k not in but})


def _mapping(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {_text(value)}" for name, value in data.items())


def _text(value: Any) -> str:
    """A value in one line; long lists by their length and extent."""
    if isinstance(value, Mapping):
        if "values" in value:
            return f"{_text(value['values'])} {value.get('unit', '')}".strip()
        tags = [value[t] for t in ("distribution", "rule", "kind") if t in value]
        rest = {k: v for k, v in value.items() if k not in ("distribution", "rule", "kind")}
        return f"{tags[0]}({_mapping(rest)})" if tags and rest else (tags or [_mapping(rest)])[0]
    if isinstance(value, list | tuple):
        if len(value) <= _FEW:
            return ", ".join(_text(v) for v in value)
        if all(isinstance(v, int | float) for v in value):
            return f"{len(value)} values from {min(value):g} to {max(value):g}"
        return f"{len(value)} values"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
