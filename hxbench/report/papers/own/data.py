"""What was run on a user's own data: every method and setting by task and language."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from hxbench.errors import InputError
from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best_of_columns
from hxbench.report.registry import Artifact, Made
from hxbench.report.results import PaperResults
from hxbench.report.scores.estimate import Estimate, runs_behind
from hxbench.report.scores.plain import rows_of
from hxbench.report.select.families import Family
from hxbench.spec.languages import languages_for
from hxbench.spec.settings import SETTINGS, Pair
from hxbench.store import RunRecord
from hxbench.tasks import task_of
from hxbench.tasks.description import Described, OwnData

NUMBERS = "mean ± sample s.d. over the seeds; the data are the user's own: nothing is published beside it"
_OWN = "described by the user"
_TRAINED = "every model was trained on it"
_RUNS = Column("runs", kind="seeds", paper=False)


@dataclass(frozen=True)
class Scores:
    """The test scores of a family's runs by pair: of the models that were not trained on it, else of all."""

    family: Family
    by_pair: Mapping[Pair, Mapping[int, float]]
    sources: frozenset[Pair]  # on which all models were trained


def build(results: PaperResults[Any], own: OwnData) -> list[Table]:
    """Return a table for each task, methods by settings against languages; none where nothing was run."""
    families = [
        results.families.choose(method, setting)
        for setting in SETTINGS
        for method in results.families.methods(setting)
    ]
    found = [_scores(family) for family in families if family.runs]
    tasks = list(dict.fromkeys(pair.task for one in found for pair in one.by_pair))
    notes = [note for family in families for note in family.notes]
    return [_table(results, own.described, task, found, notes) for task in tasks]


def made(every: Iterable[PaperResults[Any]], own: OwnData) -> Made:
    """Return the tables of all papers on whose ground something was run, as one thing to print or to write.

    Raises `InputError` where nothing was.
    """
    found = [(results.paper, build(results, own)) for results in every]
    there = [(paper, tables) for paper, tables in found if tables]
    if not there:
        raise InputError(
            f"nothing was run on {own.described.title} here: hxbench train METHOD --data {own.path.name} does; "
            "--profile and --store say where to look."
        )
    title = f"What was run on {own.described.title}"
    artifact = Artifact(there[0][0], f"data-{own.path.stem}", title, __name__)
    return Made(artifact, tuple(table for _, tables in there for table in tables))


def _scores(family: Family) -> Scores:
    given: dict[Pair, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    supervised: dict[Pair, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (_, seed), record in family.runs.items():
        for row in _tests(record):
            kind = supervised if row.get("role") == "source" else given
            kind[Pair(row["task"], row["language"])][seed].append(float(row["value"]))
    sources = frozenset(supervised.keys() - given.keys())
    of = {**{pair: supervised[pair] for pair in sources}, **given}
    by_pair = {pair: {seed: fmean(values) for seed, values in sorted(seeds.items())} for pair, seeds in of.items()}
    return Scores(family, by_pair, sources)


def _tests(record: RunRecord) -> Iterator[dict[str, Any]]:
    """Yield the rows of test scores that enter averages."""
    for row in rows_of(record):
        usual = row.get("split") == "test" and row.get("value") is not None
        if usual and row.get("metric") == task_of(str(row["task"])).metric:
            yield dict(row)


def _table(
    results: PaperResults[Any], described: Described, task: str, found: list[Scores], notes: list[str]
) -> Table:
    marks = Marks()
    languages = languages_for(str(results.scale.data.get("origin")), described)
    some = [one for one in found if any(pair.task == task for pair in one.by_pair)]
    there = {pair.language for one in some for pair in one.by_pair if pair.task == task}
    codes = [code for code in languages if code in there]
    own = {code for name, code in described.pairs if name == task}
    known = task_of(task)
    columns = (
        _RUNS,
        *(
            Column(languages[code].label, known.title, paper=False, mark=marks.letter(_OWN) if code in own else "")
            for code in codes
        ),
        *((Column("mean", known.title, paper=False),) if len(codes) > 1 else ()),
    )
    blocks = []
    for setting in SETTINGS:
        here = [one for one in some if one.family.setting == setting]
        rows = tuple(_row(results, one, task, codes, marks) for one in here)
        if rows:
            blocks.append(mark_best_of_columns(Block(setting, rows), columns))
    shown = [one.family for one in some]
    return Table(
        name=f"{task}-{described.title}",
        title=f"{described.title}: {known.title}, {known.metric}",
        stub="method",
        columns=columns,
        blocks=tuple(blocks),
        layout="beside",
        heading=results.heading((), NUMBERS, seeds=sorted({s for one in shown for _, s in one.runs})),
        notes=marks.notes(),
        remarks=(
            *([_MEAN] if len(codes) > 1 else []),
            *dict.fromkeys(notes),
            *results.store.left_out(),
        ),
        facts={"paper": results.paper, "profile": results.profile},
    )


_MEAN = "mean: over the languages that no model of the row was trained on; over all where there are none."


def _row(results: PaperResults[Any], one: Scores, task: str, codes: Iterable[str], marks: Marks) -> Row:
    family = one.family
    wanted = len(family.models) * len(family.seeds or results.scale.seeds)
    count = len(family.runs)
    cells = [Cell(text=str(count) if count >= wanted else f"{count} of {wanted}")]
    pairs = [Pair(task, code) for code in codes]
    for pair in pairs:
        cell = make_cell(_estimate(one, [pair]), None, marks)
        trained = pair in one.sources and cell.mean is not None
        cells.append(replace(cell, marks=(*cell.marks, marks.letter(_TRAINED))) if trained else cell)
    if len(pairs) > 1:
        there = [pair for pair in pairs if pair in one.by_pair]
        cells.append(make_cell(_estimate(one, [p for p in there if p not in one.sources] or there), None, marks))
    return Row(results.title_of(family.method), tuple(cells))


def _estimate(one: Scores, pairs: list[Pair]) -> Estimate:
    """Return the mean over pairs, for each seed that has them all."""
    values = [one.by_pair.get(pair, {}) for pair in pairs]
    seeds = sorted(set.intersection(*(set(some) for some in values))) if values else []
    return Estimate(
        tuple(fmean(some[seed] for some in values) for seed in seeds),
        frozenset(map(str, pairs)),
        seeds=tuple(seeds),
        runs=runs_behind(one.family.runs.values(), {pair.task for pair in pairs}),
    )
