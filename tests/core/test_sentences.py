"""What is wrong is said in our own words, never in those of Python, pydantic or sympy."""

import re

import pytest

from coincide.core.errors import InputError
from coincide.core.expressions import parse
from coincide.core.inputs import StepInput
from coincide.core.neurons import NeuronModel
from coincide.core.populations import Population, SpikeTrains
from coincide.core.projections import AllToAll, FixedProbability, Projection
from coincide.core.symbolic import to_sympy
from coincide.core.syntax import why_no_expression

NO_EXPRESSIONS = {
    "": "empty", "(a": "never closed", "f(a, b": "never closed", "a)": "never opened", "a +": "at its end",
    "a > b and": "at its end", "2x": "between a number and a name", "10 ms": "between a number and a name",
    "-70.5e-3 volt": "between a number and a name", "a = b": "written ==", "a if b": "if c else",
    "a ? b : c": "if c else", "a && b": "and, or, not", "!a": "and, or, not", "'abc": "quotation",
    "[a": "parentheses", "0123": "needless 0", "1..2": "two points", "f(a,,b)": "at a comma",
    "a b": "operator is missing", "a <> b": "!=", "a; b": "one expression", "a $ b": "arithmetic",
}  # fmt: skip
PYTHONS = re.compile(
    r"invalid|syntax|unmatched|literal|Perhaps|Maybe|was never closed|input should|Input|pydantic|sympy|"
    r"comparable|comparison of|instance of|dictionary|tuple|NoneType|validat"
)


@pytest.mark.parametrize("written", NO_EXPRESSIONS)
def test_what_is_no_expression_is_told_why(written: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(written, "here")
    assert NO_EXPRESSIONS[written] in caught.value.problem
    assert not PYTHONS.search(caught.value.problem), caught.value.problem
    assert why_no_expression(written) in caught.value.problem


@pytest.mark.parametrize(
    "written", ["minimum(sqrt(0*x - 1), x)", "log(0*x - 1) > x", "sqrt(0*x - 2) <= 1"]
)
def test_what_has_no_real_value_is_said_without_sympys_words(written: str) -> None:
    with pytest.raises(InputError, match="no real value") as caught:
        to_sympy(parse(written))
    assert not PYTHONS.search(str(caught.value))


NEURON = {"name": "M", "equations": "dv/dt = -v/ms : mV"}
WRONG = {
    "text": (NeuronModel, NEURON | {"threshold": 5}, "M.threshold: 5: a text is needed"),
    "mapping": (NeuronModel, NEURON | {"parameters": [1]}, "M.parameters: [1]: names with values"),
    "bound": (FixedProbability, {"p": 2}, "FixedProbability.p: 2: it has to be <= 1"),
    "below": (FixedProbability, {"p": -1}, "it has to be >= 0"),
    "whole": (Population, {"name": "p", "model": NEURON, "size": 2.5}, "p.size: 2.5: a whole number"),
    "whole text": (Population, {"name": "p", "model": NEURON, "size": "many"}, "not a whole number"),
    "model": (Population, {"name": "p", "size": 1, "model": 7}, "p.model"),
    "list": (SpikeTrains, {"name": "s", "times": 3}, "s.times"),
    "list of lists": (SpikeTrains, {"name": "s", "times": [[1.0], "x"]}, "s.times"),
    "cells": (StepInput, {"name": "i", "population": "p", "amplitude": "1 pA", "cells": "all"}, "i.cells"),
    "truth": (AllToAll, {"self_connections": "perhaps"}, "self_connections: 'perhaps': true or false"),
    "none": (Projection, {"source": "a", "target": "b", "rule": AllToAll(), "receptor": None,
                          "weight": "1 nS"}, "receptor"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_value_of_a_wrong_kind_is_told_what_is_needed(case: str) -> None:
    kind, fields, said = WRONG[case]
    with pytest.raises(InputError) as caught:
        kind(**fields)
    assert said in str(caught.value)
    assert not PYTHONS.search(str(caught.value)), str(caught.value)
