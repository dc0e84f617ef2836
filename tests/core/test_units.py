"""Units: exact factors, round trips, refusals."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincide.core.errors import InputError
from coincide.core.units import (
    BASE,
    DIMENSIONLESS,
    TIME,
    Dimension,
    Quantity,
    describe,
    dimension_of_unit,
    internal_unit,
    milliseconds,
    parse_unit,
    to_internal,
)

PREFIXES = {"f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6}
INTERNAL = {"V": -3, "s": -3, "A": -12, "S": -9, "F": -12, "ohm": 9, "m": -6}


@given(
    st.integers(-999_999, 999_999),
    st.integers(-12, 12),
    st.sampled_from(sorted(PREFIXES)),
    st.sampled_from(sorted(INTERNAL)),
)
def test_powers_of_ten_are_exact(number: int, power: int, prefix: str, unit: str) -> None:
    exact = Fraction(number) * Fraction(10) ** (power + PREFIXES[prefix] - INTERNAL[unit])
    # float(Fraction) is correctly rounded, so that equality here is equality to the last bit.
    assert Quantity.parse(f"{number}e{power} {prefix}{unit}").internal == float(exact)


@pytest.mark.parametrize(
    ("text", "internal", "unit"),
    [
        ("0.1 ms", 0.1, "ms"),
        ("100 us", 0.1, "ms"),
        ("1e-4 s", 0.1, "ms"),
        ("1 Hz", 0.001, "1/ms"),
        ("1 kHz", 1.0, "1/ms"),
        ("1 uF/cm**2", 0.01, "pF/um**2"),
        ("0.3 mS/cm**2", 0.003, "nS/um**2"),
        ("1 nA", 1000.0, "pA"),
        ("80 MOhm", 0.08, "GOhm"),
        ("80 Mohm", 0.08, "GOhm"),
        ("1 mol/L", 1000.0, "mM"),
        ("0.062/mV", 0.062, "1/mV"),
        ("0.062 1/mV", 0.062, "1/mV"),
        ("10 µs", 0.01, "ms"),
        ("10 μs", 0.01, "ms"),
        ("1 GΩ", 1.0, "GOhm"),
        ("1 nS/µm²", 1.0, "nS/um**2"),
        ("1 degK", 1.0, "K"),
        ("0.25", 0.25, "1"),
        ("0.25 1", 0.25, "1"),
        ("2 percent", 0.02, "1"),
        ("  -6.5e1\tmV ", -65.0, "mV"),
        ("10ms", 10.0, "ms"),
        (".5 ms", 0.5, "ms"),
    ],
)
def test_quantities_read_as_written(text: str, internal: float, unit: str) -> None:
    quantity = Quantity.parse(text)
    assert quantity.internal == internal
    assert quantity.dimension == dimension_of_unit(unit)
    assert internal_unit(quantity.dimension) == unit


@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e200, max_value=1e200),
    st.sampled_from(["1", "ms", "mV", "nS/um**2", "Hz", "uF/cm**2", "1/mV", "µm", "pA*ms"]),
)
def test_a_quantity_survives_its_own_text(magnitude: float, unit: str) -> None:
    quantity = Quantity(magnitude, unit)
    again = Quantity.parse(str(quantity))
    assert again == quantity
    assert np.float64(again.magnitude).tobytes() == np.float64(magnitude).tobytes()


def test_pint_and_numpy_numbers_are_read() -> None:
    import pint

    registry = pint.UnitRegistry()
    assert Quantity.parse(10 * registry.ms) == Quantity(10.0, "ms")
    assert Quantity.parse(3 * registry.mV / registry.ms).to(dimension_of_unit("mV/ms"), "") == 3.0
    assert Quantity.parse(5 * registry.um).internal == 5.0
    assert Quantity.parse(np.float32(0.5)) == Quantity(0.5)
    assert Quantity.parse(np.int64(3)) == Quantity(3.0)


exponents = st.lists(st.integers(-3, 3).map(Fraction), min_size=len(BASE), max_size=len(BASE)).map(
    lambda e: Dimension(tuple(e))
)


@given(exponents)
def test_every_dimension_has_an_internal_unit_that_reads_back(dimension: Dimension) -> None:
    assert parse_unit(internal_unit(dimension)) == (Decimal(1), dimension)


@given(exponents, exponents)
def test_dimensions_multiply_as_exponents_add(a: Dimension, b: Dimension) -> None:
    assert a * b / b == a
    assert a * a == a**2
    assert (a**2) ** Fraction(1, 2) == a
    assert (a / a).is_dimensionless
    assert a**0 == DIMENSIONLESS


def test_electrical_units_are_coherent() -> None:
    mV, ms, pA = (dimension_of_unit(u) for u in ("mV", "ms", "pA"))
    for unit, dimension in [
        ("nS", pA / mV),
        ("GOhm", mV / pA),
        ("pF", pA * ms / mV),
        ("1/ms", ms**-1),
    ]:
        assert parse_unit(unit) == (Decimal(1), dimension)
    # A conductance in nS times mV is a current in pA; mM·µm³ is amol.
    assert parse_unit("nS*mV") == parse_unit("pA")
    assert parse_unit("mM*um**3")[0] == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "ms",
        "nan ms",
        "inf ms",
        "-inf",
        "1e400 ms",
        "-1e400 ms",
        "9" * 5000 + " ms",
        "1e308 s",
        "10 mss",
        "10 ms-ms",
        "10 m/",
        "10 ms)",
        "10 (ms",
        "10 ms**9**9**9",
        "10 ms**99",
        "10 V**0.5",
        "10 degC",
        "10 dBm",
        "10 cd",
        "1_000 ms",
        "0x10 ms",
        "- 5 ms",
        "٣ ms",
        "5 x.__class__",
        "5 __import__('os')",
        "5\x00ms",
        "5 ms;",
        "1,5 ms",
        "5 " + "m*" * 100 + "m",
        "10 1/0",
        "1j ms",
        "10 _",
        "10 2*ms",
    ],
)
def test_what_is_no_quantity_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InputError, match=r"^exc\.tau: ") as caught:
        Quantity.parse(text, "exc.tau")
    assert len(str(caught.value)) < 6000


@pytest.mark.parametrize("value", [None, True, [], [1], {}, b"1 ms", 1j, 10**400, object()])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(InputError, match=r"^exc\.tau: "):
        Quantity.parse(value, "exc.tau")


def test_a_wrong_dimension_names_both() -> None:
    with pytest.raises(InputError) as caught:
        Quantity.parse("3 mV").to(TIME, "exc.tau")
    assert str(caught.value) == (
        "exc.tau: 3 mV has the dimension of a voltage [mV], but a time [ms] is needed"
    )


def test_short_forms() -> None:
    assert milliseconds("1 s", "duration") == 1000.0
    assert to_internal("1 V", "mV", "v") == 1000.0
    assert describe(dimension_of_unit("mV")) == "a voltage [mV]"
    assert describe(DIMENSIONLESS) == "a pure number"
