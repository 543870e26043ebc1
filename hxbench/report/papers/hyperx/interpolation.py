"""Languages that a run has never seen: composed embeddings against their own, and against having trained on text.

A held-out language's own embedding is as it was drawn at random. Its scores, composed or not, are of the models
that the pair would be a target of had nothing been held out: they compare with the ordinary runs beside them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best, mark_seeds
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import METRICS, ORDER, PAPER, SCORING
from hxbench.report.scores.estimate import Estimate, Runs
from hxbench.report.scores.rows import Rows
from hxbench.report.scores.run_set import RunSet
from hxbench.spec import experiment
from hxbench.spec.languages import find_language
from hxbench.spec.settings import Model, Pair

_NAME = "interpolation"
_SPLIT = "test-composed"  # of the rows that training leaves for held-out languages (hxbench.runs.compose)
OWN, TRAINED = "own", "trained"
WAYS = {OWN: "own", "mean": "mean", "family": "family", "nearest": "nearest", TRAINED: "with text"}
_NO_RELATIVE = "no relative is among the known languages: the mean of all"


def _codes(rows: Iterable[Mapping[str, object]]) -> set[str]:
    return {find_language(str(row["language"])).paper_code for row in rows}


def _rows(rows: Rows, way: str, held: Iterable[str]) -> Rows:
    """Return the test scores of held-out languages with one kind of embedding, as ordinary rows."""
    split = "test" if way in (OWN, TRAINED) else _SPLIT
    chosen = [row for row in rows if row.get("split") == split and row.get("embedding") in (way, None)]
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
        self._sets: dict[tuple[str, tuple[tuple[str, ...], ...]], RunSet] = {}
        self._seeds = results.scale.seeds

    def score(self, way: str, task: str, code: str) -> Estimate:
        """Return a language's score, from the group that it was held out in."""
        group = next(group for group in self.groups if code in group)
        estimate = self._set(way, [group]).score(task, code)
        return replace(estimate, runs=self._runs(way, task, [group], {code}))

    def mean(self, way: str, task: str) -> Estimate:
        """Return the mean over all held-out languages, for the seeds that have every group's runs."""
        groups = list(self.groups)
        estimate = self._set(way, groups).over([Pair(task, code) for code in self.codes])
        return replace(estimate, runs=self._runs(way, task, groups, {*self.codes}))

    def _runs(self, way: str, task: str, groups: list[tuple[str, ...]], codes: set[str]) -> Runs:
        """Return the runs that score some languages, each those of the group that it was held out in."""
        sets = ((group, self.ordinary if way == TRAINED else self.groups[group]) for group in groups)
        each = (runs.over([Pair(task, c) for c in group if c in codes]).runs for group, runs in sets)
        return frozenset().union(*each)

    def _set(self, way: str, groups: list[tuple[str, ...]]) -> RunSet:
        key = way, tuple(groups)
        if key not in self._sets:
            self._sets[key] = self._merged(way, groups)
        return self._sets[key]

    def _merged(self, way: str, groups: list[tuple[str, ...]]) -> RunSet:
        held = [(group, self.ordinary if way == TRAINED else self.groups[group]) for group in groups]
        stored = [(group, runs.rows) for group, runs in held]
        whole = set.intersection(*(set(rows) for _, rows in stored))
        merged: dict[tuple[Model, int], Rows] = {
            which: [row for group, rows in stored for row in _rows(rows[which], way, group)] for which in whole
        }
        return RunSet(held[0][1].models, self._seeds, merged, SCORING)

    def composed_of(self, way: str, task: str, code: str) -> set[str]:
        """Return the paper codes of the languages that a pair's embeddings were composed of."""
        group = next(group for group in self.groups if code in group)
        rows = [r for rows in self.groups[group].rows.values() for r in _rows(rows, way, [code])]
        return {find_language(other).paper_code for r in rows if r["task"] == task for other in r["composed_of"]}

    def without_relative(self, task: str, code: str) -> bool:
        """Return whether `family` had nothing to go by."""
        family = self.composed_of("family", task, code)
        return bool(family) and family == self.composed_of("mean", task, code)


def _marked(cells: Mapping[str, Cell], marks: Marks) -> tuple[Cell, ...]:
    """Return a row's cells, the best of those that have not seen the language marked."""
    unseen = [way for way in cells if way != TRAINED]
    best = dict(zip(unseen, mark_best([cells[way] for way in unseen]), strict=True))
    return mark_seeds([best.get(way, cell) for way, cell in cells.items()], marks)


def _cells(held: Held, task: str, code: str, marks: Marks) -> tuple[Cell, ...]:
    cells = {way: make_cell(held.score(way, task, code), None, marks) for way in WAYS}
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
        means = {way: make_cell(held.mean(way, task), None, marks) for way in WAYS}
        blocks.append(Block(metric, (*rows, Row("mean", _marked(means, marks), strong=True))))
    said = (
        "own: the language's embedding as it was drawn at random; mean, family, nearest: composed of known "
        "languages' embeddings; with text: the ordinary run, which has trained on the language's raw text.",
    )
    return [
        Table(
            stub="language",
            columns=tuple(
                Column(title, "held out" if way != TRAINED else "trained", paper=False)
                for way, title in WAYS.items()
            ),
            blocks=tuple(blocks),
            **results.told(
                _NAME, held.shown, marks, numbers="unpublished", after=[*said, *_nearest(results, held)]
            ),
        )
    ]
