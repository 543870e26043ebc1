"""What the languages talk about, and each language's words for it.

Meanings are shared by all languages: nouns in fields, verbs and adjectives that prefer certain fields. A
language's root for a meaning comes down its lineage, decided once per (lineage, meaning), so relatives share what
they inherit.
"""

from functools import cache

from hxbench.sandbox.multilingual.phonology import make_root, shift
from hxbench.sandbox.multilingual.profiles import ANCESTORS, LINEAGES, PROFILES, Lineage
from hxbench.sandbox.randomness import Draws, unit

SOURCE = "qaa"  # the language the others borrow from and are glossed in
FIELDS = 6
NOUNS = tuple(f"noun{i}" for i in range(48))  # noun i belongs to field i % FIELDS
VERBS = tuple(f"verb{i}" for i in range(24))
ADJECTIVES = tuple(f"adjective{i}" for i in range(18))
ADVERBS = tuple(f"adverb{i}" for i in range(8))
GIVEN = tuple(f"given{i}" for i in range(16))
SURNAMES = tuple(f"surname{i}" for i in range(16))
PLACES = tuple(f"place{i}" for i in range(20))
FIRMS = tuple(f"firm{i}" for i in range(12))
KINDS = tuple(f"kind{i}" for i in range(6))  # club, school, bank … : the noun that makes a name an organisation
TITLES = tuple(f"title{i}" for i in range(4))

FUNCTION_WORDS = {
    "DET": ("the", "a", "this", "my", "every"),
    "PRON": ("he", "i", "they", "it"),
    "AUX": ("be", "will", "can", "was"),
    "ADP": ("of", "at", "from", "to", "with"),
    "CCONJ": ("and", "or"),
    "SCONJ": ("that", "because", "if"),
    "PART": ("not", "question", "many"),
    "INTJ": ("yes", "oh"),
    "NUM": ("one", "two", "three", "ten"),
    "ADV": ("very", "also", "now", "here"),
    "NOUN": ("piece", "head"),  # classifiers
}

# Pairs of function words that may share one form in a language: ambiguous until seen in context.
_MERGERS = (("SCONJ/that", "DET/this"), ("DET/a", "NUM/one"), ("CCONJ/and", "ADP/with"), ("PRON/it", "DET/the"),
            ("AUX/was", "ADP/of"), ("PART/not", "INTJ/oh"), ("AUX/will", "ADP/to"))  # fmt: skip
_NAMES = ("given", "surname", "place", "firm")
_WORLD_SHARE = 0.1  # meanings whose root is international
_WORLD_NAMES = 0.5


class Lexicon:
    """The words of all languages under one seed, as phoneme strings."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.root = cache(self._root)
        self.closed = cache(self._closed)

    def _lineage(self, name: str) -> Lineage:
        return LINEAGES.get(name) or ANCESTORS[name]

    def _root(self, name: str, meaning: str) -> str:
        """Return the root a language or ancestor has for an open-class meaning."""
        lineage = self._lineage(name)
        if name != "World":
            if meaning.startswith(_NAMES):
                here = name if name in LINEAGES else ""
                if unit(self._seed, "international", here, meaning) < _WORLD_NAMES:
                    return self.root("World", meaning)
            elif unit(self._seed, "international", meaning) < _WORLD_SHARE:
                return shift(self.root("World", meaning), lineage.changes)
        chosen = unit(self._seed, "root", name, meaning)
        for share, source in lineage.sources:
            if chosen < share:
                return shift(self.root(source, meaning), lineage.changes)
            chosen -= share
        draws = Draws(self._seed, "coin", name, meaning)
        return make_root(draws, draws.pick(lineage.syllables))

    def _closed(self, name: str, item: str) -> str:
        """Return the form of a function word (`DET/the`) or an affix (`affix/plural`)."""
        for first, second in _MERGERS:
            if item == first and name in LINEAGES and unit(self._seed, "merge", name, item) < 0.35:
                return self.closed(name, second)
        lineage = self._lineage(name)
        if lineage.sources and unit(self._seed, "closed", name, item) < lineage.closed_share:
            return self.closed(lineage.sources[0][1], item)
        draws = Draws(self._seed, "closed", name, item)
        if lineage.sources and not item.startswith("affix/") and draws.chance(lineage.false_friends):
            upos = draws.pick(tuple(FUNCTION_WORDS))
            return self.closed(lineage.sources[0][1], f"{upos}/{draws.pick(FUNCTION_WORDS[upos])}")
        if item.startswith("affix/"):
            return draws.pick("aeiou") + draws.pick("nsrltkmdg")
        root = make_root(draws, 1)
        return root if draws.chance(0.6) else root + draws.pick("aeiou")

    def verb_stem(self, code: str, meaning: str) -> str:
        """Return a verb's stem; every fourth verb is made from a noun, openly or without a mark."""
        number = int(meaning.removeprefix("verb"))
        if number % 4:
            return self.root(code, meaning)
        noun = self.root(code, NOUNS[(number * 7 + 3) % len(NOUNS)])
        return noun if PROFILES[code].zero_derivation else noun + self.closed(code, "affix/verb")

    def adverb(self, code: str, meaning: str) -> str:
        """Return an adverb; every second one is made from an adjective."""
        number = int(meaning.removeprefix("adverb"))
        if number % 2:
            return self.root(code, meaning)
        stem = self.root(code, ADJECTIVES[number])
        return stem if PROFILES[code].zero_derivation else stem + self.closed(code, "affix/adverb")
