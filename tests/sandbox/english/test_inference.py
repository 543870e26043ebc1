"""A slow reading of what follows from what must agree with the labels."""

from dataclasses import replace

import pytest

from hxbench.sandbox.english import inference, lexicon
from hxbench.sandbox.english.events import Being, Event, draw_event
from hxbench.sandbox.randomness import Draws


def _same(one, two):
    return one == two or lexicon.SYNONYM.get(one) == two


def _being_covers(special, general):
    """Whether what is said of `special` holds of `general`: a dog is an animal, a big dog is a dog."""
    if special is None or general is None:
        return special is general
    nouns = _same(special.noun, general.noun) or general.noun == lexicon.ABOVE.get(lexicon.KIND.get(special.noun))
    adjectives = not general.adjective or _same(special.adjective, general.adjective)
    return nouns and adjectives and special.plural == general.plural


def _covers(special, general):
    """Whether the second event follows from the first, verbs and polarity aside."""
    return (
        _being_covers(special.agent, general.agent)
        and _being_covers(special.patient, general.patient)
        and general.place in ("", special.place)
        and general.time in ("", special.time)
    )


def _opposed(one, two):
    return two.predicate in lexicon.opposites(one.predicate)


def _judge(premise, hypothesis):
    same = _same(premise.predicate, hypothesis.predicate)
    match premise.negated, hypothesis.negated:
        case False, False:
            if _covers(premise, hypothesis):
                return "entailment" if same else "contradiction" if _opposed(premise, hypothesis) else "neutral"
        case True, True:
            if same and _covers(hypothesis, premise):
                return "entailment"
        case False, True:
            if _covers(premise, hypothesis) and (same or _opposed(premise, hypothesis)):
                return "contradiction" if same else "entailment"
        case True, False:
            if same and _covers(hypothesis, premise):
                return "contradiction"
    return "neutral"


@pytest.mark.parametrize("article", ["the", ""])
@pytest.mark.parametrize(
    ("label", "maker"),
    [
        ("entailment", inference.entailing),
        ("contradiction", inference.excluding),
        ("neutral", inference.leaving_open),
    ],
)
def test_premises_have_the_relation_they_are_made_for(label, maker, article):
    draws = Draws(0, "test", label, article)
    for taste in (inference.TASTE, inference.LETTERS):
        for _ in range(300):
            event = draw_event(draws, taste, article)
            premise = maker(event, draws)
            assert _judge(premise, event) == label, (premise, event)


def test_the_reading_itself():
    dog, cat = Being("dog"), Being("cat")
    loved = Event(dog, "love", cat, place="in the park")
    assert _judge(loved, Event(Being("animal"), "adore", cat)) == "entailment"
    assert _judge(Event(Being("animal"), "adore", cat), loved) == "neutral"
    assert _judge(loved, Event(dog, "hate", cat, negated=True)) == "entailment"
    assert _judge(loved, Event(dog, "hate", cat)) == "contradiction"
    assert _judge(loved, Event(cat, "love", dog)) == "neutral"
    assert _judge(replace(loved, place="", negated=True), loved) == "contradiction"


def test_commitment_goes_by_the_attitude():
    draws = Draws(0, "test")
    outcome = {"knew": "entailment", "remembered": "entailment", "denied": "contradiction", "hoped": "neutral"}
    turned = {"entailment": "contradiction", "contradiction": "entailment", "neutral": "neutral"}
    seen = 0
    for _ in range(600):
        premise, hypothesis, label = inference.commitment(draws)
        who, _, said = premise.partition(" that ")
        verb = who.split()[1]
        if verb in outcome:
            seen += 1
            assert label == (outcome[verb] if said == hypothesis else turned[outcome[verb]])
    assert seen > 200
