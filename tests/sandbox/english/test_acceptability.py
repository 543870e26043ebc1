"""A second description of the grammar, as one regular expression, must accept what is acceptable, only."""

import re

import pytest

from hxbench.sandbox.english import acceptability, lexicon
from hxbench.sandbox.randomness import Draws


def _one_of(words):
    return "(?:" + "|".join(sorted(map(re.escape, words), key=len, reverse=True)) + ")"


@pytest.fixture(scope="module")
def grammar():
    nouns = list(lexicon.KIND)
    adjective = rf"(?:{_one_of(lexicon.ADJECTIVES)} )?"
    one = rf"(?:(?:the|a|an) {adjective}{_one_of(nouns)}|{_one_of(lexicon.NAMES)})"
    many = rf"(?:(?:the|some) {adjective}{_one_of(map(lexicon.plural, nouns))})"
    either = rf"(?:{one}|{many})"
    when, where = _one_of(lexicon.TIMES), _one_of(lexicon.PLACES)
    intransitive, transitive = lexicon.INTRANSITIVE, lexicon.TRANSITIVE

    def predicates(number):
        be, do = (("was|is", "did|does"), ("were|are", "did|do"))[number]
        now = lexicon.present if number == 0 else str
        for verbs, target in ((transitive, f" {either}"), (intransitive, "")):
            yield _one_of([*map(lexicon.past, verbs), *map(now, verbs)]) + target
            yield rf"(?:{do}) not {_one_of(verbs)}{target}"
        yield rf"(?:{be}) (?:not )?{_one_of(map(lexicon.past, transitive))} by {either}"
        yield rf"(?:{be}) (?:not )?{_one_of(lexicon.ADJECTIVES)}"

    clauses = [f"{subject} (?:{'|'.join(predicates(number))})" for number, subject in enumerate((one, many))]
    clause = "|".join(clauses)
    return re.compile(rf"(?:(?:{when}|{where}) , )?(?:{clause})(?: {where})?(?: {when})? \.")


def test_labels_are_those_of_the_grammar(grammar):
    draws = Draws(0, "test")
    judged = {"0": 0, "1": 0}
    for _ in range(1500):
        sentence, label = acceptability.judgement(draws)
        assert bool(grammar.fullmatch(sentence)) == (label == "1"), (sentence, label)
        judged[label] += 1
    assert min(judged.values()) > 300
