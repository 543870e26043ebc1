"""A paper's claims held against our runs: a difference with its interval, and a verdict over it.

An interval over few seeds is too narrow, whatever is drawn from them. A verdict over fewer than `ENOUGH` seeds is
called preliminary.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from hxbench.report.artifact.cells import plateau_marks
from hxbench.report.artifact.table import Cell, Column, Marks, Row
from hxbench.report.scores.averages import mean
from hxbench.report.scores.estimate import Estimate, Runs, ids_of, on_plateau
from hxbench.report.scores.run_set import Pairs, Scoring, Tested
from hxbench.report.stats.significance import Resampler
from hxbench.tasks.scoring import bootstrap

ENOUGH = 3  # seeds
NEAR = 3.0  # points
Expected = Literal["above", "near", "level"]

COLUMNS = (
    Column("difference", kind="difference"),
    Column("seeds", kind="seeds", paper=False),
    Column("languages", kind="text", paper=False),
    Column("verdict", kind="text", paper=False),
)
NUMBERS = (
    f"difference in points, mean over the seeds [{bootstrap.LEVEL:.0%} interval over seeds and sentences]; "
    "published: that of the paper's cells, or its text's"
)
HOW = (
    f"interval: paired bootstrap, {bootstrap.RESAMPLES:,} resamples. Each draws seeds, then test sentences within "
    "every language, the same for both sides. Of n seeds it draws n − 1, so that the variance over the seeds is "
    "not understated. Few seeds remain few: were sentences no matter, the interval of two would hold the mean of "
    f"all seeds half the time, that of three 75 % of it. A verdict over fewer than {ENOUGH} is preliminary "
    '("prelim.").'
)
VERDICTS = (
    "shown: the interval is above 0; reverse: below 0; not shown: it holds 0. Of near, shown: the interval is "
    f"within ±{NEAR:.0f} points (the paper calls 2.7 near); reverse: outside; else not shown. Of level or better, "
    f"shown: above −{NEAR:.0f} points. Each line is tested alone: of 20 true zeros one shows a difference."
)
_ONE_SEED = "one seed: the interval is over the sentences alone"
_NO_SENTENCES = "no sentence counts: the interval is over the seeds alone"


@dataclass(frozen=True)
class Difference:
    """How much more one side scores than the other, seed by seed, and under every resample of the sentences."""

    by_seed: dict[int, float]
    resampled: Sequence[bootstrap.Scores] | None  # a row a seed; None without the counts of all sentences
    covers: frozenset[str]  # languages
    wanted: int  # languages
    incomplete: bool = False  # whether a wanted run is missing
    notes: tuple[str, ...] = ()
    runs: Runs = frozenset()

    @property
    def mean(self) -> float | None:
        """The mean over the seeds that both sides have."""
        return mean(self.by_seed.values())

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its interval; None where neither seeds nor sentences can be drawn."""
        if self.resampled:
            return bootstrap.interval(self.resampled)
        if len(self.by_seed) < 2:
            return None
        return bootstrap.interval([_constant(value) for value in self.by_seed.values()])


class Averaged(Protocol):
    """What a difference is taken of: a run set, or few-shot runs at some number of examples."""

    @property
    def scoring(self) -> Scoring:
        """What a score is."""

    def over(self, pairs: Pairs) -> Estimate:
        """Return the mean over some pairs."""

    def tested(self, pairs: Pairs, seed: int) -> Iterable[Tested]:
        """Return the test sets behind the mean of a seed."""


def difference(resampler: Resampler, more: Averaged, less: Averaged, pairs: Pairs) -> Difference:
    """Return how much more one side scores in the mean over some pairs: over those that both have."""
    both = more.over(pairs), less.over(pairs)
    covers = both[0].covers & both[1].covers
    shared = [pair for pair in pairs if more.scoring.label(pair) in covers]
    first, second = (side.over(shared).by_seed if shared else {} for side in (more, less))
    seeds = [seed for seed in first if seed in second]
    return Difference(
        by_seed={seed: first[seed] - second[seed] for seed in seeds},
        resampled=resampler.differences(
            {seed: ([*more.tested(shared, seed)], [*less.tested(shared, seed)]) for seed in seeds}
        ),
        covers=covers if seeds else frozenset(),
        wanted=len(pairs),
        incomplete=both[0].incomplete or both[1].incomplete,
        notes=tuple(dict.fromkeys(one.note for one in both if one.note)),
        runs=both[0].runs | both[1].runs if seeds else frozenset(),
    )


def _constant(value: float) -> bootstrap.Scores:
    import numpy as np

    return np.full(bootstrap.RESAMPLES, value)


def verdict(found: Difference, expected: Expected) -> str:
    """Return what our runs say of a claim: shown, not shown or reverse, preliminary with few seeds."""
    if not found.by_seed:
        return "no runs yet" if found.incomplete else "no data"
    ends = found.interval
    if ends is None:
        return "not tested"
    said = _held(*ends, expected)
    return said if len(found.by_seed) >= ENOUGH else f"prelim.: {said}"


def _held(low: float, high: float, expected: Expected) -> str:
    """Return how an interval stands to a claim: a gain, at most `NEAR` apart, or at most so much behind."""
    least, most = {"above": (0.0, None), "near": (-NEAR, NEAR), "level": (-NEAR, None)}[expected]
    if low > least and (most is None or high < most):
        return "shown"
    return "reverse" if high < least or (most is not None and low > most) else "not shown"


def line(title: str, found: Difference, expected: Expected, printed: float | None, marks: Marks) -> Row:
    """Return the row of a claim about one group of languages."""
    notes = list(found.notes)
    if found.by_seed and len(found.covers) < found.wanted:
        notes.append(f"over {', '.join(sorted(found.covers))} only: the data have no more")
    if found.by_seed and found.resampled is None:
        notes.append(_NO_SENTENCES)
    elif len(found.by_seed) == 1:
        notes.append(_ONE_SEED)
    low, high = found.interval or (None, None)
    lacking = (marks.missing(),) if found.incomplete else ()
    difference = Cell(
        found.mean,
        low=low,
        high=high,
        n=len(found.by_seed),
        published=printed,
        marks=(*map(marks.letter, notes), *plateau_marks(found.runs, marks), *lacking),
        covers=found.covers,
        on_plateau=on_plateau(found.runs),
        seeds=tuple(found.by_seed.items()),
        runs=ids_of(found.runs),
    )
    said = verdict(found, expected)
    there = f"{len(found.covers) if found.by_seed else 0} of {found.wanted}"
    return Row(title, (difference, *(Cell(text=text) for text in (str(len(found.by_seed)), there, said))))
