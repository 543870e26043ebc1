"""Doing many runs: on this machine, on a Ray cluster, as Slurm array jobs."""
