"""What a comparison found: differences with their intervals and p, as data, as a table and as a figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table
from hxbench.report.sides import Pair, Side
from hxbench.report.stats.claims import ENOUGH, Difference
from hxbench.tasks import task_of
from hxbench.tasks.scoring import bootstrap

if TYPE_CHECKING:
    import pandas as pd

MEAN = "mean"
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
            task = task_of(line.task).title if line.task and line.kind != "task" else "tasks"
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
            panel = task_of(line.task).title if line.kind in ("language", "group") else "tasks"
            by_panel.setdefault(panel, []).append(line)
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
