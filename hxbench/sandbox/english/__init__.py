"""Synthetic, English-like tasks whose answers are to texts."""
