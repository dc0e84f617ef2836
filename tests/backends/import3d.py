"""NEURON's own importer on files, in a process of its own: it may kill it. Prints JSON by file.

Not a test: run by test_morphology_readers.py as ``python import3d.py SEGMENTS FILE …``.
"""

import json
import sys
from typing import Any

from neuron import h

_RA, _G = 150.0, 1e-4
"""ohm·cm and S/cm²."""


def read(path: str, segments: int) -> dict[str, float]:
    """Lateral area and length in µm² and µm, input resistance in the soma's middle in MOhm."""
    outline = path.endswith(".asc")
    reader = h.Import3d_Neurolucida3() if outline else h.Import3d_SWC_read()
    reader.quiet = 1
    reader.input(path)

    class Cell:
        all: list[Any]

    cell = Cell()
    h.Import3d_GUI(reader, 0).instantiate(cell)
    for section in cell.all:
        section.nseg, section.Ra = segments, _RA
        section.insert("pas")
        for segment in section:
            segment.pas.g = _G
    first = next((s for s in cell.all if "soma" in s.name()), cell.all[0])
    probe = h.Impedance()
    probe.loc(first(0.5))
    probe.compute(0)
    found = {
        "area": sum(seg.area() for s in cell.all for seg in s),
        "length": sum(s.L for s in cell.all),
        "resistance": probe.input(first(0.5)),
    }
    for section in cell.all:
        h.delete_section(sec=section)
    return found


if __name__ == "__main__":
    h.load_file("stdlib.hoc")
    h.load_file("import3d.hoc")
    print("RESULT" + json.dumps({p: read(p, int(sys.argv[1])) for p in sys.argv[2:]}))
