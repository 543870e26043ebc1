"""From articles to sentences. The paper names no splitter; this one is simple, and named so that it can be cited.

A paragraph is a line of the article. It ends in a full stop of its script or is dropped: headings, captions and
list items do not. A sentence ends at `.`, `!`, `?`, `…` or their Arabic, Devanagari and Urdu counterparts, with
closing quotes and brackets, where white space follows and no lower-case letter after it; at a full-width `。`,
`！` or `？` it ends at once. A full stop after a single letter or a number of one or two digits ends nothing
("J. S. Bach", "3. September").
"""

import re
from collections.abc import Iterator

SPLITTER = "hxbench-1"  # goes up whenever the sentences change
SHORTEST = 12  # bytes in UTF-8, four Chinese characters; what is shorter is rarely a sentence

_CLOSING = r"[\"'”’»)\]」』）]*"
_ALPHABETIC = rf"(?:(?<!\b\w)(?<!\b\d\d)\.|[!?…؟۔।॥]){_CLOSING}(?=\s)"
_IDEOGRAPHIC = rf"[。！？]{_CLOSING}"
_BREAK = re.compile(rf"(?:{_ALPHABETIC}|{_IDEOGRAPHIC})\s*")
_WHOLE = re.compile(rf"[.!?…؟۔।॥。！？]{_CLOSING}$")


def split_sentences(article: str) -> Iterator[str]:
    """Yield the sentences of an article in order, each on one line without white space around it."""
    for paragraph in article.splitlines():
        paragraph = " ".join(paragraph.split())
        if not _WHOLE.search(paragraph):
            continue
        start = 0
        for found in _BREAK.finditer(paragraph):
            if paragraph[found.end() : found.end() + 1].islower():
                continue
            yield from _long_enough(paragraph[start : found.end()])
            start = found.end()
        yield from _long_enough(paragraph[start:])


def _long_enough(sentence: str) -> Iterator[str]:
    if len((sentence := sentence.strip()).encode()) >= SHORTEST:
        yield sentence
