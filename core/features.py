"""Features: what an experiment needs of a backend, as data."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .projections import Explicit
from .realization import Edges, Realization

FEATURES: Mapping[str, str] = {
    "threshold_reset": "a threshold with reset",
    "threshold_crossing": "spikes as upward crossings, without reset",
    "no_threshold": "cells that do not spike",
    "refractoriness": "a refractory period",
    "refractoriness_per_cell": "a refractory period of its own for each cell",
    "parameters_per_cell": "parameters that differ from cell to cell",
    "receptors": "receptors by equations",
    "kicks": "arrivals that kick a variable of the neuron itself",
    "kicks_unless_refractory": "arrivals that are lost while the cell is refractory",
    "inputs": "inputs that change with time",
    "spike_sources": "given or Poisson spike trains",
    "coincident_spikes": "several spikes of one source in one step",
    "projections": "connections between populations",
    "weights_per_connection": "weights that differ from connection to connection",
    "delays_per_connection": "delays that differ from connection to connection",
    "multapses": "several connections between two cells",
    "plasticity": "short-term plasticity",
    "plasticity_per_connection": "short-term plasticity that differs from connection to connection",
    "traces": "recording of state variables",
}
"""Every feature with its meaning; a backend declares those it has."""


def required_features(realization: Realization) -> dict[str, str]:
    """The features that a realization needs, with the place that needs each."""
    needed: dict[str, str] = {}

    def need(feature: str, place: str) -> None:
        assert feature in FEATURES
        needed.setdefault(feature, place)

    for population in realization.populations.values():
        cell, name = population.cell, population.name
        if cell.threshold is None:
            need("no_threshold", name)
        elif cell.on_crossing:
            need("threshold_crossing", name)
        else:
            need("threshold_reset", name)
        if population.has_refractoriness:
            need("refractoriness", name)
        if np.ndim(population.refractory_steps):
            need("refractoriness_per_cell", name)
        for parameter, value in population.parameters.items():
            if np.ndim(value):
                need("parameters_per_cell", f"{name}.{parameter}")
        own = {v.name for v in cell.states if v.owner.kind != "receptor"}
        for receptor in cell.receptors:
            need("receptors", f"{name}.{receptor.name}")
            for increment in receptor.increments:
                if increment.target in own:
                    need("kicks", f"{name}.{receptor.name}")
                if increment.unless_refractory and population.has_refractoriness:
                    need("kicks_unless_refractory", f"{name}.{receptor.name}")
        for given in population.inputs:
            need("inputs", given.input_name)
    for source in realization.sources.values():
        need("spike_sources", source.name)
        if source.steps.size > 1:
            same = (np.diff(source.steps) == 0) & (np.diff(source.cells) == 0)
            if same.any():
                need("coincident_spikes", source.name)
    for edges, projection in zip(
        realization.edges, realization.experiment.projections, strict=True
    ):
        need("projections", edges.name)
        if np.ndim(edges.weight):
            need("weights_per_connection", edges.name)
        if np.ndim(edges.delay_steps):
            need("delays_per_connection", edges.name)
        if edges.plasticity is not None:
            need("plasticity", edges.name)
            if edges.plasticity.per_connection:
                need("plasticity_per_connection", edges.name)
        may_repeat = isinstance(projection.rule, Explicit) or getattr(
            projection.rule, "multapses", False
        )
        if may_repeat and _has_multapses(edges):
            need("multapses", edges.name)
    if realization.experiment.records:
        need("traces", realization.experiment.records[0].population)
    return needed


def _has_multapses(edges: Edges) -> bool:
    # The connections are sorted by pre, then post.
    return bool(((np.diff(edges.pre) == 0) & (np.diff(edges.post) == 0)).any())
