"""Figure 5: Figure 4 for full fine-tuning."""

from hxbench.report.figure import Figure
from hxbench.report.hyperx.figure4 import switched_sources
from hxbench.report.hyperx.results import Results
from hxbench.report.hyperx.rows import MBERT


def build(results: Results) -> list[Figure]:
    """Return the one figure."""
    return [switched_sources(results, "figure5", "Hyper-X, Figure 5: source languages, mBERT", MBERT)]
