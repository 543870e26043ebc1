"""What runs scored, task by task, whatever paper they belong to and whatever its tables make of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean

from hxbench.report.artifact.table import Column
from hxbench.report.scores.estimate import Estimate, Rows, Runs, costs_in, kept_in, runs_behind
from hxbench.report.select.families import Family
from hxbench.spec.languages import find_language
from hxbench.spec.run_spec import RunSpec
from hxbench.store import DamagedRun, RunRecord
from hxbench.tasks import ENGLISH, TAGGING, suite_tasks, task_of, text_tasks

_TAGGING = {"ner": ("NER", "f1"), "pos": ("POS", "accuracy")}
# what stands where no model is needed
MAJORITY = "always the most frequent label of the training data; STS-B: one score for all, which is no correlation"
Seeds = Mapping[int, float]
MEAN = Column("mean", paper=False)


def scores_in(rows: Rows) -> dict[tuple[str, str], float]:
    """Return the test scores in a run's rows by task and language, each by the metric of its averages."""
    metrics = {task: metric for task, (_, metric) in _TAGGING.items()}
    metrics |= {name: task_of(name).metric for name in text_tasks()}
    return {
        (row["task"], row["language"]): float(row["value"])
        for row in rows
        if row.get("split") == "test"
        and row.get("value") is not None
        and row["metric"] == metrics.get(row["task"])
    }


def majority_in(rows: Rows) -> dict[str, float]:
    """Return what always answering the most frequent label scores, by task."""
    return {
        row["task"]: float(row["value"])
        for row in rows
        if row.get("split") == "test" and row.get("metric") == "majority" and row.get("value") is not None
    }


def entries_in(rows: Rows) -> dict[str, int]:
    """Return how many entries an APET has drawn, and how many of them ever had a gradient; nothing of others."""
    costs = costs_in(rows)
    if "live_parameters" not in costs:
        return {}
    return {"drawn": int(costs.get("counted_parameters", 0)), "live": int(costs["live_parameters"])}


def majorities(records: Iterable[RunRecord]) -> dict[str, set[float]]:
    """Return the same of several runs, by the title of the task.

    Which label it is may differ between runs that are trained on different examples.
    """
    found: dict[str, set[float]] = defaultdict(set)
    for record in records:
        for task, value in majority_in(rows_of(record)).items():
            found[task_of(task).title].add(value)
    return found


def column_of(task: str, language: str) -> Column:
    """Return the column of a pair; that of a task where all its texts are in one language."""
    if task in text_tasks():
        return Column(task_of(task).title, paper=False)
    return Column(find_language(language).paper_code, _TAGGING[task][0], paper=False)


def task_scores(family: Family, wanted: Iterable[int]) -> dict[Column, Estimate]:
    """Return the score of every task of a family's models, of several their mean as well; `wanted` are seeds."""
    found: dict[Column, dict[int, float]] = {column_of(task, ENGLISH): {} for task in _tasks_of(family)}
    runs: dict[Column, Runs] = defaultdict(frozenset)
    for (_, seed), record in sorted(family.runs.items(), key=lambda one: one[0][1]):
        for pair, value in scores_in(rows_of(record)).items():
            found[column_of(*pair)][seed] = value
            runs[column_of(*pair)] |= runs_behind([record], pair[:1])
    there = {column: (values, set(wanted) <= {*values}) for column, values in found.items()}
    return _with_mean(there, runs)


def _tasks_of(family: Family) -> list[str]:
    suite = family.together or suite_tasks(family.suite or TAGGING)
    return list(dict.fromkeys(t for model in family.models for t in ((model.task,) if model.task else suite)))


def kept_scores(family: Family, wanted: Iterable[int]) -> dict[Column, Estimate]:
    """Return what a family's weights were chosen by: development scores of the tasks, and the mean of all pairs.

    That of a task in several languages is the mean over those that were trained on.
    """
    tasks = _tasks_of(family)
    kept = {which: kept_in(rows_of(record)) for which, record in family.runs.items()}
    columns = {
        Column(_TAGGING[task][0] if task in _TAGGING else task_of(task).title, paper=False): (task,)
        for task in tasks
    }
    shown = {}
    for column, some in {**columns, **({MEAN: tuple(tasks)} if len(tasks) > 1 else {})}.items():
        models = [model for model in family.models if model.task in (None, *some)]
        seeds = sorted({*wanted, *(seed for _, seed in kept)})
        whole = [seed for seed in seeds if all(kept.get((model, seed)) for model in models)]
        values = {s: [score for m in models for task, score in kept[m, s] if task in some] for s in whole}
        means = {seed: fmean(scores) for seed, scores in values.items() if scores}
        shown[column] = Estimate(
            tuple(means.values()),
            seeds=tuple(means),
            incomplete=not set(wanted) <= set(whole),
            runs=runs_behind((family.runs[m, seed] for m in models for seed in whole), some),
        )
    return shown


def shot_scores(
    records: Iterable[RunRecord], pairs: Iterable[tuple[str, str]], wanted: Iterable[int], draws: int
) -> dict[Column, Estimate]:
    """Return the score of every pair that runs are tuned on, the mean over the draws for each seed."""
    found: dict[Column, dict[int, dict[int, float]]] = {column_of(*pair): defaultdict(dict) for pair in pairs}
    runs: dict[Column, Runs] = defaultdict(frozenset)
    for record in records:
        spec = record.spec
        assert isinstance(spec, RunSpec)
        assert spec.few_shot is not None
        pair = spec.few_shot.task, spec.few_shot.language
        if column_of(*pair) in found and (value := scores_in(rows_of(record)).get(pair)) is not None:
            found[column_of(*pair)][spec.seed][spec.few_shot.draw] = value
            runs[column_of(*pair)] |= runs_behind([record], pair[:1])
    return _with_mean(
        {
            column: (
                {seed: fmean(of[seed].values()) for seed in sorted(of)},
                all(len(of.get(seed, ())) >= draws for seed in wanted),
            )
            for column, of in found.items()
        },
        runs,
    )


def _with_mean(found: Mapping[Column, tuple[Seeds, bool]], runs: Mapping[Column, Runs]) -> dict[Column, Estimate]:
    """Return values by seed, and whether these are all, as estimates of these runs; of text tasks with their mean.

    The mean is over the tasks that have any score, and over the seeds that have all of these.
    """
    shown = {
        column: Estimate(
            tuple(values.values()),
            frozenset({column.title}),
            seeds=tuple(values),
            incomplete=not whole,
            runs=runs.get(column, frozenset()),
        )
        for column, (values, whole) in found.items()
    }
    if len(found) > 1 and not any(column.group for column in found):
        there = {column.title: values for column, (values, _) in found.items() if values}
        seeds = sorted(set.intersection(*({*values} for values in there.values()))) if there else []
        means = tuple(fmean(values[seed] for values in there.values()) for seed in seeds)
        whole = all(whole for _, whole in found.values())
        every: Runs = frozenset().union(*runs.values())
        shown[MEAN] = Estimate(means, frozenset(there), incomplete=not whole, runs=every, seeds=tuple(seeds))
    return shown


def rows_of(record: RunRecord) -> Rows:
    """Return the rows of a run's metrics; none of one that is damaged."""
    try:
        return record.metrics()
    except DamagedRun:  # said where the run set was read
        return []
