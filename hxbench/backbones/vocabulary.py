"""A WordPiece vocabulary of our own, as BERT's: cased, split at white space, punctuation and Han characters."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

SPECIAL = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
PREFIX = "##"  # of a token that goes on with a word
ALPHABET = 4  # a vocabulary of n tokens has at most n / 4 single characters; a word with another one is unknown


def train_wordpiece(lines: Iterable[str], size: int) -> Any:
    """Return a fast tokenizer whose vocabulary of at most `size` tokens was learned from `lines`.

    The same lines give the same vocabulary. The trainer alone would not: it numbers single characters in the
    random order of a hash map and breaks ties between merges by those numbers. So it gets them in order.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    def around(model: Any) -> Any:
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        return tokenizer

    learner = around(models.WordPiece(unk_token=SPECIAL["unk_token"]))
    counts = _words(lines, learner)
    starting, following = _alphabet(counts, size // ALPHABET)
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        # the only tokens whose numbers the trainer leaves alone
        special_tokens=[*SPECIAL.values(), *(PREFIX + character for character in following)],
        initial_alphabet=starting,
        limit_alphabet=len(starting),
        continuing_subword_prefix=PREFIX,
        min_frequency=2,
        show_progress=False,
    )
    learner.train_from_iterator((" ".join([word] * count) for word, count in counts), trainer)
    # once more around the vocabulary alone, in which those tokens are ordinary ones
    tokenizer = around(models.WordPiece(vocab=learner.get_vocab(), unk_token=SPECIAL["unk_token"]))
    tokenizer.decoder = decoders.WordPiece(prefix=PREFIX)
    cls, sep = SPECIAL["cls_token"], SPECIAL["sep_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (cls, sep)],
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL)


def _words(lines: Iterable[str], tokenizer: Any) -> list[tuple[str, int]]:
    """Return the words with their counts, in alphabetical order."""
    counts: Counter[str] = Counter()
    for line in lines:
        text = tokenizer.normalizer.normalize_str(line)
        counts.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text))
    return sorted(counts.items())


def _alphabet(counts: list[tuple[str, int]], most: int) -> tuple[list[str], list[str]]:
    """Return the `most` frequent characters, and those of them that occur behind the first place of a word."""
    found: Counter[str] = Counter()
    behind: set[str] = set()
    for word, count in counts:
        behind.update(word[1:])
        for character in word:
            found[character] += count
    kept = sorted(sorted(found), key=lambda character: -found[character])[:most]
    return sorted(kept), sorted(behind.intersection(kept))
