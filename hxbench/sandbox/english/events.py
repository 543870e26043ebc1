"""What a sentence is about: who did what to whom, where and when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.lexicon import (
    ABOVE,
    HABITS,
    INTRANSITIVE,
    KIND,
    MEMBERS,
    NAMES,
    PLACES,
    TIMES,
    TRANSITIVE,
    VERBS,
)
from hxbench.sandbox.randomness import Draws

Role = Literal["agent", "verb", "patient", "place", "time"]


@dataclass(frozen=True)
class Being:
    """A participant: a noun, perhaps with an adjective, or a name (whose article is empty)."""

    noun: str
    plural: bool = False
    adjective: str = ""
    article: str = "the"

    @property
    def named(self) -> bool:
        return self.noun in NAMES

    @property
    def kind(self) -> str:
        """What it is: person, animal, food, …"""
        return "person" if self.named else KIND[self.noun]

    @property
    def general(self) -> bool:
        """Whether it is the word for a whole kind."""
        return not self.named and ABOVE[self.kind] == self.noun


@dataclass(frozen=True)
class Event:
    """One thing that happens (`verb`), or that is so (`state`, an adjective, with an empty `verb`)."""

    agent: Being
    verb: str = ""
    patient: Being | None = None
    state: str = ""
    place: str = ""
    time: str = ""
    negated: bool = False
    tense: Literal["past", "present"] = "past"

    @property
    def predicate(self) -> str:
        return self.verb or self.state


@dataclass(frozen=True)
class Taste:
    """How often an event has what: probabilities."""

    name: float = 0.1
    general: float = 0.0
    plural: float = 0.15
    adjective: float = 0.08
    place: float = 0.15
    time: float = 0.1
    state: float = 0.0
    intransitive: float = 0.15
    present: float = 0.0
    negated: float = 0.0


def times(tense: str) -> tuple[str, ...]:
    return TIMES if tense == "past" else HABITS


def draw_being(
    draws: Draws, kinds: Sequence[str], taste: Taste, excluded: str = "", article: str = "the"
) -> Being:
    """Return a participant of one of the kinds, of another meaning than the noun `excluded`."""
    kind = draws.pick(kinds)
    if kind == "person" and draws.chance(taste.name):
        return Being(draws.pick([name for name in NAMES if name != excluded]), article="")
    if draws.chance(taste.general) and ABOVE[kind] != excluded:
        noun = ABOVE[kind]
    else:
        avoided = lexicon.meaning(excluded)
        noun = draws.pick([noun for noun in MEMBERS[kind] if lexicon.meaning(noun) != avoided])
    adjective = draws.pick(lexicon.adjectives_of(noun)) if draws.chance(taste.adjective) else ""
    if article != "":
        article = "the" if draws.chance(0.85) else "a"
    return Being(noun, article == "" or draws.chance(taste.plural), adjective, article)


def draw_event(draws: Draws, taste: Taste, article: str = "the") -> Event:
    """Return an event; with `article` empty one about kinds in general (bare plurals)."""
    tense: Literal["past", "present"] = "present" if draws.chance(taste.present) else "past"
    negated = draws.chance(taste.negated)
    place = draws.pick(PLACES) if draws.chance(taste.place) else ""
    time = draws.pick(times(tense)) if draws.chance(taste.time) else ""
    if draws.chance(taste.state):
        kind = draws.pick(tuple(MEMBERS))
        agent = replace(draw_being(draws, (kind,), replace(taste, name=0), article=article), adjective="")
        state = draws.pick(lexicon.adjectives_of(agent.noun))
        return Event(agent, state=state, time=time, negated=negated, tense=tense)
    verb = draws.pick(INTRANSITIVE if draws.chance(taste.intransitive) else TRANSITIVE)
    frame = VERBS[verb]
    agent = draw_being(draws, frame.agents, taste, article=article)
    patient = None
    if frame.patients:
        patient = draw_being(draws, frame.patients, taste, agent.noun, article)
    return Event(agent, verb, patient, place=place, time=time, negated=negated, tense=tense)
