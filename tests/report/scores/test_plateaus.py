"""Beside its cell: a run that ended on the plateau of its label frequencies stays in the mean, and is counted."""

import csv
import json
from io import StringIO

import pytest
from filled_store import write_run
from text_store import fill_text, made_profile, read

from hxbench.report import build
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.pha import table1 as pha_table1
from hxbench.report.render import markdown, terminal, unrounded
from hxbench.report.scores.estimate import Estimate, runs_behind, said_of_plateaus
from hxbench.spec import recipe
from hxbench.store import Store
from hxbench.store.packing import write_pack

LEARNED = {"loss": 0.4, "entropy": 2.0}
FLAT = {"loss": 1.99, "entropy": 2.0}
AWAY = {"loss": 7.0, "entropy": 2.0}


def fill(store, flat, seeds=(1, 2)):
    """Both partitions of Hyper-X Base; `flat` says, by seed and partition, what ended on a plateau."""
    for spec in recipe.expand("hyperx-base", setting="mixed", seeds=seeds):
        tasks = flat.get((spec.seed, spec.partition), ())
        ended = {task: FLAT if task in tasks else LEARNED for task in ("ner", "pos")}
        write_run(store, spec, lambda *_, seed=spec.seed: 50.0 + seed, status={"label_losses": ended})


def cells(store, row="HX-Base"):
    (table,) = build("hyperx", "table2", store, "demo")
    found = {}
    for block in table.blocks:
        for one in block.rows:
            if block.title == "Mixed-language multi-task" and one.title == row:
                pairs = zip(table.columns, one.cells, strict=True)
                found = {(column.group, column.title): cell for column, cell in pairs}
    return table, found


def test_the_run_stays_in_the_mean_and_its_cell_says_so(store):
    fill(store, {(2, "a"): ("pos",)})
    table, found = cells(store)
    notes = dict(table.notes)
    for group in ("SEEN", "UNSEEN", "ALL"):
        pos, ner = found["POS accuracy", group], found["NER F1", group]
        assert pos.mean == ner.mean == pytest.approx(51.5)
        assert (pos.on_plateau, ner.on_plateau) == (1, 0)
        said = [notes[mark] for mark in pos.marks if "plateau" in notes[mark]]
        assert said == ["1 of 4 runs ended on the plateau of its label frequencies (POS)"]
        assert not any("plateau" in notes[mark] for mark in ner.marks)
    for render in (terminal, markdown):
        assert " ".join(render.render([table]).split()).count("1 of 4 runs ended on the plateau") == 1


def test_only_runs_that_score_the_cell_are_counted(store):
    # Kazakh is a source of partition a or b, never of both: one model of a seed scores it
    fill(store, {(1, "a"): ("pos",), (1, "b"): ("ner", "pos"), (2, "a"): ("ner",)})
    runs = Results(store, "demo").run_set("hyperx-base", "mixed")
    said = {code: said_of_plateaus(runs.score("pos", code).runs) for code in ("kk", "en")}
    assert said["kk"] == "1 of 2 runs ended on the plateau of its label frequencies (POS)"
    assert said["en"] == "2 of 4 runs ended on the plateau of their label frequencies (POS)"
    assert said_of_plateaus(runs.group("ner", "ALL").runs) == said["en"].replace("POS", "NER")


def test_json_and_csv_have_the_count(store):
    fill(store, {(1, "a"): ("pos",), (2, "b"): ("pos",)})
    table, _ = cells(store)
    rows = [row for row in csv.DictReader(StringIO(unrounded.render_csv([table]))) if row["on_plateau"] != "0"]
    assert {(row["column_group"], row["column"], row["on_plateau"]) for row in rows} == {
        ("POS accuracy", group, "2") for group in ("SEEN", "UNSEEN", "ALL")
    }
    assert all("2 of 4 runs ended on the plateau of their label frequencies" in row["notes"] for row in rows)
    tree = json.loads(unrounded.render_json([table]))
    counts = [cell["on_plateau"] for block in tree[0]["blocks"] for row in block["rows"] for cell in row["cells"]]
    assert sorted({*counts}) == [0, 2]
    assert counts.count(2) == 3


def test_figures_mark_differences_too_and_runs_of_before_say_nothing(store):
    fill(store, {(1, "a"): ("pos",)})
    fill_old = recipe.expand("mbert", setting="mixed", seeds=(1, 2))
    for spec in fill_old:
        write_run(store, spec, lambda *_: 40.0)
    _, found = cells(store, "mBERT")
    assert found["POS accuracy", "ALL"].mean == pytest.approx(40.0)
    assert {cell.on_plateau for cell in found.values()} == {0}
    (figure,) = build("hyperx", "figure3", store, "demo")
    flat = [c for block in figure.blocks for row in block.rows for c in row.cells if c.on_plateau]
    assert flat
    assert all("plateau" in " ".join(dict(figure.notes)[mark] for mark in cell.marks) for cell in flat)


def test_a_pack_says_what_the_store_said(store, tmp_path):
    fill(store, {(1, "b"): ("pos",)})
    write_pack(store.runs(), tmp_path / "pack")
    packed = Store(tmp_path / "pack")
    assert {r.id: r.plateaus for r in packed.runs()} == {r.id: r.plateaus for r in store.runs()}
    assert [r.plateaus for r in packed.runs() if r.plateaus] == [{"pos": "on"}]
    assert cells(packed)[1] == cells(store)[1]


def test_runs_are_counted_once_however_often_they_enter():
    runs = frozenset({("one", (("pos", "on"),)), ("two", ())})
    assert said_of_plateaus(runs | runs) == "1 of 2 runs ended on the plateau of its label frequencies (POS)"
    both = frozenset({("one", (("pos", "on"), ("ner", "on")))})
    assert said_of_plateaus(both).endswith("its label frequencies (NER, POS)")
    assert said_of_plateaus(Estimate().runs) == said_of_plateaus(runs_behind([], ())) == ""


def test_a_loss_above_that_of_the_frequencies_is_not_called_the_plateau(store):
    for spec in recipe.expand("hyperx-base", setting="mixed", seeds=(1, 2)):
        ended = {"ner": LEARNED, "pos": {(1, "a"): AWAY, (2, "a"): FLAT}.get((spec.seed, spec.partition), LEARNED)}
        write_run(store, spec, lambda *_: 50.0, status={"label_losses": ended})
    table, found = cells(store)
    said = [dict(table.notes)[mark] for mark in found["POS accuracy", "ALL"].marks]
    assert (
        "1 of 4 runs ended on the plateau of its label frequencies (POS); 1 of 4 runs ended above the plateau of "
        "its label frequencies (POS): nothing was learned, or the training diverged"
    ) in said
    assert found["POS accuracy", "ALL"].on_plateau == 2


def test_tasks_in_text_are_counted_by_task(store, tmp_path):
    profile = made_profile(tmp_path)
    flat = lambda spec: {"label_losses": {"cola": FLAT}} if spec.task == "cola" and spec.seed == 1 else {}  # noqa: E731
    fill_text(store, profile, "table1", lambda spec, task: 60.0, methods=("ft",), status=flat)
    results = read(store, profile)
    expected = [
        "1 of 16 runs ended on the plateau of its label frequencies (CoLA)",
        "1 of 2 runs ended on the plateau of its label frequencies (CoLA)",
    ]
    said = {text for table in pha_table1.build(results) for _, text in table.notes if "plateau" in text}
    assert sorted(said) == expected
    plain = results.plain_scores(results.run_set("ft", "single", suite="glue"))
    said_of = {column.title: said_of_plateaus(score.runs) for column, score in plain.items()}
    assert (said_of["mean"], said_of["CoLA"], said_of["RTE"]) == (*expected, "")
