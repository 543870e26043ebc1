"""A unigram vocabulary of our own, as T5's: tokens of words with `▁` for the white space before a word.

Ids as in T5: padding, end, unknown, the tokens from the most probable down, and last the sentinels of span
corruption, of which `<extra_id_0>` has the highest id.
"""

from collections import Counter
from collections.abc import Iterable
from math import log
from typing import Any

from hxbench.errors import InputError

PAD, END, UNKNOWN = SPECIAL = ("<pad>", "</s>", "<unk>")
SENTINELS = tuple(f"<extra_id_{i}>" for i in range(32))
ALPHABET = (
    4  # a vocabulary of n tokens has at most n / 4 single characters; words with others are not learned from
)
ALWAYS = "▁0123456789."  # whatever the text: targets are numbers
SMALLEST = 100  # tokens, the special ones and the sentinels included
_UNUSED = 0.5  # uses of a token that only led to longer ones: an unseen word may need it
_ROUNDED = 4  # decimals of a log-probability: the last digit of a logarithm differs between machines


def train_unigram(lines: Iterable[str], size: int) -> Any:
    """Return a fast tokenizer of at most `size` tokens learned from `lines`; it ends every text with `</s>`.

    Digits are tokens by themselves. The same lines give the same vocabulary, in whatever order they come. The
    tokens are found by byte-pair merges and then weighed by how often they are used: the library's trainer for
    unigram models numbers and scores them in the random order of a hash map, and where there are only some hundred
    words it leaves most of those in bits. Raises `InputError` for a vocabulary too small to hold what it must.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    if size < SMALLEST:
        raise InputError(f"a T5 vocabulary of {size} tokens is too small; expected at least {SMALLEST}.")

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

    learner = around(models.BPE())
    counts = _words(lines, learner)
    alphabet = _alphabet(counts, size // ALPHABET)
    learnt = [(word, count) for word, count in counts if alphabet.issuperset(word)]
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(SPECIAL) - len(SENTINELS),
        initial_alphabet=sorted(alphabet),
        min_frequency=2,
        show_progress=False,
    )
    learner.train_from_iterator((" ".join([word] * count) for word, count in learnt), trainer)
    tokens = _scored(learner, learnt)
    vocabulary = [*((name, 0.0) for name in SPECIAL), *tokens, *((name, 0.0) for name in reversed(SENTINELS))]
    tokenizer = around(models.Unigram(vocabulary, unk_id=SPECIAL.index(UNKNOWN)))
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", pair=f"$A {END} $B {END}", special_tokens=[(END, SPECIAL.index(END))]
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


def _words(lines: Iterable[str], tokenizer: Any) -> list[tuple[str, int]]:
    """Return the words with their counts, in alphabetical order and without the mark before them."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(tokenizer.normalizer.normalize_str(line).split())
    return sorted(counts.items())


def _alphabet(counts: list[tuple[str, int]], most: int) -> set[str]:
    """Return the `most` frequent characters, and those that are always kept."""
    found: Counter[str] = Counter()
    for word, count in counts:
        for character in word:
            found[character] += count
    return set(sorted(sorted(found), key=lambda character: -found[character])[:most]) | set(ALWAYS)


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
        if token not in (*SPECIAL, *SENTINELS)  # a text may spell a mark: no second one of that name
    }
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
