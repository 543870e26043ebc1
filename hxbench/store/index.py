"""The index of a live store: what its finished runs are, so that thousands of them open at once.

`ROOT/index.jsonl` is only a help: deleted or damaged, it costs time and nothing else. A line is an entry: the id
of a run, a seal, and what `read_record` made of the run. The seal is a hash over that, and over inode, size and
times of each file that it was made from. The kernel alone sets the time of a file's last change, so an entry holds
for these very files: a store that was copied, or that somebody else gives away, brings an index in which nothing
holds, and none of it is parsed. Who can write a seal that holds has the store's folder, and could have written the
runs. Scores are in no index: they are always read from the run's own file, and compared with its manifest.

Nobody waits for anybody: an index is replaced as a whole, and of two writers the last one stays.
"""

import contextlib
import hashlib
import json
import os
import re
import struct
import time
from pathlib import Path
from typing import Any

from hxbench import __version__, manifest
from hxbench.errors import InputError
from hxbench.plain_data import load_json, read_bytes
from hxbench.spec.run_spec import NO_PAPER, RunSpec, canonical, id_of
from hxbench.spec.stored import KEY, SCHEMA
from hxbench.store.checks import DamagedRun
from hxbench.store.contents import ARRAYS, TEXTS, is_optional
from hxbench.store.files import replace_file
from hxbench.store.record import RunRecord
from hxbench.store.stored_spec import spec_in

NAME = "index.jsonl"
_HEADING = f"hxbench index 2, {__version__}, schema {SCHEMA}\n".encode()  # another version may check otherwise
_LINE = re.compile(rb"([0-9a-f]{12}) ([0-9a-f]{32}) ([^\n]*)\n")
_AFTER = '{"after":'  # how a canonical spec begins
_NOTHING = _AFTER + "{}"
_FILES = (*TEXTS, *ARRAYS, manifest.NAME)
_LETTERS = b"abcdefghi"  # of the files that a run has, in its entry
_BY_LETTER = dict(zip(_LETTERS, _FILES, strict=True))
_ENDS = {letter: f"/{name}" for letter, name in _BY_LETTER.items()}  # behind a run's folder
_WORD = 2**64 - 1  # times before 1970 and after 2554 have to fit, too
_STATE = struct.Struct("<BIQQQQ")  # letter, mode, inode, size, time of the content, time of the last change
_LARGEST = 500_000_000  # bytes
_WORTH_WRITING = 100  # runs that had to be read: fewer take less than a second
_ABANDONED = 3600.0  # seconds
_SETTLED = 2.0  # seconds after which a change of a file cannot have the time of the one before


class Index:
    """What is known of the finished runs of the store in `root` while they are read once."""

    def __init__(self, root: Path) -> None:
        self._path = root / NAME
        self._begun = time.monotonic()
        try:
            heading, _, lines = read_bytes(self._path, _LARGEST).partition(b"\n")
        except (OSError, ValueError):
            heading, lines = b"", b""
        known = _LINE.findall(lines) if heading + b"\n" == _HEADING else []
        self._known: dict[bytes, tuple[bytes, bytes]] = {run_id: (seal, said) for run_id, seal, said in known}
        self._kept: list[bytes] = []  # ids whose entries hold, or were not looked at
        self._new: list[tuple[RunRecord, dict[str, Any], bytes, int]] = []  # what else the next index has
        self._specs: dict[tuple[str, ...], RunSpec] = {}  # by all of their text but the seed
        self._grounds: dict[tuple[str, ...], str] = {}  # likewise
        self._states: dict[str, tuple[bytes, int]] = {}  # of runs that are read themselves

    def get(self, run_id: str, folder: str) -> RunRecord | None:
        """Return a finished run, if its files are those of its entry."""
        seal, said = self._known.get(run_id.encode(), (b"", b""))
        letters = said[: said.find(b"\t")]
        if seal and seal == _seal(run_id, _states(folder, letters)[0], said):
            try:
                record = self._record(run_id, folder, said)
            except (ValueError, DamagedRun):  # of tasks and languages of yesterday: its files say it in words
                pass
            else:
                self._kept.append(run_id.encode())
                return record
        self._states[run_id] = _states(folder)
        return None

    def ground(self, run_id: str) -> str | None:
        """Return the paper on whose ground a run is; None where no entry says it.

        No file of the run is looked at: its id is the hash of the spec that the entry has.
        """
        try:
            _, schema, spec, _ = self._known[run_id.encode()][1].decode().split("\t")
            if id_of(spec) != run_id:
                return None
            shared, _, _ = _parted(schema, spec)
            if shared not in self._grounds:
                paper = load_json(spec, NAME)["paper"]
                self._grounds[shared] = spec_in(run_id, spec, int(schema)).ground if paper == NO_PAPER else paper
        except (KeyError, ValueError, TypeError, DamagedRun):
            return None
        return self._grounds[shared]

    def keep(self, run_id: str) -> None:
        """Let the next index have the entry of a run that was not looked at."""
        self._kept.append(run_id.encode())

    def _record(self, run_id: str, folder: str, said: bytes) -> RunRecord:
        _, schema, spec, rest = said.decode().split("\t")
        status, digests, rows_fit = json.loads(rest)
        shared, seed, after = _parted(schema, spec)
        if not seed:
            found = spec_in(run_id, spec, int(schema))
        else:
            if shared not in self._specs:
                self._specs[shared] = spec_in(run_id, spec, int(schema))
            found = self._specs[shared].model_copy(
                update={"seed": int(seed), "after": {} if after == _NOTHING else json.loads(after[len(_AFTER) :])}
            )
        return RunRecord(run_id, found, status, folder, digests, rows_fit)

    def add(self, record: RunRecord, stored: dict[str, Any]) -> None:
        """Take in a run that was read itself after `get`; `stored` is what its `spec.yaml` says."""
        states = self._states.pop(record.id)
        if not isinstance(record.spec, dict):  # another version's is always read itself
            self._new.append((record, stored, *states))

    def save(self) -> None:
        """Replace the index of the store where that is worth it; one that cannot be written is left as it is."""
        if len(self._new) < _WORTH_WRITING or not os.access(self._path.parent, os.W_OK):
            return
        for left in self._path.parent.glob(f".{NAME}.*.tmp"):  # of processes that were killed
            with contextlib.suppress(OSError):
                if time.time() - left.lstat().st_mtime > _ABANDONED:
                    left.unlink()

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:
                file.write(_HEADING)
                file.flush()
                # by the clock of the file system; what was changed while it was read, or just before, is no entry
                begun = os.fstat(file.fileno()).st_mtime - (time.monotonic() - self._begun)
                settled = int((begun - _SETTLED) * 1e9)
                file.writelines(b"%b %b %b\n" % (run_id, *self._known[run_id]) for run_id in self._kept)
                for record, stored, states, changed in self._new:
                    if changed < settled and (said := _said(record, stored)):
                        file.write(b"%b %b %b\n" % (record.id.encode(), _seal(record.id, states, said), said))

        with contextlib.suppress(InputError):  # a full disk
            replace_file(self._path, write)


def _parted(schema: str, spec: str) -> tuple[tuple[str, ...], str, str]:
    """Return what runs of one model share of a spec's text, then the seed and what the run builds on.

    These are the first key and the one before the setting. Where that cannot be told there is no seed.
    """
    head, _, tail = spec.partition(',"setting":')
    head, _, seed = head.rpartition('"seed":')
    after, _, head = head.partition(',"backbone":')
    if not (seed.isdecimal() and after.startswith(_AFTER)) or '"setting":' in tail:  # an option's name, too
        return (schema, spec), "", ""
    return (schema, head, tail), seed, after


def _states(folder: str, letters: bytes = _LETTERS) -> tuple[bytes, int]:
    """Return what tells that no file of a run was changed, and when the last one was; no link is followed.

    `letters` may be only those of files that are there: the time of the folder tells whether any came or went.
    """
    changed = 0
    found = bytearray()
    for letter in b"." + letters:
        try:
            one = os.lstat(folder + _ENDS.get(letter, ""))
        except OSError:
            continue
        times = one.st_mtime_ns & _WORD, one.st_ctime_ns & _WORD
        found += _STATE.pack(letter, one.st_mode, one.st_ino, one.st_size, *times)
        changed = max(changed, one.st_ctime_ns)
    return bytes(found), changed


def _seal(run_id: str, states: bytes, said: bytes) -> bytes:
    what = b"%b %d %b%b" % (run_id.encode(), len(states), states, said)
    return hashlib.blake2b(what, digest_size=16).hexdigest().encode()


def _said(record: RunRecord, stored: dict[str, Any]) -> bytes:
    """Return the entry of a run; nothing for one whose manifest has files that no other run has."""
    names = record.digests or ()
    if any(name not in _FILES and not is_optional(name, few_shot=record.few_shot) for name in names):
        return b""
    try:
        record.metrics()
        rows_fit = record.digests is not None
    except DamagedRun:
        rows_fit = False
    spec = canonical({key: value for key, value in stored.items() if key != KEY})
    rest = json.dumps([record.status, record.digests, rows_fit], separators=(",", ":"))
    there = bytes(letter for letter, name in _BY_LETTER.items() if os.path.lexists(record.folder / name)).decode()
    return f"{there}\t{stored.get(KEY, 0)}\t{spec}\t{rest}".encode()  # each as it is: JSON has no tabs
