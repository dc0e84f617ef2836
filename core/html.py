"""What a notebook shows of descriptions and recordings: plain tables, no pictures, nothing to import.

What shows figures too is registered with `notebook_html` by the folder that can draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import singledispatch
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .experiment import Experiment
    from .recording import Recording


@singledispatch
def notebook_html(thing: object) -> str:
    """What a notebook shows of a thing: its ``repr``, unless a form was registered for its type."""
    return f"<pre>{escape(repr(thing))}</pre>"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> str:
    """An HTML table; every text is escaped."""
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    caption = f"<caption><b>{escape(title)}</b></caption>" if title else ""
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def experiment_html(experiment: Experiment) -> str:
    """An experiment: its equations and the tables of its parts."""
    from .describe import describe

    facts = describe(experiment)
    parts = [
        f"<p><b>{escape(experiment.name)}</b> {escape(experiment.variant)} {escape(experiment.title)}<br>"
        f"{escape(str(experiment.duration))}, dt {escape(str(experiment.dt))}, seed {experiment.seed}, "
        f"hash {experiment.hash[:12]}</p>"
    ]
    for model in facts["models"]:
        heading = f"{model['name']} ({model['populations']})"
        parts.append(f"<p><b>{escape(heading)}</b></p><pre>{escape(model['text'])}</pre>")
        parts.append(f"<p>{escape(model['parameters'])}</p>")
    parts += [table(t["columns"], t["rows"], t["title"]) for t in facts["tables"] if t["rows"]]
    return "\n".join(parts)


def recording_html(recording: Recording) -> str:
    """A recording: spikes and rate of every population, extent of every trace."""
    seconds = recording.duration_ms / 1000.0
    spikes = [
        (
            name,
            size,
            f"{len(found):,}",
            f"{len(found) / (size * seconds):.3g}" if size and seconds else "",
        )
        for name, found in recording.spikes.items()
        for size in [recording.sizes.get(name, 0)]
    ]
    traces = [
        (
            f"{population}.{variable}",
            trace.unit,
            *trace.values.shape,
            f"{np.min(trace.values):.6g}",
            f"{np.max(trace.values):.6g}",
        )
        for (population, variable), trace in recording.traces.items()
        if trace.values.size
    ]
    parts = [f"<p>{recording.duration_ms:g} ms in steps of {recording.dt_ms:g} ms</p>"]
    parts.append(table(("population", "cells", "spikes", "rate (Hz)"), spikes))
    if traces:
        parts.append(table(("trace", "unit", "samples", "cells", "min", "max"), traces))
    if recording.notes:
        notes = "".join(f"<li>{escape(note)}</li>" for note in recording.notes)
        parts.append(f"<ul>{notes}</ul>")
    return "\n".join(parts)
