"""A population's cell as an NMODL point process.

The shape is the same in every mode::

    NET_RECEIVE   arrivals act at once; in NEURON's own way also WATCH for the threshold and net_send for
                  the end of refractoriness
    BREAKPOINT    pre      at t_n, after all its arrivals: threshold, reset, samples, inputs
                  states   one of NEURON's integrators
                  post     a step of refractoriness is over
               or advance  all of these, and the statements of lockstep's program instead of states, in C
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...core.expressions import names
from ...core.numpy_code import evaluate_constants
from ...core.program import Program, program_of
from ...core.realization import RealizedPopulation
from ...core.values import Floats
from .blocks import Blocks
from .conventions import Style, neuron_steps, refractory_ms
from .equations import Equations, equations_of
from .nmodl import (
    C_FUNCTIONS,
    block,
    column,
    gain,
    initial,
    listed,
    made,
    mangled,
    nmodl_functions,
    sample,
)


@dataclass(frozen=True, eq=False)
class Mechanism:
    """A point process: its NMODL text, and the numbers it is to be given.

    ``shared`` are numbers equal for all cells, by their names in NEURON; ``per_cell`` arrays (cells,);
    ``recorded`` the names to record by variable; ``channels`` the numbers of the receptors, which a NetCon
    carries.
    """

    name: str
    text: str
    shared: Mapping[str, float]
    per_cell: Mapping[str, Floats]
    recorded: Mapping[str, str]
    channels: Mapping[str, int]


def mechanism_of(
    population: RealizedPopulation,
    recorded: Sequence[str],
    style: Style,
    dt_ms: float,
    variant: int,
    plastic: bool = False,
) -> Mechanism:
    """The mechanism of a population that records some variables.

    Mechanisms of one text share what is GLOBAL in NEURON, so two populations of one run need another
    *variant* each. *plastic* says that connections with short-term plasticity arrive.
    """
    equations: Equations | None = None
    if style.program is not None:
        program = program_of(population.cell, style.program)
    else:
        equations = equations_of(population.cell, linear=style.integrator == "cnexp")
        program = equations.program
    shared, per_cell = _numbers(population, program, equations, style, dt_ms)
    sampled = list(recorded) if style.copies else []
    given = [*shared, *per_cell]
    blocks = Blocks(population, style, program, equations, given, sampled, plastic=plastic)
    body = f": made by coincide, variant {variant}\n\n{_text(blocks, list(shared), list(per_cell))}"
    name = f"Cell{hashlib.sha256(body.encode()).hexdigest()[:16]}"
    return Mechanism(
        name,
        body.replace("POINT_PROCESS Cell", f"POINT_PROCESS {name}"),
        {f"{key}_{name}": value for key, value in shared.items()},
        per_cell,
        {v: sample(v) if style.copies else mangled(v) for v in recorded},
        {receptor: k for k, receptor in enumerate(program.increments)},
    )


def _numbers(
    population: RealizedPopulation,
    program: Program,
    equations: Equations | None,
    style: Style,
    dt_ms: float,
) -> tuple[dict[str, float], dict[str, Floats]]:
    """What is equal for all cells, and what is not.

    A number is stored once where it is one: a field less per cell makes every event cheaper.
    """
    shared: dict[str, float] = {}
    per_cell: dict[str, Floats] = {}

    def give(name: str, value: float | Floats) -> None:
        array = np.asarray(value, dtype=np.float64)
        if array.ndim == 0 or np.all(array == array.flat[0]):
            shared[name] = float(array.flat[0])
        else:
            per_cell[name] = array

    used = _names_used(program, equations)
    constants = evaluate_constants(program.constants, population.parameters, dt_ms)
    for name, value in {**population.parameters, **constants}.items():
        if name in used:
            give(mangled(name), value)
    for given in population.inputs:
        give(gain(given.variable), given.gain)
        if not style.played:
            give(column(given.variable), given.columns.astype(np.float64))
    if style.program is None and (style.release or not style.played):
        give("step_ms", dt_ms)
    if population.has_refractoriness:
        period = refractory_ms(population, style.whole_steps, dt_ms)
        if style.release:
            give("refractory_ms", period)
        else:
            give("refractory_steps", neuron_steps(period, dt_ms))
    for name, values in population.initial.items():
        if style.program is None:
            give(initial(name), values)
        else:
            per_cell[mangled(name)] = values
    return shared, per_cell


def _names_used(program: Program, equations: Equations | None) -> set[str]:
    trees = [i.coefficient for increments in program.increments.values() for i in increments]
    trees += [a.expression for a in program.reset]
    trees += [] if program.threshold is None else [program.threshold]
    if equations is None:
        trees += [a.expression for a in program.update]
    else:
        trees += [*equations.rates.values(), *(a.expression for a in equations.subexpressions)]
    return set().union(*map(names, trees)) if trees else set()


def _text(blocks: Blocks, shared: Sequence[str], per_cell: Sequence[str]) -> str:
    """The NMODL of a mechanism that is called Cell."""
    style, cell, population = blocks.style, blocks.cell, blocks.population
    state = [mangled(v.name) for v in cell.states]
    receive = blocks.net_receive()
    procedures: dict[str, list[str]] = {}
    if style.program is not None:
        procedures[made("advance")] = ["VERBATIM", *blocks.advance(), "ENDVERBATIM"]
        solve = [f"SOLVE {made('advance')} METHOD after_cvode"]
    else:
        pre, post = made("pre"), made("post")
        procedures = {pre: blocks.pre(), post: blocks.post()}
        own = [f"SOLVE {made('states')} METHOD {style.integrator}"]
        solve = [f"SOLVE {name} METHOD after_cvode" for name, lines in procedures.items() if lines]
        solve[1 if procedures[pre] else 0 : 0] = own
    start, assigned = _initial(blocks, state)
    numbers = [*shared, *(name for name in per_cell if name not in state)]
    accessible = dict.fromkeys([*per_cell, *state, *assigned])
    neuron = [
        "POINT_PROCESS Cell",
        listed("RANGE", list(accessible)),
        listed("GLOBAL", shared),
        "THREADSAFE  : without it the code made for it keeps everything in static variables",
    ]
    derivative = "" if style.program else block(f"DERIVATIVE {made('states')}", blocks.derivative())
    tables = bool(population.inputs) and not style.played
    parts = [
        block("NEURON", [line for line in neuron if line]),
        block("PARAMETER", [f"{name} = 0" for name in numbers]),
        "" if style.program else block("STATE", state),
        block("ASSIGNED", [*assigned, *(state if style.program else [])]),
        _preamble(blocks, tables),
        block("INITIAL", start),
        block("BREAKPOINT", solve),
        *(block(f"PROCEDURE {name}()", lines) for name, lines in procedures.items() if lines),
        derivative,
        *blocks.functions,
        *nmodl_functions(blocks.nmodl.used),
        block(blocks.receiving, receive),
        _HOLD if tables else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _initial(blocks: Blocks, state: Sequence[str]) -> tuple[list[str], list[str]]:
    """The statements of INITIAL, and the variables that are no states."""
    style, cell = blocks.style, blocks.cell
    assigned = [sample(name) for name in blocks.sampled]
    start = []
    if style.program is None:
        start += [f"{mangled(v.name)} = {initial(v.name)}" for v in cell.states]
        assigned += [mangled(given.variable) for given in blocks.population.inputs]
    if blocks.refractory:
        flag = "refractory" if style.release else "remaining"
        assigned.append(flag)
        start.append(f"{flag} = 0")
    if cell.on_crossing and not style.watch:
        assigned.append("was_above")
        start.append("was_above = -1  : at t_0 the condition is only remembered")
    if blocks.coefficients:
        assigned += ["first_arrival", *blocks.coefficients]
        start.append("first_arrival = 1")
    if style.watch and cell.threshold is not None:
        start.append("net_send(0, 1)")
    return start, assigned


def _preamble(blocks: Blocks, tables: bool) -> str:
    """C before everything else."""
    lines = []
    if blocks.style.program is not None:
        lines.append("#undef exp  // the C library's, not NEURON's, which stops at exp(700)")
    if blocks.style.watch and blocks.functions:
        lines.append("// NEURON 9.0 forgets to declare this where a WATCH calls a FUNCTION.")
        lines.append("static double* _globals = nullptr;")
    if blocks.style.program is not None or blocks.nmodl.used:
        lines.append(C_FUNCTIONS)
    if tables:
        lines.append(_TABLES.format(n=len(blocks.population.inputs)))
    return "\n".join(["VERBATIM", *lines, "ENDVERBATIM"]) if lines else ""


_TABLES = """\
// Inputs held over each step: a row per frame, the frame of every step.
struct CoincideTable {{ const double* values; const double* frames; long columns; }};
static CoincideTable tables[{n}];
static inline double coincide_input(const CoincideTable& given, long step, double column) {{
    return given.values[(long) given.frames[step] * given.columns + (long) column];
}}"""

HOLD = made("hold")
"""The PROCEDURE that is given the table of an input."""

_HOLD = f"""\
: {HOLD}(k, values, frames, columns): the table of input k; whoever gives the Vectors keeps them alive
PROCEDURE {HOLD}() {{
VERBATIM
    CoincideTable& given = tables[(int) *getarg(1)];
    given.values = vector_vec(vector_arg(2));
    given.frames = vector_vec(vector_arg(3));
    given.columns = (long) *getarg(4);
ENDVERBATIM
}}"""
