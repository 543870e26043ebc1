"""What an experiment asks for, as the store has it: plain tables of what was run, nothing published beside it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

from hxbench.errors import InputError
from hxbench.report.cells import make_cell
from hxbench.report.estimate import Estimate
from hxbench.report.identity import flat
from hxbench.report.plain_scores import MAJORITY, MEAN, majorities, shot_scores
from hxbench.report.registry import Artifact, Made
from hxbench.report.results import PaperResults
from hxbench.report.shown import Condition
from hxbench.report.table import Block, Cell, Column, Marks, Row, Table, format_value, mark_best_of_columns
from hxbench.spec import experiment as experiments
from hxbench.spec import recipe
from hxbench.spec.recipe import ExperimentBlock
from hxbench.store import RunRecord

NUMBERS = "mean ± sample s.d. over the seeds; nothing is published beside it"
_RUNS = Column("runs", kind="seeds", paper=False)
_SUITES = {"glue": "GLUE", "superglue": "SuperGLUE"}


@dataclass(frozen=True)
class Line:
    """One row: what was run under one condition, or tuned from its models on `k` examples."""

    title: str
    block: ExperimentBlock
    scores: Mapping[Column, Estimate]
    records: Sequence[RunRecord]
    wanted: int  # runs
    k: int = 0

    @property
    def on(self) -> tuple[str, bool]:
        """What tells the tables apart: the suite, and whether the models were tuned on few examples."""
        return self.block.suite or "", self.k > 0

    @property
    def above(self) -> str:
        """What stands above the row: the setting, and on what."""
        suite, few = self.on
        words = [self.block.setting, _SUITES.get(suite, ""), "tuned on k examples" if few else ""]
        return ", ".join(word for word in words if word)

    @property
    def changes(self) -> str:
        """What the block changes in the recipe."""
        block = self.block
        given: dict[str, Any] = {"options": block.options, "training": block.training, "data": block.data}
        words = [f"{name} {value}" for name, value in flat(given).items()]
        words += [f"shortened to {block.shorten:g} of the updates"] if block.shorten != 1 else []
        words += [f"backbone of size {block.size}"] if block.size else []
        words += ["random weights"] if block.weights == "random" else []
        words += ["switched partitions"] if block.switched else []
        return f"with {', '.join(words)}" if words else ""


def build(results: PaperResults[Any], experiment: str, seeds: Sequence[int] | None = None) -> list[Table]:
    """Return a table for each set of tasks that the experiment has runs of; commands are below the last.

    `seeds` are those that were asked for, by default all of the profile; where others are there too, they count.
    """
    conditions = results.conditions(experiment)
    found: recipe.ExperimentRecipe = recipe.load(results.paper, experiment)
    file = Path(experiment).suffix != ""
    sizes = list(dict.fromkeys(one.block.size for one in conditions if one.block.size))
    lines = sorted((line for one in conditions for line in _lines(results, one, seeds)), key=lambda line: line.on)
    if not lines:
        raise InputError(f"experiment {experiment} has no runs at profile {results.profile}.")
    tables = []
    for number, (_, some) in enumerate(groupby(lines, key=lambda line: line.on)):
        marks = Marks()
        columns, blocks = _blocks(list(some), marks)
        tables.append(
            Table(
                name=f"{Path(experiment).stem}-{number + 1}",
                title=f"{Path(experiment).name if file else f'{results.paper}/{experiment}'}: {found.about}",
                stub="method",
                columns=columns,
                blocks=blocks,
                heading=results.heading(conditions, NUMBERS, sizes=sizes),
                notes=marks.notes(),
                remarks=results.remarks(conditions),
                facts={"paper": results.paper, "profile": results.profile},
            )
        )
    lacking = any(len(line.records) < line.wanted for line in lines)
    commands = (results.to_type.run(experiment, set()),) if lacking else ()
    return [*tables[:-1], replace(tables[-1], commands=commands)]


def made(results: PaperResults[Any], experiment: str) -> Made:
    """Return the plain tables as one thing to print or to write beside the artifacts."""
    name = f"runs-of-{Path(experiment).stem}"
    artifact = Artifact(results.paper, name, f"What was run of {Path(experiment).name}", __name__)
    return Made(artifact, tuple(build(results, experiment)))


def _lines(results: PaperResults[Any], one: Condition[Any], asked_for: Sequence[int] | None) -> Iterator[Line]:
    """Yield the rows of a condition: of the models themselves, then of what was tuned from them, by k."""
    runs, block, seeds = one.run_set, one.block, tuple(asked_for or results.scale.seeds)
    title = results.title_of(Path(one.method).stem)
    title = f"{title}, {block.label}" if block.label else title
    alone = block.few_shot and recipe.load("methods", one.method).few_shot_from == "nothing"
    if not alone:
        missing = [model for model, seed in runs.missing() if seed in seeds]
        scores = results.plain_scores(runs)
        yield Line(
            title, block, _whole(scores) if not missing else scores, runs.records, len(runs.models) * len(seeds)
        )
    if not block.few_shot:
        return
    asked = block.model_copy(update={"methods": (one.method,)})
    wanted = [
        w.spec for w in experiments.block_runs(asked, results.to_type.profile, seeds=seeds) if w.spec.few_shot
    ]
    there = results.families.few_shot(runs.family, block)
    for k in block.few_shot.k:
        shots = [spec for spec in wanted if spec.few_shot and spec.few_shot.k == k]
        pairs = dict.fromkeys((s.few_shot.task, s.few_shot.language) for s in shots if s.few_shot)
        records = [r for r in there if r.fields["few_shot"]["k"] == k]
        scores = shot_scores(records, pairs, seeds, results.scale.draws)
        yield Line(f"{title}, k = {k}", block, scores, records, len(shots), k)


def _whole(scores: Mapping[Column, Estimate]) -> dict[Column, Estimate]:
    """Return scores that lack nothing of what was asked for, whatever the profile's seeds are."""
    return {column: replace(score, incomplete=False) for column, score in scores.items()}


def _blocks(lines: list[Line], marks: Marks) -> tuple[tuple[Column, ...], tuple[Block, ...]]:
    """Return the columns of some rows, and the rows by their setting, what needs no model last."""
    scored = list(dict.fromkeys(column for line in lines for column in line.scores if column != MEAN))
    scored += [MEAN] if any(MEAN in line.scores for line in lines) else []
    columns = (_RUNS, *scored)
    blocks = []
    for above in dict.fromkeys(line.above for line in lines):
        rows = [_row(line, scored, marks) for line in lines if line.above == above]
        blocks.append(mark_best_of_columns(Block(above, tuple(rows)), columns))
    chance = majorities(record for line in lines for record in line.records)
    if chance:
        alone = [next(iter(values)) for values in chance.values() if len(values) == 1]
        if len(alone) == len([column for column in scored if column != MEAN]):
            chance[MEAN.title] = {fmean(alone)}
        cells = [_of_majority(chance.get(column.title, set())) for column in scored]
        blocks.append(Block("", (Row("majority", (Cell(text=""), *cells), mark=marks.letter(MAJORITY)),)))
    return columns, tuple(blocks)


def _of_majority(values: set[float]) -> Cell:
    if len(values) < 2:
        return Cell(next(iter(values), None))
    return Cell(text="–".join(format_value(value, "score") for value in (min(values), max(values))))


def _row(line: Line, columns: Iterable[Column], marks: Marks) -> Row:
    there = len(line.records)
    count = Cell(text=str(there) if there >= line.wanted else f"{there} of {line.wanted}")
    cells = [make_cell(line.scores.get(column, Estimate()), None, marks) for column in columns]
    return Row(line.title, (count, *cells), mark=marks.letter(line.changes) if line.changes else "")
