"""Tables rebuilt from the store: reads runs, recipes and the papers' printed numbers, never a model."""

from hxbench.report.registry import ARTIFACTS, Artifact, build, find_artifact

__all__ = ["ARTIFACTS", "Artifact", "build", "find_artifact"]
