"""Tables of a backbone of one's own: by `--backbone`, by a block, by a profile's file; what has no run says so."""

import json
import shutil

import pytest
import yaml
from command_line import hxbench
from filled_store import fill, write_run
from text_miniature import write_text_mirror
from tiny_families import SHAPES
from transformers import BertConfig, BertForMaskedLM

from hxbench import report
from hxbench.backbones.vocabularies import train_wordpiece
from hxbench.errors import InputError
from hxbench.report import read_results
from hxbench.report.papers.own import experiment as asked
from hxbench.spec import experiment, recipe


def save_bert(folder):
    tokenizer = train_wordpiece(["the cat saw the old dog"] * 20, 120)
    BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), **SHAPES["bert"])).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def rows_of(table):
    return {row.title: row.cells[-1].mean for row in table.blocks[-1].rows}


def test_tables_of_another_backbone_have_its_runs_and_the_rest_its_reason(store):
    fill(store, "mbert", seeds=(1, 2))
    fill(store, "mbert", seeds=(1, 2), score=lambda *_: 77.0, backbone_name="lab-small")
    [table] = report.make(
        report.find_artifact("hyperx", "2", "table"), read_results("hyperx", store, backbone="lab-small")
    ).tables
    assert rows_of(table)["Full fine-tuning"] == 77.0
    assert "mBERT" not in rows_of(table)
    assert "mBERT" in rows_of(report.build("hyperx", "table2", store)[0]), "the profile's own is as published"
    by_language = report.make(
        report.find_artifact("hyperx", "6", "table"), read_results("hyperx", store, backbone="lab-small")
    ).tables
    assert all("Full fine-tuning" in [column.title for column in one.columns] for one in by_language)
    assert "backbone lab-small" in " ".join(table.heading)
    remarks = " ".join(table.remarks)
    assert "left out: 4 runs of mbert (mixed) with backbone.name sandbox-tiny instead of lab-small." in remarks
    [lacking] = [one for one in table.remarks if one.startswith("no runs of")]
    assert lacking.endswith("on lab-small are in the store.")
    for method in ("mbert (single, multi)", "hyperx-base (single, multi, mixed)", "psf", "madx", "madx-ms"):
        assert method in lacking
    assert "runs on another backbone are shown by --backbone NAME." in table.remarks
    assert all("--backbone lab-small" in one for one in table.commands)


def test_what_a_backbone_cannot_do_is_told_with_the_reason(store, tmp_path):
    fill(store, "psf", seeds=(1,))  # on the profile's own, which is told as well
    for backbone, reasons in (
        ("bloom-560m", {"needs an MLM head, and BLOOM answers otherwise (token)": {"madx", "madx-ms"}}),
        (
            "t5-small",
            {"NER tags words, for which a backbone of one stack is needed": {"mbert", "hyperx-base", "psf"}},
        ),
    ):
        answer = hxbench("report", "--table", "2", "--backbone", backbone, "--store", store.root)
        assert answer.code == 0, answer.err
        text = " ".join(answer.out.split())
        assert f"with backbone.name sandbox-tiny instead of {backbone}" in text
        none = [one.partition(".")[0] for one in text.split("no runs of ")[1:]]
        for reason, methods in reasons.items():
            [told] = [one for one in none if f" can be on {backbone}: {reason}" in one]
            assert methods <= set(told.replace(",", "").split())


def test_runs_on_a_backbone_that_no_size_has_are_told_where_sizes_are_compared(tmp_path):
    from hxbench.store import Store

    store = Store(tmp_path / "s")
    spec = recipe.resolve("pet-lora", setting="single", task="rte", backbone_name="minilm-l6")
    with store.open_run(spec) as run:
        run.write_metrics([{"split": "test", "task": "rte", "language": "en", "metric": "accuracy", "step": 1,
                            "value": 60.0, "role": "source"}])  # fmt: skip
        run.write_provenance({"device": "cpu"})
        run.finish()
    tables = report.build("pet", "figure2", store)
    told = [one for table in tables for one in table.remarks if one.startswith("left out")]
    assert told
    assert all("of pet-lora (single) with backbone.name minilm-l6 instead of" in one for one in told)


def test_a_backbone_is_known_by_the_name_that_runs_have_when_its_folder_is_gone(store, tmp_path):
    folder = save_bert(tmp_path / "mine")
    fill(store, "mbert", seeds=(1,), score=lambda *_: 66.0, backbone_name=str(folder))
    shutil.rmtree(folder)
    results = read_results("hyperx", store, backbone="mine")
    [table] = report.make(report.find_artifact("hyperx", "2", "table"), results).tables
    assert rows_of(table)["Full fine-tuning"] == 66.0
    with pytest.raises(InputError, match="unknown backbone 'other'"):
        read_results("hyperx", store, backbone="other")


def test_a_comparison_on_another_backbone_is_of_its_recipes_runs(store, tmp_path):
    folder = save_bert(tmp_path / "mine")
    for method, score in (("mbert", 60.0), ("psf", 50.0)):
        fill(store, method, seeds=(1,), score=lambda *_: 10.0)
        for weights, more in (("pretrained", 0.0), ("random", 9.0)):
            fill(
                store, method, seeds=(1,), score=lambda *_, score=score, more=more: score + more,
                backbone_name=str(folder), backbone_weights=weights,
            )  # fmt: skip
    for named in (str(folder), "mine"):
        answer = hxbench(
            "compare", "mbert:mixed", "psf:mixed", "--backbone", named, "--json", "--store", store.root
        )
        assert answer.code == 0, answer.err
        found = json.loads(answer.out)
        assert {row["difference"] for row in found["rows"]} == {10.0}
        assert {row["first_mean"] for row in found["rows"]} == {60.0}
        assert not [note for note in found["notes"] if "depart from" in note]
        shutil.rmtree(folder, ignore_errors=True)
    answer = hxbench("compare", "mbert:mixed", "psf:mixed", "--backbone", "gone", "--store", store.root)
    assert (answer.code, answer.out) == (2, "")
    assert "unknown backbone 'gone'" in answer.err


def test_a_block_and_a_profile_name_a_folder_beside_them(store, tmp_path):
    save_bert(tmp_path / "mine")
    mine = {
        "extends": "table2", "paper": "hyperx", "about": "mine", "includes": [], "artifacts": [],
        "blocks": [{"setting": "mixed", "methods": ["mbert"], "backbone": one} for one in ("mine", "lab-small")],
    }  # fmt: skip
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(mine))
    specs = [one.spec for one in experiment.runs_of("hyperx", str(file), "demo", seeds=[1])]
    assert {spec.backbone.name for spec in specs} == {"mine", "lab-small"}
    for spec in specs:
        write_run(store, spec, lambda *_: {"mine": 61.0, "lab-small": 62.0}[spec.backbone.name])  # noqa: B023
    results = read_results("hyperx", store, own=str(file))
    [table] = asked.build(results, str(file), [1])
    assert [row.cells[0].text for block in table.blocks for row in block.rows][:2] == ["2", "2"]
    assert {cell.mean for block in table.blocks for row in block.rows for cell in row.cells} >= {61.0, 62.0}
    assert "backbones mine, lab-small" in " ".join(table.heading)
    (tmp_path / "scale.yaml").write_text("extends: demo\nbackbone: mine\n")
    assert recipe.resolve(
        "mbert", setting="mixed", partition="a", profile=str(tmp_path / "scale.yaml")
    ).backbone.folder
    mine["blocks"][0]["size"] = "t5-small"
    file.write_text(yaml.safe_dump(mine))
    recipe.load.cache_clear()
    with pytest.raises(InputError, match="exclude each other"):
        experiment.runs_of("hyperx", str(file), "demo")


def test_a_sweep_by_size_is_one_of_the_backbone_that_was_asked_for():
    profile = recipe.OnGround("lab", backbone=recipe.backbone("minilm-l6"), given="minilm-l6")
    runs = [one.spec for one in experiment.runs_of("pet", "figure2", profile, seeds=[1])]
    assert {spec.backbone.name for spec in runs} == {"minilm-l6"}
    assert len({spec.run_id for spec in runs}) == len(runs) > 0
    assert {spec.profile for spec in runs} == {"lab"}


def test_the_commands_take_it(tmp_path, mirror):
    folder = save_bert(tmp_path / "mine")
    store = str(tmp_path / "store")
    write_text_mirror(tmp_path / "mirror")
    for words in (
        ["run", "hyperx/table2", "--seed", "1", "--data-source", str(mirror)],
        ["sweep", "scaling", "--method", "pet-lora", "--task", "rte", "--data-source", str(tmp_path / "mirror")],
    ):
        answer = hxbench(*words, "--backbone", str(folder), "--dry-run", "--json", "--store", store)
        assert answer.code == 0, answer.err
        assert {run["title"].rpartition("(")[2] for run in json.loads(answer.out)["runs"]} == {"demo)"}
        answer = hxbench(*words, "--backbone", "gone", "--dry-run", "--store", store)
        assert (answer.code, answer.out) == (2, "")
        assert "unknown backbone 'gone'" in answer.err
    answer = hxbench("report", "--table", "2", "--backbone", str(folder), "--store", store)
    assert answer.code == 0, answer.err
    assert f"--backbone {folder}" in answer.out
