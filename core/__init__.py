"""Descriptions, what they mean, and drawing them: knows no simulator."""
