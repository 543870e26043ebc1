"""Sounds: how a root is built, how it changes from a parent language to its child, how it is written.

A word is first a string of phonemes, one ASCII letter each. A sound change is `old>new`, optionally with a
place (`p>f/#_` at the beginning, `a>o/_#` at the end, `t>d/V_V` between vowels). A script is a private mapping
from phonemes to characters of a real Unicode block; nothing written with it is a word of a real language.
"""

import re
from functools import cache

from hxbench.sandbox.randomness import Draws, digest_integer

CONSONANTS = "ptkbdgmnszlrfvhjwxcq"
VOWELS = "aeiou"

_PHONEMES = CONSONANTS + VOWELS
_SCRIPTS = {
    "Latin": "",
    "Arabic": "پتکبدگمنسزلرفڤهيوشچقاەىۆۇ",
    "Cyrillic": "птқбдгмнсзлрфвһйўшчкаеіоу",
    "Tamil": "பதகஞடஙமநசஜலரழவஹயளஷறணஅஎஇஒஉ",
}
_LATIN = {
    "plain": {"x": "sh", "c": "ch"},
    "nordic": {"x": "sj", "c": "tj", "w": "ø", "q": "ð"},
    "celtic": {"x": "sh", "c": "ch", "q": "kh", "j": "y"},
    "turkic": {"x": "ş", "c": "ç", "q": "ğ", "j": "y", "w": "ü"},
    "dotted": {"x": "ş", "q": "gb"},
}
_HAN_FIRST, _HAN_COUNT = 0x4E00, 2400
_SYLLABLE = re.compile(f"[{CONSONANTS}]?[{VOWELS}][{CONSONANTS}]?(?![{VOWELS}])|.")


def make_root(draws: Draws, syllables: int) -> str:
    """Return a new root of open syllables, the last one closed half of the time."""
    root = "".join(draws.pick(CONSONANTS) + draws.pick(VOWELS) for _ in range(syllables))
    return root + draws.pick("nsrltkm") if draws.chance(0.5) else root


@cache
def _rules(changes: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    rules = []
    for change in changes.split():
        pair, _, place = change.partition("/")
        old, _, new = pair.partition(">")
        before, _, after = place.partition("_")
        look = {"": "", "#": "^", "V": f"(?<=[{VOWELS}])"}[before]
        ahead = {"": "", "#": "$", "V": f"(?=[{VOWELS}])"}[after]
        rules.append((re.compile(look + old + ahead), new))
    return tuple(rules)


def shift(word: str, changes: str) -> str:
    """Return the word after the sound changes, applied in order."""
    for pattern, new in _rules(changes):
        word = pattern.sub(new, word) or word
    return word


def harmonise(suffix: str, stem: str) -> str:
    """Return the suffix with the back vowels fronted after a stem whose last vowel is a front one."""
    last = next((sound for sound in reversed(stem) if sound in VOWELS), "a")
    return suffix.translate(_FRONT) if last in "ei" else suffix


_FRONT = str.maketrans("ao", "ee")


@cache
def spell(word: str, script: str, spelling: str = "plain") -> str:
    """Return the word written in a script; `spelling` tells the Latin orthographies apart."""
    if script == "Han":
        return "".join(_han(syllable) for syllable in _SYLLABLE.findall(word))
    if script == "Latin":
        return "".join(_LATIN[spelling].get(sound, sound) for sound in word)
    return word.translate(_table(script))


@cache
def _table(script: str) -> dict[int, str]:
    return {ord(sound): letter for sound, letter in zip(_PHONEMES, _SCRIPTS[script], strict=True)}


@cache
def _han(syllable: str) -> str:
    return chr(_HAN_FIRST + 7 * (digest_integer("han", syllable) % _HAN_COUNT))
