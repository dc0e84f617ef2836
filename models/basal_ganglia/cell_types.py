"""The table of neuron types of github.com/techzzt/Basal-ganglia-neuron-models, answered row by row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row: the type and its region as the table has them, the library's models, or why there is none."""

    type: str
    region: str
    models: tuple[str, ...] = ()
    note: str = ""


_NO_SET = "no published parameter set is known to us"

ROWS = (
    Row("MSN D1", "striatum", ("msn_d1",)),
    Row("MSN D2", "striatum", ("msn_d2",)),
    Row("FSN", "striatum", ("fsn",)),
    Row("ChIN", "striatum", (), f"cholinergic: {_NO_SET}; the table names none either"),
    Row("prototypic", "GPe", ("gpe_ti",)),
    Row("arkypallidal", "GPe", ("gpe_ta",)),
    Row(
        "PV+",
        "STN",
        ("stn_pv_positive", "stn"),
        "as_written only, a hypothesis without a reference; stn does not separate them",
    ),
    Row(
        "PV-",
        "STN",
        ("stn_pv_negative", "stn"),
        "as_written only, a hypothesis without a reference; stn does not separate them",
    ),
    Row("PV+", "GPi", ("gpi",), "the published set is of all cells, not of PV+ alone"),
    Row("SST+", "GPi", (), f"{_NO_SET}; gpi is of all cells"),
    Row("PV+", "SNr", ("snr",), "the published set is of all cells, not of PV+ alone"),
    Row("SST+", "SNr", (), f"{_NO_SET}; snr is of all cells"),
    Row("GABAergic", "SNc", (), _NO_SET),
    Row("dopaminergic", "SNc", (), f"{_NO_SET}; dopamine is a number here, φ = α - 0.8"),
)
"""Every row of the table, in its order."""

EQUATIONS = (
    Row("LIF", "model", ("msn_d1", "msn_d2", "fsn", "stn"), "variant chakravarty2022"),
    Row("QIF", "model", ("msn_d1", "msn_d2", "fsn"), "fsn with the fast-spiking recovery"),
    Row("AdEx", "model", ("gpe_ti", "gpe_ta", "stn", "snr"), "stn with two slopes and its reset"),
    Row("Izhikevich", "model", ("gpi",)),
    Row("HH", "model", ("hh_squid",), "no cell of the table has a published one"),
)
"""Its neuron models, and cells that are of them."""
