"""The library of published models."""
