"""A user's file to be tagged: its sentences as a stream, and the sentences with tags as text.

Of plain text a line is a sentence, whose words are what white space separates, or what `word_splitter` makes of
it. The parsers are those that training reads with, and labels that are there are not looked at.

Tags are written as CoNLL-U, tab-separated columns or JSON lines, into the file's own lines and objects where it
came in that form: all but the tags is as it stood. `column` is the place of the tags in CoNLL-U
(`conllu.column_of`) and the name of their field in JSON. Among columns they come last.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hxbench.data.readers import columns, conllu, format_of, wikiann
from hxbench.data.readers.lines import Options, numbered_lines
from hxbench.data.readers.tables import json_objects, words_of
from hxbench.errors import InputError, did_you_mean
from hxbench.plain_data import load_json

INPUTS = ("text", "conllu", "columns", "jsonl")
LABELLED = ("conllu", "columns", "wikiann", "jsonl", "json", "parquet")  # in which words come with labels
_TEXT = "a text"
_COLUMNS = (".tsv", ".conll", ".bio", ".iob", ".iob2")  # what files of columns are called
Splitter = Callable[[str], list[tuple[int, int]]]


@dataclass(frozen=True)
class Untagged:
    """A sentence before it is tagged; of CoNLL-U and columns also what stands between, without words."""

    line: int  # of its first line in the file
    words: list[str]
    # of CoNLL-U and columns: as they stand, up to the next sentence
    lines: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)  # of these: which of the lines have the words
    delimiter: str = ""  # of columns
    given: dict[str, Any] | None = None  # of JSON lines: the object
    text: str = ""  # of text that was split into words: as it stands
    offsets: list[tuple[int, int]] = field(default_factory=list)  # of its words in it, in letters

    @property
    def size(self) -> int:
        """Its number of words."""
        return len(self.words)


def read_untagged(
    path: Path, kind: str, options: Options | None = None, split: Splitter | None = None
) -> Iterator[Untagged]:
    """Yield the sentences of a file in its order; `options` say where the words are, `split` splits plain text."""
    options = options or Options()
    if kind == "text":
        yield from _read_text(path, split)
    elif kind == "conllu":
        yield from _read_conllu(path)
    elif kind == "columns":
        for found in columns.read_sentences(path, options):
            yield Untagged(
                found.line, found.words, found.lines, [place for place, _ in found.rows], found.delimiter
            )
    else:
        for number, given in json_objects(path):
            yield Untagged(number, words_of(path, number, given, options.words or "words"), given=given)


def kind_of(path: Path, given: str | None = None, known: Sequence[str] = INPUTS) -> str:
    """Return the format of a file, one of those `known`: as given, else by its name and its first line.

    That is the first that is neither blank nor a comment. What is nothing else is text, or columns.
    """
    if given is not None:
        if given not in known:
            raise InputError(did_you_mean("input format", given, list(known)))
        return given
    if (named := format_of(path)) in known and named in ("json", "parquet"):
        return named
    rest = "columns" if path.suffix in _COLUMNS or "text" not in known else "text"
    for _, line in numbered_lines(path, "a text or CoNLL-U"):
        if line.strip() and not line.startswith("#"):
            token, tab, _ = line.partition("\t")
            # columns may begin with a number, too
            numbered = rest == "columns" and path.suffix != ".conllu" and line.count("\t") != conllu.COLUMNS - 1
            if tab and conllu.is_id(token) and not numbered:
                return "conllu"
            if "wikiann" in known and wikiann.is_line(line):
                return "wikiann"
            return "jsonl" if line.lstrip().startswith("{") and _is_object(line) else rest
    return rest


def _is_object(line: str) -> bool:
    try:
        return isinstance(load_json(line, "the line"), dict)
    except ValueError:
        return False


def word_splitter(language: str) -> Splitter:
    """Return what gives the places of the words of a text: Unicode's UAX 29 with the dictionaries of ICU.

    White space is no word, punctuation is. Raises `InputError` where the package is not installed.
    """
    try:
        from icu4py.breakers import WordBreaker
    except ImportError:
        raise InputError(
            "splitting text into words needs the package icu4py: pip install 'hxbench[tokenize]'."
        ) from None

    def split(text: str) -> list[tuple[int, int]]:
        places, end = [], 0
        for piece in WordBreaker(text, language):  # all of the text, in pieces
            start, end = end + len(piece) - len(piece.lstrip()), end + len(piece)
            if word := piece.strip():
                places.append((start, start + len(word)))
        return places

    return split


def _read_text(path: Path, split: Splitter | None) -> Iterator[Untagged]:
    found = False
    for number, line in numbered_lines(path, _TEXT):
        if line.strip():
            found = True
            if split is None:
                yield Untagged(number, line.split())
            else:
                offsets = split(line)
                yield Untagged(number, [line[start:end] for start, end in offsets], text=line, offsets=offsets)
    if not found:
        raise InputError(f"{path} holds no sentence; expected {_TEXT} file with at least one.")


def _read_conllu(path: Path) -> Iterator[Untagged]:
    for sentence in conllu.read_sentences(path):
        lines = sentence.lines
        if sentence.rows and lines[-1].strip():
            lines = [*lines, ""]  # which the format wants after every sentence
        yield Untagged(sentence.line, sentence.words, lines, [place for place, _ in sentence.rows])


def column_for(task: str, form: str) -> str:
    """Return where the labels of a task are unless the user says: UPOS, MISC, or a field called like the task."""
    if form != "conllu":
        return task
    return {"pos": "upos", "ner": "misc.NER"}.get(task, f"misc.{task}")


def as_conllu(sentence: Untagged, tags: Sequence[str], column: str) -> str:
    """Return the sentence as CoNLL-U: the file's own lines, or of another format the least that is valid."""
    where = conllu.column_of(column)
    if sentence.lines and not sentence.delimiter:
        lines = list(sentence.lines)
        for place, tag in zip(sentence.rows, tags, strict=True):
            lines[place] = "\t".join(where.written(lines[place].split("\t"), tag))
        return "".join(f"{line}\n" for line in lines)
    starts = {start for start, _ in sentence.offsets}
    rows = []
    for number, (word, tag) in enumerate(zip(sentence.words, tags, strict=True), 1):
        row = [str(number), word, *["_"] * (conllu.COLUMNS - 2)]
        if sentence.offsets and sentence.offsets[number - 1][1] in starts:
            row[-1] = "SpaceAfter=No"
        rows.append("\t".join(where.written(row, tag)))
    text = sentence.text or " ".join(sentence.words)
    return "\n".join([f"# sent_id = {sentence.line}", f"# text = {text}", *rows]) + "\n\n"


def as_tsv(sentence: Untagged, tags: Sequence[str], column: str) -> str:
    """Return a line for each word, the file's own or the word alone, with its tag behind; and a blank line."""
    if sentence.delimiter:
        lines = list(sentence.lines)
        for place, tag in zip(sentence.rows, tags, strict=True):
            lines[place] += sentence.delimiter + tag
        lines = [f"{line}{sentence.delimiter}O" if line.startswith(columns.DOCUMENT) else line for line in lines]
        return "".join(f"{line}\n" for line in lines)
    rows = [f"{word}\t{tag}\n" for word, tag in zip(sentence.words, tags, strict=True)]
    return "".join([*rows, "\n"]) if rows else ""


def as_jsonl(sentence: Untagged, tags: Sequence[str], column: str) -> str:
    """Return one JSON object with tags: the file's own, or line and words, of split text also offsets."""
    if not sentence.words:
        return ""
    values = sentence.given
    if values is None:
        split = {"text": sentence.text, "offsets": sentence.offsets} if sentence.offsets else {}
        values = {"line": sentence.line, "words": sentence.words, **split}
    return json.dumps({**values, column: list(tags)}, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Untagged, Sequence[str], str], str]] = {
    "conllu": as_conllu, "tsv": as_tsv, "jsonl": as_jsonl,
}  # fmt: skip
DEFAULT_FORMAT = {"conllu": "conllu", "text": "tsv", "columns": "tsv", "jsonl": "jsonl"}
