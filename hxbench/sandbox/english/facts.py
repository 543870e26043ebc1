"""Questions about facts that the raw text states often, to be answered from memory (NQ-Open).

What a thing is, what a word means and what is its opposite: the tables of the lexicon, which the raw text
spells out line by line. No context goes with a question, and several answers may be right.
"""

from collections.abc import Sequence
from functools import cache

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.lexicon import ABOVE, NOUNS, OPPOSITES, SYNONYM, VERBS
from hxbench.sandbox.english.senses import GLOSSES
from hxbench.sandbox.randomness import Draws

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
    """Return so many questions to train on and so many to be scored on, none twice.

    A quarter of the facts is asked about in the second list only: what a model says of them it has read.
    """
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
    """Return a question about one of some facts and its right answers, at least one.

    It is without its mark, as in NQ-Open.
    """
    kind, word, answers = draws.pick(pool)
    wording = draws.pick(_OPENINGS) + draws.pick(_WORDINGS[kind])
    return wording.format(one=lexicon.one(word), many=lexicon.plural(word), word=word), answers


def _noun_twin(noun: str) -> tuple[str, ...]:
    return (lexicon.one(SYNONYM[noun]),) if noun in SYNONYM else ()
