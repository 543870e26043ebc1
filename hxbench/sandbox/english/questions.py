"""Does a sentence answer a question, and what does a passage say to one of yes and no? (QNLI, BoolQ)"""

from dataclasses import replace
from typing import Literal

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.events import Event, Role, Taste, draw_event
from hxbench.sandbox.english.inference import entailing, excluding
from hxbench.sandbox.english.lexicon import PLACES, TIMES
from hxbench.sandbox.english.relations import altered, reworded
from hxbench.sandbox.english.wording import Asked, say, sentence, wh_question, yes_no
from hxbench.sandbox.randomness import Draws

_ANSWERED = Taste(name=0.2, adjective=0.0, place=0.0, time=0.0, intransitive=0.0)
_PASSAGE = Taste(general=0.05, adjective=0.0, place=0.1, time=0.05, state=0.1)
_YES = 0.6


def _elsewhere(event: Event, asked: Asked, draws: Draws) -> Event:
    """Return an event that does not answer: another one, or one that leaves out what is asked for."""
    if asked in ("where", "when") and draws.chance(0.5):
        if asked == "where":
            return replace(event, place="", time=draws.pick(TIMES))
        return replace(event, time="", place=draws.pick(PLACES))
    if draws.chance(0.4):
        other = draw_event(draws, _ANSWERED)
        while lexicon.meaning(other.verb) == lexicon.meaning(event.verb):
            other = draw_event(draws, _ANSWERED)
        return replace(other, place=event.place, time=event.time)
    roles: tuple[Role, ...] = ("verb", "patient") if asked == "who" else ("verb", "agent")
    while True:
        made = altered(event, draws.pick(roles), draws)
        if made and draws.chance(0.5):
            made = altered(made, draws.pick(roles), draws)
        if made:
            return made


def answered(draws: Draws) -> tuple[str, str, str]:
    """Return a question, a sentence and one of QNLI's two labels: whether the sentence answers the question."""
    asks: tuple[Asked, ...] = ("who", "what", "where", "when")
    asked = draws.pick(asks)
    label = "entailment" if draws.chance(0.5) else "not_entailment"
    while True:
        event = draw_event(draws, _ANSWERED)
        if asked == "who" and event.agent.kind != "person":
            continue
        # As often with a place as with a time, and both no more often under one label than under the other.
        if asked == "where" or (asked == "when" and draws.chance(0.2)) or draws.chance(0.1):
            event = replace(event, place=draws.pick(PLACES))
        if asked == "when" or (asked == "where" and draws.chance(0.2)) or draws.chance(0.1):
            event = replace(event, time=draws.pick(TIMES))
        made = event if label == "entailment" else _elsewhere(event, asked, draws)
        made = reworded(made, draws, 0.15)
        return sentence(wh_question(event, asked), ""), say(made, draws.chance(0.05), draws.chance(0.1)), label


def passage(draws: Draws) -> tuple[str, str, Literal["true", "false"]]:
    """Return a yes-no question without its mark (as in BoolQ), a passage of two sentences, and the answer."""
    true = draws.chance(_YES)
    while True:
        event = draw_event(draws, _PASSAGE)
        if true:
            told = entailing(event, draws)
        elif draws.chance(0.65):
            told = excluding(event, draws)
        else:
            other = altered(event, "agent", draws)
            if other is None:
                continue
            told = other
        other = draw_event(draws, replace(_PASSAGE, negated=0.15))
        sentences = [say(told, draws.chance(0.05)), say(other)]
        if draws.chance(0.5):
            sentences.reverse()
        return sentence(yes_no(event), ""), " ".join(sentences), "true" if true else "false"
