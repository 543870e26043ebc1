"""Scores: counts of every sentence or answer, and the metrics they add up to."""
