"""SHA-256 of source files, remembered by path, size and time so that asking again costs a `stat`."""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hxbench import manifest
from hxbench.errors import InputError
from hxbench.leftovers import replace_file
from hxbench.system_errors import writing

# A file changed twice within one tick of the clock keeps its time: one this young is hashed again (seconds).
_SETTLED = 2.0


def file_digest(path: Path, memory: Path) -> str:
    """Return the SHA-256 of a file's bytes, hex; `memory` is the folder where it is remembered."""
    before = path.stat()
    state = state_of(before)
    note = memory / f"{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]}.json"
    known = read_note(note)
    if known and known.get("state") == state:
        return str(known["sha256"])
    digest = manifest.file_digest(path)
    if time.time() - max(before.st_mtime, before.st_ctime) > _SETTLED and state_of(path.stat()) == state:
        # A cache that cannot be written costs time, not the result.
        with contextlib.suppress(OSError, ValueError, InputError):
            write_note(note, {"state": state, "sha256": digest})
    return digest


def state_of(found: os.stat_result) -> list[int]:
    """Return what changes when a file does: bytes, times, and which file it is."""
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def write_note(path: Path, facts: Mapping[str, Any]) -> None:
    """Write a line of JSON and the digest of it and of the file's name, in one step."""
    write_whole(path, _marked(path, json.dumps(facts).encode()))


def read_note(path: Path) -> dict[str, Any] | None:
    """Return what `write_note` put there; None for half of a note, one with a flipped bit, and another file's."""
    try:
        content = path.read_bytes()
        line = content.partition(b"\n")[0]
        return dict(json.loads(line)) if content == _marked(path, line) else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _marked(path: Path, line: bytes) -> bytes:
    mark = hashlib.sha256(os.fsencode(path.name) + b"\n" + line).hexdigest()
    return line + b"\n" + mark.encode() + b"\n"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that nobody ever reads half of; `InputError` for a full disk."""
    with writing(path):
        replace_file(path, lambda part: part.write_bytes(content))
