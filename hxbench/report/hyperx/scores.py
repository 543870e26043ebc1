"""From the runs of one method in one setting to the scores of the tables (Hyper-X, section 4 and Table 6).

A pair is scored by the models that were not trained on it: in the mixed setting by the other partition's. English
is supervised everywhere: it is the mean of both partitions' models, and enters no average. SEEN, UNSEEN and ALL
are plain means over their languages, taken for each seed and then averaged over the seeds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from hxbench import settings
from hxbench.languages import find_language, language_set
from hxbench.report.families import parts_of
from hxbench.report.hyperx.rows import METRICS, ORDER

Part = str | None
_GROUP = {code: language.group for code, language in language_set("hyperx").items()}


@dataclass(frozen=True)
class Estimate:
    """A value for each seed (or run), over the languages `covers`; `incomplete` when a wanted run is missing."""

    values: tuple[float, ...] = ()
    covers: frozenset[str] = frozenset()
    lacking: tuple[str, ...] = ()  # languages of the group that the data do not have
    incomplete: bool = False

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


def scoring_parts(setting: str, task: str, code: str) -> tuple[Part, ...]:
    """Return the models whose mean is the score of a pair: those that it was no source of, English aside."""
    if setting == "single":
        return (task,)
    parts = parts_of(setting)
    if setting == "mixed" and _GROUP[code] != "source":
        return tuple(p for p in parts if code not in settings.partition_sources(str(p))[task])
    return parts


class RunSet:
    """The metrics of one method in one setting, by model and seed.

    `runs` maps (task, partition or None; seed) to the rows of a run; `seeds` are those that are wanted.
    """

    def __init__(
        self, setting: str, seeds: tuple[int, ...], runs: Mapping[tuple[Part, int], list[dict[str, Any]]]
    ) -> None:
        self.setting = setting
        self.seeds = tuple(sorted({*seeds, *(seed for _, seed in runs)}))
        self.wanted = seeds
        self.present = frozenset(runs)
        self._scores: dict[tuple[Part, int], dict[tuple[str, str], float]] = {}
        self._costs: dict[tuple[Part, int], dict[str, float]] = {}
        for key, rows in runs.items():
            self._scores[key] = dict(self._test_scores(rows))
            self._costs[key] = {
                row["metric"]: row["value"]
                for row in rows
                if row.get("split") == "cost" and row.get("value") is not None
            }

    @staticmethod
    def _test_scores(rows: list[dict[str, Any]]) -> list[tuple[tuple[str, str], float]]:
        scores = []
        for row in rows:
            wanted = METRICS.get(row.get("task") or "", ("", ""))[0]
            if row.get("split") != "test" or row.get("metric") != wanted or row.get("value") is None:
                continue
            code = find_language(row["language"]).paper_code
            if row.get("role") != "source" or _GROUP[code] == "source":
                scores.append(((row["task"], code), float(row["value"])))
        return scores

    def missing(self) -> list[tuple[Part, int]]:
        """Return the models that are wanted and not there."""
        return [(p, s) for s in self.wanted for p in parts_of(self.setting) if (p, s) not in self.present]

    def score(self, task: str, code: str) -> Estimate:
        """Return the score of a pair; the language by its paper code."""
        return self._over(task, (code,))

    def group(self, task: str, group: str) -> Estimate:
        """Return the mean over SEEN, UNSEEN or ALL; over fewer languages only where the data have no more."""
        return self._over(task, members(group))

    def _over(self, task: str, codes: tuple[str, ...]) -> Estimate:
        parts = {code: scoring_parts(self.setting, task, code) for code in codes}
        needed = {part for some in parts.values() for part in some}
        whole = [seed for seed in self.seeds if all((part, seed) in self.present for part in needed)]
        by_seed = []
        for seed in whole:
            found = {code: [self._scores[part, seed].get((task, code)) for part in parts[code]] for code in codes}
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
        return Estimate(values=values, incomplete=not values and bool(self.missing()))

    def seed_count(self) -> tuple[int, int]:
        """Return the least and the most seeds that a model of this setting has."""
        counts = [sum((part, seed) in self.present for seed in self.seeds) for part in parts_of(self.setting)]
        return min(counts), max(counts)
