"""Which learning rates were tried, and which counted where a profile tries several (PET scaling, appendix B)."""

from collections.abc import Iterator, Mapping, Sequence

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best_of_columns
from hxbench.report.papers.pet.results import At, Results
from hxbench.report.papers.pet.rows import FAMILIES, FILE, METHODS, Backbone
from hxbench.report.papers.pet.scores import Tried, validated
from hxbench.report.scores.averages import mean
from hxbench.report.scores.estimate import Estimate, combined
from hxbench.report.scores.run_set import Condition, RunSet
from hxbench.report.select.identity import recipe_spec
from hxbench.tasks import task_of, tasks_in

_TRIES = "rates"  # the experiment
_NONE = "nothing was tried at this profile."
Place = tuple[Backbone, str]  # a backbone and a task


def how(tried: Mapping[At, Tried]) -> list[str]:
    """Return which rates count; nothing where no method is tried at more than one."""
    return [FILE.text("rates")] if any(len(one.sets) > 1 for one in tried.values()) else []


def _text(one: Tried | None, task: str) -> str:
    there = one and any(validated(runs, runs.seeds).score(task).values for runs in one.sets.values())
    rate = one.rate(task) if one and there else None
    return _said(rate) if rate else ""


def _said(rate: float) -> str:
    return f"{rate:g}".replace("e-0", "e-")


def rates_table(name: str, tried: Mapping[At, Tried], facts: dict[str, str]) -> list[Table]:
    """Return a table of the rates that counted; nothing where there was no choice."""
    if not how(tried):
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
    columns = tuple(Column(task_of(task).title, paper=False) for task in tasks_in("pet"))
    return [Table(f"{name}-rates", "Learning rates that counted", "method", columns, tuple(blocks), facts=facts)]


def _cells(sets: Mapping[str, RunSet], places: Sequence[Place], marks: Marks) -> Iterator[Cell]:
    """Yield the development scores of a rate by place, and their mean where all are there; `sets` are by size.

    They are of the seeds of the tries alone: the rate that was chosen has runs of others, too.
    """
    there = {size: validated(runs, runs.wanted) for size, runs in sets.items()}
    missing = Estimate(incomplete=True)
    found = [there[one.size].score(task) if one.size in there else missing for one, task in places]
    for estimate in (*found, combined(found, mean)):
        yield make_cell(estimate, None, marks)


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
        *(Column(task_of(task).title, backbone.title, paper=False) for backbone, task in places),
        Column("all", "mean", paper=False),
    )
    blocks = [
        _block(results, method, [one for one in conditions if one.method == method], places, marks)
        for method in dict.fromkeys(one.method for one in conditions)
    ]
    told = results.told(
        _TRIES, conditions, marks, numbers=FILE.text("tries", seeds=seeds or "–"), sizes=sizes,
        before=[FILE.text("one_rate") if blocks else _NONE], several_backbones=True,
    )  # fmt: skip
    return [Table(columns=columns, blocks=tuple(mark_best_of_columns(one, columns) for one in blocks), **told)]
