"""Files to be tagged, as streams of sentences: running text and CoNLL-U.

Text has one sentence a line, whose words are what white space separates: punctuation that is to be a word of its
own must stand alone. Of CoNLL-U the words are those with the IDs 1, 2, 3, …; every line is kept as it stands, so
that all but the tags can be written again. The parser is the one that training reads with; UPOS is not looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hxbench.data.readers import conllu
from hxbench.data.readers.lines import numbered_lines
from hxbench.errors import InputError, did_you_mean

INPUTS = ("text", "conllu")
_TEXT = "a text"


@dataclass(frozen=True)
class Untagged:
    """A sentence before it is tagged; of CoNLL-U also what stands between sentences, without words."""

    line: int  # of its first line in the file
    words: list[str]
    lines: list[str] = field(default_factory=list)  # of CoNLL-U: as they stand, up to the next sentence
    rows: list[int] = field(default_factory=list)  # of CoNLL-U: which of the lines have the words


def read_untagged(path: Path, kind: str) -> Iterator[Untagged]:
    """Yield the sentences of a file in its order.

    Raises `InputError` as `conllu.read_sentences` does; of text for a line that is not UTF-8, a file without
    sentences, and one that cannot be read.
    """
    return _read_text(path) if kind == "text" else _read_conllu(path)


def kind_of(path: Path, given: str | None = None) -> str:
    """Return `conllu` or `text`: as given, else by the first line that is neither blank nor a comment."""
    if given is not None:
        if given not in INPUTS:
            raise InputError(did_you_mean("input format", given, list(INPUTS)))
        return given
    for _, line in numbered_lines(path, "a text or CoNLL-U"):
        if line.strip() and not line.startswith("#"):
            token, tab, _ = line.partition("\t")
            return "conllu" if tab and conllu.is_id(token) else "text"
    return "text"


def _read_text(path: Path) -> Iterator[Untagged]:
    found = False
    for number, line in numbered_lines(path, _TEXT):
        if words := line.split():
            found = True
            yield Untagged(number, words)
    if not found:
        raise InputError(f"{path} holds no sentence; expected {_TEXT} file with at least one.")


def _read_conllu(path: Path) -> Iterator[Untagged]:
    for sentence in conllu.read_sentences(path):
        lines = sentence.lines
        if sentence.rows and lines[-1].strip():
            lines = [*lines, ""]  # which the format wants after every sentence
        yield Untagged(sentence.line, sentence.words, lines, [place for place, _ in sentence.rows])
