"""Languages that a run has never seen: composed embeddings against their own, and against having trained on text.

A held-out language's own embedding is as it was drawn at random. Its scores, composed or not, are of the models
that the pair would be a target of had nothing been held out: they compare with the ordinary runs beside them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best, mark_seeds
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import FILE, METRICS, ORDER, PAPER, SCORING
from hxbench.report.scores.estimate import Estimate, mean_of
from hxbench.report.scores.rows import Rows
from hxbench.report.scores.run_set import RunSet
from hxbench.spec import experiment
from hxbench.spec.languages import find_language

_NAME = "interpolation"
_SPLIT = "test-composed"  # of the rows that training leaves for held-out languages (hxbench.runs.compose)
OWN, TRAINED = "own", "trained"
COLUMNS = FILE.entry(_NAME).terms  # titles by kind of embedding
_NO_RELATIVE = "no relative is among the known languages: the mean of all"


def _codes(rows: Iterable[Mapping[str, object]]) -> set[str]:
    return {find_language(str(row["language"])).paper_code for row in rows}


def _rows(rows: Rows, kind: str, held: Iterable[str]) -> Rows:
    """Return the test scores of held-out languages with one kind of embedding, as ordinary rows."""
    split = "test" if kind in (OWN, TRAINED) else _SPLIT
    chosen = [row for row in rows if row.get("split") == split and row.get("embedding") in (kind, None)]
    return [{**row, "split": "test"} for row in chosen if _codes([row]) <= set(held)]


class Held:
    """The scores of the held-out languages by embedding, over all the groups they were held out in."""

    def __init__(self, results: Results) -> None:
        self.groups: dict[tuple[str, ...], RunSet] = {}
        self.shown = results.conditions(_NAME)
        for block, condition in zip(experiment.blocks(PAPER, _NAME), self.shown, strict=True):
            if held := tuple(block.data.get("held_out", ())):
                self.groups[held] = condition.run_set
            else:
                self.ordinary = condition.run_set
        self.codes = tuple(code for code in ORDER if any(code in group for group in self.groups))
        self._sets = {(kind, group): self._set(kind, group) for kind, group in product(COLUMNS, self.groups)}

    def _set(self, kind: str, group: tuple[str, ...]) -> RunSet:
        runs = self.ordinary if kind == TRAINED else self.groups[group]
        rows = {which: _rows(some, kind, group) for which, some in runs.rows.items()}
        return RunSet(runs.models, runs.wanted, rows, SCORING, runs.family)

    def _group(self, code: str) -> tuple[str, ...]:
        return next(group for group in self.groups if code in group)

    def score(self, kind: str, task: str, code: str) -> Estimate:
        """Return a language's score, from the group that it was held out in."""
        return self._sets[kind, self._group(code)].score(task, code)

    def mean(self, kind: str, task: str) -> Estimate:
        """Return the mean over all held-out languages, for the seeds that have every group's runs."""
        return mean_of([self.score(kind, task, code) for code in self.codes])

    def composed_of(self, kind: str, task: str, code: str) -> set[str]:
        """Return the paper codes of the languages that a pair's embeddings were composed of."""
        rows = [r for rows in self.groups[self._group(code)].rows.values() for r in _rows(rows, kind, [code])]
        return {find_language(other).paper_code for r in rows if r["task"] == task for other in r["composed_of"]}

    def without_relative(self, task: str, code: str) -> bool:
        """Return whether `family` had nothing to go by."""
        family = self.composed_of("family", task, code)
        return bool(family) and family == self.composed_of("mean", task, code)


def _marked(cells: Mapping[str, Cell], marks: Marks) -> tuple[Cell, ...]:
    """Return a row's cells, the best of those that have not seen the language marked."""
    unseen = [kind for kind in cells if kind != TRAINED]
    best = dict(zip(unseen, mark_best([cells[kind] for kind in unseen]), strict=True))
    return mark_seeds([best.get(kind, cell) for kind, cell in cells.items()], marks)


def _cells(held: Held, task: str, code: str, marks: Marks) -> tuple[Cell, ...]:
    cells = {kind: make_cell(held.score(kind, task, code), None, marks) for kind in COLUMNS}
    if held.without_relative(task, code):
        cells["family"] = replace(cells["family"], marks=(*cells["family"].marks, marks.letter(_NO_RELATIVE)))
    return _marked(cells, marks)


def _nearest(results: Results, held: Held) -> list[str]:
    """Return a sentence that names the nearest language of each held-out one."""
    found = []
    for code in held.codes:
        names = [
            results.label(other) for task in METRICS for other in sorted(held.composed_of("nearest", task, code))
        ]
        if names:
            found.append(f"{results.label(code)}: {' and '.join(dict.fromkeys(names))}")
    return [f"nearest by tokens (for NER and POS): {'; '.join(found)}."] if found else []


def build(results: Results) -> list[Table]:
    """Return the one table: a row for each held-out language, NER above POS, with the mean of all."""
    held, marks = Held(results), Marks()
    blocks = []
    for task, (_, metric) in METRICS.items():
        rows = [Row(results.label(code), _cells(held, task, code, marks)) for code in held.codes]
        means = {kind: make_cell(held.mean(kind, task), None, marks) for kind in COLUMNS}
        blocks.append(Block(metric, (*rows, Row("mean", _marked(means, marks), strong=True))))
    columns = (
        Column(title, "held out" if kind != TRAINED else "trained", paper=False) for kind, title in COLUMNS.items()
    )
    told = results.told(_NAME, held.shown, marks, after=_nearest(results, held))
    return [Table(columns=tuple(columns), blocks=tuple(blocks), **told)]
