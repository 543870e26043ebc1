"""Readers of file formats: each yields the rows of a file, one at a time."""
