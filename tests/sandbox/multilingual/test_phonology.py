import pytest

from hxbench.sandbox.multilingual.phonology import harmonise, shift, spell
from hxbench.sandbox.randomness import Draws


@pytest.mark.parametrize(
    ("word", "changes", "expected"),
    [
        ("pata", "p>f/#_", "fata"),
        ("papa", "p>f", "fafa"),
        ("taga", "g>h/V_V", "taha"),
        ("gaga", "g>h/V_V", "gaha"),
        ("tano", "o>u/_# t>d/#_", "danu"),
        ("h", "h>/#_", "h"),  # a word never vanishes
    ],
)
def test_sound_changes(word, changes, expected):
    assert shift(word, changes) == expected


def test_suffixes_follow_the_last_vowel():
    assert harmonise("ar", "kati") == "er"
    assert harmonise("ar", "kita") == "ar"


@pytest.mark.parametrize("script", ["Arabic", "Cyrillic", "Tamil"])
def test_a_script_spells_each_sound_its_own_way(script):
    sounds = "ptkbdgmnszlrfvhjwxcqaeiou"
    assert len(set(spell(sounds, script))) == len(sounds)


def test_han_words_share_characters_for_shared_syllables():
    assert spell("takano", "Han")[0] == spell("taki", "Han")[0]


def test_streams_are_named_and_zipf_favours_the_first():
    first, again, other = Draws(0, "a"), Draws(0, "a"), Draws(0, "b")
    drawn = [first.uniform() for _ in range(5000)]
    assert drawn == [again.uniform() for _ in range(5000)]
    assert drawn[:10] != [other.uniform() for _ in range(10)]
    ranks = [first.zipf(range(10)) for _ in range(2000)]
    assert min(ranks) == 0
    assert max(ranks) == 9
    assert ranks.count(0) > 2 * ranks.count(4)
