"""A fault of Brian2 2.9.0 in plain Brian2: a reset that copies a variable and then changes it.

``r = x; x *= 0.5`` has to leave r as x was before, 1.0. By the NumPy target both are 0.5, without a word: its
generated code makes r and x one array, which the second statement changes in place. Cython gives 1.0. In
``run_regularly`` the same was mended in 2014.

    python comparisons/checks/bench/native/aliased_reset.py
"""

from __future__ import annotations


def copied(target: str) -> float:
    """What r is after the reset, by a code generation target of Brian2."""
    from brian2 import NeuronGroup, defaultclock, ms, prefs, run, start_scope

    start_scope()
    prefs.codegen.target = target
    defaultclock.dt = 0.1 * ms
    group = NeuronGroup(
        1,
        "dv/dt = 1/ms : 1\nx : 1\nr : 1",
        threshold="v > 1",
        reset="v = 0; r = x; x *= 0.5",
        method="euler",
    )
    group.x = 1
    run(1.5 * ms)
    return float(group.r[0])


if __name__ == "__main__":
    for chosen in ("numpy", "cython"):
        print(chosen, copied(chosen), "has to be 1.0")
