"""Which of our methods leads, and how surely: one above another, resampling test sentences."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import fmean

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
_HOW = (
    f"paired bootstrap over test sentences, {bootstrap.RESAMPLES:,} resamples, the same ones for both, over the "
    f"seeds both have; one-sided, p = (c + 1) / {bootstrap.RESAMPLES + 1:,} with c resamples without a lead; the "
    "variation between seeds "
)
HOW = f"{_HOW}and the choice of the best are not in it"
HOW_GAIN = f"{_HOW}is not in it"  # where what is compared was chosen beforehand
UNTESTED = "not tested: no sentence counts of a seed that both have"
SURE = f"the best of ours is above the next with p < {LEVEL}: {HOW}"


@dataclass(frozen=True)
class Lead:
    """One above another in the mean of a group; both by their places among those compared.

    `seeds` are those that `p` is over, fewer than `there` where some have no sentence counts; no p without any.
    """

    task: str
    group: str
    first: int
    second: int
    p: float | None
    seeds: tuple[int, ...] = ()
    there: tuple[int, ...] = ()  # of the two means

    @property
    def words(self) -> str:
        """What is said of it behind the names."""
        if self.p is None:
            return f"not tested ({self.group})"
        over = f", over seed{'s' * (len(self.seeds) > 1)} {', '.join(map(str, self.seeds))}"
        return f"p = {self.p:.3f} ({self.group}{over if self.seeds != self.there else ''})"


def said(title: str, leads: Iterable[Lead], names: Sequence[str]) -> list[str]:
    """Return the leads under one title as a remark, none without any."""
    leads = list(leads)
    if not leads:
        return []
    if all(lead.p is None for lead in leads):
        return [f"paired bootstrap, {title}: {UNTESTED}."]
    words = []
    for (task, first, second), alike in groupby(leads, key=lambda lead: (lead.task, lead.first, lead.second)):
        each = ", ".join(lead.words for lead in alike)
        words.append(f"{METRICS[task][1]}, {names[first]} above {names[second]}: {each}")
    why = [UNTESTED] if any(lead.p is None for lead in leads) else []
    return [f"paired bootstrap, {title}: {'; '.join((*words, *why))}."]


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

    def _of_seed(
        self, both: Sequence[RunSet], task: str, codes: Sequence[str], seed: int
    ) -> list[list[bootstrap.Scores]] | None:
        """Return the resampled scores of a seed, a list for each of the two; None unless all can be paired."""
        scores: list[list[bootstrap.Scores]] = [[] for _ in both]
        for code in codes:
            gold = []
            for runs, of in zip(both, scores, strict=True):
                (model,) = scoring_models(runs.models, task, code)
                record = runs.family.runs[model, seed]
                assert isinstance(record.spec, RunSpec)
                found = self._resampled(record, task, code_here(code, record.spec.data.origin))
                if found is None:
                    return None
                gold.append(found[0])
                of.append(found[1])
            if not np.array_equal(gold[0], gold[1]):
                return None
        return scores

    def p_value(
        self, ahead: RunSet, behind: RunSet, task: str, codes: Sequence[str]
    ) -> tuple[float | None, tuple[int, ...]]:
        """Return the p of a lead in the mean over some languages and the seeds it is over.

        Those are the seeds that both have, with the counts of all their sentences; None when there is none.
        English is not among the languages: a pair is scored by one model alone.
        """
        shared = [s for s in ahead.whole_seeds(task, codes) if s in behind.whole_seeds(task, codes)]
        found = {seed: self._of_seed((ahead, behind), task, codes, seed) for seed in shared}
        usable = {seed: scores for seed, scores in found.items() if scores}
        if not usable or not codes:
            return None, ()
        first, second = ([one for scores in usable.values() for one in scores[which]] for which in (0, 1))
        return bootstrap.p_value(first, second), tuple(usable)

    def compare(self, sets: Sequence[RunSet], first: int, second: int, task: str, group: str) -> Lead | None:
        """Return how surely one set is above another; None where their means are not there or not comparable."""
        both = [sets[place].group(task, group) for place in (first, second)]
        if None in [one.mean for one in both] or both[0].covers != both[1].covers:
            return None
        codes = [code for code in members(group) if code in both[0].covers]
        p, seeds = self.p_value(sets[first], sets[second], task, codes)
        there = {seed for place in (first, second) for seed in sets[place].by_seed(task, members(group))}
        return Lead(task, group, first, second, p, seeds, tuple(sorted(there)))

    def leads(self, sets: Sequence[RunSet], tasks: Iterable[str] = tuple(METRICS)) -> list[Lead]:
        """Return the leads in every group of the tasks."""
        return [lead for task in tasks for group in GROUPS if (lead := self._lead(sets, task, group))]

    def _lead(self, sets: Sequence[RunSet], task: str, group: str) -> Lead | None:
        """Return how surely the best is the best; None where there are no two to compare.

        The next is the one that is nearest to the best, or most above it, over the seeds that both have.
        """
        found = {place: runs.group(task, group) for place, runs in enumerate(sets)}
        means = {place: estimate.mean for place, estimate in found.items() if estimate.mean is not None}
        if len(means) < 2 or len({found[place].covers for place in means}) > 1:
            return None
        first = max(means, key=lambda place: means[place])
        best = sets[first].by_seed(task, members(group))

        def margin(place: int) -> float:
            other = sets[place].by_seed(task, members(group))
            # one that shares no seed with the best cannot be tested, and no other is the next for sure
            return fmean([best[s] - other[s] for s in other if s in best] or [float("-inf")])

        return self.compare(sets, first, min((p for p in means if p != first), key=margin), task, group)


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
        if lead.p is not None and lead.p < LEVEL:
            place = places[METRICS[lead.task][1], lead.group]
            cell = rows[lead.first][place]
            rows[lead.first][place] = replace(cell, marks=(*cell.marks, MARK))
    return replace(block, rows=tuple(replace(r, cells=tuple(c)) for r, c in zip(block.rows, rows, strict=True)))
