"""Methods, settings or runs held against each other: differences over the same test sentences and seeds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

from hxbench.errors import InputError, did_you_mean
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table
from hxbench.report.scores.averages import mean, mean_of_resamples
from hxbench.report.select.where import Terms, read_terms
from hxbench.report.sides import Chooser, Pair, Side
from hxbench.report.stats.claims import ENOUGH, Difference
from hxbench.report.stats.significance import Resampler, Tested
from hxbench.spec.languages import find_language, language_set
from hxbench.store import Store
from hxbench.tasks import task_names, task_of
from hxbench.tasks.scoring import bootstrap

if TYPE_CHECKING:
    import pandas as pd

Planned = tuple[Side, Side, str, str, str, list[Pair]]  # two sides, task, place, kind, pairs
GROUPS = {"SEEN": ("seen",), "UNSEEN": ("unseen",), "ALL": ("seen", "unseen")}
MEAN = "mean"
# so that Holm's correction of many does not lack resamples: the least p of m, times m, is at most 0.025
_RESAMPLES_EACH, _MOST_RESAMPLES = 80, 20_000
_MOST_DRAWN = 20_000_000  # of the sentences of one test set: a byte each
HOW = (
    "difference in points, mean over the seeds that both have, with its {level:.0%} interval and a two-sided p: "
    "paired bootstrap, {resamples:,} resamples. Each draws seeds, one fewer than there are, then test sentences "
    "within every language or task, the same for both sides. Of one seed the sentences alone are drawn. The † of "
    "tables is one-sided and over sentences alone."
)
CORRECTED = "p (Holm): corrected for all {count} tests of this comparison together; intervals are not corrected."
SHORT = "SEEN and UNSEEN: languages that mBERT's pre-training covers, and others; behind a group is their number."
PRELIMINARY = f"preliminary: fewer than {ENOUGH} seeds, over which an interval is too narrow"
NO_COUNTS = (
    "not tested: a run is kept without the counts of its test sentences; any interval is over the seeds alone"
)
OTHERS = "not tested: the test sentences of the two are not the same"


@dataclass(frozen=True)
class Line:
    """The difference of two sides in one place: a language, a group of these, a task, or the mean of a suite."""

    first: Side
    second: Side
    task: str  # nothing for the mean of several
    place: str
    kind: str  # language, group, task or mean
    pairs: tuple[Pair, ...]
    difference: Difference
    means: tuple[float | None, float | None]  # over the seeds that both have
    corrected: float | None = None  # its p
    untested: str = ""  # why it has none

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval of the difference, over the seeds alone where runs are kept without counts of sentences."""
        return None if self.untested == OTHERS else self.difference.interval

    @cached_property
    def p(self) -> float | None:
        """The two-sided p of no difference, None where sentences cannot be paired."""
        return bootstrap.two_sided(self.difference.resampled) if self.difference.resampled else None

    @property
    def preliminary(self) -> bool:
        """Whether it stands on few seeds."""
        return len(self.difference.by_seed) < ENOUGH

    @property
    def sentences(self) -> int:
        """How many test sentences or examples it is over."""
        seed = min(self.difference.by_seed)
        return sum(self.first.scores[pair][seed][0].sentences for pair in self.pairs)

    def _runs(self, side: Side) -> str:
        scores = (
            score for pair in self.pairs for seed in self.difference.by_seed for score in side.scores[pair][seed]
        )
        return " ".join(sorted({score.run.id for score in scores}))

    def row(self) -> dict[str, Any]:
        """Return everything about it under a name each; scores and differences are in points of 0–100."""
        low, high = self.interval or (None, None)
        return {
            "first": self.first.label, "second": self.second.label, "task": self.task or None, "place": self.place,
            "kind": self.kind, "difference": self.difference.mean, "low": low, "high": high, "p": self.p,
            "p_holm": self.corrected, "first_mean": self.means[0], "second_mean": self.means[1],
            "n_seeds": len(self.difference.by_seed), "seeds": dict(self.difference.by_seed),
            "preliminary": self.preliminary, "sentences": self.sentences,
            "languages": " ".join(sorted(self.difference.covers)), "first_runs": self._runs(self.first),
            "second_runs": self._runs(self.second), "note": self.untested or None,
        }  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """All lines of some pairs of sides, and what could not be compared."""

    lines: tuple[Line, ...]
    resamples: int
    pairs: tuple[tuple[str, str], ...]  # labels
    notes: tuple[str, ...] = ()  # what was left out, and what could not be paired

    def frame(self) -> "pd.DataFrame":
        """Return a row a line (see `Line.row`); `seeds` are the differences as a mapping from the seed."""
        import pandas as pd

        return pd.DataFrame([line.row() for line in self.lines])

    def table(self) -> Table:
        """Return the lines as a table, a block for each pair of sides and task."""
        marks = Marks()
        blocks: dict[str, list[Row]] = {}
        for line in self.lines:
            task = _title(line.task) if line.task and line.kind != "task" else "tasks"
            title = f"{line.first.label} − {line.second.label}: {task}"
            blocks.setdefault(title, []).append(_row(line, marks, self.resamples))
        tested = [line for line in self.lines if line.p is not None]
        said = [HOW.format(level=bootstrap.LEVEL, resamples=self.resamples)]
        said += [CORRECTED.format(count=len(tested))] if tested else []
        if (least := 2 * len(tested) / (self.resamples + 1)) > 1 - bootstrap.LEVEL:
            said.append(
                f"p (Holm) of so many tests is {min(1, least):.2f} at the least: compare fewer things at a time."
            )
        said += [SHORT] if any(line.kind == "group" for line in self.lines) else []
        columns = (
            Column("difference", kind="difference", paper=False), Column("first", paper=False),
            Column("second", paper=False), Column("p", kind="text", paper=False),
            Column("p (Holm)", kind="text", paper=False), Column("seeds", kind="seeds", paper=False),
            Column("sentences", kind="text", paper=False),
        )  # fmt: skip
        return Table(
            name="compare",
            title="Differences over the same test sentences and seeds",
            stub="",
            columns=columns,
            blocks=tuple(Block(title, tuple(rows)) for title, rows in blocks.items()),
            heading=_heading(self.lines),
            notes=marks.notes(),
            remarks=(*said, *self.notes),
        )

    def figure(self) -> Figure:
        """Return the differences by language and group, or by task, with their intervals."""
        by_panel: dict[str, list[Line]] = {}
        for line in self.lines:
            by_panel.setdefault(_title(line.task) if line.kind in ("language", "group") else "tasks", []).append(
                line
            )
        few = any(line.preliminary for line in self.lines)
        return Figure(
            name="compare",
            title="Differences over the same test sentences and seeds",
            kind="differences",
            stub="difference",
            places=(),
            panels=tuple(self._panel(title, lines) for title, lines in by_panel.items()),
            heading=_heading(self.lines),
            caption=(f"{PRELIMINARY[0].upper()}{PRELIMINARY[1:]}.",) if few else (),
            quantity="difference",
            columns=1,
            ours=f"mean over the seeds, with its {bootstrap.LEVEL:.0%} interval over seeds and sentences; above 0 "
            "the first of the two is better",
        )

    def _panel(self, title: str, lines: Sequence[Line]) -> Panel:
        # of a sandbox language the code alone: there are many side by side
        places = {line.place: line.place.partition(" (")[0] for line in lines}
        series = []
        for first, second in self.pairs:
            of = {line.place: line for line in lines if (line.first.label, line.second.label) == (first, second)}
            cells = tuple(_cell(of[place]) if place in of else Cell() for place in places)
            series.append(Series(f"{first} − {second}", cells))
        return Panel(title, "points", tuple(series), places=tuple(places.values()))


def compare(
    store: Store,
    sides: Sequence[str],
    *,
    profile: str | None = None,
    where: Iterable[str] = (),
    all_pairs: bool = False,
) -> Comparison:
    """Return the differences of every side to the first, or of every pair of sides.

    `sides` and `where` are as `Chooser` takes them, `profile` is that of sides which are no runs; by default the
    store's only one, else `demo`. Raises `InputError` where a side has no runs, or no two have anything in common.
    """
    if len(sides) < 2:
        raise InputError("a comparison takes two sides or more: methods, METHOD:SETTING, or run ids.")
    if again := [one for number, one in enumerate(sides) if one in sides[:number]]:
        raise InputError(f"'{again[0]}' is given twice.")
    terms = read_terms(where)
    units: dict[str, tuple[str, ...]] = {n: terms.pop(n) for n in ("task", "place") if n in terms}
    chooser = Chooser(store, profile, terms)
    found = [chooser.side(one) for one in sides]
    for one, other in combinations(found, 2):
        if {run.id for run in one.records} == {run.id for run in other.records}:
            raise InputError(f"'{one.label}' and '{other.label}' are the same runs: compare two different sides.")
    pairs = [*combinations(found, 2)] if all_pairs else [(found[0], other) for other in found[1:]]
    planned = _asked([(one, other, *unit) for one, other in pairs for unit in _units(one, other)], units)
    notes = [note for one, other in pairs for note in _unpaired(one, other)]
    if not planned:
        names = " and ".join(one.label for one in found)
        raise InputError(f"nothing can be compared: {names} share no test set with scores of the same seed.")
    resamples = _resamples(len(planned), found)
    measure = _Measure(Resampler(resamples))
    lines = [measure.line(*one) for one in planned]
    tested = [line.p for line in lines if line.p is not None]
    corrected = iter(bootstrap.holm(tested))
    lines = [replace(line, corrected=next(corrected) if line.p is not None else None) for line in lines]
    said = [note for side in found for note in dict.fromkeys(side.notes)]
    return Comparison(
        tuple(lines), resamples, tuple((one.label, other.label) for one, other in pairs),
        tuple(dict.fromkeys([*chooser.remarks, *said, *notes, *store.left_out()])),
    )  # fmt: skip


def _asked(planned: list[Planned], wanted: Terms) -> list[Planned]:
    """Return what is planned of some tasks and places, a language by its name or its code: the rest is no test."""
    for name, values in wanted.items():
        names = [
            {one[2]}
            if name == "task"
            else {one[3], one[3].partition(" (")[0], *(p[1] for p in one[5][:1] * (one[4] == "language"))}
            for one in planned
        ]
        known = sorted(set().union(*names))
        if lost := [value for value in values if value not in known]:
            raise InputError(did_you_mean(name, lost[0], known))
        planned = [one for one, of in zip(planned, names, strict=True) if of & {*values}]
    return planned


def _resamples(tests: int, sides: Iterable[Side]) -> int:
    """Return how many resamples so many tests need, as far as the largest test set lets them fit into memory."""
    scores = (score for side in sides for of in side.scores.values() for some in of.values() for score in some)
    largest = max(score.sentences for score in scores)
    most = min(_MOST_RESAMPLES, _MOST_DRAWN // max(1, largest))
    return max(bootstrap.RESAMPLES, min(most, _RESAMPLES_EACH * tests))


def _units(one: Side, other: Side) -> Iterator[tuple[str, str, str, list[Pair]]]:
    """Yield (task, place, kind, pairs) of all places in which both sides have scores of a seed."""
    shared = [p for p in one.scores if p in other.scores and one.seeds([p]) & other.seeds([p])]
    tasks = sorted({task for task, _ in shared}, key=task_names().index)
    order = [*language_set("hyperx"), *language_set("sandbox")]
    for task in tasks:
        pairs = [pair for pair in shared if pair[0] == task]
        if task_of(task).answers_texts:
            yield task, task_of(task).title, "task", pairs
            continue
        pairs.sort(key=lambda pair: (order.index(pair[1]) if pair[1] in order else len(order), pair[1]))
        for pair in pairs:
            yield task, find_language(pair[1]).label, "language", [pair]
        for group, members in GROUPS.items():
            some = [pair for pair in pairs if one.group_of(pair[1]) in members]
            if some and one.seeds(some) & other.seeds(some):
                yield task, group, "group", some
    texts = [pair for pair in shared if task_of(pair[0]).answers_texts]
    if len({task for task, _ in texts}) > 1 and one.seeds(texts) & other.seeds(texts):
        yield "", MEAN, MEAN, texts


def _unpaired(one: Side, other: Side) -> list[str]:
    """Return what the two do not share, a sentence each."""
    said = []
    for side, rival in ((one, other), (other, one)):
        lacking = [pair for pair in side.scores if side.scores[pair] and not rival.scores.get(pair)]
        by_task: dict[str, list[str]] = {}
        for task, language in lacking:
            by_task.setdefault(task, []).append(language)
        words = [
            _title(t) if task_of(t).answers_texts else f"{_title(t)} {', '.join(of)}" for t, of in by_task.items()
        ]
        if words:
            said.append(f"not paired: {'; '.join(words)}: only {side.label} has scores there.")
        own = {seed for by_seed in side.scores.values() for seed in by_seed}
        theirs = {seed for by_seed in rival.scores.values() for seed in by_seed}
        if alone := sorted(own - theirs):
            named = f"seed{'s' * (len(alone) > 1)} {', '.join(map(str, alone))}"
            said.append(f"not paired: {named} of {side.label}, which {rival.label} lacks.")
    return said


class _Measure:
    """Makes lines; what is resampled of two sides on a pair in a seed is computed once."""

    def __init__(self, resampler: Resampler) -> None:
        self._resampler = resampler
        self._found: dict[tuple[str, str, Pair, int], bootstrap.Scores | None] = {}

    def line(self, one: Side, other: Side, task: str, place: str, kind: str, pairs: Sequence[Pair]) -> Line:
        """Return the difference of two sides over some pairs."""
        first, second = one.means(pairs), other.means(pairs)
        seeds = [seed for seed in first if seed in second]
        drawn = [[self._resampled(one, other, pair, seed) for pair in pairs] for seed in seeds]
        there = [[part for part in of_seed if part is not None] for of_seed in drawn]
        whole = sum(map(len, there)) == len(pairs) * len(seeds)
        counted = whole or all(
            self._resampler.paired([tested], [tested])
            for side in (one, other)
            for pair in pairs
            for seed in seeds
            for tested in _tested(side, pair, seed)
        )
        return Line(
            one, other, task, place, kind, tuple(pairs),
            Difference(
                by_seed={seed: first[seed] - second[seed] for seed in seeds},
                resampled=[mean_of_resamples(of_seed) for of_seed in there] if whole else None,
                covers=frozenset(language for _, language in pairs),
                wanted=len(pairs),
            ),
            (mean(first[seed] for seed in seeds), mean(second[seed] for seed in seeds)),
            untested="" if whole else OTHERS if counted else NO_COUNTS,
        )  # fmt: skip

    def _resampled(self, one: Side, other: Side, pair: Pair, seed: int) -> bootstrap.Scores | None:
        """Return the resampled difference on a pair, of the means over the models of each side."""
        where = one.label, other.label, pair, seed
        if where not in self._found:
            both = _tested(one, pair, seed), _tested(other, pair, seed)
            means = []
            for side, rival in (both, both[::-1]):
                # each model with one of the other side: then all have the same sentences
                found = [self._resampler.paired([model], [rival[0]]) for model in side]
                parts = [scores[0][0] for scores in found if scores]
                means += [mean_of_resamples(parts)] if len(parts) == len(side) else []
            self._found[where] = means[0] - means[1] if len(means) == len(both) else None
        return self._found[where]


def _tested(side: Side, pair: Pair, seed: int) -> list[Tested]:
    metric = task_of(pair[0]).metric if task_of(pair[0]).answers_texts else ""
    return [Tested(score.run, *pair, metric) for score in side.scores[pair][seed]]


def _title(task: str) -> str:
    return task_of(task).title


def _row(line: Line, marks: Marks, resamples: int) -> Row:
    low, high = line.interval or (None, None)
    notes = [line.untested] if line.untested else []
    notes += [PRELIMINARY] if line.preliminary else []
    seeds = len(line.difference.by_seed)
    # no resample is on the other side, so that more resamples could only make it smaller
    least = line.p is not None and line.p * (resamples + 1) <= 2
    cells = (
        Cell(line.difference.mean, n=seeds, low=low, high=high, marks=tuple(map(marks.letter, notes))),
        Cell(line.means[0]), Cell(line.means[1]),
        Cell(text=_p(line.p, least)), Cell(text=_p(line.corrected, least)),
        Cell(seeds), Cell(text=f"{line.sentences:,}"),
    )  # fmt: skip
    return Row(f"{line.place} ({len(line.pairs)})" if line.kind in ("group", MEAN) else line.place, cells)


def _p(value: float | None, least: bool) -> str:
    if value is None or value < 0.001:
        return "–" if value is None else "< 0.001"
    return f"{'≤ ' if least and value < 1 else ''}{value:.3f}"


def _cell(line: Line) -> Cell:
    low, high = line.interval or (None, None)
    return Cell(line.difference.mean, n=len(line.difference.by_seed), low=low, high=high)


def _heading(lines: Sequence[Line]) -> tuple[str, ...]:
    """Return the profiles and the sides with their backbones and seeds."""
    sides = {side.label: side for line in lines for side in (line.first, line.second)}
    profiles = sorted({side.spec.profile for side in sides.values()})
    made_up = any(side.spec.data.origin == "sandbox" for side in sides.values())
    said = ": SYNTHETIC sandbox data, no evidence about real ones" if made_up else ""
    backbones = sorted({side.spec.backbone.name for side in sides.values()})
    return (
        f"profile{'s' * (len(profiles) > 1)} {', '.join(profiles)}{said}",
        f"backbone{'s' * (len(backbones) > 1)} {', '.join(backbones)}",
    )
