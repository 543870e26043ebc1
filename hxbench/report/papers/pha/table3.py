"""Table 3: PHA without its prototypes, without its retriever, and without both."""

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best_of_columns, mark_seeds
from hxbench.report.papers.pha.results import Results
from hxbench.report.papers.pha.rows import PAPER, SUITES, TASKS
from hxbench.report.scores.run_set import Condition
from hxbench.report.stats.significance import HOW_GAIN, Resampler, said
from hxbench.spec.settings import Pair
from hxbench.tasks import ENGLISH

_NAME = "Table 3"
_PARTS = ("prototypes", "retriever")
_COLUMNS = (*(Column(part, paper=False) for part in _PARTS), Column("GLUE mean"))
_NEITHER = "the paper does not say what neither is: here the hypernetwork reads the encoder's features directly"


def _parts(one: Condition) -> tuple[bool, bool]:
    """Return whether a condition has prototypes and whether it has the retriever."""
    prototypes, retriever = (bool(one.block.options.get(part, True)) for part in _PARTS)
    return prototypes, retriever


def _printed(parts: tuple[bool, bool]) -> float | None:
    prototypes, retriever = ("yes" if there else "no" for there in parts)
    row = f"prototype={prototypes};retriever={retriever}"
    return published(PAPER).value(_NAME, row, "GLUE Score", "mean_over_tasks", "T5-base")


def build(results: Results) -> list[Table]:
    """Return the one table, whole PHA last."""
    marks = Marks()
    conditions = sorted(results.conditions("table3"), key=_parts)
    scores = [make_cell(one.run_set.tasks(TASKS["glue"]), _printed(_parts(one)), marks) for one in conditions]
    rows = []
    for one, cell in zip(conditions, mark_seeds(scores, marks), strict=True):
        has = tuple(Cell(text="yes" if there else "no") for there in _parts(one))
        rows.append(Row(one.label, (*has, cell), mark="" if any(_parts(one)) else marks.letter(_NEITHER)))
    sets, whole = [one.run_set for one in conditions], len(conditions) - 1
    resampler = Resampler()
    glue = [Pair(task, ENGLISH) for task in TASKS["glue"]]
    leads = [resampler.compare(sets, whole, other, glue, "glue", "mean") for other in range(whole)]
    there = [lead for lead in leads if lead]
    certain = said("Table 3", there, [one.label for one in conditions], SUITES.__getitem__)
    how = [f"p of a gain: {HOW_GAIN}."] if any(lead.p is not None for lead in there) else []
    return [
        Table(
            stub="PHA with",
            columns=_COLUMNS,
            blocks=(mark_best_of_columns(Block("", tuple(rows)), _COLUMNS),),
            **results.told("table3", conditions, marks, after=[*certain, *how]),
        )
    ]
