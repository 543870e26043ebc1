"""The store as a folder of runs.

`ROOT/runs/<run id>/` is a finished run; `ROOT/runs/.work-<run id>/` is one in the making, which becomes the former
by one rename. Whoever works on a run holds `ROOT/runs/.claim-<run id>` meanwhile.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench.errors import InputError, did_you_mean
from hxbench.store.claim import Claim, is_held
from hxbench.store.files import discard
from hxbench.store.record import DamagedRun, RunRecord, read_mapping, read_record
from hxbench.store.writer import RunWriter, is_done

if TYPE_CHECKING:
    from hxbench.spec import RunSpec

_WORK = ".work-"


class Store:
    """The runs under `root`; nothing is created before something is written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[str] = []  # what the last `runs` had to leave out, one sentence each
        if root.exists() and not root.is_dir():
            raise InputError(f"the store {root} is a file; a folder is expected.")

    def _final(self, run_id: str) -> Path:
        return self.root / "runs" / run_id

    def _work(self, run_id: str) -> Path:
        return self.root / "runs" / f"{_WORK}{run_id}"

    def _claim(self, run_id: str) -> Path:
        return self.root / "runs" / f".claim-{run_id}"

    def is_complete(self, run_id: str) -> bool:
        """Return whether the run is finished; reads one small file."""
        return is_done(self._final(run_id))

    def step(self, run_id: str) -> int:
        """Return how many updates of an unfinished run were noted last; 0 when there is no such run."""
        try:
            return int(read_mapping(self._work(run_id) / "status.json").get("step") or 0)
        except (FileNotFoundError, DamagedRun):
            return 0

    def at_work(self, run_id: str) -> dict[str, Any] | None:
        """Return the status of a run that a live process works on; None when none does."""
        if not is_held(self._claim(run_id)):
            return None
        try:
            return read_mapping(self._work(run_id) / "status.json")
        except (FileNotFoundError, DamagedRun):  # it has just begun, or just finished
            return None

    def require_whole(self, run_id: str) -> None:
        """Raise `InputError` for a finished run of which something has been deleted since."""
        lost = self._lost(run_id)
        if self.is_complete(run_id) and lost:
            raise InputError(
                f"run {run_id} in {self.root} is damaged, {lost[0]} is missing: hxbench runs rm {run_id} --store "
                f"{self.root} removes it, and the same command makes it anew."
            )

    def _lost(self, run_id: str) -> list[str]:
        """Return the files without which a finished run is none."""
        names = ("spec.yaml", "metrics.jsonl")
        return [name for name in names if not (self._final(run_id) / name).is_file()]

    def has_weights(self, run_id: str) -> bool:
        """Return whether a finished run was kept with its weights."""
        return (self._final(run_id) / "checkpoint").is_dir()

    def checkpoint(self, run_id: str) -> Path:
        """Return the folder with the weights of a finished run; `InputError` when it was kept without them."""
        folder = self._final(run_id) / "checkpoint"
        if not self.is_complete(run_id):
            raise InputError(f"run {run_id} is not finished in the store {self.root}.")
        if not folder.is_dir():
            raise InputError(
                f"run {run_id} is in {self.root} without its weights, which are needed: hxbench runs rm {run_id} "
                f"--store {self.root} removes it, and its command trains it anew (fewshot: with --keep-weights)."
            )
        return folder

    def open_run(self, spec: "RunSpec") -> RunWriter:
        """Claim the run's work folder for this process; raises `RunBusy` when another live process has it."""
        run_id = spec.run_id
        claim = self._claimed(run_id, f"the run {run_id} ({spec.title})")
        try:
            return RunWriter(spec, self._work(run_id), self._final(run_id), claim)
        except BaseException:
            claim.release()
            raise

    def _claimed(self, run_id: str, what: str) -> Claim:
        claim = Claim(self._claim(run_id), what)
        try:
            claim.path.parent.mkdir(parents=True, exist_ok=True)
            claim.acquire()
        except OSError as error:
            raise InputError(f"cannot write to the store {self.root}: {error.strerror or error}.") from error
        return claim

    def runs(self, *, complete_only: bool = True, beginning: str = "") -> list[RunRecord]:
        """Return the runs, or those whose id begins so, by id.

        Those that cannot be read are left out and described in `problems`.
        """
        self.problems = []
        folder = self.root / "runs"
        records: dict[str, RunRecord] = {}
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
        for entry in entries:
            work = entry.name.startswith(_WORK)
            run_id = entry.name.removeprefix(_WORK)
            wanted = run_id.startswith(beginning) and not run_id.startswith(".") and not (work and complete_only)
            if not (wanted and entry.is_dir()):
                continue
            try:
                record = read_record(run_id, entry)
            except DamagedRun as error:
                if entry.exists():  # else it was finished or removed while we looked
                    self.problems.append(str(error))
                continue
            if work and record.state == "running" and not is_held(self._claim(run_id)):
                record = replace(
                    record, status={**record.status, "state": "interrupted"}
                )  # killed, could not say so
            if not work and record.state != "done":
                self.problems.append(f"run {run_id}: its status is {record.state}, not done.")
            elif not work and (lost := self._lost(run_id)):
                self.problems.append(f"run {run_id}: {lost[0]} is missing in {entry}.")
            elif not work or run_id not in records:
                records[run_id] = record
        return [records[run_id] for run_id in sorted(records)]

    def finished(self, run_id: str) -> RunRecord:
        """Return a finished run by its whole id, looking at nothing else."""
        if not self.is_complete(run_id):
            raise InputError(f"run {run_id} is not finished in the store {self.root}.")
        return read_record(run_id, self._final(run_id))

    def get(self, reference: str) -> RunRecord:
        """Return the run with this id or unique beginning of an id, finished or not."""
        if reference:
            near = {record.id: record for record in self.runs(complete_only=False, beginning=reference)}
            if reference in near:
                return near[reference]
            if len(near) == 1:
                return near.popitem()[1]
            if near:
                raise InputError(f"'{reference}' fits {len(near)} runs: {', '.join(near)}.")
            if self.problems:
                raise InputError(self.problems[0])
        records = {record.id: record for record in self.runs(complete_only=False)}
        if not records:
            raise InputError(f"the store {self.root} has no runs.")
        if len(records) > 10:  # too many to offer them all
            raise InputError(did_you_mean("run", reference, list(records)).partition(" Known:")[0])
        raise InputError(did_you_mean("run", reference, list(records)))

    def holds(self, run_id: str) -> bool:
        """Return whether there is a run with exactly this id, be it unfinished or damaged."""
        # a name with a separator or a dot, or none at all, must never reach a deletion
        return run_id.isalnum() and (self._final(run_id).is_dir() or self._work(run_id).is_dir())

    def copy(self, run_id: str, other: "Store") -> Path:
        """Put a finished run into another store without its weights and predictions; return its folder there.

        The counts of `sentences.parquet` stay, the corpus's own labels do not leave the house. Of few-shot runs,
        which come in hundreds, only what they are, scored and come from is copied.

        What is there under this id already is kept.
        """
        if not self.is_complete(run_id):
            raise InputError(f"run {run_id} is not finished, so it is not copied.")
        if other.is_complete(run_id):
            return other._final(run_id)
        claim = other._claimed(run_id, f"the run {run_id} in {other.root}")
        try:
            work = other._work(run_id)
            discard(work)
            names = ["checkpoint", "resume", "predictions"]
            if self.finished(run_id).fields.get("few_shot"):
                names += ["history.jsonl", "sentences.parquet"]
            left = shutil.ignore_patterns(*names)
            shutil.copytree(self._final(run_id), work, ignore=left)
            discard(other._final(run_id))  # something half there, which is not complete
            return work.rename(other._final(run_id))
        finally:
            claim.release()

    def remove(self, run_id: str) -> None:
        """Delete a run, finished or not; raises `RunBusy` when a process works on it."""
        if not self.holds(run_id):
            raise InputError(f"the store {self.root} has no run '{run_id}'.")
        claim = self._claimed(run_id, f"the run {run_id}")
        try:
            discard(self._final(run_id))
            discard(self._work(run_id))
        finally:
            claim.release()
