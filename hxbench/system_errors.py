"""What the machine refuses: a full disk, a folder that may not be written, too little memory → one sentence."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hxbench.errors import InputError

_ELSEWHERE = "name another folder (--store, --out, HXBENCH_CACHE)"
_NOT_ALLOWED = f"see to its permissions, or {_ELSEWHERE}"
_ADVICE = {
    errno.ENOSPC: f"free some space, or {_ELSEWHERE}",
    errno.EDQUOT: f"the quota is used up: free some space, or {_ELSEWHERE}",
    errno.EFBIG: "the limit on the size of files (ulimit -f) is too low",
    errno.EROFS: _ELSEWHERE,
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EIO: "the disk or the network drive reports a fault",
    errno.EBADF: "it is closed: give it a file, a pipe or /dev/null",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n), or use fewer --workers",
    errno.ENFILE: "too many files are open on this machine",
    errno.ENOMEM: "memory ran out: use fewer --workers or a smaller batch (--set training.batch_size=8)",
    errno.ENOTDIR: "a part of this path is a file where a folder is expected",
    errno.ELOOP: "its links lead in a circle",
}
_STANDARD = "standard output"
_SOMEWHERE = "a file of the store, the cache or the temporary folder"
_OF_FILES = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE,
    errno.ENFILE, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG,
}  # fmt: skip
_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_FROM_RUST = re.compile(r"\(os error (\d+)\)")  # how safetensors and tokenizers say what the system said


def cannot_write(place: Path | str, error: OSError) -> InputError:
    """Return what to say when `place` cannot be written."""
    return _sentence(f"cannot write {place}", error.errno or 0, error.strerror or str(error))


def require_writable(folder: Path) -> None:
    """Raise `InputError` for a folder that could not be written: before hours of work and not after them."""
    with writing(folder):
        if not (there := folder).is_dir():
            there = next(parent for parent in folder.absolute().parents if parent.exists())
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(there))
        if not os.access(there, os.W_OK | os.X_OK):
            read_only = os.statvfs(there).f_flag & os.ST_RDONLY
            raise OSError(errno.EROFS if read_only else errno.EACCES, "", str(there))


def is_of_a_file(error: BaseException) -> bool:
    """Return whether a file could not be read or written, and not whatever is at the other end of a connection."""
    return _number(error) in _OF_FILES


@contextmanager
def writing(place: Path | str) -> Iterator[None]:
    """Let a full disk and the like be an `InputError` that names what is written; other errors pass through."""
    try:
        yield
    except Exception as error:
        if not is_of_a_file(error):
            raise
        raise _sentence(f"cannot write {place}", _number(error) or 0, "") from error


def of_the_system(error: BaseException) -> InputError | None:
    """Return the sentence for an error that the machine or the input is to blame for, else None."""
    if (number := _number(error)) is not None:
        name = getattr(error, "filename", None)
        place = os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) and name else _SOMEWHERE
        return _sentence(f"cannot {'write' if number in _WRITING else 'use'} {place}", number, "")
    if isinstance(error, OSError):  # of a library, in its own words
        return InputError(str(error).strip().partition("\n")[0] or type(error).__name__)
    of_torch = type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator: can't allocate" in str(error)
    if isinstance(error, MemoryError) or of_torch:
        return InputError(f"{_ADVICE[errno.ENOMEM]}.")
    if isinstance(error, RecursionError):
        return InputError("what was given is nested too deep to be read.")
    if isinstance(error, UnicodeDecodeError):
        return InputError(
            f"a file or a name is not text in {error.encoding} (byte 0x{error.object[error.start]:02x})."
        )
    if isinstance(error, UnicodeEncodeError):
        part = error.object[error.start : error.end]
        return InputError(f"a name or a text has characters that {error.encoding} does not have ({part[:10]!a}).")
    return None


def _number(error: BaseException) -> int | None:
    """Return the number of the system's error behind this one."""
    if isinstance(error, OSError):
        return error.errno
    found = _FROM_RUST.search(str(error)) if isinstance(error, Exception) else None
    return int(found[1]) if found else None


def _sentence(what: str, number: int, words: str) -> InputError:
    reason = os.strerror(number) if number else words
    advice = f"; {_ADVICE[number]}" if number in _ADVICE else ""
    if what.endswith(_STANDARD):  # for which no option names another place
        advice = advice.removesuffix(f", or {_ELSEWHERE}")
    return InputError(f"{what}: {reason}{advice}.")
