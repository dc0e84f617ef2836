"""Every backend, every mode, every case of the suite that is shipped in the package."""

import sys
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from coincide.backends import registry
from coincide.backends.base import Convention
from coincide.backends.reference import ReferenceBackend
from coincide.backends.registry import Backends, Entry, availability, entries, is_installed
from coincide.comparisons.checks.conformance import CASES, Check, checks_of, run_check
from coincide.comparisons.checks.faults import realized
from coincide.core.features import FEATURES, required_features
from coincide.core.realization import Realization
from coincide.core.realize import realize
from coincide.core.recording import Spikes

GRID_BACKENDS = [name for name in entries() if name != "oracle"]


def _checks() -> list[Check]:
    return [check for backend in GRID_BACKENDS for check in checks_of(backend)]


@pytest.mark.parametrize("check", _checks(), ids=lambda check: check.id)
def test_conformance(check: Check) -> None:
    here = availability(check.backend)
    if not here.available:
        pytest.skip(f"{check.backend} cannot be used here: {here.cause}; {here.install}")
    outcome = run_check(check)
    if outcome.status == "unsupported":
        pytest.skip(f"{check.backend}: {outcome.detail}")
    if outcome.status == "known gap":
        pytest.xfail(outcome.detail)
    assert outcome.status == "passed", outcome.detail


def test_every_feature_is_in_some_case() -> None:
    shown = set()
    for case in CASES.values():
        shown |= set(required_features(realize(case.build())))
    assert shown == set(FEATURES), f"no case needs {set(FEATURES) - shown}"


def test_known_gaps_name_real_checks() -> None:
    for name in entries():
        if is_installed(name):
            gaps = registry.load_backend(name).gaps
            assert set(gaps) <= {(c.mode, c.case) for c in checks_of(name)}


# A plug-in that is wrong by whole steps, far from any convention of its own.


def _later(realization: Realization, steps: int) -> Realization:
    return realized.delays_by(steps)(realization) or realization


def _longer(realization: Realization, steps: int) -> Realization:
    """Refractoriness of more steps, where there is any."""
    changed = {
        name: replace(
            p, refractory_steps=np.where(p.refractory_steps, p.refractory_steps + steps, 0)
        )
        for name, p in realization.populations.items()
    }
    return replace(realization, populations=changed)


def _same(realization: Realization, steps: int) -> Realization:
    return realization


WRONG: dict[str, tuple[Callable[[Realization, int], Realization], int, str]] = {
    "delay": (_later, 0, "delay"),
    "refractoriness": (_longer, 0, "time from spike to spike of cell 0 of driven"),
    "stamp": (_same, 1, "delay and stamp after given spikes of cell 0 of relay"),
}


@pytest.fixture
def wrong_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], str]:
    """Announce a plug-in that has something wrong by steps; its name."""

    def announced(what: str, steps: int) -> str:
        change, stamped, _ = WRONG[what]

        class Wrong(ReferenceBackend):
            name = "wrong"

            def _simulate(self, realization, settings, progress):  # type: ignore[no-untyped-def]
                found = super()._simulate(change(realization, steps), settings, progress)
                shift = stamped * steps * realization.dt_ms
                spikes = {}
                for name, s in found.spikes.items():
                    kept = s.times + shift <= realization.n_steps * realization.dt_ms
                    stamps = np.round((s.times[kept] + shift) / realization.dt_ms)
                    spikes[name] = Spikes.from_steps(stamps, s.cells[kept], realization.dt_ms)
                return replace(found, spikes=spikes)

        module = ModuleType("a_wrong_plugin")
        module.Wrong = Wrong  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "a_wrong_plugin", module)
        listed = Backends({**entries(), "wrong": Entry("a_wrong_plugin:Wrong", plugin="wrong 1")})
        monkeypatch.setattr(registry, "entries", lambda: listed)
        return "wrong"

    return announced


@pytest.mark.parametrize("mode", ["lockstep", "aligned", "raw"])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("what", WRONG)
def test_a_plugin_that_is_whole_steps_off_fails(
    what: str, steps: int, mode: str, wrong_by: Callable[[str, int], str]
) -> None:
    method = "exponential_euler" if mode == "lockstep" else None
    outcome = run_check(Check(wrong_by(what, steps), "whole_steps", mode, method))
    assert outcome.status == "failed"
    if mode != "lockstep":
        assert WRONG[what][2] in outcome.detail
        assert f"{steps} steps more" in outcome.detail


def test_the_same_plugin_without_its_mistake_passes(wrong_by: Callable[[str, int], str]) -> None:
    for what in WRONG:
        for mode in ("aligned", "raw"):
            outcome = run_check(Check(wrong_by(what, 0), "whole_steps", mode, None))
            assert outcome.status == "passed", outcome.detail


def test_in_raw_a_convention_that_is_declared_may_move_one_step(
    wrong_by: Callable[[str, int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for what in WRONG:
        for steps, status in ((1, "passed"), (2, "failed"), (-1, "passed"), (-2, "failed")):
            name = wrong_by(what, steps)
            plugin = type(registry.load_backend(name))
            stamps = Convention("spike_stamp", "stamps one step late", "stamps the end of the step")
            monkeypatch.setattr(plugin, "conventions", (stamps,))
            outcome = run_check(Check(name, "whole_steps", "raw", None))
            assert outcome.status == status, (what, steps, outcome.detail)
            assert run_check(Check(name, "whole_steps", "aligned", None)).status == "failed"


def test_a_plugin_that_loses_spikes_fails(
    wrong_by: Callable[[str, int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WRONG, "delay", (lambda r, _: realized.dropped_projection(r) or r, 0, ""))
    outcome = run_check(Check(wrong_by("delay", 0), "whole_steps", "raw", None))
    assert outcome.detail == "cell 0 of follower has 0 spikes instead of 3"
