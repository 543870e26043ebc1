"""What does a word mean, or a pronoun? Words of two senses, each in its own company (WiC); number, kind, gender or
the role that a reason fits decide on a pronoun (WSC)."""

from dataclasses import replace
from typing import NamedTuple

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.events import Being, Taste, draw_being
from hxbench.sandbox.english.lexicon import MEMBERS, TIMES, VERBS
from hxbench.sandbox.english.wording import Words, be, noun_phrase
from hxbench.sandbox.randomness import Draws

# word: what its senses are; then one context a line, {who} a person and {when} a time
_TABLE = """
bank: a house for money | the side of a river
1 {who} had money in the bank {when}
1 {who} opened the bank for money {when}
1 the money of {who} was at the bank {when}
2 {who} rested on the river bank {when}
2 {who} watched the river from the bank {when}
2 the bank was at the river of {who} {when}
bat: an animal | a thing for a game
1 {who} chased the bat with wings {when}
1 the wings of the bat helped {who} {when}
1 the bat had wings like the bird of {who} {when}
2 {who} had a bat for the game {when}
2 {who} started the game with the bat {when}
2 the bat was for the game of {who} {when}
ring: a thing of gold | a sound
1 {who} had a gold ring {when}
1 the ring of {who} was gold {when}
1 {who} washed the gold of the ring {when}
2 {who} ignored the ring of the phone {when}
2 the phone had a ring for {who} {when}
2 {who} waited for a phone with a ring {when}
match: a thing for a fire | a game
1 {who} started the fire with a match {when}
1 the match was for the fire of {who} {when}
1 {who} had a match near the fire {when}
2 {who} watched the match of the team {when}
2 the team had a match with {who} {when}
2 {who} loved the team and the match {when}
bark: a part of a tree | the sound of a dog
1 {who} had the bark of a tree {when}
1 the tree of {who} had white bark {when}
1 {who} cleaned the tree and the bark {when}
2 {who} ignored the bark of the dog {when}
2 the dog of {who} had a loud bark {when}
2 {who} hated the dog and the bark {when}
star: a light of the night | a person of a film
1 {who} watched a star in the sky {when}
1 the sky of {who} had one star {when}
1 {who} loved the sky and the star {when}
2 {who} loved the star of the film {when}
2 the film had a star like {who} {when}
2 {who} was the star in a film {when}
"""
_PEOPLE = Taste(name=0.4, adjective=0.0, plural=0.0)


def _read() -> tuple[dict[str, tuple[str, str]], dict[tuple[str, int], list[str]]]:
    glosses: dict[str, tuple[str, str]] = {}
    contexts: dict[tuple[str, int], list[str]] = {}
    word = ""
    for line in _TABLE.strip().splitlines():
        if line[0].isdigit():
            contexts.setdefault((word, int(line[0])), []).append(line[2:])
        else:
            word, senses = line.split(": ")
            first, second = senses.split(" | ")
            glosses[word] = (first, second)
    return glosses, contexts


GLOSSES, _CONTEXTS = _read()


def in_context(word: str, sense: int, draws: Draws) -> str:
    """Return a sentence with the word in its first or second sense."""
    who = draw_being(draws, ("person",), replace(_PEOPLE, plural=0.0))
    context = draws.pick(_CONTEXTS[word, sense])
    return context.format(who=" ".join(noun_phrase(who)), when=draws.pick(TIMES)) + " ."


def same_sense(draws: Draws) -> tuple[str, str, str, bool]:
    """Return a word, two sentences with it, and whether it has one sense in both."""
    word = draws.pick(tuple(GLOSSES))
    same = draws.chance(0.5)
    sense = draws.pick((1, 2))
    while True:
        first = in_context(word, sense, draws)
        second = in_context(word, sense if same else 3 - sense, draws)
        if first != second:
            return word, first, second, same


def position(text: str, word: str) -> tuple[int, int]:
    """Return where a word begins and ends in a text, in characters."""
    start = f" {text} ".index(f" {word} ")
    return start, start + len(word)


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
