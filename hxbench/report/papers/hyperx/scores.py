"""From the runs of one method in one setting to the scores of the tables (Hyper-X, section 4 and Table 6).

A pair is scored by the models that were not trained on it: in the mixed setting by the other partition's. English
is supervised everywhere: it is the mean of both partitions' models, and enters no average. SEEN, UNSEEN and ALL
are plain means over their languages, taken for each seed and then averaged over the seeds.
"""

from collections.abc import Iterable, Mapping
from statistics import fmean

from hxbench.report.papers.hyperx.rows import LISTS, METRICS, ORDER, PSF
from hxbench.report.scores.estimate import Estimate, Rows
from hxbench.report.scores.run_set import StoredRuns
from hxbench.report.select.families import Family
from hxbench.report.stats.significance import Tested
from hxbench.spec import settings
from hxbench.spec.experiment import code_here
from hxbench.spec.languages import XLM_R, find_language, language_set
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import Model
from hxbench.tasks.description import Described

_GROUP = {code: language.group for code, language in language_set("hyperx").items()}


def members(group: str) -> tuple[str, ...]:
    """Return the paper codes that SEEN, UNSEEN, ALL or a half by XLM-R's list averages, English aside."""
    if group in LISTS.values():
        return tuple(code for code in ORDER[1:] if LISTS[code in XLM_R] == group)
    wanted = {"SEEN": ("seen",), "UNSEEN": ("unseen",), "ALL": ("seen", "unseen")}[group]
    return tuple(code for code in ORDER if _GROUP[code] in wanted)


def scoring_models(
    models: Iterable[Model], task: str, code: str, described: Described | None = None
) -> tuple[Model, ...]:
    """Return the models whose mean is the score of a pair: those that it was no source of, English aside."""
    of_task = [model for model in models if model.task in (None, task)]
    if _GROUP.get(code) == "source":
        return tuple(of_task)
    return tuple(
        model
        for model in of_task
        if model.partition is None or code not in settings.sides_of(model.partition, described)[task]
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
        if sources or row.get("role") != "source" or _GROUP.get(code) == "source":
            scores[row["task"], code] = float(row["value"])
    return scores


class RunSet(StoredRuns):
    """The metrics of one method in one setting, by model and seed, as scores of pairs."""

    def __init__(
        self,
        models: tuple[Model, ...],
        wanted: tuple[int, ...],
        runs: Mapping[tuple[Model, int], Rows],
        family: Family | None = None,
    ) -> None:
        super().__init__(models, wanted, runs, family)
        self._scores = {which: scores_in(rows) for which, rows in runs.items()}
        specs = [record.spec for record in self.records]
        self.described = next((s.data.described for s in specs if isinstance(s, RunSpec)), None)

    @property
    def help_from_targets(self) -> str:
        """What to say of weights that held-out pairs have chosen; nothing of a strictly zero-shot protocol."""
        specs = [record.spec for record in self.records]
        if not any(isinstance(spec, RunSpec) and spec.training.selection == "targets" for spec in specs):
            return ""
        as_published = ", as its published code does" if self.method == PSF.method else ""
        return f"weights chosen on the development sets of held-out pairs{as_published}: not strictly zero-shot"

    def score(self, task: str, code: str) -> Estimate:
        """Return the score of a pair; the language by its paper code."""
        return self.over(task, (code,))

    def group(self, task: str, group: str) -> Estimate:
        """Return the mean over SEEN, UNSEEN or ALL; over fewer languages only where the data have no more."""
        return self.over(task, members(group))

    def whole_seeds(self, task: str, codes: Iterable[str]) -> list[int]:
        """Return the seeds that have every model the scores of these pairs need."""
        needed = {model for code in codes for model in scoring_models(self.models, task, code, self.described)}
        return [seed for seed in self.seeds if all((model, seed) in self.present for model in needed)]

    def by_seed(self, task: str, codes: tuple[str, ...]) -> dict[int, float]:
        """Return the mean over some languages for each seed that has it."""
        return self.over(task, codes).by_seed

    def over(self, task: str, codes: tuple[str, ...]) -> Estimate:
        """Return the mean over some languages of a task."""
        models = {code: scoring_models(self.models, task, code, self.described) for code in codes}
        whole = self.whole_seeds(task, codes)
        by_seed = []
        for seed in whole:
            found = {code: [self._scores[m, seed].get((task, code)) for m in models[code]] for code in codes}
            # a pair that every model was trained on, as with one partition alone, is nobody's to score
            scored = {
                code: [v for v in of if v is not None] for code, of in found.items() if of and None not in of
            }
            by_seed.append({code: fmean(values) for code, values in scored.items()})
        # what every seed has: a mean over different languages for different seeds would compare nothing
        covered = [code for code in codes if by_seed and all(code in scores for scores in by_seed)]
        return Estimate(
            values=tuple(fmean(scores[code] for code in covered) for scores in by_seed) if covered else (),
            covers=frozenset(covered),
            lacking=tuple(code for code in codes if code not in covered) if by_seed else (),
            incomplete=not set(self.wanted) <= set(whole),
            runs=self.runs_behind(((m, s) for s in whole for c in covered for m in models[c]), (task,)),
            seeds=tuple(whole) if covered else (),
        )

    def tested(self, task: str, codes: Iterable[str], seed: int) -> list[Tested]:
        """Return the test sets of some languages in the runs of a seed.

        English is not among the languages: a pair is scored by one model alone.
        """
        found = []
        for code in codes:
            (model,) = scoring_models(self.models, task, code, self.described)
            record = self.family.runs[model, seed]
            assert isinstance(record.spec, RunSpec)
            found.append(Tested(record, task, code_here(code, record.spec.data)))
        return found
