"""The units that are read without pint mean what pint says."""

import subprocess
import sys

import pytest

from coincide.core.common_units import COMMON, read_common
from coincide.core.units import _parse_with_pint, parse_unit

COMPOUND = [
    "1/ms",
    "mV/ms",
    "nS/um**2",
    "uF/cm**2",
    "S/cm**2",
    "pA/mV**2",
    "1/(ms*mV)",
    "pA*ms",
    "mM/ms",
    "um**3",
    "mV/pA",
    "1/mV",
    "ohm*cm",
    "mS/cm**2",
]


@pytest.mark.parametrize("text", [*COMMON, *COMPOUND])
def test_equal_to_pint(text: str) -> None:
    assert read_common(text) is not None
    assert parse_unit(text) == _parse_with_pint(text)


@pytest.mark.parametrize(
    "text", ["degC", "minute", "mV + mV", "inch", "2*mV", "mV**0.5", "e.v", "("]
)
def test_everything_else_is_left_to_pint(text: str) -> None:
    assert read_common(text) is None


def test_everyday_units_do_not_load_pint() -> None:
    code = (
        "import sys; from coincide.core.units import Quantity; "
        "assert Quantity.parse('0.1 nS/um**2').internal == 0.1; sys.exit('pint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
