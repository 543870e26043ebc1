"""Names of people, places and organisations, tagged in IOB2."""

from collections.abc import Iterable
from dataclasses import replace

from hxbench.sandbox.multilingual import lexicon as words
from hxbench.sandbox.multilingual.grammar import Grammar, Phrase, Word
from hxbench.sandbox.multilingual.lexicon import SOURCE
from hxbench.sandbox.randomness import Draws

KINDS = ("PER", "LOC", "ORG")
_HELD_OUT = 0.3  # share of the name stems that training data and raw text never show


class Namer:
    """One language's names. The same stem may name a person, a firm or what a firm is called after.

    `held_out`: whether stems that training data never show may occur (development and test data).
    """

    def __init__(self, grammar: Grammar, draws: Draws, held_out: bool) -> None:
        self._grammar = grammar
        self._draws = draws
        self._held_out = held_out
        self._speaks = grammar.code  # whose words the current name is made of

    def name(self, kind: str) -> Phrase:
        """Return a name of a kind (`PER`, `LOC`, `ORG`); some are taken over from the source language."""
        draws = self._draws
        self._speaks = SOURCE if self._grammar.borrows() else self._grammar.code
        if kind == "PER":
            surname = self._stem(words.SURNAMES)
            surname = self._affixed(surname, "surname") if draws.chance(0.5) else surname
            return self._tagged(kind, [surname] if draws.chance(0.25) else [self._stem(words.GIVEN), surname])
        if kind == "LOC":
            place = self._stem(words.PLACES)
            return self._tagged(kind, [self._affixed(place, "place") if draws.chance(0.4) else place])
        return self._organisation()

    def _organisation(self) -> Phrase:
        """Return a firm's own name, or a kind of organisation with what or whom it is called after."""
        shape = self._draws.uniform()
        if shape < 0.3:
            return self._tagged("ORG", [self._stem(words.FIRMS)])
        kind = self._grammar.noun(self._draws.zipf(words.KINDS))
        stock = words.FIRMS if shape < 0.5 else words.PLACES if shape < 0.8 else words.SURNAMES
        owner = self._word(self._stem(stock))
        if 0.65 < shape < 0.8:
            return _tag("ORG", [kind, *self._grammar.mark([owner], "of")])
        return _tag("ORG", [kind, owner] if self._grammar.profile.adjective_after else [owner, kind])

    def _stem(self, stock: tuple[str, ...]) -> str:
        shown = int(len(stock) * (1 - _HELD_OUT))
        if self._held_out and self._draws.chance(_HELD_OUT):
            return self._grammar.lexicon.root(self._speaks, self._draws.pick(stock[shown:]))
        return self._grammar.lexicon.root(self._speaks, self._draws.zipf(stock[:shown]))

    def _affixed(self, stem: str, affix: str) -> str:
        return stem + self._grammar.lexicon.closed(self._speaks, f"affix/{affix}")

    def _word(self, sounds: str) -> Word:
        return Word(sounds, "PROPN", foreign=self._speaks != self._grammar.code)

    def _tagged(self, kind: str, parts: Iterable[str]) -> Phrase:
        return _tag(kind, [self._word(part) for part in parts])


def _tag(kind: str, parts: Phrase) -> Phrase:
    return [replace(part, tag=f"{'I' if i else 'B'}-{kind}") for i, part in enumerate(parts)]
