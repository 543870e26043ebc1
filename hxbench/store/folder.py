"""The store as a folder of runs, or packed (see `packed.Pack`): to its readers one like the other.

`ROOT/runs/<run id>/` is a finished run; `ROOT/runs/.work-<run id>/` is one in the making, which becomes the former
by one rename. Whoever works on a run holds `ROOT/runs/.claim-<run id>` meanwhile.
"""

import errno
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench import manifest
from hxbench.errors import InputError, did_you_mean, reason
from hxbench.garbage import collecting_none
from hxbench.printing import shortened, shown
from hxbench.store import pack_files
from hxbench.store.checks import DamagedRun, checked_status, damaged
from hxbench.store.claim import Claim, is_held
from hxbench.store.contents import WEIGHTS, files_of, read_content
from hxbench.store.copying import copy_run, require_apart
from hxbench.store.files import discard
from hxbench.store.pack_files import MANIFEST, is_pack_file
from hxbench.store.packed import Pack
from hxbench.store.record import ProfileRuns, RunRecord, read_mapping, read_record
from hxbench.store.sweeping import sweep
from hxbench.store.writer import RunWriter, is_done
from hxbench.system_errors import require_writable

if TYPE_CHECKING:
    import pandas as pd

    from hxbench.spec.run_spec import RunSpec
    from hxbench.store.index import Index

_WORK = ".work-"
_ID = re.compile(r"[0-9a-f]{12}")
_NAMED = 10  # runs in a sentence


class Store:
    """The runs under `root`; nothing is created before something is written."""

    def __init__(self, root: Path | str) -> None:
        if not isinstance(root, str | os.PathLike):
            raise InputError(f"a store is named by its folder, not by {shown(root)}.")
        if root == "":
            raise InputError("a store is named by its folder, not by an empty text.")
        self.root = root = Path(root)
        try:
            root.lstat()
        except ValueError:
            raise InputError(f"a store is named by its folder, not by {shown(str(root))}.") from None
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise InputError(f"the store {shortened(str(root))} has a name too long for a folder.") from None
        self.problems: list[str] = []  # what the last `runs` had to leave out, one sentence each
        for place in (root, root / "runs"):
            if os.path.lexists(place) and not place.is_dir():
                raise InputError(f"{place} is a file; the store {root} needs a folder there.")
        self.pack = Pack(root) if Pack.is_at(root) else None  # has the runs, and is only read
        self._require_one_form()

    def _require_one_form(self) -> None:
        """Raise `InputError` where a pack would hide runs, or has lost its manifest: both would look like less."""
        here, beside = _names(self.root), _names(self.root / "runs")
        if self.pack and beside:
            raise InputError(
                f"{self.root} is a packed store ({MANIFEST}) and has a folder of runs beside it, but only one of "
                "the two can be read: move one of them into a folder of its own."
            )
        if not self.pack and any(map(is_pack_file, here)):
            raise pack_files.damaged(self.root, f"{MANIFEST} is missing")

    def is_there(self) -> bool:
        """Return whether the folder is a store: it is packed, or something has been run there."""
        return self.pack is not None or (self.root / "runs").is_dir()

    def _final(self, run_id: str) -> Path:
        return self.root / "runs" / run_id

    def _work(self, run_id: str) -> Path:
        return self.root / "runs" / f"{_WORK}{run_id}"

    def _claim(self, run_id: str) -> Path:
        return self.root / "runs" / f".claim-{run_id}"

    def is_complete(self, run_id: str) -> bool:
        """Return whether the run is finished; reads one small file."""
        return run_id in self.pack if self.pack else is_done(self._final(run_id))

    def step(self, run_id: str) -> int:
        """Return how many updates of an unfinished run were noted last; 0 when there is no such run."""
        return int(self._progress(run_id).get("step") or 0)

    def at_work(self, run_id: str) -> dict[str, Any] | None:
        """Return the status of a run that a live process works on; None when none does."""
        if not is_held(self._claim(run_id)):
            return None
        return self._progress(run_id) or None  # it has just begun, or just finished

    def _progress(self, run_id: str) -> dict[str, Any]:
        try:
            return checked_status(run_id, read_mapping(self._work(run_id) / "status.json"))
        except (FileNotFoundError, DamagedRun):
            return {}

    def require_whole(self, run_id: str) -> None:
        """Raise `InputError` for a finished run that is not as it was stored: nothing builds on it or replaces it.

        What is large is checked when it is read.
        """
        if not os.path.lexists(self._final(run_id)):
            return
        try:
            self._read(run_id, self._final(run_id)).metrics()
        except DamagedRun as error:
            raise InputError(
                f"the store {self.root} has it damaged: {str(error).removesuffix('.')}. hxbench runs rm {run_id} "
                f"--store {self.root} removes it, and the same command makes it anew."
            ) from None

    def has_weights(self, run_id: str) -> bool:
        """Return whether a finished run was kept with its weights."""
        return (self._final(run_id) / WEIGHTS).is_dir()

    def checkpoint(self, run_id: str) -> Path:
        """Return the folder with the weights of a finished run; `InputError` when it was kept without them.

        The run's manifest is compared with that of the weights, and that with the weights by whoever reads them.
        """
        record = self.finished(run_id)
        folder = record.folder / WEIGHTS
        if folder.is_dir() and record.digests is not None:
            try:
                read_content(run_id, record.folder, f"{WEIGHTS}/{manifest.NAME}", record.digests)
            except FileNotFoundError:
                raise damaged(run_id, f"{WEIGHTS}/{manifest.NAME} is missing") from None
        if self.pack:
            raise InputError(
                f"run {run_id} is in the packed store {self.root} without its weights, which are needed: the same "
                "command with another --store trains it anew."
            )
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

    def require_writable(self) -> None:
        """Raise `InputError` for a store that cannot be written: a packed one, or one that the disk protects."""
        if self.pack:
            raise InputError(
                f"{self.root} is a packed store, which is only read: hxbench runs unpack {self.root} --to DIR "
                "makes a store of it that runs can be added to and removed from."
            )
        require_writable(self.root / "runs")

    def _claimed(self, run_id: str, what: str) -> Claim:
        self.require_writable()
        claim = Claim(self._claim(run_id), what)
        try:
            claim.path.parent.mkdir(parents=True, exist_ok=True)
            claim.acquire()
        except OSError as error:
            raise InputError(f"cannot write to the store {self.root}: {reason(error)}.") from error
        sweep(claim.path.parent, claim.since)
        return claim

    @collecting_none()
    def runs(self, *, complete_only: bool = True, beginning: str = "", indexed: bool = True) -> list[RunRecord]:
        """Return the runs, or those whose id begins so, by id; `indexed`: from the index where it knows them.

        Those that cannot be read are left out and described in `problems`.
        """
        if self.pack:
            self.problems = []
            return self.pack.runs(self.problems, beginning=beginning)
        return self._runs(complete_only=complete_only, beginning=beginning, indexed=indexed)

    def _runs(
        self, *, complete_only: bool = True, beginning: str = "", indexed: bool = True, ground: str = ""
    ) -> list[RunRecord]:
        """Return the runs of a live store as `runs` does, without those that are known to be of another ground."""
        from hxbench.store.index import Index

        self.problems = []
        index = Index(self.root) if indexed and not beginning else None  # which is made for all
        records: dict[str, RunRecord] = {}
        place = str(self.root / "runs")
        for name in self._entries():
            work = name.startswith(_WORK)
            run_id = name.removeprefix(_WORK)
            wanted = run_id.startswith(beginning) and not run_id.startswith(".") and not (work and complete_only)
            if not wanted:
                continue
            if index and ground and not work and index.ground(run_id) not in (None, ground):
                index.keep(run_id)
                continue
            folder = f"{place}/{name}"
            try:
                record = index.get(run_id, folder) if index and not work else None
                record = record or self._read(run_id, Path(folder), finished=not work, index=index)
            except DamagedRun as error:
                if os.path.lexists(folder):  # else it was finished or removed while we looked
                    self.problems.append(str(error))
                continue
            if not work or run_id not in records:
                records[run_id] = record
        if index:
            index.save()
        return [records[run_id] for run_id in sorted(records)]

    def require_outside(self, file: Path, option: str) -> Path:
        """Return the place of a file that is to be written, unless it would be among the runs of the store."""
        place, root = file.resolve(), self.root.resolve()
        within = self.pack is not None and place.is_relative_to(root)
        if within or place.is_relative_to(root / "runs") or place == root / "index.jsonl":
            raise InputError(
                f"{option} {file} is within the store {self.root}: name a file or folder outside of it."
            )
        return file

    @collecting_none()
    def frame(self) -> "pd.DataFrame":
        """Return all scores and costs of the finished runs, a row for each run, split, task, language and metric.

        Every row has what identifies its run (`frame.RUN_COLUMNS`) and what it says (`frame.ROW_COLUMNS`): value
        is 0–100, of a correlation −100–100, or a cost in the unit of its metric. Runs that cannot be read are left
        out and described in `problems`.

            scores = Store("results/reference").frame().query("split == 'test' and method == 'psf'")
            scores.groupby(["profile", "setting", "task", "language"]).value.agg(["mean", "std", "count"])
        """
        from hxbench.store.frame import frame

        return frame(self.runs(), self.problems)

    def predictions(self, run: str, task: str | None = None, language: str | None = None) -> "pd.DataFrame":
        """Return what a run predicted, a row a test sentence: task, language, sentence, gold and predicted labels.

        `run` is an id or the beginning of one. Raises `InputError` for a run that is kept without predictions.
        """
        from hxbench.store.frame import predictions_frame

        return predictions_frame(self.get(run), task, language)

    @collecting_none()
    def by_profile(self, paper: str) -> Mapping[str, ProfileRuns]:
        """Return the finished runs on a paper's ground by profile; of a packed store each is read when asked for.

        Those that cannot be read are left out and described in `problems` from then on.
        """
        if self.pack:
            self.problems = []
            return self.pack.by_profile(paper, self.problems)
        found: dict[str, tuple[list[RunRecord], list[RunRecord]]] = {}
        for record in self._runs(ground=paper):
            if record.ground == paper:
                found.setdefault(record.profile, ([], []))[record.few_shot].append(record)
        return {profile: ProfileRuns(plain.copy, tuned.copy) for profile, (plain, tuned) in found.items()}

    def left_out(self) -> list[str]:
        """Return what to say of `problems`: the first, one sentence each, and how many more there are."""
        told = self.problems[:_NAMED]
        more = len(self.problems) - len(told)
        if more:
            told.append(f"{more} more; hxbench runs verify --store {self.root} names them all.")
        if told and not self.pack:
            told[-1] += f" (hxbench runs rm RUN --store {self.root} removes such a run.)"
        return [f"left out: {sentence}" for sentence in told]

    def _entries(self) -> list[str]:
        """Return the names of what may be runs: folders, and whatever stands where a run should."""
        place = self.root / "runs"
        if not place.is_dir():
            return []
        try:
            with os.scandir(place) as entries:
                return sorted(
                    one.name
                    for one in entries
                    if _ID.fullmatch(one.name) or not one.is_file(follow_symlinks=False)
                )
        except OSError as error:
            raise InputError(f"the store {self.root} cannot be read: {reason(error)}.") from None

    def _read(
        self, run_id: str, folder: Path, *, finished: bool = True, index: "Index | None" = None
    ) -> RunRecord:
        """Return one run; raises `DamagedRun`."""
        if self.pack:
            return self.pack.run(run_id)
        if not _ID.fullmatch(run_id):
            raise damaged(run_id, f"a folder of {self.root / 'runs'} whose name is no run's id")
        if folder.is_symlink() or not folder.is_dir():
            raise damaged(run_id, "not a folder" if os.path.lexists(folder) else f"it is not in {self.root}")
        record, stored = read_record(run_id, folder, finished=finished)
        if index and finished:
            index.add(record, stored)
        if not finished and record.state in ("running", "done") and not is_held(self._claim(run_id)):
            # killed, could not say so
            return replace(record, status={**record.status, "state": "interrupted"})
        return record

    def finished(self, run_id: str) -> RunRecord:
        """Return a finished run by its whole id, looking at nothing else; `InputError` when it is none."""
        if not self.is_complete(run_id):
            raise InputError(f"run {shown(run_id)} is not finished in the store {self.root}.")
        return self._read(run_id, self._final(run_id))

    def get(self, reference: str) -> RunRecord:
        """Return the run with this id or unique beginning of an id, finished or not."""
        if not isinstance(reference, str):
            raise InputError(f"a run is named by its id, not by {shown(reference)}.")
        if reference:
            near = {record.id: record for record in self.runs(complete_only=False, beginning=reference)}
            if reference in near:
                return near[reference]
            if self.problems:
                raise InputError(self.problems[0])
            if len(near) == 1:
                return near.popitem()[1]
            if near:
                some = ", ".join([*near][:_NAMED]) + (", …" if len(near) > _NAMED else "")
                raise InputError(f"'{reference}' fits {len(near)} runs: {some}.")
        records = {record.id: record for record in self.runs(complete_only=False)}
        if not records:
            raise InputError(f"the store {self.root} has no runs: --store names another one.")
        said = did_you_mean("run", shown(reference), list(records))
        said = said.partition(" Known:")[0] if len(records) > _NAMED else said
        raise InputError(f"{said} hxbench runs list --store {self.root} shows all.")

    def holds(self, run_id: str) -> bool:
        """Return whether there is a run with exactly this id, be it unfinished or damaged."""
        if self.pack:
            return run_id in self.pack
        # a name with a separator or a dot, or none at all, must never reach a deletion
        return run_id.isalnum() and any(map(os.path.lexists, (self._final(run_id), self._work(run_id))))

    def ids(self, beginning: str) -> list[str]:
        """Return the ids that begin so, of unfinished and damaged runs too; of a whole id that one alone."""
        if self.holds(beginning):
            return [beginning]
        known = self.pack.ids if self.pack else {name.removeprefix(_WORK) for name in self._entries()}
        return sorted(one for one in known if beginning and one.isalnum() and one.startswith(beginning))

    def copy(self, run_id: str, other: "Store") -> Path:
        """Put a finished run into another store without its weights and predictions; return its folder there.

        What is there under this id already is kept. Raises `InputError` for a run that is damaged, here or there.
        """
        require_apart(self.root / "runs", other.root / "runs")
        if not self.is_complete(run_id):
            raise InputError(f"run {run_id} is not finished, so it is not copied.")
        record = self._read(run_id, self._final(run_id))
        record.metrics()
        other.require_whole(run_id)
        if not other.is_complete(run_id):
            with other._claimed(run_id, f"the run {run_id} in {other.root}"):
                copy_run(record, other._final(run_id))
        return other._final(run_id)

    def seal(self, record: RunRecord) -> None:
        """Write the manifest of a finished run that was stored before there were any."""
        with self._claimed(record.id, f"the run {record.id}"):
            try:
                manifest.write(record.folder, files_of(record.folder))
            except OSError as error:
                raise InputError(f"cannot write to {record.folder}: {reason(error)}.") from None

    def remove(self, run_id: str) -> None:
        """Delete a run, finished or not; raises `RunBusy` when a process works on it."""
        if not self.holds(run_id):
            raise InputError(f"the store {self.root} has no run '{shown(run_id)}'.")
        self.require_writable()
        claim: Claim | None = None
        try:
            claim = self._claimed(run_id, f"the run {run_id}")
        except InputError:
            # a full disk takes no claim; that must not keep anybody from making room
            if is_held(self._claim(run_id)):
                raise
        try:
            discard(self._final(run_id))
            discard(self._work(run_id))
        except OSError as error:
            raise InputError(f"cannot delete run {run_id} from {self.root}: {reason(error)}.") from None
        finally:
            if claim:
                claim.release()


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # none there, or said by whoever reads it
        return []
