"""Which names a model may use, so that every simulator's language can hold them."""

from __future__ import annotations

import keyword
import re

from .errors import InputError
from .expressions import FUNCTIONS
from .idioms import NAMES

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

OURS = {"t", "dt", "w", "not_refractory", "pi"}
NMODL = set(
    "VERBATIM ENDVERBATIM COMMENT ENDCOMMENT TITLE CONSTANT PARAMETER INDEPENDENT ASSIGNED INITIAL "
    "DERIVATIVE EQUATION BREAKPOINT CONDUCTANCE SOLVE STATE STEPPED LINEAR NONLINEAR DISCRETE "
    "FUNCTION FUNCTION_TABLE PROCEDURE INT DEL2 DEL LOCAL METHOD STEADYSTATE SENS STEP WITH FROM "
    "FORALL TO BY WHILE IF ELSE START DEFINE KINETIC CONSERVE PLOT VS LAG RESET MATCH MODEL_LEVEL "
    "SWEEP FIRST LAST COMPARTMENT LONGITUDINAL_DIFFUSION PUTQ GETQ TABLE DEPEND BREAK BEFORE AFTER "
    "WATCH FOR_NETCONS THREADSAFE PROTECT MUTEXLOCK MUTEXUNLOCK NET_RECEIVE NEURON SUFFIX "
    "POINT_PROCESS ARTIFICIAL_CELL NONSPECIFIC_CURRENT ELECTRODE_CURRENT SECTION RANGE USEION READ "
    "WRITE VALENCE CHARGE GLOBAL POINTER BBCOREPOINTER EXTERNAL INCLUDE UNITS UNITSON UNITSOFF net_send "
    "net_event net_move flag celsius area diam nrn".split()
)
CPLUSPLUS = set(
    "alignas alignof asm auto bool break case catch char class const constexpr const_cast continue "
    "decltype default delete do double dynamic_cast else enum explicit export extern false float for "
    "friend goto if inline int long mutable namespace new noexcept nullptr operator private protected "
    "public register reinterpret_cast return short signed sizeof static static_assert static_cast "
    "struct switch template this thread_local throw true try typedef typeid typename union unsigned "
    "using virtual void volatile wchar_t while".split()
)
BRIAN2 = {"i", "j", "N", "xi", "t_in_timesteps", "lastspike", "refractory", "dt", "t"}
_RESERVED = (
    (OURS, "coincide"),
    (set(keyword.kwlist), "Python"),
    (NMODL, "NMODL"),
    (CPLUSPLUS, "C++"),
    (BRIAN2, "Brian2"),
)


def check_variable(name: str, where: str) -> None:
    """InputError if *name* cannot be a variable of a model on every backend."""
    check_identifier(name, where)
    if name in FUNCTIONS:
        raise InputError(where, f"{name!r} is the name of a function; choose another name")
    for words, language in _RESERVED:
        if name in words:
            hint = NAMES.get(name) or f"choose another, such as {suggested(name)!r}"
            raise InputError(where, f"{name!r} is a reserved word of {language}; {hint}")


def check_identifier(name: str, where: str) -> None:
    """InputError if *name* is no identifier: letters, digits and single inner underscores."""
    if not _IDENTIFIER.fullmatch(name) or name.endswith("_") or "__" in name or len(name) > 60:
        raise InputError(
            where,
            f"{name!r} is not a name; use letters, digits and single underscores, "
            "a letter first and no underscore last",
        )
    if keyword.iskeyword(name):
        problem = f"is a reserved word of Python; choose another, such as {suggested(name)!r}"
        raise InputError(where, f"{name!r} {problem}")


def suggested(name: str) -> str:
    """A name like one that cannot be used."""
    return f"my_{name}"
