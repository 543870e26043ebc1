"""What killed processes leave in a store, taken away by the next that writes there.

Nothing of a live process goes: what has a claim is swept by whoever gets that claim, and what lives for an instant
only when it is old.
"""

import os
import re
import stat
from pathlib import Path

from hxbench.errors import RunError
from hxbench.leftovers import remove
from hxbench.store.claim import STALE_SECONDS, Claim, is_held
from hxbench.store.files import discard

COPY = ".copy-"  # a run on its way into the store
_INSTANT = re.compile(r"\.clock-|\.claim-[^.]+\.")  # probes of the clock, claims on their way out
_OWNED = re.compile(rf"(?:\.claim-|{re.escape(COPY)})([^.]+)$")


EVERY = 600.0  # seconds between two sweeps of a process: a run may take less than the look at thousands of others
_swept: dict[Path, float] = {}


def sweep(runs: Path, now: float) -> None:
    """Clear the folder of runs now and then; `now` is the time by the clock of its file system."""
    if now - _swept.get(runs, -EVERY) < EVERY:
        return
    _swept[runs] = now
    for entry in list(os.scandir(runs)):
        path = Path(entry.path)
        if entry.name.startswith(".trash-"):
            remove(path)
        elif _INSTANT.match(entry.name):
            if _old(path, now):
                remove(path)
        elif owned := _OWNED.match(entry.name):
            _sweep_owned(runs, owned[1])
        elif not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False) and (path / "resume").is_dir():
            remove(path / "resume")  # of a run that was killed between its end and its tidying up


def _old(path: Path, now: float) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    # a claim keeps its time of change when it is moved, not that of its status
    return stat.S_ISDIR(found.st_mode) or now - max(found.st_mtime, found.st_ctime) > STALE_SECONDS


def _sweep_owned(runs: Path, run_id: str) -> None:
    path = runs / f".claim-{run_id}"
    if os.path.lexists(path) and is_held(path):
        return
    claim = Claim(path, f"the run {run_id}")
    try:
        claim.acquire()
    except (RunError, OSError):
        return
    with claim:
        discard(runs / f"{COPY}{run_id}")
