"""What Brian2 is given to read: the equations and statements of a block, as text. Nothing here runs.

A model's name ``x`` becomes ``x_u`` and a temporary ``x_`` becomes ``x_t``, so that no name can be one of
Brian2's own; names that end in ``_n`` are this module's. A number that all cells of a group share is not
in the group but beside it, as ``x_c`` and ``x_k``: the ``x_u`` of another group never stands for it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ...core.cell import Assignment, Cell, Increment
from ...core.expressions import Renderer, names
from ...core.inlining import inlined
from ...core.numpy_code import evaluate_constants
from ...core.program import Method, program_of
from ...core.realization import HeldInput
from .blocks import Block, Values
from .conventions import Choices, brian2_timestep

STEP = "step_n"
"""The time step in ms."""


@dataclass
class GroupCode:
    """A block as Brian2 reads it: equations, statements by slot, numbers and arrays by their new names."""

    equations: list[str] = field(default_factory=list)
    threshold: str | None = None
    reset: str | None = None
    refractory: str | None = None
    update: list[str] = field(default_factory=list)
    before_update: list[str] = field(default_factory=list)
    after_update: list[str] = field(default_factory=list)
    after_synapses: list[str] = field(default_factory=list)
    on_pre: dict[str, str] = field(default_factory=dict)
    constants: dict[str, float | int] = field(default_factory=dict)
    arrays: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    guarded: list[str] = field(default_factory=list)
    starts_refractory: bool = False

    def text(self) -> str:
        """All that generated code depends on but the numbers."""
        parts = [
            *self.equations,
            self.threshold,
            self.reset,
            self.refractory,
            *self.update,
            "|",
            *self.before_update,
            "|",
            *self.after_update,
            "|",
            *self.after_synapses,
            "|",
            *self.guarded,
            *self.on_pre.values(),
            *self.constants,
        ]
        return "\n".join(map(str, parts))


class Driven(Protocol):
    """A block or a tree: what has held inputs."""

    @property
    def size(self) -> int:
        """The number of cells, or of compartments."""

    @property
    def inputs(self) -> tuple[HeldInput, ...]:
        """The held inputs."""


def mangled(name: str) -> str:
    """The name of a variable or temporary in Brian2."""
    return _ordinary(f"{name}t" if name.endswith("_") else f"{name}_u")


def _ordinary(name: str) -> str:
    """To Brian2 every name that begins with ``xi_`` is noise; nothing else made here ends in ``_v``."""
    return f"m_{name}_v" if name.startswith("xi_") else name


def constant(name: str) -> str:
    """The name of a number that all cells of a group share."""
    return _ordinary(f"{name}k" if name.endswith("_") else f"{name}_c")


def names_of(values: Mapping[str, Values]) -> dict[str, str]:
    """What numbers and arrays are called in Brian2."""
    return {n: mangled(n) if np.ndim(value) else constant(n) for n, value in values.items()}


class BrianRenderer(Renderer):
    """Renders expressions in Brian2's language, with ``where_`` for what it has no words for."""

    functions: ClassVar[Mapping[str, str]] = {
        "minimum": "minimum_",
        "maximum": "maximum_",
        "sign": "sign_",
        "floor": "floor_",
        "ceil": "ceil_",
    }

    def truth(self, value: bool) -> str:
        """A literal truth value, as a comparison."""
        return "(1 > 0)" if value else "(1 < 0)"

    def choice(self, test: str, body: str, orelse: str) -> str:
        """One of two values by a condition; both are evaluated."""
        return f"where_({test}, {body}, {orelse})"

    def call(self, name: str, arguments: list[str]) -> str:
        """A function's value."""
        if name == "clip":
            return f"minimum_(maximum_({arguments[0]}, {arguments[1]}), {arguments[2]})"
        return super().call(name, arguments)


class _LockstepRenderer(BrianRenderer):
    """Renders every operation as NumPy does it: divisions by zero go on, ``int`` is a float."""

    functions: ClassVar[Mapping[str, str]] = {**BrianRenderer.functions, "exprel": "exprel_"}

    def __init__(self, translate: Callable[[str], str], refractoriness: bool) -> None:
        super().__init__(translate)
        self.refractoriness = refractoriness

    def render(self, node: ast.expr) -> str:
        match node:
            case ast.IfExp(test=ast.Name(id="not_refractory"), body=body):
                if not self.refractoriness:
                    return self.render(body)
            case ast.BinOp(op=ast.Div(), left=left, right=right) if not _is_nonzero(right):
                return f"div_({self.render(left)}, {self.render(right)})"
        return super().render(node)

    def call(self, name: str, arguments: list[str]) -> str:
        if name == "int":
            return f"where_({arguments[0]}, 1.0, 0.0)"
        return super().call(name, arguments)


def _is_nonzero(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and bool(tree.value)


def declare(code: GroupCode, values: Mapping[str, Values], used: Iterable[str]) -> None:
    """Numbers into the namespace, arrays into the equations, for the names that are used."""
    wanted = set(used)
    for name, value in values.items():
        if name not in wanted:
            continue
        if np.ndim(value) == 0:
            code.constants[constant(name)] = float(value)
        else:
            code.equations.append(f"{mangled(name)} : 1 (constant)")
            code.arrays[mangled(name)] = np.asarray(value, dtype=np.float64)


def lockstep_code(
    block: Block, method: Method, dt_ms: float, standalone: bool = False
) -> GroupCode:
    """A block whose step is the program of a scheme, statement by statement.

    ``standalone``: no Python runs between steps, so that held inputs are read from timed arrays.
    """
    program = program_of(block.cell, method)
    constants = evaluate_constants(program.constants, block.parameters, dt_ms)
    code = GroupCode()
    refractoriness = block.has_refractoriness
    active = "(count_n <= 0)" if refractoriness else "(1 > 0)"

    special = {**names_of({**block.parameters, **constants}), "dt": STEP, "not_refractory": active}

    def here(name: str) -> str:
        return special.get(name) or mangled(name)

    renderer = _LockstepRenderer(here, refractoriness)
    trees = [a.expression for a in (*program.update, *program.reset)]
    trees += [i.coefficient for r in program.increments.values() for i in r]
    trees += [program.threshold] if program.threshold is not None else []
    used = {name for tree in trees for name in names(tree)}
    code.constants[STEP] = dt_ms
    for state in block.cell.states:
        code.equations.append(f"{mangled(state.name)} : 1")
        code.arrays[mangled(state.name)] = block.initial[state.name]
    write_inputs(code, block, True, standalone)
    declare(code, {**block.parameters, **constants}, used)
    code.update = [f"{mangled(a.target)} = {renderer.render(a.expression)}" for a in program.update]
    if program.threshold is not None:
        code.threshold = renderer.render(program.threshold)
        resets = reset_lines(program.reset, renderer, True)
        if block.cell.on_crossing:
            # At t_0 every cell counts as having been above, so that the first test is remembered only.
            code.equations.append("above_n : 1")
            code.arrays["above_n"] = np.ones(block.size)
            code.update.insert(0, f"above_n = where_({code.threshold}, 1.0, 0.0)")
            code.threshold = f"{code.threshold} and (above_n < 0.5)"
        if refractoriness:
            code.equations.append("count_n : integer")
            code.threshold = f"{code.threshold} and {active}"
            code.update.append("count_n = count_n - int(count_n > 0)")
            resets.append(f"count_n = {_steps(code, block.refractory_steps)}")
        code.reset = "\n".join(resets)
    arrivals(code, block.cell, program.increments, renderer, refractoriness, True)
    return code


def _steps(code: GroupCode, steps: int | NDArray[np.int32]) -> str:
    if np.ndim(steps) == 0:
        code.constants["steps_n"] = int(steps)
    else:
        code.equations.append("steps_n : integer (constant)")
        code.arrays["steps_n"] = np.asarray(steps)
    return "steps_n"


def arrivals(
    code: GroupCode,
    cell: Cell,
    increments: Mapping[str, tuple[Increment, ...]],
    renderer: BrianRenderer,
    refractoriness: bool,
    arrivals_add: bool,
    in_volts: str | None = None,
) -> None:
    """``on_pre`` of each receptor.

    Where a coefficient depends on the state, arrivals are summed first and act together, on the state
    before any of them; otherwise the order does not matter and each adds at once. ``refractoriness``
    says that arrivals have to be refused here, by ``count_n``. What is named ``in_volts`` is Brian2's v.
    """
    here = renderer.translate

    def added(target: str, amount: str) -> tuple[str, str]:
        return ("v", f"({amount})*mV") if target == in_volts else (mangled(target), amount)

    states = {v.name for v in (*cell.states, *cell.inputs)}
    local = {mangled(v.name) for v in (*cell.states, *cell.inputs, *cell.subexpressions)}
    local |= set(code.arrays)
    if in_volts is not None:
        states.add(in_volts)
        local.add(mangled(in_volts))

    def there(name: str) -> str:
        name_here = here(name)
        if name == "not_refractory" and refractoriness:
            return "(count_n_post <= 0)"
        return f"{name_here}_post" if name_here in local else name_here

    together = arrivals_add and any(
        names(inlined(cell, i.coefficient)) & (states | {"not_refractory"})
        for r in increments.values()
        for i in r
    )
    if not together:
        renderer.translate = there
        for receptor, parts in increments.items():
            lines = []
            for i in parts:
                amount = f"{renderer.render(i.coefficient)}*w"
                if i.unless_refractory and refractoriness:
                    amount += "*int(count_n_post <= 0)"
                target, amount = added(i.target, amount)
                lines.append(f"{target}_post += {amount}")
            code.on_pre[receptor] = "\n".join(lines)
        renderer.translate = here
        return
    changes: list[str] = []
    additions, zeros = [], []
    for k, (receptor, parts) in enumerate(increments.items()):
        total = f"arrived_{k}_n"
        code.equations.append(f"{total} : 1")
        code.on_pre[receptor] = f"{total}_post += w"
        zeros.append(f"{total} = 0.0")
        for i in parts:
            change = f"change_{len(changes)}_n"
            amount = f"{renderer.render(i.coefficient)}*{total}"
            if i.unless_refractory and refractoriness:
                amount = f"where_(count_n <= 0, {amount}, 0.0)"
            changes.append(f"{change} = {amount}")
            target, change = added(i.target, change)
            additions.append(f"{target} = {target} + {change}")
    code.after_synapses = changes + additions + zeros


def equations_code(
    block: Block,
    choices: Choices,
    dt_ms: float,
    standalone: bool = False,
    hold: bool = False,
    guarded: bool = False,
) -> GroupCode:
    """A block as differential equations, threshold, reset and refractoriness of Brian2's own.

    With ``guarded`` the step of that scheme is written too, for Brian2 to take in place of a method's.

    With ``hold`` the sub-expressions that are ``(held)`` are ``(constant over dt)``, without which Brian2
    finds equations not linear in their own variable.
    """
    cell = block.cell
    code = GroupCode()
    has_refractory = cell.refractory is not None and (
        block.has_refractoriness or not choices.refractory_arrivals
    )

    special = names_of(block.parameters)
    special["not_refractory"] = "not_refractory" if has_refractory else "(1 > 0)"

    def here(name: str) -> str:
        return special.get(name) or mangled(name)

    renderer = BrianRenderer(here)
    trees = [v.right for v in cell.variables if v.right is not None]
    trees += [a.expression for a in cell.reset]
    trees += [i.coefficient for r in cell.receptors for i in r.increments]
    trees += [cell.threshold] if cell.threshold is not None else []
    for variable in (*cell.states, *cell.subexpressions):
        assert variable.right is not None
        name, right = mangled(variable.name), renderer.render(variable.right)
        if variable.kind == "subexpression":
            held = " (constant over dt)" if hold and variable.held else ""
            code.equations.append(f"{name} = {right} : 1{held}")
            continue
        flag = " (unless refractory)" if variable.unless_refractory and has_refractory else ""
        code.equations.append(f"d{name}/dt = ({right})/ms : 1{flag}")
        code.arrays[name] = block.initial[variable.name]
    declare(code, block.parameters, {n for tree in trees for n in names(tree)})
    write_inputs(code, block, choices.input_hold, standalone)
    if cell.threshold is not None:
        code.threshold = renderer.render(cell.threshold)
        code.reset = "\n".join(reset_lines(cell.reset, renderer, choices.aliased_copies))
    if cell.on_crossing:
        # As in the Hodgkin-Huxley examples: refractory as long as the threshold condition holds.
        code.reset = None
        code.refractory = code.threshold
        code.starts_refractory = choices.rotated
    elif has_refractory:
        _write_refractoriness(code, block, choices, dt_ms)
    increments = {r.name: r.increments for r in cell.receptors}
    arrivals(code, cell, increments, renderer, False, choices.arrivals_add)
    if guarded:
        _write_guarded(code, block, dt_ms, has_refractory)
    return code


def _write_guarded(code: GroupCode, block: Block, dt_ms: float, refractory: bool) -> None:
    """The step of rk4 that looks at nothing beyond the threshold, as Brian2's abstract code."""
    program = program_of(block.cell, "guarded_rk4")
    active = "not_refractory" if refractory else "(1 > 0)"
    constants = evaluate_constants(program.constants, block.parameters, dt_ms)
    special = {**names_of({**block.parameters, **constants}), "dt": STEP, "not_refractory": active}
    renderer = _LockstepRenderer(lambda name: special.get(name) or mangled(name), refractory)
    code.constants[STEP] = dt_ms
    used = {name for a in program.update for name in names(a.expression)}
    declare(code, constants, used)
    code.guarded = [
        f"{mangled(a.target)} = {renderer.render(a.expression)}" for a in program.update
    ]


def reset_lines(reset: Sequence[Assignment], renderer: BrianRenderer, copies: bool) -> list[str]:
    """A reset's statements; with *copies* each stores a value of its own.

    ``x = x*0.5`` Brian2 would make ``x *= 0.5`` and, by its NumPy target, change in place an array that an
    ``r = x`` before it has made r's too. It would also look for the factor by algebra, after which it misses
    what cancels, such as ``y <= y``. Neither happens to ``new = x*0.5; x = new``.
    """
    lines = []
    copies = copies or not shares_arrays(reset)
    for k, a in enumerate(reset):
        target, value = mangled(a.target), renderer.render(a.expression)
        if copies and a.target in names(a.expression):
            lines += [f"new_{k}_n = {value}", f"{target} = new_{k}_n"]
        else:
            lines.append(f"{target} = {value}")
    return lines


def shares_arrays(reset: Sequence[Assignment]) -> bool:
    """Whether a statement copies a variable and a later one changes the copy or the original in place."""
    together: set[str] = set()
    for a in reset:
        if a.target in together and a.target in names(a.expression):
            return True
        if isinstance(a.expression, ast.Name):
            together |= {a.target, a.expression.id}
    return False


def write_inputs(code: GroupCode, block: Driven, hold: bool, standalone: bool) -> None:
    """Inputs as variables that something sets before each step, or as calls of timed arrays."""
    for given in block.inputs:
        name = mangled(given.variable)
        if hold:
            code.equations.append(f"{name} : 1")
            code.held[given.variable] = name
            if not standalone:
                continue
        call = f"{name}_series_n(t)"
        if given.values.shape[1] > 1:
            column = "i"
            if not np.array_equal(given.columns, np.arange(block.size)):
                column = f"{name}_column_n"
                code.equations.append(f"{column} : integer (constant)")
                code.arrays[column] = given.columns
            call = f"{name}_series_n(t, {column})"
        if not np.all(given.gain == 1.0):
            code.equations.append(f"{name}_gain_n : 1 (constant)")
            code.arrays[f"{name}_gain_n"] = given.gain
            call = f"{name}_gain_n*{call}"
        if hold:
            code.before_update.append(f"{name} = {call}")
        else:
            code.equations.append(f"{name} = {call} : 1")


def _write_refractoriness(code: GroupCode, block: Block, choices: Choices, dt_ms: float) -> None:
    """Brian2 holds a cell for refractory - dt in its own order of slots, for refractory when rotated."""
    period: Values = block.refractory_ms
    if choices.refractory_rounding or choices.rotated or choices.refractory_count:
        steps = np.asarray(block.refractory_steps)
        if not choices.refractory_rounding:
            steps = brian2_timestep(block.refractory_ms, dt_ms)
        held = steps if choices.refractory_count else np.maximum(steps - 1, 0)
        period = (held + choices.lag) * dt_ms
    seconds = np.asarray(period, dtype=np.float64) * 1e-3
    if seconds.ndim == 0:
        code.refractory = f"({float(seconds)!r}*second)"
    else:
        code.refractory = "refractory_n"
        code.equations.append("refractory_n : second (constant)")
        code.arrays["refractory_n"] = seconds
    if choices.refractory_arrivals:
        # Known at the end of a step already, so that arrivals at the instant it ends are accepted.
        code.after_update = [
            f"not_refractory = timestep(t - lastspike, dt) + 1 >= timestep({code.refractory}, dt)"
        ]
