"""Planted faults: backends that are wrong on purpose, to measure whether `explain` names the right cause."""
