"""Words and tags → tokens and their labels, kept as Arrow on disk so that nothing is tokenised twice."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from hxbench import places
from hxbench.data.arrow import batches, cached
from hxbench.tasks.encoding.masking import IGNORED
from hxbench.tasks.encoding.tokenizing import marks_around, reader_of, tokens_of, tokens_of_words

VERSION = 2  # of the encoding: part of every cache's fingerprint


def align(tokenizer: Any, sentences: list[list[str]]) -> Iterator[tuple[list[int], list[int]]]:
    """Yield (token ids, word index of each token) for every sentence, special tokens left out.

    A word that the tokenizer makes nothing of (a lone control character, say) becomes the unknown token, or where
    there is none the end token, so that every word has a first token and none drops out of the score.
    """
    named = tokenizer.unk_token_id, tokenizer.eos_token_id
    unknown: Any = next((number for number in named if number is not None), None)
    for words, encoded in zip(sentences, tokens_of_words(tokenizer, sentences), strict=True):
        tokens: list[int] = []
        owners: list[int] = []
        for token, word in [*zip(*encoded, strict=True), (None, len(words))]:
            lost = range(owners[-1] + 1 if owners else 0, word)
            tokens += [unknown] * len(lost)
            owners += lost
            if token is not None:
                tokens.append(token)
                owners.append(word)
        yield tokens, owners


def windows(owners: list[int], room: int) -> list[tuple[int, int]]:
    """Return token ranges of at most `room` tokens that start at word starts and together hold every first token.

    A single word of more than `room` tokens keeps its first `room`.
    """
    if not owners:
        return []
    first = [i for i, word in enumerate(owners) if i == 0 or word != owners[i - 1]]
    ends = [*first[1:], len(owners)]
    ranges: list[tuple[int, int]] = []
    start = 0
    for begin, end in zip(first, ends, strict=True):
        if end - start > room and begin > start:
            ranges.append((start, min(begin, start + room)))
            start = begin
    ranges.append((start, min(len(owners), start + room)))
    return ranges


def last_tokens(owners: list[int]) -> list[int]:
    """Return the place of the last token of every word that some tokens are of."""
    return [place for place, word in enumerate(owners) if owners[place + 1 : place + 2] != [word]]


def labelled_tokens(tokens: list[int], owners: list[int], blank: frozenset[int]) -> list[int]:
    """Return the place of the token of every word that carries its label: its first one that is not `blank`.

    A word of nothing but blank tokens is labelled at its first.
    """
    places: list[int] = []
    for place, word in enumerate(owners):
        if place == 0 or word != owners[place - 1]:
            places.append(place)
        elif tokens[places[-1]] in blank and tokens[place] not in blank:
            places[-1] = place
    return places


def encode_tagged(
    batch: dict[str, list[Any]],
    rows: list[int],
    tokenizer: Any,
    max_length: int,
    overflow: str,
    label_token: str = "first",
) -> dict[str, list[Any]]:
    """Return model rows for tagged sentences: one token of a word carries its label, the rest -100.

    `label_token` first: its first token; character: its first token that holds a character of it. SentencePiece
    may begin a word with a lone `▁`; for WordPiece the two are the same. last: the last of it that is in the row.

    `overflow` window: a sentence of more than `max_length` tokens gives several rows, so that every word is
    trained on and scored; truncate: it gives one row and the words behind it are cut off.
    """
    blank = reader_of(tokenizer).blank if label_token == "character" else frozenset[int]()
    before, after = marks_around(tokenizer)
    room = max_length - len(before) - len(after)
    out: dict[str, list[Any]] = {"input_ids": [], "labels": [], "sentence": [], "first_word": []}
    for row, tags, (tokens, owners) in zip(rows, batch["tags"], align(tokenizer, batch["words"]), strict=True):
        ranges = windows(owners, room) if overflow == "window" else [(0, min(len(tokens), room))]
        if label_token == "last":
            places = [start + place for start, end in ranges for place in last_tokens(owners[start:end])]
        else:
            places = labelled_tokens(tokens, owners, blank)
        labels = [IGNORED] * len(tokens)
        for place in places:
            labels[place] = tags[owners[place]]
        for start, end in ranges:
            out["input_ids"].append([*before, *tokens[start:end], *after])
            out["labels"].append([IGNORED] * len(before) + labels[start:end] + [IGNORED] * len(after))
            out["sentence"].append(row)
            out["first_word"].append(owners[start] if owners else 0)
    return out


def encode_text(batch: dict[str, list[Any]], tokenizer: Any, max_length: int) -> dict[str, list[Any]]:
    """Return model rows for lines of raw text, cut at `max_length` tokens."""
    lines = tokens_of(tokenizer, batch["text"])
    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    return {"input_ids": [[first, *tokens[: max_length - 2], last] for tokens in lines if tokens]}


def encode(
    dataset: Any,
    fingerprint: str,
    tokenizer: Any,
    *,
    max_length: int,
    overflow: str = "window",
    label_token: str = "first",
) -> Any:
    """Return the tokenised form of a corpus split from the cache, writing it there first when it is not."""
    from datasets import List, Value

    tagged = "tags" in dataset.column_names
    recipe = (
        f"{VERSION} {fingerprint} {reader_of(tokenizer).fingerprint} {max_length} {overflow if tagged else ''}"
    )
    columns = {"input_ids": List(Value("int32"))}
    if tagged and label_token != "first":
        recipe += f" {label_token}"
    if tagged and reader_of(tokenizer).spaced:
        recipe += " spaces"
    if tagged:
        columns |= {"labels": List(Value("int16")), "sentence": Value("int32"), "first_word": Value("int32")}

    def encoded(batch: dict[str, list[Any]], rows: list[int]) -> dict[str, list[Any]]:
        if tagged:
            return encode_tagged(batch, rows, tokenizer, max_length, overflow, label_token)
        return encode_text(batch, tokenizer, max_length)

    return cached_encoding(recipe, columns, dataset, encoded)


def cached_encoding(
    recipe: str,
    columns: dict[str, Any],
    dataset: Any,
    encoded: Callable[[dict[str, list[Any]], list[int]], dict[str, list[Any]]],
) -> Any:
    """Return a data set in its encoded form from the cache, written there first when it is not.

    `recipe` has all that the form depends on; `encoded` gives the columns of some rows, given with their numbers.
    """
    from datasets import Features

    def make() -> Iterator[list[Any]]:
        for batch, rows in batches(dataset):
            found = encoded(batch, rows)
            yield [found[name] for name in columns]

    name = hashlib.sha256(recipe.encode()).hexdigest()[:20]
    return cached(places.cache_dir() / "encoded" / f"{name}.arrow", name, Features(columns), make)
