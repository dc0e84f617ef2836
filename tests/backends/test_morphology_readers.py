"""What we read from a morphology's file, held against MorphIO and NEURON's own importer.

Where their conventions differ, a test says how and which is ours.
"""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from coincide.core.discretisation import FixedSegments, cut
from coincide.core.morphology import Morphology, load_morphology, load_swc
from coincide.core.units import Quantity

sys.path.insert(0, str(Path(__file__).parent))
from swc_forms import FORMS, grown_cell

pytest.importorskip("neuron", reason="NEURON is not installed")
morphio = pytest.importorskip("morphio", reason="MorphIO is not installed")

_SEGMENTS = 5
_RA = Quantity(150.0, "ohm*cm").internal
_G = Quantity(1e-4, "S/cm**2").internal
_SINGLE = 2e-6
"""NEURON keeps points in single precision."""
_MANY = 1e-5
"""The same over hundreds of points."""


def of_neuron(*files: Path) -> dict[Path, dict[str, float]]:
    """Area, length and input resistance of files, by NEURON's importer."""
    script = Path(__file__).with_name("import3d.py")
    done = subprocess.run(
        [sys.executable, str(script), str(_SEGMENTS), *map(str, files)],
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(row for row in done.stdout.splitlines() if row.startswith("RESULT"))
    return {Path(name): found for name, found in json.loads(line[len("RESULT") :]).items()}


def ours(morphology: Morphology) -> dict[str, float]:
    """The same of what we read: area, length, resistance by the conductance matrix of the compartments."""
    pieces = cut(morphology, FixedSegments(segments=_SEGMENTS), _RA, 1.0)
    area = np.array([c.area for c in pieces.compartments])
    matrix = np.diag(_G * area)
    for coupling in pieces.couplings:
        i, j, g = coupling.first, coupling.second, coupling.shape / _RA
        matrix[[i, j], [i, j]] += g
        matrix[[i, j], [j, i]] -= g
    soma = next((s.name for s in morphology.sections if s.label == "soma"), morphology.root.name)
    k = [k for k, c in enumerate(pieces.compartments) if c.section == soma][_SEGMENTS // 2]
    unit = np.zeros(len(area))
    unit[k] = 1.0
    # GOhm to MOhm.
    resistance = 1e3 * float(np.linalg.solve(matrix, unit)[k])
    length = sum(s.extent_um for s in morphology.sections)
    return {"area": float(area.sum()), "length": length, "resistance": resistance}


def neurites_of_morphio(file: Path) -> dict[str, float]:
    """Area and length of all neurites by MorphIO: cones between the points of its sections."""
    whole = morphio.Morphology(str(file), warning_handler=morphio.WarningHandlerCollector())
    area = length = 0.0
    for section in whole.iter():
        rows = np.column_stack([section.points, 0.5 * section.diameters]).astype(float)
        for a, b in itertools.pairwise(rows):
            step = math.dist(a[:3], b[:3])
            length += step
            area += math.pi * (a[3] + b[3]) * math.hypot(step, a[3] - b[3])
    return {"area": area, "length": length}


def neurites_of_ours(morphology: Morphology) -> dict[str, float]:
    """The same of ours, whose neurites begin at their own first points."""
    pieces = cut(morphology, FixedSegments(), _RA, 1.0).compartments
    names = {s.name for s in morphology.sections if s.label != "soma"}
    length = sum(s.extent_um for s in morphology.sections if s.name in names)
    return {"area": sum(c.area for c in pieces if c.section in names), "length": length}


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("forms")
    files = {}
    for name, text in FORMS.items():
        files[name] = folder / f"{len(files)}.swc"
        files[name].write_bytes((dedent(text).strip() + "\n").encode())
    return files


@pytest.fixture(scope="module")
def neuron_on_forms(forms: dict[str, Path]) -> dict[str, dict[str, float]]:
    readable = {n: f for n, f in forms.items() if n not in NEURON_CANNOT}
    found = of_neuron(*readable.values())
    return {name: found[file] for name, file in readable.items()}


NEURON_CANNOT = {
    "numbers with gaps, lines out of order": "sorting, it fails on a vector that it never made"
}
MORPHIO_CANNOT = {
    "header without a mark, tabs, further columns, comments, CRLF": "takes no header without #",
    "numbers written as real": "takes no 1.0 for a number",
    "a root whose parent is 0": "looks for a point 0",
}
MORPHIO_OTHERWISE = {
    "a neurite of one point": "has no length: MorphIO never begins it in the soma",
    "a branch whose first two points coincide": "leaves out the step to the branch's own diameter",
}


@pytest.mark.parametrize("name", [n for n in FORMS if n not in NEURON_CANNOT])
def test_area_length_and_input_resistance_are_those_of_neuron(
    name: str, forms: dict[str, Path], neuron_on_forms: dict[str, dict[str, float]]
) -> None:
    assert ours(load_swc(forms[name])) == pytest.approx(neuron_on_forms[name], rel=_SINGLE)


@pytest.mark.parametrize("name", [n for n in FORMS if n not in MORPHIO_CANNOT | MORPHIO_OTHERWISE])
def test_neurites_are_those_of_morphio(name: str, forms: dict[str, Path]) -> None:
    # MorphIO never joins a neurite to the soma.
    read = load_swc(forms[name], neurites_from="first_point")
    assert neurites_of_ours(read) == pytest.approx(neurites_of_morphio(forms[name]), rel=_SINGLE)


@pytest.mark.parametrize("name", MORPHIO_CANNOT)
def test_what_morphio_does_not_read(name: str, forms: dict[str, Path]) -> None:
    with pytest.raises(morphio.MorphioError):
        neurites_of_morphio(forms[name])
    assert load_swc(forms[name]).root.name == "soma"


def test_where_morphio_differs(forms: dict[str, Path]) -> None:
    file = forms["a neurite of one point"]
    assert neurites_of_morphio(file)["length"] == 0
    # It begins in the middle of the soma, whatever is asked for: it needs two points.
    assert neurites_of_ours(load_swc(file, neurites_from="first_point"))["length"] == 55
    file = forms["a branch whose first two points coincide"]
    step = math.pi * (1.0**2 - 0.5**2)
    found = neurites_of_ours(load_swc(file))["area"]
    assert found - neurites_of_morphio(file)["area"] == pytest.approx(step, rel=1e-5)


@pytest.mark.parametrize("name", NEURON_CANNOT)
def test_what_neuron_does_not_read_is_the_same_cell_written_in_order(
    name: str, forms: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        of_neuron(forms[name])
    file = tmp_path / "same.swc"
    file.write_text("1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 25 0 0 1 2\n4 3 45 10 0 0.5 3\n")
    assert ours(load_swc(forms[name])) == pytest.approx(of_neuron(file)[file], rel=_SINGLE)


@pytest.mark.parametrize("soma", ["sphere", "ends", "branching"])
def test_a_whole_cell_is_that_of_neuron(soma: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{seed}.swc" for seed in range(3)]
    for seed, file in enumerate(files):
        file.write_text(grown_cell(seed, soma))
    for file, theirs in of_neuron(*files).items():
        read = load_swc(file)
        assert len(read.sections) > 20
        assert ours(read) == pytest.approx(theirs, rel=_MANY)
        # That the neurites are whole and where they belong shows: elsewhere it is another cell.
        if soma == "ends":
            apart = ours(load_swc(file, neurites_from="first_point"))
            assert apart["area"] < (1 - 1e-3) * theirs["area"]
            assert abs(apart["resistance"] / theirs["resistance"] - 1) > 1e-3


def test_neurites_between_the_ends_of_a_soma(tmp_path: Path) -> None:
    """NEURON joins them to the soma's middle by a wire; ours follow the edges from where they are joined."""
    file = tmp_path / "cell.swc"
    file.write_text(grown_cell(5, "inside"))
    theirs, read = of_neuron(file)[file], load_swc(file)
    apart = load_swc(file, neurites_from="first_point")
    assert sorted({s.parent_x for s in apart.sections if s.parent == "soma"}) == [0.25, 0.5, 0.75]
    middle = [
        s.model_copy(update={"parent_x": 0.5}) if s.parent == "soma" else s for s in apart.sections
    ]
    assert ours(Morphology(sections=tuple(middle))) == pytest.approx(theirs, rel=_MANY)
    # The first pieces: six of 7 um, as thick as the first point of each neurite.
    firsts = [s.points[:2] for s in read.sections if s.parent == "soma"]
    lengths = [math.dist(a[:3], b[:3]) for a, b in firsts]
    assert lengths == pytest.approx([7.0] * 6, abs=2e-3)
    pieces = sum(math.pi * a[3] * n for (a, _), n in zip(firsts, lengths, strict=True))
    assert ours(read)["area"] == pytest.approx(theirs["area"] + pieces, rel=_MANY)


OUTLINES = {
    "ellipse": [(9 * math.cos(a), 5 * math.sin(a), 0) for a in np.linspace(0, 2 * np.pi, 30)[:-1]],
    "tilted": [
        (9 * math.cos(a) - 3 * math.sin(a), 5 * math.sin(a) + 6 * math.cos(a), 1.5)
        for a in np.linspace(0.3, 2 * np.pi + 0.3, 40)[:-1]
    ],
    "with a dent": [
        ((8 + 2 * math.cos(3 * a)) * math.cos(a), (5 + math.cos(3 * a)) * math.sin(a), 0.2 * a)
        for a in np.linspace(0.1, 2 * np.pi, 50)[:-1]
    ],
}
_NEURITES = """
((Dendrite)
  (9 1 0 2)
  (17 1 0 2)
  (27 1 0 1)
  (
    (30 6 0 1)
    (40 10 0 0.5)
  |
    (30 -6 0 1)
    (40 -10 0 0.5)
  )
)
((Axon)
  (-6 0 0 1)
  (-56 0 0 1)
)
((Apical)
  (0 5 0 3)
  (0 60 0 2)
)
"""


def outlined_file(path: Path, outline: str) -> Path:
    points = "".join(f"  ({x:.4f} {y:.4f} {z:.4f} 0.1)\n" for x, y, z in OUTLINES[outline])
    path.write_text(f'("CellBody"\n  (Color Red)\n  (CellBody)\n{points})\n{_NEURITES}')
    return path


@pytest.mark.parametrize("outline", OUTLINES)
def test_an_outlined_soma_is_made_as_neuron_makes_it(outline: str, tmp_path: Path) -> None:
    file = outlined_file(tmp_path / "cell.asc", outline)
    read = load_morphology(file)
    assert read.section("soma").extent_um > 10
    assert {s.name: (s.parent, s.parent_x) for s in read.sections[1:]} == {
        "dend_0": ("soma", 0.5),
        "axon_0": ("soma", 0.5),
        "apic_0": ("soma", 0.5),
        "dend_1": ("dend_0", 1.0),
        "dend_2": ("dend_0", 1.0),
    }
    assert ours(read) == pytest.approx(of_neuron(file)[file], rel=1e-5)
    assert neurites_of_ours(read) == pytest.approx(neurites_of_morphio(file), rel=_SINGLE)


def test_h5_is_the_same_cell_as_the_file_that_it_was_made_from(tmp_path: Path) -> None:
    file = outlined_file(tmp_path / "cell.asc", "ellipse")
    copy = tmp_path / "cell.h5"
    morphio.mut.Morphology(str(file)).write(str(copy))
    # MorphIO numbers neurites in another order, and keeps single precision.
    assert ours(load_morphology(copy)) == pytest.approx(ours(load_morphology(file)), rel=_SINGLE)
    bare = load_morphology(tmp_path / "cell.h5", neurites_from="soma")
    # From the soma's middle: the three neurites are longer by what was left out.
    middle = np.mean([p[:3] for p in bare.section("soma").points], axis=0)
    for name, first in (("dend_0", (9, 1, 0)), ("axon_0", (-6, 0, 0)), ("apic_0", (0, 5, 0))):
        longer = bare.section(name).extent_um - load_morphology(file).section(name).extent_um
        assert longer == pytest.approx(math.dist(middle, first), abs=0.2)
