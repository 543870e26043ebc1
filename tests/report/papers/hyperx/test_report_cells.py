"""What may share a cell, what is marked, and which commands are asked for."""

import sys
from pathlib import Path

import pytest
from filled_store import fill, write_run
from older_runs import before_manifests

from hxbench import report
from hxbench.data.remembered import remember
from hxbench.errors import InputError
from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Marks
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import doubt, printed_score
from hxbench.spec import recipe


def table2(store, profile=None):
    (table,) = report.build("hyperx", "2", store, profile)
    return table


def cells(table, block=2, row="HX-Base"):
    found = next(r for r in table.blocks[block].rows if r.title == row)
    return dict(zip(((c.group, c.title) for c in table.columns), found.cells, strict=True))


def asked(store, method, setting):
    """What has to be given to fill one method's cells, when nothing else is shown."""
    results = Results(store)
    start = f"hxbench train {method} --setting {setting} "
    lines = results.to_type.train(results.run_set(method, setting))
    assert all(line.startswith(start) for line in lines)
    return [line.removeprefix(start) for line in lines]


def test_mean_and_sample_deviation_over_seeds(store):
    fill(store)
    cell = cells(table2(store))["NER F1", "ALL"]
    assert (cell.mean, cell.sd, cell.n, cell.marks) == (52.0, 1.0, 3, ())
    assert cell.published == 62.3


def test_a_score_of_table_2_is_understood_from_eight_files(store):
    """From the runs that were chosen to the cell: what of the report runs, and what the paper says."""
    fill(store)
    runs, files = Results(store).run_set("hyperx-base", "mixed"), set()
    where = ("Table 2", "Hyper-X Base", "Mixed-language multi-task", "ner", "ALL")
    folder = Path(report.__file__).parent

    def note(frame, event, _):
        if (path := Path(frame.f_code.co_filename)).is_relative_to(folder):
            files.add(path.relative_to(folder).as_posix())

    sys.setprofile(note)
    try:
        cell = make_cell(runs.group("ner", "ALL"), printed_score(*where), Marks(), doubt=doubt(*where))
    finally:
        sys.setprofile(None)
    assert (cell.mean, cell.published) == (52.0, 62.3)
    assert {"scores/run_set.py", "papers/hyperx/rows.py", "artifact/published.py"} <= files
    assert len({*files, "papers/hyperx/table2.py"}) <= 8


def test_english_is_the_mean_of_both_partitions_and_in_no_average(store):
    for spec in recipe.expand("hyperx-base", setting="mixed", seeds=(1, 2, 3)):
        english = 80.0 if spec.partition == "a" else 90.0
        write_run(store, spec, lambda task, code, source, english=english: english if code == "en" else 10.0)
    table = next(t for t in report.build("hyperx", "6", store) if t.name == "table6-ner-mixed")
    assert table.blocks[0].rows[0].title == "qaa (en)"
    assert table.blocks[0].rows[0].cells[-1].mean == 85.0
    assert [row.cells[-1].mean for row in table.blocks[2].rows] == [10.0, 10.0, 10.0]


def test_a_missing_model_is_marked_and_asked_for_and_nothing_else_is(store):
    specs = fill(store, seeds=(1, 2, 3))
    gone = next(s for s in specs if (s.partition, s.seed) == ("b", 2))
    store.remove(gone.run_id)
    table = table2(store)
    cell = cells(table)["POS accuracy", "SEEN"]
    assert (cell.mean, cell.n, cell.marks) == (52.0, 2, ("*",)), "a seed with one partition is no seed"
    assert asked(store, "hyperx-base", "mixed") == ["--partition b --profile demo --seed 2"]
    assert asked(store, "mbert", "mixed") == ["--profile demo --seed 1 --seed 2 --seed 3"]
    assert cells(table, row="mBERT")["NER F1", "ALL"].marks == ("*",)
    assert cells(table, row="PSF")["NER F1", "ALL"].marks == ("*",)


def test_a_row_whose_weights_held_out_pairs_have_chosen_says_so(store):
    for method in ("mbert", "psf", "psf-corrected"):
        fill(store, method, "mixed", seeds=(1,))
    said = "weights chosen on the development sets of held-out pairs, as its published code does"

    def told(artifact, of="row"):
        found = {}
        for table in report.build("hyperx", artifact, store):
            marked = table.columns if of == "column" else [row for block in table.blocks for row in block.rows]
            found |= {one.title: dict(table.notes)[one.mark] for one in marked if one.mark}
        return {title for title, text in found.items() if said in text}

    assert told("2") == told("3") == told("6", "column") == {"PSF"}
    fill(store, "mbert", "mixed", seeds=(1,), profile="lab", assignments=["training.selection=targets"])
    (row,) = [row for row in table2(store, "lab").blocks[2].rows if row.mark]
    assert row.title == "mBERT"
    assert "published code" not in dict(table2(store, "lab").notes)[row.mark]


def test_where_much_is_missing_one_command_asks_for_it(store, monkeypatch):
    fill(store, seeds=(1,))
    assert table2(store).commands == ("hxbench run hyperx/table2",)
    fill(store, seeds=(1,), profile="lab")
    asked = ("hxbench run hyperx/table2 --profile lab --data-source DIR",)
    assert table2(store, "lab").commands == asked
    remember({"lab": "/data/mirror"})
    monkeypatch.setenv("HXBENCH_DATA", "mirror")
    assert table2(store, "lab").commands == asked, "a report depends on the store, not on the machine"


def test_runs_beyond_the_recipes_are_completed_where_nothing_else_is_missing(store):
    fill(store, seeds=(1, 2), variant="code")
    assert table2(store).commands == ("hxbench run hyperx/table2",), (
        "which makes the recipe's own runs in their place"
    )
    results = Results(store)
    (line,) = results.commands([results.run_set("hyperx-base", "mixed")], "table2")
    assert line == "hxbench train hyperx-base --setting mixed --profile demo --seed 3 --variant code"


def test_following_the_commands_fills_the_table(store):
    fill(store, seeds=(2,))
    fill(store, seeds=(3,), partition="a")
    lines = asked(store, "hyperx-base", "mixed")
    assert lines == ["--profile demo", "--partition b --profile demo --seed 3"]
    for line in lines:
        words = line.split()
        options = dict(zip(words[::2], words[1::2], strict=True))
        fill(store, seeds=(int(options.get("--seed", 1)),), partition=options.get("--partition"))
    table = table2(store)
    assert asked(store, "hyperx-base", "mixed") == []
    assert cells(table)["NER F1", "ALL"].n == 3


def test_single_task_cells_need_only_their_task(store):
    fill(store, setting="single", task="ner")
    row = cells(table2(store), block=0)
    assert (row["NER F1", "SEEN"].n, row["NER F1", "SEEN"].marks) == (3, ())
    assert (row["POS accuracy", "SEEN"].mean, row["POS accuracy", "SEEN"].marks) == (None, ("*",))
    lines = asked(store, "hyperx-base", "single")
    assert lines == ["--task pos --profile demo --seed 1 --seed 2 --seed 3"]


def test_commands_fill_the_store_that_was_reported_on(store, monkeypatch):
    fill(store, seeds=(1, 2))
    monkeypatch.delenv("HXBENCH_STORE")
    assert asked(store, "hyperx-base", "mixed") == [f"--profile demo --seed 3 --store {store.root}"]
    assert table2(store).commands == (f"hxbench run hyperx/table2 --store {store.root}",)


def test_an_average_over_fewer_languages_says_which(store):
    have = {"ar", "is", "mt", "yo", "fo", "en"}
    everything = "en ar br is kk ta tr yo zh gn hsb fo mt sa ug yue".split()
    fill(store, lacking={("ner", code) for code in everything if code not in have})
    table = table2(store)
    notes = dict(table.notes)
    row = cells(table)
    assert [notes[m] for m in row["NER F1", "SEEN"].marks] == ["over ar, is, yo only: the data have no more"]
    assert [notes[m] for m in row["NER F1", "UNSEEN"].marks] == ["over fo, mt only: the data have no more"]
    assert row["POS accuracy", "SEEN"].marks == ()
    assert asked(store, "hyperx-base", "mixed") == []
    six = next(t for t in report.build("hyperx", "6", store) if t.name == "table6-ner-mixed")
    turkish = next(r for b in six.blocks for r in b.rows if "(tr)" in r.title).cells[-1]
    assert turkish.mean is None
    assert [dict(six.notes)[m] for m in turkish.marks] == ["no data for this pair"]


@pytest.mark.parametrize(
    "control", [{"backbone_weights": "random"}, {"backbone_name": "lab-small"}, {"origin": "hub"}]
)
@pytest.mark.parametrize("beside", [True, False])
def test_controls_never_reach_a_cell(store, control, beside):
    if beside:
        fill(store)
    fill(store, score=lambda *_: 99.0, **control)
    table = table2(store)
    cell = cells(table)["NER F1", "ALL"]
    assert cell.mean == (52.0 if beside else None)
    told = any(text.startswith("left out: 6 runs of hyperx-base (mixed)") for text in table.remarks)
    assert told == ("backbone_weights" not in control), "random weights are a control, and expected"


def test_the_recipe_wins_over_a_variant_and_over_settings(store):
    fill(store)
    fill(store, score=lambda *_: 99.0, variant="code")
    fill(store, score=lambda *_: 99.0, assignments=["training.updates=7"])
    table = table2(store)
    assert cells(table)["NER F1", "ALL"].mean == 52.0
    said = " ".join(table.remarks)
    assert "variant code instead of paper" in said
    assert "training.updates 7 instead of" in said


def test_options_the_recipe_is_silent_on_are_the_methods_own(store):
    """What training adds to a spec, its method's defaults, is neither a departure nor part of a command."""
    for spec in recipe.expand("hyperx-base", setting="mixed", seeds=(1, 2), variant="code"):
        whole = spec.options | {"default_of_the_method": 7}
        write_run(store, spec.model_copy(update={"options": whole, "variant": "paper"}), lambda *_: 99.0)
    for spec in recipe.expand("hyperx-base", setting="mixed", seeds=(1, 2)):
        whole = spec.options | {"default_of_the_method": 7}
        write_run(store, spec.model_copy(update={"options": whole}), lambda *_: 40.0)
    table = table2(store)
    assert cells(table)["NER F1", "ALL"].mean == 40.0
    assert not any("only with" in text or "default_of" in text for text in table.remarks)
    assert asked(store, "hyperx-base", "mixed") == ["--profile demo --seed 3"]


def test_a_lone_variant_is_shown_with_a_note_and_its_own_commands(store):
    fill(store, seeds=(1, 2), variant="code", assignments=["training.updates=7", "training.selection=last"])
    table = table2(store)
    assert cells(table)["NER F1", "ALL"].mean == 51.5
    assert any("only with variant code" in text for text in table.remarks)
    (line,) = asked(store, "hyperx-base", "mixed")
    assert line == (
        "--profile demo --seed 3 --variant code --set training.updates=7 --set training.selection=last"
    )


def test_of_several_variants_none_is_guessed(store):
    for updates in (7, 8):
        fill(store, assignments=[f"training.updates={updates}"])
    table = table2(store)
    assert cells(table)["NER F1", "ALL"].mean is None
    assert any("2 variants, none of them the recipe's" in text for text in table.remarks)


@pytest.mark.parametrize("what", ["data", "backbone"])
def test_different_inputs_never_share_a_cell(store, what):
    for seed, fingerprint in ((1, "old"), (2, "new"), (3, "new")):
        for spec in recipe.expand("hyperx-base", setting="mixed", seeds=(seed,)):
            part = getattr(spec, what).model_copy(update={"fingerprint": f"{fingerprint}"})
            write_run(store, spec.model_copy(update={what: part}), lambda *_, seed=seed: 50.0 + seed)
    table = table2(store)
    cell = cells(table)["NER F1", "ALL"]
    assert (cell.mean, cell.n, cell.marks) == (52.5, 2, ("*",))
    assert any(f"another {what} fingerprint than new" in text for text in table.remarks)


def test_partitions_read_different_data_and_still_meet(store):
    for spec in recipe.expand("hyperx-base", setting="mixed", seeds=(1, 2, 3)):
        data = spec.data.model_copy(update={"fingerprint": f"of {spec.partition}"})
        write_run(store, spec.model_copy(update={"data": data}), lambda *_: 40.0)
    assert cells(table2(store))["NER F1", "ALL"].mean == 40.0


def test_switched_partitions_stay_out(store):
    fill(store, partition="switched")
    table = table2(store)
    assert cells(table)["NER F1", "ALL"].mean is None
    assert not any("left out" in text for text in table.remarks), "another artifact asks for them"
    fill(store, "hyperx-small", partition="switched")
    table = table2(store)
    assert cells(table, row="HX-Small")["NER F1", "ALL"].mean is None
    assert any("with partitions switched instead of original" in text for text in table.remarks)


def test_profiles_never_share_a_table(store):
    fill(store, profile="lab", seeds=(1, 2), score=lambda *_: 10.0)
    alone = table2(store)
    assert alone.facts["profile"] == "lab"
    assert "real corpora, at most 4000 train" in alone.heading[0]
    fill(store)
    both = table2(store)
    assert both.facts["profile"] == "demo"
    assert "SYNTHETIC" in both.heading[0]
    assert cells(both)["NER F1", "ALL"].mean == 52.0
    assert any("runs of lab" in text for text in both.remarks)
    assert cells(table2(store, "lab"))["NER F1", "ALL"].mean == 10.0
    assert all("--profile lab" in line for line in table2(store, "lab").commands)
    with pytest.raises(InputError, match="Did you mean demo"):
        table2(store, "demmo")


def test_a_run_with_damaged_metrics_is_left_out_and_told(store):
    specs = fill(store)
    folder = store.root / "runs" / specs[0].run_id
    (before_manifests(folder) / "metrics.jsonl").write_text("{")
    table = table2(store)
    assert cells(table)["NER F1", "ALL"].n == 2
    assert any(specs[0].run_id in text and "line 1" in text for text in table.remarks)


def test_damaged_provenance_costs_only_the_device(store):
    specs = fill(store)
    folder = store.root / "runs" / specs[0].run_id
    (before_manifests(folder) / "provenance.json").write_text("{")
    table = table2(store)
    assert cells(table)["NER F1", "ALL"].n == 3
    assert any(text.endswith("on an unknown device, cpu.") for text in table.remarks)


def test_the_best_of_a_block_is_marked_ties_and_lone_values_as_they_are(store):
    fill(store, "hyperx-base", score=lambda *_: 60.04)
    only = cells(table2(store))
    assert not only["NER F1", "ALL"].best
    fill(store, "hyperx-small", score=lambda *_: 60.01)
    fill(store, "mbert", score=lambda *_: 59.0)
    table = table2(store)
    best = [cells(table, row=name)["NER F1", "ALL"].best for name in ("HX-Base", "HX-Small", "mBERT")]
    assert best == [True, True, False]


def test_a_method_of_ones_own_gets_a_row(store):
    own = recipe.resolve("hyperx-base", setting="mixed", partition="a").model_copy(update={"method": "mine"})
    write_run(store, own, lambda *_: 1.0)
    write_run(store, own.model_copy(update={"partition": "b"}), lambda *_: 1.0)
    row = cells(table2(store), row="mine")
    assert (row["NER F1", "ALL"].mean, row["NER F1", "ALL"].published) == (1.0, None)


def test_costs_are_of_one_model(store):
    fill(store, setting="multi")
    row = cells(table2(store), block=1)
    assert row["one model", "params"].mean == 311_000
    assert row["one model", "time"].mean == 83.0
    (table,) = report.build("hyperx", "table3", store)
    ours = {row.title: row.cells for row in table.blocks[0].rows}
    assert ours["HX-Base"][0].mean == 311_000
    assert ours["HX-Base"][0].published == 76e6
    assert ours["mBERT"][0].mean is None
    assert table.commands == ("hxbench run hyperx/table2",)
    fill(store, "mbert", "multi")
    fill(store, "psf", "mixed")
    (table,) = report.build("hyperx", "table3", store)
    assert [line.split()[2] for line in table.commands] == ["madx", "hyperx-small"]


def test_the_six_tables_of_table_6_ask_for_their_runs_once(store):
    fill(store)
    *others, last = report.build("hyperx", "6", store)
    assert {table.commands for table in others} == {()}
    assert last.commands == ("hxbench run hyperx/table2",)


def test_cells_over_fewer_seeds_than_their_neighbours_say_so(store):
    fill(store)
    fill(store, "mbert", seeds=(1,))
    table = next(t for t in report.build("hyperx", "6", store) if t.name == "table6-ner-mixed")
    cells = dict(zip((c.title for c in table.columns), table.blocks[2].rows[0].cells, strict=True))
    assert [dict(table.notes)[mark] for mark in cells["mBERT"].marks][1:] == ["over 1 seed only"]
    assert cells["HX-Base"].marks == ()


def test_artifacts_are_found_by_number_and_name():
    assert report.find_artifact("hyperx", "6").name == report.find_artifact("hyperx", "Table 6").name == "table6"
    with pytest.raises(InputError, match="22 of hyperx cannot be rebuilt"):
        report.find_artifact("hyperx", "22")
    with pytest.raises(InputError, match="unknown paper"):
        report.find_artifact("hyperz", "2")
