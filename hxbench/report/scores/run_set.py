"""The stored runs of one method in one setting, and their scores: a value for each seed, then the mean over seeds.

What a score is, a paper says (`Scoring`): which rows, by which of a setting's models, under what name.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple, Protocol

from hxbench.report.scores.averages import mean_of_each, means_by_seed
from hxbench.report.scores.estimate import Estimate, Runs, runs_behind
from hxbench.report.scores.rows import Rows, costs_in, curve_in, majority_in, scores_in
from hxbench.report.select.families import Family
from hxbench.spec.experiment import code_here
from hxbench.spec.recipe import ExperimentBlock
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import Model, Pair
from hxbench.store import RunRecord
from hxbench.tasks import ENGLISH, task_of
from hxbench.tasks.description import Described

Pairs = Sequence[Pair]


class ScoresIn(Protocol):
    """How the scores of pairs are read from a run's rows; `sources` are scored too where it says so."""

    def __call__(self, rows: Rows, *, sources: bool = ...) -> dict[Pair, float]:
        """Return the scores."""


@dataclass(frozen=True)
class Scoring:
    """What a paper calls a score of its runs.

    `models` are those whose mean is the score of a pair, `label` what a footnote calls it, `members` the languages
    of a group. `zero_shot` says that few-shot runs start from models that are scored on the same pairs.
    """

    scores: ScoresIn
    models: Callable[[Collection[Model], Pair, Described | None], tuple[Model, ...]]
    label: Callable[[Pair], str]
    members: Callable[[str], tuple[str, ...]]
    zero_shot: bool = False


def _own_or_shared(models: Collection[Model], pair: Pair, described: Described | None) -> tuple[Model, ...]:
    """Return the model of a task alone where there is one, else the one of several tasks."""
    return (Model(pair.task) if Model(pair.task) in models else Model(),)


TEXTS = Scoring(scores_in, _own_or_shared, lambda pair: task_of(pair.task).title, lambda group: ())


class Tested(NamedTuple):
    """A test set in a run. `metric` is how its counts become a score: span F1 or word accuracy without one."""

    record: RunRecord
    task: str
    language: str
    metric: str = ""


class RunSet:
    """The metrics of one method in one setting, by model and seed; `wanted` are the seeds there should be."""

    def __init__(
        self,
        models: tuple[Model, ...],
        wanted: tuple[int, ...],
        rows: Mapping[tuple[Model, int], Rows],
        scoring: Scoring,
        family: Family | None = None,
    ) -> None:
        self.models, self.wanted, self.scoring = models, wanted, scoring
        self.family = family or Family()
        self.seeds = tuple(sorted({*wanted, *(seed for _, seed in rows)}))
        self.rows, self.present = rows, frozenset(rows)
        specs = [record.spec for record in self.records]
        self.described = next((s.data.described for s in specs if isinstance(s, RunSpec)), None)
        self._over: dict[tuple[Pair, ...], Estimate] = {}
        self._tested: dict[Pair, tuple[Model, str, str, str]] = {}  # which model, and its test set (`Tested`)

    @property
    def method(self) -> str:
        """The method's recipe."""
        return self.family.method

    @property
    def setting(self) -> str:
        """The setting of all runs."""
        return self.family.setting

    @property
    def records(self) -> list[RunRecord]:
        """The runs that the scores come from."""
        return list(self.family.runs.values())

    @property
    def notes(self) -> list[str]:
        """What was chosen or left out."""
        return self.family.notes

    @property
    def lacks(self) -> bool:
        """Whether a wanted run is missing."""
        return bool(self.missing())

    def missing(self) -> list[tuple[Model, int]]:
        """Return the models that are wanted and not there."""
        return [(m, s) for s in self.wanted for m in self.models if (m, s) not in self.present]

    def seed_count(self) -> tuple[int, int]:
        """Return the least and the most seeds that a model of this setting has."""
        counts = [sum((model, seed) in self.present for seed in self.seeds) for model in self.models]
        return min(counts), max(counts)

    def runs_behind(self, which: Iterable[tuple[Model, int]], tasks: Collection[str]) -> Runs:
        """Return the runs of some models and seeds that a mean over these tasks is made of."""
        return runs_behind((self.family.runs[one] for one in which if one in self.family.runs), tasks)

    @cached_property
    def costs(self) -> dict[tuple[Model, int], dict[str, float]]:
        """What each run cost, by metric."""
        return {which: costs_in(rows) for which, rows in self.rows.items()}

    @cached_property
    def curves(self) -> dict[tuple[Model, int], list[tuple[int, float]]]:
        """The steps of each run with their mean development scores."""
        return {which: curve_in(rows) for which, rows in self.rows.items()}

    @cached_property
    def majority(self) -> dict[str, float]:
        """What always answering the most frequent label scores, by task."""
        return {task: value for rows in self.rows.values() for task, value in majority_in(rows).items()}

    @cached_property
    def _scores(self) -> dict[Model, dict[Pair, dict[int, float]]]:
        """What each model scored on a pair, by seed."""
        found: dict[Model, dict[Pair, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
        for (model, seed), rows in self.rows.items():
            for pair, score in self.scoring.scores(rows, sources=False).items():
                found[model][pair][seed] = score
        return found

    def cost(self, metric: str) -> Estimate:
        """Return a cost of one model, over all models that are there."""
        found = {which: costs[metric] for which, costs in self.costs.items() if metric in costs}
        uncounted = len(self.present) - len(found)
        return Estimate(
            values=tuple(found.values()),
            incomplete=not found and self.lacks,
            note=f"the cost of {uncounted} of {len(self.present)} runs could not be counted" if uncounted else "",
            runs=self.runs_behind(found, ()),
            seeds=tuple(seed for _, seed in found),
        )

    def score(self, task: str, code: str = ENGLISH) -> Estimate:
        """Return the score of a task in a language, given by its paper code."""
        return self.over((Pair(task, code),))

    def group(self, task: str, group: str) -> Estimate:
        """Return the mean over a group of languages; over fewer of them only where the data have no more."""
        return self.over([Pair(task, code) for code in self.scoring.members(group)])

    def tasks(self, tasks: Iterable[str]) -> Estimate:
        """Return the mean over some text tasks."""
        return self.over([Pair(task, ENGLISH) for task in tasks])

    def over(self, pairs: Pairs) -> Estimate:
        """Return the mean over some pairs; over fewer of them only where the data have no more.

        A seed counts that has all models which the pairs are scored by.
        """
        key = tuple(pairs)
        if key not in self._over:
            self._over[key] = self._mean(key)
        return self._over[key]

    def _mean(self, pairs: tuple[Pair, ...]) -> Estimate:
        models = {pair: self.scoring.models(self.models, pair, self.described) for pair in pairs}
        needed = {model for some in models.values() for model in some}
        whole = [seed for seed in self.seeds if all((model, seed) in self.present for model in needed)]
        # a pair that every model was trained on, as with one partition alone, is nobody's to score, and without
        # what every seed has a mean would be over different pairs for different seeds
        scores = {pair: self._of_models(pair, models[pair]) for pair in pairs}
        covered = [pair for pair in pairs if whole and scores[pair].keys() >= {*whole}]
        means = means_by_seed([{seed: scores[pair][seed] for seed in whole} for pair in covered])
        label = self.scoring.label
        return Estimate(
            values=tuple(means.values()),
            covers=frozenset(map(label, covered)),
            lacking=tuple(label(pair) for pair in pairs if pair not in covered) if whole else (),
            incomplete=not set(self.wanted) <= set(whole),
            runs=self.runs_behind(
                product({model for pair in covered for model in models[pair]}, whole),
                {pair.task for pair in covered},
            ),
            seeds=tuple(means),
        )

    def _of_models(self, pair: Pair, models: Sequence[Model]) -> dict[int, float]:
        """Return the mean of what the models of a pair scored on it, for each seed in which all of them have."""
        found = [self._scores[model].get(pair, {}) for model in models]
        if len(found) < 2:
            return found[0] if found else {}
        there = [seed for seed in found[0] if all(seed in scores for scores in found)]
        return mean_of_each({seed: [scores[seed] for scores in found] for seed in there})

    def tested(self, pairs: Pairs, seed: int) -> Iterator[Tested]:
        """Yield the test sets of some pairs in the runs of a seed: each is scored by one model alone."""
        for pair in pairs:
            if pair not in self._tested:
                (model,) = self.scoring.models(self.models, pair, self.described)
                self._tested[pair] = model, *tested_in(self.family.runs[model, seed], pair)[1:]
            model, *where = self._tested[pair]
            yield Tested(self.family.runs[model, seed], *where)


def tested_in(record: RunRecord, pair: Pair) -> Tested:
    """Return the test set of a pair in a run, by the code that its data have for the language."""
    task = task_of(pair.task)
    if task.answers_texts:
        return Tested(record, pair.task, pair.language, task.metric)
    return Tested(record, pair.task, code_here(pair.language, record.run_spec.data))


class Shown(Protocol):
    """Something that an artifact shows and has to account for: a run set, a condition, few-shot scores."""

    @property
    def records(self) -> list[RunRecord]:
        """The runs that its scores come from."""

    @property
    def notes(self) -> list[str]:
        """What was chosen or left out."""

    @property
    def lacks(self) -> bool:
        """Whether a wanted run is missing."""


@dataclass(frozen=True)
class Condition:
    """One thing that an experiment compares with others: a method as a block of the experiment asks for it."""

    label: str
    method: str
    setting: str
    run_set: RunSet
    block: ExperimentBlock

    @property
    def records(self) -> list[RunRecord]:
        """The runs that its scores come from."""
        return self.run_set.records

    @property
    def notes(self) -> list[str]:
        """What was chosen or left out."""
        return self.run_set.notes

    @property
    def lacks(self) -> bool:
        """Whether a wanted run is missing."""
        return self.run_set.lacks
