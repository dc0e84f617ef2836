"""Expressions in messages, and why a text is none, in words about the text rather than about Python."""

from __future__ import annotations

import ast
import re

_MOST_READ = 1000
"""Letters of a text that is looked at more closely."""
_OPERATORS = r"+\-*/<>=,("
_ANSWERS = tuple(
    (re.compile(pattern), answer)
    for pattern, answer in (
        (r"^\s*$", "it is empty"),
        (r"&&|\|\||!(?!=)", "write and, or, not"),
        (r"\?", "write 'a if c else b'"),
        (r"['\"]", "quotation marks have no place in it"),
        (r"[\[\]{}]", "only round parentheses can be used"),
        (r";|:=|:|->", "one expression is needed, without statements"),
        (r"(?<![<>=!])=(?!=)", "a comparison is written =="),
        (r"<>", "write !="),
        (r"[$\\@`]", "only arithmetic, comparisons and functions can be used"),
        (r"(?<![\w.])0\d", "a number begins with a needless 0"),
        (r"\d\.\d*\.", "a number has two points"),
        (
            r"(?<![\w.])\d+(?:\.\d*)?(?:[eE][+-]?\d+)?\s*[A-Za-z_]",
            "between a number and a name stands *, as in 10*ms",
        ),
        (rf"(?:[{_OPERATORS}]|\b(?:and|or|not|if|else))\s*$", "something is missing at its end"),
        (r"\bif\b(?!.*\belse\b)", "write 'a if c else b'"),
        (r",\s*[,)]|\(\s*,", "something is missing at a comma"),
        (r"[\w)]\s+[\w(]", "between two names or numbers an operator is missing"),
    )
)


def shown(text: str) -> str:
    """A text in quotes for a message, shortened when it is long."""
    short = " ".join(text.split())
    return repr(short if len(short) <= 60 else f"{short[:57]}...")


def source_of(node: ast.AST) -> str:
    """A tree as it is written, in quotes for a message."""
    try:
        return shown(ast.unparse(node))
    except RecursionError:
        return "an expression nested too deeply"


def why_no_expression(text: str) -> str:
    """What is wrong with a text that cannot be read as an expression.

    >>> why_no_expression("(E_L - v/tau")
    'a parenthesis is never closed'
    >>> why_no_expression("10 ms")
    'between a number and a name stands *, as in 10*ms'
    """
    depth = 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth < 0:
            return "a parenthesis is closed that was never opened"
    if depth:
        return "a parenthesis is never closed"
    answers = _ANSWERS if len(text) <= _MOST_READ else ()
    found = (answer for pattern, answer in answers if pattern.search(text))
    return next(found, "a name, a number or an operator is missing or at a wrong place")
