"""Raw text for pre-training, in which the tasks' relations show: what follows, what is meant, what is asked.

Its cues ("that is ,", "so", "no ,") are not those of the tasks, and where it calls clauses by the names of their
fields it says nothing about them: it holds no labelled examples.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.acceptability import corrected
from hxbench.sandbox.english.events import Taste, draw_event
from hxbench.sandbox.english.inference import attributed, entailing, excluding, leaving_open
from hxbench.sandbox.english.paraphrases import different, restated, restated_request
from hxbench.sandbox.english.reviews import VERDICTS, opinion
from hxbench.sandbox.english.second_language import parallel
from hxbench.sandbox.english.senses import GLOSSES, in_context, resolved
from hxbench.sandbox.english.summaries import summary
from hxbench.sandbox.english.wording import Asked, noun_phrase, say, sentence, wh_question, yes_no
from hxbench.sandbox.randomness import Draws

_PLAIN = Taste(
    name=0.12, general=0.08, plural=0.2, adjective=0.12, place=0.2, time=0.15, state=0.12, present=0.15,
    negated=0.15,
)  # fmt: skip
_KINDS = replace(_PLAIN, present=1.0, name=0.0, negated=0.1)
_SENTENCE = re.compile(r"[^.?!]*[.?!]")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, each with its mark."""
    return [found.strip() for found in _SENTENCE.findall(text)] or [text.strip()]


def _plain(draws: Draws) -> str:
    return say(draw_event(draws, _PLAIN), draws.chance(0.15), draws.chance(0.15))


def _compared(draws: Draws) -> str:
    event = draw_event(draws, _PLAIN)
    if draws.chance(0.5):
        first, second, cue = say(event), restated(event, draws, 0.5), "that is ,"
    else:
        first, second, cue = say(event), restated(different(event, draws), draws, 0.3), "and then"
    return _compared(draws) if first == second else f"{first} {cue} {second}"


def _followed(draws: Draws) -> str:
    event = draw_event(draws, replace(_PLAIN, negated=0.25))
    maker, cue = draws.pick(((entailing, "so"), (excluding, "but not"), (leaving_open, "perhaps")))
    return f"{say(maker(event, draws))} {cue} {say(event)}"


def _asked(draws: Draws) -> str:
    event = draw_event(draws, replace(_PLAIN, intransitive=0.0, adjective=0.05, state=0.0))
    event = replace(event, negated=False)
    asks: list[Asked] = ["who", "what"] if event.patient else []
    if event.place:
        asks.append("where")
    if event.time:
        asks.append("when")
    if asks and draws.chance(0.6):
        asked = draws.pick(asks)
        asked_for = event.agent if asked == "who" else event.patient
        answer = (event.place if asked == "where" else event.time).split()
        if asked in ("who", "what") and asked_for:
            answer = noun_phrase(asked_for)
        if draws.chance(0.35):
            return f"{sentence(wh_question(event, asked), '')} {say(different(event, draws))} who knows ?"
        return f"{sentence(wh_question(event, asked), '')} {say(event)} {sentence(answer)}"
    maker, cue = draws.pick(((entailing, "yes ,"), (excluding, "no ,")))
    return f"{sentence(yes_no(event), '?')} {cue} {say(maker(event, draws))}"


def _headed(draws: Draws) -> str:
    """Return two texts under the names that tasks have for them, with nothing said about the two."""
    event = draw_event(draws, replace(_PLAIN, state=0.0, negated=0.0))
    shape = draws.uniform()
    if shape < 0.4:
        maker = draws.pick((entailing, excluding, leaving_open))
        return f"premise: {say(maker(event, draws))} hypothesis: {say(event)}"
    if shape < 0.7:
        other = event if draws.chance(0.5) else different(event, draws)
        return f"sentence1: {say(event)} sentence2: {restated(other, draws, 0.4)}"
    if event.patient and shape < 0.9:
        asked: Asked = draws.pick(("who", "what"))
        return f"question: {sentence(wh_question(event, asked), '')} sentence: {say(event)}"
    told = draws.pick((entailing, excluding))(event, draws)
    return f"question: {sentence(yes_no(event), '')} passage: {say(told)}"


def _counted(draws: Draws) -> str:
    """Return numbers of one digit, and some with a decimal: nothing depends on which."""
    one, two = draws.pick(lexicon.NOUNS), draws.pick(lexicon.NOUNS)
    shape, (first, second, third) = draws.uniform(), (str(int(draws.uniform() * 6)) for _ in range(3))
    if shape < 0.4:
        return f"{first} {lexicon.plural(one)} and {second} {lexicon.plural(two)} ."
    if shape < 0.7:
        return f"{lexicon.one(one)} is {first}.{int(draws.uniform() * 5) * 2} and {lexicon.one(two)} {second}.0 ."
    return f"{lexicon.one(one)} {first} {second} {third} ."


def _opinion(draws: Draws) -> str:
    good = draws.chance(0.5)
    if draws.chance(0.1):
        return opinion(draws, good)
    verdict = draws.pick(VERDICTS[good])
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
        noun = draws.pick(lexicon.NOUNS)
        above = lexicon.ABOVE[lexicon.KIND[noun]]
        if draws.chance(0.5):
            return f"{lexicon.plural(noun)} are {lexicon.plural(above)} ."
        return f"{lexicon.one(noun)} is {lexicon.one(above)} ."
    if shape < 0.85:
        word = draws.pick(tuple(lexicon.SYNONYM))
        other = lexicon.SYNONYM[word]
        if word in lexicon.KIND:
            return f"{lexicon.one(word)} is {lexicon.one(other)} ."
        if word in lexicon.VERBS:
            return f"to {word} is to {other} ."
        return f"{word} people are {other} ."
    word = draws.pick(tuple(lexicon.OPPOSITES))
    other = draws.pick(lexicon.OPPOSITES[word])
    if word in lexicon.VERBS:
        return f"to {word} is not to {other} ."
    return f"what is {word} is not {other} ."


def _document(draws: Draws) -> str:
    document, short = summary(draws)
    return f"{document} in short , {short}"


def _parallel(draws: Draws) -> str:
    pair = parallel(draws)
    return " ".join(pair if draws.chance(0.5) else pair[::-1])


_LINES: tuple[tuple[int, Callable[[Draws], str]], ...] = (
    (6, _plain), (24, _compared), (24, _followed), (20, _asked), (14, _headed), (10, _opinion), (5, _attributed),
    (5, _sense), (6, _pronoun), (6, restated_request), (4, _kinds), (5, corrected), (2, _document), (3, _parallel),
    (4, _counted),
)  # fmt: skip


def lines(draws: Draws, count: int, held_out: frozenset[str]) -> Iterator[str]:
    """Yield lines of raw text of which no sentence is among those held out for evaluation."""
    makers = [maker for weight, maker in _LINES for _ in range(weight)]
    for _ in range(count):
        maker = draws.pick(makers)
        line = maker(draws)
        while line in held_out or not held_out.isdisjoint(sentences(line)):
            line = maker(draws)
        yield line
