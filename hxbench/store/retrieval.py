"""What the retriever of a run saw (PHA, Figures 4 and 5): read, checked, and thinned to what the figures draw."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hxbench.store.checks import damaged, is_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWN = 60  # instances of a task in a picture: more hide each other, and take long to place
_FACTS = ("tasks", "instances", "analysis")
_TENSORS = {"prototypes": 2, "features": 2, "z": 2, "task": 1}  # dimensions


def cosines(prototypes: "NDArray[np.float64]", z: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Return the cosine similarity of every instance with every prototype: [instances, prototypes]."""

    def unit(rows: "NDArray[np.float64]") -> "NDArray[np.float64]":
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)

    similar: NDArray[np.float64] = unit(z) @ unit(prototypes).T
    return similar


def retrieval_in(run_id: str, facts: Mapping[str, Any], content: bytes) -> dict[str, Any]:
    """Return the facts and the arrays of a retrieval together (`RunRecord.retrieval` says which)."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(content)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise damaged(run_id, f"retrieval.safetensors is not readable ({error})") from None
    return checked_retrieval(run_id, {**facts, **arrays})


def checked_retrieval(run_id: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return a retrieval whose parts belong together, with its `similarity`, as what is thinned carries it.

    That is the mean cosine similarity of each task's instances with each prototype, by task and prototype; empty
    where there are no prototypes.
    """
    if missing := {"tasks", "instances", "analysis", *_TENSORS} - found.keys():
        raise damaged(run_id, f"its retrieval lacks {', '.join(sorted(missing))}")
    for name, dimensions in _TENSORS.items():
        one = found[name]
        kind = "iu" if name == "task" else "f"
        empty = name == "prototypes" and not len(one)  # an ablation has none
        right = isinstance(one, np.ndarray) and one.dtype.kind in kind and (one.ndim == dimensions or empty)
        if not (right and np.isfinite(one).all()):
            raise damaged(run_id, f"its retrieval: {name} is not what it should be")
    tasks, instances = found["tasks"], found["instances"]
    named = isinstance(tasks, list) and all(map(is_name, tasks)) and isinstance(instances, list)
    if not named or not all(isinstance(one, dict) and is_name(one.get("task")) for one in instances):
        raise damaged(run_id, "retrieval.json names no tasks")
    analysis = found["analysis"]
    if not isinstance(analysis, dict) or not all(isinstance(n, int | float | None) for n in analysis.values()):
        raise damaged(run_id, "retrieval.json: analysis holds something else than numbers")
    sizes = {len(found[name]) for name in ("features", "z", "task")}
    places = found["task"]
    fits = len(sizes) == 1 and len(found["prototypes"]) in (0, len(tasks))
    if not fits or (len(places) and not (places.min() >= 0 and places.max() < len(instances))):
        raise damaged(run_id, "retrieval.json and retrieval.safetensors do not belong together")
    if "similarity" not in found:
        return {**found, "similarity": _similarity(found) if len(found["prototypes"]) else {}}
    stored = found["similarity"]
    rows = stored.values() if isinstance(stored, dict) else [None]
    if not all(isinstance(row, dict) and all(isinstance(n, int | float) for n in row.values()) for row in rows):
        raise damaged(run_id, "retrieval.json: similarity holds something else than numbers")
    return found


def thinned(found: Mapping[str, Any], *, drawn: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the facts and arrays of a retrieval that the figures draw.

    Those are the first instances of the trained tasks, of a run that is not `drawn` none; what is a mean over all
    instances is counted already. Numbers stay in single precision: of rounded ones Figure 4 is another picture.
    """
    instances = enumerate(found["instances"])
    trained = [number for number, one in instances if one["task"] in found["tasks"] and drawn]
    kept = [np.flatnonzero(found["task"] == number)[:DRAWN] for number in trained]
    rows = np.concatenate([*kept, np.zeros(0, dtype=np.int64)])
    kept_rows = {"features": found["features"][rows], "z": found["z"][rows], "prototypes": found["prototypes"]}
    arrays = {name: np.ascontiguousarray(some, np.float32) for name, some in kept_rows.items() if len(some)}
    # without rows an array has no width that could be told
    empty = dict.fromkeys(kept_rows.keys() - arrays.keys(), np.zeros((0, 0), np.float32))
    facts = {name: found[name] for name in (*_FACTS, "similarity")}
    return facts, {**arrays, **empty, "task": found["task"][rows].astype(np.int64)}


def _similarity(found: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    prototypes = np.asarray(found["prototypes"], dtype=float)
    similar = {}
    for number, one in enumerate(found["instances"]):
        rows = np.flatnonzero(found["task"] == number)
        if len(rows):
            mean = cosines(prototypes, np.asarray(found["z"][rows], dtype=float)).mean(axis=0)
            similar[one["task"]] = dict(zip(found["tasks"], map(float, mean), strict=True))
    return similar
