"""Questions: answered by a sentence or not (QNLI), by a passage with yes or no (BoolQ), from memory (NQ-Open).

What is answered from memory are facts that the raw text states often, line by line: what a thing is, what a word
means and what is its opposite, as the tables of the lexicon have it. No context goes with such a question, and
several answers may be right.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Literal

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.events import Event, Role, Taste, draw_event
from hxbench.sandbox.english.inference import entailing, excluding
from hxbench.sandbox.english.lexicon import ABOVE, NOUNS, OPPOSITES, PLACES, SYNONYM, TIMES, VERBS
from hxbench.sandbox.english.relations import altered, reworded
from hxbench.sandbox.english.senses import GLOSSES
from hxbench.sandbox.english.wording import Asked, say, sentence, wh_question, yes_no
from hxbench.sandbox.randomness import Draws

_ANSWERED = Taste(name=0.2, adjective=0.0, place=0.0, time=0.0, intransitive=0.0)
_PASSAGE = Taste(general=0.05, adjective=0.0, place=0.1, time=0.05, state=0.1)
_YES = 0.6
# what is asked for: its wordings; {one} has an article, {many} is a plural, {word} is bare
_WORDINGS = {
    "kind": (
        "what is {one}", "what kind of thing is {one}", "what are {many}", "what kind of thing are {many}",
        "of what kind is {one}", "what can {one} be",
    ),
    "thing": ("what is like {one}", "what thing is like {one}", "what are {many} like", "what is {one} really"),
    "doing": ("what is it to {word}", "what is to {word} like", "what do people do when they {word}"),
    "not doing": ("what is it not to {word}", "what do people not do when they {word}"),
    "being": ("what is {word}", "what are {word} people", "what is a person when {word}"),
    "not being": ("what is not {word}", "what are {word} people not", "what is a person never when {word}"),
    "sense": ("what is {one}", "what can {one} be", "here what is {one}"),
}  # fmt: skip
_OPENINGS = ("", "", "", "so ", "who knows ", "and ")
Question = tuple[str, tuple[str, ...]]
Fact = tuple[str, str, tuple[str, ...]]  # what is asked for, the word, the answers


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


@cache
def facts() -> tuple[Fact, ...]:
    """Return everything that can be asked."""
    made = [("kind", noun, (lexicon.one(ABOVE[lexicon.KIND[noun]]), *_noun_twin(noun))) for noun in NOUNS]
    made += [("thing", noun, _noun_twin(noun)) for noun in NOUNS if noun in SYNONYM]
    made += [("doing", verb, (f"to {SYNONYM[verb]}",)) for verb in VERBS if verb in SYNONYM]
    made += [
        ("not doing", verb, tuple(f"to {word}" for word in OPPOSITES[verb])) for verb in VERBS if verb in OPPOSITES
    ]
    made += [("being", word, (SYNONYM[word],)) for word in lexicon.ADJECTIVES if word in SYNONYM]
    made += [("not being", word, OPPOSITES[word]) for word in lexicon.ADJECTIVES if word in OPPOSITES]
    return (*made, *(("sense", word, glosses) for word, glosses in GLOSSES.items()))


def questions(seed: int, sizes: tuple[int, int]) -> list[list[Question]]:
    """Return so many questions to train on and to be scored on; a quarter of the facts is in the second alone."""
    draws, seen = Draws(seed, "english", "NQ-Open"), set()
    known = [fact for fact in facts() if not draws.chance(0.25)]
    lists: list[list[Question]] = []
    for pool, size in zip((known, facts()), sizes, strict=True):
        rows: list[Question] = []
        while len(rows) < size:
            question, answers = asked(draws, pool)
            if question not in seen:
                seen.add(question)
                rows.append((question, answers))
        lists.append(rows)
    return lists


def asked(draws: Draws, pool: Sequence[Fact]) -> Question:
    """Return a question about one of some facts, without its mark as in NQ-Open, and its right answers."""
    kind, word, answers = draws.pick(pool)
    wording = draws.pick(_OPENINGS) + draws.pick(_WORDINGS[kind])
    return wording.format(one=lexicon.one(word), many=lexicon.plural(word), word=word), answers


def _noun_twin(noun: str) -> tuple[str, ...]:
    return (lexicon.one(SYNONYM[noun]),) if noun in SYNONYM else ()
