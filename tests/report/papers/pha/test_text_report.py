"""PHA's artifacts: the paper's numbers, means against those by hand, and what is said where runs are missing."""

import csv
import os
import shutil
from io import StringIO
from statistics import fmean, stdev

import numpy as np
import pytest
from older_runs import before_manifests
from text_store import PROFILE, clusters, fill_text, made_profile, read, write_text_run

from hxbench import report
from hxbench.report.artifact.published import published
from hxbench.report.papers.pha.rows import TABLE1, TASKS
from hxbench.report.render import renderer, terminal
from hxbench.spec import experiment, recipe
from hxbench.store import DamagedRun, Store

ARTIFACTS = list(report.ARTIFACTS["pha"].values())
GLUE, SUPERGLUE = TASKS["glue"], TASKS["superglue"]


@pytest.fixture
def profile(tmp_path):
    return made_profile(tmp_path)


@pytest.fixture(scope="module")
def whole_table_1(tmp_path_factory):
    """The folder of a store with every run of Table 1."""
    folder = tmp_path_factory.mktemp("table1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        fill_text(Store(folder / "store"), made_profile(folder), "table1", by_hand)
    return folder / "store"


@pytest.fixture
def filled(store, whole_table_1):
    """A store of one's own with every run of Table 1."""
    shutil.copytree(whole_table_1, store.root, dirs_exist_ok=True)
    return store


def made(store, profile, name):
    results = read(store, profile)
    return report.make(report.ARTIFACTS["pha"][name], results)


def rows_of(table):
    return {row.title: row.cells for block in table.blocks for row in block.rows}


def by_hand(spec, task):
    """A score that differs between methods, tasks and seeds, and is easy to average."""
    tasks = (*GLUE, *SUPERGLUE, "scitail", "xsum", "roen", "enro")
    return 10.0 * (spec.method == "pha") + tasks.index(task) + spec.seed**2


def test_there_are_artifacts():
    assert [one.name for one in ARTIFACTS] == [
        "table1", "table2", "table3", "table4", "table5", "figure2", "figure3", "figure4", "figure5", "parameters",
    ]  # fmt: skip
    assert [one.name for one in ARTIFACTS if one.kind == "figure"] == [
        "figure2", "figure3", "figure4", "figure5", "parameters",
    ]  # fmt: skip


def test_published_values_are_all_there_and_found():
    numbers = published("pha")
    counts = {}
    for row in numbers.rows:
        counts[row["artifact"]] = counts.get(row["artifact"], 0) + 1
    assert [counts[f"Table {n}"] for n in (1, 2, 3, 4, 5)] == [120, 84, 4, 12, 36]


@pytest.mark.parametrize(
    ("name", "count"), [("table1", 8 * 15), ("table2", 81), ("table3", 4), ("table4", 12), ("table5", 36)]
)
def test_every_published_value_of_a_table_is_shown(store, profile, name, count):
    """The values in the cells are those of the file, as many times as the file has them."""
    tables = made(store, profile, name).tables
    shown = [
        c.published for t in tables for b in t.blocks for r in b.rows for c in r.cells if c.published is not None
    ]
    number = name.removeprefix("table")
    printed = [float(row["value"]) for row in published("pha").rows if row["artifact"] == f"Table {number}"]
    wanted = sorted(printed)
    if name == "table2":  # its file has three more: see below
        printed = [
            float(row["value"]) for row in published("pha").rows
            if row["artifact"] == "Table 2" and row["metric"] == "accuracy"
        ]  # fmt: skip
        wanted = sorted(printed)
    assert len(shown) == count
    assert sorted(shown) == wanted


def test_published_values_stand_where_they_belong(store, profile):
    glue, superglue = made(store, profile, "table1").tables
    assert [cell.published for cell in rows_of(glue)["PHA"]] == [
        616_000, 60.6, 94.0, 88.9, 89.2, 90.9, 86.3, 93.4, 80.4, 85.5,
    ]  # fmt: skip
    assert [cell.published for cell in rows_of(superglue)["HD"]] == [None, 77.8, 66.0, 92.6, 66.7, 75.8]
    (two,) = made(store, profile, "table2").tables
    assert [block.title for block in two.blocks] == ["k = 4", "k = 16", "k = 32"]
    columns = [column.title for column in two.columns]
    assert two.blocks[2].rows[0].title == "CB"
    assert two.blocks[2].rows[0].cells[columns.index("ATP")].published == 85.7
    (three,) = made(store, profile, "table3").tables
    assert [row.cells[2].published for row in three.blocks[0].rows] == [84.0, 84.3, 84.7, 85.5]
    assert [[c.text for c in row.cells[:2]] for row in three.blocks[0].rows] == [
        ["no", "no"], ["no", "yes"], ["yes", "no"], ["yes", "yes"],
    ]  # fmt: skip


def said_at(table, marks):
    notes = dict(table.notes)
    return " ".join(notes[mark] for mark in marks)


def test_contradictions_are_told_at_their_cells(store, profile):
    glue, _ = made(store, profile, "table1").tables
    rows = rows_of(glue)
    assert "84.375" in said_at(glue, rows["AD"][-1].published_marks)
    assert "560,928" in said_at(glue, rows["PHA"][0].published_marks)
    assert "PHA is above" in said_at(glue, rows["FT"][-1].published_marks)
    assert "Matthews" in said_at(glue, [glue.columns[1].mark])
    marked = {title for title, cells in rows.items() if cells[-1].published_marks}
    assert marked == {"FT", "AD"}, "the other means are those of their cells"
    origins = {row.title: said_at(glue, [row.mark]) for row in glue.blocks[0].rows if row.mark}
    assert set(origins) == {row.title for row in TABLE1} - {"PHA"}
    assert "ATTEMPT" in origins["PT"]
    (two,) = made(store, profile, "table2").tables
    at = [column.title for column in two.columns].index("ATP")
    told = [said_at(two, block.rows[0].cells[at].published_marks) for block in two.blocks]
    assert ["67.9" in told[0], "71.4" in told[1], "78.5" in told[2]] == [True] * 3


def test_table_1_averages_tasks_then_seeds(filled, profile):
    glue, superglue = made(filled, profile, "table1").tables
    for table, tasks, title in ((glue, GLUE, "FT"), (superglue, SUPERGLUE, "PHA")):
        cells = rows_of(table)[title]
        lead = 10.0 if title == "PHA" else 0.0
        first = (*GLUE, *SUPERGLUE).index(tasks[0])
        for number, _ in enumerate(tasks):
            values = [lead + first + number + seed**2 for seed in (1, 2)]
            cell = cells[1 + number]
            assert (cell.mean, cell.sd, cell.n) == (fmean(values), pytest.approx(stdev(values)), 2)
        means = [lead + fmean(range(first, first + len(tasks))) + seed**2 for seed in (1, 2)]
        assert (cells[-1].mean, cells[-1].sd) == (pytest.approx(fmean(means)), pytest.approx(stdev(means)))
    rows = rows_of(glue)
    assert [cell.best for cell in rows["PHA"][1:]] == [True] * 9
    assert (rows["FT"][0].mean, rows["PHA"][0].mean) == (8_000_000, 1_000_000), (
        "a shared model is an eighth a task"
    )
    assert rows_of(superglue)["PHA"][0].mean == 2_000_000
    assert [cell.mean for cell in rows["majority"]] == [None, *[50.0] * 9]
    assert not any(cell.best for cell in rows["majority"])
    assert superglue.commands == ()
    assert glue.heading[0] == "profile made: SYNTHETIC sandbox tasks, no evidence about real ones"
    assert "T5-base on real data" in glue.heading[2]


def test_other_metrics_of_a_task_are_in_no_score(store, profile):
    fill_text(store, profile, "table1", by_hand, methods=("pha",))
    cells = rows_of(made(store, profile, "table1").tables[0])["PHA"]
    assert min(cell.mean for cell in cells[1:]) > 0, "F1 and Spearman are -1000 in these runs"


def test_the_widest_table_fits_the_terminal(filled, profile):
    text = terminal.render(list(made(filled, profile, "table1").tables), 101)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 101
    (head,) = (line for line in lines if "CoLA" in line)
    assert "RTE" in head, "it is not cut in two"


def test_missing_runs_are_marked_and_asked_for(store, profile):
    fill_text(store, profile, "table1", by_hand, methods=("ft", "pha"))
    last = next(r for r in store.runs() if r.spec.method == "ft" and r.spec.task == "rte" and r.spec.seed == 2)
    store.remove(last.id)
    glue, superglue = made(store, profile, "table1").tables
    cells = rows_of(glue)["FT"]
    assert [(cell.n, "*" in cell.marks) for cell in cells[1:]] == [(2, False)] * 7 + [(1, True)] * 2
    assert cells[-1].mean == fmean(range(8)) + 1, "over the seed that has all tasks"
    assert all("*" in cell.marks for cell in rows_of(glue)["HF"])
    assert glue.commands == ()
    assert superglue.commands == (f"hxbench run pha/table1 --profile {profile}",)


def test_one_command_asks_for_what_is_missing(filled, profile):
    asked = []
    for method, part in (("pha", {"suite": "superglue"}), ("ft", {"task": "rte"})):
        of_method = [r for r in filled.runs() if r.spec.method == method and r.spec.seed == 2]
        gone = next(r for r in of_method if all(getattr(r.spec, name) == value for name, value in part.items()))
        filled.remove(gone.id)
        (_, last) = made(filled, profile, "table1").tables
        asked += last.commands
    assert asked == [
        f"hxbench train pha --setting multi --suite superglue --profile {profile} --seed 2",
        f"hxbench run pha/table1 --profile {profile}",
    ]


def test_a_method_of_ones_own_gets_a_row(filled, profile):
    (spec, *_) = (r.spec for r in filled.runs() if r.spec.method == "pha" and r.spec.suite == "glue")
    for seed in (1, 2):
        own = spec.model_copy(update={"method": "mine", "seed": seed})
        write_text_run(filled, own, lambda task: 99.0)
    source = spec.model_copy(update={"method": "mpt-source", "kind": "mpt-source"})
    write_text_run(filled, source, lambda task: 99.0)
    glue, _ = made(filled, profile, "table1").tables
    rows = rows_of(glue)
    assert [cell.mean for cell in rows["mine"][1:]] == [99.0] * 9
    assert rows["mine"][-1].best
    assert not rows["mine"][-1].published
    assert not {"mpt-source", "MPT (sources)"} & rows.keys(), "what prompts start from is no method of the table"


def counts_for(right):
    """Counts of 40 examples of two classes, of which each is right with a probability."""

    def of(spec):
        def counts(task):
            gold = np.arange(40) % 2
            sure = np.random.default_rng([spec.seed, *map(ord, task)]).random(40)
            correct = sure < right.get(spec.method, 0.6)
            return np.stack([correct, np.where(correct, gold, 1 - gold), gold], axis=1)

        return counts

    return of


@pytest.mark.parametrize(("share", "sure"), [(0.97, True), (0.6, False)])
def test_a_lead_of_the_mean_is_tested_task_by_task(store, profile, share, sure):
    fill_text(store, profile, "table1", by_hand, methods=("pha", "hyperformer"), counts=counts_for({"pha": share}))
    glue, _ = made(store, profile, "table1").tables
    cell = rows_of(glue)["PHA"][-1]
    assert ("†" in cell.marks) == sure
    assert not any("†" in c.marks for c in rows_of(glue)["HF"])
    (told,) = (text for text in glue.remarks if text.startswith("paired bootstrap"))
    assert told.startswith("paired bootstrap, Table 1: GLUE, PHA above HF: p = ")
    assert ("p = 0.001 (mean)" in told) == sure


def test_without_counts_nothing_is_tested(store, profile):
    fill_text(store, profile, "table1", by_hand, methods=("pha", "hyperformer"))
    glue, _ = made(store, profile, "table1").tables
    assert any("not tested" in text for text in glue.remarks)
    assert "†" not in dict(glue.notes)


def test_table_2_averages_draws_then_seeds(store, profile):
    def score(spec, task):
        shot = spec.few_shot
        return -1000.0 if shot is None else shot.k + shot.draw + 10 * spec.seed

    filled = {"PHA": "pha", "PT": "prompt", "MPT": "mpt"}  # from a model of all tasks, from nothing, from prompts
    fill_text(store, profile, "table2", score, methods=tuple(filled.values()))
    (table,) = made(store, profile, "table2").tables
    titles = [column.title for column in table.columns]
    assert titles == ["FT", "AD", "PT", "SPoT", "HF", "ATP", "HD", "MPT", "PHA"]
    assert table.commands == (f"hxbench run pha/table2 --profile {profile}",)
    for k, block in zip((4, 16, 32), table.blocks, strict=True):
        means = [k + 0.5 + 10 * seed for seed in (1, 2)]
        for row in block.rows:
            for title, cell in zip(titles, row.cells, strict=True):
                if title in filled:
                    assert (cell.mean, cell.n, cell.marks) == (fmean(means), 2, ())
                    assert cell.sd == pytest.approx(stdev(means))
                else:
                    assert (cell.mean, cell.marks[-1]) == (None, "*")


def test_few_shot_runs_from_other_starts_do_not_count(store, profile):
    (block,) = (one for one in experiment.blocks("pha", "table2") if "pha" in one.methods)
    one = next(w for w in experiment.block_runs(block, profile) if w.spec.few_shot and w.spec.method == "pha")
    write_text_run(store, one.start, lambda task: 50.0)
    write_text_run(store, one.spec.model_copy(update={"after": {"start": "0" * 12}}), lambda task: 70.0)
    (table,) = made(store, profile, "table2").tables
    assert {c.mean for b in table.blocks for r in b.rows for c in r.cells} == {None}
    write_text_run(store, one.spec.model_copy(update={"after": {"start": one.start.run_id}}), lambda task: 60.0)
    (table,) = made(store, profile, "table2").tables
    assert {c.mean for b in table.blocks for r in b.rows for c in r.cells} == {None, 60.0}
    assert table.commands == (f"hxbench run pha/table2 --profile {profile}",)


def test_table_3_tells_the_conditions_apart(store, profile):
    def score(spec, task):
        return 50.0 + 2 * spec.options["prototypes"] + spec.options["retriever"] + spec.seed

    fill_text(store, profile, "table3", score)
    (table,) = made(store, profile, "table3").tables
    assert [row.cells[2].mean for row in table.blocks[0].rows] == [51.5, 52.5, 53.5, 54.5]
    assert [row.cells[2].best for row in table.blocks[0].rows] == [False, False, False, True]
    one, _ = made(store, profile, "table1").tables
    assert rows_of(one)["PHA"][-1].mean == 54.5, "the ablations are not PHA"
    assert not any("left out" in text for text in one.remarks)


def test_tables_4_and_5_average_over_their_tasks(store, profile):
    fill_text(store, profile, "table4", lambda spec, task: by_hand(spec, task) + 100 * spec.data.train_share)
    (four,) = made(store, profile, "table4").tables
    mean = fmean(by_hand_of(task) for task in SUPERGLUE) + 2.5
    for row, share in zip(four.blocks[0].rows, (1, 3, 5), strict=True):
        assert [cell.mean for cell in row.cells] == pytest.approx([mean + share + lead for lead in (0, 0, 0, 10)])
    fill_text(store, profile, "table5", by_hand, methods=("ft", "pha-single"))
    (five,) = made(store, profile, "table5").tables
    assert [block.title.split()[0] for block in five.blocks] == ["T5-small", "T5-base", "T5-large"]
    for block in five.blocks:
        for row in (block.rows[0], block.rows[2]):
            assert [cell.mean for cell in row.cells] == [15.5, 16.5, 17.5, 16.5]
        assert {cell.mean for cell in block.rows[1].cells} == {None}
    assert "do not share one backbone" not in " ".join(five.remarks)
    assert five.heading[1].startswith("backbones t5-small, t5-base, t5-large; ")


def by_hand_of(task):
    return (*GLUE, *SUPERGLUE).index(task)


def test_a_profile_without_sizes_says_so(store, tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text("\n".join(line for line in PROFILE.splitlines() if not line.startswith("sizes")))
    (five,) = made(store, str(path), "table5").tables
    assert (
        "profile one has no backbone of size small, base, large; of the shipped profiles demo, lab, paper have."
        in five.remarks
    )
    assert five.commands == (), "none could make them"
    assert "commands below" not in " ".join(dict(five.notes).values())


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda one: one.name)
def test_every_artifact_is_built_without_any_run(store, profile, artifact):
    one = made(store, profile, artifact.name)
    assert one.tables
    commands = [text for table in one.tables for text in table.commands]
    if artifact.name == "parameters":
        assert commands == []
    else:
        (command,) = commands
        used = "table1" if artifact.name in ("figure4", "figure5") else artifact.name
        assert command == f"hxbench run pha/{used} --profile {profile}" or command.startswith("hxbench train pha")
    for format in ("terminal", "markdown", "latex", "csv", "json"):
        assert renderer(format)(list(one.tables))


def test_retrieval_is_read_and_damage_is_told(store, profile):
    (spec,) = recipe.expand("pha", setting="multi", suite="glue", profile=profile)
    facts, arrays = clusters(GLUE, GLUE, 1)
    write_text_run(store, spec, lambda task: 1.0, retrieval=(facts, arrays))
    (record,) = store.runs()
    found = record.retrieval()
    assert found["tasks"] == list(GLUE)
    assert found["analysis"]["nearest_prototype"] == 0.9
    for name, array in arrays.items():
        assert np.array_equal(found[name], array)
    folder = store.root / "runs" / record.id
    whole = (folder / "retrieval.safetensors").read_bytes()
    (folder / "retrieval.safetensors").write_bytes(whole[:-8])
    with pytest.raises(DamagedRun, match=r"retrieval\.safetensors is not the file that its manifest lists"):
        record.retrieval()
    before_manifests(folder)
    (record,) = store.runs()
    with pytest.raises(DamagedRun, match="not readable"):
        record.retrieval()
    (folder / "retrieval.safetensors").unlink()
    with pytest.raises(DamagedRun, match=record.id):
        record.retrieval()
    assert made(store, profile, "figure5").figures[0].remarks, "a damaged run is left out and told"
    (folder / "retrieval.json").unlink()
    assert record.retrieval() is None


def test_long_csv_has_the_unit_of_a_share(store, profile):
    rows = list(csv.DictReader(StringIO(renderer("csv")(list(made(store, profile, "parameters").tables)))))
    values = {(row["table"], row["row"], row["column"]): float(row["mean"]) for row in rows}
    assert values["parameters-a", "PHA", "8"] == 4_487_424, "the paper's formula with T5-base"
    assert values["parameters-b", "Hyperformer++", "12"] == 5_163_440
    assert values["parameters-a", "Adapter", "1"] == 1_855_104 - 47_616
