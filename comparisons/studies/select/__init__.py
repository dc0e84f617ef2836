"""Which backend to take: work and precision, measured for one model on this machine."""

from .study import Selection, select

__all__ = ["Selection", "select"]
