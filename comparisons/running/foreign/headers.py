"""What the names of columns say: what a column holds, of which cell, in which unit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ....core.errors import InputError
from ....core.units import parse_unit
from .ids import split_name
from .reading import STEPS, time_unit

Role = Literal["time", "cell", "population", "segment", "step", "offset", "value"]

_TIMES = """
time t times ts tvec timevec spiketime spiketimes spikest spiketimestamp spiketimestamps timestamp
timestamps tspike tspikes spkt spkts spktimes spiketrain timespike timespikes eventtime eventtimes
""".split()
_CELLS = """
cell cells cellid cellids cellindex cellgid id ids i idx index indices nodeid nodeids node neuron neurons
neuronid neuronids neuronindex nid gid gids sender senders spkid spkids spkgid unit units unitid unitids
cluster clusterid channel channelid channelindex source sourceid sourceindex spikeid spikegids idvec train
""".split()
_POPULATIONS = "population populations populationname pop pops popname group layer".split()
_SEGMENTS = "segment segments trial trials sweep sweeps block repetition run".split()
_STEPS = "timestep timesteps".split()
_OFFSETS = "timeoffset offset".split()
_ROLES: dict[str, Role] = {
    **dict.fromkeys(_TIMES, "time"),
    **dict.fromkeys(_CELLS, "cell"),
    **dict.fromkeys(_POPULATIONS, "population"),
    **dict.fromkeys(_SEGMENTS, "segment"),
    **dict.fromkeys(_STEPS, "step"),
    **dict.fromkeys(_OFFSETS, "offset"),
}
VOLTAGES = "v vm u um voltage potential membranepotential membranevoltage vmem vsoma".split()
"""Names of variables that are a membrane potential, without signs and in small letters."""
_BRACKETS = re.compile(r"(.*?)[\s_]*(?:\(([^()]*)\)|\[([^\[\]]*)\]|<([^<>]*)>|\{([^{}]*)\})\s*")
_IN = re.compile(r"(.+?)(?:\s+in\s+|\s*/\s*|\s*,\s*)([^\s/,]+)\s*")
_SUFFIX = re.compile(r"(.+?)[_.\s-]+([A-Za-zµμ]+)\s*")
_TIME_SUFFIX = re.compile(
    r"(t|time|times|timestamps?|spike_?times?)(ms|us|sec|msec|usec|S|Ms|MS|Us)"
)
_VALUE_UNITS = {
    "V",
    "mV",
    "uV",
    "µV",
    "A",
    "mA",
    "uA",
    "nA",
    "pA",
    "S",
    "mS",
    "uS",
    "nS",
    "pS",
    "mM",
    "uM",
    "nM",
    "M",
    "Hz",
}


@dataclass(frozen=True)
class Column:
    """What the name of a column says: its role, its unit ("" if it has none), and for values the variable."""

    name: str
    role: Role
    unit: str = ""
    variable: str = ""
    cell: int = 0


def meaning(name: str) -> Column:
    """What the name of a column says.

    >>> meaning("Time (ms)")
    Column(name='Time (ms)', role='time', unit='ms', variable='', cell=0)
    >>> meaning("v_3 [mV]")
    Column(name='v_3 [mV]', role='value', unit='mV', variable='v', cell=3)
    """
    base, unit = split_unit(name)
    role = _ROLES.get(canonical(base), "value")
    if (role == "time" and unit == STEPS) or canonical(name) in _STEPS:
        return Column(name, "step", STEPS)
    if role != "value":
        return Column(name, role, (time_unit(unit) or unit) if role in ("time", "offset") else "")
    parts = split_name(base)
    if parts is None:
        return Column(name, "value", unit, base or name)
    variable, cell = parts
    if not unit:
        variable, unit = split_unit(variable)
    # The number behind "cell" or behind nothing says of which cell, not what.
    if (_ROLES.get(canonical(variable)) == "cell" and canonical(variable) != "u") or not variable:
        variable = ""
    return Column(name, "value", unit, variable, cell)


def split_unit(name: str) -> tuple[str, str]:
    """A name and the unit in it, "" if there is none: ``time[s]``, ``Time (ms)``, ``t_us``, ``v in mV``."""
    name = name.strip().strip('"').strip()
    brackets = _BRACKETS.fullmatch(name)
    if brackets:
        unit = next(group for group in brackets.groups()[1:] if group is not None).strip()
        if is_unit(unit):
            return brackets[1], unit
        return name, ""
    for pattern in (_IN, _SUFFIX):
        match = pattern.fullmatch(name)
        if match and (time_unit(match[2]) or match[2] in _VALUE_UNITS):
            if match[2].lower() in ("step", "steps", "ticks") and pattern is _SUFFIX:
                break
            return match[1], match[2]
    glued = _TIME_SUFFIX.fullmatch(name)
    if glued:
        return glued[1], glued[2]
    return name, ""


def is_unit(text: str) -> bool:
    """Whether a text in brackets is a unit."""
    if time_unit(text):
        return True
    if not text or text[0].isdigit():
        return False  # v[1] is the second cell
    try:
        parse_unit(text)
    except InputError:
        return False
    return True


def canonical(name: str) -> str:
    """A name without signs, in small letters."""
    return re.sub(r"[^0-9a-z]+", "", name.lower())


def is_time(name: str) -> bool:
    """Whether a name is that of a column of times."""
    return bool(name) and meaning(name).role in ("time", "step")
