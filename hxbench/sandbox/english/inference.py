"""Does one sentence follow from another? (MNLI, RTE, SciTail, CB)

The hypothesis is drawn first and the premise is made to fit the label, so that a hypothesis alone tells nothing.
"""

from dataclasses import replace

from hxbench.sandbox.english.events import Being, Event, Role, Taste, draw_event
from hxbench.sandbox.english.lexicon import NAMES
from hxbench.sandbox.english.relations import altered, bared, narrowed, opposed, reworded, widened
from hxbench.sandbox.english.wording import clause, noun_phrase, say, sentence
from hxbench.sandbox.randomness import Draws

TASTE = Taste(general=0.15, adjective=0.1, place=0.15, time=0.1, state=0.1, negated=0.25)
# Another genre: letters, of people with names, in the present.
LETTERS = replace(TASTE, name=0.6, present=1.0)
_KINDS = replace(TASTE, name=0.0, present=1.0, negated=0.1)
_LABELS = ("entailment", "neutral", "contradiction")
_CENTRAL: tuple[Role, ...] = ("agent", "verb", "patient")
# What one may be said to do with a statement, and what follows: it is so, it is not so, nothing
_ATTITUDES = {
    "entailment": ("knew", "remembered", "saw"),
    "contradiction": ("denied", "pretended", "lied"),
    "neutral": ("said", "hoped", "guessed"),
}


def _enough(event: Event) -> Event:
    """Keep a premise from growing: one place or time is enough where both participants are described."""
    described = sum(bool(being and being.adjective) for being in (event.agent, event.patient))
    return replace(event, time="") if event.place and event.time and described == 2 else event


def entailing(event: Event, draws: Draws) -> Event:
    if not event.negated:
        return reworded(narrowed(event, draws, 0.25), draws, 0.3)
    opposite = opposed(event, draws) if draws.chance(0.6) else None
    if opposite:
        return narrowed(replace(opposite, negated=False), draws, 0.15)
    return reworded(event, draws, 0.6)


def excluding(event: Event, draws: Draws) -> Event:
    if event.negated:
        return reworded(narrowed(replace(event, negated=False), draws, 0.15), draws, 0.2)
    opposite = opposed(event, draws) if draws.chance(0.6) else None
    if opposite:
        return narrowed(opposite, draws, 0.15)
    premise = bared(event, draws) if draws.chance(0.5) else None
    if premise and (premise.agent, premise.patient) != (event.agent, event.patient):
        premise = None  # that some bag was not carried says nothing about a red one
    return reworded(replace(premise or event, negated=True), draws, 0.2)


def leaving_open(event: Event, draws: Draws) -> Event:
    """Return a premise from which neither the event nor its opposite follows."""
    while True:
        shape = draws.uniform()
        premise: Event | None = None
        if not event.negated and shape < 0.4:
            premise = bared(event, draws)
        elif not event.negated and shape < 0.5:
            premise = widened(event, draws)
        else:
            role = draws.pick(_CENTRAL)
            premise = altered(event, role, draws)
            if premise and draws.chance(0.3):
                premise = replace(premise, negated=not premise.negated)
            if premise and not premise.negated:
                premise = narrowed(premise, draws, 0.15)
        if premise:
            return reworded(premise, draws, 0.2)


def _pair(draws: Draws, taste: Taste, label: str, article: str = "the") -> tuple[str, str]:
    makers = {"entailment": entailing, "contradiction": excluding, "neutral": leaving_open}
    while True:
        event = draw_event(draws, taste, article)
        premise = _enough(makers[label](event, draws))
        before, after = say(premise, draws.chance(0.06), draws.chance(0.1)), say(event)
        if before != after:
            return before, after


def inference(draws: Draws, taste: Taste = TASTE) -> tuple[str, str, str]:
    """Return premise, hypothesis and one of MNLI's three labels."""
    label = draws.pick(_LABELS)
    return *_pair(draws, taste, label), label


def entailment(draws: Draws) -> tuple[str, str, str]:
    """Return premise, hypothesis and one of RTE's two labels."""
    label = draws.pick(("entailment", "entailment", "neutral", "contradiction"))
    return *_pair(draws, TASTE, label), "entailment" if label == "entailment" else "not_entailment"


def fact(draws: Draws) -> tuple[str, str, str]:
    """Return two statements about kinds in general and one of SciTail's two labels."""
    label = "entailment" if draws.chance(0.4) else "neutral"
    return *_pair(draws, _KINDS, label, ""), "entails" if label == "entailment" else "neutral"


def attributed(event: Event, draws: Draws, label: str) -> str:
    """Return the event as what somebody knows, denies or hopes."""
    name = Being(draws.pick(tuple(NAMES)), article="")
    attitude = draws.pick(_ATTITUDES[label])
    return sentence([*noun_phrase(name), *attitude.split(), "that", *clause(event)])


def commitment(draws: Draws) -> tuple[str, str, str]:
    """Return premise, hypothesis and one of CB's three labels, the neutral one rare."""
    shape = draws.uniform()
    label = "entailment" if shape < 0.42 else "contradiction" if shape < 0.85 else "neutral"
    event = draw_event(draws, replace(TASTE, general=0.0, state=0.2))
    reversed_label = {"entailment": "contradiction", "contradiction": "entailment", "neutral": "neutral"}
    if draws.chance(0.25):
        inside = replace(event, negated=not event.negated)
        return attributed(inside, draws, reversed_label[label]), say(event), label
    return attributed(event, draws, label), say(event), label
