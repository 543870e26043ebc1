"""The standard streams as users have them: closed, full, or of a console that knows 256 characters.

What a stream cannot show is replaced by something near. What cannot be written to standard output is an error with
that name, for the output is what was asked for; messages to standard error are lost without ending anything.
"""

import codecs
import contextlib
import io
import os
import select
import sys
import unicodedata
from typing import Any, TextIO

from hxbench.errors import InputError
from hxbench.printing import LONGEST_WORD, printable, sentence

_NEAREST = "hxbench.nearest"
_SIMPLE = dict(zip("─━│┃–—−…·•→←↑↓×≥≤‘’“”†±∞✓", "--||---..*><^vx><''\"\"+~8v", strict=True))


def prepare() -> None:
    """Make the standard streams of this process safe to print to; in place of a closed input there is none.

    Raises `InputError` for a closed standard output: a file opened later would get its number and what is printed.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 (for as long as the process lives)
    if sys.stderr is None:
        os.open(os.devnull, os.O_WRONLY)
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    elif _is_of_this_process(sys.stderr, sys.__stderr__):
        sys.stderr = _safe(sys.stderr, "standard error", may_fail=True)
    if sys.stdout is None:
        raise InputError("standard output is closed: give it a file, a pipe or /dev/null.")
    if _is_of_this_process(sys.stdout, sys.__stdout__):
        sys.stdout = _safe(sys.stdout, "standard output", may_fail=False)


def complain(text: str, longest_word: int = LONGEST_WORD) -> None:
    """Print a message to standard error as one line."""
    print(f"hxbench: {sentence(text, longest_word)}", file=sys.stderr, flush=True)


def show_below(example: str) -> None:
    """Print a text of several lines to standard error, if there is one, below the message that it belongs to."""
    if example:
        print("", *map(printable, example.splitlines()), sep="\n", file=sys.stderr, flush=True)


def silence() -> None:
    """Print nothing more: what is left cannot be written, and the interpreter would try once more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
        if sys.stdout is not None:
            sys.stdout.flush()


def knows_all_letters() -> bool:
    """Return whether standard output takes any character, so that JSON need not escape them."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return codecs.lookup(encoding).name.startswith("utf")


class _Standard(io.RawIOBase):
    """A standard stream by its number; an error names it, or is passed over where it `may_fail`."""

    def __init__(self, number: int, called: str, may_fail: bool) -> None:
        self._number, self._called, self._may_fail = number, called, may_fail

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        try:
            return os.write(self._number, data)
        except BlockingIOError:  # a pipe that another program has set so
            select.select([], [self._number], [])
            return 0 if len(data) == 0 else self.write(data)
        except OSError as error:
            if self._may_fail:
                return len(data)
            raise OSError(error.errno, error.strerror, self._called) from None


def _is_of_this_process(stream: TextIO, original: TextIO | None) -> bool:
    return stream is original and isinstance(stream, io.TextIOWrapper)


def _safe(stream: Any, called: str, *, may_fail: bool) -> TextIO:
    codecs.register_error(_NEAREST, _nearest)
    with contextlib.suppress(OSError):
        stream.flush()
    raw = _Standard(stream.fileno(), called, may_fail)
    by_line = stream.line_buffering or stream.write_through
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=stream.encoding, errors=_NEAREST, line_buffering=by_line
    )


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that a stream does not have: something like it, or a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_near, error.object[error.start : error.end])), error.end


def _near(character: str) -> str:
    if "\ud800" <= character <= "\udfff":
        return printable(character)
    plain = unicodedata.normalize("NFKD", character)[:1]
    return _SIMPLE.get(character) or (plain if plain.isascii() else "?")
