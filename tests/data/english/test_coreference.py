import re

import pytest

from hxbench.data.examples import mark_spans


def by_t5s_rule(text, first, second):
    """What the published code does, for texts whose words have one blank between them."""

    def mark(text, span, index, sign):
        pattern = rf"^((?:\S+\s){{{index}}})({re.escape(span)})"
        return re.sub(pattern, rf"\1{sign} \2 {sign}", text)

    shift = 2 if first[1] < second[1] else 0
    return mark(mark(text, *first, "*"), second[0], second[1] + shift, "#")


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("Mark told Pete lies. He should not.", ("Mark", 0), ("He", 4)),
        ("Stretching her back, the woman smiled.", ("the woman", 3), ("her", 1)),
        ("The trophy doesn't fit, as it's too big.", ("The trophy", 0), ("it", 5)),
        ("I saw Mr. Singer (a friend), whom he knew", ("Mr. Singer", 2), ("he", 7)),
        ("a b", ("a", 0), ("b", 1)),
    ],
)
def test_as_t5_where_t5_marks_both(text, first, second):
    marked = mark_spans(text, first, second)
    assert marked == by_t5s_rule(text, first, second)
    assert marked.count("*") == marked.count("#") == 2


def test_the_example_of_the_paper():
    text = "Mark told Pete many lies about himself, which Pete included in his book. He should have been"
    assert mark_spans(text, ("Mark", 0), ("He", 13)) == (
        "* Mark * told Pete many lies about himself, which Pete included in his book. # He # should have been"
    )


def test_case_is_that_of_the_text():
    assert mark_spans("So the table broke it.", ("The table", 1), ("it", 4)) == "So * the table * broke # it #."


def test_one_word_away_is_found():
    text = 'the " willow tree " wants to use it , but it fails'
    assert mark_spans(text, ("willow tree", 1), ("it", 7)).count("*") == 2
    assert "use # it # , but it" in mark_spans(text, ("willow tree", 2), ("it", 7))


def test_white_space_is_kept():
    assert mark_spans("A  man\nsaw it", ("a man", 0), ("it", 3)) == "* A  man *\nsaw # it #"


def test_one_span_inside_the_other():
    assert mark_spans("and their mothers came", ("their mothers", 1), ("their", 1)) == (
        "and * # their # mothers * came"
    )
    assert mark_spans("and their mothers came", ("their mothers", 1), ("mothers", 2)) == (
        "and * their # mothers # * came"
    )
    assert mark_spans("it came", ("it", 0), ("it", 0)) == "* # it # * came"


def test_a_word_is_no_part_of_another():
    with pytest.raises(ValueError, match="no span 'Pete'"):
        mark_spans("Peter saw it", ("Pete", 0), ("it", 2))
    with pytest.raises(ValueError, match="empty span"):
        mark_spans("Peter saw it", (" ", 0), ("it", 2))
