"""Which files a run is made of, which of them may be left out, and whether they are those of its manifest."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from hxbench import manifest
from hxbench.errors import reason
from hxbench.plain_data import LARGEST, decoded, read_bytes
from hxbench.store.checks import DamagedRun, damaged, reading

NEEDED = ("spec.yaml", "status.json", "metrics.jsonl")
# checked whenever a run is opened; what is larger than `_SMALL` bytes only when it is read
TEXTS = (*NEEDED, "history.jsonl", "provenance.json", "retrieval.json")
ARRAYS = ("sentences.parquet", "retrieval.safetensors")
WEIGHTS, PREDICTIONS = "checkpoint", "predictions"
_SMALL = 1_000_000
LARGEST_FILE = 4_000_000_000
# of few-shot runs, which come in hundreds, only what they are, scored and come from is published
_NOT_OF_FEW_SHOT = ("history.jsonl", "sentences.parquet")


def is_optional(name: str, *, few_shot: bool) -> bool:
    """Return whether a run is whole without a file that its manifest lists: a published one lacks these."""
    return name.partition("/")[0] in (WEIGHTS, PREDICTIONS) or (few_shot and name in _NOT_OF_FEW_SHOT)


def is_published(name: str, *, few_shot: bool) -> bool:
    """Return whether a copy of the run has the file; labels of corpora do not leave the house."""
    return name in (*TEXTS, *ARRAYS, manifest.NAME) and not is_optional(name, few_shot=few_shot)


def files_of(folder: Path) -> Iterator[str]:
    """Yield the paths of the files that a run in `folder` is made of, its manifest not among them.

    No link is followed, and nothing is yielded that no run has.
    """
    for name in (*TEXTS, *ARRAYS):
        if _is_regular(folder / name):
            yield name
    for part in (WEIGHTS, PREDICTIONS):
        if (folder / part).is_dir() and not (folder / part).is_symlink():
            for name in sorted(os.listdir(folder / part)):
                if not name.startswith(".") and _is_regular(folder / part / name):
                    yield f"{part}/{name}"


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def read_content(
    run_id: str, folder: Path, name: str, digests: Mapping[str, str] | None, largest: int = LARGEST
) -> bytes:
    """Return what a file of a run holds, if that is what its manifest says (`digests`; None without one).

    Raises `FileNotFoundError` when there is no such file, and `DamagedRun` when it cannot be read or is another.
    """
    with reading(run_id, name):
        content = read_bytes(f"{folder}/{name}", largest)  # a `Path` for each of thousands of files takes its time
    if digests is not None and name not in digests:
        raise damaged(run_id, f"{name} is not in its manifest: it was put there after the run was finished")
    if digests is not None and digests[name] != hashlib.sha256(content).hexdigest():
        raise changed(run_id, name)
    return content


def read_text(
    run_id: str, folder: Path, name: str, digests: Mapping[str, str] | None, largest: int = LARGEST
) -> str:
    """Return the UTF-8 text of a file of a run; raises what `read_content` does."""
    with reading(run_id, name):
        return decoded(read_content(run_id, folder, name, digests, largest), name)


def changed(run_id: str, name: str) -> DamagedRun:
    """Return the error for a file whose digest is another than the manifest's."""
    return damaged(
        run_id, f"{name} is not the file that its manifest lists: it was changed after the run was finished"
    )


def read_digests(run_id: str, folder: Path) -> dict[str, str] | None:
    """Return the manifest of a run, None when it has none; raises `DamagedRun` for one without what is needed."""
    try:
        with reading(run_id, manifest.NAME):
            digests = manifest.read(folder)
    except FileNotFoundError:
        return None
    if lacking := [name for name in NEEDED if name not in digests]:
        raise damaged(run_id, f"{manifest.NAME} does not list {lacking[0]}")
    return digests


def check_small(run_id: str, folder: Path, digests: Mapping[str, str], *, few_shot: bool) -> None:
    """Raise `DamagedRun` when a listed file is missing that no run lacks, or a small text is another."""
    for name in digests:
        optional = is_optional(name, few_shot=few_shot)
        if name in TEXTS:
            try:
                if os.lstat(folder / name).st_size <= _SMALL:
                    read_content(run_id, folder, name, digests)
            except FileNotFoundError:
                if not optional:
                    raise damaged(run_id, f"{name} is missing") from None
        elif not optional and not _is_regular(folder / name):
            raise damaged(run_id, f"{name} is missing")


def check_all(run_id: str, folder: Path, digests: Mapping[str, str], *, few_shot: bool) -> None:
    """Raise `DamagedRun` for the first file that is not the listed one, weights and predictions included."""
    for name, digest in digests.items():
        if not os.path.lexists(folder / name):
            if not is_optional(name, few_shot=few_shot):
                raise damaged(run_id, f"{name} is missing")
        elif not _is_regular(folder / name):
            raise damaged(run_id, f"{name}: not a regular file")
        else:
            try:
                found = manifest.file_digest(folder / name)
            except OSError as error:
                raise damaged(run_id, f"{name} cannot be read ({reason(error)})") from None
            if found != digest:
                raise changed(run_id, name)
    if more := [name for name in files_of(folder) if name not in digests]:
        raise damaged(run_id, f"{more[0]} is not in its manifest")
