"""What the parsed tables and tensors of a stored run may hold, from the bytes of their files.

Like `checks`, for the files that need a library of their own.
"""

from collections.abc import Mapping
from typing import Any

from hxbench.store.checks import damaged, is_name

SENTENCE_COLUMNS = ("task", "language", "correct", "predicted", "gold")
_MOST_ROWS = 50_000_000
_TENSORS = {"prototypes": 2, "features": 2, "z": 2, "task": 1}  # dimensions


def _table(run_id: str, name: str, content: bytes, columns: Mapping[str, Any]) -> Any:
    """Return the columns of a Parquet file, which must have exactly these types."""
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content))
        if file.metadata.num_rows > _MOST_ROWS:
            raise damaged(run_id, f"{name} has more than {_MOST_ROWS} rows")
        types = {field.name: field.type for field in file.schema_arrow}
        for column, right in columns.items():
            if types.get(column) != right:
                raise damaged(run_id, f"{name}: column {column} is not what it should be")
        table = file.read(columns=list(columns))
    except (OSError, pyarrow.ArrowException, MemoryError) as error:
        first = str(error).partition("\n")[0][:100]
        raise damaged(run_id, f"{name} is not readable ({first.removesuffix('.')})") from None
    if any(table.column(column).null_count for column in columns):
        raise damaged(run_id, f"{name}: a value is missing")
    return table


def counts_in(run_id: str, content: bytes) -> dict[tuple[str, str], list[tuple[int, int, int]]]:
    """Return correct, predicted and gold counts of each sentence by (task, language), from `sentences.parquet`."""
    import pyarrow

    texts, numbers = pyarrow.string(), pyarrow.int32()
    types = dict(zip(SENTENCE_COLUMNS, (texts, texts, numbers, numbers, numbers), strict=True))
    table = _table(run_id, "sentences.parquet", content, types)
    found: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    columns = (table.column(name).to_pylist() for name in SENTENCE_COLUMNS)
    for task, language, correct, predicted, gold in zip(*columns, strict=True):
        found.setdefault((task, language), []).append((correct, predicted, gold))
    return found


def predictions_in(run_id: str, content: bytes) -> dict[str, list[Any]]:
    """Return the columns sentence, gold and predicted of a pair, a row a sentence."""
    import pyarrow

    labels = pyarrow.list_(pyarrow.string())
    types = {"sentence": pyarrow.int32(), "gold": labels, "predicted": labels}
    return dict(_table(run_id, "predictions", content, types).to_pydict())


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
    """Return a retrieval whose parts belong together."""
    import numpy as np

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
    return found
