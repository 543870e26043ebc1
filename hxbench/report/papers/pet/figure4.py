"""Figure 4: does it matter where the parameters are? APET with four budgets, a distribution of places a seed."""

from collections.abc import Mapping
from statistics import stdev

from hxbench.report.artifact.cells import plateau_marks
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Block, Cell, Marks, Row
from hxbench.report.papers.pet.budgets import live_said
from hxbench.report.papers.pet.rates import HOW, several
from hxbench.report.papers.pet.results import At, Results
from hxbench.report.papers.pet.rows import (
    APET,
    BUDGETS,
    ENDS,
    FAMILIES,
    PAPER,
    PLACED,
    Backbone,
    Family,
    task_title,
)
from hxbench.report.papers.pet.scores import Tried
from hxbench.report.papers.pet.table2 import budget_title
from hxbench.report.scores.estimate import Runs, ids_of, on_plateau
from hxbench.report.stats.spread import ratio

_NAME = "Figure 4"
_PRINTED_SEEDS = (1, 2, 3)
_METRIC = "average_of_SST2_RTE_MRPC"
_OURS = "each bar is one seed: its places, its data order, its training"
Shown = Mapping[At, Tried]


def _printed(budget: str, seed: int | None, backbone: Backbone) -> float | None:
    """Return the printed value of a seed, or the printed deviation without one."""
    column, metric = (f"seed {seed}", _METRIC) if seed else ("S.D.", "sample_sd_over_3_seeds")
    return published(PAPER).value(_NAME, budget_title(budget), column, metric, backbone.printed)


def by_seed(tried: Shown, budget: str, backbone: Backbone) -> dict[int, float]:
    """Return the mean over the tasks for each seed that has them."""
    one = tried.get(At(backbone.size, APET, budget))
    return one.by_seed(PLACED) if one else {}


def _cell(tried: Shown, budget: str, backbone: Backbone, seed: int, wanted: bool, marks: Marks) -> Cell:
    value = by_seed(tried, budget, backbone).get(seed)
    lacks = (marks.missing(),) if wanted and value is None and At(backbone.size, APET, budget) in tried else ()
    one = None if value is None else tried[At(backbone.size, APET, budget)]
    runs: Runs = one.runs_behind(PLACED, [seed]) if one else frozenset()
    return Cell(
        value, n=int(value is not None), published=_printed(budget, seed, backbone),
        marks=(*plateau_marks(runs, marks), *lacks), on_plateau=on_plateau(runs),
        seeds=() if value is None else ((seed, value),), runs=ids_of(runs),
    )  # fmt: skip


def _spread_row(tried: Shown, backbone: Backbone, wanted: tuple[int, ...], marks: Marks) -> Row:
    cells = []
    for budget in BUDGETS:
        found = by_seed(tried, budget, backbone)
        values = list(found.values())
        runs: Runs = tried[At(backbone.size, APET, budget)].runs_behind(PLACED, found) if found else frozenset()
        sd = stdev(values) if len(values) > 1 else None
        lacks = (marks.missing(),) if sd is not None and len(values) < len(wanted) else ()
        cells.append(
            Cell(
                sd,
                n=len(values),
                published=_printed(budget, None, backbone),
                marks=(*(plateau_marks(runs, marks) if sd is not None else ()), *lacks),
                on_plateau=on_plateau(runs),
                runs=ids_of(runs) if sd is not None else (),
            )
        )
    return Row(backbone.title, tuple(cells))


def _said(row: Row) -> str:
    """Return the deviations as they stand above a panel."""
    ours = " ".join("–" if cell.mean is None else f"{cell.mean:.1f}" for cell in row.cells)
    theirs = " ".join(f"{cell.published:.1f}" for cell in row.cells if cell.published is not None)
    return f"S.D. {ours}" + (f"; paper {theirs}" if theirs else "")


def _shrinks(tried: Shown) -> str:
    """Return whether the deviation over places falls from the small to the large backbone."""

    def said(family: Family) -> str:
        small, large = ([list(by_seed(tried, b, end).values()) for b in BUDGETS] for end in family.ends)
        interval = ratio(small, large)
        return f"{family.title} {interval.said(2)}" if interval else ""

    words = [text for family in FAMILIES if (text := said(family))]
    if not words:
        return ""
    return (
        "S.D. over the seeds, small over large backbone, the four groups pooled, with Fisher's 95% interval over "
        f"the seeds, which the groups share: {'; '.join(words)}. Above 1 it shrinks with scale."
    )


def build(results: Results) -> list[Figure]:
    """Return the one figure, a panel for each of six backbones."""
    tried, marks, wanted = results.tried("figure4"), Marks(), results.scale.seeds
    seeds = sorted({*wanted, *_PRINTED_SEEDS})
    panels, spreads = [], []
    for letter, family in zip("abc", FAMILIES, strict=True):
        for number, backbone in enumerate(family.ends, start=1):
            series = tuple(
                Series(
                    f"seed {seed}",
                    tuple(_cell(tried, budget, backbone, seed, seed in wanted, marks) for budget in BUDGETS),
                )
                for seed in seeds
            )
            spreads.append(_spread_row(tried, backbone, wanted, marks))
            panels.append(
                Panel(
                    f"({letter}.{number}) {backbone.title}",
                    "score" * (number == 1),
                    series,
                    said=_said(spreads[-1]),
                )
            )
    shown, shrinks = list(tried.values()), _shrinks(tried)
    figure = Figure(
        name="figure4",
        title=f"PET scaling, Figure 4: APET at random places, mean of {', '.join(map(task_title, PLACED))}",
        kind="bars",
        stub="seed",
        places=tuple(BUDGETS.values()),
        panels=tuple(panels),
        compared=(Block("S.D. over the seeds (n − 1)", tuple(spreads)),),
        caption=("Groups by budget: the sizes of Prompt, BitFit, LoRA and Adapter (Table 2).",
                 *([shrinks] if shrinks else [])),
        names=results.our_names(ENDS, lambda one: results.parameters(tried, one), "{ours}; paper: {paper}"),
        **results.told(
            "figure4", shown, marks, numbers="ours and published: one value a seed",
            sizes=[one.size for one in ENDS], several_bodies=True,
            before=[
                *([HOW] if several(tried) else []), *live_said(tried, ENDS, PLACED), *results.without(ENDS),
                *results.splits(shown), *results.other_way(),
            ],
        ),
        ours=_OURS,
    )  # fmt: skip
    return [figure]
