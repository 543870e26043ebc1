"""Which of our methods leads, and how surely: the best against the runner-up, resampling test sentences."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from hxbench.experiment import code_here
from hxbench.report import bootstrap
from hxbench.report.hyperx.rows import GROUPS, METRICS
from hxbench.report.hyperx.scores import RunSet, members, scoring_models
from hxbench.report.table import Block, Column
from hxbench.spec import RunSpec
from hxbench.store import DamagedRun, RunRecord

MARK = "†"
LEVEL = 0.05
HOW = (
    f"paired bootstrap over test sentences, {bootstrap.RESAMPLES:,} resamples, the same ones for both; one-sided, "
    f"p = (c + 1) / {bootstrap.RESAMPLES + 1:,} with c resamples without a lead"
)
SURE = f"the best of ours is above the next with p < {LEVEL}: {HOW}"


@dataclass(frozen=True)
class Lead:
    """The best of ours above the next, in the mean of a group; both by their places among those compared."""

    task: str
    group: str
    first: int
    second: int
    p: float


def said(title: str, leads: Iterable[Lead], names: Sequence[str]) -> list[str]:
    """Return the leads under one title as a remark, none without any."""
    words = []
    for (task, first, second), alike in groupby(leads, key=lambda lead: (lead.task, lead.first, lead.second)):
        each = ", ".join(f"{lead.p:.3f} ({lead.group})" for lead in alike)
        words.append(f"{METRICS[task][1]}, {names[first]} above {names[second]}: p = {each}")
    return [f"paired bootstrap, {title}: {'; '.join(words)}."] if words else []


class Resampler:
    """Resampled scores of stored runs, each read and resampled once."""

    def __init__(self) -> None:
        self._drawn: dict[tuple[str, int], np.ndarray] = {}
        self._counts: dict[str, dict[tuple[str, str], list[tuple[int, int, int]]]] = {}
        self._scores: dict[tuple[str, str, str], tuple[np.ndarray, bootstrap.Scores] | None] = {}

    def _resampled(
        self, record: RunRecord, task: str, language: str
    ) -> tuple[np.ndarray, bootstrap.Scores] | None:
        """Return the gold counts of a pair's sentences, which tell test sets apart, and the resampled scores."""
        key = record.id, task, language
        if key not in self._scores:
            if record.id not in self._counts:
                self._counts[record.id] = _counts(record)
            found = self._counts[record.id].get((task, language))
            if not found:
                self._scores[key] = None
            else:
                counts, test_set = np.array(found), (f"{task}-{language}", len(found))
                if test_set not in self._drawn:
                    self._drawn[test_set] = bootstrap.draws(*test_set)
                self._scores[key] = counts[:, 2], bootstrap.scores(counts, self._drawn[test_set])
        return self._scores[key]

    def p_value(self, ahead: RunSet, behind: RunSet, task: str, codes: Sequence[str]) -> float | None:
        """Return the p of a lead in the mean over some languages and the seeds both have; None without the means.

        English is not among them: a pair is scored by one model alone.
        """
        seeds = [s for s in ahead.whole_seeds(task, codes) if s in behind.whole_seeds(task, codes)]
        both: tuple[list[bootstrap.Scores], list[bootstrap.Scores]] = ([], [])
        for code in codes:
            gold = None
            for seed in seeds:
                for runs, scores in zip((ahead, behind), both, strict=True):
                    (model,) = scoring_models(runs.models, task, code)
                    record = runs.family.runs[model, seed]
                    assert isinstance(record.spec, RunSpec)
                    found = self._resampled(record, task, code_here(code, record.spec.data.origin))
                    if found is None or (gold is not None and not np.array_equal(gold, found[0])):
                        return None
                    gold = found[0]
                    scores.append(found[1])
        return bootstrap.p_value(*both) if both[0] else None

    def leads(self, sets: Sequence[RunSet], tasks: Iterable[str] = tuple(METRICS)) -> list[Lead]:
        """Return the leads in every group of the tasks."""
        return [lead for task in tasks for group in GROUPS if (lead := self._lead(sets, task, group))]

    def _lead(self, sets: Sequence[RunSet], task: str, group: str) -> Lead | None:
        """Return how surely the best is the best; None where there are no two to compare, or no predictions."""
        found = {place: runs.group(task, group) for place, runs in enumerate(sets)}
        means = {place: estimate.mean for place, estimate in found.items() if estimate.mean is not None}
        if len(means) < 2 or len({found[place].covers for place in means}) > 1:
            return None
        first, second = sorted(means, key=lambda place: means[place], reverse=True)[:2]
        codes = [code for code in members(group) if code in found[first].covers]
        p = self.p_value(sets[first], sets[second], task, codes)
        return None if p is None else Lead(task, group, first, second, p)


def _counts(record: RunRecord) -> dict[tuple[str, str], list[tuple[int, int, int]]]:
    """Return what a run's scores are made of; {} for one whose counts are not there or cannot be read."""
    try:
        return record.sentence_counts()
    except DamagedRun:
        return {}


def mark_leads(block: Block, columns: Sequence[Column], leads: Iterable[Lead]) -> Block:
    """Return the block, a row a method, with the sure leads marked in the columns of their task and group."""
    rows = [list(row.cells) for row in block.rows]
    places = {(column.group, column.title): place for place, column in enumerate(columns)}
    for lead in leads:
        if lead.p < LEVEL:
            place = places[METRICS[lead.task][1], lead.group]
            cell = rows[lead.first][place]
            rows[lead.first][place] = replace(cell, marks=(*cell.marks, MARK))
    return replace(block, rows=tuple(replace(r, cells=tuple(c)) for r, c in zip(block.rows, rows, strict=True)))
