"""Compartments: areas and resistances of cones, junctions eliminated, counts by the length constant."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import iv, kv

from coincide.core.discretisation import Compartments, FixedSegments, LengthConstant, cut
from coincide.core.errors import InputError
from coincide.core.morphology import Morphology, Section, ball_and_stick, cylinder
from coincide.models.rallpack import steady_state

Matrix = NDArray[np.float64]
RA = 1e-3  # GOhm·µm: 100 Ω cm
LEAK = 2.5e-4  # nS/µm²: 2.5e-5 S/cm²


def tube(
    name: str, length: float, diameter: float, parent: str | None = None, x: float = 1.0
) -> Section:
    return Section(
        name=name, length=f"{length!r} um", diameter=f"{diameter!r} um", parent=parent, parent_x=x
    )  # type: ignore[arg-type]


def sliced(morphology: Morphology, n: int) -> Compartments:
    return cut(morphology, FixedSegments(segments=n), RA, 0.01)


def laplacian(pieces: Compartments) -> Matrix:
    """L with (L·v)_k the axial current that leaves compartment k, shapes in µm."""
    n = len(pieces.compartments)
    found = np.zeros((n, n))
    for c in pieces.couplings:
        found[c.first, c.first] += c.shape
        found[c.second, c.second] += c.shape
        found[c.first, c.second] -= c.shape
        found[c.second, c.first] -= c.shape
    return found


def steady(pieces: Compartments, current: float, at: int = 0) -> Matrix:
    """v - E in mV of passive compartments with a current in pA into one: (diag(g·area) + L/Ra)·v = I."""
    areas = np.array([c.area for c in pieces.compartments])
    injected = np.zeros(len(areas))
    injected[at] = current
    return np.asarray(np.linalg.solve(np.diag(LEAK * areas) + laplacian(pieces) / RA, injected))


class TestCones:
    @given(st.floats(1, 100), st.floats(0.1, 10), st.floats(0.1, 10), st.integers(1, 9))
    def test_areas_of_a_frustum(self, h: float, d0: float, d1: float, n: int) -> None:
        morphology = Morphology(
            sections=(Section(name="a", points=((0, 0, 0, d0), (h, 0, 0, d1))),)
        )
        areas = [c.area for c in sliced(morphology, n).compartments]
        assert sum(areas) == pytest.approx(math.pi * (d0 + d1) / 2 * math.hypot(h, (d1 - d0) / 2))
        at = [d0 + (d1 - d0) * k / n for k in range(n + 1)]
        for k, found in enumerate(areas):
            slant = math.hypot(h / n, (at[k + 1] - at[k]) / 2)
            assert found == pytest.approx(math.pi * (at[k] + at[k + 1]) / 2 * slant)

    @given(st.floats(1, 100), st.floats(0.1, 10), st.floats(0.1, 10), st.integers(2, 9))
    def test_resistances_of_a_frustum(self, h: float, d0: float, d1: float, n: int) -> None:
        # ∫4/(π d²)dx between the middles of neighbours, for d = d0 + (d1 - d0)·x/h.
        morphology = Morphology(
            sections=(Section(name="a", points=((0, 0, 0, d0), (h, 0, 0, d1))),)
        )
        for coupling in sliced(morphology, n).couplings:
            a, b = ((j + 0.5) * h / n for j in (coupling.first, coupling.second))
            da, db = (d0 + (d1 - d0) * x / h for x in (a, b))
            assert 1 / coupling.shape == pytest.approx(4 * (b - a) / (math.pi * da * db))

    @given(
        st.lists(st.tuples(st.floats(0.5, 20), st.floats(0.2, 9)), min_size=1, max_size=6),
        st.floats(0.2, 9),
        st.integers(1, 8),
    )
    def test_areas_and_resistances_of_a_row_of_cones(
        self, cones: list[tuple[float, float]], first: float, n: int
    ) -> None:
        x, points = 0.0, [(0.0, 0.0, 0.0, first)]
        for length, diameter in cones:
            x += length
            points.append((0.0, x, 0.0, diameter))
        pieces = sliced(Morphology(sections=(Section(name="a", points=tuple(points)),)), n)
        at, diameters = [p[1] for p in points], [p[3] for p in points]
        nodes, weights = np.polynomial.legendre.leggauss(60)

        def integral(f: Callable[[Matrix, float], Matrix], low: float, high: float) -> float:
            """∫f(d, d')dx, cone by cone, where f is smooth."""
            total = 0.0
            for (x0, x1), (d0, d1) in zip(pairwise(at), pairwise(diameters), strict=True):
                a, b = max(x0, low), min(x1, high)
                if b > a:
                    slope = (d1 - d0) / (x1 - x0)
                    d = d0 + slope * (0.5 * (a + b) + 0.5 * (b - a) * nodes - x0)
                    total += 0.5 * (b - a) * float(weights @ f(d, slope))
            return total

        for k, c in enumerate(pieces.compartments):
            lateral = integral(
                lambda d, s: np.pi * d * np.hypot(1, s / 2), k * x / n, (k + 1) * x / n
            )
            assert c.area == pytest.approx(lateral, rel=1e-9)
        for c in pieces.couplings:
            low, high = (c.first + 0.5) * x / n, (c.second + 0.5) * x / n
            between = integral(lambda d, _: 4 / (np.pi * d**2), low, high)
            assert 1 / c.shape == pytest.approx(between, rel=1e-9)

    def test_a_step_in_diameter_is_a_ring_of_membrane(self) -> None:
        points = ((0, 0, 0, 2.0), (10, 0, 0, 2.0), (10, 0, 0, 4.0), (20, 0, 0, 4.0))
        pieces = sliced(Morphology(sections=(Section(name="a", points=points),)), 1)
        # As NEURON counts it, and the sum of all cones: one of length 0 between radii 1 and 2.
        ring = math.pi * (2.0**2 - 1.0**2)
        assert pieces.compartments[0].area == pytest.approx(math.pi * (2 * 10 + 4 * 10) + ring)

    def test_names_and_places_of_compartments(self) -> None:
        pieces = sliced(ball_and_stick("20 um", "300 um", "1 um"), 3).compartments
        assert [c.name for c in pieces[3:]] == ["dend_0", "dend_1", "dend_2"]
        assert [c.x for c in pieces[3:]] == pytest.approx([1 / 6, 1 / 2, 5 / 6])
        assert [c.name for c in sliced(cylinder("1 um", "1 um"), 1).compartments] == ["soma"]


def with_junctions(sections: tuple[Section, ...], n: int) -> Matrix:
    """The Laplacian of cylinders with an explicit node at every end, and those eliminated at last.

    L_cc - L_ce·L_ee⁻¹·L_ec, the Schur complement. Written for cylinders joined at 0 or 1 or in a middle.
    """
    names = [s.name for s in sections]
    total = len(sections) * n
    ends: dict[tuple[str, float], int] = {}
    edges: list[tuple[int, int, float]] = []

    def end(name: str, x: float) -> int:
        own = sections[names.index(name)]
        if x == 0.0 and own.parent is not None:
            if own.parent_x in (0.0, 1.0):
                return end(own.parent, own.parent_x)
            return names.index(own.parent) * n + min(int(own.parent_x * n), n - 1)
        return ends.setdefault((name, x), total + len(ends))

    for i, s in enumerate(sections):
        d = s.profile[0][1]
        half = math.pi * d**2 / 4 / (s.extent_um / n / 2)
        chain = [end(s.name, 0.0)]
        for k in range(n):
            chain += [i * n + k, end(s.name, 1.0) if k == n - 1 else total + 1000 + i * n + k]
        edges += [(a, b, half) for a, b in pairwise(chain)]
    nodes = sorted({node for a, b, _ in edges for node in (a, b)})
    row = {node: k for k, node in enumerate(nodes)}
    full = np.zeros((len(nodes),) * 2)
    for a, b, g in edges:
        for p, q in ((row[a], row[b]), (row[b], row[a])):
            full[p, p] += g
            full[p, q] -= g
    inside, outside = full[:total, :total], full[:total, total:]
    return np.asarray(inside - outside @ np.linalg.solve(full[total:, total:], outside.T))


TREES = {
    "one": (tube("a", 100, 2),),
    "line": (tube("a", 100, 2), tube("b", 50, 1, "a")),
    "fork": (tube("a", 100, 2), tube("b", 50, 1, "a"), tube("c", 70, 0.5, "a")),
    "five arms": (tube("a", 9, 2), *(tube(f"b{k}", 50 + k, 1 + 0.3 * k, "a") for k in range(4))),
    "from the beginning": (
        tube("a", 20, 20),
        tube("b", 50, 1, "a", 0.0),
        tube("c", 70, 2, "a", 0.0),
    ),
    "both ends": (tube("a", 20, 20), tube("b", 50, 1, "a", 0.0), tube("c", 70, 2, "a", 1.0)),
    "in the middle": (tube("a", 90, 3), tube("b", 50, 1, "a", 0.5), tube("c", 70, 2, "a", 0.5)),
    "at 0 of a branch": (
        tube("a", 90, 3),
        tube("b", 50, 1, "a"),
        tube("c", 70, 2, "b", 0.0),
        tube("d", 7, 2, "c", 0.0),
    ),
    "at 0 of a branch in a middle": (
        tube("a", 90, 3),
        tube("b", 50, 1, "a", 0.4),
        tube("c", 70, 2, "b", 0.0),
    ),
    "deep": (
        tube("a", 20, 20),
        tube("b", 50, 4, "a"),
        tube("c", 60, 2, "b"),
        tube("d", 40, 2, "b"),
        tube("e", 30, 1, "d"),
        tube("f", 35, 1.5, "d"),
        tube("g", 100, 1, "a", 0.0),
    ),
}


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("name", TREES)
def test_junctions_are_eliminated_exactly(name: str, n: int) -> None:
    found = laplacian(sliced(Morphology(sections=TREES[name]), n))
    expected = with_junctions(TREES[name], n)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("name", TREES)
def test_axial_currents_lose_nothing(name: str) -> None:
    found = laplacian(sliced(Morphology(sections=TREES[name]), 3))
    assert np.abs(found.sum(axis=0)).max() < 1e-12 * np.abs(found).max()
    assert np.linalg.matrix_rank(found) == len(found) - 1  # one tree: only a common shift is free


def order(errors: list[float]) -> list[float]:
    """The orders that errors at n, 2n, 4n, … show."""
    return [math.log2(a / b) for a, b in pairwise(errors)]


class TestCables:
    def test_a_passive_cable_comes_to_its_closed_form_with_order_two(self) -> None:
        errors = []
        for n in (10, 20, 40, 80):
            pieces = sliced(cylinder("1 mm", "1 um"), n)
            x = [c.x for c in pieces.compartments]
            errors.append(float(np.abs(steady(pieces, 100.0) - steady_state(x)).max()))
        assert order(errors) == pytest.approx([2, 2, 2], abs=0.1)
        assert errors[-1] < 0.05  # of 167 mV

    def test_the_closed_form_is_the_published_one(self) -> None:
        assert steady_state([0, 1]) == pytest.approx([167.18084, 108.34226], abs=1e-5)

    def test_a_tapered_cable_comes_to_its_closed_form_with_order_two(self) -> None:
        # (d²v')' = (4·Ra·g·√(1 + k²/4))·d·v for a diameter d = d0 + k·x: v = (A·I₁ + B·K₁)(2√(c·d))/√d.
        length, d0, d1, current = 800.0, 4.0, 1.0, 100.0
        k = (d1 - d0) / length
        c = 4 * RA * LEAK * math.hypot(1, k / 2) / k**2

        def bases(d: Matrix) -> tuple[Matrix, Matrix]:
            z = 2 * np.sqrt(c * d)
            return iv(1, z) / np.sqrt(d), kv(1, z) / np.sqrt(d)

        def slopes(d: float) -> Matrix:
            # d/dx = k·d/dd; (I₁(z)/z)' = I₂(z)/z and (K₁(z)/z)' = -K₂(z)/z.
            z = 2 * math.sqrt(c * d)
            return k * math.sqrt(c) / d * np.array([iv(2, z), -kv(2, z)])

        left = np.array([slopes(d0) * -math.pi * d0**2 / (4 * RA), slopes(d1)])
        a, b = np.linalg.solve(left, [current, 0.0])
        errors = []
        for n in (20, 40, 80, 160):
            cone = Section(name="a", points=((0, 0, 0, d0), (length, 0, 0, d1)))
            pieces = sliced(Morphology(sections=(cone,)), n)
            d = np.array([d0 + k * length * p.x for p in pieces.compartments])
            first, second = bases(d)
            errors.append(float(np.abs(steady(pieces, current) - (a * first + b * second)).max()))
        assert order(errors) == pytest.approx([2, 2, 2], abs=0.15)
        assert errors[-1] < 0.02

    @pytest.mark.parametrize("n", [1, 4, 9])
    def test_a_branching_that_keeps_ralls_rule_is_a_cylinder(self, n: int) -> None:
        # d^(3/2) = Σ d_k^(3/2), daughters as long in units of λ (Rall 1959): exact at any n.
        parent, daughters = 3.0, (1.2, 0.8, 0.6)
        rest = parent**1.5 - sum(d**1.5 for d in daughters)
        daughters = (*daughters, rest ** (2 / 3))
        tree = Morphology(
            sections=(
                tube("a", 300, parent),
                *(
                    tube(f"b{k}", 200 * math.sqrt(d / parent), d, "a")
                    for k, d in enumerate(daughters)
                ),
            )
        )
        line = Morphology(sections=(tube("a", 300, parent), tube("b", 200, parent, "a")))
        branched, straight = steady(sliced(tree, n), 50.0), steady(sliced(line, n), 50.0)
        assert branched[:n] == pytest.approx(straight[:n], rel=1e-11)
        for k in range(len(daughters)):
            assert branched[n * (k + 1) : n * (k + 2)] == pytest.approx(straight[n:], rel=1e-11)

    def test_ball_and_stick(self) -> None:
        # Two cylinders in a row: Y = G∞·tanh(L/λ) of the stick is the load at the end of the ball.
        def constants(diameter: float) -> tuple[float, float]:
            scale = math.sqrt(diameter / (4 * RA * LEAK))
            return scale, math.pi * diameter**2 / (4 * RA * scale)

        size, length, diameter, current = 30.0, 500.0, 2.0, 100.0
        (ball, G), (stick, g) = constants(size), constants(diameter)
        load = g * math.tanh(length / stick)
        entry = G * (load + G * math.tanh(size / ball)) / (G + load * math.tanh(size / ball))
        v0 = current / entry

        def exact(x: float) -> float:  # along the ball
            return v0 * math.cosh(x / ball) - current / G * math.sinh(x / ball)

        errors = []
        for n in (4, 8, 16, 32):
            pieces = sliced(ball_and_stick(f"{size} um", f"{length} um", f"{diameter} um"), n)
            v = steady(pieces, current)
            x = np.array([c.x for c in pieces.compartments])
            on_ball = np.array([exact(y * size) for y in x[:n]])
            on_stick = exact(size) * np.cosh((1 - x[n:]) * length / stick)
            on_stick /= math.cosh(length / stick)
            errors.append(float(np.abs(v - np.concatenate([on_ball, on_stick])).max()))
        assert order(errors) == pytest.approx([2, 2, 2], abs=0.15)
        assert errors[-1] < 1e-2


class TestCounts:
    @given(st.floats(1, 2000), st.floats(0.1, 20), st.floats(10, 1000), st.floats(0.02, 1))
    def test_the_rule_of_the_length_constant(
        self, length: float, diameter: float, hertz: float, fraction: float
    ) -> None:
        # λ_f = 1e5·√(d/(4π f Ra cm)) with Ra in Ω cm, cm in µF/cm² (Hines & Carnevale 2001).
        ra, cm = 150.0, 0.9
        scale = 1e5 * math.sqrt(diameter / (4 * math.pi * hertz * ra * cm))
        exact = (length / (fraction * scale) + 0.9) / 2
        assume(abs(exact - round(exact)) > 1e-9)
        rule = LengthConstant(frequency=f"{hertz!r} Hz", fraction=fraction)  # type: ignore[arg-type]
        found = rule.count(tube("a", length, diameter), ra * 1e-5, cm * 1e-2)
        assert found == 2 * int(exact) + 1

    def test_compartments_are_shorter_than_asked(self) -> None:
        rule = LengthConstant(fraction=0.1)
        pieces = cut(cylinder("3 mm", "1 um"), rule, RA, 0.01).compartments
        scale = 1e5 * math.sqrt(1 / (4 * math.pi * 100 * 100 * 1))
        assert 3000 / len(pieces) <= 0.1 * scale * 1.01
        assert 3000 / (len(pieces) - 2) > 0.1 * scale * 0.9

    def test_a_tapered_section_is_counted_piece_by_piece(self) -> None:
        thick, thin = tube("a", 400, 8), tube("a", 400, 0.5)
        both = Section(
            name="a", points=((0, 0, 0, 8), (400, 0, 0, 8), (400, 0, 0, 0.5), (800, 0, 0, 0.5))
        )
        rule = LengthConstant(fraction=0.01)
        counts = [rule.count(s, RA, 0.01) for s in (thick, thin, both)]
        assert counts[2] == pytest.approx(counts[0] + counts[1], abs=2)

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"fraction": 0}, "LengthConstant.fraction: 0"),
            ({"fraction": -1}, "LengthConstant.fraction: -1"),
            ({"frequency": "0 Hz"}, "LengthConstant.frequency: 0 Hz has to be > 0"),
            ({"frequency": "1 mV"}, "LengthConstant.frequency: 1 mV has the dimension"),
        ],
    )
    def test_rules_that_are_none(self, given: dict[str, object], words: str) -> None:
        with pytest.raises(InputError) as caught:
            LengthConstant(**given)  # type: ignore[arg-type]
        assert str(caught.value).startswith(words)

    @pytest.mark.parametrize("segments", [0, -1, "3", True, 10**6])
    def test_segments_that_are_none(self, segments: object) -> None:
        with pytest.raises(InputError, match=r"^FixedSegments\.segments: "):
            FixedSegments(segments=segments)  # type: ignore[arg-type]

    @pytest.mark.parametrize("fraction", [1e-7, 1e-300, 5e-324])
    def test_too_many_compartments(self, fraction: float) -> None:
        with pytest.raises(InputError, match=r"soma: would have .* at most 100,000"):
            cut(cylinder("1 mm", "1 um"), LengthConstant(fraction=fraction), RA, 0.01)

    def test_too_many_compartments_in_all(self) -> None:
        many = Morphology(sections=(tube("a", 1, 1), *(tube(f"b{k}", 1, 1, "a") for k in range(3))))
        with pytest.raises(InputError, match="discretisation: makes 200,000 compartments"):
            sliced(many, 50_000)
