"""Every file of a run compared with its manifest, and manifests for runs of before there were any."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hxbench import manifest
from hxbench.errors import InputError
from hxbench.store.checks import DamagedRun, damaged
from hxbench.store.contents import PREDICTIONS, WEIGHTS, check_all, files_of
from hxbench.store.folder import Store
from hxbench.store.packed import PackedRun
from hxbench.store.record import RunRecord


@dataclass
class Verdict:
    """What became of the runs that were looked at."""

    fit: int = 0
    before_manifests: int = 0  # readable, with nothing to compare them with
    sealed: int = 0  # of those, how many have got a manifest now
    problems: list[str] = field(default_factory=list)  # one sentence each


def look(store: Store) -> tuple[list[RunRecord], list[str]]:
    """Return the finished runs of a store, and what is wrong with it beside them, one sentence each."""
    if store.pack and (damaged := store.pack.damaged_files()):
        return [], damaged
    records = store.runs(indexed=False)
    return records, [*store.problems, *(store.pack.strays() if store.pack else ())]


def verify(store: Store, records: Iterable[RunRecord], *, seal: bool = False) -> Verdict:
    """Check finished runs, their weights and predictions included; `seal` writes manifests that are missing.

    Problems of runs that cannot be opened at all are the store's own (`Store.problems`).
    """
    verdict = Verdict()
    for record in records:
        try:
            _check(record)
        except DamagedRun as error:
            verdict.problems.append(str(error))
            continue
        if record.digests is not None or isinstance(record, PackedRun):
            verdict.fit += 1
            continue
        verdict.before_manifests += 1
        if seal:
            store.seal(record)
            verdict.sealed += 1
    return verdict


def _check(record: RunRecord) -> None:
    """Raise `DamagedRun` for the first thing of a run that is not as it was stored or cannot be read."""
    if isinstance(record, PackedRun):
        record.checked()
        return
    if record.digests is not None:
        check_all(record.id, record.folder, record.digests, few_shot=record.few_shot)
    scored = {(row.get("task"), row.get("language")) for row in record.metrics() if row.get("split") != "dev"}
    record.history()
    record.provenance()
    counted = record.sentence_counts()
    record.retrieval()
    if record.digests is None:
        _check_unsealed(record, sorted(counted.keys() - scored))


def _check_unsealed(record: RunRecord, unscored: list[tuple[str, str]]) -> None:
    """Raise `DamagedRun` for what its own files give away of a run without a manifest: sealed, it would count."""
    if unscored:
        raise damaged(record.id, f"metrics.jsonl has no score of {'-'.join(unscored[0])}, which was counted")
    try:
        manifest.verify(record.folder / WEIGHTS)
    except InputError as error:
        raise damaged(record.id, str(error).removesuffix(".")) from None
    for name in files_of(record.folder):
        part, _, pair = name.removesuffix(".parquet").partition("/")
        if part == PREDICTIONS:
            record.predictions(*pair.split("-", 1))
