"""What single runs scored, a row each, as the commands that do runs print it: in no paper's table, on any task."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hxbench.report.scores.averages import mean
from hxbench.report.scores.estimate import Estimate
from hxbench.report.scores.rows import entries_in, majority_in, scores_in
from hxbench.spec.languages import find_language
from hxbench.spec.run_spec import START, RunSpec
from hxbench.spec.settings import Pair
from hxbench.store import RunRecord, Store
from hxbench.store.plateau import short
from hxbench.tasks import ENGLISH, TAGGING, suite_tasks, task_of, text_tasks
from hxbench.tasks.task import METRIC_TITLES

_ZERO_SHOT = "mean over the languages each run was not trained on"
Row = dict[str, Any]


@dataclass(frozen=True)
class RunScores:
    """A row for each of some runs, all with the same keys, and what stands above them."""

    heading: str
    rows: tuple[Row, ...]

    def worth_printing(self) -> list[Row]:
        """Return the rows for people: without what no run has anything to say about."""
        silent = {name for name in ("plateau", "words cut") if not any(row.get(name) for row in self.rows)}
        if len({row.get("backbone") for row in self.rows}) == 1:
            silent.add("backbone")
        told = [{**row, "plateau": short(row["plateau"])} for row in self.rows]
        return [{name: value for name, value in row.items() if name not in silent} for row in told]


def run_scores(records: Sequence[RunRecord]) -> RunScores:
    """Return what finished runs scored on their own tasks.

    Of tags it is the mean over the languages that a run was not trained on, in two groups; of answers to texts the
    metric of the task's averages, with the mean of several tasks. Several runs of one text task each have their
    task's metric and the score of the most frequent label in columns of their own.
    """
    specs = [record.run_spec for record in records]
    alone = len(records) > 1 and all(spec.task and spec.answers_texts for spec in specs)
    rows = [(_of_one_task if alone else _of_tasks)(record) for record in records]
    for row, record in zip(rows, records, strict=True):
        row["plateau"] = record.plateaus
    names = dict.fromkeys(name for row in rows for name in row if name != "plateau")
    same = tuple({name: row.get(name) for name in (*names, "plateau")} for row in rows)
    if alone:
        return RunScores("Test scores:", same)
    return RunScores(_heading(names, any(not spec.answers_texts for spec in specs)), same)


def few_shot_scores(store: Store, specs: Iterable[RunSpec]) -> dict[tuple[str, str], dict[int, Estimate]]:
    """Return by (task, language) and k what few-shot runs scored on their pair, over seeds and draws.

    k = 0 is the run that each of them started from, where it did; runs that are not finished count for nothing.
    """
    found: dict[tuple[str, str], dict[int, dict[str, float]]] = {}
    for spec in specs:
        shot = spec.few_shot
        assert shot is not None
        cells = found.setdefault((shot.task, shot.language), {})
        for k, run_id in ((0, spec.after.get(START)), (shot.k, spec.run_id)):
            if run_id is not None and store.is_complete(run_id):
                tested = scores_in(store.finished(run_id).metrics())
                if (value := tested.get(Pair(shot.task, shot.language))) is not None:
                    cells.setdefault(k, {})[run_id] = value
    return {
        pair: {k: Estimate(tuple(values.values())) for k, values in cells.items()} for pair, cells in found.items()
    }


def _of_tasks(record: RunRecord) -> Row:
    """Return the scores of a run with a column for each of its tasks, of tags for each group of languages."""
    rows = record.metrics()
    tests = [row for row in rows if row.get("split") == "test"]
    row: Row = {"run": record.id, "title": record.title}
    if record.run_spec.answers_texts:
        own = [test for test in tests if test.get("role") != "target"]
        values = {(test["task"], test["metric"]): test["value"] for test in own}
        known = {name: task_of(name).metric for name in text_tasks()}
        scores = {name: values[name, metric] for name, metric in known.items() if (name, metric) in values}
        row |= scores
        if len(scores) > 1:
            row["mean"] = mean(scores.values())
        if cut := sum(test.get("cut") or 0 for test in tests):
            row["texts cut"] = cut
    else:
        row |= _tagged(tests, record.run_spec.tasks)
        row["words cut"] = sum(test.get("words_cut") or 0 for test in tests)
    return {**row, **entries_in(rows), "seconds": record.status.get("wall_seconds")}


def _tagged(tests: Sequence[Row], tasks: Sequence[str]) -> Row:
    """Return the mean score of tags over the languages of a group that were not trained on; None without any.

    Of a task without any the mean is over those that were, and is called that.
    """
    suite, found = suite_tasks(TAGGING), {}
    for task in suite if set(tasks) <= set(suite) else tasks:
        own = [test for test in tests if test["task"] == task]
        targets = [test for test in own if test.get("role") == "target"]
        if own and not targets:
            metric = task_of(task).metric
            found[f"{task}, trained on"] = mean(test["value"] for test in own if test["metric"] == metric)
            continue
        for group in ("seen", "unseen"):
            scores = [test["value"] for test in targets if find_language(test["language"]).group == group]
            found[f"{task} {group}"] = mean(scores)
    return found


def _of_one_task(record: RunRecord) -> Row:
    """Return the score of a run of one task, and what always the most frequent label would get."""
    task, rows = record.run_spec.task, record.metrics()
    assert task is not None
    return {
        "run": record.id,
        "title": record.title.removesuffix(f" ({record.fields['profile']})"),
        "backbone": record.fields["backbone"]["name"],
        "metric": METRIC_TITLES[task_of(task).metric],
        "score": scores_in(rows).get(Pair(task, ENGLISH)),
        "majority": majority_in(rows).get(task),
        **entries_in(rows),
    }


def _heading(columns: Iterable[str], zero_shot: bool) -> str:
    """Return what the scores in these columns are, those of several metrics with their tasks."""
    by_metric: dict[str, list[str]] = {}
    for task in (name for name in columns if name in text_tasks()):
        metric = task_of(task).metric
        by_metric.setdefault(METRIC_TITLES[metric], []).append(task)
    if zero_shot and not by_metric:
        return f"Zero-shot scores, {_ZERO_SHOT}:"
    words = [f"{metric} ({', '.join(tasks)})" for metric, tasks in by_metric.items()]
    said = "; ".join(words) if len(words) > 1 else next(iter(by_metric), "none")
    return f"Test scores: {said}{f'; of tags the {_ZERO_SHOT}' if zero_shot else ''}:"
