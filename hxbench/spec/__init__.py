"""What a run is: its spec and the recipes it comes from, experiments and grids, settings and languages."""
