"""Running text: one sentence a line."""

from collections.abc import Iterator
from pathlib import Path

from hxbench.data.readers.lines import numbered_lines
from hxbench.errors import InputError

KIND = "a text"


def read_text(path: Path) -> Iterator[str]:
    """Yield every line that holds more than white space, as it stands, in file order.

    Raises `InputError` for a line that is not UTF-8, a file without sentences, a missing file and a directory.
    """
    found = False
    for _, line in numbered_lines(path, KIND):
        if line and not line.isspace():
            found = True
            yield line
    if not found:
        raise InputError(f"{path} holds no sentence; expected {KIND} file with one a line.")
