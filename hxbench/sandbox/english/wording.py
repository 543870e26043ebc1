"""From an event to words: active and passive, tenses and agreement, statements and questions."""

from dataclasses import replace
from typing import Literal

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.events import Being, Event

Words = list[str]
Asked = Literal["who", "what", "where", "when"]


def noun_phrase(being: Being | None) -> Words:
    if being is None:
        return []
    noun = lexicon.plural(being.noun) if being.plural else being.noun
    rest = [being.adjective, noun] if being.adjective else [noun]
    article = being.article
    if article == "a":
        article = "some" if being.plural else "an" if rest[0][0] in "aeiou" else "a"
    return [article, *rest] if article else rest


def be(being: Being, tense: str) -> str:
    if tense == "past":
        return "were" if being.plural else "was"
    return "are" if being.plural else "is"


def do(being: Being, tense: str) -> str:
    if tense == "past":
        return "did"
    return "do" if being.plural else "does"


def _finite(event: Event) -> str:
    if event.tense == "past":
        return lexicon.past(event.verb)
    return event.verb if event.agent.plural else lexicon.present(event.verb)


def _adjuncts(event: Event) -> Words:
    return [*event.place.split(), *event.time.split()]


def clause(event: Event, passive: bool = False, fronted: bool = False) -> Words:
    """Return a statement without its full stop; `fronted` puts the time, or else the place, first."""
    first: Words = []
    if fronted and (event.time or event.place):
        first = [*(event.time or event.place).split(), ","]
        event = replace(event, time="") if event.time else replace(event, place="")
    negation = ["not"] if event.negated else []
    subject = event.agent
    if event.state:
        middle = [be(subject, event.tense), *negation, event.state]
    elif passive and event.patient:
        subject = event.patient
        middle = [be(subject, event.tense), *negation, lexicon.past(event.verb), "by", *noun_phrase(event.agent)]
    else:
        said = [do(subject, event.tense), "not", event.verb] if event.negated else [_finite(event)]
        middle = [*said, *noun_phrase(event.patient)]
    return [*first, *noun_phrase(subject), *middle, *_adjuncts(event)]


def yes_no(event: Event) -> Words:
    """Return the question whether it was so, without a question mark; the event's negation plays no part."""
    if event.state:
        return [be(event.agent, event.tense), *noun_phrase(event.agent), event.state, *_adjuncts(event)]
    helper = [do(event.agent, event.tense), *noun_phrase(event.agent), event.verb]
    return [*helper, *noun_phrase(event.patient), *_adjuncts(event)]


def wh_question(event: Event, asked: Asked) -> Words:
    """Return a question about the agent (who), the patient (what), the place or the time, with its mark."""
    target = noun_phrase(event.patient)
    if asked == "who":
        return ["who", _finite(replace(event, agent=replace(event.agent, plural=False))), *target, "?"]
    helper = [do(event.agent, event.tense), *noun_phrase(event.agent), event.verb]
    if asked == "what":
        return ["what", *helper, "?"]
    return [asked, *helper, *target, "?"]


def sentence(words: Words, mark: str = ".") -> str:
    """Return the words as one string with a final mark."""
    return " ".join([*words, mark] if mark else words)


def say(event: Event, passive: bool = False, fronted: bool = False) -> str:
    return sentence(clause(event, passive, fronted))
