"""The parts of a mechanism that do something: arrivals, what happens at t_n, equations, lockstep."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping, Sequence

from ...core.cell import Assignment
from ...core.errors import UnsupportedError
from ...core.expressions import names
from ...core.program import Program
from ...core.realization import Realization, RealizedPopulation
from .conventions import Style
from .equations import Equations, needed
from .nmodl import CRenderer, NmodlRenderer, block, column, gain, listed, made, mangled, sample

# In a step of NEURON from t_n the variable t is t_{n+1} already.
_NET_EVENT = "net_event(_ppvar[1].get<Point_process*>(), t);  // t is t_{n+1} here"

LONGEST = 800
"""nocmodl of NEURON 9.0 was seen to cut an equation of 1,077 characters."""


def plastic_targets(realization: Realization) -> frozenset[str]:
    """The populations that connections with short-term plasticity reach."""
    return frozenset(e.target for e in realization.edges if e.plasticity is not None)


class Blocks:
    """The statements of a population's mechanism in a style.

    ``given`` holds the names of the numbers that the mechanism has, in NMODL. ``functions`` are the texts of
    FUNCTIONs that the statements need, ``coefficients`` and ``flags`` the variables, all after
    the statements have been asked for. ``outside`` are names that are NEURON's own. ``plastic`` says that
    connections with short-term plasticity arrive, each with a state of its own in its NetCon.
    """

    def __init__(
        self,
        population: RealizedPopulation,
        style: Style,
        program: Program,
        equations: Equations | None,
        given: Sequence[str],
        sampled: Sequence[str],
        outside: Mapping[str, str] | None = None,
        plastic: bool = False,
    ) -> None:
        self.population, self.cell, self.style = population, population.cell, style
        self.program, self.equations = program, equations
        self.sampled, self.plastic = sampled, plastic
        self.refractory = population.has_refractoriness
        self.functions: list[str] = []
        self.coefficients: list[str] = []
        self.nmodl = NmodlRenderer(self._in_memory)
        self._given = frozenset(given)
        self._outside = dict(outside or {})
        self._states = [v.name for v in self.cell.states]
        self._inputs = {given.variable for given in population.inputs}

    # Expressions

    @property
    def _active(self) -> str:
        if not self.refractory:
            return "(1 > 0)"
        return "(refractory == 0)" if self.style.release else "(remaining <= 0)"

    def _in_memory(self, name: str) -> str:
        if name == "not_refractory":
            return self._active
        if name in self._outside:
            return self._outside[name]
        if self.style.played and name in self._inputs:
            return f"({gain(name)} * {mangled(name)})"
        return name if name == "dt" else mangled(name)

    def _in_c(self, name: str) -> str:
        """States and temporaries are local in C; parameters and constants are where NEURON keeps them."""
        if name == "not_refractory":
            return "active"
        if name == "dt":
            return name
        if name not in self._states and mangled(name) in self._given:
            return mangled(name)
        return f"{mangled(name)}now"

    def _assign(self, statement: Assignment) -> str:
        return f"{mangled(statement.target)} = {self.nmodl.render(statement.expression)}"

    # Events

    def net_receive(self) -> list[str]:
        """Arrivals by receptor; for WATCH what arms it, and what it sets off."""
        # Without an INITIAL NEURON sets all weights but the first to 0.
        start = ["    u = 0", "    x = 1", "    last = 0"] if self.plastic else []
        lines = ["LOCAL arrived"] if self.plastic else []
        lines += ["INITIAL {", *start, "}"]
        lines += ["if (flag == 0) {", *self._release(), *self._arrivals()]
        if self.style.watch and self.cell.threshold is not None:
            lines += ["} else if (flag == 1) {", f"    WATCH {self._watched()} 2"]
            lines += ["} else if (flag == 2) {", *self._spike_of_watch()]
        if self.style.release and self.refractory:
            lines += ["} else if (flag == 3) {", "    refractory = 0"]
            if not self.style.watch:
                # Never sent; but without a net_send here there would be no room for the one in pre.
                lines += ["} else if (flag == 4) {", "    net_send(0, 3)"]
        # Never reached; but only what has a net_event here can be the source of a NetCon.
        return [*lines, "} else {", "    net_event(t)", "}"]

    @property
    def receiving(self) -> str:
        """The head of NET_RECEIVE: what each NetCon holds."""
        plastic = ", U, tau_rec, tau_facil, u, x, last" if self.plastic else ""
        return f"NET_RECEIVE(w, channel{plastic})"

    def _release(self) -> list[str]:
        """The part of its weight that a plastic connection passes on; U is 0 where it is not plastic."""
        if not self.plastic:
            return []
        return [
            "    arrived = w",
            "    if (U > 0) {",
            "        if (tau_facil > 0) {",
            "            u = u*exp(-(t - last)/tau_facil)",
            "        } else {",
            "            u = 0",
            "        }",
            "        u = u + U*(1 - u)",
            "        x = 1 + (x - 1)*exp(-(t - last)/tau_rec)",
            "        arrived = u*x*w",
            "        x = x - u*x",
            "        last = t",
            "    }",
        ]

    def _arrivals(self) -> list[str]:
        before: list[str] = []
        cases: list[str] = []
        for channel, increments in enumerate(self.program.increments.values()):
            cases.append(f"    {'} else if' if cases else 'if'} (channel == {channel}) {{")
            for increment in increments:
                coefficient = self.nmodl.render(increment.coefficient)
                if names(increment.coefficient) & set(self._states) and not self.style.in_turn:
                    name = f"coefficient{len(self.coefficients)}"
                    self.coefficients.append(name)
                    before.append(f"        {name} = {coefficient}")
                    coefficient = name
                target = mangled(increment.target)
                w = "arrived" if self.plastic else "w"
                change = w if coefficient == "1.0" else f"{coefficient}*{w}"
                line = f"{target} = {target} + {change}"
                if increment.unless_refractory and self.refractory:
                    line = f"if {self._active} {{ {line} }}"
                cases.append(f"        {line}")
        if cases:
            cases.append("    }")
        if before:
            # All arrivals of an instant are weighed by the state before any of them.
            return [
                "    if (first_arrival == 1) {",
                "        first_arrival = 0",
                *before,
                "    }",
                *cases,
            ]
        return cases

    def after_step(self) -> list[str]:
        """What has to be said once a step, so that the next arrival is known as the first."""
        return ["first_arrival = 1"] if self.coefficients else []

    def _watched(self) -> str:
        threshold = self.program.threshold
        assert threshold is not None
        match threshold:
            case ast.Compare(left=left, ops=[ast.Gt() | ast.Lt() as op], comparators=[right]):
                sign = ">" if isinstance(op, ast.Gt) else "<"
                return f"({self.nmodl.render(left)} {sign} {self.nmodl.render(right)})"
        # WATCH compares two values, no more.
        above = made("above")
        lines = [f"{above} = 0", f"if ({self.nmodl.render(threshold)}) {{", f"    {above} = 1", "}"]
        self.functions.append(block(f"FUNCTION {above}()", lines))
        return f"({above}() > 0.5)"

    def _spike_of_watch(self) -> list[str]:
        lines = ["    net_event(t)", *(f"    {self._assign(a)}" for a in self.program.reset)]
        if not self.refractory:
            return lines
        if self.style.release:
            lines += ["    if (refractory_ms > 0) {", "        refractory = 1"]
            lines += ["        net_send(refractory_ms, 3)", "    }"]
        else:
            lines.append("    remaining = refractory_steps")
        return [f"    if {self._active} {{", *(f"    {line}" for line in lines), "    }"]

    # What happens at t_n, and NEURON's own integration

    def pre(self) -> list[str]:
        """What happens at t_n after all arrivals, in the order of the contract."""
        lines: list[str] = []
        threshold = self.program.threshold
        if threshold is not None and not self.style.watch:
            condition = self.nmodl.render(threshold)
            event = ["VERBATIM", _NET_EVENT, "ENDVERBATIM"]
            if self.cell.on_crossing:
                lines += ["LOCAL above", "above = 0", f"if ({condition}) {{", "    above = 1", "}"]
                lines += ["if (above == 1 && was_above == 0) {", *event, "}", "was_above = above"]
            else:
                lines.append(f"if ({condition} && {self._active}) {{")
                lines += [f"    {self._assign(a)}" for a in self.program.reset]
                lines += [*self._begin_refractoriness(), *event, "}"]
        lines += [f"{sample(name)} = {mangled(name)}" for name in self.sampled]
        if self._inputs and not self.style.played:
            lines += ["VERBATIM", *self._read_inputs(), "ENDVERBATIM"]
        return lines

    def _begin_refractoriness(self) -> list[str]:
        if not self.refractory:
            return []
        if not self.style.release:
            return ["    remaining = refractory_steps"]
        return [
            "    if (refractory_ms > 0) {",
            "        refractory = 1",
            "VERBATIM",
            # So much later that the arrivals of its instant come first, as they do after a WATCH.
            "double wait = refractory_ms - step_ms + 1e-9;",
            "net_send(_tqitem, nullptr, _ppvar[1].get<Point_process*>(),",
            "         t + (wait > 0. ? wait : 0.), 3.);",
            "ENDVERBATIM",
            "    }",
        ]

    def _read_inputs(self, local: bool = False) -> list[str]:
        # In its own integrators NEURON halves dt when Sections are integrated to second order.
        dt = "dt" if local else "step_ms"
        lines = [f"const long step = lround(t / {dt}) - 1;  // t is t_{{n+1}} here"]
        for k, given in enumerate(self.population.inputs):
            variable = given.variable
            target = f"const double {self._in_c(variable)}" if local else mangled(variable)
            value = f"coincide_input(tables[{k}], step, {column(variable)})"
            lines.append(f"{target} = {gain(variable)} * {value};")
        return lines

    def derivative(self) -> list[str]:
        """The equations for NEURON's own METHODs."""
        assert self.equations is not None
        rates = self.equations.rates
        used = set().union(*(names(tree) for tree in rates.values()))
        local = [mangled(a.target) for a in needed(used, self.equations.subexpressions)]
        before = [self._assign(a) for a in needed(used, self.equations.subexpressions)]
        lines = []
        for variable in self.cell.states:
            tree, state = rates[variable.name], mangled(variable.name)
            held = variable.unless_refractory and self.refractory
            if held and self.style.integrator != "cnexp":
                tree = ast.IfExp(ast.Name(id="not_refractory"), tree, ast.Constant(value=0.0))
            choices = _Choices(len(local))
            rate = self.nmodl.render(choices.visit(copy.deepcopy(tree)))
            if len(rate) > LONGEST:
                raise UnsupportedError(
                    "neuron",
                    f"d{variable.name}/dt is {len(rate)} characters long as NMODL, whose translator cuts "
                    "off long equations; use sub-expressions, or lockstep, which has no such limit",
                )
            for name, choice in choices.found.items():
                local.append(mangled(name))
                before += [f"{mangled(name)} = {self.nmodl.render(choice.orelse)}"]
                before += [f"if ({self.nmodl.render(choice.test)}) {{"]
                before += [f"    {mangled(name)} = {self.nmodl.render(choice.body)}", "}"]
            if held and self.style.integrator == "cnexp":
                # cnexp writes its step here; it divides by the slope, which must not become 0.
                lines.append(f"if {self._active} {{ {state}' = {rate} }}")
            else:
                lines.append(f"{state}' = {rate}")
        return [listed("LOCAL", local), *before, *lines] if local else lines

    def post(self) -> list[str]:
        """What follows the integration: a step of refractoriness is over."""
        lines = []
        if self.refractory and not self.style.release:
            lines = ["if (remaining > 0) {", "    remaining = remaining - 1", "}"]
        return lines + self.after_step()

    # Lockstep

    def advance(self) -> list[str]:
        """The whole step of lockstep in C: threshold, reset, samples, inputs, the program's update."""
        program = self.program
        c = CRenderer(self._in_c)
        local = {name: self._in_c(name) for name in self._states}
        lines = [f"double {local[name]} = {mangled(name)};" for name in self._states]
        lines.append(f"bool active = {'remaining <= 0.' if self.refractory else 'true'};")
        if program.threshold is not None and self.cell.on_crossing:
            lines.append(f"const double above = {c.render(program.threshold)} ? 1. : 0.;")
            lines += ["if (above == 1. && was_above == 0.) {", f"    {_NET_EVENT}", "}"]
            lines.append("was_above = above;")
        elif program.threshold is not None:
            lines.append(f"if ({c.render(program.threshold)} && active) {{")
            lines += [f"    {local[a.target]} = {c.render(a.expression)};" for a in program.reset]
            if self.refractory:
                lines += ["    remaining = refractory_steps;", "    active = remaining <= 0.;"]
            lines += [f"    {_NET_EVENT}", "}"]
        lines += [f"{sample(name)} = {local[name]};" for name in self.sampled]
        if self._inputs:
            lines += self._read_inputs(local=True)
        known = set(local.values())
        for a in program.update:
            target = self._in_c(a.target)
            kind = "" if target in known else "double "
            known.add(target)
            lines.append(f"{kind}{target} = {c.render(a.expression)};")
        lines += [f"{mangled(name)} = {local[name]};" for name in self._states]
        if self.refractory:
            lines += ["if (!active) {", "    remaining -= 1.;", "}"]
        return lines + [f"{line};" for line in self.after_step()]


class _Choices(ast.NodeTransformer):
    """Takes the conditionals out of a tree: NEURON's translator of differential equations knows none."""

    def __init__(self, first: int) -> None:
        self.found: dict[str, ast.IfExp] = {}
        self._first = first

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        name = f"choice{self._first + len(self.found)}_"  # no name of a model ends so
        self.found[name] = node
        return ast.Name(id=name)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name) and node.func.id == "int":
            one, zero = ast.Constant(value=1.0), ast.Constant(value=0.0)
            return self.visit_IfExp(ast.IfExp(node.args[0], one, zero))
        arguments = [self.visit(argument) for argument in node.args]
        return ast.Call(func=node.func, args=arguments, keywords=[])
