"""Texts and the few sentences that sum them up.

Documents about one person (XSUM), several articles about the same events (Multi-News), and dialogues (SAMSum).
"""

from dataclasses import replace

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.events import Being, Event, Taste, draw_being, draw_event
from hxbench.sandbox.english.lexicon import INTRANSITIVE, NAMES, PLACES, TIMES, VERBS
from hxbench.sandbox.english.paraphrases import restated
from hxbench.sandbox.english.relations import altered
from hxbench.sandbox.english.reviews import opinion
from hxbench.sandbox.english.wording import noun_phrase, say, sentence
from hxbench.sandbox.randomness import Draws

BETWEEN = " ||||| "  # articles
_SHARED = Taste(name=0.4, place=0.6, time=0.3, intransitive=0.1, adjective=0.2)  # events of all articles
_OWN = Taste(name=0.1, place=0.1, time=0.1, intransitive=0.3)  # of one of them
_DEED = Taste(name=0.0, place=0.4, time=0.0, intransitive=0.0, adjective=0.2)
_SMALL_TALK = (
    ("how are you ?", "what did you do ?"),
    ("i was at home .", "really ?", "yes .", "so what ?", "no ."),
)
_STATES = lexicon.adjectives_of("person")
_RESTFUL = tuple(verb for verb in INTRANSITIVE if "person" in VERBS[verb].agents)


def _told_of(event: Event) -> str:
    """Return the event as a sentence without its agent."""
    return say(event).removeprefix(" ".join(noun_phrase(event.agent)))


def _aside(pronoun: str, draws: Draws) -> str:
    if draws.chance(0.35):
        return sentence([pronoun, "was", draws.pick(("very", "really", "so")), draws.pick(_STATES)])
    where = draws.pick(PLACES if draws.chance(0.6) else TIMES)
    return sentence([pronoun, lexicon.past(draws.pick(_RESTFUL)), *where.split()])


def _deed(being: Being, draws: Draws) -> Event:
    while True:
        event = draw_event(draws, Taste(name=0.1, place=0.5, time=0.0, intransitive=0.0, adjective=0.2))
        frame = VERBS[event.verb]
        if "person" not in frame.agents or event.patient is None:
            continue
        if lexicon.meaning(event.patient.noun) == lexicon.meaning(being.noun):
            continue
        return replace(event, agent=being)


def summary(draws: Draws) -> tuple[str, str]:
    """Return a document of three to six sentences and its summary: who it is about, and what happened."""
    being = draw_being(draws, ("person",), Taste(name=0.0, plural=0.0, adjective=0.7))
    pronoun = lexicon.pronoun(being.noun) or draws.pick(("he", "she"))
    being = replace(being, article="a")
    deed = _deed(replace(being, article="the"), draws)
    home = draws.pick([place for place in PLACES if place != deed.place])
    opening = sentence([*noun_phrase(being), lexicon.past(draws.pick(_RESTFUL)), *home.split()])
    others = [pronoun + _told_of(deed)]
    count = 2 + draws.chance(0.5) + draws.chance(0.25) + draws.chance(0.1)
    while len(others) < count:
        aside = _aside(pronoun, draws)
        if aside not in others:
            others.insert(int(draws.uniform() * (len(others) + 1)), aside)
    return " ".join([opening, *others]), say(deed)


def _other(draws: Draws, taste: Taste, told: list[Event]) -> Event:
    """Return an event of another verb than those told already."""
    known = {lexicon.meaning(event.verb) for event in told}
    while True:
        event = replace(draw_event(draws, taste), negated=False)
        if event.verb and lexicon.meaning(event.verb) not in known:
            return event


def coverage(draws: Draws) -> tuple[str, str]:
    """Return two or three articles, joined as in the release, and their summary: two events they share."""
    shared = [_other(draws, _SHARED, [])]
    shared.append(_other(draws, _SHARED, shared))
    told, articles = list(shared), []
    for _ in range(2 + draws.chance(0.4)):
        own = _other(draws, _OWN, told)
        told.append(own)
        sentences = [restated(event, draws, 0.5) for event in shared]
        if draws.chance(0.3):
            sentences.reverse()
        sentences.insert(int(draws.uniform() * 3), say(own))
        articles.append(" ".join(sentences))
    return BETWEEN.join(articles), " ".join(map(say, shared))


def _own_deed(draws: Draws, who: str) -> Event:
    while True:
        event = draw_event(draws, _DEED)
        if "person" in VERBS[event.verb].agents and event.patient:
            return replace(event, agent=Being(who, article=""), time=draws.pick(TIMES))


def dialogue(draws: Draws) -> tuple[str, str]:
    """Return a dialogue of four to seven lines and its summary: what one of the two tells."""
    one = draws.pick(tuple(NAMES))
    other = draws.pick([name for name in NAMES if name != one])
    deed = _own_deed(draws, one)
    turns = [(other, draws.pick(_SMALL_TALK[0]))]
    if draws.chance(0.5):
        turns.append((one, opinion(draws, draws.chance(0.5))))
        turns.append((other, draws.pick(_SMALL_TALK[1])))
    if draws.chance(0.4) and (guess := altered(deed, "patient", draws)):
        asked = sentence(["did", "you", guess.verb, *noun_phrase(guess.patient), *guess.place.split()], "?")
        turns[-1] = (other, f"{turns[-1][1]} {asked}")
        turns.append((one, f"no , i{_told_of(deed)}"))
    else:
        turns.append((one, f"i{_told_of(deed)}"))
    turns.append((other, draws.pick(_SMALL_TALK[1])))
    if draws.chance(0.4):
        turns.append((one, opinion(draws, draws.chance(0.5))))
    return "\n".join(f"{name}: {said}" for name, said in turns), say(deed)
