"""``coincide doctor``: what works here, shown by a tiny run on every backend."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from ...backends.registry import entries, is_installed, missing
from ...core.cache import cache_dir
from ...core.experiment import Experiment, Record
from ...core.inputs import ConstantInput
from ...core.populations import Population
from ...core.projections import OneToOne, Projection
from ...core.receptors import ExponentialCurrent
from ...core.settings import Settings
from ...core.units import Quantity
from ..measuring.pairs import Verdict
from ..measuring.wording import SYMBOLS
from ..running.child import machine
from ..running.how import How
from ..running.keys import installed_version
from ..running.runs import Run
from ..running.store import store_realization
from ..showing.terminal import STYLE
from ..studies.compare.study import compare_runs
from .conformance.cases import LIF


def tiny_experiment() -> Experiment:
    """Two leaky cells, the first driving the second over 1 ms, for 50 ms."""
    cells = Population(
        name="cells", model=LIF, size=2, receptors={"exc": ExponentialCurrent(tau="5 ms")}
    )
    projection = Projection(
        source="cells",
        target="cells",
        receptor="exc",
        rule=OneToOne(),
        weight="80 pA",
        delay="1 ms",
    )
    return Experiment(
        name="doctor",
        populations=(cells,),
        projections=(projection,),
        inputs=(ConstantInput(name="drive", population="cells", amplitude="300 pA"),),
        records=(Record(population="cells", variables=("v",)),),
        duration=Quantity(50.0, "ms"),
    )


def examine(console: Console, jobs: int | None) -> int:
    """Print what is installed, run the tiny experiment everywhere, and how far each is from the reference.

    Returns 0 if every installed backend ran and agrees to round-off, else 3.
    """
    where = machine()
    console.print(f"Python {where['python']} on {where['platform']}, {where['cores']} cores")
    console.print(f"cache: {cache_dir()}")
    for lacking, remedy in (pair for name in entries() for pair in missing(name)):
        console.print(f"[yellow]– {lacking}[/]: {remedy}")
    installed = [name for name in entries() if is_installed(name)]
    experiment = tiny_experiment()
    realization, path = store_realization(experiment)
    requests = [(name, Settings()) for name in installed if name != "oracle"]
    if "oracle" in installed:
        requests.append(("oracle", Settings(mode="aligned")))
    runs = How(jobs=jobs, fresh=True).run(path, realization, requests)
    result = compare_runs(experiment, runs)
    reference = next(run for run in runs if run.backend == "reference")
    status = 0
    for name, entry in entries().items():
        versions = ", ".join(f"{p} {installed_version(p)}".strip() for p in entry.needs)
        if name not in installed:
            hint = entry.install or f"pip install {' '.join(entry.needs)}"
            console.print(f"[yellow]–[/] [bold]{name}[/] is not installed: {escape(hint)}")
            continue
        run = next(run for run in runs if run.backend == name)
        console.print(f"{_line(run, name, versions)}")
        if not run.ok:
            status = 3
            continue
        for pair in result.pairs:
            if {pair.a, pair.b} == {reference.id, run.id}:
                console.print(f"    {_words(pair.verdict)} the reference: {pair.in_words}")
                status = status if pair.verdict in ("identical", "round-off") else 3
    absent = [p for p in ("elephant", "pyspike", "neo", "libsonata") if not installed_version(p)]
    if absent:
        console.print(
            f"[yellow]–[/] for distances and exchange, {', '.join(absent)} could be installed: "
            + escape("pip install 'coincide[analysis,sonata]'")
        )
    return status


def _line(run: Run, name: str, versions: str) -> str:
    mark = f"[{STYLE[run.status]}]{SYMBOLS[run.status]}[/]"
    if not run.ok:
        return f"{mark} [bold]{name}[/] {escape(versions)}: {escape(run.reason)}"
    return (
        f"{mark} [bold]{name}[/] {escape(run.version)}: ran {sum(run.spikes.values())} spikes "
        f"in {run.wall_s:.1f} s"
    )


def _words(verdict: Verdict) -> str:
    return {
        "identical": "[green]= identical to[/]",
        "round-off": "[green]≈ the same to round-off as[/]",
        "close": "[yellow]~ close to[/]",
        "undecided": "[magenta]? undecided against[/]",
        "different": "[red]≠ different from[/]",
    }[verdict]
