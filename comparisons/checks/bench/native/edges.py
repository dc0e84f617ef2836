"""The wiring file that all native scripts read, and a command that draws one.

Keys of the file: `exc_pre, exc_post, inh_pre, inh_post` (int32, cell numbers 0 to n-1, sorted by
pre), `exc_weight, inh_weight` (float64; COBA: in units of the leak conductance of 10 nS, both
positive; CUBA: mV, inhibition negative), `exc_delay, inh_delay` (int32, in steps), `v0` (mV), `ge0`,
`gi0` (units of the weights). Cells 0 to n_exc-1 excite, the others inhibit. All delays are one step.

CUBA starts from v uniform between reset and threshold. COBA rests at -60 mV without drive and is
silent from there; drawn initial conductances start it for some seeds only. As in the paper it is
stimulated for 50 ms: here before the file is written, so that the file holds a state of the active
network 100 ms after the start, and no script needs an input.

Reference: Brette et al. (2007), J Comput Neurosci 23:349-398, benchmarks 1 and 2.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

WEIGHTS = {"coba": (0.6, 6.7), "cuba": (1.62, -9.0)}
V_RESET, V_TH = -60.0, -50.0


def active_state(
    v: Floats, pre: Ints, post: Ints, n_exc: int, rng: np.random.Generator, dt: float = 0.1
) -> tuple[Floats, Floats, Floats]:
    """State v, ge, gi of COBA after 100 ms, the first 50 ms with Poisson input of 400 spikes/s.

    Forward Euler on the network itself; `pre` is sorted.
    """
    rows = np.searchsorted(pre, np.arange(len(v) + 1))
    v, ge, gi = v.copy(), np.zeros_like(v), np.zeros_like(v)
    refractory = np.zeros(len(v), dtype=np.int64)
    excite, inhibit = WEIGHTS["coba"]
    for step in range(round(100.0 / dt)):
        dv = dt / 20.0 * (-ge * v + gi * (-80.0 - v) - (v + 60.0))
        v += np.where(refractory > 0, 0.0, dv)
        ge *= 1 - dt / 5.0
        gi *= 1 - dt / 10.0
        refractory -= 1
        spikes = np.flatnonzero(v > V_TH)
        v[spikes] = V_RESET
        refractory[spikes] = round(5.0 / dt)
        for source in spikes:
            targets = post[rows[source] : rows[source + 1]]
            if source < n_exc:
                ge[targets] += excite
            else:
                gi[targets] += inhibit
        if step < round(50.0 / dt):
            ge += excite * rng.poisson(0.4 * dt, len(v))
    return v, ge, gi


def draw(
    network: str, seed: int, n: int = 4000, fraction_exc: float = 0.8, p: float = 0.02
) -> dict[str, npt.NDArray[np.generic]]:
    """Every pair of different cells is connected with probability p.

    Drawn one source at a time, so that memory grows with the synapses and not with n².
    """
    if network not in WEIGHTS:
        raise ValueError(f"network: {network!r} is unknown; there are {', '.join(WEIGHTS)}")
    rng = np.random.default_rng(seed)
    targets = []
    for source in range(n):
        hit = np.flatnonzero(rng.random(n) < p)
        targets.append(hit[hit != source])
    counts = np.array([len(t) for t in targets])
    pre = np.repeat(np.arange(n, dtype=np.int32), counts)
    post = np.concatenate(targets).astype(np.int32)
    n_exc = round(fraction_exc * n)
    exc = pre < n_exc
    v0, ge0, gi0 = rng.uniform(V_RESET, V_TH, n), np.zeros(n), np.zeros(n)
    if network == "coba":
        v0, ge0, gi0 = active_state(v0, pre, post, n_exc, rng)
    arrays: dict[str, npt.NDArray[np.generic]] = {"v0": v0, "ge0": ge0, "gi0": gi0}
    for name, chosen, weight in zip(("exc", "inh"), (exc, ~exc), WEIGHTS[network], strict=True):
        arrays[f"{name}_pre"], arrays[f"{name}_post"] = pre[chosen], post[chosen]
        arrays[f"{name}_weight"] = np.full(chosen.sum(), weight)
        arrays[f"{name}_delay"] = np.ones(chosen.sum(), dtype=np.int32)
    return arrays


def write(path: Path, network: str, seed: int, n: int = 4000, p: float = 0.02) -> None:
    """Write the file for one network."""
    arrays = draw(network, seed, n=n, p=p)
    np.savez(path, **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=sorted(WEIGHTS), required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cells", type=int, default=4000)
    parser.add_argument("--probability", type=float, default=0.02)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write(args.out, args.network, args.seed, n=args.cells, p=args.probability)
