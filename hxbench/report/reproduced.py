"""Whether runs came out here as elsewhere: the rows of a table from the runs that two stores both have."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hxbench.errors import InputError
from hxbench.report.artifact.table import Block, Column, Row, Table
from hxbench.report.registry import Artifact, make, read_results
from hxbench.report.render.walk import with_runs
from hxbench.report.results import Results
from hxbench.store import DamagedRun, Store

_NAMED = 4  # runs in a sentence
SCORES = ("score", "share", "percent")  # what must be the same; times are of the machine


def in_both(results: Results, other: Store) -> list[str]:
    """Return the ids of a report's runs that another store has, too, finished or damaged."""
    found = results.store.by_profile(results.paper).get(results.profile)
    ids = [record.id for record in found.plain] if found else []
    return [run_id for run_id in ids if other.is_complete(run_id) or _is_damaged(other, run_id)]


def _is_damaged(store: Store, run_id: str) -> bool:
    if not store.holds(run_id):
        return False
    try:
        store.get(run_id)
    except InputError:
        return True
    return False


def reproduced(artifact: Artifact, results: Results, other: Store) -> tuple[list[Table], str]:
    """Return the rows of a table from the runs that both stores have, here and there, and how they compare.

    A run that is damaged in either store is left out, and the sentence names it.
    """
    with _copied(in_both(results, other), results.store, other) as (ids, copies, damaged):
        left_out = " ".join(["", *results.store.left_out(), *(f"left out: {one}" for one in damaged)])
        if not ids:
            return [], (
                f"{other.root} has no {'whole ' * bool(damaged)}run with an id of ours, so whether it is "
                f"reproduced here cannot be told.{left_out}"
            )
        both = [make(artifact, read_results(results.paper, store, results.profile)) for store in copies]
        apart = [one for one in ids if len({_scores(store, one) for store in copies}) > 1]
    pairs = list(zip(*([with_runs(table)[0] for table in one.tables] for one in both), strict=True))
    tables = [_beside(mine, there, other.root) for mine, there in pairs if mine.blocks]
    if apart:
        cells = [cell for mine, there in pairs for cell in differing(mine, there)]
        what = "; ".join(cells) or "scores that the table does not show"
        of = f"of {len(apart)} of {len(ids)} runs, as {apart[0]}"
        return tables, f"Not reproduced digit for digit: {what} ({of}) differ.{left_out}"
    named = f"run{'s' * (len(ids) > 1)} {', '.join(ids)}" if len(ids) <= _NAMED else f"{len(ids)} runs"
    return tables, f"Reproduced digit for digit: the scores of {named} are those of {other.root}.{left_out}"


def _scores(store: Store, run_id: str) -> frozenset[tuple[Any, ...]]:
    names = ("split", "task", "language", "metric", "value")
    # costs are of the machine
    rows = (row for row in store.finished(run_id).metrics() if row.get("split") != "cost")
    return frozenset(tuple(row.get(name) for name in names) for row in rows)


@contextmanager
def _copied(ids: list[str], *stores: Store) -> Iterator[tuple[list[str], list[Store], list[str]]]:
    """Yield the runs that are whole in all stores, stores of these alone, and what is wrong with the others."""
    with TemporaryDirectory() as place:
        copies, whole, damaged = [Store(Path(place) / str(number)) for number in range(len(stores))], [], []
        for run_id in ids:
            try:
                for store, copy in zip(stores, copies, strict=True):
                    store.copy(run_id, copy)
                whole.append(run_id)
            except DamagedRun as error:
                damaged.append(f"{str(error).removesuffix('.')} (in {store.root}).")
                for copy in copies:
                    if copy.holds(run_id):
                        copy.remove(run_id)
        yield whole, copies, damaged


def differing(mine: Table, there: Table) -> list[str]:
    """Return the cells whose scores are not the same, unrounded."""
    found = []
    for block, other in zip(mine.blocks, there.blocks, strict=True):
        for row, same in zip(block.rows, other.rows, strict=True):
            some = [
                _title(column)
                for column, ours, theirs in zip(mine.columns, row.cells, same.cells, strict=True)
                if column.kind in SCORES and ours.mean != theirs.mean
            ]
            if some:
                found.append(f"{row.title.strip()}: {', '.join(some)}")
    return found


def _title(column: Column) -> str:
    return f"{column.group} {column.title}".strip()


def _beside(mine: Table, there: Table, place: Path) -> Table:
    """Return the rows of both, one below the other, without what papers print."""

    def plain(row: Row, title: str) -> Row:
        cells = tuple(replace(c, published=None, marks=(), published_marks=(), best=False) for c in row.cells)
        return Row(title, cells)

    blocks = [
        Block(
            block.title,
            tuple(
                row
                for ours, theirs in zip(block.rows, other.rows, strict=True)
                for row in (plain(ours, f"{ours.title.strip()}, here"), plain(theirs, "  there"))
            ),
        )
        for block, other in zip(mine.blocks, there.blocks, strict=True)
    ]
    columns = tuple(replace(column, mark="") for column in mine.columns)
    title = f"{mine.title}: the same runs here and in {place}"
    return Table(mine.name, title, mine.stub, columns, tuple(blocks), facts=mine.facts)
