"""Duplicates are questions that want one thing, in two wordings or with synonyms."""

import re

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.requests import duplicates
from hxbench.sandbox.randomness import Draws

_ONE = {lexicon.plural(noun): noun for noun in lexicon.KIND}
_WANTED = {
    "how": r"(?:how (?:can|do) i|what is the way to) (.*) \?",
    "why": r"(?:why do|for what reason do) (.*) \?",
    "should": r"(?:should i|is it good to) (.*) \?",
    "when": r"(?:when|at what time) do (.*) \?",
    "where": r"(?:where can i find|where are) (.*) \?",
}


def _wish(question):
    found = [(name, match[1]) for name, form in _WANTED.items() if (match := re.fullmatch(form, question))]
    assert len(found) == 1, question
    name, rest = found[0]
    return name, [lexicon.meaning(_ONE.get(word, word)) for word in rest.split()]


def test_labels_are_what_the_wordings_say():
    draws = Draws(0, "test")
    seen = set()
    for _ in range(600):
        one, two, label = duplicates(draws)
        assert (_wish(one) == _wish(two)) == (label == "1"), (one, two)
        seen.add(label)
    assert seen == {"0", "1"}
