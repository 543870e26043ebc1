"""Short documents about one person, and the one sentence that sums them up (XSUM)."""

from dataclasses import replace

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.events import Being, Event, Taste, draw_being, draw_event
from hxbench.sandbox.english.lexicon import INTRANSITIVE, PLACES, TIMES, VERBS
from hxbench.sandbox.english.wording import noun_phrase, say, sentence
from hxbench.sandbox.randomness import Draws

_STATES = lexicon.adjectives_of("person")
_RESTFUL = tuple(verb for verb in INTRANSITIVE if "person" in VERBS[verb].agents)


def _aside(pronoun: str, draws: Draws) -> str:
    """Return a sentence that no summary needs."""
    if draws.chance(0.35):
        return sentence([pronoun, "was", draws.pick(("very", "really", "so")), draws.pick(_STATES)])
    where = draws.pick(PLACES if draws.chance(0.6) else TIMES)
    return sentence([pronoun, lexicon.past(draws.pick(_RESTFUL)), *where.split()])


def _deed(being: Being, draws: Draws) -> Event:
    """Return the event a document is about."""
    while True:
        event = draw_event(draws, Taste(name=0.1, place=0.5, time=0.0, intransitive=0.0, adjective=0.2))
        frame = VERBS[event.verb]
        if "person" not in frame.agents or event.patient is None:
            continue
        if lexicon.meaning(event.patient.noun) == lexicon.meaning(being.noun):
            continue
        return replace(event, agent=being)


def summary(draws: Draws) -> tuple[str, str]:
    """Return a document of three to six sentences and its summary.

    The first sentence says who it is about and where, one of the others what happened; the summary joins the two.
    """
    being = draw_being(draws, ("person",), Taste(name=0.0, plural=0.0, adjective=0.7))
    pronoun = lexicon.pronoun(being.noun) or draws.pick(("he", "she"))
    being = replace(being, article="a")
    deed = _deed(replace(being, article="the"), draws)
    home = draws.pick([place for place in PLACES if place != deed.place])
    opening = sentence([*noun_phrase(being), lexicon.past(draws.pick(_RESTFUL)), *home.split()])
    told = say(deed).removeprefix(" ".join(noun_phrase(deed.agent)))
    others = [pronoun + told]
    count = 2 + draws.chance(0.5) + draws.chance(0.25) + draws.chance(0.1)
    while len(others) < count:
        aside = _aside(pronoun, draws)
        if aside not in others:
            others.insert(int(draws.uniform() * (len(others) + 1)), aside)
    return " ".join([opening, *others]), say(deed)
