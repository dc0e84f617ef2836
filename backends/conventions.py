"""A `Convention`: what a simulator does in its own way, the class of causes it is of, where it can act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from ..core.realization import Realization
from ..core.settings import Settings
from . import why_not
from .why_not import WhyNot

Cause = Literal[
    "spike_stamp", "refractory_count", "rounding", "delivery_order", "recording_grid", "input_onset",
    "integrator", "non_convergent", "precision", "not_finite", "initial_value", "parameter",
    "random_streams", "saturation", "lost_spikes", "cell_ids", "chaos", "unexplained",
]  # fmt: skip
CAUSES: tuple[Cause, ...] = get_args(Cause)
"""The classes of causes of a disagreement; `comparisons.studies.explain.causes` says what each means."""


class Usual(NamedTuple):
    """What conventions of one name have in common, whichever simulator has them."""

    cause: Cause
    why_not: WhyNot = why_not.may_act
    doubtful: bool = False


@dataclass(frozen=True)
class Convention:
    """One thing that a simulator does in its own way where the clock contract says another.

    ``does`` says what it does, ``contract`` what the contract asks, both in words. ``cause`` is the class of
    causes that it is of. ``why_not`` says why it makes no difference to a realization that is run as
    settings say, empty if it may: an expectation, not a proof. It saves runs, and the proof is that nothing
    is left with the others undone. ``doubtful`` marks one that acts only where round-off or a coincidence
    lets it: several of them are tested by one run.

    What is left out is what simulators have under that name (`USUAL`). A name of one's own is of the class
    of causes called so, else ``unexplained``, for its words are then all that can be said, and may act
    anywhere.

    >>> Convention("delay_rounding", "cuts delays down", "rounds them").cause
    'rounding'
    """

    name: str
    does: str
    contract: str
    cause: Cause = "unexplained"
    why_not: WhyNot = why_not.may_act
    doubtful: bool = False

    def __post_init__(self) -> None:
        own: Cause = self.name if self.name in CAUSES else "unexplained"
        usual = USUAL.get(self.name, Usual(own))
        if self.cause == "unexplained":
            object.__setattr__(self, "cause", usual.cause)
        if self.why_not is why_not.may_act:
            object.__setattr__(self, "why_not", usual.why_not)
            object.__setattr__(self, "doubtful", self.doubtful or usual.doubtful)

    def acts_on(self, realization: Realization, settings: Settings) -> bool:
        """Whether it may make a difference to a realization that is run as *settings* say."""
        return not self.why_not(realization, settings)


USUAL: Mapping[str, Usual] = MappingProxyType(
    {
        "spike_stamp": Usual("spike_stamp", why_not.no_threshold),
        "threshold_test": Usual("lost_spikes", why_not.no_threshold),
        "initial_instant": Usual("delivery_order", why_not.none_begins_above),
        "delivery_order": Usual("delivery_order", why_not.no_arrival_meets_the_test),
        "arrival_sum": Usual("delivery_order", why_not.no_arrival_depends_on_state),
        "source_delivery": Usual("delivery_order", why_not.no_given_spikes),
        "source_rounding": Usual("rounding", why_not.no_given_spike_off_grid),
        "delay_rounding": Usual("rounding", why_not.no_delay_off_grid, doubtful=True),
        "refractory_count": Usual("refractory_count", why_not.nothing_refractory),
        "refractory_rounding": Usual("rounding", why_not.no_refractory_time_off_grid),
        "refractory_arrivals": Usual("refractory_count", why_not.no_arrival_is_lost, doubtful=True),
        "input_hold": Usual("input_onset", why_not.no_input_changes, doubtful=True),
        "input_onset": Usual("input_onset", why_not.no_input_changes),
        "recording_phase": Usual("recording_grid", why_not.nothing_recorded),
    }
)
"""Names that conventions of several simulators have, and what these have in common."""
