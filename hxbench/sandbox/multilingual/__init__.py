"""Sixteen synthetic languages."""
