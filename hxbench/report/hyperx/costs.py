"""What the paper says its models cost."""

from hxbench.report.hyperx.results import PAPER
from hxbench.report.published import published

PARAMETERS_NOTE = "16 × 4.7m + 2 × 0.9m are 77.0m"


def printed_cost(artifact: str, row: str, column: str, metric: str) -> float | None:
    """Return printed parameters (a count) or training time (seconds)."""
    return published(PAPER).value(artifact, row, column, metric)
