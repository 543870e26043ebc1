"""Where the thresholds of Figure 5 fall, as a table and in a sentence."""

from collections.abc import Mapping, Sequence

from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, format_value
from hxbench.report.papers.pet.budgets import Curve
from hxbench.report.papers.pet.rows import ENDS, FAMILIES, FILE, PAPER, Backbone, Family
from hxbench.tasks import task_of

Curves = Mapping[tuple[str, str], Curve]  # by size of backbone and task


def tasks_of(curves: Curves) -> list[str]:
    """Return the tasks of the curves."""
    return list(dict.fromkeys(task for _, task in curves))


def has_runs(curves: Curves, family: Family) -> bool:
    """Return whether anything of a family is there to be shown."""
    ends = [one.size for one in family.ends]
    return any(one.scores or one.full.values for (size, _), one in curves.items() if size in ends)


def _printed_range(backbone: Backbone) -> list[float]:
    """Return the ends of the printed range of low thresholds, in the order in which they are printed."""
    values = [
        published(PAPER).value("Section 5.3", "low threshold", backbone.printed, "tunable_parameters", which)
        for which in ("range first number", "range second number")
    ]
    return [value for value in values if value is not None]


def _threshold(one: Curve, value: int | None) -> Cell:
    """Return a threshold; that no budget reaches it is something else than that nothing can be said."""
    if value is None:
        enough = any(len(scores) > 1 for scores in one.scores.values())
        return Cell(text="none" if enough else "–")
    return Cell(float(value), n=1, runs=one.run_ids)


def threshold_table(curves: Curves, heading: tuple[str, ...], told: str, facts: dict[str, str]) -> Table:
    """Return the thresholds of six backbones on each task, beside the printed ranges; `told` says what counts."""
    marks, tasks = Marks(), tasks_of(curves)
    rows = []
    for backbone in ENDS:
        found = [curves[backbone.size, task] for task in tasks]
        printed = _printed_range(backbone)
        theirs = Cell(text=" to ".join(format_value(value, "parameters") for value in sorted(printed)))
        cells = [
            *(_threshold(one, one.low) for one in found),
            theirs,
            *(_threshold(one, one.high) for one in found),
        ]
        doubt = marks.letter(FILE.text("reversed")) if printed != sorted(printed) else ""
        rows.append(Row(backbone.title, tuple(cells), mark=doubt))
    learned = _above_frequent(curves, tasks)
    columns = [Column(task_of(task).title, "low threshold", "parameters", paper=False) for task in tasks]
    columns.append(Column("paper, all three", "low threshold", "parameters", paper=False))
    columns += [Column(task_of(task).title, "high threshold", "parameters", paper=False) for task in tasks]
    return Table(
        name="figure5-thresholds",
        title="PET scaling, Figure 5: thresholds, in tuned parameters",
        stub="backbone",
        columns=tuple(columns),
        blocks=(Block("", tuple(rows)), *([learned] if learned.rows else [])),
        heading=heading,
        notes=marks.notes(),
        remarks=(told, "none: no budget of the grid; of high thresholds nothing is printed."),
        facts=facts,
    )


def _above_frequent(curves: Curves, tasks: Sequence[str]) -> Block:
    """Return the low thresholds by another line, for backbones with runs that tell it."""
    rows = []
    for backbone in ENDS:
        found = [curves[backbone.size, task] for task in tasks]
        if any(one.frequent is not None for one in found):
            low = (Cell(text="–") if one.frequent is None else _threshold(one, one.learned) for one in found)
            rows.append(Row(backbone.title, (*low, Cell(text=""), *(Cell(text="") for _ in found))))
    return Block("low: above the most frequent label in place of guessing", tuple(rows))


def _reached(curves: Curves, backbone: Backbone, name: str) -> str:
    """Return from where to where a threshold is found over the tasks, and in how many if not in all."""
    tasks = tasks_of(curves)
    values = sorted(v for task in tasks if (v := getattr(curves[backbone.size, task], name)) is not None)
    if not values:
        known = (scores for task in tasks for scores in curves[backbone.size, task].scores.values())
        return "none" if any(len(scores) > 1 for scores in known) else "–"
    ends = dict.fromkeys(format_value(value, "parameters") for value in (values[0], values[-1]))
    return " to ".join(ends) + (f" ({len(values)} of {len(tasks)} tasks)" if len(values) < len(tasks) else "")


def ranges_of(curves: Curves) -> str:
    """Return where the thresholds fall on small and large backbones, over the tasks; nothing without scores."""
    words = []
    for family in FAMILIES:
        if any(curves[one.size, task].scores for one in family.ends for task in tasks_of(curves)):
            each = (
                f"{name} {' / '.join(_reached(curves, b, name) for b in family.ends)}" for name in ("low", "high")
            )
            words.append(f"{family.title} {', '.join(each)}")
    return f"Over the tasks, small / large backbone: {'; '.join(words)}." if words else ""
