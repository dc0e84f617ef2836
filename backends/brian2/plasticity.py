"""Short-term plasticity as event-driven equations of Brian2's synapses."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .links import Link

# As the example of Brian2's manual: exact between events, the state brought up to date at each.
_EQUATIONS = {
    "facil": "dfacil_n/dt = -facil_n/(tau_facil_n*ms) : 1 (event-driven)",
    "resources": "dresources_n/dt = (1 - resources_n)/(tau_rec_n*ms) : 1 (event-driven)",
}
_USE = "facil_n = facil_n + capacity_n*(1 - facil_n)"
_NAMES = {"U": "capacity_n", "tau_rec": "tau_rec_n", "tau_facil": "tau_facil_n"}


def plastic_code(link: Link, on_pre: str) -> tuple[str, str, dict[str, float], dict[str, Any]]:
    """Equations, statements, numbers and arrays of a link; the statements as they are without plasticity.

    What ``w`` does in them is done by ``facil_n*resources_n*w``, the part of it that is passed on.
    """
    if link.plasticity is None:
        return "", on_pre, {}, {}
    numbers: dict[str, float] = {}
    arrays: dict[str, Any] = {"resources_n": 1.0}
    equations, use = [_EQUATIONS["resources"]], _USE
    if np.all(link.plasticity.tau_facil):
        equations.insert(0, _EQUATIONS["facil"])
    else:
        use = ""
    for name, value in link.plasticity.values().items():
        if np.ndim(value):
            equations.append(f"{_NAMES[name]} : 1 (constant)")
            arrays[_NAMES[name]] = value
        else:
            numbers[_NAMES[name]] = float(value)
    utilisation = "facil_n" if use else "capacity_n"
    lines = [use, f"passed_n = {utilisation}*resources_n"]
    lines += [re.sub(r"\bw\b", "(passed_n*w)", on_pre), "resources_n = resources_n - passed_n"]
    return "\n".join(equations), "\n".join(filter(None, lines)), numbers, arrays
