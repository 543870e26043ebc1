"""From a meaning to words: how one language builds phrases and puts them in order."""

from dataclasses import dataclass, replace
from functools import cache

from hxbench.sandbox.multilingual import lexicon as words
from hxbench.sandbox.multilingual.lexicon import FIELDS, SOURCE, Lexicon
from hxbench.sandbox.multilingual.phonology import harmonise, spell
from hxbench.sandbox.multilingual.profiles import PROFILES
from hxbench.sandbox.randomness import Draws


@dataclass(frozen=True, slots=True)
class Word:
    """One syntactic word; `joined`: written together with the next one; `foreign`: in Latin letters."""

    sounds: str
    upos: str
    tag: str = "O"
    joined: bool = False
    foreign: bool = False


Phrase = list[Word]

_CASES = ("object", "at", "from", "to", "of")  # in the order in which languages give them to affixes
_BORROWED = 0.18  # content words taken over unchanged from the source language
_MUTATION = str.maketrans("ptkbdm", "bdgvzv")


class Grammar:
    """Phrases of one language. All random choices come from the stream given at construction."""

    def __init__(self, code: str, lexicon: Lexicon, draws: Draws) -> None:
        self.code = code
        self.profile = PROFILES[code]
        self.lexicon = lexicon
        self.draws = draws
        self._closed = cache(lambda item: lexicon.closed(code, item))
        self._root = cache(lambda meaning: lexicon.root(code, meaning))
        self._verb_stem = cache(lambda meaning: lexicon.verb_stem(code, meaning))
        self._adverb = cache(lambda meaning: lexicon.adverb(code, meaning))
        self._affixed = set(_CASES[: self.profile.cases])
        self._nouns = [words.NOUNS[field::FIELDS] for field in range(FIELDS)]

    # Words

    def function(self, upos: str, item: str) -> Word:
        return Word(self._closed(f"{upos}/{item}"), upos)

    def _suffix(self, stem: str, affix: str) -> str:
        suffix = self._closed(f"affix/{affix}")
        return stem + (harmonise(suffix, stem) if self.profile.harmony else suffix)

    def borrows(self) -> bool:
        """Return whether the next content word or name is taken over from the source language."""
        return self.profile.code != SOURCE and self.draws.chance(_BORROWED)

    def content(self, root: str, upos: str, meaning: str) -> Word:
        """Return a word for a meaning: the root given, or the source language's word for it."""
        if self.borrows():
            return Word(self.lexicon.root(SOURCE, meaning), upos, foreign=True)
        return Word(root, upos)

    def noun(self, meaning: str) -> Word:
        return Word(self._root(meaning), "NOUN")

    # Noun phrases

    def noun_phrase(self, field: int, nested: bool = False) -> tuple[Phrase, bool]:
        draws, profile = self.draws, self.profile
        field = field if draws.chance(0.92) else int(draws.uniform() * FIELDS)
        meaning = draws.zipf(self._nouns[field])
        noun = self.content(self._root(meaning), "NOUN", meaning)
        count, plural = "", draws.chance(0.3)
        if draws.chance(0.12):
            count = draws.zipf(words.FUNCTION_WORDS["NUM"])
            plural = count != "one"
        if plural and profile.plural == "suffix" and not (count and profile.harmony):
            noun = replace(noun, sounds=self._suffix(noun.sounds, "plural"))
        determiner = "" if count or draws.chance(0.25) else draws.zipf(words.FUNCTION_WORDS["DET"])
        if determiner in ("the", "a") and profile.article == "none":
            determiner = ""
        if determiner == "the" and profile.article == "suffix":
            noun, determiner = replace(noun, sounds=self._suffix(noun.sounds, "the")), ""
        joined = determiner == "the" and profile.article == "prefix"
        article = [replace(self.function("DET", determiner), joined=joined)] if determiner else []
        before, after = ([] if joined else article), Phrase()
        if count:
            before = [*before, self._number(count)]
        if profile.classifiers and before:
            before = [*before, self.function("NOUN", ("piece", "head")[field % 2])]
        if plural and profile.plural == "word" and not count:
            before = [*before, self.function("PART", "many")]
        if draws.chance(0.35):
            adjective = self.adjective(field)
            before, after = (before, adjective) if profile.adjective_after else ([*before, *adjective], after)
        if not nested and draws.chance(0.12):
            of = self.mark(self.noun_phrase(field, nested=True)[0], "of")
            before, after = ([*before, *of], after) if profile.postpositions else (before, [*after, *of])
        if profile.mutation and before and before[-1].upos == "DET":
            noun = replace(noun, sounds=noun.sounds[0].translate(_MUTATION) + noun.sounds[1:])
        return [*before, *(article if joined else []), noun, *after], plural

    def _number(self, count: str) -> Word:
        if self.draws.chance(0.3):
            share = self.draws.uniform()
            return Word(str(2 + int(share * share * share * 2000)), "NUM")
        return self.function("NUM", count)

    def adjective(self, field: int) -> Phrase:
        """Return an adjective that suits the field, sometimes with an adverb of degree."""
        draws = self.draws
        number = field * 3 + int(draws.uniform() * 5)
        meaning = words.ADJECTIVES[number % len(words.ADJECTIVES)]
        word = self.content(self._root(meaning), "ADJ", meaning)
        return [self.function("ADV", "very"), word] if draws.chance(0.2) else [word]

    def mark(self, phrase: Phrase, role: str) -> Phrase:
        """Return the phrase in a role (`object`, `of`, `at`, `on`, …): by case, preposition or postposition."""
        if role in self._affixed:
            affix = "object" if role == "object" else f"case-{role}"
            at = max((i for i, word in enumerate(phrase) if word.upos in ("NOUN", "PROPN", "PRON")), default=-1)
            marked = replace(phrase[at], sounds=self._suffix(phrase[at].sounds, affix))
            return [*phrase[:at], marked, *phrase[at + 1 or len(phrase) :]]
        if role == "object":
            return phrase
        word = self.function("ADP", role)
        if self.profile.postpositions:
            return [*phrase, word]
        joined = self.profile.joins == "preposition" and role in ("at", "of") and phrase[0].upos in ("DET", "NOUN")
        return [replace(word, joined=joined), *phrase]

    # Verbs

    def verb(self, meaning: str, tense: str, person: str, negative: bool) -> Phrase:
        """Return the verb with its auxiliaries and negation, in the language's order."""
        profile = self.profile
        stem = self._verb_stem(meaning)
        helpers: Phrase = []
        in_words = profile.tense == "word" or (tense == "future" and not profile.harmony)
        if tense == "can":
            helpers.append(self.function("AUX", tense))
        elif tense != "present" and in_words:
            helpers.append(self.function("AUX", "was" if tense == "past" else "will"))
        elif tense != "present":
            stem = self._suffix(stem, tense)
        if profile.agreement and person != "he":
            stem = self._suffix(stem, f"person-{person}")
        elif profile.code == SOURCE and tense == "present" and person == "he":
            stem = self._suffix(stem, "plural")  # as in English the verb ends as the noun's plural does
        if negative:
            helpers.append(self.function("PART", "not"))
        word = Word(stem, "VERB")
        if self.borrows():
            word = Word(self.lexicon.verb_stem(SOURCE, meaning), "VERB", foreign=True)
        return [word, *helpers] if profile.order == "SOV" else [*helpers, word]

    def adverb(self) -> Word:
        """Return an adverb of manner, or a short one of time and place."""
        if self.draws.chance(0.4):
            return self.function("ADV", self.draws.pick(words.FUNCTION_WORDS["ADV"][1:]))
        meaning = self.draws.zipf(words.ADVERBS)
        return self.content(self._adverb(meaning), "ADV", meaning)

    def arrange(self, subject: Phrase, verb: Phrase, objects: Phrase, rest: Phrase) -> Phrase:
        """Return the clause in the language's order; every language also has some subject-verb-object clauses."""
        order = self.profile.order if self.draws.chance(self.profile.order_strict) else "SVO"
        if order == "SOV":
            return [*subject, *rest, *objects, *verb]
        if order == "VSO":
            return [*verb, *subject, *objects, *rest]
        return [*subject, *verb, *objects, *rest]

    # Writing

    def spell(self, word: Word) -> str:
        """Return the word as written; signs and digits stay as they are."""
        if not word.sounds.isalpha():
            return word.sounds
        if word.foreign:
            return spell(word.sounds, "Latin", PROFILES[SOURCE].spelling)
        return spell(word.sounds, self.profile.script, self.profile.spelling)
