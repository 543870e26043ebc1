"""What a paper says is a closed file, and papers come from other packages as well."""

import re
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from filled_store import fill

from hxbench import report
from hxbench.closed import validated
from hxbench.errors import InputError
from hxbench.report.artifact.published import published
from hxbench.report.paper import PaperFile, paper_file, papers
from hxbench.report.paper_names import require_names

PAPER = """
title: My paper
made_up: languages
numbers: {published: ours alone}
rows:
  base: {title: Ours, method: hyperx-base}
artifacts:
  table1: {title: "Scores (My paper, Table 1)", heading: "My paper, Table 1: scores"}
"""
RESULTS = """
from hxbench.report.papers.hyperx.rows import SCORING
from hxbench.report.results import Results as AnyResults


class Results(AnyResults):
    paper = "hyperx"
    scoring = SCORING
"""
TABLE = """
from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Block, Column, Marks, Row, Table


def build(results):
    marks, runs = Marks(), results.run_set("hyperx-base", "mixed")
    cell = make_cell(runs.group("ner", "ALL"), None, marks)
    return [Table(name="mine", title="Mine", stub="method", columns=(Column("ALL"),),
                  blocks=(Block("", (Row("Ours", (cell,)),)),), **results.told("", [runs], marks))]
"""


@pytest.mark.parametrize("paper", papers())
def test_a_shipped_paper_has_what_its_file_says(paper):
    found = paper_file(paper)
    assert found.artifacts
    folder = Path(import_module(papers()[paper]).__file__).parent
    require_names(paper, found, folder / "paper.yaml")
    code = "".join(
        path.read_text(encoding="utf-8") for path in (*folder.glob("*.py"), *folder.parent.glob("*/*.py"))
    )
    code += (folder.parent / "frontier.py").read_text(encoding="utf-8")
    in_file = {text for e in found.artifacts.values() for text in (*e.before, *e.after, *e.caption)}
    assert [name for name in found.texts if name not in in_file and not re.search(f"[\"']{name}[\"']", code)] == []
    for name, artifact in report.artifacts(paper).items():
        assert import_module(artifact.module).build, name
        assert artifact.kind in ("table", "figure")


def test_an_unknown_key_is_told_with_those_that_there_are():
    values = {"title": "T", "made_up": "tasks", "numbers": {}, "artifacts": {}}
    assert validated(PaperFile, values, "paper.yaml").title == "T"
    with pytest.raises(InputError, match=r"unknown field 'artefacts'.* Did you mean artifacts"):
        validated(PaperFile, {**values, "artefacts": {}}, "paper.yaml")
    with pytest.raises(InputError, match=r"artifacts\.table1\.titel"):
        validated(PaperFile, {**values, "artifacts": {"table1": {"titel": "x", "title": "y"}}}, "paper.yaml")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"rows": {"base": {"title": "B", "method": "hyperx-bas"}}},
            "rows.base: unknown method 'hyperx-bas'. Did",
        ),
        ({"rows": {"base": {"title": "B", "also": ["ptt"]}}}, "rows.base: unknown method 'ptt'. "),
        ({"formulas": "paramters"}, "formulas: unknown module 'paramters'. Did you mean parameters?"),
        (
            {"numbers": {"publishd": "x y"}},
            "artifacts.table1.numbers: unknown line of numbers 'published'. Did you",
        ),
        ({"rows": ["bsae"]}, "artifacts.table1.rows: unknown row 'bsae'. Did you mean base?"),
        ({"sizes": ["bse"]}, "artifacts.table1.sizes: unknown size 'bse'. Did you mean base?"),
        (
            {"experiment": "tabel1"},
            "artifacts.table1.experiment: unknown experiment 'tabel1'. Did you mean table1",
        ),
        ({"module": "tabl1"}, "artifacts.table1.module: unknown module 'tabl1'. Did you mean table1"),
        ({"module": "hxbench.nothing"}, "artifacts.table1.module: there is no module hxbench.nothing."),
        ({"before": ["nams"]}, "artifacts.table1.before: unknown text 'nams'. Did you mean names?"),
        ({"kind": "figure"}, "artifacts.table1.kind is figure, but its name says table: leave kind out"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused_with_file_and_field(wrong, said):
    path = Path(import_module(papers()["pha"]).__file__).parent / "paper.yaml"
    values = {
        "title": "T", "made_up": "tasks", "numbers": {"published": "ours alone"}, "texts": {"names": "A: B"},
        "rows": {"base": {"title": "B", "method": "pha"}}, "artifacts": {"table1": {"title": "T"}},
    }  # fmt: skip
    require_names("pha", validated(PaperFile, values, "paper.yaml"), path)
    of_file = any(isinstance(value, dict) for value in wrong.values()) or "formulas" in wrong
    whole = values | (wrong if of_file else {"artifacts": {"table1": {"title": "T", **wrong}}})
    with pytest.raises(InputError) as refused:
        require_names("pha", validated(PaperFile, whole, "paper.yaml"), path)
    assert str(refused.value).startswith(f"{path}: {said}")


def test_no_paper_stands_on_another():
    folder = Path(report.__file__).parent / "papers"
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and any(path.glob("*.py")))
    assert set(names) == {*papers(), "own"}
    for name in names:
        others = "|".join(other for other in names if other != name)
        for path in (folder / name).glob("*.py"):
            found = re.findall(rf"hxbench\.report\.papers\.(?:{others})\b", path.read_text(encoding="utf-8"))
            assert not found, f"{path.name} imports {found[0]}"


def test_printed_values_have_their_notes_and_sources():
    assert "62.3 − 52.9 are 9.4" in published("hyperx").note(
        "Table 2", "Hyper-X Base", "Mixed-language multi-task", "NER F1", "ALL"
    )
    assert {row["quoted_from"].partition(";")[0] for row in published("pha").rows} == {
        "", "Hyperformer", "Hyperdecoder", "ATTEMPT",
    }  # fmt: skip
    assert sum(bool(row["note"]) for row in published("pet").rows) == 110


def test_a_paper_of_another_package_is_reported_on(store, tmp_path, monkeypatch):
    info = tmp_path / "site" / "mypaper-1.dist-info"
    files = {"__init__.py": "", "paper.yaml": PAPER, "results.py": RESULTS, "table1.py": TABLE}
    for name, text in files.items():
        (tmp_path / "site" / "mypaper").mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / "mypaper" / name).write_text(text)
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mypaper\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[hxbench.papers]\nmine = mypaper\nlost = nowhere_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    fill(store)
    (artifact,) = report.artifacts("mine").values()
    assert (artifact.title, artifact.kind) == ("Scores (My paper, Table 1)", "table")
    (table,) = report.make(artifact, report.read_results("mine", store)).tables
    (row,) = table.blocks[0].rows
    assert row.cells[0].mean == 52.0
    assert [seed for seed, _ in row.cells[0].seeds] == [1, 2, 3]
    (tmp_path / "site" / "mypaper" / "results.py").unlink()
    monkeypatch.delitem(sys.modules, "mypaper.results")
    assert report.read_results("mine", store).title_of("hyperx-base") == "Ours", "with the titles of its own file"
    with pytest.raises(
        InputError, match=r"mypaper\.table1 makes a table, but .* has table1 as a figure: kind: tab"
    ):
        report.make(replace(artifact, kind="figure"), report.read_results("mine", store))
    (tmp_path / "site" / "mypaper" / "paper.yaml").write_text(PAPER.replace("hyperx-base", "hyperx-bas"))
    paper_file.cache_clear()
    with pytest.raises(
        InputError, match=r"mypaper/paper\.yaml: rows\.base: unknown method 'hyperx-bas'\. Did you"
    ):
        paper_file("mine")
    with pytest.raises(
        InputError, match=r"entry point lost of hxbench\.papers: there is no package nowhere_at_all"
    ):
        paper_file("lost")
    with pytest.raises(InputError, match="Did you mean pha"):
        report.artifacts("phaa")
