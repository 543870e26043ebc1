import unicodedata
from collections import Counter

import pytest

from hxbench.sandbox.multilingual import lexicon as words
from hxbench.sandbox.multilingual.lexicon import Lexicon
from hxbench.sandbox.multilingual.profiles import ANCESTORS, LINEAGES, PROFILES
from hxbench.spec.languages import language_set

LANGUAGES = language_set("sandbox")
OPEN = words.NOUNS + words.VERBS + words.ADJECTIVES


def shared(lexicon: Lexicon, first: str, second: str) -> float:
    """The share of meanings for which two languages have the same root."""
    return sum(lexicon.root(first, meaning) == lexicon.root(second, meaning) for meaning in OPEN) / len(OPEN)


@pytest.mark.parametrize("seed", range(4))
def test_relatives_share_more_words_than_strangers(seed):
    lexicon = Lexicon(seed)
    strangers = [shared(lexicon, "qaa", "qab"), shared(lexicon, "qab", "qai"), shared(lexicon, "qad", "qah")]
    relatives = {
        "is–fo": ("qae", "qaj"), "kk–tr": ("qaf", "qah"), "zh–yue": ("qad", "qap"), "ta–sa": ("qag", "qan"),
        "yo–gn": ("qai", "qak"), "br–hsb": ("qac", "qal"), "ar–ug": ("qab", "qao"),
    }  # fmt: skip
    for pair, (first, second) in relatives.items():
        assert shared(lexicon, first, second) > max(strangers) + 0.2, pair


def test_every_language_has_a_grammar_a_lineage_and_known_sources():
    assert set(PROFILES) == set(LINEAGES) == set(LANGUAGES)
    assert {code: profile.imitates for code, profile in PROFILES.items()} == {
        code: language.paper_code for code, language in LANGUAGES.items()
    }
    for lineage in (*LINEAGES.values(), *ANCESTORS.values()):
        assert sum(share for share, _ in lineage.sources) < 1.001
        assert all(source in ANCESTORS or source in LINEAGES for _, source in lineage.sources)


def test_scripts_are_distinct_and_withheld_letters_are_covered(sandbox):
    letters, blocks = {}, {}
    for code in LANGUAGES:
        counts = Counter(filter(str.isalpha, (sandbox / "text" / f"{code}.txt").read_text("utf-8")))
        letters[code] = counts
        blocks[code] = Counter()
        for letter, count in counts.items():
            blocks[code][unicodedata.name(letter).split(" ")[0]] += count
    expected = {"Latin": "LATIN", "Arabic": "ARABIC", "Cyrillic": "CYRILLIC", "Tamil": "TAMIL", "Han": "CJK"}
    for code, profile in PROFILES.items():
        assert blocks[code].most_common(1)[0][0] == expected[profile.script], code
    covered = set().union(*(letters[code] for code, language in LANGUAGES.items() if language.pretrained))
    for code, language in LANGUAGES.items():
        unknown = sum(count for letter, count in letters[code].items() if letter not in covered)
        assert language.pretrained or unknown < 0.05 * letters[code].total(), code
