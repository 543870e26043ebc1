"""What others have written, as it may be shown: on one line, without control characters, and not at any length."""

import re
from collections.abc import Iterable, Sequence

LONGEST_WORD = 300  # of a message: a path of a deep folder is still shown whole
LONGEST_MESSAGE = 2000
# control characters, what turns the direction of a line, other line ends, and bytes that were no text
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


def printable(text: str) -> str:
    r"""Return `text` with everything that would move the cursor or end the line escaped (`\n`, `\x1b`)."""
    return _UNPRINTABLE.sub(lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name or an argument that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii") if code < 0xD800 else f"\\u{code:04x}"


def shortened(text: str, most: int = 80) -> str:
    """Return `text` printable and, if it has more than `most` characters, without its middle."""
    if len(text) > most:
        front = 2 * most // 3
        text = f"{text[:front]}…{text[len(text) - (most - front - 1) :]}"
    return printable(text)


def sentence(text: str, longest_word: int = LONGEST_WORD) -> str:
    """Return a message on one line, with long words and a long whole shortened: it may repeat what a user gave."""
    text = re.sub(rf"\S{{{longest_word + 1},}}", lambda found: shortened(found[0], longest_word), text)
    return shortened(text, LONGEST_MESSAGE)


def some(items: Sequence[object], most: int = 3) -> str:
    """Return the first few of a list and how many more there are: `a, b, c and 97 more`."""
    shown = ", ".join(shortened(str(item), 120) for item in items[:most])
    return f"{shown} and {len(items) - most} more" if len(items) > most else shown


def grouped(items: Iterable[tuple[str, object]], few: int = 8) -> str:
    """Return a list of things by their kind: a few as they are, of many the number of each kind and some of it."""
    kinds: dict[str, list[object]] = {}
    for kind, item in items:
        kinds.setdefault(kind, []).append(item)
    together = [item for some_of in kinds.values() for item in some_of]
    if len(together) <= few:
        return some(together, few)
    return "; ".join(f"{len(one)} of {kind} ({some(one)})" for kind, one in kinds.items())
