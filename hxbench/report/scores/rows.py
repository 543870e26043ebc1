"""What the stored rows of one run say: test scores, costs, development curves, chance."""

from typing import Any

from hxbench.spec.settings import Pair
from hxbench.store import DamagedRun, RunRecord
from hxbench.tasks import task_of

Rows = list[dict[str, Any]]


def rows_of(record: RunRecord) -> Rows:
    """Return the rows of a run's metrics; none of one that is damaged."""
    try:
        return record.metrics()
    except DamagedRun:  # said where the run set was read
        return []


def scores_in(rows: Rows, *, sources: bool = True) -> dict[Pair, float]:
    """Return the test scores in a run's rows, each by the metric of its averages.

    Without `sources` those are left out of what the run was trained on, where a row says so.
    """
    tested = [row for row in rows if row.get("split") == "test" and row.get("value") is not None]
    metrics = {task: task_of(task).metric for task in {row["task"] for row in tested}}  # a user's own among them
    return {
        Pair(row["task"], row["language"]): float(row["value"])
        for row in tested
        if row["metric"] == metrics[row["task"]]
    }


def majority_in(rows: Rows) -> dict[str, float]:
    """Return what always answering the most frequent label scores, by task."""
    return {
        row["task"]: float(row["value"])
        for row in rows
        if row.get("split") == "test" and row.get("metric") == "majority" and row.get("value") is not None
    }


def costs_in(rows: Rows) -> dict[str, float]:
    """Return the costs in a run's rows by metric."""
    return {r["metric"]: r["value"] for r in rows if r.get("split") == "cost" and r.get("value") is not None}


def entries_in(rows: Rows) -> dict[str, int]:
    """Return how many entries an APET has drawn, and how many of them ever had a gradient; nothing of others."""
    costs = costs_in(rows)
    if "live_parameters" not in costs:
        return {}
    return {"drawn": int(costs.get("counted_parameters", 0)), "live": int(costs["live_parameters"])}


def curve_in(rows: Rows) -> list[tuple[int, float]]:
    """Return (step, mean validation score) of a run in the order of its steps."""
    found = {
        int(row["step"]): float(row["value"])
        for row in rows
        if row.get("split") == "dev" and row.get("metric") == "score" and row.get("value") is not None
    }
    return sorted(found.items())


def kept_in(rows: Rows) -> dict[Pair, float]:
    """Return the development score of every pair that a run chose its weights by, at the step it kept."""
    curve = curve_in(rows)
    if not curve:
        return {}
    best, _ = max(curve, key=lambda point: point[1])  # of equals the first
    dev = (row for row in rows if row.get("split") == "dev" and row.get("value") is not None)
    return {
        Pair(str(row["task"]), str(row["language"])): float(row["value"])
        for row in dev
        if row["step"] == best and row.get("task")
    }
