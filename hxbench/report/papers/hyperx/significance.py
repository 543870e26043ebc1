"""Which of our methods leads on SEEN, UNSEEN or ALL, and how surely, resampling test sentences."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean

from hxbench.report.artifact.table import Block, Column
from hxbench.report.papers.hyperx.rows import GROUPS, METRICS
from hxbench.report.papers.hyperx.scores import RunSet, members
from hxbench.report.stats import significance
from hxbench.report.stats.significance import LEVEL, MARK, Lead


def said(title: str, leads: Iterable[Lead], names: Sequence[str]) -> list[str]:
    """Return the leads under one title as a remark, none without any."""
    return significance.said(title, leads, names, lambda task: METRICS[task][1])


class Resampler(significance.Resampler):
    """Resampled scores of stored runs, each read and resampled once."""

    def p_value(
        self, ahead: RunSet, behind: RunSet, task: str, codes: Sequence[str]
    ) -> tuple[float | None, tuple[int, ...]]:
        """Return the p of a lead in the mean over some languages, None if it cannot be had, and its seeds."""
        shared = [s for s in ahead.whole_seeds(task, codes) if s in behind.whole_seeds(task, codes)]
        first, second = ({s: runs.tested(task, codes, s) for s in shared} for runs in (ahead, behind))
        return self.lead({seed: (first[seed], second[seed]) for seed in shared})

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
