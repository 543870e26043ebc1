"""From runs that were scored on other tasks to what their transfer is worth (PET scaling, appendix E, Figure 7).

Everything is in percent of what the target's own training gives with the same seed, so that a task's own is 100.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from hxbench.report.artifact.published import published
from hxbench.report.papers.pet.answers import LIKELIHOOD, NORMALISED, forms_of
from hxbench.report.papers.pet.results import Results
from hxbench.report.papers.pet.rows import FAMILIES, PAPER, Backbone
from hxbench.report.scores.averages import mean_of_all
from hxbench.report.scores.estimate import Estimate, Runs, combined, mean_of
from hxbench.report.scores.rows import scores_in
from hxbench.report.scores.run_set import Condition, RunSet, Scoring
from hxbench.spec import experiment as experiments
from hxbench.spec.recipe import ExperimentBlock
from hxbench.spec.settings import Model
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


class Transfer:
    """What one model's runs score: those of every source task, on every target."""

    def __init__(self, tasks: tuple[str, ...], runs: RunSet) -> None:
        self.tasks, self.runs = tasks, runs
        self._of = {
            (task, chosen): _scored(runs, task, chosen=chosen) for task in tasks for chosen in (False, True)
        }

    @property
    def both(self) -> bool:
        """Whether what is written is scored, and beside it the labels found most likely."""
        return any(rows for task in self.tasks for rows in self._of[task, True].rows.values())

    def score(self, source: str, target: str, *, chosen: bool = False) -> Estimate:
        """Return the score on `target` of what was tuned on `source`, or with `chosen` of its likeliest labels."""
        found = self._of[source, chosen].score(target)
        if not chosen:
            return found
        every = self._of[source, False].score(target)  # runs that are there are not missing
        lacking = (target,) if not found.values and (every.values or every.lacking) else ()
        return replace(found, incomplete=every.incomplete, lacking=lacking)

    def relative(self, source: str, target: str, *, chosen: bool = False) -> Estimate:
        """Return the score on `target` of what was tuned on `source`, in percent of the target's own training.

        Both scores are of what was answered, or with `chosen` of the labels that are found most likely.
        """
        score, own = (self.score(one, target, chosen=chosen) for one in (source, target))
        found = combined((score, own), lambda values: _percent_of(values[0], values[1:]))
        nothing = any(own.by_seed.get(seed, 1.0) <= 0 for seed in score.seeds)
        return replace(
            found,
            covers=frozenset({target}),
            lacking=(target,) if (score.lacking or own.lacking) and not found.values else (),
            note=NOTHING if nothing else "",
            runs=self._behind({source, target}, found.seeds),
        )

    def _behind(self, sources: Iterable[str], seeds: Iterable[int]) -> Runs:
        """Return the runs on some sources, each with whether it ended on the plateau of its own task."""
        each = (self.runs.runs_behind([(Model(one), seed)], (one,)) for one in sources for seed in seeds)
        return frozenset().union(*each)

    def mean(self, kind: Callable[[str, str], bool], *, chosen: bool = False) -> Estimate:
        """Return the mean over the cells of a kind, for each seed that has all runs.

        Cells that are relative to nothing are left out. `chosen` goes by the labels that are found most likely, of
        the own training too.
        """
        parts = [self.relative(*cell, chosen=chosen) for cell in cells_where(self.tasks, kind)]
        return self._mean(parts, chosen=chosen)

    def frequent(self) -> Estimate:
        """Return what always answering the most frequent label scores, a mean over the targets with labels."""
        parts = []
        for task in (task for task in self.tasks if task_of(task).group in LABELLED):
            share = self._of[task, False].majority.get(task)
            if share is not None:
                parts.append(combined((self.score(task, task),), partial(_percent_of, share)))
        return self._mean(parts)

    def _mean(self, parts: list[Estimate], *, chosen: bool = False) -> Estimate:
        if not parts:
            return Estimate()
        there = [self._of[task, False].present for task in self.tasks]
        # each seed is a mean over the same cells: one with an older run has none, a task of older runs
        # no part in any
        there += [some for task in self.tasks if chosen and (some := self._of[task, True].present)]
        whole = [seed for seed in self.runs.seeds if all(seed in {one for _, one in some} for some in there)]
        return replace(
            mean_of(parts, whole),
            covers=frozenset(),
            lacking=(),
            incomplete=self.runs.lacks,
            runs=self._behind(self.tasks, whole),
        )


def _percent_of(value: float, own: list[float]) -> float | None:
    return 100 * value / own[0] if own[0] > 0 else None


def _scored(runs: RunSet, source: str, *, chosen: bool) -> RunSet:
    """Return the runs on one task, which is scored on all; `chosen` are their scores by the likeliest labels."""
    rows = {which: some for which, some in runs.rows.items() if which[0] == Model(source)}
    if chosen:  # older runs have no such scores and are none here
        likeliest = {which: [row for row in some if row.get("metric") == "chosen"] for which, some in rows.items()}
        rows = {
            which: [{**row, "metric": task_of(row["task"]).metric} for row in some]
            for which, some in likeliest.items()
            if some
        }
    by_all = Scoring(scores_in, lambda models, pair, _: tuple(models), lambda pair: pair.task, lambda group: ())
    return RunSet((Model(source),), runs.wanted, rows, by_all)


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
        forms = forms_of(self.condition.records) if self.condition else set()
        words = {LIKELIHOOD: ", by likelihood", NORMALISED: ", by normalised likelihood"}
        chosen = "".join(said for form, said in words.items() if form in forms)
        return f"{self.backbone.title}, {MODES[self.places]}{chosen}"

    @property
    def _group(self) -> str:
        return f"{self.backbone.printed}; APET_{MODES[self.places]}"

    def printed(self, source: str, target: str) -> float | None:
        """Return the published value of a cell."""
        row, column = f"source={task_of(source).title}", f"target={task_of(target).title}"
        return published(PAPER).value("Figure 7", row, column, "zero_shot_relative_performance", self._group)

    def printed_mean(self, kind: Callable[[str, str], bool]) -> float | None:
        """Return the mean of the published values over the cells of a kind, which are all there or none."""
        return mean_of_all(self.printed(*cell) for cell in cells_where(self.tasks, kind))

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
            one, here = conditions.get((backbone.size, places)), tasks[backbone.size]
            runs = one.run_set if one else RunSet((), results.scale.seeds, {}, results.scoring)
            found.append(TransferModel(backbone, places, one, Transfer(here, runs)))
    return found


def _key(block: ExperimentBlock) -> tuple[str, str]:
    return block.size, str(block.options.get("places"))
