"""What others have written is shown on one line, and not at length."""

import pytest

from hxbench.errors import did_you_mean
from hxbench.printing import grouped, printable, sentence, shortened, some


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Türkçe 漢字 ‌x", "Türkçe 漢字 ‌x"),  # a joiner is part of a word in some scripts
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[2J\x9b", r"\x1b[2J\x9b"),
        ("a\u2028b\u202ec\ufeff", r"a\u2028b\u202ec\ufeff"),
        ("\udcff\ud800", r"\xff\ud800"),
    ],
)
def test_what_moves_a_cursor_is_escaped(text, shown):
    assert printable(text) == shown


def test_long_texts_lose_their_middle():
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefghij", 6) == "abcd…j"
    assert len(sentence("a" * 5000)) == 300
    assert len(sentence("a " * 3000)) == 2000
    path = "/home/somebody/" + "folder/" * 30 + "file"
    assert sentence(f"cannot write {path}: no space.") == f"cannot write {path}: no space."


def test_lists_are_counted_and_grouped():
    assert some("abc") == "a, b, c"
    assert some([str(n) for n in range(100)]) == "0, 1, 2 and 97 more"
    assert grouped([("ud", "a"), ("ner", "b"), ("ud", "c")]) == "a, c, b"
    many = [("ud", f"u{n}") for n in range(100)] + [("text", "t")]
    assert grouped(many) == "100 of ud (u0, u1, u2 and 97 more); 1 of text (t)"


def test_a_name_of_thousands_of_letters_is_refused_in_no_time():
    said = did_you_mean("method", "a\n" * 100_000, ["ner", "pos"])
    assert said.endswith("Known: ner, pos.")
    assert len(said) < 200
    assert said == printable(said)


def test_of_many_known_names_a_sentence_lists_some():
    known = [f"known-{n:02}" for n in range(40)]
    assert did_you_mean("method", "zz", known).endswith("known-23, known-24 and 15 more.")
    assert did_you_mean("method", "zz", known[:25]).endswith("known-23, known-24.")
