"""Paraphrases mean the same, scores follow the roles, and duplicates are questions that want one thing."""

import re
from dataclasses import replace

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.events import Being, Event
from hxbench.sandbox.english.paraphrases import different, duplicates, likeness, paraphrase, restated
from hxbench.sandbox.randomness import Draws

EVENT = Event(Being("dog"), "love", Being("car"), place="in town")
_BASE = {form: verb for verb in lexicon.VERBS for form in (lexicon.past(verb), lexicon.present(verb))}
_ONE = {lexicon.plural(noun): noun for noun in lexicon.KIND} | {"an": "a"}


def _content(sentence):
    """The meanings in a sentence, whatever their order and form."""
    words = [_ONE.get(word, _BASE.get(word, word)) for word in sentence.split()]
    dropped = {"was", "were", "by", "did", "do", "does", "is", "are", ",", "."}
    return sorted(lexicon.meaning(word) for word in words if word not in dropped)


def test_paraphrases_have_the_same_content_and_others_mostly_not():
    draws = Draws(0, "test")
    same = {"0": [], "1": []}
    for _ in range(1500):
        one, two, label = paraphrase(draws)
        same[label].append(_content(one) == _content(two))
    assert all(same["1"])
    # Who did it to whom may be all the difference.
    assert 0 < sum(same["0"]) < 0.2 * len(same["0"])


def test_restating_changes_words_only():
    draws = Draws(0, "test")
    said = {restated(EVENT, draws) for _ in range(1500)}
    assert "in town , the automobile was adored by the hound ." in said
    assert {tuple(_content(text)) for text in said} == {tuple(_content("the dog loved the car in town ."))}


def test_another_event_is_never_the_same():
    draws = Draws(0, "test")
    for _ in range(300):
        other = different(EVENT, draws)
        assert other.negated or likeness(EVENT, other) < 5


def test_likeness_of_known_pairs():
    assert likeness(EVENT, EVENT) == 5
    assert likeness(EVENT, replace(EVENT, agent=Being("hound"), verb="adore")) == 5
    # agent 1, verb 1.5, patient 1 and place 0.5: without the place 3.5 / 4 of 5
    assert likeness(EVENT, replace(EVENT, place="")) == 4.4
    assert likeness(EVENT, replace(EVENT, verb="hate")) == 3.2
    assert likeness(EVENT, replace(EVENT, negated=True)) == 3.0
    assert likeness(EVENT, Event(Being("king"), "cook", Being("cake"))) == 0


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
