"""Recordings that coincide did not make: tables, SONATA, Neo, NumPy's files, folders, arrays in memory.

What is in a file is read, or named as left out (a `Caveat`); units, ids and steps are read or asked for, and
what was assumed is said.
"""

from .aligning import same_names
from .found import Foreign
from .neo_ import from_neo, to_neo
from .reading import Reading
from .sources import read, read_foreign

__all__ = ["Foreign", "Reading", "from_neo", "read", "read_foreign", "same_names", "to_neo"]
