"""Figure 3: GLUE on backbones of three sizes, with few data and with all."""

from hxbench.report.artifact.figure import Figure, Panel
from hxbench.report.artifact.table import Marks, format_value, notes_without_commands
from hxbench.report.papers.pha.curves import Conditions, numbers_of_seeds, series
from hxbench.report.papers.pha.results import UNPUBLISHED, Results
from hxbench.report.papers.pha.rows import NAMES, PAPER

_SIZES = ("small", "base", "large")
_DATA = {"low data": "(a) low data", "full data": "(b) full data"}


def _place(conditions: Conditions, size: str) -> str:
    """Return a size with the parameters of our backbone, where a run tells them."""
    costs = [one.run_set.cost("backbone_parameters").mean for (label, _), one in conditions.items()
             if label.partition(",")[0] == size]  # fmt: skip
    there = [cost for cost in costs if cost]
    return f"{size} ({format_value(there[0], 'parameters')})" if there else size


def build(results: Results) -> list[Figure]:
    """Return the one figure, a panel for each amount of data."""
    conditions, marks = results.by_label("figure3"), Marks()
    panels = tuple(
        Panel(title, "mean score", series(conditions, [f"{size}, {data}" for size in _SIZES], marks))
        for data, title in _DATA.items()
    )
    few = {one.block.data["train_examples"] for one in conditions.values() if "train_examples" in one.block.data}
    shown = list(conditions.values())
    return [
        Figure(
            name="figure3",
            title="PHA, Figure 3: size of the backbone, mean of the eight GLUE tasks",
            kind="lines",
            stub="method",
            places=tuple(_place(conditions, size) for size in _SIZES),
            panels=panels,
            axis="backbone (our parameters)",
            at=tuple(map(float, range(len(_SIZES)))),
            heading=results.heading(shown, UNPUBLISHED, sizes=_SIZES),
            caption=(
                "The paper prints no values, nor how many its low data are: "
                f"{', '.join(map(str, sorted(few)))} examples a task here.",
                *numbers_of_seeds([panel.series for panel in panels]),
                *results.without(_SIZES),
            ),
            notes=notes_without_commands(marks.notes()) if results.without(_SIZES) else marks.notes(),
            remarks=(NAMES, *results.remarks(shown, several_bodies=True)),
            # no command makes runs on a backbone that the profile does not have
            commands=() if results.without(_SIZES) else results.commands(shown, "figure3"),
            facts={"paper": PAPER, "profile": results.profile},
        )
    ]
