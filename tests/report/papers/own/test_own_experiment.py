"""An experiment of one's own: the plain table of what was run, and its runs in the places of an artifact."""

import pytest
import yaml
from filled_store import write_run
from text_store import fill_text, made_profile, write_text_run

from hxbench import report
from hxbench.report.papers.hyperx.results import Results as HyperxResults
from hxbench.report.papers.own.experiment import build
from hxbench.report.papers.pet.results import Results as PetResults
from hxbench.report.papers.pha.results import Results
from hxbench.spec import experiment, recipe

QUICK = {"training": {"updates": 7}}
GLUE = {"setting": "multi", "suite": "glue"}


@pytest.fixture
def profile(tmp_path):
    return made_profile(tmp_path)


@pytest.fixture
def write(tmp_path):
    def write(*blocks, paper="pha", **others):
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump({"paper": paper, "about": "A try.", "blocks": list(blocks), **others}))
        recipe.load.cache_clear()
        return str(path)

    return write


def by_method(spec, task):
    return {"pha": 50.0, "ft": 40.0}.get(spec.method, 30.0) + spec.seed + (task == "cola")


def rows_of(table):
    return {row.title: row for block in table.blocks for row in block.rows}


def remarks(made):
    return " ".join(text for table in made for text in table.remarks)


def test_the_plain_table_has_means_over_seeds_the_majority_and_the_number_of_runs(store, profile, write):
    mine = write(
        {**GLUE, "methods": ["pha", "shared-ft"], **QUICK},
        {"setting": "single", "suite": "glue", "methods": ["ft"]},
    )
    fill_text(store, profile, mine, by_method)
    (table,) = build(Results(store, profile, mine), mine)
    rows = rows_of(table)
    assert [column.title for column in table.columns][:3] == ["runs", "CoLA", "SST-2"]
    assert table.columns[-1].title == "mean"
    assert [block.title for block in table.blocks] == ["multi, GLUE", "single, GLUE", ""]
    assert [rows[name].cells[0].text for name in ("PHA", "Shared-FT", "FT")] == ["2", "2", "16"]
    cola, sst2, mean = (rows["PHA"].cells[k] for k in (1, 2, -1))
    assert (cola.mean, cola.sd, cola.n) == (52.5, pytest.approx(0.5**0.5), 2)
    assert (sst2.mean, mean.mean) == (51.5, pytest.approx(51.5 + 1 / 8))
    assert [cell.mean for cell in rows["majority"].cells[1:]] == [50.0] * 9
    assert dict(table.notes)[rows["PHA"].mark] == "with training.updates 7"
    assert not rows["FT"].mark
    assert not table.commands
    assert not any("*" in cell.marks for row in rows.values() for cell in row.cells)


def test_what_is_missing_is_told_from_what_was_not_asked_for(store, profile, write):
    mine = write({**GLUE, "methods": ["pha"], **QUICK})
    fill_text(store, profile, mine, by_method)
    store.remove(next(r for r in store.runs() if r.spec.seed == 2).id)
    (table,) = build(Results(store, profile, mine), mine)
    assert rows_of(table)["PHA"].cells[0].text == "1 of 2"
    assert rows_of(table)["PHA"].cells[1].marks == ("*",)
    assert table.commands == (f"hxbench run {mine} --profile {profile}",)
    (table,) = build(Results(store, profile, mine), mine, [1])
    assert rows_of(table)["PHA"].cells[0].text == "1"
    assert rows_of(table)["PHA"].cells[1].marks == ()
    assert not table.commands


def test_suites_and_few_examples_have_tables_of_their_own(store, profile, write):
    few = {"tasks": ["cb", "boolq"], "k": [4, 16], "training": {"updates": 3, "warmup": 0, "selection": "last"}}
    mine = write(
        {**GLUE, "methods": ["pha"], "few_shot": few},
        {"setting": "multi", "suite": "superglue", "methods": ["pha"]},
    )
    fill_text(store, profile, mine, by_method)
    plain, tuned, superglue = build(Results(store, profile, mine), mine)
    assert rows_of(plain)["PHA"].cells[0].text == rows_of(superglue)["PHA"].cells[0].text == "2"
    assert [column.title for column in tuned.columns] == ["runs", "CB", "BoolQ", "mean"]
    assert set(rows_of(tuned)) == {"PHA, k = 4", "PHA, k = 16", "majority"}
    four = rows_of(tuned)["PHA, k = 4"].cells
    assert (four[0].text, four[1].mean, four[1].n) == ("8", 51.5, 2), "two tasks, two seeds, two draws"
    assert not tuned.commands


def test_methods_of_ones_own_and_labels_name_the_rows(store, profile, write, tmp_path):
    (tmp_path / "narrow.yaml").write_text("extends: pha\ntitle: Narrow\noptions: {bottleneck: 8}\n")
    mine = write(
        {**GLUE, "methods": ["narrow.yaml"]},
        {**GLUE, "methods": ["pha"], "label": "short", **QUICK},
        {**GLUE, "methods": ["pha"], "label": "no retriever", "options": {"retriever": False}},
    )
    fill_text(store, profile, mine, by_method)
    (table,) = build(Results(store, profile, mine), mine)
    assert list(rows_of(table)) == ["Narrow", "PHA, short", "PHA, no retriever", "majority"]
    assert rows_of(table)["Narrow"].cells[0].text == "2"


def artifact(store, profile, mine, name="table1"):
    return report.make(report.ARTIFACTS["pha"][name], Results(store, profile, mine)).tables


def test_an_artifact_shows_the_runs_that_the_file_asks_for(store, profile, write):
    fill_text(store, profile, "table1", by_method)
    mine = write({**GLUE, "methods": ["pha"], **QUICK})
    fill_text(store, profile, mine, lambda spec, task: 90.0 + spec.seed)
    plain, own = artifact(store, profile, None), artifact(store, profile, mine)
    assert rows_of(plain[0])["PHA"].cells[2].mean == 51.5
    assert rows_of(own[0])["PHA"].cells[2].mean == 91.5
    assert rows_of(own[1])["PHA"].cells[2].mean == rows_of(plain[1])["PHA"].cells[2].mean, (
        "the file has no SuperGLUE"
    )
    assert rows_of(own[0])["FT"].cells == rows_of(plain[0])["FT"].cells
    said = remarks(own)
    assert "pha (multi): the runs that mine.yaml asks for, with training.updates 7 instead of 65000" in said
    assert "left out" not in said
    store.remove(next(r for r in store.runs() if r.spec.training.updates == 7).id)
    assert artifact(store, profile, mine)[-1].commands == (f"hxbench run {mine} --profile {profile}",)


def test_what_the_recipe_has_as_well_is_not_worth_a_word(store, profile, write):
    fill_text(store, profile, "table1", by_method)
    mine = write({**GLUE, "methods": ["pha"], "label": "as it is"})
    assert remarks(artifact(store, profile, mine)) == remarks(artifact(store, profile, None))


@pytest.mark.parametrize(
    "block",
    [
        {**GLUE, "data": {"train_examples": 100}},
        {**GLUE, "weights": "random"},
        {**GLUE, "size": "large"},
        {**GLUE, "few_shot": {"tasks": ["cb"], "k": [4]}},
    ],
)
def test_runs_under_other_conditions_are_in_the_plain_table_alone(store, profile, write, block):
    fill_text(store, profile, "table1", by_method, methods=("pha",))
    mine = write({**block, "methods": ["pha"], **QUICK})
    fill_text(store, profile, mine, lambda spec, task: 90.0)
    glue, _ = artifact(store, profile, mine)
    assert rows_of(glue)["PHA"].cells[2].mean == 51.5
    assert rows_of(build(Results(store, profile, mine), mine)[0])["PHA"].cells[2].mean == 90.0


def test_of_two_variants_in_one_place_the_one_without_a_label_is_shown(store, profile, write):
    first = {**GLUE, "methods": ["pha"], **QUICK}
    second = {**GLUE, "methods": ["pha"], "options": {"retriever": False}, "label": "no retriever"}
    for blocks, shown in (((second, first), 7.0), ((second, {**first, "label": "short"}), 51.5)):
        mine = write(*blocks)
        fill_text(store, profile, "table1", by_method, methods=("pha",))
        for one in experiment.runs_of("pha", mine, profile):
            if not store.is_complete(one.spec.run_id):
                write_text_run(store, one.spec, lambda task: 7.0)
        assert rows_of(artifact(store, profile, mine)[0])["PHA"].cells[2].mean == shown


def test_labels_say_which_condition_of_a_figure_is_meant(store, profile, write):
    fill_text(store, profile, "figure2", by_method, methods=("pha",))
    hundred = next(b for b in experiment.blocks("pha", "figure2") if b.label == "100" and "pha" in b.methods)
    same = hundred.model_dump(exclude_defaults=True) | {"methods": ["pha"], "options": {"retriever": False}}
    mine = write(yaml.safe_load(yaml.safe_dump({**same, "methods": ["pha"]})))
    fill_text(store, profile, mine, lambda spec, task: 90.0)
    by_number, _ = artifact(store, profile, mine, "figure2")
    curve = rows_of(by_number)["PHA"].cells
    assert (curve[0].mean, curve[1].mean) == (90.0, pytest.approx(51.5 + 1 / 8))


def test_hyperx_has_its_averages(store, write):
    mine = write({"setting": "mixed", "methods": ["hyperx-base"], **QUICK}, paper="hyperx")
    for one in experiment.runs_of("hyperx", mine, "demo"):
        write_run(store, one.spec, lambda *_, seed=one.spec.seed: 30.0 + seed)
    (table,) = build(HyperxResults(store, "demo", mine), mine)
    cells = rows_of(table)["HX-Base"].cells
    assert cells[0].text == "6", "two partitions, three seeds"
    assert [(c.group, c.title) for c in table.columns[1:4]] == [("NER F1", g) for g in ("SEEN", "UNSEEN", "ALL")]
    assert [cell.mean for cell in cells[1:]] == [32.0] * 6
    (two,) = report.make(report.ARTIFACTS["hyperx"]["table2"], HyperxResults(store, "demo", mine)).tables
    assert rows_of(two)["HX-Base"].cells[3].mean == 32.0


def test_of_one_partition_only_what_it_was_not_trained_on_has_a_score(store, write):
    mine = write({"setting": "mixed", "partition": "a", "methods": ["hyperx-base"], **QUICK}, paper="hyperx")
    for one in experiment.runs_of("hyperx", mine, "demo"):
        write_run(store, one.spec, lambda task, code, source: -1000.0 if source else 40.0)
    (table,) = build(HyperxResults(store, "demo", mine), mine)
    cells = rows_of(table)["HX-Base"].cells
    assert [cell.mean for cell in cells[1:]] == [40.0] * 6
    assert "over " in table.notes[0][1], "its means say over which languages they are"


def test_methods_of_no_paper_are_rows_of_the_paper_they_stand_beside(store, write):
    mine = write({"setting": "mixed", "methods": ["mbert", "tag-lora"]}, paper="hyperx")
    for one in experiment.runs_of("hyperx", mine, "demo"):
        write_run(store, one.spec, lambda *_, seed=one.spec.seed: 30.0 + seed)
    (table,) = build(HyperxResults(store, "demo", mine), mine)
    assert [(t, row.cells[0].text, row.cells[1].mean) for t, row in rows_of(table).items()] == [
        ("mBERT", "6", 32.0), ("LoRA", "6", 32.0),
    ]  # fmt: skip
    (two,) = report.build("hyperx", "table2", store)
    lora = rows_of(two)["LoRA"]
    assert (lora.cells[3].mean, lora.cells[3].published) == (32.0, None)
    assert dict(two.notes)[lora.mark] == "not in the paper"
    (three,) = report.build("hyperx", "table3", store)
    assert rows_of(three)["LoRA"].cells[0].mean == 311_000
    assert dict(three.notes)[rows_of(three)["LoRA"].mark] == "a model of the mixed setting; not in the paper"
    assert report.build("pha", "table1", store)[0].blocks[0].rows[-1].title == "PHA", "on another paper's ground"


def test_hyper_x_stands_beside_hyperformer_in_table_1_on_glue_alone(store):
    fill_text(store, "demo", "others", lambda spec, task: 40.0 + spec.seed + 5 * (spec.method == "glue-hyperx"))
    glue, superglue = report.build("pha", "table1", store)
    row = rows_of(glue)["HX-Base"]
    assert (row.cells[-1].mean, rows_of(glue)["HF"].cells[-1].mean) == (47.0, 42.0)
    assert dict(glue.notes)[row.mark] == "not in the paper"
    assert "HX-Base" not in rows_of(superglue)


TWO = ["rte", "cola"]


def test_methods_stand_together_under_what_they_share(store, profile, write):
    blocks = [
        {"label": f"{n} examples", "setting": setting, "tasks": TWO, "methods": methods, "seeds": [1, 2, 3],
         "data": {"train_examples": n, "max_length": 32}}
        for n in (100, 500)
        for setting, methods in (("single", ["ft"]), ("multi", ["pha", "hyperformer"]))
    ]  # fmt: skip
    mine = write(*blocks)
    fill_text(store, profile, mine, lambda spec, task: by_method(spec, task) + spec.data.train_examples / 100)
    (table,) = build(Results(store, profile, mine), mine)
    assert [(block.title, [row.title for row in block.rows]) for block in table.blocks] == [
        ("100 examples", ["FT", "PHA", "HF"]), ("500 examples", ["FT", "PHA", "HF"]), ("", ["majority"]),
    ]  # fmt: skip
    assert [column.title for column in table.columns] == ["runs", "RTE", "CoLA", "mean"]
    found = {(block.title, row.title): row.cells for block in table.blocks for row in block.rows}
    assert [found["100 examples", name][0].text for name in ("FT", "PHA")] == ["6", "3"]
    assert [cell.mean for cell in found["500 examples", "PHA"][1:]] == [57.0, 58.0, 57.5]
    assert found["500 examples", "PHA"][1].best, "the best of its own condition"
    assert found["100 examples", "PHA"][1].best
    assert "seeds 1, 2, 3" in table.heading[1]
    assert dict(table.notes)[table.blocks[0].rows[0].mark] == "with data.train_examples 100"
    assert "all with data.max_length 32." in table.remarks
    gone = next(r for r in store.runs() if r.spec.method == "pha" and r.spec.seed == 3)
    store.remove(gone.id)
    assert rows_of(build(Results(store, profile, mine), mine)[0])["PHA"].cells[0].text in ("2 of 3", "3")
    assert build(Results(store, profile, mine), mine)[0].commands


def test_tasks_put_together_never_stand_where_a_suite_belongs(store, profile, write):
    mine = write({"setting": "multi", "tasks": TWO, "methods": ["pha"]})
    fill_text(store, profile, mine, lambda *_: 99.0)
    for table in report.build("pha", "table1", store, profile):
        assert rows_of(table)["PHA"].cells[-1].mean is None


def tried(store, spec, dev, test):
    """Write a run with development scores at two steps, of which the first is the better one."""
    where = {"task": spec.task, "language": "en", "role": "source"}
    with store.open_run(spec) as run:
        rows = [{**where, "split": "dev", "metric": "accuracy", "value": v, "step": s}
                for s, v in ((10, dev), (20, dev - 9))]  # fmt: skip
        rows += [{"split": "dev", "task": None, "language": "mean", "metric": "score", "value": r["value"],
                  "step": r["step"]} for r in rows]  # fmt: skip
        rows.append({**where, "split": "test", "metric": "accuracy", "value": test, "step": 10})
        run.write_metrics(rows)
        run.finish()


def test_rates_are_judged_by_development_scores(store, profile, write):
    mine = write(
        {"setting": "single", "tasks": ["rte", "sst2"], "methods": ["ft"], "seeds": [1], "rates": [0.1, 0.01]}
    )
    for one in experiment.runs_of("pha", mine, profile):
        high = one.spec.training.lr == 0.1
        tried(store, one.spec, (60.0 if high else 50.0) + 2 * (one.spec.task == "rte"), 10.0 if high else 90.0)
    (table,) = build(Results(store, profile, mine), mine)
    assert [block.title for block in table.blocks][:1] == ["FT"]
    rows = rows_of(table)
    assert [cell.mean for cell in rows["rate 0.1"].cells[1:]] == [62.0, 60.0, 61.0]
    assert [cell.mean for cell in rows["rate 0.01"].cells[1:]] == [52.0, 50.0, 51.0]
    assert rows["rate 0.1"].cells[-1].best
    assert "development scores" in table.heading[-1]
    assert set(rows) == {"rate 0.1", "rate 0.01"}, "no majority, which is of test sets"
    assert not rows["rate 0.1"].mark
    assert "seeds 1" in table.heading[1]
    store.remove(next(r.id for r in store.runs() if r.spec.task == "rte" and r.spec.training.lr == 0.1))
    (table,) = build(Results(store, profile, mine), mine)
    assert [cell.mean for cell in rows_of(table)["rate 0.1"].cells[1:]] == [None, 60.0, None]


def test_two_methods_of_one_title_are_told_apart_by_name(store, write):
    mine = write(
        {"setting": "single", "tasks": ["rte"], "methods": ["lora", "pet-lora"], "backbone": "minilm-l6"},
        paper="pet",
    )
    (table,) = build(PetResults(store, "lab", mine), mine)
    assert {"LoRA (lora)", "LoRA (pet-lora)"} <= {*rows_of(table)}
