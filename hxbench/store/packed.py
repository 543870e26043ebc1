"""A packed store, read: its runs are records like any others, from a few checked files."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench.errors import InputError
from hxbench.plain_data import load_json
from hxbench.store import pack_files
from hxbench.store.arrays import SENTENCE_COLUMNS
from hxbench.store.canonical import CanonicalRun, canonical_run
from hxbench.store.checks import DamagedRun, checked_status, damaged, parsed
from hxbench.store.pack_files import MANIFEST, PARTS, RUNS, PackFile
from hxbench.store.record import ProfileRuns, RunRecord

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

_LONGEST_ID = 64
_LISTS = {part: {name for name, kind in of.items() if kind != "text"} for part, of in PARTS.items()}


@dataclass(frozen=True, kw_only=True)
class PackedRun(RunRecord):
    """A run of a packed store: `folder` is that of the pack, which has no weights and no predictions."""

    pack: "Pack"
    file: PackFile  # the one of its spec
    row: dict[str, str]

    @property
    def root(self) -> Path:
        """The store that the run is in."""
        return self.folder

    @property
    def removal(self) -> str:
        """The commands that delete the run from a store of the same runs, as a pack is only read."""
        return f"hxbench runs unpack {self.root} --to DIR, hxbench runs rm {self.id} --store DIR"

    def stored_spec(self) -> dict[str, Any]:
        """Return the spec as it was stored, whatever version did."""
        return dict(load_json(self.row["spec"], "spec.yaml"))

    def predictions(self, task: str, language: str) -> dict[str, list[Any]]:
        """Raise `InputError`: predictions are not packed."""
        raise InputError(f"run {self.id} has no predictions for {task}-{language}: it is kept without them.")

    def sentence_counts(self) -> dict[tuple[str, str], list[tuple[int, int, int]]]:
        """Return each test sentence's correct, predicted and gold counts by (task, language); {} without them."""
        found: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
        for row in self.pack.rows("sentences", self):
            columns = [row[name] for name in SENTENCE_COLUMNS[2:]]
            if len({*map(len, columns)}) > 1:
                raise damaged(self.id, "its counts by sentence are not of the same sentences")
            numbers = (column.tolist() for column in columns)
            found[row["task"], row["language"]] = list(zip(*numbers, strict=True))
        return found

    def retrieval(self) -> dict[str, Any] | None:
        """Return what the retriever made of the instances that figures draw; None for a run without it."""
        import numpy as np

        from hxbench.store.retrieval import checked_retrieval

        for row in self.pack.rows("retrieval", self):
            facts = parsed(self.id, load_json, row["facts"] or "", "retrieval.json")
            task = np.asarray(row["task"], dtype=np.int64)
            known = len(facts["tasks"]) if isinstance(facts, dict) and isinstance(facts.get("tasks"), list) else 0
            counts = {"features": len(task), "z": len(task), "prototypes": known if len(row["prototypes"]) else 0}
            try:
                arrays = {
                    name: np.asarray(row[name], dtype=np.float32).reshape(count, -1 if count else 0)
                    for name, count in counts.items()
                }
            except ValueError:
                raise damaged(self.id, "facts and arrays of its retrieval do not belong together") from None
            facts = facts if isinstance(facts, dict) else {}
            return checked_retrieval(self.id, {**facts, **arrays, "task": task})
        return None

    def _text(self, name: str, largest: int = 0) -> str | None:
        """Return the text that a file of rows or of provenance had; each row is limited as any JSON text."""
        part, _, kind = name.rpartition(".")
        if kind == "json":
            return self.row[part] or None
        return "".join(row["rows"] or "" for row in self.pack.rows(part, self))

    def checked(self) -> CanonicalRun:
        """Return all that is packed of the run; raises `DamagedRun` unless it is what was packed."""
        found = canonical_run(self)
        if found.digest != self.row["digest"]:
            raise damaged(self.id, "its content does not have the digest that it was packed with")
        return found


class Pack:
    """The packed store in the folder `root`; a file is read, and checked, when something in it is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = pack_files.read_manifest(root)
        self._of_runs = [one for one in self.files if one.part in RUNS]
        self._tables: dict[str, tuple[pyarrow.Table, dict[str, list[int]]]] = {}

    @staticmethod
    def is_at(root: Path) -> bool:
        """Return whether a folder says of itself that it is a packed store."""
        return os.path.lexists(root / MANIFEST)

    @cached_property
    def ids(self) -> dict[str, PackFile]:
        """The ids of all runs, and the file that each one's spec is in."""
        return {run_id: one for one in self._of_runs for run_id in self._table(one)[1]}

    def __contains__(self, run_id: str) -> bool:
        return run_id in self.ids

    def runs(
        self, problems: list[str], *, beginning: str = "", files: Iterable[PackFile] | None = None
    ) -> list[RunRecord]:
        """Return the runs, or those whose id begins so, by id, in all files or only some.

        Those that cannot be read are left out and described in `problems`.
        """
        records: dict[str, RunRecord] = {}
        for one in self._of_runs if files is None else files:
            for run_id in self._table(one)[1]:
                if run_id.startswith(beginning):
                    try:
                        if run_id in records:
                            raise damaged(run_id, "it is packed twice")
                        records[run_id] = self._record(run_id, one)
                    except DamagedRun as error:
                        problems.append(str(error))
        return [records[run_id] for run_id in sorted(records)]

    def by_profile(self, paper: str, problems: list[str]) -> dict[str, ProfileRuns]:
        """Return the runs on a paper's ground by their profile, each profile read when it is asked for.

        Where the runs of no paper belong only their specs tell: these are looked at for which profiles there are.
        """
        from hxbench.spec.run_spec import NO_PAPER

        def read(files: list[PackFile]) -> list[RunRecord]:
            return [record for record in self.runs(problems, files=files) if record.ground == paper]

        of_none = [one for one in self._of_runs if one.paper == NO_PAPER]
        profiles = {one.profile for one in self._of_runs if one.paper == paper}
        profiles |= {one.profile for one in self.runs([], files=of_none) if one.ground == paper}
        found: dict[str, tuple[list[PackFile], list[PackFile]]] = {}
        for one in self._of_runs:
            if one.paper in (paper, NO_PAPER) and one.profile in profiles:
                found.setdefault(one.profile, ([], []))[RUNS.index(one.part)].append(one)
        return {
            profile: ProfileRuns(*(partial(read, some) for some in found[profile])) for profile in sorted(found)
        }

    def run(self, run_id: str) -> RunRecord:
        """Return a run by its whole id."""
        return self._record(run_id, self.ids[run_id])

    def _record(self, run_id: str, file: PackFile) -> PackedRun:
        from hxbench.store.stored_spec import checked_spec

        table, places = self._table(file)
        if len(places[run_id]) > 1:
            raise damaged(run_id, "it is packed twice")
        row = {name: str(table.column(name)[places[run_id][0]].as_py() or "") for name in table.column_names}
        status = checked_status(run_id, parsed(run_id, load_json, row["status"], "status.json"))
        spec = checked_spec(run_id, parsed(run_id, load_json, row["spec"], "spec.yaml"))
        if status.get("state") != "done":
            raise damaged(run_id, "its status is not done")
        record = PackedRun(run_id, spec, status, self.root, pack=self, file=file, row=row)
        if (record.paper, record.profile, record.few_shot) != (file.paper, file.profile, file.part == RUNS[1]):
            raise damaged(run_id, f"it is not of those that {file.name} has")
        return record

    def rows(self, part: str, run: PackedRun) -> Iterator[dict[str, Any]]:
        """Yield the rows of a run in a part."""
        for one in self.files:
            of = (one.part, one.paper, one.profile) == (part, run.file.paper, run.file.profile)
            if of and one.first <= run.id <= one.last:
                table, places = self._table(one)
                for place in places.get(run.id, ()):
                    row = {name: table.column(name)[place] for name in table.column_names}
                    lists = {name: one.values for name, one in row.items() if name in _LISTS[part]}
                    if any(values is None or values.null_count for values in lists.values()):
                        raise damaged(run.id, f"{one.name}: a value is missing")
                    texts = {name: scalar.as_py() for name, scalar in row.items() if name not in lists}
                    yield texts | {name: _numbers(values) for name, values in lists.items()}

    def _table(self, file: PackFile) -> "tuple[pyarrow.Table, dict[str, list[int]]]":
        """Return the content of a file, and the rows of each run in it."""
        if file.name not in self._tables:
            try:
                table = pack_files.read_table(self.root, file)
            except InputError:
                if self.is_at(self.root) and pack_files.read_manifest(self.root) != self.files:
                    raise InputError(
                        f"{self.root} was packed anew while it was read: repeat the command."
                    ) from None
                raise
            places = defaultdict(list)
            for place, run_id in enumerate(table.column("run").to_pylist()):
                if not (isinstance(run_id, str) and run_id.isalnum() and len(run_id) <= _LONGEST_ID):
                    raise pack_files.damaged(self.root, f"{file.name} has a row without the id of a run")
                places[run_id].append(place)
            self._tables[file.name] = table, dict(places)
        return self._tables[file.name]

    def damaged_files(self) -> list[str]:
        """Return what is wrong with the files that the manifest lists, one sentence each; reads all of them."""
        found = []
        for one in self.files:
            try:
                self._table(one)
            except InputError as error:
                found.append(str(error))
        return found

    def strays(self) -> list[str]:
        """Return what is in the folder and in no run of the pack, one sentence each; needs whole files."""
        listed = {one.name for one in self.files} | {MANIFEST, "README.md"}
        found = [
            f"{path} is no part of the packed store: no command reads it."
            for path in sorted(self.root.iterdir())
            if path.name not in listed and not path.name.startswith(".claim-")
        ]
        for one in self.files:
            for run_id in self._table(one)[1]:
                owner = self.ids.get(run_id)
                if owner is None or (owner.paper, owner.profile) != (one.paper, one.profile):
                    found.append(str(damaged(run_id, f"{one.name} has rows of it, and no file has its spec")))
        return found


def _numbers(values: Any) -> "NDArray[Any]":
    """Return what a list holds, none of it missing; pyarrow's own way there imports pandas first."""
    import numpy as np

    kind = np.float32 if str(values.type) == "float" else np.int32
    content = values.buffers()[1]
    return np.frombuffer(content if content is not None else b"", kind)[values.offset :][: len(values)]
