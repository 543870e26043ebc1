"""From runs that were scored on other tasks to what their transfer is worth (PET scaling, appendix E, Figure 7).

Everything is in percent of what the target's own training gives with the same seed, so that a task's own is 100.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean

from hxbench.report.artifact.published import published
from hxbench.report.papers.pet.answers import LIKELIHOOD, NORMALISED, ways_of
from hxbench.report.papers.pet.results import Results
from hxbench.report.papers.pet.rows import FAMILIES, PAPER, Backbone, task_title
from hxbench.report.scores.estimate import Estimate, Runs
from hxbench.report.scores.rows import Rows
from hxbench.report.scores.run_set import Condition, RunSet
from hxbench.spec import experiment as experiments
from hxbench.spec.recipe import ExperimentBlock
from hxbench.tasks import task_of

LABELLED = ("sa", "nli", "pi")  # types of tasks whose answer is one of a few labels
NOTHING = "the target's own training scores nothing, which nothing can be relative to"
Cell = tuple[str, str]  # source, target
EXPERIMENT = "figure7"
MODES = {"existing": "INNER", "inserted": "INSERT"}  # by the places of APET
MODELS = tuple(backbone for family in FAMILIES if family.name in ("bert", "t5") for backbone in family.ends)


def within(source: str, target: str) -> bool:
    """Return whether two different tasks are of one type."""
    return source != target and task_of(source).group == task_of(target).group


def across(source: str, target: str) -> bool:
    """Return whether two tasks are of different types."""
    return task_of(source).group != task_of(target).group


def across_labels(source: str, target: str) -> bool:
    """Return whether two tasks are of different types, both with labels."""
    return across(source, target) and {task_of(source).group, task_of(target).group} <= {*LABELLED}


def to_text(source: str, target: str) -> bool:
    """Return whether the source has labels and the target is answered in text."""
    return task_of(source).group in LABELLED and task_of(target).group not in LABELLED


def to_labels(source: str, target: str) -> bool:
    """Return whether the source is answered in text and the target has labels."""
    return to_text(target, source)


def cells_where(tasks: Iterable[str], kind: Callable[[str, str], bool]) -> Iterator[Cell]:
    """Yield the cells of a matrix that are of a kind, row by row."""
    tasks = tuple(tasks)
    return ((source, target) for source in tasks for target in tasks if kind(source, target))


@dataclass
class Transfer:
    """The scores of one model's runs: of every source task, on every target, with the targets' majority scores."""

    tasks: tuple[str, ...]
    wanted: tuple[int, ...]  # seeds that there should be
    scores: dict[int, dict[Cell, float]] = field(default_factory=dict)  # by seed
    chosen: dict[int, dict[Cell, float]] = field(default_factory=dict)  # of the labels found most likely
    trained: dict[int, set[str]] = field(default_factory=dict)  # sources that there are, by seed
    majority: dict[str, float] = field(default_factory=dict)  # of always the most frequent training label, by task
    runs: dict[tuple[int, str], Runs] = field(default_factory=dict)  # of `trained`, by seed and source

    def add(self, seed: int, source: str, rows: Rows, runs: Runs = frozenset()) -> None:
        """Take the test scores of the run on `source`, of every task by the metric of its averages."""
        self.runs[seed, source] = runs
        self.trained.setdefault(seed, set()).add(source)
        found, chosen = self.scores.setdefault(seed, {}), self.chosen.setdefault(seed, {})
        for row in rows:
            task, value = row.get("task"), row.get("value")
            if row.get("split") != "test" or task not in self.tasks or value is None:
                continue
            if row.get("metric") == task_of(task).metric:
                found[source, task] = float(value)
            elif row.get("metric") == "chosen":
                chosen[source, task] = float(value)
            elif row.get("metric") == "majority" and task == source:
                self.majority[task] = float(value)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that there are or should be."""
        return tuple(sorted({*self.wanted, *self.trained}))

    def _lacks(self, seed: int, tasks: Iterable[str]) -> bool:
        return not {*tasks} <= self.trained.get(seed, set())

    @property
    def both(self) -> bool:
        """Whether what is written is scored, and beside it the labels found most likely."""
        return any(self.chosen.values())

    def relative(self, source: str, target: str, *, chosen: bool = False) -> Estimate:
        """Return the score on `target` of what was tuned on `source`, in percent of the target's own training.

        Both scores are of what was answered, or with `chosen` of the labels that are found most likely.
        """
        scores = self.chosen if chosen else self.scores
        values: dict[int, float] = {}
        nothing, unscored = False, False
        runs: Runs = frozenset()
        for seed in self.seeds:
            if self._lacks(seed, (source, target)):
                continue
            value, own = (scores[seed].get(cell) for cell in ((source, target), (target, target)))
            if value is None or own is None:
                unscored = True
            elif own <= 0:
                nothing = True
            else:
                values[seed] = 100 * value / own
                runs |= self._behind(seed, (source, target))
        return Estimate(
            tuple(values.values()),
            frozenset({target}),
            lacking=(target,) if unscored and not values else (),
            incomplete=any(self._lacks(seed, (source, target)) for seed in self.wanted),
            note=NOTHING if nothing else "",
            runs=runs,
            seeds=tuple(values),
        )

    def _behind(self, seed: int, sources: Iterable[str]) -> Runs:
        return frozenset().union(*(self.runs[seed, source] for source in sources))

    def mean(self, kind: Callable[[str, str], bool], *, chosen: bool = False) -> Estimate:
        """Return the mean over the cells of a kind, for each seed that has all runs.

        Cells that are relative to nothing are left out. `chosen` goes by the labels that are found most likely, of
        the own training too.
        """
        cells = list(cells_where(self.tasks, kind))
        return self._over_seeds(
            self.chosen if chosen else self.scores,
            cells,
            lambda scores: [
                100 * scores[source, target] / scores[target, target]
                for source, target in cells
                if (source, target) in scores and scores.get((target, target), 0.0) > 0
            ],
        )

    def frequent(self) -> Estimate:
        """Return what always answering the most frequent label scores, a mean over the targets with labels."""
        known = {task: value for task, value in self.majority.items() if task_of(task).group in LABELLED}
        return self._over_seeds(
            self.scores,
            list(known),
            lambda scores: [
                100 * value / scores[t, t] for t, value in known.items() if scores.get((t, t), 0.0) > 0
            ],
        )

    def _over_seeds(
        self,
        scores: Mapping[int, Mapping[Cell, float]],
        cells: list[Cell] | list[str],
        values: Callable[[Mapping[Cell, float]], list[float]],
    ) -> Estimate:
        if not cells:
            return Estimate()
        whole = [seed for seed in self.seeds if not self._lacks(seed, self.tasks)]
        means = {seed: fmean(some) for seed in whole if (some := values(scores[seed]))}
        lacking = any(self._lacks(seed, self.tasks) for seed in self.wanted)
        runs: Runs = frozenset().union(*(self._behind(seed, self.tasks) for seed in whole))
        return Estimate(tuple(means.values()), incomplete=lacking, runs=runs, seeds=tuple(means))


@dataclass(frozen=True)
class TransferModel:
    """One model in one mode: what the experiment asks for, None where the profile lacks it, and our runs of it."""

    backbone: Backbone
    places: str
    condition: Condition | None
    transfer: Transfer

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks of its rows, and of its columns."""
        return self.transfer.tasks

    @property
    def title(self) -> str:
        """What its panel is called; answers that are chosen and not written are no secret."""
        ways = ways_of(self.condition.records) if self.condition else set()
        words = {LIKELIHOOD: ", by likelihood", NORMALISED: ", by normalised likelihood"}
        chosen = "".join(said for way, said in words.items() if way in ways)
        return f"{self.backbone.title}, {MODES[self.places]}{chosen}"

    @property
    def _group(self) -> str:
        return f"{self.backbone.printed}; APET_{MODES[self.places]}"

    def printed(self, source: str, target: str) -> float | None:
        """Return the published value of a cell."""
        row, column = f"source={task_title(source)}", f"target={task_title(target)}"
        return published(PAPER).value("Figure 7", row, column, "zero_shot_relative_performance", self._group)

    def printed_mean(self, kind: Callable[[str, str], bool]) -> float | None:
        """Return the mean of the published values over the cells of a kind, which are all there or none."""
        values = [self.printed(*cell) for cell in cells_where(self.tasks, kind)]
        there = [value for value in values if value is not None]
        return fmean(there) if there and len(there) == len(values) else None

    def guessed(self) -> list[str]:
        """Return the sources whose published rows were read by the pattern of their neighbours, by title."""
        rows = (row for row in published(PAPER).rows if row["artifact"] == "Figure 7")
        doubtful = (row for row in rows if row["group"] == self._group and row["note"])
        return list(dict.fromkeys(row["row"].removeprefix("source=") for row in doubtful))


def models_of(results: Results) -> list[TransferModel]:
    """Return the models of the experiment in both modes, mode by mode; our runs are read here."""
    conditions = {_key(one.block): one for one in results.conditions(EXPERIMENT)}
    tasks = {size: block.every_task for block in experiments.blocks(PAPER, EXPERIMENT) for size in block.sizes}
    found = []
    for places in MODES:
        for backbone in MODELS:
            one = conditions.get((backbone.size, places))
            transfer = Transfer(tasks[backbone.size], results.scale.seeds)
            if one:
                _add(transfer, one.run_set)
            found.append(TransferModel(backbone, places, one, transfer))
    return found


def _add(transfer: Transfer, runs: RunSet) -> None:
    for (model, seed), rows in runs.rows.items():
        source = model.task or ""
        transfer.add(seed, source, rows, runs.runs_behind([(model, seed)], (source,)))


def _key(block: ExperimentBlock) -> tuple[str, str]:
    return block.size, str(block.options.get("places"))
