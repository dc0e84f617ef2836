"""The statements of a step with nothing computed twice, to the last bit of every result.

Where an expression occurs again its value is named and used again; products with 1, double signs and signs
before a number are taken out. All of this is exact in floating point, so lockstep may do it too.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.cell import Assignment
from ...core.expressions import names
from ...core.program import Program


def share(program: Program, constants: Mapping[str, Any]) -> list[Assignment]:
    """A program's update in the same order, repeated expressions named ``value0_``, ``value1_``, …

    ``constants`` are the values of the program's constants. Those that depend on no parameter are written
    as numbers, of those defined alike one is used.
    """
    plain = {c.target: constants[c.target] for c in program.constants if not names(c.expression)}
    known = {c.target for c in program.constants}
    graph = _Graph(frozenset(v.name for v in program.cell.states), plain)
    roots = [
        (s.target, graph.assign(s))
        for s in (*program.constants, *program.update)
        if s.target not in plain
    ]
    statements = [s for s in graph.statements(roots) if s.target not in known]
    return needed(statements, graph.states)


def needed(statements: Sequence[Assignment], wanted: Iterable[str]) -> list[Assignment]:
    """The statements that the wanted names depend on."""
    read = set(wanted)
    kept = []
    for statement in reversed(statements):
        if statement.target in read:
            kept.append(statement)
            read |= names(statement.expression)
    return kept[::-1]


@dataclass(frozen=True)
class _Node:
    """An operation on nodes, given by their numbers, or a leaf.

    ``what`` is a class of ast, or the name of a function; of a leaf its value, or its name and how often
    that was assigned before.
    """

    what: object
    operands: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Number:
    text: str  # so that 1.0 and True, 0.0 and -0.0 are not the same


@dataclass(frozen=True)
class _Name:
    name: str
    version: int


class _Graph:
    """All expressions of a program, each once."""

    def __init__(self, states: frozenset[str], plain: Mapping[str, float]) -> None:
        self.states = states
        self.plain = plain
        self.nodes: list[_Node] = []
        self.uses: Counter[int] = Counter()
        self._numbers: dict[_Node, int] = {}
        self._meaning: dict[str, int] = {}
        self._version: Counter[str] = Counter()

    def assign(self, statement: Assignment) -> int:
        """The node of a statement's right-hand side, which its target means from now on."""
        node = self._number_of(statement.expression)
        name = statement.target
        if name in self.states:
            self.uses[node] += 1
            self._version[name] += 1
        else:
            self._meaning[name] = node
        return node

    def _intern(self, what: object, *operands: int) -> int:
        ordered = tuple(sorted(operands)) if what in (ast.Add, ast.Mult) else operands
        key = _Node(what, ordered)
        if key not in self._numbers:
            self._numbers[key] = len(self.nodes)
            self.nodes.append(_Node(what, operands))
            self.uses.update(operands)
        return self._numbers[key]

    def _literal(self, value: float) -> int:
        return self._intern(_Number(repr(value)))

    def _value(self, node: int) -> float | None:
        what = self.nodes[node].what
        return float(what.text) if isinstance(what, _Number) else None

    def _number_of(self, tree: ast.expr) -> int:
        of = self._number_of
        match tree:
            case ast.Constant(value=bool() as truth):
                return self._intern(truth)
            case ast.Constant(value=int() | float() as value):
                return self._literal(float(value))
            case ast.Name(id=name):
                if name in self.plain:
                    return self._literal(float(self.plain[name]))
                if name in self._meaning:
                    return self._meaning[name]
                return self._intern(_Name(name, self._version[name]))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return of(operand)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._minus(of(operand))
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                return self._power(left, right)
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(type(op), of(left), of(right))
            case ast.UnaryOp(op=op, operand=operand):
                return self._intern(type(op), of(operand))
            case ast.BoolOp(op=op, values=parts):
                return self._intern(type(op), *map(of, parts))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._intern(type(op), of(left), of(right))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._intern(ast.IfExp, of(test), of(body), of(orelse))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._intern(name, *map(of, arguments))
        raise AssertionError(f"not in the language: {ast.dump(tree)}")

    def _minus(self, node: int) -> int:
        value = self._value(node)
        if value is not None:
            return self._literal(-value)
        if self.nodes[node].what is ast.USub:
            return self.nodes[node].operands[0]
        return self._intern(ast.USub, node)

    def _power(self, base: ast.expr, exponent: ast.expr) -> int:
        small = isinstance(exponent, ast.Constant) and exponent.value in (2, 3, 4)
        if not small or not isinstance(base, ast.Name):
            return self._intern(ast.Pow, self._number_of(base), self._number_of(exponent))
        # As every `Renderer` writes it.
        factor = product = self._number_of(base)
        for _ in range(int(ast.literal_eval(exponent)) - 1):
            product = self._binary(ast.Mult, product, factor)
        return product

    def _binary(self, op: type[ast.operator], left: int, right: int) -> int:
        divisor = self._value(right)
        if op in (ast.Mult, ast.Div) and divisor is not None:
            if divisor == 1.0:
                return left
            if self.nodes[left].what is ast.USub:
                return self._binary(op, self.nodes[left].operands[0], self._literal(-divisor))
        if op is ast.Mult and self._value(left) == 1.0:
            return right
        return self._intern(op, left, right)

    def statements(self, roots: Sequence[tuple[str, int]]) -> Iterator[Assignment]:
        """The statements again, before each those values that it shares with others."""
        named: dict[int, str] = {}
        moved: Counter[str] = Counter()
        aliases: dict[_Name, str] = {}
        count = 0

        def tree(node: int, top: bool = False) -> ast.expr:
            if node in named and not top:
                return ast.Name(id=named[node])
            what = self.nodes[node].what
            if isinstance(what, _Name) and what.version != moved[what.name]:
                return ast.Name(id=aliases[what])
            return _tree(what, [tree(operand) for operand in self.nodes[node].operands])

        for target, root in roots:
            for node in self._shared(root, named):
                yield Assignment(f"value{count}_", tree(node))
                named[node] = f"value{count}_"
                count += 1
            if target in self.states:
                yield Assignment(target, tree(root))
                moved[target] += 1
            elif self.nodes[root].operands and root not in named:
                yield Assignment(target, tree(root))
                named[root] = target
            elif isinstance(what := self.nodes[root].what, _Name) and what not in aliases:
                # The name of a state before it was moved.
                yield Assignment(target, tree(root))
                aliases[what] = target

    def _shared(self, root: int, named: dict[int, str]) -> list[int]:
        """The nodes below a root that others use too and that have no name yet, operands first."""
        shared: dict[int, None] = {}

        def visit(node: int) -> None:
            if node in named or node in shared:
                return
            for operand in self.nodes[node].operands:
                visit(operand)
            if self.nodes[node].operands and self.uses[node] > 1 and node != root:
                shared[node] = None

        visit(root)
        return list(shared)


def _tree(what: object, operands: list[ast.expr]) -> ast.expr:
    """The expression of a node."""
    if isinstance(what, _Number):
        return ast.Constant(value=float(what.text))
    if isinstance(what, _Name):
        return ast.Name(id=what.name)
    if isinstance(what, bool):
        return ast.Constant(value=what)
    if isinstance(what, str):
        return ast.Call(func=ast.Name(id=what), args=operands, keywords=[])
    if what is ast.IfExp:
        return ast.IfExp(test=operands[0], body=operands[1], orelse=operands[2])
    assert isinstance(what, type)
    op = what()
    if isinstance(op, ast.operator):
        return ast.BinOp(left=operands[0], op=op, right=operands[1])
    if isinstance(op, ast.cmpop):
        return ast.Compare(left=operands[0], ops=[op], comparators=[operands[1]])
    if isinstance(op, ast.boolop):
        return ast.BoolOp(op=op, values=operands)
    assert isinstance(op, ast.unaryop)
    return ast.UnaryOp(op=op, operand=operands[0])
