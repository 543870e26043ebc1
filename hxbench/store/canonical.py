"""What of a run is published, in one canonical form: packed, hashed and written out as files again."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hxbench import manifest
from hxbench.plain_data import load_json, to_yaml
from hxbench.store.arrays import SENTENCE_COLUMNS, write_counts
from hxbench.store.contents import files_of, is_published
from hxbench.store.files import to_json, to_json_lines
from hxbench.store.record import RunRecord

Counts = dict[tuple[str, str], list[tuple[int, int, int]]]


@dataclass(frozen=True)
class CanonicalRun:
    """A published run: JSON texts as they are hashed, the counts of its sentences, what its retriever saw.

    What a run does not have is an empty text, no counts and no retrieval.
    """

    spec: str
    status: str
    provenance: str
    metrics: str  # one JSON object a line
    history: str
    counts: Counts
    retrieval: tuple[str, dict[str, Any]] | None  # facts, and single-precision arrays by name

    @property
    def digest(self) -> str:
        """The SHA-256 of all of it."""
        counts = [[*pair, *map(list, zip(*rows, strict=True))] for pair, rows in sorted(self.counts.items())]
        facts, arrays = self.retrieval or ("", {})
        shapes = [[name, *array.shape] for name, array in sorted(arrays.items())]
        texts = [self.spec, self.status, self.provenance, self.metrics, self.history, counts, facts, shapes]
        found = hashlib.sha256(json.dumps(texts, ensure_ascii=False, separators=(",", ":")).encode())
        for _, array in sorted(arrays.items()):
            found.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
        return found.hexdigest()

    def write(self, folder: Path) -> None:
        """Write the files of the run into an empty folder, and their manifest."""
        spec = to_yaml(load_json(self.spec, "spec"))
        texts = {"spec.yaml": spec, "metrics.jsonl": self.metrics, "history.jsonl": self.history}
        texts |= {"status.json": _indented(self.status), "provenance.json": _indented(self.provenance)}
        if self.retrieval:
            from safetensors.numpy import save_file

            facts, arrays = self.retrieval
            texts["retrieval.json"] = _indented(facts)
            save_file(arrays, folder / "retrieval.safetensors")
        for name, text in texts.items():
            if text:
                (folder / name).write_text(text, encoding="utf-8", newline="\n")
        if self.counts:
            rows = [(*pair, *counts) for pair, some in self.counts.items() for counts in some]
            columns = dict(zip(SENTENCE_COLUMNS, zip(*rows, strict=True), strict=True))
            write_counts(folder / "sentences.parquet", columns)
        manifest.write(folder, files_of(folder))


def canonical_run(record: RunRecord, *, drawn: bool = True) -> CanonicalRun:
    """Return what of a finished run is published; raises `DamagedRun` when a file of it cannot be read.

    Of a run that no figure draws, as it is not `drawn`, the vectors of its retriever are not published.
    """
    from hxbench.store.retrieval import thinned

    few_shot = record.few_shot
    retrieval = record.retrieval()
    facts, arrays = thinned(retrieval, drawn=drawn) if retrieval else ({}, {})
    return CanonicalRun(
        spec=to_json(record.stored_spec()),
        status=to_json(record.status),
        provenance=to_json(facts_of) if (facts_of := record.provenance()) else "",
        metrics=to_json_lines(record.metrics()),
        history=to_json_lines(record.history()) if is_published("history.jsonl", few_shot=few_shot) else "",
        counts=record.sentence_counts() if is_published("sentences.parquet", few_shot=few_shot) else {},
        retrieval=(to_json(facts), arrays) if retrieval else None,
    )


def _indented(text: str) -> str:
    return to_json(load_json(text, "text"), indent=1) + "\n" if text else ""
