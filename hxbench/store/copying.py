"""One run from a store into another: only what a run is made of, and only as its manifest has it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hxbench import manifest
from hxbench.errors import InputError, reason
from hxbench.printing import shown
from hxbench.store.contents import LARGEST_FILE, files_of, is_published, read_content
from hxbench.store.files import discard
from hxbench.store.packed import PackedRun
from hxbench.store.sweeping import COPY

if TYPE_CHECKING:
    from hxbench.store.record import RunRecord


def require_apart(source: Path, target: Path) -> None:
    """Raise `InputError` when one of two folders of runs lies in the other, or both are one."""
    one, other = source.resolve(), target.resolve()
    if one == other:
        raise InputError(f"{shown(str(target.parent), 500)} is the store itself: name another one to copy into.")
    if one in other.parents or other in one.parents:
        both = " and ".join(shown(str(runs.parent), 500) for runs in (source, target))
        raise InputError(
            f"of {both} one lies among the runs of the other: name a folder beside them to copy into."
        )


def copy_run(record: "RunRecord", final: Path) -> None:
    """Write the published part of a checked run to `final`, which becomes visible as a whole.

    The caller has the claim. Raises `DamagedRun` for a file that is not as its manifest lists it, and `InputError`
    when the target cannot be written.
    """
    work = final.with_name(f"{COPY}{record.id}")
    try:
        discard(work)
        work.mkdir()
        if isinstance(record, PackedRun):
            record.checked().write(work)
        else:
            _copy_files(record, work)
        discard(final)  # something half there, which is not complete
        os.rename(work, final)
    except OSError as error:
        discard(work)
        raise InputError(f"cannot write to {final.parent}: {reason(error)}.") from error
    except InputError:
        discard(work)
        raise


def _copy_files(record: "RunRecord", work: Path) -> None:
    names = [name for name in files_of(record.folder) if is_published(name, few_shot=record.few_shot)]
    if record.digests is not None:
        names = [name for name in names if name in record.digests]
    for name in names:
        _write(work / name, read_content(record.id, record.folder, name, record.digests, LARGEST_FILE))
    if record.digests is not None:
        _write(work / manifest.NAME, read_content(record.id, record.folder, manifest.NAME, None))
        if manifest.read(work) != record.digests:
            raise InputError(f"run {record.id} changes while it is copied.")


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
