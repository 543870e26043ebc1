"""Figure 4: does it matter where the parameters are? APET with four budgets, a distribution of places a seed."""

from collections.abc import Mapping
from dataclasses import replace

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Block, Cell, Marks, Row
from hxbench.report.papers.pet.budgets import live_said
from hxbench.report.papers.pet.rates import how
from hxbench.report.papers.pet.results import At, Results
from hxbench.report.papers.pet.rows import (
    APET,
    BUDGETS,
    ENDS,
    FAMILIES,
    FILE,
    PAPER,
    PLACED,
    Backbone,
    Family,
    budget_title,
)
from hxbench.report.papers.pet.scores import Tried
from hxbench.report.scores.estimate import Estimate
from hxbench.report.stats.spread import ratio
from hxbench.tasks import task_of

_NAME = "Figure 4"
_PRINTED_SEEDS = (1, 2, 3)
_METRIC = "average_of_SST2_RTE_MRPC"
_OURS = "each bar is one seed: its positions, its data order, its training"
Shown = Mapping[At, Tried]


def _printed(budget: str, seed: int | None, backbone: Backbone) -> float | None:
    """Return the printed value of a seed, or the printed deviation without one."""
    column, metric = (f"seed {seed}", _METRIC) if seed else ("S.D.", "sample_sd_over_3_seeds")
    return published(PAPER).value(_NAME, budget_title(budget), column, metric, backbone.printed)


def _score(tried: Shown, budget: str, backbone: Backbone) -> Estimate:
    """Return the mean over the tasks for each seed that has them."""
    one = tried.get(At(backbone.size, APET, budget))
    return one.over(PLACED) if one else Estimate()


def _cell(tried: Shown, budget: str, backbone: Backbone, seed: int, wanted: bool, marks: Marks) -> Cell:
    value = _score(tried, budget, backbone).by_seed.get(seed)
    one = tried.get(At(backbone.size, APET, budget))
    estimate = Estimate(incomplete=wanted and one is not None)
    if one and value is not None:
        estimate = Estimate((value,), runs=one.runs_behind(PLACED, [seed]), seeds=(seed,))
    return make_cell(estimate, _printed(budget, seed, backbone), marks)


def _spread_row(tried: Shown, backbone: Backbone, wanted: tuple[int, ...], marks: Marks) -> Row:
    cells = []
    for budget in BUDGETS:
        found, printed = _score(tried, budget, backbone), _printed(budget, None, backbone)
        few = len(found.values) < len(wanted)
        cell = make_cell(replace(found, incomplete=few), printed, marks) if found.sd is not None else Cell()
        cells.append(replace(cell, mean=found.sd, sd=None, n=len(found.values), published=printed, seeds=()))
    return Row(backbone.title, tuple(cells))


def _said(row: Row) -> str:
    """Return the deviations as they stand above a panel."""
    ours = " ".join("–" if cell.mean is None else f"{cell.mean:.1f}" for cell in row.cells)
    theirs = " ".join(f"{cell.published:.1f}" for cell in row.cells if cell.published is not None)
    words = [ours] if any(cell.mean is not None for cell in row.cells) else []
    words += [f"paper {theirs}"] if theirs else []
    return f"S.D. {'; '.join(words)}" if words else ""


def _shrinks(tried: Shown) -> str:
    """Return whether the deviation over places falls from the small to the large backbone."""

    def said(family: Family) -> str:
        small, large = ([_score(tried, b, end).values for b in BUDGETS] for end in family.ends)
        interval = ratio(small, large)
        return f"{family.title} {interval.said(2)}" if interval else ""

    words = [text for family in FAMILIES if (text := said(family))]
    return FILE.text("shrinks_over_seeds", intervals="; ".join(words)) if words else ""


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
    before = [
        *how(tried), *live_said(tried, ENDS, PLACED), *results.without(ENDS), *results.splits(shown),
        *results.other_answers(),
    ]  # fmt: skip
    caption = [FILE.text("groups"), *([shrinks] if shrinks else [])]
    placed = ", ".join(task_of(one).title for one in PLACED)
    figure = Figure(
        name="figure4",
        title=f"PET scaling, Figure 4: APET at random positions, mean of {placed}",
        kind="bars",
        places=tuple(BUDGETS.values()),
        axis="budget",
        panels=tuple(panels),
        compared=(Block("S.D. over the seeds (n − 1)", tuple(spreads)),),
        names=results.our_names(ENDS, lambda one: results.parameters(tried, one), "{ours}; paper: {paper}"),
        **results.told("figure4", shown, marks, before=before, caption=caption),
        ours=_OURS,
    )
    return [figure]
