"""What one process writes while it works on a run."""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hxbench import manifest
from hxbench.errors import RunError
from hxbench.leftovers import remove
from hxbench.plain_data import to_yaml
from hxbench.store.arrays import write_counts, write_predictions
from hxbench.store.claim import Claim
from hxbench.store.contents import PREDICTIONS, files_of
from hxbench.store.files import discard, replace_file, replace_text, to_json, to_json_lines
from hxbench.store.record import DamagedRun, read_mapping
from hxbench.system_errors import cannot_write, writing

if TYPE_CHECKING:
    from hxbench.spec.run_spec import RunSpec


def is_done(folder: Path) -> bool:
    """Return whether `folder` holds a finished run."""
    try:
        return read_mapping(folder / "status.json").get("state") == "done"
    except (FileNotFoundError, DamagedRun):
        return False


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class RunWriter:
    """The work folder of one run, claimed for this process until the `with` block ends.

    Every file is replaced as a whole. Leaving the block keeps the folder, so that the run can be resumed from it;
    `finish` turns it into the finished run. A write after the claim was lost raises `RunBusy` and changes nothing.
    """

    def __init__(self, spec: "RunSpec", folder: Path, final: Path, claim: Claim) -> None:
        from hxbench.spec.stored import KEY, SCHEMA

        self.spec = spec
        self.folder = folder
        self._final = final
        self._claim = claim
        self._finished = False
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._status: dict[str, Any] = read_mapping(folder / "status.json")
        except (FileNotFoundError, DamagedRun):  # the first attempt, or one killed by a full disk: nothing to keep
            self._status = {"started": _now()}
        (folder / manifest.NAME).unlink(missing_ok=True)  # of an attempt that was killed while it finished
        for left in (*folder.glob(".*.tmp"), *folder.glob("*/.*.tmp")):
            remove(left)
        self._write("spec.yaml", to_yaml({KEY: SCHEMA, **spec.model_dump(mode="json")}))
        self.status(state="running", error=None)

    def status(self, **fields: Any) -> None:
        """Set fields of `status.json`: state (running, interrupted, failed, done), step, updates, error, …"""
        self._claim.require()
        self._status.update(fields, updated=_now())
        replace_text(self.folder / "status.json", to_json(self._status, indent=1) + "\n")

    def write_metrics(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace `metrics.jsonl`: split, task, language, metric, value, step, role; NaN becomes null."""
        self._write("metrics.jsonl", to_json_lines(rows))

    def write_history(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace `history.jsonl`: step, loss, lr, tokens, …"""
        self._write("history.jsonl", to_json_lines(rows))

    def write_provenance(self, facts: Mapping[str, Any]) -> None:
        """Replace `provenance.json` (see `provenance.collect`)."""
        self._write("provenance.json", to_json(facts, indent=1) + "\n")

    def write_predictions(self, task: str, language: str, table: Mapping[str, list[Any]]) -> None:
        """Replace a pair's predictions: sentence (number), gold and predicted (labels), one row a sentence."""
        self._claim.require()
        path = self.folder / PREDICTIONS / f"{task}-{language}.parquet"
        replace_file(path, lambda temporary: write_predictions(temporary, table))

    def write_retrieval(self, facts: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        """Replace `retrieval.json` and `retrieval.safetensors`: arrays of the analysis of a retriever, by name."""
        from safetensors.numpy import save_file

        self._claim.require()
        replace_file(self.folder / "retrieval.safetensors", lambda temporary: save_file(dict(tensors), temporary))
        self._write("retrieval.json", to_json(facts, indent=1) + "\n")

    def write_sentence_counts(self, table: Mapping[str, list[Any]]) -> None:
        """Replace `sentences.parquet`: a row for each test sentence with the counts that scores are made of.

        Resampling sentences needs no more, so a run can be published without its predictions.
        """
        self._claim.require()
        replace_file(self.folder / "sentences.parquet", lambda temporary: write_counts(temporary, table))

    def finish(self, **status_fields: Any) -> Path:
        """Make this the finished run and return its folder; what somebody else finished first is kept instead."""
        if not self._claim.held() and is_done(self._final):
            self._finished = True
            return self._final
        self.status(**{"error": None, **status_fields, "state": "done", "finished": _now()})
        with writing(self.folder / manifest.NAME):
            manifest.write(self.folder, files_of(self.folder))
        self._finished = True
        for _ in range(3):
            try:
                os.rename(self.folder, self._final)
                return self._final
            except OSError as error:
                if is_done(self._final):
                    discard(self.folder)
                    return self._final
                if not self._final.exists():
                    raise cannot_write(self._final, error) from error
                discard(self._final)  # something half there, from a copy that broke off: ours is whole
        raise RunError(f"cannot replace {self._final}: another process keeps writing there.")

    def _write(self, name: str, text: str) -> None:
        self._claim.require()
        replace_text(self.folder / name, text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self._finished and self._status.get("state") == "running" and self._claim.held():
                if isinstance(error, Exception):
                    self.status(state="failed", error=str(error) or type(error).__name__)
                else:  # left early, or by Ctrl-C
                    self.status(state="interrupted")
        finally:
            self._claim.release()
