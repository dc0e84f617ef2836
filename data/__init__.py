"""Data sets with their schema and provenance."""
