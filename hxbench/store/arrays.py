"""The tables of a stored run: written as Parquet, and read from bytes that may hold anything."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hxbench.store.checks import damaged

SENTENCE_COLUMNS = ("task", "language", "correct", "predicted", "gold")
_MOST_ROWS = 50_000_000


def _count_types() -> dict[str, Any]:
    import pyarrow

    texts, numbers = pyarrow.string(), pyarrow.int32()
    return dict(zip(SENTENCE_COLUMNS, (texts, texts, numbers, numbers, numbers), strict=True))


def _prediction_types() -> dict[str, Any]:
    import pyarrow

    labels = pyarrow.list_(pyarrow.string())
    return {"sentence": pyarrow.int32(), "gold": labels, "predicted": labels}


def write_counts(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write `sentences.parquet`: a row for each test sentence with the counts that scores are made of."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({name: pyarrow.array(columns[name], kind) for name, kind in _count_types().items()})
    pyarrow.parquet.write_table(table, path, compression="zstd")


def write_predictions(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write a pair's predictions: sentence (number), gold and predicted (labels), and further columns."""
    import pyarrow
    import pyarrow.parquet

    types = _prediction_types()
    if missing := types.keys() - columns.keys():
        raise ValueError(f"predictions lack {', '.join(sorted(missing))}")
    table = pyarrow.table({name: pyarrow.array(values, types.get(name)) for name, values in columns.items()})
    pyarrow.parquet.write_table(table, path)


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
    table = _table(run_id, "sentences.parquet", content, _count_types())
    found: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    columns = (table.column(name).to_pylist() for name in SENTENCE_COLUMNS)
    for task, language, correct, predicted, gold in zip(*columns, strict=True):
        found.setdefault((task, language), []).append((correct, predicted, gold))
    return found


def predictions_in(run_id: str, content: bytes) -> dict[str, list[Any]]:
    """Return the columns sentence, gold and predicted of a pair, a row a sentence."""
    return dict(_table(run_id, "predictions", content, _prediction_types()).to_pydict())
