"""The f-I curve of a cell on several simulators: rate against current, refined where it bends."""

from .study import Curve, curve

__all__ = ["Curve", "curve"]
