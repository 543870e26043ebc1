"""The tables and figures of each paper, and of a user's own experiments and data."""
