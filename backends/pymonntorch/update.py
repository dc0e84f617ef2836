"""The update of a population as a function: operation by operation, or as torch.compile wants it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from ...core.cell import Assignment
from ...core.expressions import names
from .code import Literals, Namespace, TorchRenderer, bind_source, local, whole
from .moves import Moves

_OPERATIONS = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call)
_ALIAS = re.compile(r"[(+]*_(\w+)\)*")


def compile_update(
    statements: Sequence[Assignment],
    moves: Moves | None,
    states: Sequence[str],
    ns: Namespace,
    literals: Literals,
    always_active: bool,
) -> Callable[[], None]:
    """A function that moves the state tensors of a namespace in place by one step.

    With ``moves`` the namespace has their `rows` too.
    """
    renderer = TorchRenderer(local, literals, whole(ns), always_active)
    if moves is None:
        return bind_source(_lines(statements, states, {}, renderer), "", ns, literals)
    targets = {k: local(f"{kind}{row}_") for k, (kind, row) in moves.rows.items()}
    lines = _lines(moves.before, states, targets, renderer)
    lines += _rows_moved(moves)
    lines += _lines(moves.after, states, {}, renderer)
    return bind_source(lines, "", ns, literals)


def operations(statements: Sequence[Assignment], moves: Moves | None) -> int:
    """How many operations an update calls, about."""
    together = 0
    if moves is not None:
        statements = [*moves.before, *moves.after]
        together = len(_rows_moved(moves)) + 3
    return together + sum(
        isinstance(node, _OPERATIONS) for s in statements for node in ast.walk(s.expression)
    )


def rows(moves: Moves, ns: Namespace, state: torch.Tensor) -> dict[str, torch.Tensor]:
    """The tensors of the states that are moved together, as a whole and by row.

    Their states are the first rows of ``state``, shape (states, cells).
    """
    count, exact = len(moves.states), len(moves.signs)
    rates, steps = (torch.zeros_like(state[:count]) for _ in range(2))
    arguments = torch.zeros_like(state[:exact])
    for row, tree in enumerate(moves.steps, exact):
        if isinstance(tree, ast.Name) and tree.id in ns:
            steps[row].copy_(ns[tree.id])
    one = torch.ones_like(ns["dt"])
    factors = [ns["dt"] * sign if sign else one for sign in moves.signs]
    blocks = {"states_": state[:count], "rates_": rates, "steps_": steps}
    if exact:
        blocks |= {"arguments_": arguments, "exact_": steps[:exact]}
        blocks["factors_"] = torch.stack(factors)[:, None]
    for kind, block in (("rate", rates), ("argument", arguments), ("step", steps)):
        blocks |= {f"{kind}{k}_": row for k, row in enumerate(block.unbind(0))}
    return blocks


def _rows_moved(moves: Moves) -> list[str]:
    """x + rate·dt·exprel(argument), x + rate·step."""
    lines = []
    if moves.signs:
        lines = [
            "_arguments_.mul_(_factors_).add_(tiny)",
            "expm1(_arguments_, out=_exact_)",
            "_exact_.div_(_arguments_).mul_(_dt)",
        ]
    return [*lines, "_states_.add_(_rates_.mul_(_steps_))"]


def _lines(
    statements: Sequence[Assignment],
    states: Sequence[str],
    targets: Mapping[int, str],
    renderer: TorchRenderer,
) -> list[str]:
    """Statements as source, those of ``targets`` writing into an existing row."""
    moved_at = {s.target: k for k, s in enumerate(statements) if s.target in states}
    last_read = {n: k for k, s in enumerate(statements) for n in names(s.expression)}
    lines = []
    aliases: dict[str, str] = {}
    ours: set[str] = set()
    for k, (target, tree) in enumerate((s.target, s.expression) for s in statements):
        renderer.spent = {
            n for n in names(tree) & ours if last_read[n] == k and _reads(tree, n) == 1
        }
        if k in targets:
            lines.append(renderer.render_into(tree, targets[k]))
            continue
        if target in states:
            lines.append(_in_place(target, tree, renderer))
            continue
        text = renderer.render(tree)
        alias = _ALIAS.fullmatch(text)
        if alias is not None:
            origin = aliases.get(alias[1], alias[1])
            ours.discard(alias[1])
            last = last_read.get(target, k)
            if origin in states and moved_at.get(origin, last) < last:
                text = f"{text}.clone()"  # the state is moved in place before this is read
            else:
                aliases[target] = origin
        elif renderer.is_ours(tree) and target in last_read:
            ours.add(target)
        if renderer.is_whole(tree):
            renderer.whole.add(target)
        lines.append(f"{local(target)} = {text}")
    return lines


def _reads(tree: ast.expr, name: str) -> int:
    return sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _in_place(target: str, tree: ast.expr, renderer: TorchRenderer) -> str:
    match tree:
        case ast.BinOp(left=ast.Name(id=name), op=ast.Add(), right=right) if name == target:
            return f"{local(target)}.add_({renderer.render(right)})"
    return f"{local(target)}.copy_({renderer.render(tree)})"


class Fused:
    """An update as one function of few tensors, for torch.compile: fewer arguments, less time per call.

    ``states`` (states, cells), ``scalars`` (numbers,), ``columns`` (parameters per cell, cells) and what
    changes from outside: inputs, who is refractory.
    """

    def __init__(
        self,
        statements: Sequence[Assignment],
        states: Sequence[str],
        ns: Namespace,
        state: torch.Tensor,
        literals: Literals,
        varying: Sequence[str],
        always_active: bool,
    ) -> None:
        renderer = TorchRenderer(local, literals, (), always_active)
        lines = [f"{local(s.target)} = {renderer.render(s.expression)}" for s in statements]
        used = set(re.findall(r"[A-Za-z_]\w*", "\n".join(lines)))
        given = {local(n): t for n, t in ns.items() if n not in states}
        given |= literals.tensors
        given = {n: t for n, t in given.items() if n in used}
        outside = [local(n) for n in varying if local(n) in given]
        outside += [n for n, t in given.items() if t.dtype != state.dtype and n not in outside]
        inner = [n for n in given if n not in outside]
        scalars = [n for n in inner if not given[n].dim()]
        columns = [n for n in inner if given[n].dim()]
        unpack = [f"{', '.join(map(local, states))}, = states.unbind(0)"]
        self.arguments = [state]
        for name, chosen in (("scalars", scalars), ("columns", columns)):
            if chosen:
                unpack.append(f"{', '.join(chosen)}, = {name}.unbind(0)")
                self.arguments.append(torch.stack([given[n] for n in chosen]))
        self.arguments += [given[n] for n in outside]
        named = ["states", *(n for n, c in (("scalars", scalars), ("columns", columns)) if c)]
        moved = ", ".join(map(local, states))
        body = [*unpack, *lines, f"states.copy_(stack(({moved},)))"]
        self.function: Callable[..., Any] = bind_source(
            body, ", ".join([*named, *outside]), {}, Literals(literals.dtype, literals.device)
        )

    @property
    def source(self) -> str:
        """The text of the function."""
        text: str = self.function.source  # type: ignore[attr-defined]
        return text
