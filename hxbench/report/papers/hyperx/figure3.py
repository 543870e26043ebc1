"""Figure 3: the role of masked language modelling, with text of all languages, of the unseen ones, and of none."""

from hxbench.report.artifact.figure import Figure
from hxbench.report.papers.hyperx.compared import Gain, compare
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import BASE

_GAIN = Gain(0, 2, ("UNSEEN",), "Figure 3 (text)", BASE.published, "effect of MLM data")


def build(results: Results) -> list[Figure]:
    """Return the one figure; its last condition is not in the paper."""
    return [
        compare(
            results,
            "figure3",
            "Hyper-X, Figure 3: the role of masked language modelling",
            ("SEEN", "UNSEEN"),
            _GAIN,
            known=BASE,
            caption=(
                "The paper prints no values of the bars; published are its Table 2 for the first, and the gain "
                "from its text. Matched updates are not in the paper: without MLM every batch is a labelled one.",
            ),
        )
    ]
