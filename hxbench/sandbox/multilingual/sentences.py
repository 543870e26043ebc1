"""Sentences: clauses about a field, with names in them, and the title fragments that WikiANN is full of.

Names of people, places and organisations are tagged in IOB2.
"""

from collections.abc import Iterable
from dataclasses import replace

from hxbench.sandbox.multilingual import lexicon as words
from hxbench.sandbox.multilingual.grammar import Grammar, Phrase, Word
from hxbench.sandbox.multilingual.lexicon import FIELDS, SOURCE, Lexicon
from hxbench.sandbox.randomness import Draws

_PRONOUNS = (("he", "he"), ("i", "i"), ("he", "he"), ("they", "they"), ("it", "he"))
_TENSES = ("present", "past", "past", "present", "future", "can", "present", "past")
_OBLIQUES = ("at", "to", "from", "with")
_KINDS = ("PER", "LOC", "ORG")  # of names
_UNSEEN = 0.3  # share of the name stems that training data and raw text never show


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
        shown = int(len(stock) * (1 - _UNSEEN))
        if self._held_out and self._draws.chance(_UNSEEN):
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


def sign(character: str) -> Word:
    return Word(character, "PUNCT")


class Speaker:
    """One language speaking: an endless, reproducible stream of sentences.

    `held_out`: whether names that training data never show may occur (development and test data).
    """

    def __init__(self, code: str, lexicon: Lexicon, draws: Draws, held_out: bool = False) -> None:
        self.grammar = Grammar(code, lexicon, draws)
        self.draws = draws
        self._namer = Namer(self.grammar, draws, held_out)

    def _participant(self, field: int, kinds: tuple[str, ...]) -> tuple[Phrase, str]:
        draws = self.draws
        if draws.chance(0.25):
            kind = draws.pick(kinds)
            name = self._namer.name(kind)
            if kind == "PER" and draws.chance(0.3):
                name = [self.grammar.noun(draws.zipf(words.TITLES)), *name]
            return name, "he"
        phrase, plural = self.grammar.noun_phrase(field)
        return phrase, "they" if plural else "he"

    def clause(self) -> Phrase:
        draws, grammar = self.draws, self.grammar
        meaning = draws.zipf(words.VERBS)
        number = words.VERBS.index(meaning)
        field = number % FIELDS
        if draws.chance(0.25):
            item, person = draws.pick(_PRONOUNS)
            subject = [] if grammar.profile.agreement and draws.chance(0.6) else [grammar.function("PRON", item)]
        else:
            subject, person = self._participant(field, ("PER", "PER", "ORG"))
        rest: Phrase = []
        if draws.chance(0.35):
            if draws.chance(0.35):
                rest = grammar.mark(self._namer.name("LOC"), draws.zipf(_OBLIQUES[:3]))
            else:
                phrase, _ = grammar.noun_phrase((field + 2) % FIELDS)
                rest = grammar.mark(phrase, draws.zipf(_OBLIQUES))
        if draws.chance(0.15):
            return self._statement(subject, field, rest)
        objects: Phrase = []
        if number % 3:
            about = (field + 1 + number // FIELDS % 2) % FIELDS
            phrase, _ = self._participant(about, ("PER", "ORG", "ORG", "LOC"))
            objects = grammar.mark(phrase, "object")
        if draws.chance(0.2):
            rest = [*rest, grammar.adverb()]
        verb = grammar.verb(meaning, draws.pick(_TENSES), person, draws.chance(0.12))
        return grammar.arrange(subject, verb, objects, rest)

    def _statement(self, subject: Phrase, field: int, rest: Phrase) -> Phrase:
        grammar = self.grammar
        predicate = grammar.adjective(field) if self.draws.chance(0.6) else grammar.noun_phrase(field)[0]
        be = grammar.function("AUX", self.draws.pick(("be", "be", "was")))
        if grammar.profile.joins == "copula" and grammar.profile.order == "SOV":
            predicate[-1] = replace(predicate[-1], joined=True)
            return [*subject, *rest, *predicate, be]
        return grammar.arrange(subject, [be], predicate, rest)

    def sentence(self) -> Phrase:
        draws, grammar = self.draws, self.grammar
        made = self.clause()
        shape = draws.uniform()
        if shape < 0.12:
            link = grammar.function("CCONJ", draws.zipf(words.FUNCTION_WORDS["CCONJ"]))
            if grammar.profile.joins == "conjunction" and link.sounds == grammar.function("CCONJ", "and").sounds:
                link = replace(link, joined=True)
            made = [*made, sign(","), link, *self.clause()]
        elif shape < 0.24:
            link = grammar.function("SCONJ", draws.zipf(words.FUNCTION_WORDS["SCONJ"]))
            made = [*made, link, *self.clause()]
        if draws.chance(0.03):
            made = [grammar.function("INTJ", draws.pick(words.FUNCTION_WORDS["INTJ"])), sign(","), *made]
        if draws.chance(0.03):
            made = [sign('"'), *made, sign('"')]
        if draws.chance(0.07):
            return [*made, grammar.function("PART", "question"), sign("?")]
        return [*made, sign(draws.pick("......!"))]

    def fragment(self) -> Phrase:
        """Return a title-like fragment around names, as WikiANN has them."""
        draws, grammar = self.draws, self.grammar
        shape, kind = draws.uniform(), draws.pick(_KINDS)
        name = self._namer.name(kind)
        if shape < 0.2:
            return name
        if shape < 0.35:
            added = self._namer.name("LOC") if draws.chance(0.5) else [grammar.noun(draws.zipf(words.NOUNS))]
            return [*name, sign("("), *added, sign(")")]
        if shape < 0.5:
            return [sign("*"), *name, sign(","), *self._namer.name(draws.pick(_KINDS))]
        if shape < 0.6:
            return [sign("''"), *name, sign("''")]
        if shape < 0.75:
            role = {"PER": "with", "ORG": "of", "LOC": "at"}[kind]
            return [*grammar.noun_phrase(int(draws.uniform() * FIELDS))[0], *grammar.mark(name, role)]
        if shape < 0.9:
            title, person = grammar.noun(draws.zipf(words.TITLES)), self._namer.name("PER")
            year = Word(str(1800 + int(draws.uniform() * 220)), "NUM")
            return [title, *person, sign("("), year, sign(")")]
        return [*name, grammar.function("CCONJ", "and"), *self._namer.name(kind)]

    def named(self) -> Phrase:
        """Return an item of a name corpus: a fragment, or a sentence with at least one name."""
        if self.draws.chance(0.45):
            return self.fragment()
        while True:
            made = self.sentence()
            if any(word.tag != "O" for word in made):
                return made
