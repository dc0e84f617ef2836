"""Every backend, every mode, every case of the suite that is shipped in the package."""

import pytest

from coincide.backends.registry import availability, entries
from coincide.comparisons.conformance import KNOWN_GAPS, Check, checks_of, run_check
from coincide.core.features import FEATURES, required_features
from coincide.core.realize import realize

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
    from coincide.comparisons.conformance import CASES

    shown = set()
    for case in CASES.values():
        shown |= set(required_features(realize(case.build())))
    assert shown == set(FEATURES), f"no case needs {set(FEATURES) - shown}"


def test_known_gaps_name_real_checks() -> None:
    real = {(c.backend, c.mode, c.case) for c in _checks()}
    assert set(KNOWN_GAPS) <= real
