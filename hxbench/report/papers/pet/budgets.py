"""Scores of APET by the number of tuned parameters, and where they leave guessing and reach full fine-tuning."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hxbench.report.papers.pet.answers import guess_is_free
from hxbench.report.papers.pet.results import At
from hxbench.report.papers.pet.rows import APET, BUDGETS, FILE, FT, Backbone, Family
from hxbench.report.papers.pet.scores import Tried
from hxbench.report.papers.pet.thresholds import high_threshold, low_threshold
from hxbench.report.scores.estimate import Estimate, ids_of
from hxbench.spec.recipe import Criteria

Budget = int | str


@dataclass(frozen=True)
class Point:
    """A budget, the parameters that its runs count, and their score on a task."""

    budget: Budget
    count: int
    score: Estimate


@dataclass(frozen=True)
class Curve:
    """The budgets of one backbone on one task by size, and full fine-tuning there.

    `random` is what guessing scores, `frequent` what always the most frequent label does, where a run tells.
    """

    points: tuple[Point, ...]
    full: Estimate
    random: float
    frequent: float | None
    criteria: Criteria

    @property
    def scores(self) -> dict[int, list[float]]:
        """The scores of the seeds by number of parameters."""
        found: dict[int, list[float]] = defaultdict(list)
        for point in self.points:
            if point.score.values:
                found[point.count] += point.score.values
        return dict(found)

    @property
    def low(self) -> int | None:
        """The number at which random guessing is left."""
        return low_threshold(self.scores, self.random, self.criteria)

    @property
    def learned(self) -> int | None:
        """The number at which always answering the most frequent label is left."""
        return None if self.frequent is None else low_threshold(self.scores, self.frequent, self.criteria)

    @property
    def high(self) -> int | None:
        """The number at which full fine-tuning is reached."""
        return high_threshold(self.scores, self.full.values, self.criteria)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The ids of all runs that the thresholds are found by."""
        return ids_of(self.full.runs.union(*(point.score.runs for point in self.points)))

    def place(self, count: int) -> int:
        """Return the place of a number of parameters among the points."""
        return next(n for n, point in enumerate(self.points) if point.count == count and point.score.values)


def budgets_of(tried: Mapping[At, Tried], size: str) -> list[Budget]:
    """Return the budgets of a backbone: numbers by size, then those with names, in the paper's order."""
    there = [at.budget for at in tried if at.size == size and at.method == APET and at.budget is not None]
    numbers: list[Budget] = sorted(budget for budget in there if isinstance(budget, int))
    return numbers + [budget for budget in BUDGETS if budget in there]


def count_of(tried: Tried, budget: Budget) -> int | None:
    """Return the parameters that the runs of a budget count; without runs the budget, if it is a number."""
    tasks = tuple(dict.fromkeys(model.task for runs in tried.sets.values() for model in runs.models if model.task))
    found = tried.cost("counted_parameters", tasks).mean
    return round(found) if found is not None else budget if isinstance(budget, int) else None


def live_said(tried: Mapping[At, Tried], backbones: Iterable[Backbone], tasks: tuple[str, ...]) -> list[str]:
    """Return how many of the entries that were drawn ever had a gradient, for the backbones whose runs tell."""
    words = []
    for backbone in backbones:
        shares = [
            100 * live / counted
            for budget in budgets_of(tried, backbone.size)
            for live, counted in tried[At(backbone.size, APET, budget)].live(tasks)
        ]
        if shares:
            ends = dict.fromkeys(f"{share:.0f}" for share in (min(shares), max(shares)))
            words.append(f"{backbone.title} {' to '.join(ends)} %")
    return [f"{FILE.text('live')}: {', '.join(words)}."] if words else []


def majority_of(tried: Mapping[At, Tried], size: str, task: str) -> float | None:
    """Return what always answering the most frequent label scores, where a run tells."""
    sets = (runs for at, one in tried.items() if at.size == size for runs in one.sets.values())
    return next((runs.majority[task] for runs in sets if task in runs.majority), None)


def curve(tried: Mapping[At, Tried], family: Family, backbone: Backbone, task: str, criteria: Criteria) -> Curve:
    """Return the budgets of a backbone on a task."""
    points = []
    for budget in budgets_of(tried, backbone.size):
        one = tried[At(backbone.size, APET, budget)]
        if (count := count_of(one, budget)) is not None:
            points.append(Point(budget, count, one.over((task,))))
    full = tried.get(At(backbone.size, FT.method))
    return Curve(
        tuple(sorted(points, key=lambda point: point.count)),
        full.over((task,)) if full else Estimate(),
        family.random(
            task, chosen=any(guess_is_free(tried[at].records) for at in tried if at.size == backbone.size)
        ),
        majority_of(tried, backbone.size, task),
        criteria,
    )
