"""What an experiment asks for, as the store has it: plain tables of what was run, nothing published beside it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from hxbench.errors import InputError
from hxbench.report.artifact.cells import MAJORITY, MEAN, by_task, make_cell
from hxbench.report.artifact.table import (
    Block,
    Cell,
    Column,
    Marks,
    Row,
    Table,
    format_value,
    mark_best_of_columns,
)
from hxbench.report.papers.kept import Kept
from hxbench.report.registry import Artifact, Made
from hxbench.report.results import Results
from hxbench.report.scores.averages import mean_of_all
from hxbench.report.scores.estimate import Estimate
from hxbench.report.scores.rows import majority_in, rows_of
from hxbench.report.scores.run_set import Condition, RunSet
from hxbench.report.select.identity import flat
from hxbench.spec import experiment as experiments
from hxbench.spec import recipe
from hxbench.spec.languages import find_language
from hxbench.spec.recipe import ExperimentBlock
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import Pair
from hxbench.store import RunRecord
from hxbench.tasks import TAGGING, suite_tasks, task_of

NUMBERS = "mean ± sample s.d. over the seeds; nothing is published beside it"
TRIES = "development scores at the weights that were kept: no test set has a part in choosing a rate"
_RUNS = Column("runs", kind="seeds", paper=False)
_SUITES = {"glue": "GLUE", "superglue": "SuperGLUE"}


@dataclass(frozen=True)
class Line:
    """One row: what was run under one condition, or tuned from its models on `k` examples."""

    title: str
    label: str  # of the condition
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
    def changes(self) -> tuple[str, ...]:
        """What the block changes in the recipe."""
        block = self.block
        given: dict[str, Any] = {"options": block.options, "training": block.training, "data": block.data}
        words = [f"{name} {value}" for name, value in flat(given).items()]
        words += [f"shortened to {block.shorten:g} of the updates"] if block.shorten != 1 else []
        words += [f"backbone {Path(block.backbone).name}"] if block.backbone else []
        words += [f"backbone of size {block.size}"] if block.size else []
        words += ["random weights"] if block.weights == "random" else []
        words += ["switched sources"] if block.switched else []
        return tuple(words)


def build(results: Results, experiment: str, seeds: Sequence[int] | None = None) -> list[Table]:
    """Return a table for each set of tasks that the experiment has runs of; commands are below the last.

    `seeds` are those that were asked for, by default all of the profile; where others are there too, they count.
    """
    conditions = results.conditions(experiment)
    plain = experiments.blocks(results.paper, experiment)
    tries = any(recipe.at_profile(block.rates, results.profile) for block in plain)
    found: recipe.ExperimentRecipe = recipe.load(results.paper, experiment)
    file = Path(experiment).suffix != ""
    sizes = list(dict.fromkeys(one.block.size for one in conditions if one.block.size))
    titles = _titles(results, dict.fromkeys(one.method for one in conditions))
    lines = sorted(
        (line for one in conditions for line in _lines(results, one, titles[one.method], seeds, tries)),
        key=lambda line: line.on,
    )
    if not lines:
        raise InputError(f"experiment {experiment} has no runs at profile {results.profile}.")
    tables, every = [], _seeds_of(conditions, results, seeds)
    names = [results.file.text("names")] if "names" in results.file.texts else []
    for number, some in enumerate([*group] for _, group in groupby(lines, key=lambda line: line.on)):
        marks = Marks()
        common = set.intersection(*({*line.changes} for line in some)) if len(some) > 1 else set()
        alike = [word for word in some[0].changes if word in common]
        if tries:  # their titles say the rate
            common |= {word for line in some for word in line.changes if word.startswith("training.lr ")}
        columns, blocks = _blocks(some, common, marks, chance=not tries)
        told = results.told(
            "", conditions, marks, numbers=TRIES if tries else NUMBERS, sizes=sizes, seeds=every,
            before=[*names, *([f"all with {', '.join(alike)}."] if alike else [])],
        )  # fmt: skip
        title = f"{Path(experiment).name if file else f'{results.paper}/{experiment}'}: {found.about}"
        name = f"{Path(experiment).stem}-{number + 1}"
        tables.append(Table(name=name, title=title, stub="method", columns=columns, blocks=blocks, **told))
    lacking = any(len(line.records) < line.wanted for line in lines)
    commands = results.to_type.in_place([results.to_type.run(experiment)] if lacking else [])
    return [*tables[:-1], replace(tables[-1], commands=commands)]


def made(results: Results, experiment: str) -> Made:
    """Return the plain tables as one thing to print or to write beside the artifacts."""
    name = f"runs-of-{Path(experiment).stem}"
    artifact = Artifact(results.paper, name, f"What was run of {Path(experiment).name}", __name__)
    return Made(artifact, tuple(build(results, experiment)))


def _seeds_of(conditions: Iterable[Condition], results: Results, asked_for: Sequence[int] | None) -> list[int]:
    """Return the seeds that the blocks ask for, each its own or else the profile's."""
    return sorted({s for one in conditions for s in asked_for or one.block.seeds or results.scale.seeds})


def _lines(
    results: Results, one: Condition, title: str, asked_for: Sequence[int] | None, tries: bool
) -> Iterator[Line]:
    """Yield the rows of a condition: of the models themselves, then of what was tuned from them, by k.

    Of `tries`, which a choice is made by, the scores are those of development sets, and the rate is the title.
    """
    runs, block = one.run_set, one.block
    seeds = tuple(_seeds_of([one], results, asked_for))
    label = block.label
    if tries:
        label = f"{title}, {label}" if label else title
        rate = block.training.get("lr")
        yield Line(
            f"rate {rate:g}" if rate else "the recipe's rate", label, block, _kept(runs, seeds),
            runs.records, len(runs.models) * len(seeds),
        )  # fmt: skip
        return
    alone = block.few_shot and recipe.load("methods", one.method).few_shot_from == "nothing"
    if not alone:
        missing = [model for model, seed in runs.missing() if seed in seeds]
        scores = results.plain_scores(runs)
        if not missing:  # nothing lacks of what was asked for, whatever the profile's seeds are
            scores = {column: replace(score, incomplete=False) for column, score in scores.items()}
        yield Line(title, label, block, scores, runs.records, len(runs.models) * len(seeds))
    if not block.few_shot:
        return
    asked = block.model_copy(update={"methods": (one.method,)})
    runs_of = experiments.block_runs(asked, results.to_type.profile, seeds=seeds)
    wanted = [shot for w in runs_of if (shot := w.spec.few_shot)]
    tuned = results.shots(runs, block, seeds)
    for k in block.few_shot.k:
        shots = [shot for shot in wanted if shot.k == k]
        pairs = dict.fromkeys(Pair(s.task, find_language(s.language).paper_code) for s in shots)
        records = [
            r for r in tuned.tuned if isinstance(r.spec, RunSpec) and r.spec.few_shot and r.spec.few_shot.k == k
        ]
        scores = by_task(pairs, partial(tuned.over, k=k))
        yield Line(title, label, block, scores, records, len(shots), k)


def _kept(runs: RunSet, wanted: Collection[int]) -> dict[Column, Estimate]:
    """Return what weights were chosen by: development scores of the tasks, and the mean of all pairs.

    That of a task in several languages is the mean over those that were trained on.
    """
    suite = runs.family.together or suite_tasks(runs.family.suite or TAGGING)
    tasks = tuple(dict.fromkeys(t for model in runs.models for t in ((model.task,) if model.task else suite)))
    columns: dict[Column, tuple[str, ...]] = {Column(task_of(t).title, paper=False): (t,) for t in tasks}
    columns |= {MEAN: tasks} if len(tasks) > 1 else {}
    kept = Kept(runs, wanted)
    return {column: kept.of(some) for column, some in columns.items()}


def _majorities(records: Iterable[RunRecord]) -> dict[str, set[float]]:
    """Return what always the most frequent label scores, by the title of the task.

    Which label it is may differ between runs that are trained on different examples.
    """
    found: dict[str, set[float]] = defaultdict(set)
    for record in records:
        for task, value in majority_in(rows_of(record)).items():
            found[task_of(task).title].add(value)
    return found


def _titles(results: Results, methods: Iterable[str]) -> dict[str, str]:
    """Return what rows are called by method, two of one title by its name as well."""
    found = {method: _title(results, method) for method in methods}
    several = {title for title, count in Counter(found.values()).items() if count > 1}
    return {m: f"{title} ({Path(m).stem})" if title in several else title for m, title in found.items()}


def _title(results: Results, method: str) -> str:
    """Return what a row is called: as the paper's tables call the method, else by the title of its recipe."""
    name = Path(method).stem
    known = results.title_of(name)
    if known != name:
        return known
    try:
        return str(recipe.load("methods", method).title)
    except InputError:  # of a package that is not here any more
        return name


def _by_label(lines: Sequence[Line]) -> bool:
    """Return whether the conditions are few and each has several rows of its own: then they stand above these."""
    labels = [line.label for line in lines]
    titles = {(line.label, line.title, line.k) for line in lines}
    return all(labels) and len({*labels}) < len(labels) == len(titles)


def _blocks(
    lines: list[Line], common: Collection[str], marks: Marks, *, chance: bool
) -> tuple[tuple[Column, ...], tuple[Block, ...]]:
    """Return the columns of some rows, and the rows by their condition or setting.

    What needs no model is the last of them where `chance` is to be shown, which is that of test sets. What is
    `common` to the changes of all rows is not told at each.
    """
    scored = list(dict.fromkeys(column for line in lines for column in line.scores if column != MEAN))
    scored += [MEAN] if any(MEAN in line.scores for line in lines) else []
    columns = (_RUNS, *scored)
    blocks, by_label = [], _by_label(lines)
    places = [line.label if by_label else line.above for line in lines]
    for above in dict.fromkeys(places):
        here = [line for line, place in zip(lines, places, strict=True) if place == above]
        rows = [_row(line, scored, common, marks, labelled=not by_label) for line in here]
        blocks.append(mark_best_of_columns(Block(above, tuple(rows)), columns))
    known = _majorities(record for line in lines for record in line.records) if chance else {}
    if known:
        alone = {title: next(iter(values)) for title, values in known.items() if len(values) == 1}
        mean = mean_of_all(alone.get(column.title) for column in scored if column != MEAN)
        if mean is not None:
            known[MEAN.title] = {mean}
        cells = [_of_majority(known.get(column.title, set())) for column in scored]
        blocks.append(Block("", (Row("majority", (Cell(text=""), *cells), mark=marks.letter(MAJORITY)),)))
    return columns, tuple(blocks)


def _of_majority(values: set[float]) -> Cell:
    if len(values) < 2:
        return Cell(next(iter(values), None))
    return Cell(text="–".join(format_value(value, "score") for value in (min(values), max(values))))


def _row(line: Line, columns: Iterable[Column], common: Collection[str], marks: Marks, *, labelled: bool) -> Row:
    there = len(line.records)
    count = Cell(text=str(there) if there >= line.wanted else f"{there} of {line.wanted}")
    cells = [make_cell(line.scores.get(column, Estimate()), None, marks) for column in columns]
    changes = [word for word in line.changes if word not in common]
    told = f"with {', '.join(changes)}" if changes else ""
    words = [line.title, line.label if labelled else "", f"k = {line.k}" if line.k else ""]
    return Row(", ".join(filter(None, words)), (count, *cells), mark=marks.letter(told) if told else "")
