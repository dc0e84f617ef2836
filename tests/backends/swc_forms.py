"""SWC files of every form that readers differ about, the same at every call."""

from __future__ import annotations

import math

import numpy as np

FORMS: dict[str, str] = {
    "one point soma": """
        1 1 0 0 0 5 -1
        2 3 5 0 0 1 1
        3 3 25 0 0 1 2
        4 3 45 10 0 0.5 3
        5 3 45 -10 0 0.75 3
        6 3 65 -10 0 0.25 5
        7 2 0 -5 0 0.5 1
        8 2 0 -105 0 0.5 7
        9 4 0 5 0 1.5 1
        10 4 0 55 0 1 9""",
    "three point soma": """
        1 1 0 0 0 5 -1
        2 1 0 -5 0 5 1
        3 1 0 5 0 5 1
        4 3 10 0 0 1 1
        5 3 40 0 0 1 4
        6 2 -10 0 0 0.5 1
        7 2 -90 0 0 0.5 6""",
    "row of a soma, neurites at its ends": """
        1 1 0 0 0 3 -1
        2 1 0 5 0 5 1
        3 1 0 10 0 4 2
        4 1 0 15 0 2 3
        5 3 0 25 0 1 4
        6 3 0 75 0 0.5 5
        7 4 0 -10 0 1.5 1
        8 4 0 -60 0 1 7""",
    "row of a soma, the root thick": """
        1 1 0 0 0 8 -1
        2 1 12 0 0 3 1
        3 3 22 0 0 1 2
        4 3 92 0 0 1 3
        5 3 22 9 0 0.7 2
        6 3 22 69 0 0.7 5""",
    "soma that branches": """
        1 1 0 0 0 5 -1
        2 1 0 10 0 5 1
        3 1 0 -10 0 5 1
        4 1 10 0 0 5 1
        5 3 20 0 0 1 4
        6 3 30 0 0 1 5""",
    "no soma": """
        1 2 0 0 0 1 -1
        2 2 0 0 9 1 1
        3 2 0 50 9 1 2""",
    "no soma, the root branches": """
        1 3 0 0 0 1 -1
        2 3 10 0 0 1 1
        3 3 -10 0 0 1 1
        4 3 -30 0 0 0.5 3""",
    "tips that end in points": """
        1 1 0 0 0 5 -1
        2 3 10 0 0 1 1
        3 3 40 0 0 0.5 2
        4 3 60 9 0 0 3
        5 3 60 -9 0 0 3""",
    "a branch whose first two points coincide": """
        1 1 0 0 0 5 -1
        2 3 10 0 0 1 1
        3 3 20 0 0 1 2
        4 3 20 0 0 0.5 3
        5 3 50 0 0 0.5 4
        6 3 20 30 0 0.25 3""",
    "a branch of no length that branches": """
        1 1 0 0 0 5 -1
        2 3 10 0 0 1 1
        3 3 20 0 0 1 2
        4 3 50 0 0 0.5 3
        5 3 20 0 0 0.25 3
        6 3 20 29 0 0.25 5
        7 3 20 0 29 0.25 5""",
    "a neurite of one point": """
        1 1 0 0 0 5 -1
        2 3 55 0 0 1 1""",
    "a neurite that branches at its first point": """
        1 1 0 0 0 5 -1
        2 3 0 10 0 1 1
        3 3 0 20 0 1 2
        4 3 10 0 0 1 1
        5 3 50 0 0 1 4
        6 3 40 35 0 0.5 4""",
    "a step in diameter": """
        1 3 0 0 0 2 -1
        2 3 10 0 0 2 1
        3 3 10 0 0 1 2
        4 3 60 0 0 1 3""",
    "types that change on the way": """
        1 1 0 0 0 5 -1
        2 3 5 0 0 1.5 1
        3 3 25 0 0 1 2
        4 2 45 0 0 0.5 3
        5 2 95 0 0 0.5 4
        6 7 25 30 0 0.5 3""",
    "numbers with gaps, lines out of order": """
        30 3 45 10 0 0.5 20
        10 3 5 0 0 1 4
        4 1 0 0 0 5 -1
        20 3 25 0 0 1 10""",
    "header without a mark, tabs, further columns, comments, CRLF": (
        "n\tT\tx\ty\tz\tR\tP\r\n1\t1\t0\t0\t0\t5\t-1\t9\r\n\r\n"
        "2 3 5 0 0 1 1 # the first\r\n3 3 45 0 0 1 2 0 0\r\n"
    ),
    "numbers written as real": "1.0 1.0 0 0 0 5 -1.0\n2.0 3.0 10 0 0 1 1.0\n3.0 3.0 70 0 0 1 2.0\n",
    "a root whose parent is 0": "1 1 0 0 0 5 0\n2 3 10 0 0 1 1\n3 3 70 0 0 1 2\n",
    "numbers from 0": "0 1 0 0 0 5 -1\n1 3 10 0 0 1 0\n2 3 70 0 0 1 1\n",
}


def grown_cell(seed: int, soma: str, points: int = 400) -> str:
    """A cell with five dendrites and an axon that branch, bend and taper; ``soma`` says of which form.

    ``sphere``: one point; ``ends``: a row of five with neurites at both ends; ``inside``: the same with all
    neurites at points between; ``branching``: arms from one point, with a neurite at the end of each.
    """
    rng = np.random.default_rng(seed)
    lines: list[str] = []

    def add(kind: int, place: np.ndarray, radius: float, parent: int) -> int:
        x, y, z = (round(float(v), 3) for v in place)
        lines.append(f"{len(lines) + 1} {kind} {x} {y} {z} {round(radius, 3)} {parent}")
        return len(lines)

    starts: list[tuple[int, np.ndarray]] = []
    if soma == "sphere":
        starts = [(add(1, np.zeros(3), 7.0, -1), np.zeros(3))] * 6
    elif soma == "branching":
        root = add(1, np.zeros(3), 6.0, -1)
        for k in range(6):
            angle = k * math.pi / 3
            end = 8.0 * np.array([math.cos(angle), math.sin(angle), 0.1 * k])
            starts.append((add(1, end, 3.0, root), end))
    else:
        row = [np.array([0.0, 4.0 * k, 0.0]) for k in range(5)]
        numbers: list[int] = []
        for k, place in enumerate(row):
            numbers.append(
                add(1, place, (2.0, 6.0, 8.0, 5.0, 2.5)[k], numbers[-1] if numbers else -1)
            )
        chosen = (0, 4, 4, 0, 4, 0) if soma == "ends" else (1, 2, 3, 2, 1, 3)
        starts = [(numbers[k], row[k]) for k in chosen]
    tips: list[tuple[int, int, np.ndarray, float, np.ndarray]] = []
    for k, (number, place) in enumerate(starts):
        way = rng.normal(size=3)
        way /= np.linalg.norm(way)
        kind = 2 if k == 5 else 4 if k == 4 else 3
        tips.append((kind, number, place + 7.0 * way, 0.4 if kind == 2 else 1.5, way))
    while tips and len(lines) < points:
        kind, parent, place, radius, way = tips.pop(0)
        for _ in range(int(rng.integers(2, 8))):
            parent = add(kind, place, radius, parent)
            way = way + 0.3 * rng.normal(size=3)
            way /= np.linalg.norm(way)
            place = place + rng.uniform(2.0, 12.0) * way
            radius = max(0.15, radius * rng.uniform(0.85, 1.0))
        for _ in range(int(rng.choice([0, 2, 2, 3]))):
            turned = way + 0.8 * rng.normal(size=3)
            turned /= np.linalg.norm(turned)
            tips.append((kind, parent, place + 3.0 * turned, 0.8 * radius, turned))
    return "# a cell drawn for a test\n" + "\n".join(lines) + "\n"
