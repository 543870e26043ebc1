"""The page has everything, is whole, needs nothing from outside, and lets nothing of the store become markup."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from filled_store import fill

from hxbench import report
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Block, Cell, Column, Row, Table
from hxbench.report.draw import pictures
from hxbench.report.render.page import inline_svg, render_page
from hxbench.store import Store

VOID = {"meta", "br", "hr", "img", "input", "link"}
EVIL = '<script>alert("1")</script>&'


class Reader(HTMLParser):
    """Keeps what a page has, and fails on an end tag that closes something else than what is open."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.places, self.words = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self._look(attrs)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self._look(attrs)

    def _look(self, attrs):
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "xlink:href", "data", "action", "srcset"):
                self.places.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("page"))
    fill(store)
    fill(store, "mbert", seeds=(1, 2))
    results = report.read_results("hyperx", store)
    made = [report.make(artifact, results) for artifact in report.artifacts("hyperx").values()]
    svgs = {f.name: pictures(f, ["svg"])["svg"].decode() for one in made for f in one.figures}
    return render_page("Hyper-X", results.heading([])[0], results.synthetic, made, svgs)


def test_the_page_is_whole_and_has_every_table_and_figure(page):
    reader = Reader(page)
    assert len(reader.ids) == len(set(reader.ids))
    assert set(report.artifacts("hyperx")) <= set(reader.ids)
    assert reader.tags.count("svg") == 5
    assert reader.tags.count("table") >= 16
    said = " ".join(reader.words)
    for needed in ("SYNTHETIC", "Mixed-language multi-task", "52.0", "63.3", "hxbench run hyperx/figure3", "±1.0"):
        assert needed in said
    assert "<b>" in page


def test_the_page_needs_nothing_from_outside(page):
    reader = Reader(page)
    assert reader.places
    for place in reader.places:
        assert place.startswith("#")
        assert place[1:] in reader.ids, f"{place} leads nowhere"
    for name in re.findall(r"url\(#([^)]*)\)", page):
        assert name in reader.ids
    assert not {"script", "link", "img", "iframe", "object"} & set(reader.tags)
    assert "http" not in page
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_nothing_of_the_store_becomes_markup():
    cells = (Cell(text=EVIL), Cell(mean=1.0, published=2.0, marks=(EVIL,), published_marks=(EVIL,)))
    block = Block(EVIL, (Row(EVIL, cells, mark=EVIL),))
    table = Table(
        EVIL, EVIL, EVIL, (Column(EVIL, EVIL), Column(EVIL, mark=EVIL)), (block,),
        notes=((EVIL, EVIL),), remarks=(EVIL,), commands=(EVIL,), heading=(EVIL,),
    )  # fmt: skip
    artifact = replace(report.find_artifact("hyperx", "2"), name=f'"{EVIL}')  # a file of the user's names it
    made = report.Made(artifact, (table, replace(table, heading=())))
    text = render_page(EVIL, EVIL, True, [made], {})
    reader = Reader(text)
    assert "script" not in reader.tags
    # the page says title (twice), profile and heading; each of two tables says 16 texts, in cells and around them
    assert "".join(reader.words).count(EVIL) == 4 + 2 * 16
    assert "<script" not in text


def test_nothing_of_a_figure_becomes_markup():
    """A method, a panel and an axis end up in the picture; the caption and footnotes below it."""
    method = Series(EVIL, (Cell(mean=1.0, marks=("a",)), Cell(mean=2.0)))
    figure = Figure(
        "figure3", EVIL, "bars", EVIL, (EVIL, "b"), (Panel(EVIL, EVIL, (method,), said=EVIL),),
        axis=EVIL, caption=(EVIL,), notes=(("a", EVIL),), remarks=(EVIL,),
    )  # fmt: skip
    svgs = {figure.name: pictures(figure, ["svg"])["svg"].decode()}
    made = report.Made(report.find_artifact("hyperx", "3", "figure"), figure.tables(), (figure,))
    text = render_page("t", "p", False, [made], svgs)
    reader = Reader(text)
    assert "script" not in reader.tags
    assert "<script" not in text
    assert reader.tags.count("svg") == 1
    assert "".join(reader.words).count(EVIL) >= 8


def test_a_picture_gets_names_of_its_own():
    svg = (
        '<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "a" "http://x">\n'
        '<svg xmlns:xlink="http://x" width="4pt" height="3pt" viewBox="0 0 4 3" xmlns="http://y" version="1.1">'
        '<metadata>http://z</metadata><!-- said --><g id="a"/><use xlink:href="#a"/><g clip-path="url(#a)"/></svg>'
    )
    assert inline_svg(svg, "one") == (
        '<svg viewBox="0 0 4 3" version="1.1">'
        '<g id="one-a"/><use href="#one-a"/><g clip-path="url(#one-a)"/></svg>'
    )
