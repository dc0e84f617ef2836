"""What there is: the library, the backends, and one experiment in full."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...backends.registry import entries, interpreter, is_installed
from ...core.cable import CableCell
from ...core.describe import cable_lines
from ...core.errors import InputError
from ...core.experiment import Experiment
from ...core.perturbations import Lesion
from ...core.populations import AnyPopulation, Population, n_lost
from ...core.units import Quantity
from ...models.basal_ganglia.cell_types import EQUATIONS, ROWS
from ...models.library import MODELS
from ..running.keys import versions_of


def inventory() -> dict[str, Any]:
    """The models with their variants, and the backends with what is installed; imports no simulator."""
    models = [
        {
            "name": name,
            "title": entry.title,
            "variants": dict(entry.variants),
            "source": entry.source,
        }
        for name, entry in MODELS.items()
    ]
    backends = []
    for name, backend in entries().items():
        python = interpreter(name)
        own = "" if python == sys.executable else python
        installed, cause, versions = is_installed(name), "", {}
        try:
            versions = versions_of(name)
            # An environment of its own is asked; nothing is imported from it.
            installed = installed and (not own or len(versions) == len(backend.needs))
        except InputError as error:
            installed, cause = False, error.problem
        backends.append(
            {
                "name": name,
                "installed": installed,
                "versions": versions,
                "python": own,
                "install": "" if installed else cause or backend.install,
            }
        )
    cells = [
        {"type": row.type, "where": row.region, "models": list(row.models), "note": row.note}
        for row in (*ROWS, *EQUATIONS)
    ]
    return {"models": models, "basal_ganglia": cells, "backends": backends}


def print_inventory(console: Console, data: Mapping[str, Any]) -> None:
    """The inventory as two tables."""
    models = Table(title="models", title_justify="left", box=None, header_style="dim")
    for heading in ("name", "variants", "", "source"):
        models.add_column(heading, overflow="fold", no_wrap=heading == "name")
    for model in data["models"]:
        models.add_row(
            f"[bold]{escape(model['name'])}[/]",
            escape(", ".join(model["variants"])),
            escape(model["title"]),
            escape(model["source"]),
            style=None,
        )
    console.print(models)
    cells = Table(
        title="\nbasal ganglia cell types", title_justify="left", box=None, header_style="dim"
    )
    for heading in ("type", "where", "implemented as", "remark"):
        cells.add_column(heading, overflow="fold", no_wrap=heading == "type")
    for row in data["basal_ganglia"]:
        found = ", ".join(row["models"])
        cells.add_row(
            f"[bold]{escape(row['type'])}[/]",
            row["where"],
            escape(found) if found else "[yellow]– missing[/]",
            escape(row["note"]),
        )
    console.print(cells)
    backends = Table(title="\nbackends", title_justify="left", box=None, header_style="dim")
    for heading in ("name", "installed", "versions or how to install"):
        backends.add_column(heading, overflow="fold")
    for backend in data["backends"]:
        versions = ", ".join(f"{p} {v}" for p, v in backend["versions"].items())
        versions += f" in {backend['python']}" if backend["python"] else ""
        installed = "[green]✓ yes[/]" if backend["installed"] else "[yellow]– no[/]"
        backends.add_row(
            f"[bold]{escape(backend['name'])}[/]",
            installed,
            escape(versions if backend["installed"] else backend["install"]),
        )
    console.print(backends)


def print_experiment(console: Console, experiment: Experiment) -> None:
    """Equations, parameters with units, populations, projections, inputs and records."""
    e = experiment
    console.print(f"[bold]{escape(e.name)}[/] {escape(e.variant)}", highlight=False)
    for text in (e.title, e.source):
        if text:
            console.print(escape(text), style="dim")
    console.print(f"duration {e.duration}, dt {e.dt}, seed {e.seed}, hash {e.hash[:12]}\n")
    for population in e.populations:
        if isinstance(population, Population):
            _print_population(console, e, population)
        else:
            what = {"poisson": "Poisson spike trains", "spike_trains": "given spike trains"}[
                population.kind
            ]
            rate = f", {_value(population.rate)}" if population.kind == "poisson" else ""
            console.print(
                f"[bold]{population.name}[/]: {population.size:,} {what}{_lost(population)}{rate}\n"
            )
    _print_connections(console, e)


def print_lesions(console: Console, lesions: Mapping[str, Lesion]) -> None:
    """The lesions of a model, with what each changes and whose numbers it has."""
    table = Table(title="\nlesions", title_justify="left", box=None, header_style="dim")
    for heading in ("name", "what", "changes", "source"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "name")
    for lesion in lesions.values():
        changes = "; ".join(str(p) for p in lesion.perturbations)
        texts = (lesion.title, changes, lesion.citation)
        table.add_row(f"[bold]{escape(lesion.name)}[/]", *map(escape, texts))
    console.print(table)


def _print_population(console: Console, experiment: Experiment, population: Population) -> None:
    cell = experiment.cells[population.name]
    console.print(
        f"[bold]{population.name}[/]: {population.size:,} cell{'s' * (population.size > 1)}"
        f"{_lost(population)}, "
        f"model {population.model.name}"
    )
    if population.model.source:
        console.print(f"  {escape(population.model.source)}", style="dim")
    if isinstance(population.model, CableCell):
        for line in cable_lines(population.model):
            console.print(f"  {escape(line)}", highlight=False)
        own = {**population.parameters, **population.initial}
        values = [f"{k} = {v if isinstance(v, str) else _value(v)}" for k, v in own.items()]
        console.print(f"  {escape(', '.join(values))}\n" if values else "", highlight=False)
        return
    for variable in (*cell.states, *cell.subexpressions):
        console.print(f"  {escape(str(variable))}", highlight=False)
    if population.model.threshold:
        rule = f"  spike when {population.model.threshold}"
        reset = "; ".join(str(a) for a in cell.reset)
        rule += f", then {reset}" if reset else " becomes true"
        if population.model.refractory:
            rule += f", refractory {population.model.refractory}"
        console.print(escape(rule), highlight=False)
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2))
    for variable in cell.parameters:
        table.add_row(f"  {variable.name}", escape(_value(cell.values[variable.name])))
    given = {**population.model.initial, **population.initial}
    for name, value in given.items():
        table.add_row(f"  {name}(0)", escape(value if isinstance(value, str) else _value(value)))
    console.print(table, "")


def _lost(population: AnyPopulation) -> str:
    lost = n_lost(population)
    return f" of which {lost:,} are lost" if lost else ""


def _print_connections(console: Console, experiment: Experiment) -> None:
    if experiment.projections:
        table = Table(title="projections", title_justify="left", box=None, header_style="dim")
        for heading in ("name", "from", "to", "receptor", "rule", "weight", "delay"):
            table.add_column(heading, overflow="fold")
        for p in experiment.projections:
            rule = p.rule.model_dump(mode="json", exclude_defaults=True)
            if p.rule.rule == "explicit":
                rule = {"n": len(p.rule.pre)}
            details = ", ".join(f"{k} {v}" for k, v in rule.items() if k != "rule")
            scale = "" if p.weight_scale == "none" else f" · {p.weight_scale}"
            table.add_row(
                p.name,
                p.source,
                p.target,
                p.receptor,
                f"{p.rule.rule} {details}".strip(),
                escape(_value(p.weight) + scale),
                escape(_value(p.delay)),
            )
        console.print(table, "")
    for given in experiment.inputs:
        fields = given.model_dump(mode="json", exclude={"name", "population", "kind", "values"})
        details = ", ".join(f"{k} {v}" for k, v in fields.items() if v not in (None, "0 ms", False))
        console.print(escape(f"input {given.name} → {given.population}: {given.kind}, {details}"))
    for record in experiment.records:
        cells = "all cells" if record.cells is None else f"cells {list(record.cells)}"
        console.print(
            escape(
                f"records {', '.join(record.variables)} of {record.population}"
                f"{f' at {record.at}' if record.at else ''}, {cells}"
            )
        )


def _value(value: Any) -> str:
    """A value as one would say it."""
    if isinstance(value, Quantity):
        return str(value)
    if hasattr(value, "values"):
        numbers = value.values
        return f"{len(numbers)} numbers, {min(numbers):g} to {max(numbers):g} {value.unit}"
    fields = {n: getattr(value, n) for n in type(value).model_fields if n != "distribution"}
    inside = ", ".join(f"{n} {v}" for n, v in fields.items() if v is not None)
    return f"{value.distribution}({inside})"
