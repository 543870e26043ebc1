"""Which of our methods leads, and how surely: resampled scores of stored runs, and what is said of a lead."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby

import numpy as np

from hxbench.report.artifact.table import Block
from hxbench.report.scores.averages import mean, mean_of_resamples
from hxbench.report.scores.run_set import Pairs, RunSet, Tested
from hxbench.store import DamagedRun, RunRecord
from hxbench.tasks.scoring import bootstrap

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
SURE = (
    f"the best of ours is above the next with p < {LEVEL}: {HOW}. A comparison of two methods is two-sided, over "
    "seeds and sentences"
)


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


def said(title: str, leads: Iterable[Lead], names: Sequence[str], metric: Callable[[str], str] = str) -> list[str]:
    """Return the leads under one title as a remark, none without any; `metric` names what a task is scored by."""
    leads = list(leads)
    if not leads:
        return []
    if all(lead.p is None for lead in leads):
        return [f"paired bootstrap, {title}: {UNTESTED}."]
    words = []
    for (task, first, second), alike in groupby(leads, key=lambda lead: (lead.task, lead.first, lead.second)):
        each = ", ".join(lead.words for lead in alike)
        words.append(f"{metric(task)}, {names[first]} above {names[second]}: {each}")
    why = [UNTESTED] if any(lead.p is None for lead in leads) else []
    return [f"paired bootstrap, {title}: {'; '.join((*words, *why))}."]


class Resampler:
    """Resampled scores of stored runs, each read and resampled once."""

    def __init__(self, resamples: int = bootstrap.RESAMPLES) -> None:
        self.resamples = resamples
        self._drawn: dict[tuple[str, int], np.ndarray] = {}
        self._counts: dict[str, dict[tuple[str, str], list[tuple[int, int, int]]]] = {}
        self._scores: dict[tuple[str, str, str], tuple[np.ndarray, bootstrap.Scores] | None] = {}

    def _resampled(self, tested: Tested) -> tuple[np.ndarray, bootstrap.Scores] | None:
        """Return the gold counts of a pair's sentences, which tell test sets apart, and the resampled scores."""
        record, task, language, metric = tested
        key = record.id, task, language
        if key not in self._scores:
            if record.id not in self._counts:
                self._counts[record.id] = _counts(record)
            found = self._counts[record.id].get((task, language))
            if not found:
                self._scores[key] = None
            else:
                # a third of the time that an array of tuples takes
                counts = np.fromiter(chain.from_iterable(found), np.int64, 3 * len(found)).reshape(-1, 3)
                test_set = f"{task}-{language}", len(found)
                if test_set not in self._drawn:
                    self._drawn[test_set] = bootstrap.draws(*test_set, self.resamples)
                self._scores[key] = counts[:, 2], _scores(metric, counts, self._drawn[test_set])
        return self._scores[key]

    def paired(self, ahead: Iterable[Tested], behind: Iterable[Tested]) -> list[list[bootstrap.Scores]] | None:
        """Return the resampled scores of both, test set by test set; None unless all of them can be paired."""
        scores: list[list[bootstrap.Scores]] = [[], []]
        for both in zip(ahead, behind, strict=True):
            gold = []
            for tested, of in zip(both, scores, strict=True):
                found = self._resampled(tested)
                if found is None:
                    return None
                gold.append(found[0])
                of.append(found[1])
            if not np.array_equal(gold[0], gold[1]):
                return None
        return scores

    def differences(
        self, by_seed: Mapping[int, tuple[Sequence[Tested], Sequence[Tested]]]
    ) -> list[bootstrap.Scores] | None:
        """Return the resampled difference of two means over test sets for every seed.

        None where any seed lacks the counts of a sentence: seeds with and without them cannot be drawn together.
        """
        found = []
        for ahead, behind in by_seed.values():
            scores = self.paired(ahead, behind) if ahead and len(ahead) == len(behind) else None
            if scores is None:
                return None
            found.append(mean_of_resamples(scores[0]) - mean_of_resamples(scores[1]))
        return found or None

    def lead(
        self, by_seed: Mapping[int, tuple[Iterable[Tested], Iterable[Tested]]]
    ) -> tuple[float | None, tuple[int, ...]]:
        """Return the p of a lead in the mean over the test sets, and the seeds it is over.

        `by_seed` has the test sets of both for the seeds that both have; without counts of all their sentences a
        seed is left out, and there is no p when none remains.
        """
        found = {seed: self.paired(*both) for seed, both in by_seed.items()}
        usable = {seed: scores for seed, scores in found.items() if scores and scores[0]}
        if not usable:
            return None, ()
        first, second = ([one for scores in usable.values() for one in scores[which]] for which in (0, 1))
        return bootstrap.p_value(first, second), tuple(usable)

    def compare(
        self, sets: Sequence[RunSet], first: int, second: int, pairs: Pairs, task: str, group: str
    ) -> Lead | None:
        """Return how surely one set is above another in the mean over pairs; None where there is no such mean.

        `task` and `group` are what the lead is said to be in.
        """
        ahead, behind = (sets[place].over(pairs) for place in (first, second))
        if not ahead.values or not behind.values or ahead.covers != behind.covers:
            return None
        covered = [pair for pair in pairs if sets[first].scoring.label(pair) in ahead.covers]
        shared = [seed for seed in ahead.seeds if seed in behind.seeds]
        p, seeds = self.lead(
            {seed: (sets[first].tested(covered, seed), sets[second].tested(covered, seed)) for seed in shared}
        )
        return Lead(task, group, first, second, p, seeds, tuple(sorted({*ahead.seeds, *behind.seeds})))

    def best(self, sets: Sequence[RunSet], pairs: Pairs, task: str, group: str) -> Lead | None:
        """Return how surely the best is the best; None where there are no two to compare.

        The next is the one that is nearest to the best, or most above it, over the seeds that both have.
        """
        found = [runs.over(pairs) for runs in sets]
        means = {place: one.mean for place, one in enumerate(found) if one.mean is not None}
        if len(means) < 2 or len({found[place].covers for place in means}) > 1:
            return None
        first = max(means, key=lambda place: means[place])
        best = found[first].by_seed

        def margin(place: int) -> float:
            other = found[place].by_seed
            # one that shares no seed with the best cannot be tested, and no other is the next for sure
            by = mean(best[s] - other[s] for s in other if s in best)
            return float("-inf") if by is None else by

        second = min((place for place in means if place != first), key=margin)
        return self.compare(sets, first, second, pairs, task, group)


def mark_leads(block: Block, leads: Iterable[Lead], place: Callable[[Lead], int]) -> Block:
    """Return the block, a row a method, with the sure leads marked in the columns that `place` gives."""
    rows = [list(row.cells) for row in block.rows]
    for lead in leads:
        if lead.p is not None and lead.p < LEVEL:
            cell = rows[lead.first][place(lead)]
            rows[lead.first][place(lead)] = replace(cell, marks=(*cell.marks, MARK))
    return replace(block, rows=tuple(replace(r, cells=tuple(c)) for r, c in zip(block.rows, rows, strict=True)))


def _scores(metric: str, counts: bootstrap.Counts, drawn: np.ndarray) -> bootstrap.Scores:
    if not metric:
        return bootstrap.scores(counts, drawn)
    from hxbench.tasks.scoring import text_metrics

    return text_metrics.resampled(metric, counts, drawn)


def _counts(record: RunRecord) -> dict[tuple[str, str], list[tuple[int, int, int]]]:
    """Return what a run's scores are made of; {} for one whose counts are not there or cannot be read."""
    try:
        return record.sentence_counts()
    except DamagedRun:
        return {}
