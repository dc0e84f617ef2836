"""`explain`: from a model and one or two backends to an `Explanation`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Unpack

from ....backends.registry import entries, load_backend
from ....core.errors import InputError, unknown
from ....core.experiment import Experiment
from ....core.realization import Realization
from ....core.settings import Settings
from ...running.how import How, HowKeywords
from ...running.plan import check_options
from ...running.store import store_realization
from ..compare.study import yardstick_of
from .engine import Proposer, explain_sides
from .evidence import Evidence
from .explanation import Explanation
from .hypothesis import Side
from .recorded import from_recordings
from .sizes import sizes
from .trials import BUDGET, Trials

CONTRACT = "the contract"


def explain(
    experiment: Experiment | str,
    backends: str | Iterable[str],
    mode: str = "raw",
    *,
    tolerance_ms: float | None = None,
    budget: int = BUDGET,
    proposers: Sequence[Proposer] | None = None,
    **keywords: Unpack[HowKeywords],
) -> Explanation:
    """Why two backends disagree on a model, each cause proved by running without it.

    *experiment* is an Experiment or the name of a library model. Of two *backends*, one is held against
    the other; one alone is held against the clock contract: itself with all its conventions undone, or the
    reference where it has none to undo. At most *budget* runs of the model are done, the pair among them.
    *proposers* make hypotheses about what no convention explains; by default from the recordings alone, and
    from replays around the place where they part (`Evidence`). How runs are done is said by the keywords of
    `HowKeywords`.

    Raises InputError for backends or options there are not, RunError if one of the two cannot be run.
    """
    if isinstance(experiment, str):
        from ....models.library import load_model

        experiment = load_model(experiment)
    how = How.of(backends, mode, keywords, by_name=True)
    if budget < 2:
        raise InputError("budget", f"{budget} is too few; the pair alone takes 2 runs")
    realization, _ = store_realization(experiment)
    options = {"method": how.method, **how.options}
    a, b = sides_of(realization, how.backends or (), mode, options)
    trials = Trials(budget, how, tolerance_ms=tolerance_ms)
    model = f"{experiment.name} {experiment.variant}".strip()
    if proposers is None:
        proposers = (from_recordings, sizes, Evidence())
    return explain_sides(a, b, trials, proposers, model)


def sides_of(
    realization: Realization, names: Sequence[str], mode: str, options: dict[str, str | None]
) -> tuple[Side, Side]:
    """The two sides of one or two backends; the one that the other is held against is the second."""
    for name in names:
        if name not in entries():
            raise unknown("-b", "backend", name, entries())
    if not 1 <= len(names) <= 2 or len(set(names)) < len(names):
        raise InputError(
            "-b", f"{', '.join(names) or 'nothing'} is given; one backend or two different ones"
        )
    check_options(names, [mode], options)
    if len(names) == 1:
        return _against_contract(realization, names[0], mode, options)
    # In one order, whichever is named first.
    names = sorted(names, key=lambda name: (-yardstick_of(name, mode), name))
    a, b = (Side(n, n, _settings(n, mode, options), realization) for n in names)
    return a, b


def _against_contract(
    realization: Realization, name: str, mode: str, options: dict[str, str | None]
) -> tuple[Side, Side]:
    settings = _settings(name, mode, options)
    a = Side(name, name, settings, realization)
    conventions = sorted(c.name for c in load_backend(name).conventions)
    if mode == "raw" and conventions:
        bare = replace(settings, undone=tuple(conventions))
        return a, Side(CONTRACT, name, bare, realization)
    if name == "reference":
        raise InputError("-b", "the reference is the contract itself; give another backend")
    other = _settings("reference", mode, options)
    return a, Side(CONTRACT, "reference", other, realization)


def _settings(name: str, mode: str, options: dict[str, str | None]) -> Settings:
    own = {
        option: value
        for option, value in options.items()
        if option == "method" or option in entries()[name].options
    }
    return Settings(mode=mode, **own)  # type: ignore[arg-type]
