"""Running, comparing, explaining, reporting."""
