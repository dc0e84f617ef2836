"""Names, expressions and small blocks of NMODL and of the C inside it.

Every name of a model gets an underscore behind it, so that ``v``, ``t`` or ``area`` of NEURON stay its own;
variables made here do not end in one. A name that begins with D is put between ``q`` and ``_x``, because
NEURON itself makes ``Dv_`` for a state ``v_``. Of a PROCEDURE ``hold`` NEURON makes a C function ``hold_``,
so those made here begin with DD: no name of a model does.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from ...core.expressions import FUNCTIONS, Renderer


def mangled(name: str) -> str:
    """The name of a model's variable in NMODL."""
    return f"q{name}_x" if name.startswith("D") else f"{name}_"


def made(name: str) -> str:
    """The name of a PROCEDURE, FUNCTION or block of equations that is made here."""
    return f"DD{name}"


def sample(name: str) -> str:
    """The name of the copy of a variable that is taken at t_n."""
    return f"{mangled(name)}sample"


def initial(name: str) -> str:
    """The name of the initial value of a state that NEURON integrates."""
    return f"{mangled(name)}init"


def gain(name: str) -> str:
    """The name of what an input is multiplied with, per cell."""
    return f"{mangled(name)}gain"


def column(name: str) -> str:
    """The name of the column of an input's table that a cell reads."""
    return f"{mangled(name)}column"


class CRenderer(Renderer):
    """Renders expressions as C, with the definitions of core.numpy_code."""

    functions: ClassVar[Mapping[str, str]] = {"abs": "fabs", "sign": "coincide_sign"} | {
        name: f"coincide_{name}" for name in ("exprel", "minimum", "maximum", "clip")
    }

    def truth(self, value: bool) -> str:
        """A literal truth value."""
        return "true" if value else "false"

    def power(self, base: str, exponent: str) -> str:
        """A power."""
        return f"pow({base}, {exponent})"

    def negation(self, operand: str) -> str:
        """A logical not."""
        return f"(!{operand})"

    def junction(self, word: str, operands: list[str]) -> str:
        """A chain of and or or."""
        return "(" + f" {'&&' if word == 'and' else '||'} ".join(operands) + ")"

    def choice(self, test: str, body: str, orelse: str) -> str:
        """One of two values by a condition."""
        return f"({test} ? {body} : {orelse})"

    def call(self, name: str, arguments: list[str]) -> str:
        """A function's value."""
        if name == "int":
            return f"({arguments[0]} ? 1. : 0.)"
        return super().call(name, arguments)


C_FUNCTIONS = """\
static inline double coincide_exprel(double x) { return x == 0. ? 1. : expm1(x) / x; }
static inline double coincide_sign(double x) { return x != x ? x : (x > 0.) - (x < 0.); }
static inline double coincide_minimum(double a, double b) { return a < b || a != a ? a : b; }
static inline double coincide_maximum(double a, double b) { return a > b || a != a ? a : b; }
static inline double coincide_clip(double x, double low, double high) {
    return coincide_minimum(coincide_maximum(x, low), high);
}"""


class NmodlRenderer(CRenderer):
    """Renders expressions as NMODL; remembers the FUNCTIONs it needs in ``used``.

    NMODL's own ``exp`` is NEURON's ``hoc_Exp``: the C library's, but exp(700) above 700 and 0 below -700.
    """

    functions: ClassVar[Mapping[str, str]] = {
        "abs": "fabs",
        **{
            name: made(name)
            for name in ("sign", "exprel", "expm1", "log1p", "minimum", "maximum", "clip")
        },
    }

    def __init__(self, translate: Callable[[str], str]) -> None:
        super().__init__(translate)
        self.used: set[str] = set()

    def render(self, node: ast.expr) -> str:
        """The text of a tree."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd):
            return self.render(node.operand)
        return super().render(node)

    def truth(self, value: bool) -> str:
        """A literal truth value."""
        return "(1 > 0)" if value else "(0 > 1)"

    def choice(self, test: str, body: str, orelse: str) -> str:
        """One of two values by a condition."""
        self.used.add(made("chosen"))
        return f"{made('chosen')}({test}, {body}, {orelse})"

    def call(self, name: str, arguments: list[str]) -> str:
        """A function's value."""
        if name == "int":
            return self.choice(arguments[0], "1", "0")
        written = self.functions.get(name, name)
        if written in _NMODL_FUNCTIONS:
            self.used.add(written)
        return f"{written}({', '.join(arguments)})"


def _verbatim_function(name: str, arguments: str, body: str) -> str:
    return f"FUNCTION {name}({arguments}) {{\nVERBATIM\n    return {body};\nENDVERBATIM\n}}"


# In VERBATIM the arguments of an NMODL FUNCTION have the prefix _l.
_NMODL_FUNCTIONS = {
    made(name): _verbatim_function(made(name), arguments, body)
    for name, arguments, body in (
        ("chosen", "c, a, b", "_lc != 0. ? _la : _lb"),
        ("sign", "x", "coincide_sign(_lx)"),
        ("exprel", "x", "coincide_exprel(_lx)"),
        ("expm1", "x", "expm1(_lx)"),
        ("log1p", "x", "log1p(_lx)"),
        ("minimum", "a, b", "coincide_minimum(_la, _lb)"),
        ("maximum", "a, b", "coincide_maximum(_la, _lb)"),
        ("clip", "x, a, b", "coincide_clip(_lx, _la, _lb)"),
    )
}
assert set(NmodlRenderer.functions) <= set(FUNCTIONS)


def nmodl_functions(used: Iterable[str]) -> list[str]:
    """The texts of the FUNCTIONs of these names."""
    return [_NMODL_FUNCTIONS[name] for name in sorted(used)]


def block(head: str, lines: Sequence[str]) -> str:
    """``head { lines }``, indented; empty if there are no lines."""
    if not lines:
        return f"{head} {{ }}"
    body: list[str] = []
    for line in "\n".join(lines).splitlines():
        # What NMODL passes on as it is has to begin at the start of a line of its own.
        marker = line.strip() in {"VERBATIM", "ENDVERBATIM"}
        body += [line.strip()] if marker else _folded(line)
    return "\n".join([f"{head} {{", *body, "}"])


def _folded(line: str) -> list[str]:
    """A line indented and, since NEURON's translator refuses long ones, folded at blanks."""
    depth = len(line) - len(line.lstrip())
    first, later = " " * (depth + 4), " " * (depth + 8)
    return textwrap.wrap(
        line.strip(),
        100,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )


def listed(keyword: str, names: Sequence[str]) -> str:
    """``keyword a, b, …`` over as many lines as needed; empty if there are no names."""
    if not names:
        return ""
    wrapped = textwrap.wrap(", ".join(names), 90 - len(keyword))
    # A line of NMODL goes on as long as the comma at its end says so.
    return f"{keyword} " + "\n        ".join(wrapped)
