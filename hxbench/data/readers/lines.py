"""What all readers stand on: numbered UTF-8 lines of a user's file, one at a time; and raw text itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

from hxbench.errors import InputError

# A longer line means that the file is not text; without a limit one line could fill the memory.
LONGEST_LINE = 4 * 2**20

Row = tuple[int, dict[str, Any]]
"""The number of a line or row, from 1, and its values by column. A column that it lacks is absent."""


@dataclass(frozen=True)
class Options:
    """What a reader has to know beside the path; each takes what its format leaves open.

    Where words are tagged, `words` and `tags` say where both are: in columns by number, from 1, or from the end as
    -1; in JSON and Parquet by the name of a list; in CoNLL-U `tags` is a column (`conllu.column_of`).
    """

    columns: tuple[str, ...] = ()  # of a table: those that are wanted, which must be there; `a.b` is b in a
    header: tuple[str, ...] = ()  # the columns of a table that does not name them
    multiword: str = "skip"  # of CoNLL-U: see `conllu`
    words: str = ""
    tags: str = ""
    delimiter: str = ""  # between columns, or between the cells of a table
    comments: str = ""  # of columns: what lines begin with that are passed over
    scheme: str = ""  # of spans (see `labels`); without one, labels are taken as they stand
    labels: tuple[str, ...] = ()  # those that are known, after mapping; without any, all are
    label_map: Mapping[str, str] = field(default_factory=dict)  # from the file's labels, or types of spans

    @property
    def tagged(self) -> bool:
        """Whether a table holds tagged words."""
        return bool(self.words or self.tags)


def fault(path: Path, number: int, found: str, expected: str, unit: str = "line") -> InputError:
    """Return the error for a broken line: file, line number, what stands there and what was expected."""
    return InputError(f"{path}, {unit} {number}: {found}; expected {expected}.")


def quoted(text: str) -> str:
    """Return `text` as it may stand in a message: quoted, control characters escaped, at most 40 characters."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def counted(count: int, noun: str) -> str:
    """Return the count with its noun: `1 column`, `2 columns`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def open_input(path: Path, kind: str) -> BufferedReader:
    """Open a user's file for reading bytes, or raise `InputError`; `kind` names its format in messages."""
    if path.is_dir():
        raise InputError(f"{path} is a directory; expected {kind} file.")
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; expected {kind} file.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); expected {kind} file.") from None


def require_input(path: Path, kind: str) -> None:
    """Raise `InputError` as `open_input` does, and for a pipe or a device: a corpus is read more than once."""
    if path.exists() and not path.is_dir() and not path.is_file():
        raise InputError(f"{path} is no regular file; expected {kind} file.")
    open_input(path, kind).close()


def numbered_lines(path: Path, kind: str) -> Iterator[tuple[int, str]]:
    """Yield line number (from 1) and line without its end (LF or CRLF); a byte-order mark is dropped.

    Raises `InputError` as `open_input` does, for a line that is not UTF-8 or has more than 4 MiB, and for a file
    whose lines end in CR alone.
    """
    with open_input(path, kind) as stream:
        number = 0
        while raw := stream.readline(LONGEST_LINE + 1):
            number += 1
            if number == 1 and b"\r" in raw.rstrip(b"\r\n") and (len(raw) > LONGEST_LINE or not stream.peek(1)):
                raise fault(path, 1, "lines end in CR alone (old Mac line ends)", "line ends LF or CRLF")
            if len(raw) > LONGEST_LINE:
                raise fault(path, number, "more than 4 MiB without a line end", f"{kind} file")
            if number == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            try:
                line = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = f"byte 0x{raw[error.start]:02x} at position {error.start + 1} of the line is not UTF-8"
                raise fault(path, number, byte, f"{kind} file in UTF-8") from None
            yield number, line.removesuffix("\n").removesuffix("\r")


def read_text(path: Path, options: Options | None = None) -> Iterator[Row]:
    """Yield every line that holds more than white space, as it stands, in file order: the column `text`."""
    found = False
    for number, line in numbered_lines(path, "a text"):
        if line and not line.isspace():
            found = True
            yield number, {"text": line}
    if not found:
        raise InputError(f"{path} holds no sentence; expected a text file with one a line.")
