"""Writing a packed store: one writer at a time, and either the old pack or the new one is there."""

import contextlib
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from hxbench.errors import InputError, reason
from hxbench.printing import shown
from hxbench.store.canonical import CanonicalRun, canonical_run
from hxbench.store.claim import Claim
from hxbench.store.files import replace_file, replace_text, to_json
from hxbench.store.pack_files import MANIFEST, PARTS, PackFile, encoded, is_pack_file, manifest_text
from hxbench.store.packed import Pack
from hxbench.store.record import RunRecord

LARGEST = 500_000  # bytes of a file, where a run is not larger
_CLAIM = ".claim-pack"
_TEMPORARY = re.compile(
    rf"\.({re.escape(MANIFEST)}|.+\.parquet)\.([0-9a-f]+|[0-9a-f]{{8}}-[0-9]+-[0-9a-f]{{8}})\.tmp|\.claim-pack\..+|\.clock-.+"
)


def write_pack(records: Iterable[RunRecord], root: Path) -> tuple[PackFile, ...]:
    """Make the folder `root` a packed store of finished runs, in place of the one that may be there.

    The same runs give the same bytes. Raises `RunBusy` while another process packs into the folder, and
    `InputError` when it holds anything else, or a pack with runs that the new one lacks.
    """
    _require_place(root)
    made = not root.exists()
    claim = Claim(root / _CLAIM, f"the packed store {root}")
    try:
        root.mkdir(parents=True, exist_ok=True)
        claim.acquire()
    except OSError as error:
        raise InputError(f"cannot write to {root}: {reason(error)}.") from error
    try:
        runs = {record.id: record for record in records}
        if Pack.is_at(root) and (lost := sorted({*Pack(root).ids} - {*runs})):
            raise InputError(
                f"the packed store {root} has {len(lost)} runs that the new one would lack, {lost[0]} the first: "
                f"name it as a store to pack too, hxbench runs pack … {root} --to {root}."
            )
        files = list(_files(runs.values()))
        listed = tuple(one for one, _ in files)
        for one, content in files:
            claim.require()
            _lay(root / one.name, content)
        claim.require()
        replace_text(root / MANIFEST, manifest_text(listed))
        for path in root.iterdir():
            if path.name not in {one.name for one in listed} and _is_ours(path.name):
                path.unlink(missing_ok=True)
        return listed
    finally:
        claim.release()
        if made:
            with contextlib.suppress(OSError):
                root.rmdir()  # unless something was written into it


def _require_place(root: Path) -> None:
    if not root.exists() and not root.is_symlink():
        return
    try:
        there = [path.name for path in root.iterdir()]
    except OSError as error:
        raise InputError(f"cannot pack into {root}: {reason(error)}.") from None
    allowed = {MANIFEST, "README.md", _CLAIM}
    if others := sorted(name for name in there if name not in allowed and not _is_ours(name)):
        raise InputError(
            f"{root} holds {shown(others[0])}, which no packed store has: name a new folder, an empty one or a "
            "packed store."
        )


def _is_ours(name: str) -> bool:
    """Return whether a file is one of a pack, or what a pack that broke off has left."""
    return is_pack_file(name) or _TEMPORARY.fullmatch(name) is not None


def _lay(path: Path, content: bytes) -> None:
    """Write a file unless it is there already."""
    try:
        if path.read_bytes() == content:
            return
    except OSError:
        pass
    replace_file(path, lambda temporary: temporary.write_bytes(content))


def _files(records: Iterable[RunRecord]) -> Iterator[tuple[PackFile, bytes]]:
    """Yield the files of a pack, by paper and profile, with their contents."""
    groups = defaultdict(list)
    for record in sorted(records, key=lambda record: record.id):
        groups[record.paper, record.profile].append(record)
    for (paper, profile), some in sorted(groups.items()):
        rows: dict[str, list[list[Any]]] = {part: [] for part in PARTS}
        drawn = _drawn(some)
        for record in some:
            run = canonical_run(record, drawn=record.id in drawn)
            for part, of_run in _rows(record.id, run, record.few_shot).items():
                rows[part] += of_run
        for part in PARTS:
            for of_file, content in _parted(part, rows[part]):
                digest = hashlib.sha256(content).hexdigest()
                # a name of others is no part of a path
                words = [re.sub(r"[^\w]+", "_", word, flags=re.ASCII)[:40] for word in (paper, profile)]
                name = f"{part}-{'-'.join(words)}.{digest[:12]}.parquet"
                first, last = of_file[0][0], of_file[-1][0]
                yield (
                    PackFile(name, part, paper, profile, first, last, len(of_file), len(content), digest),
                    content,
                )


def _drawn(records: Iterable[RunRecord]) -> set[str]:
    """Return the runs that a figure may draw: of those that differ in their seed alone, the one of the first."""
    first: dict[str, tuple[int, str]] = {}
    for record in records:
        spec = record.stored_spec()
        one = int(spec.pop("seed")), record.id
        alike = to_json(spec)
        first[alike] = min(one, first.get(alike, one))
    return {run_id for _, run_id in first.values()}


def _rows(run_id: str, run: CanonicalRun, few_shot: bool) -> dict[str, list[list[Any]]]:
    """Return the rows of a run in each part."""
    rows: dict[str, list[list[Any]]] = {
        "few-shot" if few_shot else "runs": [[run_id, run.spec, run.status, run.provenance or None, run.digest]],
        "metrics": [[run_id, run.metrics]],
        "history": [[run_id, run.history]] if run.history else [],
        "sentences": [
            [run_id, *pair, *map(list, zip(*counts, strict=True))] for pair, counts in run.counts.items()
        ],
        "retrieval": [],
    }
    if run.retrieval:
        facts, arrays = run.retrieval
        flat = [arrays[name].reshape(-1) for name in PARTS["retrieval"] if name in arrays]
        rows["retrieval"] = [[run_id, facts, *flat]]
    return rows


def _parted(part: str, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[Sequence[Sequence[Any]], bytes]]:
    """Yield rows in few files of whole runs, each below `LARGEST` unless it is of one run, with their contents."""
    if not rows:
        return
    found = [(rows, encoded(part, rows))]
    room = LARGEST * sum(map(_weight, rows)) / len(found[0][1])  # what compresses to that, if all do alike
    while any(len(content) > LARGEST and some[0][0] != some[-1][0] for some, content in found):
        room *= 0.95
        found = [(some, encoded(part, some)) for some in _filled(rows, room)]
    yield from found


def _filled(rows: Sequence[Sequence[Any]], room: float) -> Iterator[list[Sequence[Any]]]:
    """Yield lists of rows, all of a run in the same, each as long as there is room."""
    filling: list[Sequence[Any]] = []
    weight = 0
    for _, of_run in groupby(rows, key=lambda row: row[0]):
        more = list(of_run)
        if filling and weight + sum(map(_weight, more)) > room:
            yield filling
            filling, weight = [], 0
        filling += more
        weight += sum(map(_weight, more))
    yield filling


def _weight(row: Sequence[Any]) -> int:
    """Return roughly how large a row is before it is compressed."""
    return sum(len(value) * (1 if isinstance(value, str) else 4) for value in row if value is not None)
