"""The page of an f-I curve: what it says in words, the figure, the rates, the runs."""

from __future__ import annotations

import shlex

from ...showing.drawing import Drawing
from ...showing.page import EXPERIMENT, macro
from ...showing.provenance import options_of, provenance_of
from ...showing.section import Provenance, Section, Statement, Table
from .figures import curve_figure
from .study import ORACLE, Curve
from .words import sentences


def statements(curve: Curve) -> list[Statement]:
    """Where firing starts and ends, and how far the simulators are apart."""
    undecided = any(caveat.limits for caveat in curve.caveats)
    word = "undecided" if undecided else ""
    return [Statement(f"f-I curve, {curve.mode}", tuple(sentences(curve)), word)]


def sections(curve: Curve) -> list[Section]:
    """The figure with the rate at every current, and the runs."""
    drawing = Drawing(
        curve_figure(curve),
        "rate over current, a line for each simulator, and how far each is from the yardstick",
        "Below: the difference where both fire. A dashed line is where firing starts or ends.",
    )
    frame = curve.table
    rates = Table({name: name for name in frame.columns}, frame.to_dict("records"))
    return [
        Section(
            "Rate over current",
            "",
            {"curve": drawing},
            {"curve": rates},
            {"curve": curve.to_dict()},
        ),
        Section("Runs", macro("runs_table", curve.runs)),
    ]


def provenance(curve: Curve) -> Provenance:
    """The command that repeats it, the versions, the machine."""
    runs = [*{run.backend: run for run in curve.runs}.values()]
    return provenance_of(curve.experiment, runs, command(curve))


def command(curve: Curve) -> str:
    """The command that repeats a curve from the experiment beside its page."""
    backends = dict.fromkeys(run.backend for run in curve.runs)
    named = [name for name in backends if name not in ("reference", ORACLE)] or ["reference"]
    first, last = (f"{curve.currents[k]:.12g} {curve.unit}" for k in (0, -1))
    duration = curve.experiment.duration_ms
    words = ["coincide", "curve", EXPERIMENT, "-b", *named, "--mode", curve.mode]
    words += ["--from", first, "--to", last, "--duration", f"{duration!r} ms"]
    words += ["--measured", f"{1.0 - curve.start_ms / duration:.12g}"]
    words += [] if ORACLE in backends else ["--no-oracle"]
    return shlex.join([*words, *options_of(curve.runs)])
