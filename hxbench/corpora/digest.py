"""SHA-256 of source files, remembered by path, size and time so that asking again costs a `stat`."""

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path

from hxbench import manifest
from hxbench.errors import InputError
from hxbench.leftovers import temporary
from hxbench.system_errors import writing

# A file changed twice within one tick of the clock keeps its time: one this young is hashed again (seconds).
_SETTLED = 2.0


def file_digest(path: Path, memory: Path) -> str:
    """Return the SHA-256 of a file's bytes, hex; `memory` is the folder where it is remembered."""
    before = path.stat()
    state = [before.st_size, before.st_mtime_ns, before.st_ctime_ns, before.st_ino]
    note = memory / f"{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]}.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["state"] == state:
            return str(known["sha256"])
    digest = manifest.file_digest(path)
    if time.time() - max(before.st_mtime, before.st_ctime) > _SETTLED and path.stat() == before:
        # A cache that cannot be written costs time, not the result.
        with contextlib.suppress(OSError, ValueError, InputError):
            write_whole(note, json.dumps({"state": state, "sha256": digest}).encode())
    return digest


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it, so that nobody ever reads half of it."""
    part = temporary(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
