"""Tables and figures rebuilt from the store: from runs, recipes and the papers' printed numbers, never a model."""

from hxbench.report.registry import (
    ARTIFACTS,
    PAPERS,
    Artifact,
    Made,
    artifacts,
    build,
    find_artifact,
    make,
    parameters_per_task,
    read_results,
)

__all__ = [
    "ARTIFACTS",
    "PAPERS",
    "Artifact",
    "Made",
    "artifacts",
    "build",
    "find_artifact",
    "make",
    "parameters_per_task",
    "read_results",
]
