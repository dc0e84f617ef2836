"""A piece of a cable cell as NMODL: a density mechanism or a point process with a current.

As NEURON's users write them: gates in a DERIVATIVE block by ``cnexp``, a scheme in a KINETIC block by
``sparse``, the current in BREAKPOINT, ions by USEION. Reversal potentials that are given are the
section's; Nernst's equation, concentrations that do not change and temperature factors are the
mechanism's own numbers, so that neither NEURON's ``celsius`` nor its constants have a say.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from ...core.errors import UnsupportedError
from ...core.expressions import names
from ...core.numpy_code import evaluate_constants
from ...core.realization import RealizedPopulation
from ...core.values import Floats
from .blocks import LONGEST, Blocks
from .conventions import Style
from .equations import Equations, equations_of, needed
from .nmodl import (
    C_FUNCTIONS,
    NmodlRenderer,
    block,
    initial,
    listed,
    made,
    mangled,
    nmodl_functions,
    sample,
)
from .pieces import CURRENT, Piece, ion_name


@dataclass(frozen=True, eq=False)
class Membrane:
    """A piece's mechanism: its NMODL text, and the numbers it is to be given.

    ``shared`` are numbers equal everywhere, by their names in NEURON; ``each`` arrays (size, compartments);
    ``recorded`` the names to record by state, ``later`` those whose sample of t_n is found one step later.
    """

    piece: Piece
    name: str
    text: str
    shared: Mapping[str, float]
    each: Mapping[str, Floats]
    recorded: Mapping[str, str]
    later: frozenset[str]
    integrator: str


def membrane_of(
    piece: Piece,
    recorded: Iterable[str],
    style: Style,
    dt_ms: float,
    others: Sequence[Membrane] = (),
    plastic: bool = False,
) -> Membrane:
    """The mechanism of a piece that records some of its states.

    Mechanisms of one text share what is GLOBAL in NEURON: one of ``others`` that has other numbers makes
    this another variant. *plastic* says that connections with short-term plasticity may arrive.
    """
    equations = equations_of(piece.cell, linear=style.integrator == "cnexp")
    nonlinear = [v.name for v in piece.equation_states if equations.slopes.get(v.name, 0) is None]
    if nonlinear and style.integrator == "cnexp":
        style = replace(style, integrator="derivimplicit")
        equations = equations_of(piece.cell, linear=False)
    shared, each = _numbers(piece, equations, dt_ms)
    sampled = list(recorded) if piece.kind == "receptor" and style.copies else []
    writer = _Writer(piece, equations, style, shared, each, sampled, plastic)
    body = writer.text()
    variant = 0
    while True:
        whole = f": {piece.name}, made by coincide, variant {variant}\n\n{body}"
        name = f"Part{hashlib.sha256(whole.encode()).hexdigest()[:16]}"
        values = {f"{key}_{name}": value for key, value in shared.items()}
        if all(m.name != name or m.shared == values for m in others):
            break
        variant += 1
    names_of = {s: sample(s) if s in sampled else writer.neuron(s) for s in piece.states}
    used = style.integrator if piece.equation_states else "sparse" if piece.occupancies else ""
    return Membrane(
        piece, name, whole.replace("Part_", name), values, each, names_of, frozenset(sampled), used
    )


def _numbers(
    piece: Piece, equations: Equations, dt_ms: float
) -> tuple[dict[str, float], dict[str, Floats]]:
    """What is equal everywhere, and what is not."""
    trees = [*equations.rates.values(), *(a.expression for a in equations.subexpressions)]
    trees += [i.coefficient for own in equations.program.increments.values() for i in own]
    used = set().union(*map(names, trees)) | {piece.floor}
    constants = evaluate_constants(equations.program.constants, piece.parameters, dt_ms)
    given = {mangled(n): v for n, v in {**piece.parameters, **constants}.items() if n in used}
    given |= {initial(name): values for name, values in piece.initial.items()}
    shared: dict[str, float] = {}
    each: dict[str, Floats] = {}
    shape = next(iter(piece.initial.values())).shape if piece.initial else None
    for name, value in given.items():
        array = np.asarray(value, dtype=np.float64)
        if array.ndim == 0 or np.all(array == array.flat[0]):
            shared[name] = float(array.flat[0])
        else:
            full = (array.shape[0], len(piece.compartments)) if shape is None else shape
            each[name] = np.broadcast_to(array, full)
    return shared, each


class _Writer:
    """The blocks of a piece's mechanism, which is called ``Part_`` until its text is known."""

    def __init__(
        self,
        piece: Piece,
        equations: Equations,
        style: Style,
        shared: Mapping[str, float],
        each: Mapping[str, Floats],
        sampled: Sequence[str],
        plastic: bool,
    ) -> None:
        self.piece, self.equations, self.style = piece, equations, style
        self.shared, self.each, self.sampled = shared, each, sampled
        population = RealizedPopulation(piece.name, 1, piece.cell, {}, {}, 0, ())
        # Only what happens at arrivals and to samples is asked of it.
        self.blocks = Blocks(
            population,
            style,
            equations.program,
            equations,
            [*shared, *each],
            sampled,
            outside=piece.outside,
            plastic=plastic,
        )
        self.nmodl: NmodlRenderer = self.blocks.nmodl

    def neuron(self, name: str) -> str:
        """The name of a state in NMODL; a pool's is NEURON's own."""
        return self.piece.outside.get(name, mangled(name))

    def text(self) -> str:
        """The whole mechanism."""
        piece = self.piece
        head = "POINT_PROCESS" if piece.is_point else "SUFFIX"
        receives = piece.kind == "receptor"
        gates = [v.name for v in piece.equation_states]
        derivative = self._derivative(gates)
        kinetic = self._kinetic()
        current = self._current()
        pre = self.blocks.pre() if receives and not self.style.variable_step else []
        receive = self.blocks.net_receive() if receives else []
        post = self.blocks.after_step() if receives else []
        if piece.floor is not None:
            low, state = mangled(piece.floor), self.neuron(gates[0])
            post = [f"if ({state} < {low}) {{", f"    {state} = {low}", "}"]
        solve = [f"SOLVE {made('pre')} METHOD after_cvode"] if pre else []
        solve += [f"SOLVE {made('states')} METHOD {self.style.integrator}"] if gates else []
        solve += [f"SOLVE {made('scheme')} METHOD sparse"] if kinetic else []
        solve += [f"SOLVE {made('post')} METHOD after_cvode"] if post else []
        states = [self.neuron(s) for s in piece.states]
        assigned = [sample(s) for s in self.sampled]
        start = [f"{self.neuron(s)} = {initial(s)}" for s in piece.states]
        if self.blocks.coefficients:
            assigned += ["first_arrival", *self.blocks.coefficients]
            start.append("first_arrival = 1")
        accessible = [
            *self.each,
            *(s for s in states if s not in piece.outside.values()),
            *assigned,
        ]
        neuron = [f"{head} Part_", *self._ions(), listed("RANGE", accessible)]
        neuron += [listed("GLOBAL", list(self.shared)), "THREADSAFE"]
        if self.nmodl.used:
            preamble = f"VERBATIM\n{C_FUNCTIONS}\nENDVERBATIM"
        else:
            preamble = ""
        parts = [
            block("NEURON", [line for line in neuron if line]),
            block("PARAMETER", [f"{n} = 0" for n in (*self.shared, *self.each)]),
            block("STATE", states) if states else "",
            block("ASSIGNED", [*self._known(), *assigned]),
            preamble,
            block("INITIAL", start),
            block("BREAKPOINT", [*current[:1], *solve, *current[1:]]),
            block(f"DERIVATIVE {made('states')}", derivative) if gates else "",
            block(f"KINETIC {made('scheme')}", kinetic) if kinetic else "",
            block(f"PROCEDURE {made('pre')}()", pre) if pre else "",
            block(f"PROCEDURE {made('post')}()", post) if post else "",
            *nmodl_functions(self.nmodl.used),
            block(self.blocks.receiving, receive) if receives else "",
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _ions(self) -> list[str]:
        """The USEION lines; a pool reads its ion's current and writes its concentration."""
        piece = self.piece
        reads = dict(piece.reads)
        lines = []
        if piece.writes is None:
            lines.append("NONSPECIFIC_CURRENT i")
        else:
            name = ion_name(piece.writes)
            own = reads.pop(name, ())
            made = f"i{name}"
            given: tuple[str, ...] = own
            if piece.kind == "pool":
                given, made = (made,), f"{name}i"
            read = f" READ {', '.join(given)}" if given else ""
            valence = "" if name == piece.writes.name else f" VALENCE {piece.writes.valence}"
            lines.append(f"USEION {name}{read} WRITE {made}{valence}")
        return lines + [f"USEION {name} READ {', '.join(own)}" for name, own in reads.items()]

    def _known(self) -> list[str]:
        """What NEURON keeps and the mechanism uses."""
        piece = self.piece
        kept = ["v"]
        states = {self.neuron(s) for s in piece.states}
        for own in piece.reads.values():
            kept += own
        if piece.kind == "pool":
            assert piece.writes is not None
            kept.append(f"i{ion_name(piece.writes)}")
        elif piece.writes is not None:
            kept.append(f"i{ion_name(piece.writes)}")
        else:
            kept.append("i")
        return [name for name in dict.fromkeys(kept) if name not in states]

    def _before(self, wanted: Set[str], statements: _Statements) -> None:
        """The sub-expressions that the wanted names depend on."""
        for assignment in needed(set(wanted), self.equations.subexpressions):
            statements.declare(assignment.target, assignment.expression)

    def _derivative(self, gates: Sequence[str]) -> list[str]:
        rates = self.equations.rates
        statements = _Statements(self.nmodl)
        self._before(set().union(*(names(rates[g]) for g in gates)) if gates else set(), statements)
        for gate in gates:
            rate = self._checked(statements.value(rates[gate]), gate)
            statements.lines.append(f"{self.neuron(gate)}' = {rate}")
        return statements.block()

    def _kinetic(self) -> list[str]:
        if not self.piece.arrows:
            return []
        statements = _Statements(self.nmodl)
        outputs = {a: f"{a}_" for arrow in self.piece.arrows for a in (arrow.rate, arrow.back) if a}
        rates = {rate: self.equations.rates[output] for rate, output in outputs.items()}
        self._before(set().union(*map(names, rates.values())), statements)
        for arrow in self.piece.arrows:
            forward = self._checked(statements.value(rates[arrow.rate]), arrow.rate)
            back = "0" if arrow.back is None else statements.value(rates[arrow.back])
            between = f"{mangled(arrow.source)} <-> {mangled(arrow.target)}"
            statements.lines.append(f"~ {between} ({forward}, {self._checked(back, arrow.rate)})")
        total = " + ".join(map(mangled, self.piece.occupancies))
        statements.lines.append(f"CONSERVE {self._checked(total, 'its scheme')} = 1")
        return statements.block()

    def _current(self) -> list[str]:
        """LOCAL, then the current: mA/cm² of a density, nA of a point process, outward."""
        piece = self.piece
        if CURRENT not in piece.outputs:
            return []
        statements = _Statements(self.nmodl)
        tree = self.equations.rates[CURRENT]
        if piece.kind == "receptor":
            tree = ast.UnaryOp(op=ast.USub(), operand=tree)
        self._before(names(tree), statements)
        factor = "0.001" if piece.is_point else "0.1"
        name = "i"
        if piece.writes is not None:
            name = f"i{ion_name(piece.writes)}"
        written = self._checked(statements.value(tree), "its current")
        lines = [*statements.lines, f"{name} = {factor} * {written}"]
        return [listed("LOCAL", statements.locals), *lines]

    def _checked(self, text: str, what: str) -> str:
        if len(text) > LONGEST:
            raise UnsupportedError(
                "neuron",
                f"{self.piece.cell.name}: {what} is {len(text)} characters long as NMODL, whose translator "
                "cuts off long equations; use sub-expressions, or lockstep, which has no such limit",
            )
        return text


class _Statements(ast.NodeTransformer):
    """Assignments as NMODL; a choice becomes ``if … else``, so that only one side is evaluated."""

    def __init__(self, renderer: NmodlRenderer) -> None:
        self.renderer = renderer
        self.lines: list[str] = []
        self.locals: list[str] = []

    def declare(self, name: str, tree: ast.expr) -> None:
        """Assign to a LOCAL."""
        self.locals.append(mangled(name))
        self._assign(mangled(name), tree)

    def value(self, tree: ast.expr) -> str:
        """The text of a tree, after what has to be decided before it."""
        return self.renderer.render(self.visit(copy.deepcopy(tree)))

    def block(self) -> list[str]:
        """All lines with their LOCAL."""
        return [listed("LOCAL", self.locals), *self.lines] if self.locals else self.lines

    def _assign(self, target: str, tree: ast.expr) -> None:
        if not isinstance(tree, ast.IfExp):
            written = self.value(tree)
            self.lines.append(f"{target} = {written}")
            return
        test = self.value(tree.test)
        self.lines.append(f"if ({test}) {{")
        self._assign(target, tree.body)
        self.lines.append("} else {")
        self._assign(target, tree.orelse)
        self.lines.append("}")

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        name = f"choice{len(self.locals)}_"  # no name of a model ends so
        self.locals.append(mangled(name))
        self._assign(mangled(name), node)
        return ast.Name(id=name)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name) and node.func.id == "int":
            one, zero = ast.Constant(value=1.0), ast.Constant(value=0.0)
            return self.visit_IfExp(ast.IfExp(node.args[0], one, zero))
        # The name of a function is no variable.
        arguments = [self.visit(argument) for argument in node.args]
        return ast.Call(func=node.func, args=arguments, keywords=[])
