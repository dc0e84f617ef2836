"""The neuron models of the basal ganglia, each a few equations with its source.

::

    lif                       C dv/dt = -g_L (v - E_L) + I
    qif                       C dv/dt = k (v - E_L)(v - v_t) - u + I,        du/dt = a (b (v - E_L) - u)
    fast_spiking              the same v,                                    du/dt = a (b [v - v_b]₊³ - u)
    adex                      C dv/dt = -g_L (v - E_L) + g_L Δ_T exp((v - v_t)/Δ_T) - u + I,
                              τ_w du/dt = a (v - E_L) - u
    adex_two_sided            the same v,     τ_w du/dt = a_1 [v - V_a]₋ + a_2 [v - V_a]₊ - u,
                              reset to min(v_reset + slope·u, v_cap) where u < 0
    izhikevich                dv/dt = 0.04 v² + 5 v + 140 - u + I,           du/dt = a (b v - u)

A spike is where v passes ``v_peak`` (``v_t`` for lif, 30 mV for izhikevich): v to its reset, u by b
(adex) or d. On the right-hand sides v stands as min(v, v_peak), as in NEST's aeif: before a spike that is v,
so that nothing changes in continuous time; on a grid it keeps the last step before a spike finite, where
exp(v/Δ_T) would overflow and what that does to u would stay. The exponent of adex ends at 25, where v
already moves by 1e9 mV/ms: beyond, it would reach v_peak within less than the distance of two
floating-point times. A spike is 1e-8 ms late for that. Two forms are kept as a seed repository
has them: ``fast_spiking_inverted``, with the cubic below v_b, and ``adex_jump``, whose reset goes to
v_reset + 20 mV where u < 0. Hodgkin and Huxley's equations are the library's ``hh_squid``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from ...core.neurons import NeuronModel
from ...core.units import Dimension
from ..izhikevich import izhikevich

_CLAMPED = "v_c = minimum(v, v_peak) : mV\nv_peak : mV\n"
_QUADRATIC = "dv/dt = (k*(v_c - E_L)*(v_c - v_t) - u + I)/C : mV\n"
_QUADRATIC_PARAMETERS = (
    "C : pF\nk : nS/mV\nE_L : mV\nv_t : mV\na : 1/ms\nc : mV\nd : pA\nI : pA (input)\n"
)
_EXPONENTIAL = """
dv/dt = (-g_L*(v_c - E_L) + g_L*Delta_T*exp(minimum((v_c - v_t)/Delta_T, 25)) - u + I)/C : mV
C : pF
g_L : nS
E_L : mV
v_t : mV
Delta_T : mV
tau_w : ms
b : pA
v_reset : mV
I : pA (input)
"""
_BRETTE_GERSTNER = "Brette & Gerstner 2005, J. Neurophysiol. 94:3637"
_IZHIKEVICH = "Izhikevich 2007, Dynamical Systems in Neuroscience, MIT Press"
_LINDAHL = "Lindahl & Hellgren Kotaleski 2016, eNeuro 3(6):0156-16"
_SEED = "github.com/techzzt/Basal-ganglia-neuron-models, commit ef74d2b"


@dataclass(frozen=True)
class Kind:
    """A neuron model without its numbers: equations, threshold, reset and where they come from."""

    name: str
    title: str
    equations: str
    threshold: str
    reset: str
    source: str
    refractory: str | None = None

    def model(
        self, parameters: Mapping[str, Any], initial: Mapping[str, Any], source: str = ""
    ) -> NeuronModel:
        """The neuron with parameters and initial values; InputError for a wrong dimension."""
        return NeuronModel(
            name=self.name,
            equations=self.equations,
            threshold=self.threshold,
            reset=self.reset,
            refractory=self.refractory,
            parameters=dict(parameters),
            initial=dict(initial),
            source=f"{self.source}; parameters: {source}" if source else self.source,
        )

    @cached_property
    def _variables(self) -> Mapping[str, tuple[str, Dimension]]:
        variables = self.model({}, {}).variables
        return MappingProxyType({v.name: (v.kind, v.dimension) for v in variables})

    def dimensions(self, kind: str) -> dict[str, Dimension]:
        """The dimensions of its parameters, states or inputs by name."""
        return {name: dimension for name, (k, dimension) in self._variables.items() if k == kind}


def _kinds(*kinds: Kind) -> Mapping[str, Kind]:
    return MappingProxyType({kind.name: kind for kind in kinds})


_IZHIKEVICH_2003 = izhikevich()

KINDS = _kinds(
    Kind(
        "lif",
        "leaky integrate-and-fire",
        "dv/dt = (-g_L*(v - E_L) + I)/C : mV (unless refractory)\nC : pF\ng_L : nS\nE_L : mV\n"
        "v_t : mV\nv_reset : mV\nt_ref : ms\nI : pA (input)",
        "v > v_t",
        "v = v_reset",
        "Lapicque 1907, J. Physiol. Pathol. Gen. 9:620",
        "t_ref",
    ),
    Kind(
        "qif",
        "quadratic integrate-and-fire with recovery",
        f"{_QUADRATIC}du/dt = a*(b*(v_c - E_L) - u) : pA\nb : nS\n{_CLAMPED}{_QUADRATIC_PARAMETERS}",
        "v > v_peak",
        "v = c; u = u + d",
        f"{_IZHIKEVICH}, eq. 8.5-8.6",
    ),
    Kind(
        "fast_spiking",
        "quadratic integrate-and-fire with the recovery of fast-spiking cells",
        f"{_QUADRATIC}du/dt = a*(b*maximum(v_c - v_b, 0*mV)**3 - u) : pA\n"
        f"b : pA/mV**3\nv_b : mV\n{_CLAMPED}{_QUADRATIC_PARAMETERS}",
        "v > v_peak",
        "v = c; u = u + d",
        f"{_IZHIKEVICH}, sec. 8.2.6",
    ),
    Kind(
        "fast_spiking_inverted",
        "fast_spiking with the cubic on the wrong side of v_b, as the seed has it",
        f"{_QUADRATIC}du/dt = a*(b*minimum(v_c - v_b, 0*mV)**3 - u) : pA\n"
        f"b : pA/mV**3\nv_b : mV\n{_CLAMPED}{_QUADRATIC_PARAMETERS}",
        "v > v_peak",
        "v = c; u = u + d",
        f"{_SEED}, module/models/QIF_FSN.py",
    ),
    Kind(
        "adex",
        "adaptive exponential integrate-and-fire",
        f"{_EXPONENTIAL}du/dt = (a*(v_c - E_L) - u)/tau_w : pA\na : nS\n{_CLAMPED}",
        "v > v_peak",
        "v = v_reset; u = u + b",
        _BRETTE_GERSTNER,
    ),
    Kind(
        "adex_two_sided",
        "adex whose adaptation has one slope below V_a and another above, with a reset by u",
        f"{_EXPONENTIAL}"
        "du/dt = (a_1*minimum(v_c - V_a, 0*mV) + a_2*maximum(v_c - V_a, 0*mV) - u)/tau_w : pA\n"
        f"a_1 : nS\na_2 : nS\nV_a : mV\nslope : mV/pA\nv_cap : mV\n{_CLAMPED}",
        "v > v_peak",
        "v = v_reset if u >= 0*pA else minimum(v_reset + slope*u, v_cap); u = u + b",
        f"{_BRETTE_GERSTNER}; {_LINDAHL}: my_aeif_cond_exp of github.com/mickelindahl/bgmodel",
    ),
    Kind(
        "adex_jump",
        "adex that is reset to v_reset + v_jump where u < 0, as the seed has it",
        f"{_EXPONENTIAL}du/dt = (a*(v_c - E_L) - u)/tau_w : pA\na : nS\nv_jump : mV\n{_CLAMPED}",
        "v > v_peak",
        "v = v_reset if u >= 0*pA else v_reset + v_jump; u = u + b",
        f"{_SEED}, Neuronmodels/STN.py",
    ),
    Kind(
        "izhikevich",
        "the simple model of 2003",
        _IZHIKEVICH_2003.equations,
        str(_IZHIKEVICH_2003.threshold),
        _IZHIKEVICH_2003.reset,
        _IZHIKEVICH_2003.source,
    ),
)
"""The neuron models by name."""
