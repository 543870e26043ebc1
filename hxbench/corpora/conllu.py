"""Universal Dependencies: words and UPOS tags from CoNLL-U, read as a stream.

Two ways to count words. `skip` (the default) takes the syntactic words 1, 2, 3, …, which is what UD scores.
`keep` is what the loader behind the published Hyper-X code did: it handed on every line of a sentence, so that a
multi-word token (`3-4`, UPOS `_`) stands before its parts, and an empty node (`8.1`) counts with its own UPOS.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from hxbench.corpora.lines import counted, fault, numbered_lines, quoted
from hxbench.corpora.schema import NO_UPOS, UPOS_TAGS
from hxbench.errors import InputError, did_you_mean

MULTIWORD = ("skip", "keep")
KIND = "a CoNLL-U"
_COLUMNS = 10
_NUMBER = "[1-9][0-9]{0,8}"
_WORD = re.compile(_NUMBER)
_RANGE = re.compile(f"({_NUMBER})-({_NUMBER})")
_EMPTY_NODE = re.compile(rf"(0|{_NUMBER})\.{_NUMBER}")
_WORD_TAGS = frozenset(UPOS_TAGS)
_OTHER_TAGS = _WORD_TAGS | {NO_UPOS}


def read_conllu(path: Path, multiword: str = "skip") -> Iterator[tuple[list[str], list[str]]]:
    """Yield the words and the UPOS tags of each sentence, two lists of one length, in file order.

    Words are column 2 as it stands (inner spaces are legal). Raises `InputError` with file, line and expectation
    for a wrong number of columns, an ID out of order, an empty word, an unknown UPOS, a line that is not UTF-8, a
    file without sentences, a missing file and a directory.
    """
    if multiword not in MULTIWORD:
        raise InputError(did_you_mean("multiword option", multiword, list(MULTIWORD)))
    keep = multiword == "keep"
    words: list[str] = []
    tags: list[str] = []
    last = 0  # ID of the last word of this sentence
    found = False
    for number, line in numbered_lines(path, KIND):
        if not line.strip():
            if words:
                yield words, tags
                found = True
            words, tags, last = [], [], 0
            continue
        if line.startswith("#"):
            continue
        columns = line.split("\t")
        if len(columns) != _COLUMNS:
            raise fault(path, number, counted(len(columns), "column"), f"{_COLUMNS} columns separated by tabs")
        token, form, tag = columns[0], columns[1], columns[3]
        is_word = _WORD.fullmatch(token) is not None
        _check_id(path, number, token, last, is_word)
        if not form:
            raise fault(path, number, "the word (column 2) is empty", "a word")
        if tag not in (_WORD_TAGS if is_word else _OTHER_TAGS):
            raise fault(path, number, f"unknown UPOS {quoted(tag)}", f"one of {' '.join(UPOS_TAGS)}")
        if is_word:
            last += 1
        if is_word or keep:
            words.append(form)
            tags.append(tag)
    if words:
        yield words, tags
    elif not found:
        raise InputError(f"{path} holds no sentence; expected {KIND} file with at least one.")


def _check_id(path: Path, number: int, token: str, last: int, is_word: bool) -> None:
    """Raise unless ID `token` may follow the word `last`."""
    if is_word:
        if int(token) != last + 1:
            hint = " (a blank line must stand between sentences)" if token == "1" else ""
            raise fault(path, number, f"ID {token}{hint}", f"word ID {last + 1}")
    elif span := _RANGE.fullmatch(token):
        if int(span[1]) != last + 1 or int(span[2]) < int(span[1]):
            raise fault(path, number, f"multi-word ID {token}", f"one that starts at word {last + 1}")
    elif node := _EMPTY_NODE.fullmatch(token):
        if int(node[1]) != last:
            raise fault(path, number, f"empty-node ID {token}", f"one after word {last}, such as {last}.1")
    else:
        raise fault(path, number, f"bad ID {quoted(token)}", "an ID such as 3, 3-4 or 3.1")
