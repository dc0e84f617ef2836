"""dt halved until it does not matter: orders, limits, horizons."""

from .study import ConvergenceStudy, Level, Series, converge

__all__ = ["ConvergenceStudy", "Level", "Series", "converge"]
