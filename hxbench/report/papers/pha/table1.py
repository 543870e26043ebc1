"""Table 1: GLUE and SuperGLUE, every method, with what it trains per task; one table a suite."""

from dataclasses import replace

from hxbench.report.artifact.cells import MAJORITY
from hxbench.report.artifact.table import (
    Block,
    Cell,
    Column,
    Marks,
    Row,
    Table,
    mark_best_of_columns,
    mark_seeds,
    of_scores,
)
from hxbench.report.paper import MethodRow
from hxbench.report.papers.pha.cells import (
    origin_of,
    parameters_cell,
    score_cell,
)
from hxbench.report.papers.pha.results import Results
from hxbench.report.papers.pha.rows import FILE, SUITES, TABLE1, TASKS
from hxbench.report.results import NOT_OF_PAPER
from hxbench.report.scores.averages import mean_of_all
from hxbench.report.scores.protocol import divided_otherwise
from hxbench.report.scores.run_set import RunSet
from hxbench.report.stats.significance import Resampler, mark_leads, said
from hxbench.spec.settings import Pair
from hxbench.tasks import ENGLISH, task_of

_QUOTED_LIMIT = 10_000  # training examples; the paper's text has 100,000


def _columns(suite: str, marks: Marks) -> tuple[Column, ...]:
    of_task = marks.letter("trained and counted per task: of a shared model its part")
    odd = {"cola": FILE.text("matthews")}
    return (
        Column("params", kind="parameters", mark=of_task),
        *(Column(task_of(t).title, mark=marks.letter(odd[t]) if t in odd else "") for t in TASKS[suite]),
        Column("mean"),
    )


def _row(title: str, method: MethodRow | None, runs: RunSet, suite: str, marks: Marks) -> Row:
    cells = [parameters_cell(runs, method, suite, marks)]
    cells += [score_cell(runs, method, suite, task, marks) for task in (*TASKS[suite], None)]
    origin = origin_of(method.published) if method and suite == "glue" else "" if method else NOT_OF_PAPER
    return Row(title, tuple(cells), mark=marks.letter(origin) if origin else "")


def _majority(sets: list[RunSet], suite: str, marks: Marks) -> Row:
    """Return the row of what needs no model; nothing in it competes with the others."""
    found: dict[str, float] = {}
    for runs in sets:
        found |= {task: value for task, value in runs.majority.items() if task in TASKS[suite]}
    if found and "stsb" in TASKS[suite]:
        found.setdefault("stsb", 0.0)  # runs note it of tasks with classes alone
    each = [found.get(task) for task in TASKS[suite]]
    values = [*each, mean_of_all(each)]
    return Row("majority", (Cell(text=""), *(Cell(value) for value in values)), mark=marks.letter(MAJORITY))


def _methods(results: Results, suite: str) -> list[tuple[str, MethodRow | None, str, str]]:
    """Return title, row of the paper, recipe and setting of everything that is shown of a suite."""
    known: list[tuple[str, MethodRow | None, str, str]] = [(r.title, r, r.method, r.setting) for r in TABLE1]
    own = [(name, setting) for setting in ("single", "multi") for name in results.own(setting)]
    sets = ((name, setting, results.run_set(name, setting, suite=suite)) for name, setting in own)
    here = [(name, setting) for name, setting, runs in sets if runs.records or runs.notes]
    return known + [(results.title_of(name), None, name, setting) for name, setting in here]


def _table(results: Results, suite: str, resampler: Resampler) -> tuple[Table, list[RunSet]]:
    marks = Marks()
    columns, methods = _columns(suite, marks), _methods(results, suite)
    sets = [results.run_set(method, setting, suite=suite) for _, _, method, setting in methods]
    rows = tuple(
        _row(title, row, runs, suite, marks) for (title, row, *_), runs in zip(methods, sets, strict=True)
    )
    block = mark_best_of_columns(Block("", rows), columns)
    block = of_scores(block, columns, lambda cells: mark_seeds(cells, marks))
    lead = resampler.best(sets, [Pair(task, ENGLISH) for task in TASKS[suite]], suite, "mean")
    leads = [lead] if lead else []
    certain = said("Table 1", leads, [title for title, *_ in methods], SUITES.__getitem__)
    block = mark_leads(block, leads, lambda lead: -1)
    chance = Block("", (_majority(sets, suite, marks),))
    table = Table(
        name=f"table1-{suite}",
        title=f"PHA, Table 1: {SUITES[suite]}",
        columns=columns,
        blocks=(block, chance),
        **results.told(
            "table1", sets, marks, before=_quoted(results, sets, suite), after=certain, lacking=(),
            sure=bool(lead and lead.p is not None),
        ),
    )  # fmt: skip
    return table, sets


def _quoted(results: Results, sets: list[RunSet], suite: str) -> list[str]:
    """Return what to say of quoted rows, whose sources divide development sets by another limit."""
    records = [record for runs in sets for record in runs.records]
    tasks = [] if results.synthetic else divided_otherwise(records, TASKS[suite], _QUOTED_LIMIT)
    named = ", ".join(task_of(one).title for one in tasks)
    return [FILE.text("limits", limit=_QUOTED_LIMIT, tasks=named)] if tasks else []


def build(results: Results) -> list[Table]:
    """Return two tables; the commands below the last are those for both."""
    resampler = Resampler()
    made = [_table(results, suite, resampler) for suite in SUITES]
    shown = [runs for _, sets in made for runs in sets]
    (first, _), (last, _) = made
    return [first, replace(last, commands=results.commands(shown, "table1"))]
