"""Each rendering says the same, escapes what its format needs, and fits where it must."""

import csv
import json
import re
from dataclasses import replace
from functools import partial
from io import StringIO
from statistics import fmean

import pytest
from filled_store import fill
from rich.cells import cell_len

from hxbench import report
from hxbench.errors import InputError
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, format_value
from hxbench.report.render import FORMATS, latex, markdown, renderer, terminal
from hxbench.report.render.latex import escape
from hxbench.store import Store


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """All tables and figures over scores of every length, with every kind of mark."""
    store = Store(tmp_path_factory.mktemp("wide"))
    patch = pytest.MonkeyPatch()
    patch.setenv("HXBENCH_STORE", str(store.root))  # a command is as long as its path, and never broken
    for setting in ("single", "multi", "mixed"):
        for method in ("mbert", "hyperx-small", "hyperx-base"):
            for seed in (1, 2):
                fill(
                    store, method, setting, seeds=(seed,), lacking={("ner", "tr"), ("pos", "ug")},
                    score=lambda task, code, source, seed=seed: 100.0 if seed == 1 else 70.0,
                )  # fmt: skip
    yield [table for name in report.ARTIFACTS["hyperx"] for table in report.build("hyperx", name, store)]
    patch.undo()


@pytest.fixture
def table2(wide):
    return next(table for table in wide if table.name == "table2")


def test_the_terminal_fits_in_100_columns(wide):
    text = terminal.render(wide, 100, all_rows=True)
    lines = text.splitlines()
    assert max(len(line) for line in lines) <= 100
    assert len(lines) > 200
    for needed in ("SYNTHETIC", "85.0±21", "PSF", "Missing runs:", "hxbench run hyperx/table2", "62.3"):
        assert needed in text
    assert "\x1b" not in text


def test_every_mean_has_its_values_by_seed_and_its_runs(wide):
    cells = [cell for table in wide for block in table.blocks for row in block.rows for cell in row.cells]
    means = [cell for cell in cells if cell.mean is not None and cell.runs]
    assert len(means) > 300
    assert all(fmean(value for _, value in cell.seeds) == pytest.approx(cell.mean) for cell in means if cell.seeds)
    several = [cell for cell in means if cell.sd is not None]
    assert {tuple(seed for seed, _ in cell.seeds) for cell in several} >= {(1, 2)}
    rows = list(csv.DictReader(StringIO(renderer("csv")(wide))))
    pairs = [(row["seeds"], row["n"]) for row in rows if row["sd"]]
    assert all(len(seeds.split("; ")) == int(n) for seeds, n in pairs)
    assert all(row["runs"] for row in rows if row["sd"])


def test_a_table_too_wide_is_split_and_loses_nothing():
    columns = tuple(Column(f"method {k}") for k in range(30))
    cells = tuple(Cell(mean=float(k), published=100.0 + k) for k in range(30))
    for layout in ("below", "beside"):
        table = Table("t", "T", "row", columns, (Block("", (Row("only", cells),)),), layout=layout)
        text = renderer("terminal")([table])
        assert max(len(line) for line in text.splitlines()) <= 80
        for k in range(30):
            assert f" {k}.0" in text
            assert f" {100 + k}.0" in text


def test_a_part_leaves_out_what_has_nothing_in_it():
    columns = tuple(Column(f"method {k}", paper=False) for k in range(30))
    half = tuple(Cell(mean=float(k)) if k < 3 else Cell(text="") for k in range(30))
    blocks = (
        Block("all", (Row("whole", tuple(Cell(mean=float(k)) for k in range(30))),)),
        Block("few", (Row("half", half),)),
    )
    text = renderer("terminal")([Table("t", "T", "row", columns, blocks)])
    assert text.count("whole") > 1
    assert text.count("half") == text.count("few") == 1
    narrow = Table("t", "T", "row", columns[5:8], (Block("few", (Row("half", half[5:8]),)),))
    assert "half" in terminal.render([narrow], all_rows=True), "of one part everything is shown"


def costs_and_scores(rows=("one",), text="x"):
    """A table 90 letters wide: two columns of costs, one of text, and eight of scores below a common title."""
    columns = (Column("seeds", kind="seeds"), Column("time", kind="duration"), Column("how", kind="text"))
    scores = tuple(Column(f"s{k}", "NER F1", paper=False) for k in range(8))
    cells = (Cell(text="3"), Cell(90.0, marks=("a",)), Cell(text=text), *(Cell(10.0 + k, 1.25) for k in range(8)))
    block = Block("a block", tuple(Row(title, cells) for title in rows))
    return Table("t", "T", "row", (*columns, *scores), (block,), notes=(("a", "on two cores"),))


@pytest.mark.parametrize(
    ("width", "gone"), [(90, ()), (84, ("seeds",)), (79, ("seeds", "time")), (60, ()), (None, ())]
)
def test_columns_of_no_scores_go_first_where_that_is_enough(width, gone):
    text = terminal.render([costs_and_scores()], width)
    assert max(map(len, text.splitlines())) <= (width or 90)
    assert (f"({', '.join(gone)}), see --wide." in text) == bool(gone)
    table = text.partition("Not shown")[0]
    assert [name for name in ("seeds", "time", "how", "s0", "s7") if table.count(name) != 1] == [*gone]
    assert table.count("a block") == (3 if width == 60 else 1), "what does not fit then stands below"
    assert ("on two cores" in text) == ("time" not in gone), "a note goes with its column"


def test_long_texts_and_titles_go_over_several_lines_by_what_they_take_on_a_screen():
    table = costs_and_scores(rows=("漢字",), text="words and words " * 8)
    text = terminal.render([table], 70)
    assert max(cell_len(line) for line in text.splitlines()) <= 70
    assert text.count("words") == 16
    assert "\n\n" not in text
    head, _, _, first = text.splitlines()[1:5]
    assert cell_len(head.partition("seeds")[0] + "seeds") == cell_len(first.partition("3")[0] + "3")


def test_rows_without_runs_are_counted_unless_they_are_asked_for():
    there = Row("there", (Cell(text="1"), Cell(5.0, marks=("a",))))
    absent = Row("absent", (Cell(text="0"), Cell(published=7.0, marks=("*",), published_marks=("b",))))
    notes = (("*", "runs are missing"), ("a", "note of ours"), ("b", "note of theirs"))
    columns = (Column("seeds", kind="seeds"), Column("score"))
    table = Table("t", "T", "row", columns, (Block("x", (there, absent)), Block("y", (absent,))), notes=notes)
    text = terminal.render([table])
    assert "absent" not in text
    assert "Not shown: 2 rows without runs, see --all-rows." in text
    assert "note of ours" in text
    assert "note of theirs" not in text
    whole = terminal.render([table], all_rows=True)
    assert whole.count("absent") == 2
    assert "note of theirs" in whole
    assert "Not shown" not in whole
    empty = terminal.render([replace(table, blocks=table.blocks[1:])])
    assert empty.splitlines() == ["T", "Not shown: 1 row without runs, see --all-rows."]


def test_what_is_for_paper_has_no_command_in_it():
    remarks = (
        "psf (mixed): only with options.noise deviation.",
        "hxbench runs list shows them.",
        "see --profile.",
    )
    one = replace(costs_and_scores(), remarks=remarks, commands=("hxbench run x",))
    for render in (latex.render, markdown.render):
        text = render([one])
        assert "psf (mixed): only with noise deviation" in text
        assert not re.search("hxbench|--[a-z]|options", text)
    assert all(text in terminal.render([one]) for text in (*remarks, *one.commands)), "where one acts on them"


def test_marks_keep_their_letters():
    marks = Marks()
    letters = [marks.letter(f"note {k}") for k in range(60)]
    assert letters[:2] == ["a", "b"]
    assert letters[25:28] == ["z", "aa", "ab"]
    assert len(set(letters)) == 60
    assert marks.letter("note 0") == "a"


def test_latex_escapes_everything_special():
    assert escape(r"50%_&#{}$~^\<") == (
        r"50\%\_\&\#\{\}\$\textasciitilde{}\textasciicircum{}\textbackslash{}\textless{}"
    )


def test_latex_is_ascii_and_its_sentences_end_once(wide):
    text = renderer("latex")(wide)
    assert text.isascii()
    assert not re.search(r"[^.]\.\.[^.]|;\.|\.;", text)
    assert "commands below" not in text
    column = Column("x†", "é")
    row = Row("−", (Cell(mean=-1.25, published=-2.0),))
    made = renderer("latex")([Table("t", "Guaraní", "row", (column,), (Block("", (row,)),), remarks=("One.",))])
    for needed in (r"Guaran\'{i}", r"x$\dagger$", r"$-$ & $-$1.2", r"($-$2.0)", "raggedright One.\n"):
        assert needed in made


def test_latex_is_balanced_and_bold_where_best(table2):
    table = replace(table2, title="50% of a_b & c", commands=("hxbench train a_b --set x=1%",))
    text = renderer("latex")([table])
    body = "".join(line for line in text.splitlines() if not line.startswith("%"))
    body = body.replace(r"\{", "").replace(r"\}", "")
    assert body.count("{") == body.count("}")
    assert text.count(r"\begin") == text.count(r"\end") == 2
    assert r"50\% of a\_b \& c" in text
    assert "train a" not in text, "whoever reads a paper types nothing"
    assert r"\textbf{" in text
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\cmidrule(lr){5-7}"):
        assert rule in text
    assert sum(line.endswith(r"\\") and "multicolumn" not in line for line in text.splitlines()) == 13


def test_every_row_of_latex_has_as_many_cells_as_its_tabular_has_columns(wide):
    text = renderer("latex")(wide)
    assert text.startswith("% \\usepackage{booktabs}\n")
    tabulars = re.findall(r"\\begin\{tabular\}\{(\w+)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert len(tabulars) == len(wide) >= 20
    for columns, inside in tabulars:
        rows = [line for line in inside.splitlines() if line.endswith(r"\\")]
        spanned = [sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", row)) for row in rows]
        counts = [len(re.findall(r"(?<!\\)&", row)) + 1 + more for row, more in zip(rows, spanned, strict=True)]
        assert {*counts} == {len(columns)}
        plain = re.sub(r"\\[{}]", "", inside)
        assert plain.count("{") == plain.count("}")
        assert not re.search(r"(?<!\\)[%#_]", inside), "which TeX would not print"


def test_markdown_has_even_rows_and_escapes_pipes(table2):
    columns = (replace(table2.columns[0], title="a|b", group="c|d"), *table2.columns[1:])
    cells = (Cell(text="e|f"), *table2.blocks[0].rows[0].cells[1:])
    first = replace(
        table2.blocks[0], rows=(replace(table2.blocks[0].rows[0], cells=cells), *table2.blocks[0].rows[1:])
    )
    table = replace(table2, title="a|b*c", stub="g|h", columns=columns, blocks=(first, *table2.blocks[1:]))
    lines = renderer("markdown")([table]).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 2 + 12 + 3
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {len(table.columns) + 2}
    assert r"### a\|b\*c" in lines
    assert any("**85.0 ± 21.2**" in line for line in rows)


def test_csv_holds_the_unrounded_numbers(wide):
    rows = list(csv.DictReader(StringIO(renderer("csv")(wide))))
    assert {row["table"] for row in rows} == {table.name for table in wide}
    (found,) = (
        row for row in rows
        if (row["table"], row["block"], row["row"], row["column_group"], row["column"])
        == ("table2", "Mixed-language multi-task", "HX-Base", "NER F1", "SEEN")
    )  # fmt: skip
    assert float(found["mean"]) == 85.0
    assert float(found["sd"]) == pytest.approx(21.2132, abs=1e-4)
    assert (found["n"], found["published"], found["profile"]) == ("2", "63.3", "demo")
    assert "runs are missing" in found["notes"]
    assert "only: the data have no more" in found["notes"]
    assert {row["text"] for row in rows if row["table"] == "table1"} == {"yes", "no"}


EVIL = '=HYPERLINK("x")\na|b\x1b[2J\u202e\r<b>$x$'


@pytest.fixture
def evil():
    """A table whose every text tries to be something else."""
    cell = Cell(text=EVIL)
    columns = (Column(EVIL, group=EVIL), Column("@b"))
    rows = (Row(EVIL, (cell, Cell(-1.5, 0.5))), Row("-mask", (Cell(text="+0.3"), Cell(text="-x"))))
    note = (("a", EVIL),)
    return Table(
        EVIL, EVIL, EVIL, columns, (Block(EVIL, rows),), heading=(EVIL,), notes=note, remarks=(EVIL,),
        commands=(EVIL,), facts={"profile": "\ttab"},
    )  # fmt: skip


@pytest.mark.parametrize("format", FORMATS)
def test_no_text_ends_a_line_or_moves_a_cursor(evil, format):
    render = partial(terminal.render, width=None) if format == "terminal" else renderer(format)
    lines = render([evil]).splitlines()
    row = Row("r", (Cell(text="x"), Cell(1.0)))
    plain = Table(
        "t", "t", "t", (Column("c", "g"), Column("d")), (Block("b", (row, row)),), heading=("h",),
        notes=(("a", "n"),), remarks=("r",), commands=("c",), facts={"profile": "p"},
    )  # fmt: skip
    assert len(lines) == len(render([plain]).splitlines())
    assert not any(re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e]", line) for line in lines)


def test_no_cell_of_a_csv_is_a_formula_and_numbers_stay_numbers(evil):
    rows = list(csv.DictReader(StringIO(renderer("csv")([evil]))))
    texts = [value for row in rows for value in row.values()]
    assert not any(value.startswith(("=", "@", "\t", "\r")) for value in texts)
    assert {value for value in texts if value.startswith(("-", "+"))} == {"-1.5", "+0.3"}
    assert (rows[2]["row"], rows[3]["text"], rows[3]["column"]) == ("'-mask", "'-x", "'@b")
    assert rows[0]["block"].startswith("'=HYPERLINK")


def test_json_is_strict_and_complete(wide):
    trees = json.loads(renderer("json")(wide))
    assert [tree["name"] for tree in trees] == [table.name for table in wide]
    tree = next(tree for tree in trees if tree["name"] == "table2")
    assert tree["notes"]["*"].startswith("runs are missing")
    assert len(tree["blocks"][2]["rows"][0]["cells"]) == len(tree["columns"])


def test_an_unknown_format_is_told():
    with pytest.raises(InputError, match="Did you mean markdown"):
        renderer("markdwon")
    assert len(FORMATS) == 5


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (63.25, "score", "63.2"), (76_164_416, "count", "76m"), (13_055_136, "count", "13m"),
        (900_000, "count", "0.9m"),
        (4_730_880, "count", "4.7m"), (311_000, "count", "311k"), (12, "count", "12"), (64_800, "duration", "18h"),
        (7200, "duration", "2h"), (83.2, "duration", "83s"), (600, "duration", "10min"), (2**31, "bytes", "2.0GB"),
    ],
)  # fmt: skip
def test_values_are_written_as_the_paper_does(value, kind, text):
    assert format_value(value, kind) == text
