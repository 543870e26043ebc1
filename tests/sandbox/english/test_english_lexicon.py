"""Forms and relations of words."""

import pytest

from hxbench.sandbox.english import lexicon


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (lexicon.plural("lady"), "ladies"),
        (lexicon.plural("boy"), "boys"),
        (lexicon.plural("box"), "boxes"),
        (lexicon.plural("woman"), "women"),
        (lexicon.past("carry"), "carried"),
        (lexicon.past("love"), "loved"),
        (lexicon.past("push"), "pushed"),
        (lexicon.present("watch"), "watches"),
        (lexicon.present("cry"), "cries"),
        (lexicon.pronoun("queen"), "she"),
        (lexicon.pronoun("queen", True), "they"),
        (lexicon.pronoun("car"), "it"),
        (lexicon.pronoun("teacher"), ""),
    ],
)
def test_forms(made, wanted):
    assert made == wanted


def test_relations_go_both_ways():
    assert lexicon.SYNONYM
    for word, other in lexicon.SYNONYM.items():
        assert lexicon.SYNONYM[other] == word
        assert lexicon.meaning(word) == lexicon.meaning(other)
        assert other not in lexicon.opposites(word)
    for word in (*lexicon.VERBS, *lexicon.ADJECTIVES):
        assert all(word in lexicon.opposites(other) for other in lexicon.opposites(word))
    assert set(lexicon.opposites("love")) == {"hate", "despise"}


def test_no_form_is_of_two_words():
    """Otherwise a wrong form could be a right one of another word."""
    forms = [*lexicon.KIND, *map(lexicon.plural, lexicon.KIND), *lexicon.ADJECTIVES]
    for verb in lexicon.VERBS:
        forms += [verb, lexicon.past(verb), lexicon.present(verb)]
    assert len(set(forms)) == len(forms)
