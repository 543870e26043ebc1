"""Whom does a pronoun mean? Number, kind, gender or the role that a reason fits decide (WSC)."""

from dataclasses import replace
from typing import NamedTuple

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.events import Being
from hxbench.sandbox.english.lexicon import MEMBERS, TIMES, VERBS
from hxbench.sandbox.english.wording import Words, be, noun_phrase
from hxbench.sandbox.randomness import Draws

# verb: what its agent is likely to be | what its patient is likely to be, where it is the reason
_REASONS = {
    "help": ("strong kind", "weak sad"),
    "assist": ("strong kind", "weak sad"),
    "ignore": ("quiet angry", "loud noisy"),
}
_ANY = ("kind", "angry", "happy", "sad", "weak", "strong")
_OF_THINGS = ("big", "small", "good", "bad")
_CONNECTIVES = ("because", "and")


class Reference(NamedTuple):
    """A text, what its pronoun is asked to mean (`span1`), the pronoun (`span2`), and whether it does.

    Indices count words at white space, from 0.
    """

    text: str
    span1_index: int
    span1_text: str
    span2_index: int
    span2_text: str
    label: bool


def _two(draws: Draws) -> tuple[Being, Being, str, str, bool]:
    """Return agent, patient, verb, a pronoun that can mean only one of the two, and whether it means the agent."""
    verb = draws.pick([verb for verb, frame in VERBS.items() if "person" in frame.agents and frame.patients])
    frame = VERBS[verb]
    is_agent = draws.chance(0.5)
    agent = Being(draws.pick(MEMBERS["person"]), draws.chance(0.35))
    kind = draws.pick(frame.patients)
    patient = Being(draws.pick(MEMBERS[kind]), draws.chance(0.35))
    meant, other = (agent, patient) if is_agent else (patient, agent)
    pronoun = lexicon.pronoun(meant.noun, meant.plural)
    if not pronoun or pronoun == lexicon.pronoun(other.noun, other.plural):
        return _two(draws)
    if lexicon.pronoun(other.noun, other.plural) == "" and pronoun in ("he", "she"):
        return _two(draws)
    return agent, patient, verb, pronoun, is_agent


def _by_role(draws: Draws) -> tuple[Being, Being, str, str, str, bool]:
    """Return agent, patient, verb, pronoun and an adjective that alone tells which of the two is meant."""
    verb = draws.pick(tuple(_REASONS))
    is_agent = draws.chance(0.5)
    nouns = MEMBERS["person"]
    agent = Being(draws.pick(nouns), draws.chance(0.3))
    patient = Being(draws.pick(nouns), agent.plural)
    pronoun = lexicon.pronoun(agent.noun, agent.plural)
    if not pronoun or pronoun != lexicon.pronoun(patient.noun, patient.plural):
        return _by_role(draws)
    if lexicon.meaning(agent.noun) == lexicon.meaning(patient.noun):
        return _by_role(draws)
    adjective = draws.pick(_REASONS[verb][0 if is_agent else 1].split())
    return agent, patient, verb, pronoun, adjective, is_agent


def resolved(draws: Draws) -> tuple[Words, Words, Words, str, str, bool]:
    """Return a text in parts (agent, verb, patient and rest), pronoun and adjective, and if it is the agent."""
    if draws.chance(0.15):
        agent, patient, verb, pronoun, adjective, is_agent = _by_role(draws)
        connective = "because"
    else:
        agent, patient, verb, pronoun, is_agent = _two(draws)
        adjective, connective = draws.pick(_ANY), draws.pick(_CONNECTIVES)
        if (agent if is_agent else patient).kind not in ("person", "animal"):
            adjective = draws.pick(_OF_THINGS)
    if draws.chance(0.05):
        options = [word for word in lexicon.adjectives_of(agent.noun) if word != adjective]
        agent = replace(agent, adjective=draws.pick(options))
    when = draws.pick(TIMES).split() if draws.chance(0.08) else []
    verb_words = [lexicon.past(verb)]
    rest = [*noun_phrase(patient), *when, connective]
    clause = [pronoun, be(agent if is_agent else patient, "past"), adjective, "."]
    return noun_phrase(agent), verb_words, [*rest, *clause], pronoun, adjective, is_agent


def reference(draws: Draws) -> Reference:
    """Return one example: half of the time the span asked about is the one that is meant."""
    agent, verb, rest, pronoun, _, is_agent = resolved(draws)
    words = [*agent, *verb, *rest]
    ask_agent = draws.chance(0.5)
    start = 0 if ask_agent else len(agent) + len(verb)
    length = len(agent) if ask_agent else 2  # a patient is an article and a noun
    return Reference(
        " ".join(words),
        start,
        " ".join(words[start : start + length]),
        len(words) - 1 - words[::-1].index(pronoun),
        pronoun,
        ask_agent == is_agent,
    )
