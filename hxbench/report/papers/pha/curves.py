"""Figures 2 and 3: means of GLUE as curves, the methods of the paper over the conditions of an experiment."""

from collections.abc import Mapping, Sequence
from math import log10

from hxbench.report.artifact.cells import difference_cell, make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Cell, Marks, format_value
from hxbench.report.papers.pha.results import Results
from hxbench.report.papers.pha.rows import FILE, PAPER, ROWS, TASKS
from hxbench.report.scores.run_set import Condition

GLUE = TASKS["glue"]
_OTHER_TASKS = "the two are not scored on the same tasks"
Conditions = Mapping[tuple[str, str], Condition]
_EXAMPLES = ("100", "500", "1000", "2000", "4000")
_SHARES = ("1 %", "3 %", "5 %")
_LEAST = _EXAMPLES[0]


def series(name: str, conditions: Conditions, labels: Sequence[str], marks: Marks) -> tuple[Series, ...]:
    """Return the curve of every method of a figure that its experiment has at these labels."""
    return tuple(
        Series(
            row.title,
            tuple(make_cell(conditions[at, row.title].run_set.tasks(GLUE), None, marks) for at in labels),
        )
        for row in (ROWS[name] for name in FILE.entry(name).rows)
        if all((at, row.title) in conditions for at in labels)
    )


def lead(
    conditions: Conditions, label: str, more: str, less: str, marks: Marks, printed: float | None = None
) -> Cell:
    """Return the mean of GLUE of one method minus that of another, seed by seed."""
    first, second = (conditions[label, name].run_set.tasks(GLUE) for name in (more, less))
    return difference_cell(first, second, marks, printed, _OTHER_TASKS)


def numbers_of_seeds(panels: Sequence[Sequence[Series]]) -> list[str]:
    """Return a sentence where points are over different numbers of seeds: marks would hide the curves."""
    counts = {cell.n for panel in panels for one in panel for cell in one.cells if cell.mean is not None}
    if len(counts) < 2:
        return []
    return [f"Numbers of seeds differ between points: {min(counts)} to {max(counts)}; the table's file has each."]


def _anchor(cell: Cell) -> str:
    """Return the one number that the text gives of the figure, beside ours."""
    ours = "no runs yet" if cell.mean is None else f"{cell.mean:+.1f}".replace("-", "−")
    ours += f" ± {cell.sd:.1f}" if cell.sd is not None else ""
    return f"PHA − AD at {_LEAST} examples: ours {ours}, published {cell.published:+.1f}, the only number given."


def _figure2(results: Results) -> Figure:
    """Return GLUE with 100 to 4,000 training examples a task (a), and with 1 to 5 percent of them (b)."""
    conditions, marks = results.by_label("figure2"), Marks()
    printed = published(PAPER).value(
        "Section 1", "PHA minus Adapter", "GLUE, 100 samples per task", "gain", "T5-base"
    )
    anchor = lead(conditions, _LEAST, "PHA", "AD", marks, printed)
    by_number, by_share = (series("figure2", conditions, labels, marks) for labels in (_EXAMPLES, _SHARES))
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
    caption = [
        _anchor(anchor),
        *([FILE.text("real")] if results.synthetic else []),
        *numbers_of_seeds([panel.series for panel in panels]),
    ]
    told = results.told("figure2", conditions.values(), marks, caption=caption)
    return Figure(kind="lines", places=(), panels=panels, **told)


def _place(conditions: Conditions, size: str) -> str:
    """Return a size with the parameters of our backbone, where a run tells them."""
    costs = [one.run_set.cost("backbone_parameters").mean for (label, _), one in conditions.items()
             if label.partition(",")[0] == size]  # fmt: skip
    there = [cost for cost in costs if cost]
    return f"{size} ({format_value(there[0], 'parameters')})" if there else size


def _figure3(results: Results) -> Figure:
    """Return GLUE on backbones of three sizes, with few data and with all."""
    entry, conditions, marks = FILE.entry("figure3"), results.by_label("figure3"), Marks()
    panels = tuple(
        Panel(
            title, "mean score", series("figure3", conditions, [f"{size}, {data}" for size in entry.sizes], marks)
        )
        for data, title in entry.terms.items()
    )
    absent = results.without(entry.sizes)
    few = {one.block.data["train_examples"] for one in conditions.values() if "train_examples" in one.block.data}
    caption = [
        FILE.text("low_data", few=", ".join(map(str, sorted(few)))),
        *numbers_of_seeds([panel.series for panel in panels]),
        *absent,
    ]
    return Figure(
        kind="lines",
        places=tuple(_place(conditions, size) for size in entry.sizes),
        panels=panels,
        axis="backbone (our parameters)",
        at=tuple(map(float, range(len(entry.sizes)))),
        # no command makes runs on a backbone that the profile does not have
        **results.told("figure3", conditions.values(), marks, caption=caption, can_be_made=not absent),
    )


def build(results: Results, name: str) -> list[Figure]:
    """Return the one figure."""
    return [{"figure2": _figure2, "figure3": _figure3}[name](results)]
