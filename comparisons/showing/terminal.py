"""What every command prints with: a console that obeys no text, colours of verdicts, a pair."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table
from typing_extensions import override

from ...core.caveats import Caveat
from ...core.printable import printable
from ..measuring.pairs import Pair
from ..measuring.wording import SYMBOLS

STYLE: Mapping[str, str] = {
    "identical": "green",
    "round-off": "green",
    "close": "yellow",
    "undecided": "magenta",
    "different": "red",
    "ok": "green",
    "failed": "red",
    "timeout": "red",
    "unsupported": "yellow",
}


class Console(RichConsole):
    """A terminal on which a text does nothing but stand: its control characters are written out."""

    @override
    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of what is shown."""
        for segment in super().render(renderable, options):
            safe = segment.text if segment.control else printable(segment.text)
            yield segment if safe == segment.text else Segment(safe, segment.style)


def print_pair(console: Console, pair: Pair) -> None:
    """One pair with every population and variable."""
    console.print(pairs_table([pair]))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in (
        "population",
        "spikes a",
        "spikes b",
        "matched",
        "missing",
        "extra",
        "max shift",
        "rms",
        "others",
    ):
        table.add_column(name, justify="right" if name != "population" else "left")
    for row in pair.spikes:
        table.add_row(
            escape(row.population),
            *(f"{n:,}" for n in (row.n_a, row.n_b, row.matched)),
            f"{row.missing:,}",
            f"{row.extra:,}",
            *(
                "–" if t is None else f"{t:.4g} ms"
                for t in (row.max_shift_ms, row.rms_shift_ms, row.farthest_ms)
            ),
        )
    if pair.spikes:
        console.print(table)
    for trace in pair.traces:
        if not trace.n_compared:  # the verdict above says that it was not
            continue
        first = trace.first_divergence
        where = f", first at {first['t_ms']:g} ms in cell {first['cell']}" if first else ""
        samples = "sample" if trace.n_missing == 1 else "samples"
        missing = f", {trace.n_missing:,} {samples} missing" if trace.n_missing else ""
        console.print(
            f"  {escape(trace.population)}.{escape(trace.variable)}: largest difference "
            f"{trace.max_abs:.3g} {trace.unit} ({trace.relative:.2g} of the range), "
            f"rms {trace.rms:.3g} {trace.unit}{where}{missing}"
        )


def pairs_table(pairs: Sequence[Pair], told: Container[Caveat] = ()) -> Table:
    """A row a pair; the caveats *told* stand elsewhere."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    # Names of files are long: they are folded, so that the verdict always has its place.
    for name in ("a", "b"):
        table.add_column(name, overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("", overflow="fold")
    for pair in pairs:
        verdict = f"[{STYLE[pair.verdict]}]{SYMBOLS[pair.verdict]} {pair.verdict}[/]"
        table.add_row(escape(pair.a), escape(pair.b), verdict, escape(pair.words_beside(told)))
    return table
