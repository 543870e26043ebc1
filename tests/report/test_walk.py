"""What is printed where is said once; all renderers say it in its order."""

import re

import pytest

from hxbench.report.artifact.table import Block, Cell, Column, Row, Table
from hxbench.report.render import renderer
from hxbench.report.render.walk import Words, heads, raised, spans, walk

COLUMNS = (Column("c", "g", mark="x"), Column("d", "g"), Column("e", paper=False))
CELLS = (
    Cell(mean=11.25, sd=1.5, best=True, marks=("a", "b"), published=21.0, published_marks=("c",)),
    Cell(mean=-31.0, low=-41.0, high=51.0, published=61.0),
    Cell(mean=71.0),
)
TABLE = Table(
    "t", "T", "row", COLUMNS, (Block("one", (Row("  in", CELLS, strong=True, mark="m"),)),), layout="beside",
    notes=tuple((mark, "n") for mark in "abcmx"),
)  # fmt: skip


def test_a_walk_prints_each_place_once():
    [(title, [line])] = walk(TABLE)
    assert title == "one"
    assert line.title == Words("in", ("m",), bold=True)
    assert [(place.ours, place.paper) for place in line.places] == [
        (Words("11.2", ("a", "b"), True, True, sd="1.5"), Words("21.0", ("c",), number=True)),
        (Words("-31.0", number=True, ends="[-41.0, 51.0]"), Words("61.0", number=True)),
        (Words("71.0", number=True), None),
    ]
    assert heads(TABLE) == [("g", Words("c", ("x",))), ("g", Words("d")), ("", Words("e"))]


def test_a_text_stands_for_a_number_and_a_dash_for_none():
    cells = (Cell(mean=1.0, text="yes", marks=("a",)), Cell(marks=("a",), published=2.0), Cell())
    [(_, [line])] = walk(Table("t", "T", "row", COLUMNS, (Block("", (Row("r", cells),)),)))
    assert [place.ours for place in line.places] == [Words("yes"), Words("–", ("a",)), Words("–")]
    assert [place.paper for place in line.places] == [None, Words("2.0", number=True), None]


def test_neighbours_share_a_title():
    assert spans(["", "a", "a", "", "a"]) == [("", [0]), ("a", [1, 2]), ("", [3]), ("a", [4])]
    assert spans([]) == []


def test_letters_are_raised_without_markup():
    assert raised("ab*†") == "ᵃᵇ*†"


@pytest.mark.parametrize("render", [*map(renderer, ("terminal", "markdown", "latex"))])
def test_every_renderer_says_the_same_numbers_in_one_order(render):
    text = render([TABLE]).replace("$-$", "-")
    found = re.findall(r"-?\d+\.\d(?!\d)", text)
    assert found == ["11.2", "1.5", "21.0", "-31.0", "-41.0", "51.0", "61.0", "71.0"]
