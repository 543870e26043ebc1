"""From the runs of one method in one setting to the scores of the tables (Hyper-X, section 4 and Table 6).

A pair is scored by the models that were not trained on it: in the mixed setting by the other partition's. English
is supervised everywhere: it is the mean of both partitions' models, and enters no average. SEEN, UNSEEN and ALL
are plain means over their languages, taken for each seed and then averaged over the seeds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from hxbench import settings
from hxbench.languages import find_language, language_set
from hxbench.report.families import Family
from hxbench.report.hyperx.rows import METRICS, ORDER
from hxbench.settings import Model
from hxbench.store import RunRecord

_GROUP = {code: language.group for code, language in language_set("hyperx").items()}
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Estimate:
    """A value for each seed (or run), over the languages `covers`; `incomplete` when a wanted run is missing."""

    values: tuple[float, ...] = ()
    covers: frozenset[str] = frozenset()
    lacking: tuple[str, ...] = ()  # languages of the group that the data do not have
    incomplete: bool = False
    note: str = ""  # what else has to be said of it

    @property
    def mean(self) -> float | None:
        """The mean over the seeds."""
        return fmean(self.values) if self.values else None

    @property
    def sd(self) -> float | None:
        """The sample standard deviation over the seeds; None for fewer than two."""
        return stdev(self.values) if len(self.values) > 1 else None


def members(group: str) -> tuple[str, ...]:
    """Return the paper codes that SEEN, UNSEEN or ALL averages, English aside."""
    wanted = {"SEEN": ("seen",), "UNSEEN": ("unseen",), "ALL": ("seen", "unseen")}[group]
    return tuple(code for code in ORDER if _GROUP[code] in wanted)


def scoring_models(models: Iterable[Model], task: str, code: str) -> tuple[Model, ...]:
    """Return the models whose mean is the score of a pair: those that it was no source of, English aside."""
    of_task = [model for model in models if model.task in (None, task)]
    if _GROUP[code] == "source":
        return tuple(of_task)
    return tuple(
        model
        for model in of_task
        if model.partition is None or code not in settings.partition_sources(model.partition)[task]
    )


def scores_in(rows: Rows, *, sources: bool = False) -> dict[tuple[str, str], float]:
    """Return the test scores in a run's rows by task and paper code.

    The score of a source is none unless the source is English, or `sources` says to take it.
    """
    scores = {}
    for row in rows:
        wanted = METRICS.get(row.get("task") or "", ("", ""))[0]
        if row.get("split") != "test" or row.get("metric") != wanted or row.get("value") is None:
            continue
        code = find_language(row["language"]).paper_code
        if sources or row.get("role") != "source" or _GROUP[code] == "source":
            scores[row["task"], code] = float(row["value"])
    return scores


class RunSet:
    """The metrics of one method in one setting, by model and seed; `wanted` are the seeds there should be."""

    def __init__(
        self,
        models: tuple[Model, ...],
        wanted: tuple[int, ...],
        runs: Mapping[tuple[Model, int], Rows],
        family: Family | None = None,
    ) -> None:
        self.models, self.wanted = models, wanted
        self.family = family or Family()
        self.seeds = tuple(sorted({*wanted, *(seed for _, seed in runs)}))
        self.present = frozenset(runs)
        self._scores = {which: scores_in(rows) for which, rows in runs.items()}
        self._costs = {which: costs_in(rows) for which, rows in runs.items()}

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

    def score(self, task: str, code: str) -> Estimate:
        """Return the score of a pair; the language by its paper code."""
        return self.over(task, (code,))

    def group(self, task: str, group: str) -> Estimate:
        """Return the mean over SEEN, UNSEEN or ALL; over fewer languages only where the data have no more."""
        return self.over(task, members(group))

    def whole_seeds(self, task: str, codes: Iterable[str]) -> list[int]:
        """Return the seeds that have every model the scores of these pairs need."""
        needed = {model for code in codes for model in scoring_models(self.models, task, code)}
        return [seed for seed in self.seeds if all((model, seed) in self.present for model in needed)]

    def by_seed(self, task: str, codes: tuple[str, ...]) -> dict[int, float]:
        """Return the mean over some languages for each seed that has it."""
        return dict(zip(self.whole_seeds(task, codes), self.over(task, codes).values, strict=False))

    def over(self, task: str, codes: tuple[str, ...]) -> Estimate:
        """Return the mean over some languages of a task."""
        models = {code: scoring_models(self.models, task, code) for code in codes}
        whole = self.whole_seeds(task, codes)
        by_seed = []
        for seed in whole:
            found = {code: [self._scores[m, seed].get((task, code)) for m in models[code]] for code in codes}
            by_seed.append({c: fmean(v for v in of if v is not None) for c, of in found.items() if None not in of})
        # what every seed has: a mean over different languages for different seeds would compare nothing
        covered = [code for code in codes if by_seed and all(code in scores for scores in by_seed)]
        return Estimate(
            values=tuple(fmean(scores[code] for code in covered) for scores in by_seed) if covered else (),
            covers=frozenset(covered),
            lacking=tuple(code for code in codes if code not in covered) if by_seed else (),
            incomplete=not set(self.wanted) <= set(whole),
        )

    def cost(self, metric: str) -> Estimate:
        """Return a cost of one model, over all models that are there."""
        values = tuple(costs[metric] for costs in self._costs.values() if metric in costs)
        return Estimate(values=values, incomplete=not values and self.lacks)

    def seed_count(self) -> tuple[int, int]:
        """Return the least and the most seeds that a model of this setting has."""
        counts = [sum((model, seed) in self.present for seed in self.seeds) for model in self.models]
        return min(counts), max(counts)


def costs_in(rows: Rows) -> dict[str, float]:
    """Return the costs in a run's rows by metric."""
    return {r["metric"]: r["value"] for r in rows if r.get("split") == "cost" and r.get("value") is not None}
