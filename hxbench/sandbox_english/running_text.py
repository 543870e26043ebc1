"""Running text for pre-training, in which the tasks' relations show: what follows, what is meant, what is asked.

Its cues ("in other words", "so", "no ,") are not those of the tasks: it holds no labelled examples.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from hxbench.sandbox.randomness import Draws
from hxbench.sandbox_english import lexicon
from hxbench.sandbox_english.acceptability import corrected
from hxbench.sandbox_english.events import Taste, draw_event
from hxbench.sandbox_english.inference import attributed, entailing, excluding, leaving_open
from hxbench.sandbox_english.reference import resolved
from hxbench.sandbox_english.requests import restated_request
from hxbench.sandbox_english.reviews import opinion
from hxbench.sandbox_english.second_language import parallel
from hxbench.sandbox_english.senses import GLOSSES, in_context
from hxbench.sandbox_english.similarity import restated
from hxbench.sandbox_english.summaries import summary
from hxbench.sandbox_english.wording import Asked, noun_phrase, say, sentence, wh_question, yes_no

_PLAIN = Taste(
    name=0.15, general=0.1, plural=0.35, adjective=0.4, place=0.6, time=0.5, state=0.1, present=0.3, negated=0.12
)
_KINDS = replace(_PLAIN, present=1.0, name=0.0, negated=0.1)
_SENTENCE = re.compile(r"[^.?!]*[.?!]")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, each with its mark."""
    return [found.strip() for found in _SENTENCE.findall(text)] or [text.strip()]


def _plain(draws: Draws) -> str:
    return say(draw_event(draws, _PLAIN), draws.chance(0.25), draws.chance(0.25))


def _restated(draws: Draws) -> str:
    event = draw_event(draws, _PLAIN)
    cue = draws.pick(("in other words ,", "that is ,", "again ,"))
    first, second = say(event, draws.chance(0.2)), restated(event, draws, 0.7)
    return _restated(draws) if first == second else f"{first} {cue} {second}"


def _followed(draws: Draws) -> str:
    event = draw_event(draws, _PLAIN)
    maker, cue = draws.pick(
        ((entailing, "so"), (excluding, "so it is not true that"), (leaving_open, "we do not know if"))
    )
    return f"{say(maker(event, draws), draws.chance(0.1))} {cue} {say(event)}"


def _asked(draws: Draws) -> str:
    event = draw_event(draws, replace(_PLAIN, intransitive=0.0, adjective=0.25))
    asks: list[Asked] = ["who", "what"] if event.patient else []
    if event.place and event.verb:
        asks.append("where")
    if event.time and event.verb:
        asks.append("when")
    if asks and draws.chance(0.6):
        asked = draws.pick(asks)
        asked_for = event.agent if asked == "who" else event.patient
        answer = (event.place if asked == "where" else event.time).split()
        if asked in ("who", "what") and asked_for:
            answer = noun_phrase(asked_for)
        positive = replace(event, negated=False)
        return f"{say(positive)} {sentence(wh_question(positive, asked), '')} {sentence(answer)}"
    maker, cue = draws.pick(((entailing, "yes ,"), (excluding, "no ,")))
    told = maker(replace(event, negated=False), draws)
    return f"{sentence(yes_no(event), '?')} {cue} {say(told)}"


def _opinion(draws: Draws) -> str:
    good = draws.chance(0.5)
    if draws.chance(0.3):
        return opinion(draws, good)
    verdict = draws.pick(("i loved it", "i liked it", "what a joy") if good else ("i hated it", "what a waste"))
    return f"{opinion(draws, good)} {verdict} !"


def _attributed(draws: Draws) -> str:
    event = draw_event(draws, replace(_PLAIN, adjective=0.1, place=0.3, time=0.2))
    label, verdict = draws.pick(
        (("entailment", "it was true ."), ("contradiction", "it was false ."), ("neutral", "it was not sure ."))
    )
    return f"{attributed(event, draws, label)} {verdict}"


def _sense(draws: Draws) -> str:
    word = draws.pick(tuple(GLOSSES))
    sense = draws.pick((1, 2))
    gloss = GLOSSES[word][sense - 1]
    if draws.chance(0.5):
        return f"{in_context(word, sense, draws)} {in_context(word, sense, draws)} here it is {gloss} ."
    return f"{in_context(word, sense, draws)} here a {word} is {gloss} ."


def _pronoun(draws: Draws) -> str:
    agent, verb, rest, _, adjective, is_agent = resolved(draws)
    meant = agent if is_agent else rest[:2]
    return f"{' '.join([*agent, *verb, *rest])} so {' '.join(meant)} {rest[-3]} {adjective} ."


def _kinds(draws: Draws) -> str:
    shape = draws.uniform()
    if shape < 0.5:
        return say(draw_event(draws, _KINDS, ""))
    if shape < 0.65:
        noun = draws.pick([noun for nouns in lexicon.MEMBERS.values() for noun in nouns])
        above = lexicon.ABOVE[lexicon.KIND[noun]]
        if draws.chance(0.5):
            return f"{lexicon.plural(noun)} are {lexicon.plural(above)} ."
        return f"{_article(noun)} is {_article(above)} ."
    if shape < 0.85:
        word = draws.pick(tuple(lexicon.SYNONYM))
        other = lexicon.SYNONYM[word]
        if word in lexicon.KIND:
            return f"{_article(word)} is {_article(other)} ."
        if word in lexicon.VERBS:
            return f"to {word} is to {other} ."
        return f"{word} people are {other} ."
    word = draws.pick(tuple(lexicon.OPPOSITES))
    other = draws.pick(lexicon.OPPOSITES[word])
    if word in lexicon.VERBS:
        return f"to {word} is not to {other} ."
    return f"what is {word} is not {other} ."


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _document(draws: Draws) -> str:
    document, short = summary(draws)
    return f"{document} in short , {short}"


def _parallel(draws: Draws) -> str:
    pair = parallel(draws)
    return " ".join(pair if draws.chance(0.5) else pair[::-1])


_LINES: tuple[tuple[int, Callable[[Draws], str]], ...] = (
    (12, _plain), (20, _restated), (18, _followed), (14, _asked), (8, _opinion), (6, _attributed), (6, _sense),
    (4, _pronoun), (4, restated_request), (4, _kinds), (6, corrected), (2, _document), (3, _parallel),
)  # fmt: skip


def lines(draws: Draws, count: int, held_out: frozenset[str]) -> Iterator[str]:
    """Yield lines of running text of which no sentence is among those held out for evaluation."""
    makers = [maker for weight, maker in _LINES for _ in range(weight)]
    made = 0
    while made < count:
        maker = draws.pick(makers)
        line = maker(draws)
        while line in held_out or not held_out.isdisjoint(sentences(line)):
            line = maker(draws)
        made += 1
        yield line
