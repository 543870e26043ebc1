"""WikiANN in the layout of Rahimi et al. (2019): `code:token<TAB>TAG`, a blank line after each sentence, IOB2.

The prefix of the first token is the file's: every line must start with it, and it alone is stripped, so that a
token may hold or be a colon. A token with nothing after its prefix stays, as an empty word: taking it out could
cut an entity in two, and would number the words differently from the hub's copy.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from hxbench.data.readers.labels import Labels
from hxbench.data.readers.lines import Options, Row, counted, fault, numbered_lines, quoted
from hxbench.data.readers.tables import read_parquet
from hxbench.errors import InputError

KIND = "a WikiANN"
_PREFIX = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*:", re.ASCII)  # en: zh-yue: be-x-old: simple:
NER_TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")


def is_line(line: str) -> bool:
    return line.count("\t") == 1 and _PREFIX.match(line) is not None


def read_wikiann(path: Path, options: Options | None = None) -> Iterator[Row]:
    """Yield the sentences in file order: columns `words` and `tags`, two lists of one length.

    The labels known are those of the suite unless `options` have others. Raises `InputError` with file, line and
    expectation for a line that is not a token and a tag, a missing or different prefix, and an unknown label.
    """
    labels = _labels(path, options)
    words: list[str] = []
    tags: list[tuple[int, str]] = []
    prefix, start = "", 1
    found = False
    for number, line in numbered_lines(path, KIND):
        if not line.strip():
            if words:
                yield start, {"words": words, "tags": labels.of(tags)}
                found = True
            words, tags = [], []
            continue
        columns = line.split("\t")
        if len(columns) != 2:
            raise fault(path, number, counted(len(columns), "column"), "a token and a tag separated by one tab")
        token, tag = columns
        if not prefix:
            match = _PREFIX.match(token)
            if match is None:
                raise fault(path, number, f"no language prefix in {quoted(token)}", "a token such as en:word")
            prefix = match[0]
        if not token.startswith(prefix):
            raise fault(path, number, f"token {quoted(token)}", f"the prefix {prefix} of the lines before")
        start = start if words else number
        words.append(token[len(prefix) :])
        tags.append((number, tag))
    if words:
        yield start, {"words": words, "tags": labels.of(tags)}
    elif not found:
        raise InputError(f"{path} holds no sentence; expected {KIND} file with at least one.")


def read_wikiann_parquet(path: Path, options: Options | None = None) -> Iterator[Row]:
    """Yield the sentences of the hub's copy (columns `tokens` and `ner_tags`, 0 to 6) as `read_wikiann` does."""
    labels = _labels(path, options)
    for number, row in read_parquet(path, Options(columns=("tokens", "ner_tags"))):
        words, ids = row["tokens"], row["ner_tags"]
        if len(words) != len(ids) or any(not 0 <= one < len(NER_TAGS) for one in ids):
            raise InputError(f"{path}: tags {ids} for {len(words)} tokens; expected one of 0 to 6 for each.")
        yield number, {"words": words, "tags": labels.of([(number, NER_TAGS[one]) for one in ids])}


def _labels(path: Path, options: Options | None) -> Labels:
    options = options or Options()
    return Labels(path, options if options.labels else replace(options, labels=NER_TAGS))
