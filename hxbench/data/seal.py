"""Files of the cache that are known to be whole: size, SHA-256 and number of rows stand in a note beside each.

A flipped bit in an Arrow file trains another model without a word, or ends the interpreter. So whoever opens one
to train on it, to score or to pre-train has it checked in full, once a process as long as the file stays the same.
Who only asks how many rows there are reads the note alone. What does not fit its note is no file of the cache, nor
is one that came here with its note under another name: the name says what is in it.
"""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from hxbench import manifest
from hxbench.data.digest import read_note, write_note
from hxbench.leftovers import sweep, temporary
from hxbench.system_errors import writing


@dataclass(frozen=True)
class _Note:
    size: int  # bytes
    sha256: str
    rows: int


_State = tuple[int, ...]
_checked: dict[Path, tuple[_State, _Note]] = {}  # in which a file was found to be whole


def write_sealed(path: Path, write: Callable[[Path], int]) -> None:
    """Let `write` fill a temporary file and return its number of rows; then put it in place, with its note.

    Two processes may do so at once: the later rename wins, with the same bytes. Whatever `write` raises passes
    through and leaves nothing behind.
    """
    part = temporary(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        try:
            rows = write(part)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            note = _Note(part.stat().st_size, manifest.file_digest(part), rows)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    write_note(_place(path), asdict(note))


def is_whole(path: Path) -> bool:
    """Return whether the file is there and is the one of its note, to the last bit."""
    try:
        state, note = _state(path), _read(path)
        if note is None or note.size != state[0]:
            return False
        if _checked.get(path) == (state, note):
            return True
        if manifest.file_digest(path) != note.sha256:
            return False
        if _state(path) == state:
            _checked[path] = state, note
    except OSError:
        return False
    return True


def rows_of(path: Path) -> int | None:
    """Return the number of rows by the note alone, None where there is no file of its size."""
    try:
        note = _read(path)
        return note.rows if note and note.size == path.stat().st_size else None
    except OSError:
        return None


def _place(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _read(path: Path) -> _Note | None:
    known = read_note(_place(path))
    try:
        return _Note(**known) if known else None
    except TypeError:  # of another version
        return None


def _state(path: Path) -> _State:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
