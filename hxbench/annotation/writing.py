"""Tagged sentences as text: CoNLL-U, tab-separated columns, JSON lines.

In CoNLL-U a part of speech goes to UPOS (column 4) and a name to MISC (column 10) as `NER=B-PER`, `NER=O` outside
of names; an earlier `NER=` is replaced. Of a CoNLL-U file everything else stays, line for line.
"""

import json
from collections.abc import Callable, Sequence

from hxbench.annotation.reading import Untagged
from hxbench.data.readers.conllu import COLUMNS

_UPOS, _MISC = 3, 9


def _row(columns: Sequence[str], task: str, tag: str) -> str:
    """Return a line of CoNLL-U with the tag in its column."""
    columns = list(columns)
    if task == "pos":
        columns[_UPOS] = tag
    else:
        kept = [
            item for item in columns[_MISC].split("|") if item not in ("_", "") and not item.startswith("NER=")
        ]
        columns[_MISC] = "|".join([*kept, f"NER={tag}"])
    return "\t".join(columns)


def as_conllu(sentence: Untagged, tags: Sequence[str], task: str) -> str:
    """Return the sentence as CoNLL-U: the file's own lines, or of running text the least that is valid."""
    if sentence.lines:
        lines = list(sentence.lines)
        for place, tag in zip(sentence.rows, tags, strict=True):
            lines[place] = _row(lines[place].split("\t"), task, tag)
        return "".join(f"{line}\n" for line in lines)
    rows = [
        _row([str(number), word, *["_"] * (COLUMNS - 2)], task, tag)
        for number, (word, tag) in enumerate(zip(sentence.words, tags, strict=True), 1)
    ]
    return "\n".join([f"# sent_id = {sentence.line}", f"# text = {' '.join(sentence.words)}", *rows]) + "\n\n"


def as_tsv(sentence: Untagged, tags: Sequence[str], task: str) -> str:
    """Return a line of word, tab and tag for each word, and a blank line."""
    rows = [f"{word}\t{tag}\n" for word, tag in zip(sentence.words, tags, strict=True)]
    return "".join([*rows, "\n"]) if rows else ""


def as_jsonl(sentence: Untagged, tags: Sequence[str], task: str) -> str:
    """Return one JSON object: the number of the sentence's first line in the file, its words and their tags."""
    if not sentence.words:
        return ""
    values = {"line": sentence.line, "words": sentence.words, task: list(tags)}
    return json.dumps(values, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Untagged, Sequence[str], str], str]] = {
    "conllu": as_conllu, "tsv": as_tsv, "jsonl": as_jsonl,
}  # fmt: skip
DEFAULT_FORMAT = {"conllu": "conllu", "text": "tsv"}
