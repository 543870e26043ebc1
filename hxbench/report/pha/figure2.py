"""Figure 2: GLUE with 100 to 4,000 training examples a task (a), and with 1 to 5 percent of them (b)."""

from math import log10

from hxbench.report.figure import Figure, Panel
from hxbench.report.pha.curves import lead, numbers_of_seeds, series
from hxbench.report.pha.results import UNPUBLISHED, Results
from hxbench.report.pha.rows import NAMES, PAPER
from hxbench.report.published import published
from hxbench.report.table import Cell, Marks

_EXAMPLES = ("100", "500", "1000", "2000", "4000")
_SHARES = ("1 %", "3 %", "5 %")
_LEAST = _EXAMPLES[0]


def _anchor(cell: Cell) -> str:
    """Return the one number that the text gives of the figure, beside ours."""
    ours = "no runs yet" if cell.mean is None else f"{cell.mean:+.1f}".replace("-", "−")
    ours += f" ± {cell.sd:.1f}" if cell.sd is not None else ""
    return f"PHA − AD at {_LEAST} examples: ours {ours}, published {cell.published:+.1f}, the only number given."


def build(results: Results) -> list[Figure]:
    """Return the one figure, two panels with axes of their own."""
    conditions, marks = results.by_label("figure2"), Marks()
    printed = published(PAPER).value(
        "Section 1", "PHA minus Adapter", "GLUE, 100 samples per task", "gain", "T5-base"
    )
    anchor = lead(conditions, _LEAST, "PHA", "AD", marks, printed)
    by_number, by_share = (series(conditions, labels, marks) for labels in (_EXAMPLES, _SHARES))
    panels = (
        Panel(
            "(a) by number of examples", "mean score", by_number, places=_EXAMPLES,
            at=tuple(log10(int(number)) for number in _EXAMPLES), axis="training examples per task (log scale)",
        ),
        Panel(
            "(b) by share of the data", "mean score", by_share, places=_SHARES,
            at=tuple(float(share.split()[0]) for share in _SHARES), axis="share of every training set",
        ),
    )  # fmt: skip
    shown = list(conditions.values())
    return [
        Figure(
            name="figure2",
            title="PHA, Figure 2: low data, mean of the eight GLUE tasks",
            kind="lines",
            stub="method",
            places=(),
            panels=panels,
            heading=results.heading(shown, UNPUBLISHED),
            caption=(
                _anchor(anchor),
                *(["The published value is of T5-base on real data."] if results.synthetic else []),
                *numbers_of_seeds([panel.series for panel in panels]),
            ),
            notes=marks.notes(),
            remarks=(NAMES, *results.remarks(shown)),
            commands=results.commands(shown, "figure2"),
            facts={"paper": PAPER, "profile": results.profile},
        )
    ]
