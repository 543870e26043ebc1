"""Figure 4: Hyper-X Base with the original and with the switched source languages."""

from hxbench.report.artifact.figure import Figure
from hxbench.report.papers.hyperx.compared import Gain, compare
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import BASE, MethodRow

_CAPTION = (
    "Switched: kk, mt and yue change sides, so that each has a relative among the sources of its task. "
    "The paper prints no values of the bars; published is its Table 2 for the original partitions."
)


def switched_sources(results: Results, name: str, title: str, method: MethodRow) -> Figure:
    """Return the figure that compares the partitions for a method."""
    gain = Gain(1, 0, ("SEEN", "UNSEEN"))
    return compare(results, name, title, ("SEEN", "UNSEEN"), gain, known=method, caption=(_CAPTION,))


def build(results: Results) -> list[Figure]:
    """Return the one figure."""
    return [switched_sources(results, "figure4", "Hyper-X, Figure 4: source languages, Hyper-X Base", BASE)]
