"""A pronoun agrees with what it means, and only with that where number, kind or gender decide."""

from collections import Counter

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.senses import reference
from hxbench.sandbox.randomness import Draws

_MANY = {lexicon.plural(noun) for noun in lexicon.KIND}


def _pronouns(span):
    noun = span.split()[-1]
    if noun in _MANY:
        return {"they"}
    if lexicon.KIND[noun] != "person":
        return {"it"}
    if noun in ("boy", "lad", "man", "king"):
        return {"he"}
    return {"she"} if noun in ("girl", "woman", "lady", "queen") else {"he", "she"}


def test_true_spans_agree_with_their_pronoun():
    draws = Draws(0, "test")
    decided = Counter()
    for _ in range(800):
        made = reference(draws)
        fits = made.span2_text in _pronouns(made.span1_text)
        decided[made.label, fits] += 1
    assert not decided[True, False]
    assert decided[True, True] > 300
    assert decided[False, False] > 150  # agreement decides
    assert decided[False, True] > 30  # only what the adjective fits decides
