"""Which learning rates were tried, and which counted where a profile tries several (PET scaling, appendix B)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from statistics import fmean

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best_of_columns
from hxbench.report.papers.pet.results import At, Results
from hxbench.report.papers.pet.rows import FAMILIES, METHODS, Backbone, task_title
from hxbench.report.papers.pet.scores import Tried, validation
from hxbench.report.scores.estimate import Estimate, Runs
from hxbench.report.scores.run_set import Condition, RunSet
from hxbench.report.select.identity import recipe_spec
from hxbench.spec.settings import Model
from hxbench.tasks import tasks_in

HOW = (
    "Of the learning rates tried, the one with the best mean validation score over the seeds counts, for each "
    "method, backbone and task on its own."
)
_TRIES = "rates"  # the experiment
_NUMBERS = "tries: seed {}, development scores at the weights that were kept; the paper prints no such numbers"
_CHOSEN = (
    "The mean over all columns chooses the one rate of a method, the same for every backbone and task. No test "
    "set had a part in it."
)
_NONE = "nothing was tried at this profile."
Place = tuple[Backbone, str]  # a backbone and a task


def several(tried: Mapping[At, Tried]) -> bool:
    """Return whether any method is tried at more than one rate."""
    return any(len(one.sets) > 1 for one in tried.values())


def _text(one: Tried | None, task: str) -> str:
    rate = (
        one.rate(task) if one and any(validation(runs, task) is not None for runs in one.sets.values()) else None
    )
    return _said(rate) if rate else ""


def _said(rate: float) -> str:
    return f"{rate:g}".replace("e-0", "e-")


def rates_table(name: str, tried: Mapping[At, Tried], facts: dict[str, str]) -> list[Table]:
    """Return a table of the rates that counted; nothing where there was no choice."""
    if not several(tried):
        return []
    blocks = []
    for family in FAMILIES:
        for backbone in family.backbones:
            rows = [
                Row(method.title, tuple(Cell(text=_text(tried.get(At(backbone.size, method.method)), task))
                                        for task in tasks_in("pet")))
                for method in METHODS
            ]  # fmt: skip
            blocks.append(Block(backbone.title, tuple(rows)))
    columns = tuple(Column(task_title(task), paper=False) for task in tasks_in("pet"))
    return [Table(f"{name}-rates", "Learning rates that counted", "method", columns, tuple(blocks), facts=facts)]


def _cells(sets: Mapping[str, RunSet], places: Sequence[Place], marks: Marks) -> Iterator[Cell]:
    """Yield the development scores of a rate by place, and their mean where all are there; `sets` are by size."""
    found: list[float | None] = []
    every: Runs = frozenset()
    seeds = {seed for runs in sets.values() for seed in runs.wanted}
    for backbone, task in places:
        runs = sets.get(backbone.size)
        # the seeds of the tries alone: the rate that was chosen has runs of others, too
        found.append(validation(runs, task, runs.wanted) if runs else None)
        behind = runs.runs_behind([(Model(task), seed) for seed in runs.wanted], (task,)) if runs else frozenset()
        every |= behind
        yield make_cell(_estimate([found[-1]], behind, seeds), None, marks)
    yield make_cell(_estimate(found, every, seeds), None, marks)


def _estimate(scores: Sequence[float | None], runs: Runs, seeds: Collection[int]) -> Estimate:
    there = [score for score in scores if score is not None]
    whole = len(there) == len(scores)
    shown = whole and there
    if not shown:
        return Estimate(incomplete=not whole)
    of = tuple(seeds) if len(seeds) == 1 else ()
    return Estimate((fmean(there),), incomplete=not whole, runs=runs, seeds=of)


def _block(results: Results, method: str, some: Sequence[Condition], places: Sequence[Place], marks: Marks
           ) -> Block:  # fmt: skip
    """Return a row for each rate of a method."""
    plain = some[0].block.model_copy(update={"training": {}})
    spec = recipe_spec(method, plain.setting, results.to_type.profile, block=plain)
    rows = []
    for rate in dict.fromkeys(one.block.training["lr"] for one in some):
        sets = {one.block.size: one.run_set for one in some if one.block.training["lr"] == rate}
        own = ", the recipe's" if spec and rate == spec.training.lr else ""
        rows.append(Row(f"{_said(rate)}{own}", tuple(_cells(sets, places, marks))))
    return Block(results.title_of(method), tuple(rows))


def build(results: Results) -> list[Table]:
    """Return the development scores of the rates tried: a block a method, a row a rate."""
    conditions, marks = [one for one in results.conditions(_TRIES) if "lr" in one.block.training], Marks()
    places = [
        (backbone, task)
        for family in FAMILIES
        for backbone in family.backbones
        for task in dict.fromkeys(t for one in conditions if one.block.size == backbone.size
                                  for t in one.block.every_task)
    ]  # fmt: skip
    seeds = ", ".join(dict.fromkeys(str(seed) for one in conditions for seed in one.run_set.wanted))
    sizes = list(dict.fromkeys(backbone.size for backbone, _ in places))
    columns = (
        *(Column(task_title(task), backbone.title, paper=False) for backbone, task in places),
        Column("all", "mean", paper=False),
    )
    blocks = [
        _block(results, method, [one for one in conditions if one.method == method], places, marks)
        for method in dict.fromkeys(one.method for one in conditions)
    ]
    return [
        Table(
            stub="learning rate",
            columns=columns,
            blocks=tuple(mark_best_of_columns(block, columns) for block in blocks),
            **results.told(
                _TRIES,
                conditions,
                marks,
                numbers=_NUMBERS.format(seeds or "–"),
                sizes=sizes,
                before=[_CHOSEN if blocks else _NONE],
                several_bodies=True,
            ),
        )
    ]
