"""Is it a sentence of the grammar? Agreement, order and forms of neighbours, and doubled words (CoLA)."""

from collections.abc import Callable

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.events import Taste, draw_event
from hxbench.sandbox.english.wording import Words, clause, sentence
from hxbench.sandbox.randomness import Draws

TASTE = Taste(plural=0.4, present=0.3, negated=0.3, place=0.15, time=0.1, state=0.15, adjective=0.15)
_ACCEPTABLE = 0.7
_TWICE = 0.3  # of the unacceptable ones
_ARTICLES = ("the", "a", "an", "some")
_NUMBER = {"was": "were", "were": "was", "is": "are", "are": "is", "does": "do", "do": "does"}
_PAST = {verb: lexicon.past(verb) for verb in lexicon.VERBS}
_PRESENT = {verb: lexicon.present(verb) for verb in lexicon.VERBS}
_BASE = {form: verb for forms in (_PAST, _PRESENT) for verb, form in forms.items()}
_FUNCTION = frozenset("the a an some was were is are did do does not by in at on".split())


def _agreement(words: Words, draws: Draws) -> Words | None:
    for place, word in enumerate(words):
        if word in _NUMBER:
            return [*words[:place], _NUMBER[word], *words[place + 1 :]]
    if "not" in words:
        return None
    for place, word in enumerate(words):
        if word in _PRESENT:
            return [*words[:place], _PRESENT[word], *words[place + 1 :]]
        if word in _PRESENT.values():
            return [*words[:place], _BASE[word], *words[place + 1 :]]
    return None


def _form(words: Words, draws: Draws) -> Words | None:
    """Put a verb after a helper into a form that does not go with it."""
    for place, word in enumerate(words[1:], start=1):
        verb = _BASE.get(word, word)
        if verb not in _PAST:
            continue
        if "did" in words or "do" in words or "does" in words:
            return [*words[:place], _PAST[verb], *words[place + 1 :]]
        if "by" in words:
            return [*words[:place], verb, *words[place + 1 :]]
    return None


def _order(words: Words, draws: Draws) -> Words | None:
    """Exchange two neighbours: an article and its noun, or the verb and what stands before it."""
    options = [place for place, word in enumerate(words[:-1]) if word in _ARTICLES]
    options += [place - 1 for place, word in enumerate(words) if place and (word in _BASE or word in _NUMBER)]
    if not options:
        return None
    place = draws.pick(options)
    return [*words[:place], words[place + 1], words[place], *words[place + 2 :]]


def _doubled(words: Words, draws: Draws) -> Words | None:
    options = [place for place, word in enumerate(words) if word in _FUNCTION]
    if not options:
        return None
    place = draws.pick(options)
    return [*words[: place + 1], *words[place:]]


_FAULTS: tuple[Callable[[Words, Draws], Words | None], ...] = (
    _agreement, _form, _order, _order, _doubled, _doubled,
)  # fmt: skip


def _statement(draws: Draws) -> Words:
    return clause(draw_event(draws, TASTE), draws.chance(0.15), draws.chance(0.1))


def _spoiled(words: Words, draws: Draws, faults: int) -> Words | None:
    """Return the words with faults in them; none where a fault was not possible or undid another."""
    broken: Words | None = words
    kinds = list(_FAULTS)
    for _ in range(faults):
        kind = draws.pick(kinds)
        # Never one kind twice: two exchanges of the same neighbours are none.
        kinds = [other for other in kinds if other is not kind]
        broken = kind(broken, draws) if broken else None
    return broken if broken != words else None


def corrected(draws: Draws) -> str:
    """Return what one does not say and what one says, as a book of grammar would."""
    words = _statement(draws)
    broken = _spoiled(words, draws, 1)
    return sentence(["not", *broken, "but", *words]) if broken else corrected(draws)


def judgement(draws: Draws) -> tuple[str, str]:
    """Return a sentence and 1 or 0: acceptable or not."""
    acceptable = draws.chance(_ACCEPTABLE)
    while True:
        words = _statement(draws)
        if acceptable:
            return sentence(words), "1"
        broken = _spoiled(words, draws, 1 + draws.chance(_TWICE))
        if broken:
            return sentence(broken), "0"
