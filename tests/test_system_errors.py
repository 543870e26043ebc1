"""What the machine refuses becomes a sentence; a fault of the program does not."""

import errno
import os

import pytest

from hxbench.errors import InputError
from hxbench.system_errors import of_the_system, require_writable, writing


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "x", "/a/b"), "cannot write /a/b: No space left on device; free some space"),
        (
            OSError(errno.ENOSPC, "x"),
            "cannot write a file of the store, the cache or the temporary folder: No space",
        ),
        (OSError(errno.EDQUOT, "x", b"/a"), "cannot write /a: Disk quota exceeded; the quota is used up"),
        (OSError(errno.EROFS, "x", "/a"), "cannot write /a: Read-only file system; name another folder"),
        (PermissionError(errno.EACCES, "x", "/a"), "cannot use /a: Permission denied; see to its permissions"),
        (OSError(errno.EMFILE, "x", "/a"), "cannot use /a: Too many open files; too many files are open"),
        (OSError(errno.ENAMETOOLONG, "x", "/a"), "cannot use /a: File name too long."),
        (OSError("Can't load the model.\nMore"), "Can't load the model."),
        (
            RuntimeError("Error: I/O error: No space left on device (os error 28)"),
            "cannot write a file of the store",
        ),
        (MemoryError(), "memory ran out: use fewer --workers"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"), "memory ran out"),
        (RecursionError("maximum recursion depth exceeded"), "what was given is nested too deep to be read."),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), "is not text in utf-8 (byte 0xff)"),
        (UnicodeEncodeError("ascii", "aé", 1, 2, "x"), r"characters that ascii does not have ('\xe9')"),
    ],
)
def test_errors_of_the_machine(error, said):
    told = of_the_system(error)
    assert isinstance(told, InputError)
    assert said in str(told)
    assert str(told).endswith(".")


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyError("x"), ImportError("x"), RuntimeError("mat1 and mat2")]
)
def test_faults_of_the_program(error):
    assert of_the_system(error) is None


def test_what_is_written_is_named_and_other_errors_pass():
    with pytest.raises(InputError, match="cannot write /a/b: No space left on device"), writing("/a/b"):
        os.write(os.open("/dev/full", os.O_WRONLY), b"x")
    with pytest.raises(ConnectionRefusedError), writing("/a"):
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
    with pytest.raises(ZeroDivisionError), writing("/a"):
        1 / 0  # noqa: B018


def test_a_folder_is_known_not_to_be_writable(tmp_path, monkeypatch):
    require_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/runs: Not a directory"):
        require_writable(tmp_path / "file" / "runs")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="Permission denied"):
        require_writable(tmp_path / "a")
