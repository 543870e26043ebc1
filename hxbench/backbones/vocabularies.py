"""Vocabularies of our own: WordPiece as BERT's, byte pairs as BLOOM's, unigram tokens as T5's.

The same lines give the same vocabulary, in whatever order they come. The library's trainers alone would not: they
number characters in the random order of a hash map, or break ties by the order of the lines.
"""

from collections import Counter
from collections.abc import Iterable
from math import log
from typing import Any

from hxbench.errors import InputError

# BERT's marks; those of the two others
MARKS = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"
SENTINELS = tuple(f"<extra_id_{i}>" for i in range(32))  # of span corruption
PREFIX = "##"  # of a WordPiece that goes on with a word
ALPHABET = 4  # a vocabulary of n tokens has at most n / 4 single characters
ALWAYS = "▁0123456789."  # characters of a T5 vocabulary whatever the text: targets are numbers
BYTES = 256
SMALLEST_BLOOM, SMALLEST_T5 = BYTES + 2, 100  # tokens, marks and sentinels included
_UNUSED = 0.5  # uses of a token that only led to longer ones: an unseen word may need it
_ROUNDED = 4  # decimals of a log-probability: the last digit of a logarithm differs between machines


def train_wordpiece(lines: Iterable[str], size: int) -> Any:
    """Return a fast tokenizer whose vocabulary of at most `size` tokens was learned from `lines`.

    It is cased and splits at white space, punctuation and Han characters. The trainer gets single characters in
    order, as it breaks ties between merges by their numbers; a word with a character that has none is unknown.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    def around(model: Any) -> Any:
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        return tokenizer

    learner = around(models.WordPiece(unk_token=MARKS["unk_token"]))
    words: Counter[str] = Counter()
    for line in lines:
        text = learner.normalizer.normalize_str(line)
        words.update(word for word, _ in learner.pre_tokenizer.pre_tokenize_str(text))
    counts = sorted(words.items())
    starting = sorted(_frequent(counts, size // ALPHABET))
    following = sorted({character for word in words for character in word[1:]}.intersection(starting))
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        # the only tokens whose numbers the trainer leaves alone
        special_tokens=[*MARKS.values(), *(PREFIX + character for character in following)],
        initial_alphabet=starting,
        limit_alphabet=len(starting),
        continuing_subword_prefix=PREFIX,
        min_frequency=2,
        show_progress=False,
    )
    learner.train_from_iterator((" ".join([word] * count) for word, count in counts), trainer)
    # once more around the vocabulary alone, in which those tokens are ordinary ones
    tokenizer = around(models.WordPiece(vocab=learner.get_vocab(), unk_token=MARKS["unk_token"]))
    tokenizer.decoder = decoders.WordPiece(prefix=PREFIX)
    cls, sep = MARKS["cls_token"], MARKS["sep_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (cls, sep)],
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **MARKS)


def _frequent(counts: list[tuple[str, int]], most: int) -> set[str]:
    """Return the `most` frequent characters of words with their counts."""
    found: Counter[str] = Counter()
    for word, count in counts:
        for character in word:
            found[character] += count
    return set(sorted(sorted(found), key=lambda character: -found[character])[:most])


def train_byte_pairs(lines: Iterable[str], size: int) -> Any:
    """Return a fast tokenizer of at most `size` tokens learned from `lines`; it adds no mark to a text by itself.

    Ids: padding, end, the bytes, so that no text has an unknown token, then the merges in the order they were
    learned. White space belongs to the word behind it; digits are tokens by themselves. Unlike BLOOM's it fills up
    on the left by its own setting and has no beginning mark. Raises `InputError` for a vocabulary too small to
    hold every byte.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if size < SMALLEST_BLOOM:
        raise InputError(f"a BLOOM vocabulary of {size} tokens is too small; expected at least {SMALLEST_BLOOM}.")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=2,
        show_progress=False,
    )
    # in alphabetical order: which of two equally frequent pairs is merged first goes by order
    tokenizer.train_from_iterator(sorted(lines), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, padding_side="left")


def train_unigram(lines: Iterable[str], size: int) -> Any:
    """Return a fast tokenizer of at most `size` tokens learned from `lines`; it ends every text with `</s>`.

    Ids as in T5: padding, end, unknown, the tokens from the most probable down, and last the sentinels, of which
    `<extra_id_0>` has the highest id. A word's token has `▁` for the white space before it; digits are tokens by
    themselves. Words with a character that has no token are not learned from.

    The tokens are found by byte-pair merges and then weighed by how often they are used: the library's trainer for
    unigram models numbers and scores them in the random order of a hash map, and where there are only some hundred
    words it leaves most of those in bits. Raises `InputError` for a vocabulary too small to hold what it must.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    if size < SMALLEST_T5:
        raise InputError(f"a T5 vocabulary of {size} tokens is too small; expected at least {SMALLEST_T5}.")

    def around(model: Any) -> Any:
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.WhitespaceSplit(),
                pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always"),
                pre_tokenizers.Digits(individual_digits=True),
            ]
        )
        return tokenizer

    marks = (PAD, END, UNKNOWN)
    learner = around(models.BPE())
    words: Counter[str] = Counter()
    for line in lines:
        words.update(learner.normalizer.normalize_str(line).split())  # without the mark before a word
    counts = sorted(words.items())
    alphabet = _frequent(counts, size // ALPHABET).union(ALWAYS)
    learnt = [(word, count) for word, count in counts if alphabet.issuperset(word)]
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(marks) - len(SENTINELS),
        initial_alphabet=sorted(alphabet),
        min_frequency=2,
        show_progress=False,
    )
    learner.train_from_iterator((" ".join([word] * count) for word, count in learnt), trainer)
    tokens = _scored(learner, learnt)
    vocabulary = [*((name, 0.0) for name in marks), *tokens, *((name, 0.0) for name in reversed(SENTINELS))]
    tokenizer = around(models.Unigram(vocabulary, unk_id=marks.index(UNKNOWN)))
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", pair=f"$A {END} $B {END}", special_tokens=[(END, marks.index(END))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, unk_token=UNKNOWN,
        additional_special_tokens=list(SENTINELS),
    )  # fmt: skip


def sentinel_ids(tokenizer: Any) -> list[int]:
    """Return the ids of `<extra_id_0>`, `<extra_id_1>` and so on, as many as the vocabulary has."""
    found: list[int] = []
    vocabulary = tokenizer.get_vocab()
    while (name := f"<extra_id_{len(found)}>") in vocabulary:
        found.append(vocabulary[name])
    return found


def _scored(learner: Any, counts: list[tuple[str, int]]) -> list[tuple[str, float]]:
    """Return the tokens that were learned with their log-probabilities, the most probable first."""
    uses = Counter(dict.fromkeys(learner.get_vocab(), 0.0))
    for word, count in counts:
        for token in learner.encode(word).tokens:
            uses[token] += count
    total = sum(uses.values()) + _UNUSED * len(uses)
    scores = {
        token: round(log((used + _UNUSED) / total), _ROUNDED)
        for token, used in uses.items()
        if token not in (PAD, END, UNKNOWN, *SENTINELS)  # a text may spell a mark: no second one of that name
    }
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
