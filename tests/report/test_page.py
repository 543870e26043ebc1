"""The page in a real browser: it says what the CSV says, and sorts, filters, opens, links and copies it."""

import csv
import io
import json
import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from filled_store import fill

from hxbench import report
from hxbench.errors import InputError
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Block, Cell, Column, Row, Table, format_value
from hxbench.report.everything import Part, everything, part_of
from hxbench.report.render import renderer
from hxbench.report.render.page import render_page
from hxbench.store import Store

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
EVIL = '</script><img src=x onerror="window.evil=1"><script>window.evil=1</script>&"\''
DETAILS = "return document.getElementById('details').innerText"
# each cell of a table as the page shows it: where it is, all its digits, and what is read
CELLS = """
return [...document.querySelectorAll('#main table')].flatMap((table) => [...table.tBodies].flatMap((body) => {
  const said = (node) => [...node.childNodes].filter((one) => one.nodeType === 3).map((one) => one.data).join('');
  const block = body.querySelector('.block span');
  const heads = [...table.tHead.rows].at(-1).cells;
  const title = (row) => (row.cells[0].querySelector('strong') || row.cells[0]).firstChild?.data ?? '';
  const rows = [...body.querySelectorAll('tr:not(.block)')];
  return rows.flatMap((row) => [...row.cells].slice(1).map((td, place) => ({
    block: block ? said(block) : '', row: title(row), column: heads[place + 1].firstChild.data ?? '',
    lines: tips.get(td) || [], text: td.innerText.split('\\n')[0], address: td.dataset.cell || '',
  })));
}));
"""


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        one = Browser(folder)
        one.look(1400)
        yield one
        one.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Parts of a small store: a paper at one profile, some tables and a figure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        store = Store(tmp_path_factory.mktemp("store"))
        fill(store)
        fill(store, "mbert", seeds=(1, 2))
        fill(store, "psf", seeds=(1,), score=lambda task, code, source: 31.4159 + len(code))
    results = report.read_results("hyperx", store)
    names = ("table2", "table5", "table6", "figure3", "figure6", "claims")
    return part_of(results, [report.make(report.artifacts("hyperx")[name], results) for name in names])


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(render_page("Results", [made]), encoding="utf-8")
    return file


@pytest.fixture
def opened(browser, page):
    """The page at its second table, where nothing has been clicked yet."""
    browser.requests.clear()
    browser.console.clear()
    browser.look(1400)
    browser.open(page, "#hyperx/demo/table2")
    yield browser
    assert browser.console == []
    assert [one for one in browser.requests if not one.startswith(("file:", "about:"))] == []


def choose(browser, facet, value):
    browser.run(f"document.querySelector('input[name={facet}][value=\"{value}\"]').click()")


def equal(browser, tables):
    """Compare what the page shows of tables with their CSV, cell by cell; return how many cells that were."""
    browser.run("const one = document.getElementById('all-rows'); if (!one.checked) one.click();")
    shown = browser.run(CELLS)
    wanted = list(csv.DictReader(io.StringIO(renderer("csv")(list(tables)))))
    kinds = {(t.name, c.group, c.title): c.kind for t in tables for c in t.columns}
    filled = [cell for cell in shown if cell["address"]]
    assert len(filled) == len(wanted) > 0
    for cell, row in zip(filled, wanted, strict=True):
        assert [cell[name] for name in ("block", "row", "column")] == [row[n] for n in ("block", "row", "column")]
        numbers = dict(re.match(r"(mean|s\.d\.|n =|published) (\S+)", line).groups() for line in cell["lines"]
                       if re.match(r"(mean|s\.d\.|n =|published) ", line))  # fmt: skip
        for name, told in (("mean", "mean"), ("sd", "s.d."), ("published", "published")):
            assert (float(numbers[told]) if told in numbers else None) == (float(row[name]) if row[name] else None)
        if row["mean"] and not row["text"]:
            kind = kinds[row["table"], row["column_group"], row["column"]]
            assert cell["text"].startswith(format_value(float(row["mean"]), kind))
    return len(filled)


def test_every_number_is_that_of_the_csv(opened, made):
    for one in made.made:
        opened.run(f"location.hash = '#hyperx/demo/{one.artifact.name}';")
        assert equal(opened, one.tables) > 5


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The page of two tables of the published store, and the part that it is of."""
    results = report.read_results("hyperx", Store(REFERENCE), "lab")
    part = part_of(results, [report.make(report.find_artifact("hyperx", name), results) for name in "26"])
    file = tmp_path_factory.mktemp("published") / "page.html"
    file.write_text(render_page("Results", [part]), encoding="utf-8")
    return file, part


def test_every_published_number_is_that_of_the_csv(browser, published):
    file, part = published
    browser.open(file)
    assert equal(browser, part.made[0].tables) > 80


def test_a_language_opens_the_curves_of_its_runs(browser, published):
    file, part = published
    browser.open(file, "#hyperx/lab/table6")
    browser.do("document.querySelector('[aria-label^=\"Curves of ar\"]').click()")
    shown = browser.run(
        "return [...document.querySelectorAll('#details circle')].map((one) => tips.get(one) || [])"
    )
    assert browser.run("return document.querySelector('#details option').innerText") == "POS, ar · Arabic"
    points = {(lines[1].split()[1], float(lines[-1].split()[-1])) for lines in shown if len(lines) > 2}
    assert points
    for run_id, value in points:
        rows = part.records[run_id].metrics()
        assert value in {row["value"] for row in rows if row["split"] == "dev" and row["language"] == "ar"}


def test_a_column_sorts_the_rows_of_each_block_and_goes_back(opened):
    def column():
        cells = [one for one in opened.run(CELLS) if one["address"].endswith("ner-f1-all")]
        blocks = dict.fromkeys(one["block"] for one in cells)
        return {name: [one["row"] for one in cells if one["block"] == name] for name in blocks}

    def sort():
        opened.run("[...document.querySelectorAll('th.sortable')].at(-1).click()")
        return opened.run("return document.querySelector('[aria-sort]:not([aria-sort=none])')?.ariaSort ?? ''")

    before = column()
    assert sort() == "descending"
    shown = [
        one
        for one in opened.run(CELLS)
        if one["address"].endswith("ner-f1-all") and one["block"].startswith("Mixed")
    ]
    means = [float(one["lines"][0].split()[1]) for one in shown if one["lines"][0].startswith("mean")]
    assert means == sorted(means, reverse=True)
    assert len(means) == 3
    assert sort() == "ascending"
    assert sort() == ""
    assert column() == before


def test_filters_leave_what_has_something_of_all_that_is_chosen(opened):
    def contents():
        return opened.run("return [...document.querySelectorAll('#list .title')].map((one) => one.innerText)")

    assert len(contents()) == 6
    choose(opened, "method", "psf")
    assert {one["row"] for one in opened.run(CELLS)} == {"PSF"}
    choose(opened, "task", "ner")
    assert all(one["address"].rpartition("~")[2].startswith("ner") for one in opened.run(CELLS))
    choose(opened, "seed", "1")
    values = {one["text"] for one in opened.run(CELLS)}
    assert all(float(value) > 30 for value in values)
    choose(opened, "language", "mt")
    assert "Table 2" not in " ".join(contents())
    opened.do("location.hash = '#hyperx/demo/table6';")
    rows = {one["row"] for one in opened.run(CELLS)}
    assert rows == {"qam (mt)"}
    opened.do("document.querySelector('#filters button').click();")
    assert len(contents()) == 6


def test_a_claim_stays_with_its_verdict(opened):
    opened.do("location.hash = '#hyperx/demo/claims';")
    choose(opened, "method", "psf")
    choose(opened, "task", "ner")
    cells = opened.run(CELLS)
    assert {one["block"] for one in cells} == {"Hyper-X Base above PSF, mixed-language"}
    assert {one["row"] for one in cells} == {"NER SEEN", "NER UNSEEN", "NER ALL"}
    assert {one["column"] for one in cells} >= {"difference", "verdict"}


def test_rows_without_runs_are_counted_in_a_line(opened, made):
    table = made.made[0].tables[0]
    rows = [row for block in table.blocks for row in block.rows]
    count = "return document.querySelectorAll('#main tbody tr:not(.block)').length"
    shown, said = opened.run(count), "return document.querySelector('.without')?.firstChild.data ?? ''"
    assert 0 < shown < len(rows)
    assert opened.run(said) == f"{len(rows) - shown} rows without runs are not shown. "
    opened.run("document.querySelector('.without button').click()")
    assert [opened.run(count), opened.run(said)] == [len(rows), ""]


def test_filters_leave_the_points_of_a_figure(browser, made, tmp_path):
    """A frontier by the runs behind its points, a scatter by the task that a series is of."""

    def run(method, seed):
        return next(one.id for one in made.records.values() if (one.spec.method, one.spec.seed) == (method, seed))

    ours = tuple((run("hyperx-base", seed),) for seed in (1, 2))
    both = (*ours[0], *ours[1])
    some = (
        Series("HX-Base", points=((1.0, 50.0), (2.0, 60.0), (4.0, 70.0)), runs=(*ours, both)),
        Series("mBERT", points=((3.0, 40.0),), runs=((run("mbert", 1),),)),
    )
    front = Panel("", "score", some, front=some[0].points)
    clouds = tuple(Series(task, points=((1.0, 2.0), (2.0, 1.0)), runs=(ours[0],) * 2) for task in ("POS", "NER"))
    figures = (
        Figure("f", "Costs", "frontier", "", (), (front,)),
        Figure("g", "A plane", "scatter", "", (), (Panel("", "", clouds),)),
    )
    artifact = report.find_artifact("hyperx", "3", "figure")
    part = replace(made, made=(report.Made(artifact, (), figures),))
    (tmp_path / "page.html").write_text(render_page("Results", [part]), encoding="utf-8")

    def points():
        return [browser.run(f"return document.querySelectorAll('.{one} .dot.faint').length - "
                            f"document.querySelectorAll('.{one} + .legend .dot.faint').length")
                for one in ("frontier", "scatter")]  # fmt: skip

    browser.open(tmp_path / "page.html")
    assert points() == [4, 4]
    choose(browser, "method", "mbert")
    assert points() == [1, 0]
    choose(browser, "method", "mbert")
    choose(browser, "task", "ner")
    assert points() == [0, 2]
    choose(browser, "task", "ner")
    choose(browser, "seed", "2")
    assert points() == [1, 0]
    assert browser.console == []


def test_the_page_opens_on_the_most_real_profile(made):
    parts = [
        made,
        replace(made, profile="paper", made=made.made[:1], synthetic=False),
        replace(made, profile="lab"),
    ]
    text = render_page("Results", parts).partition('id="index">')[2].partition("</script>")[0]
    index = json.loads(text)
    assert index["first"] == "hyperx/paper/table2"
    assert [one["profile"] for one in index["parts"]] == ["paper", "demo", "lab"]


def test_one_seed_stands_in_the_place_of_the_mean(opened, made):
    opened.run("document.querySelector('input[name=seed][value=\"2\"]').click()")
    cells = {(block.title, row.title, column.group, column.title): (cell, column.kind)
             for table in made.made[0].tables for block in table.blocks for row in block.rows
             for cell, column in zip(row.cells, table.columns, strict=True)}  # fmt: skip
    of = [([value for seed, value in cell.seeds if seed == 2], kind) for cell, kind in cells.values()]
    wanted = {format_value(values[0], kind) if len(values) == 1 else "–" for values, kind in of if values}
    shown = {one["text"] for one in opened.run(CELLS) if any(line.startswith("seed 2") for line in one["lines"])}
    assert shown == wanted != {"–"}


def test_a_cell_opens_at_its_address_with_seeds_runs_and_commands(opened, page, made):
    address = opened.do(
        "const cells = [...document.querySelectorAll('td[data-cell]')].filter((one) => tips.has(one));"
        "const wanted = (one) => /hx-base~ner-f1-all/.test(one.dataset.cell) && /mean/.test(tips.get(one)[0]);"
        "cells.find(wanted).click(); return location.hash;"
    )
    assert address.startswith("#hyperx/demo/table2~table2~mixed")
    said = opened.run(DETAILS)
    cell = next(cell for table in made.made[0].tables for block in table.blocks if block.title.startswith("Mixed")
                for row in block.rows if row.title == "HX-Base"
                for cell, column in zip(row.cells, table.columns, strict=True)
                if (column.group, column.title) == ("NER F1", "ALL"))  # fmt: skip
    assert cell.seeds
    for seed, value in cell.seeds:
        assert f"{seed}\t{value}".removesuffix(".0") in said
    assert cell.runs
    assert all(run in said for run in cell.runs)
    assert "hxbench run hyperx/table2" in said
    opened.press("Escape")
    assert opened.run("return document.getElementById('details').hidden")
    assert opened.run("return location.hash") == "#hyperx/demo/table2"
    assert opened.run("return document.activeElement.dataset.cell") in address
    opened.open(page, address)
    assert opened.run(DETAILS) == said


def test_keys_walk_through_a_table(opened):
    opened.run("document.querySelector('td[data-cell]').focus()")
    start = opened.run("return document.activeElement.cellIndex")
    opened.press("ArrowRight", "ArrowDown")
    assert opened.run("return document.activeElement.cellIndex") == start + 1
    assert opened.run("return document.querySelectorAll('table [tabindex=\"0\"]').length") == 1
    opened.press("Enter")
    opened.do("")
    assert not opened.run("return document.getElementById('details').hidden")
    opened.press("Escape", "Home")
    assert opened.run("return document.activeElement.tagName") == "TH"
    opened.press("ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "Enter")
    assert opened.run("return document.activeElement.ariaSort") == "ascending"


def test_published_values_go_and_come_back(opened):
    count = "return [...document.querySelectorAll('#main .paper')].filter((one) => one.checkVisibility()).length"
    before = opened.run(count)
    assert before > 20
    opened.run("document.getElementById('published').click()")
    assert opened.run(count) == 0
    opened.run("document.getElementById('published').click()")
    assert opened.run(count) == before


@pytest.mark.parametrize("name", ["CSV", "LaTeX", "Markdown"])
def test_a_table_is_copied_as_the_command_line_writes_it(opened, made, name):
    opened.run("window.kept = ''; navigator.clipboard.writeText = async (text) => { window.kept = text; };")
    opened.do(f"document.querySelector('[data-copy={name}]').click()")
    assert opened.run("return window.kept") == renderer(name.lower())(list(made.made[0].tables))


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_in_both_colours(opened, dark):
    opened.look(400, dark=dark)
    assert opened.run("return document.scrollingElement.scrollWidth") <= 400
    ground = opened.run("return getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(23, 24, 26)" if dark else "rgb(255, 255, 255)")
    opened.run(
        "const one = document.getElementById('theme'); one.value = 'light'; one.dispatchEvent(new Event('change'))"
    )
    assert opened.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_nothing_of_the_store_becomes_markup(browser, tmp_path):
    cells = (Cell(text=EVIL), Cell(mean=1.0, published=2.0, marks=(EVIL,), published_marks=(EVIL,)))
    block = Block(EVIL, (Row(EVIL, cells, mark=EVIL),))
    table = Table(
        EVIL, EVIL, EVIL, (Column(EVIL, EVIL), Column(EVIL, mark=EVIL)), (block,),
        notes=((EVIL, EVIL),), remarks=(EVIL,), commands=(EVIL,), heading=(EVIL,),
    )  # fmt: skip
    panel = Panel(EVIL, EVIL, (Series(EVIL, (Cell(mean=1.0), Cell(mean=2.0))),), said=EVIL)
    figure = Figure("f", EVIL, "bars", EVIL, (EVIL, "b"), (panel,), axis=EVIL, caption=(EVIL,))
    artifact = replace(report.find_artifact("hyperx", "2"), name=EVIL, title=EVIL)
    part = Part(
        "hyperx",
        EVIL,
        EVIL,
        True,
        (report.Made(artifact, (table, table), (figure,)),),
        {},
        {},
        {EVIL: [(EVIL, [])]},
    )
    (tmp_path / "page.html").write_text(render_page(EVIL, [part]), encoding="utf-8")
    browser.console.clear()
    browser.open(tmp_path / "page.html")
    browser.do("document.querySelectorAll('td[data-cell]')[1].click()")
    assert browser.run("return [window.evil ?? 0, document.images.length, document.title]") == [0, 0, EVIL]
    assert browser.run("return [...document.scripts].filter((one) => !one.type).length") == 1
    assert browser.run("return document.body.innerText.split('onerror').length") > 20
    assert browser.console == []
    refused = browser.run(
        "const refused = new Promise((done) => addEventListener('securitypolicyviolation', done));"
        "const one = document.createElement('img'); one.src = 'http://127.0.0.1:9/x'; document.body.append(one);"
        "return (await refused).effectiveDirective;"
    )
    assert refused == "img-src"


def test_the_whole_of_a_store_is_its_papers_and_profiles(tmp_path, monkeypatch):
    """What there is runs of, what was asked for of one's own first, and nothing else."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    store, told, mine = Store(tmp_path / "store"), [], tmp_path / "mine.yaml"
    fill(store, seeds=(1,))
    mine.write_text("paper: hyperx\nabout: A try.\nblocks: [{setting: mixed, methods: [hyperx-base]}]\n")
    (part,) = everything(store, lambda *what: told.append(what), experiment=("hyperx", str(mine)))
    assert part.name == "hyperx/demo"
    assert [one.artifact.name for one in part.made] == ["runs-of-mine", *report.artifacts("hyperx")]
    assert told[-1] == ("Hyper-X, demo", len(part.made) - 1, len(part.made) - 1)
    with pytest.raises(InputError, match="has no runs of profile lab to show, but of demo: --profile names one"):
        everything(store, lambda *what: None, "lab")


def test_a_profile_of_ones_own_is_shown_by_its_file(tmp_path):
    store, file = Store(tmp_path / "store"), tmp_path / "mini.yaml"
    file.write_text("extends: demo\n")
    fill(store, seeds=(1,), profile=str(file))
    with pytest.raises(
        InputError, match="of a profile that ships to show, but of mini: --profile names one, that of "
    ):
        everything(store, lambda *what: None)
    (part,) = everything(store, lambda *what: None, str(file))
    assert part.name == "hyperx/mini"
