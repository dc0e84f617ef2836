"""How fast spikes are matched, beside pyspike and elephant; see `metrics.benchmark`."""

from __future__ import annotations

from dataclasses import asdict
from importlib.util import find_spec

from ...measuring.benchmark import benchmark_matching
from .options import Options
from .processes import machine_line
from .tables import Column, Table

COLUMNS = (
    Column("peer", "other function"),
    Column("n_spikes", "spikes", "{:,}"),
    Column("seconds", "its\nseconds", "{:.3g}"),
    Column("own_seconds", "ours", "{:.3g}"),
    Column("times_faster", "times\nfaster", "{:.3g}", target=20.0, at_least=True),
    Column("same", "same\nnumbers"),
)


def measure_metrics(options: Options) -> Table:
    """Each library's time over that of `match_spikes`, on the same spikes."""
    peers = all(find_spec(name) is not None for name in ("pyspike", "elephant"))
    found = benchmark_matching(options.n_spikes, peers=peers)
    rows = tuple(
        {
            "peer": peer.name,
            "n_spikes": peer.n_spikes,
            "seconds": peer.seconds,
            "own_seconds": peer.own_seconds,
            "times_faster": peer.ratio,
            "same": "yes" if peer.same else "no",
        }
        for peer in found.peers
    )
    notes = [
        f"{found.spikes_per_second:.3g} spikes/s when matching {found.n_spikes:,} spikes (≥ 5e+06); "
        "seconds of the processor"
    ]
    if not peers:
        notes.append("pyspike and elephant are not installed; pip install 'coincide[analysis]'")
    title = "matching spikes one to one: how many times faster than other functions"
    return Table(
        "metrics",
        title,
        COLUMNS,
        rows,
        tuple(notes),
        machine_line(),
        any(not peer.same for peer in found.peers),
        {"options": asdict(options)},
    )
