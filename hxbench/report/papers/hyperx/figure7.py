"""Figure 7: pairs drawn by temperature against pairs drawn in proportion to their size."""

from hxbench.report.artifact.figure import Figure
from hxbench.report.papers.hyperx.compared import Gain, compare
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import GROUPS


def build(results: Results) -> list[Figure]:
    """Return the one figure."""
    return [
        compare(
            results,
            "figure7",
            "Hyper-X, Figure 7: sampling by temperature and in proportion to size",
            GROUPS,
            Gain(0, 1, ("ALL",)),
            caption=(
                "The paper prints no values of the bars and names neither setting nor variant: "
                "mixed and Hyper-X Base here.",
            ),
        )
    ]
