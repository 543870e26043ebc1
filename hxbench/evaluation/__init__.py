"""Evaluation: metrics, and scoring pairs a model may never have seen."""
