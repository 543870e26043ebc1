"""Texts → the tokens that a tokenizer makes of them: the one way in, so that data stay data.

A text may spell a control mark (`</s>`, `[SEP]`, `<extra_id_0>`). A tokenizer takes such marks out of a text
before its model sees it, and a model whose vocabulary lists them finds them in words, too; its own switch against
that (`split_special_tokens`) stops the first alone. So texts go through a copy of the tokenizer in which the marks
have names that no text can spell. All ids stay, and a text without marks gives the same tokens as ever.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

from hxbench.errors import InputError

_SPACES = "▁Ġ"  # how SentencePiece and byte-level BPE write a space
_SENTINEL = "<extra_id_{}>"  # a mark even where a tokenizer has it among its words, as mT5's


@dataclass(frozen=True)
class Marks:
    """What a tokenizer puts around texts: ids before the first, between two and behind the last."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]


def tokens_of(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Return the token ids of every text, without special ones; `InputError` without a fast tokenizer."""
    return [
        encoded.ids for encoded in reader_of(tokenizer).plain.encode_batch_fast(texts, add_special_tokens=False)
    ]


def tokens_of_words(tokenizer: Any, sentences: list[list[str]]) -> list[tuple[list[int], list[int]]]:
    """Return for every sentence the token ids of its words, and for each token the place of its word.

    A word behind another is read with the space before it where the tokenizer has that in the word's tokens.
    """
    reader = reader_of(tokenizer)
    if reader.spaced:
        sentences = [[*words[:1], *(f" {word}" for word in words[1:])] for words in sentences]
    # its fast form leaves out which word a token is of
    encoded = reader.plain.encode_batch(sentences, is_pretokenized=True, add_special_tokens=False)
    return [(one.ids, one.word_ids) for one in encoded]


def marks_around(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the marks before and behind a sentence: cls and sep, or as a decoder's what opens a text and none."""
    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    return (reader_of(tokenizer).opening, ()) if first is None or last is None else ((first,), (last,))


class Reader:
    """A tokenizer as texts go through it; `fingerprint` is a short hash of everything that it does."""

    def __init__(self, tokenizer: Any) -> None:
        backend: Any = getattr(tokenizer, "backend_tokenizer", None)
        if not hasattr(backend, "to_str"):
            raise InputError(
                "the backbone's tokenizer has no fast form (tokenizer.json), by which alone texts are read here."
            )
        state = json.loads(backend.to_str())
        # left over from the last call: not what the tokenizer is, and every call sets them anew
        del state["truncation"], state["padding"]
        self.fingerprint = hashlib.sha256(json.dumps(state, ensure_ascii=False).encode()).hexdigest()[:16]
        self.plain = _without_marks(state, set(tokenizer.all_special_tokens))
        self._backend = backend
        self._named = tokenizer.cls_token_id, tokenizer.sep_token_id

    @cached_property
    def blank(self) -> frozenset[int]:
        """The ids of the tokens that stand for white space alone: SentencePiece's `▁`, byte-level BPE's `Ġ`."""
        vocabulary = self._backend.get_vocab(with_added_tokens=False)
        return frozenset(number for token, number in vocabulary.items() if token and not token.strip(_SPACES))

    @cached_property
    def spaced(self) -> bool:
        """Whether a word's tokens hold the space before it, as byte-level BPE's do that adds none by itself.

        RoBERTa's and ModernBERT's are such ones. WordPiece drops spaces, SentencePiece puts one before any word.
        """
        read = lambda words: self.plain.encode(words, is_pretokenized=True, add_special_tokens=False).ids  # noqa: E731
        running = self.plain.encode("a b", add_special_tokens=False).ids
        return bool(read(["a", "b"]) != running == read(["a", " b"]))

    @cached_property
    def _some(self) -> Any:
        """Some text, encoded: one that has tokens."""
        some = next(text for text in chain("a1.", self._backend.get_vocab()) if self.plain.encode(text).ids)
        return self.plain.encode(some)

    @cached_property
    def opening(self) -> tuple[int, ...]:
        """The marks that the tokenizer's own template puts before a single text, as Gemma's `<bos>`."""
        template = self._backend.post_processor
        if template is None:
            return ()
        single = template.process(self._some)
        return tuple(single.ids[: next(n for n, text in enumerate(single.sequence_ids) if text is not None)])

    @cached_property
    def marks(self) -> Marks:
        """The marks of the tokenizer's own template for pairs, else those that it calls cls and sep.

        BERT has `[CLS] a [SEP] b [SEP]`, RoBERTa and XLM-R `<s> a </s></s> b </s>`; `InputError` where there are
        none.
        """
        one = self._some
        # the template alone: the tokenizer's own `post_process` also cuts and pads, where its file says so
        if template := self._backend.post_processor:
            pair = template.process(one, one)
            places = [place for place, text in enumerate(pair.sequence_ids) if text is not None]
            middle = next(place for place in places if pair.sequence_ids[place] == 1)
            before, after = pair.ids[: places[0]], pair.ids[places[-1] + 1 :]
            between = pair.ids[places[0] + len(one.ids) : middle]
            if before and between and after:
                return Marks(tuple(before), tuple(between), tuple(after))
        first, apart = self._named
        if first is None or apart is None:
            raise InputError(
                "the backbone's tokenizer has no special tokens around texts (cls_token and sep_token, as BERT)."
            )
        return Marks((first,), (apart,), (apart,))


_readers: "WeakKeyDictionary[Any, Reader]" = WeakKeyDictionary()  # a large vocabulary takes seconds


def reader_of(tokenizer: Any) -> Reader:
    """Return how texts go through a tokenizer; `InputError` for one without a fast form."""
    if tokenizer not in _readers:
        _readers[tokenizer] = Reader(tokenizer)
    return _readers[tokenizer]


def _without_marks(state: Mapping[str, Any], named: Iterable[str]) -> Any:
    """Return the tokenizer of this state with unspeakable names for its marks, and no template.

    Marks are what the tokenizer declares to be special or calls by a role (`named`), and the sentinels. A word
    that somebody added to a vocabulary is none.
    """
    from tokenizers import Tokenizer

    model = state["model"]
    listed = isinstance(model["vocab"], list)  # of a unigram model
    tokens = {token for token, _ in model["vocab"]} if listed else set(model["vocab"])
    added = [token["content"] for token in state["added_tokens"]]
    marks = {token["content"] for token in state["added_tokens"] if token["special"]} | set(named)
    known = tokens.union(added)
    number = 0
    while (sentinel := _SENTINEL.format(number)) in known:
        marks.add(sentinel)
        number += 1
    secret = secrets.token_hex(16)
    names = {mark: f"{secret} {place}" for place, mark in enumerate(sorted(marks))}
    model = {**model}
    if listed:
        model["vocab"] = [[names.get(token, token), score] for token, score in model["vocab"]]
    else:
        model["vocab"] = {names.get(token, token): number for token, number in model["vocab"].items()}
    if model.get("unk_token") is not None:
        model["unk_token"] = names.get(model["unk_token"], model["unk_token"])
    if "merges" in model:
        model["merges"] = [merge for merge in model["merges"] if not _makes_one_of(marks, merge)]
    added_tokens = [
        {**token, "content": names.get(token["content"], token["content"])} for token in state["added_tokens"]
    ]
    changed = {
        "model": model,
        "added_tokens": added_tokens,
        "post_processor": None,
        "truncation": None,
        "padding": None,
    }
    return Tokenizer.from_str(json.dumps({**state, **changed}, ensure_ascii=False))


def _makes_one_of(marks: set[str], merge: str | list[str]) -> bool:
    """Return whether a merge of two tokens has a mark for one of them or for its result."""
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return bool(marks & {left, right, left + right})
