"""Figure 5: Figure 4 for full fine-tuning."""

from hxbench.report.artifact.figure import Figure
from hxbench.report.papers.hyperx.figure4 import switched_sources
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import MBERT


def build(results: Results) -> list[Figure]:
    """Return the one figure."""
    return [switched_sources(results, "figure5", "Hyper-X, Figure 5: source languages, mBERT", MBERT)]
