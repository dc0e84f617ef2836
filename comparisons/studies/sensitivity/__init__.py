"""Which parameters matter more than the choice of simulator? Each changed up and down on all of them."""

from .study import Sensitivity, sensitivity

__all__ = ["Sensitivity", "sensitivity"]
