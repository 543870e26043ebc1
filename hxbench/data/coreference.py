"""Marks around the two spans of a Winograd example: what T5 reads of WSC."""

import re

_WORD = re.compile(r"\S+")


def mark_spans(text: str, first: tuple[str, int], second: tuple[str, int]) -> str:
    """Return `text` with `* … *` around the first span and `# … #` around the second.

    A span is its text and the number of its first word, from 0, where words are what white space divides. Raises
    `ValueError`, with what is wrong, for a span that is nowhere in the text.

    T5's rule (PHA, section 2 of its published code) marks the first span and then counts two words more for a
    second one behind it. Here both places are found in the text as it was, which comes to the same; punctuation
    behind a span stays outside of its marks. T5 leaves a span unmarked whose case in the text is not the one in
    its field (about one first span in seven), or which stands one word away from its index: here both are marked,
    since without marks there is no question. The letters stay those of the text.
    """
    pieces = []
    for n, (start, end) in enumerate((_place(text, *first), _place(text, *second))):
        # Of two at one place, what closes comes first; then the longer span opens and the shorter closes first.
        pieces += [(start, 1, -end, n, f"{'*#'[n]} "), (end, 0, -start, -n, f" {'*#'[n]}")]
    for place, *_, piece in sorted(pieces, reverse=True):
        text = text[:place] + piece + text[place:]
    return text


def _place(text: str, span: str, index: int) -> tuple[int, int]:
    """Return where the span begins and ends, in characters: at its index, else at the nearest word."""
    words = span.split()
    if not words:
        raise ValueError("an empty span")
    pattern = re.compile(r"\s+".join(map(re.escape, words)) + r"(?!\w)", re.IGNORECASE)
    starts = [word.start() for word in _WORD.finditer(text)]
    found = {n: match.end() for n, start in enumerate(starts) if (match := pattern.match(text, start))}
    if not found:
        raise ValueError(f"no span {span!r} in the text")
    nearest = min(found, key=lambda n: (abs(n - index), n))
    return starts[nearest], found[nearest]
