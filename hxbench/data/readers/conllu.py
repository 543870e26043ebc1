"""Universal Dependencies: CoNLL-U as a stream of sentences, and the words and UPOS tags in them.

There is one reader of the format: what is trained on, scored and tagged is accepted and refused by the same rules.
Two ways to count words. `skip` (the default) takes the syntactic words 1, 2, 3, …, which is what UD scores.
`keep` is what the loader behind the published Hyper-X code did: it handed on every line of a sentence, so that a
multi-word token (`3-4`, UPOS `_`) stands before its parts, and an empty node (`8.1`) counts with its own UPOS.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hxbench.data.readers.labels import Labels
from hxbench.data.readers.lines import Options, Row, counted, fault, numbered_lines, quoted
from hxbench.errors import InputError, did_you_mean

KIND = "a CoNLL-U"
COLUMNS = 10
WITHHELD = "_"  # the FORM of a word whose text a treebank may not pass on
_NUMBER = "[1-9][0-9]{0,8}"
_WORD = re.compile(_NUMBER)
_RANGE = re.compile(f"({_NUMBER})-({_NUMBER})")
_EMPTY_NODE = re.compile(rf"(0|{_NUMBER})\.{_NUMBER}")
UPOS_TAGS = tuple("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split())
NO_UPOS = "_"  # what a multi-word token has
_WORD_TAGS = frozenset(UPOS_TAGS)
_OTHER_TAGS = _WORD_TAGS | {NO_UPOS}
_PLACES = {"upos": 3, "xpos": 4, "feats": 5, "deprel": 7, "misc": 9}
_MANY = ("feats", "misc")  # columns of several NAME=VALUE
NOTHING = "_"  # what stands in a column without a value


@dataclass
class Sentence:
    """Lines of a file up to the next sentence, as they stand; without rows where they hold comments alone."""

    line: int  # number of the first in the file
    lines: list[str] = field(default_factory=list)
    rows: list[tuple[int, list[str]]] = field(default_factory=list)  # of each word: which of the lines, columns
    last: int = 0  # ID of the last word
    range_line: int = 0  # number of the line of the last multi-word token
    range_end: int = 0  # ID of its last word

    @property
    def words(self) -> list[str]:
        """The words: column 2 as it stands (inner spaces are legal)."""
        return [columns[1] for _, columns in self.rows]


def is_id(text: str) -> bool:
    """Return whether a line of CoNLL-U may begin with this column: 3, 3-4 or 3.1."""
    return any(form.fullmatch(text) for form in (_WORD, _RANGE, _EMPTY_NODE))


def read_sentences(path: Path, multiword: str = "skip") -> Iterator[Sentence]:
    """Yield the sentences of a file in its order; the lines of all together are the file's. Column 4 is not
    checked.

    Raises `InputError` with file, line and expectation for a wrong number of columns, an ID out of order, a multi-
    word token that ends behind its sentence, a word without text (`_` throughout a sentence or a file: it is
    withheld), and a file without sentences.
    """
    sentence = Sentence(1)
    ended = False  # whether a blank line has ended the sentence
    found = spelled = False  # whether the file has words, and one whose text is not withheld
    for number, line in numbered_lines(path, KIND):
        blank = not line.strip()
        if ended and not blank:
            yield sentence
            sentence, ended = Sentence(number), False
        sentence.lines.append(line)
        if blank:
            if not ended:
                spelled |= _check_whole(path, sentence)
            ended = True
        elif not line.startswith("#"):
            _add_row(path, number, line, sentence, multiword == "keep")
            found = found or bool(sentence.rows)
    if not ended:
        spelled |= _check_whole(path, sentence)
    if not found:
        raise InputError(f"{path} holds no sentence; expected {KIND} file with at least one.")
    if not spelled:
        raise InputError(f"{path}: every word (column 2) is {WITHHELD}, its text withheld; expected words.")
    if sentence.lines:
        yield sentence


@dataclass(frozen=True)
class Column:
    """Where labels are: a column by its place, or one name of those in FEATS or MISC."""

    place: int
    name: str = ""

    def value(self, columns: Sequence[str]) -> str:
        """Return what a word has there, `_` for nothing."""
        if not self.name:
            return columns[self.place]
        pairs = (item.partition("=") for item in columns[self.place].split("|"))
        return next((value for name, _, value in pairs if name == self.name), NOTHING)

    def written(self, columns: Sequence[str], value: str) -> list[str]:
        """Return the columns with a value there, in place of an earlier one."""
        found = list(columns)
        if self.name:
            items = (item for item in columns[self.place].split("|") if item not in (NOTHING, ""))
            kept = [item for item in items if item.partition("=")[0] != self.name]
            value = "|".join([*kept, f"{self.name}={value}"])
        found[self.place] = value
        return found


def column_of(text: str, where: str = "") -> Column:
    """Return the column called `upos`, `xpos`, `deprel`, `feats.NAME` or `misc.NAME`; `InputError` for another."""
    place, dot, name = text.partition(".")
    place = place.lower()
    if place not in _PLACES:
        known = ["upos", "xpos", "deprel", "feats.", "misc."]
        raise InputError(where + did_you_mean("column of CoNLL-U", text, known))
    if (place in _MANY) != bool(name) or bool(dot) != bool(name) or set(name) & set("=|\t\n "):
        shown = f"{place}.NAME, as {place}.{'Case' if place == 'feats' else 'NER'}" if place in _MANY else place
        raise InputError(f"{where}column of CoNLL-U {quoted(text)}: expected {shown}.")
    return Column(_PLACES[place], name)


def read_conllu(path: Path, options: Options | None = None) -> Iterator[Row]:
    """Yield the sentences in file order: columns `words` and `tags` (UPOS, or as `options.tags` says).

    Raises `InputError` as `read_sentences` and `Labels.of` do, for an unknown UPOS unless `options` know others,
    and for a word without a value, where `_` is no label.
    """
    options = options or Options()
    column, labels = column_of(options.tags or "upos", f"{path}: "), Labels(path, options)
    named = f"no {options.tags}" if column.name else ""
    is_upos = (
        column == Column(_PLACES["upos"]) and not options.label_map and _OTHER_TAGS.issuperset(options.labels)
    )
    for sentence in read_sentences(path, options.multiword):
        for place, line in enumerate(sentence.lines if is_upos else ()):
            _check_tag(path, sentence.line + place, line)
        found = []
        for place, columns in sentence.rows:
            value, number = column.value(columns), sentence.line + place
            if value == NOTHING and named and not labels.takes(NOTHING):
                raise fault(
                    path, number, f"{named} of {quoted(columns[1])}", f"one, or {NOTHING} among the labels"
                )
            found.append((number, value))
        if found:
            yield sentence.line, {"words": sentence.words, "tags": labels.of(found)}


def _add_row(path: Path, number: int, line: str, sentence: Sentence, keep: bool) -> None:
    """Add the line last put into a sentence to its words, if it counts as one; raise for one that is broken."""
    columns = line.split("\t")
    if len(columns) != COLUMNS:
        hint = " and a carriage return among them" if "\r" in line else ""
        raise fault(path, number, counted(len(columns), "column") + hint, f"{COLUMNS} columns separated by tabs")
    token, form = columns[:2]
    is_word = _WORD.fullmatch(token) is not None
    _check_id(path, number, token, sentence, is_word)
    if is_word or keep:
        if not form.strip():
            raise fault(path, number, "the word (column 2) is empty", "a word")
        sentence.rows.append((len(sentence.lines) - 1, columns))
    sentence.last += is_word


def _check_id(path: Path, number: int, token: str, sentence: Sentence, is_word: bool) -> None:
    """Raise unless ID `token` may follow in the sentence."""
    last = sentence.last
    if is_word:
        if int(token) != last + 1:
            hint = " (a blank line must stand between sentences)" if token == "1" else ""
            raise fault(path, number, f"ID {token}{hint}", f"word ID {last + 1}")
    elif span := _RANGE.fullmatch(token):
        first, end = int(span[1]), int(span[2])
        if first != last + 1 or end < first:
            raise fault(path, number, f"multi-word ID {token}", f"one that starts at word {last + 1}")
        if first <= sentence.range_end:
            raise fault(path, number, f"multi-word ID {token}", f"one behind word {sentence.range_end}")
        sentence.range_line, sentence.range_end = number, end
    elif node := _EMPTY_NODE.fullmatch(token):
        if int(node[1]) != last:
            raise fault(path, number, f"empty-node ID {token}", f"one after word {last}, such as {last}.1")
    else:
        raise fault(path, number, f"bad ID {quoted(token)}", "an ID such as 3, 3-4 or 3.1")


def _check_whole(path: Path, sentence: Sentence) -> bool:
    """Return whether a sentence holds a word with its text; raise for one that is cut or withheld."""
    if sentence.range_end > sentence.last:
        found = f"a multi-word token that ends at word {sentence.range_end}"
        raise fault(path, sentence.range_line, found, f"one that ends in its sentence, of {sentence.last} words")
    # one such word may be a sentence that says no more
    spelled = any(columns[1] != WITHHELD for _, columns in sentence.rows)
    if not spelled and sentence.last > 1:
        number = sentence.line + sentence.rows[0][0]
        raise fault(path, number, f"every word (column 2) is {WITHHELD}, its text withheld", "words")
    return spelled


def _check_tag(path: Path, number: int, line: str) -> None:
    """Raise for a row whose UPOS is none; blank lines and comments pass."""
    if line.startswith("#") or not line.strip():
        return
    token, _, _, tag, _ = line.split("\t", 4)
    if tag not in (_WORD_TAGS if _WORD.fullmatch(token) else _OTHER_TAGS):
        raise fault(path, number, f"unknown UPOS {quoted(tag)}", f"one of {' '.join(UPOS_TAGS)}")
