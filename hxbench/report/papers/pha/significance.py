"""Which of our methods leads in the mean over tasks, and how surely, resampling test examples task by task."""

from collections.abc import Sequence
from statistics import fmean

from hxbench.report.papers.pha.scores import RunSet
from hxbench.report.stats.significance import Lead, Resampler, Tested
from hxbench.tasks import ENGLISH, task_of

_GROUP = "mean"


def _tested(runs: RunSet, tasks: Sequence[str], seed: int) -> list[Tested]:
    """Return the test sets of some tasks in the runs of a seed."""
    records = [(task, runs.family.runs[runs.model_of(task), seed]) for task in tasks]
    return [Tested(record, task, ENGLISH, task_of(task).metric) for task, record in records]


def compare(
    resampler: Resampler, sets: Sequence[RunSet], first: int, second: int, suite: str, tasks: tuple[str, ...]
) -> Lead | None:
    """Return how surely one set is above another in the mean over the tasks; None where there is no such mean."""
    both = [sets[place] for place in (first, second)]
    found = [runs.over(tasks) for runs in both]
    if None in [one.mean for one in found] or found[0].covers != found[1].covers:
        return None
    covered = [task for task in tasks if task_of(task).title in found[0].covers]
    shared = [seed for seed in both[0].whole_seeds(tasks) if seed in both[1].whole_seeds(tasks)]
    by_seed = {s: (_tested(both[0], covered, s), _tested(both[1], covered, s)) for s in shared}
    p, seeds = resampler.lead(by_seed)
    there = {seed for runs in both for seed in runs.by_seed(tasks)}
    return Lead(suite, _GROUP, first, second, p, seeds, tuple(sorted(there)))


def best(resampler: Resampler, sets: Sequence[RunSet], suite: str, tasks: tuple[str, ...]) -> Lead | None:
    """Return how surely the best is the best; None where there are no two to compare.

    The next is the one that is nearest to the best, or most above it, over the seeds that both have.
    """
    found = {place: runs.over(tasks) for place, runs in enumerate(sets)}
    means = {place: estimate.mean for place, estimate in found.items() if estimate.mean is not None}
    if len(means) < 2 or len({found[place].covers for place in means}) > 1:
        return None
    first = max(means, key=lambda place: means[place])
    ahead = sets[first].by_seed(tasks)

    def margin(place: int) -> float:
        other = sets[place].by_seed(tasks)
        # one that shares no seed with the best cannot be tested, and no other is the next for sure
        return fmean([ahead[s] - other[s] for s in other if s in ahead] or [float("-inf")])

    second = min((place for place in means if place != first), key=margin)
    return compare(resampler, sets, first, second, suite, tasks)
