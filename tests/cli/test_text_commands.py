"""The commands on text-to-text tasks, in the miniature."""

import json
import re

import pytest
import yaml
from command_line import hxbench, of_page
from text_miniature import SMALL, write_text_mirror, write_text_profile

SETS = ["training.updates=8", "training.batch_size=6", "training.warmup=2", "training.evaluate_every=4"]
FEW = {"updates": 2, "warmup": 0, "selection": "last", "batches": "homogeneous"}


def sets(method):
    options = [f"options.{name}={value}" for name, value in SMALL.get(method, {}).items()]
    return [word for field in SETS + options for word in ("--set", field)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The options that name a profile of the tests' own, its mirror and its store."""
    folder = tmp_path_factory.mktemp("text")
    write_text_mirror(folder / "mirror")
    profile = write_text_profile(folder)
    return {
        "read": ["--profile", profile, "--data-source", folder / "mirror"],
        "store": ["--store", folder / "store"],
        "folder": folder,
    }


@pytest.fixture(scope="module")
def trained(place):
    """What training PHA on the suite said, as rows."""
    answer = hxbench("train", "pha", *place["read"], *place["store"], *sets("pha"), "--json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_prepare_says_what_there_is(place):
    said = hxbench("prepare", "--paper", "pha", *place["read"], "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["pairs"]["sst2-en"] == {"train": 60, "dev": 12, "test": 12}
    assert found["pairs"]["mlm-en"]["train"] > 200
    assert "mnli-en" in found["missing"]
    assert found["cut"] == 0
    shown = hxbench("prepare", "glue", "--paper", "pha", *place["read"])
    assert "rte" in shown.out
    assert "cb" not in shown.out.split()


def test_training_shows_the_score_of_every_task_and_their_mean(trained):
    (row,) = trained
    assert row["title"] == "pha multi glue seed 1 (mini)"
    assert row["mean"] == pytest.approx((row["sst2"] + row["rte"] + row["stsb"]) / 3)


def test_eval_gives_the_stored_scores(trained, place):
    answer = hxbench("eval", trained[0]["run"], *place["read"][2:], *place["store"], "--json")
    assert answer.code == 0, answer.err
    found = {(row["task"], row["metric"]): row["value"] for row in json.loads(answer.out)}
    assert found["rte", "accuracy"] == trained[0]["rte"]
    assert ("stsb", "spearman") in found


def test_eval_on_a_table_of_ones_own(trained, place):
    path = place["folder"] / "own.csv"
    labels = ["yes", "no", "no", "yes", "no", "no"]
    path.write_text(
        "gold,sentence2,sentence1\n" + "".join(f'{one},"the cat, old",a dog {n}\n' for n, one in enumerate(labels))
    )
    run = (trained[0]["run"], *place["store"], "--task", "rte")
    mapped = ("--map", "yes=entailment", "--map", "no=not_entailment")
    answer = hxbench("eval", *run, "--file", path, "--column", "gold", *mapped, "--json")
    assert answer.code == 0, answer.err
    [row] = json.loads(answer.out)
    told = hxbench("predict", run[0], path, *run[1:], "--column", "said")
    said = [json.loads(line) for line in told.out.splitlines()]
    assert said[0].keys() == {"gold", "sentence1", "sentence2", "said"}
    right = sum({"yes": "entailment", "no": "not_entailment"}[one["gold"]] == one["said"] for one in said)
    assert (row["metric"], row["sentences"], row["value"]) == ("accuracy", 6, pytest.approx(100 * right / 6))
    assert row["low"] <= row["value"] <= row["high"]
    refused = hxbench("eval", *run, "--file", path, "--column", "gold")
    assert refused.code == 2
    assert (
        "line 2: unknown label 'yes'; expected entailment or not_entailment, or a map of this one" in refused.err
    )
    assert "--scheme and --comments do not apply" in hxbench("eval", *run, "--file", path, "--scheme", "bio").err


def test_the_commands_of_the_page_about_files(trained, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answers = [hxbench(*words, *place["store"]) for words in of_page("how-to/files.md", 1, trained[0]["run"])]
    assert [answer.code for answer in answers] == [0, 0], [answer.err for answer in answers]
    assert "accuracy" in answers[0].out
    assert [json.loads(line)["gold"] for line in answers[1].out.splitlines()] == ["yes", "no"]


def test_few_examples_of_a_new_task(trained, place):
    answer = hxbench(
        "fewshot", "pha", "--task", "cb", "--k", "4", *place["read"], *place["store"], *sets("pha"), "--json"
    )
    assert answer.code == 0, answer.err
    (row,) = json.loads(answer.out)
    assert row["task"] == "cb"
    assert len(row["k=4"]["values"]) == 1


@pytest.mark.matrix
def test_few_examples_from_nothing(place):
    answer = hxbench(
        "fewshot", "prompt", "--task", "cb", "--k", "4", *place["read"], *place["store"], *sets("prompt"), "--json"
    )
    assert answer.code == 0, answer.err
    (row,) = json.loads(answer.out)
    assert row.keys() == {"task", "language", "k=4"}


def test_an_experiment_is_planned_run_and_shown(trained, place):
    few = {"tasks": ["cb"], "k": [4], "training": FEW}
    given = (field.removeprefix("training.").split("=") for field in SETS)
    numbers = {"options": SMALL["pha"], "training": {name: int(value) for name, value in given}}
    block = {"setting": "multi", "suite": "glue", "methods": ["pha"], "few_shot": few, **numbers}
    path = place["folder"] / "mine.yaml"
    path.write_text(yaml.safe_dump({"paper": "pha", "about": "The tests' own.", "blocks": [block]}))
    shown = hxbench("run", path, *place["read"], *place["store"], "--dry-run", "--json")
    assert shown.code == 0, shown.err
    plan = json.loads(shown.out)
    assert [run["done"] for run in plan["runs"]] == [True, False], "the trained one is what few-shot starts from"
    done = hxbench("run", path, *place["read"], *place["store"])
    assert done.code == 0, done.err
    assert "mine.yaml: The tests' own." in done.out
    rows = [line.split() for line in done.out.splitlines()]
    # behind a mark of its own, or of a cell before it
    assert next(row for row in rows if re.fullmatch("PHA[ᵃᵇᶜ]", row[0] if row else ""))[1] == "1"
    # its own mark, or the next where the start ended on a plateau and has one more
    assert [[*row[:3], row[3][0]] for row in rows if row[:1] == ["PHA,"]] == [["PHA,", "k", "=", "4"]]
    again = hxbench("report", "--experiment", path, *place["read"][:2], *place["store"], "--format", "json")
    assert again.code == 0, again.err
    tables = json.loads(again.out)
    assert [table["columns"][0]["title"] for table in tables] == ["runs", "runs"]


def test_artifacts_of_ones_own_experiment_are_shown_below_its_runs(trained, place):
    given = (field.removeprefix("training.").split("=") for field in SETS)
    numbers = {"options": SMALL["pha"], "training": {name: int(value) for name, value in given}}
    block = {"setting": "multi", "suite": "glue", "methods": ["pha"], **numbers}
    path = place["folder"] / "fed.yaml"
    path.write_text(
        yaml.safe_dump({"paper": "pha", "about": "A try.", "artifacts": ["table1"], "blocks": [block]})
    )
    done = hxbench("run", path, *place["read"], *place["store"])
    assert done.code == 0, done.err
    assert done.out.index("fed.yaml: A try.") < done.out.index("PHA, Table 1: GLUE")
    assert "pha (multi): the runs that fed.yaml asks for, with options.bottleneck 4" in " ".join(done.out.split())
    mistaken = hxbench("report", "--experiment", place["folder"] / "none.yaml", *place["store"])
    assert (mistaken.code, mistaken.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "pha", "--task", "rte"], "--task only applies to the single setting"),
        (["train", "ft", "--task", "rtee"], "unknown task 'rtee'. Did you mean rte"),
        (["train", "pha", "--suite", "blue"], "unknown suite 'blue'"),
        (["train", "ft", "--task", "cb", "--suite", "glue"], "cb is a task of superglue, not of glue"),
        (["run", "pha/figure4"], "figure4 is no experiment of pha: pha/table1 makes it"),
        (["train", "pha", "--partition", "a"], "--partition only applies to the mixed setting"),
        (["train", "hyperx-base", "--suite", "glue"], "--suite only applies to text-to-text methods"),
        (["train", "ft", "--task", "rte", "--set", "training.precision=fp16"], "fp16"),
        (["train", "ft", "--task", "boolq"], "no training set of boolq"),
        (["fewshot", "pha", "--language", "tr"], "--language only applies to tagging methods"),
        (["fewshot", "pha", "--k", "4", "--task", "ner"], "unknown task 'ner'"),
        (["train", "pha", "--set", "training.embedding_rows=occurring"], "writes, and may do so with the matrix"),
    ],
)
def test_bad_input_is_one_sentence_and_code_two(words, message, place):
    answer = hxbench(*words, *place["read"], *place["store"])
    assert answer.code == 2, answer.err
    assert message in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("command", ["predict", "export"])
def test_of_several_tasks_one_has_to_be_said(command, trained, place):
    more = ["--out", place["folder"] / "out"] if command == "export" else ["-"]
    answer = hxbench(command, trained[0]["run"], *more, "--language", "en", *place["store"])
    assert answer.code == 2
    assert "say which with --task" in answer.err


def test_a_label_outside_the_set_names_its_line(place, tmp_path):
    write_text_mirror(tmp_path)
    path = tmp_path / "glue" / "RTE" / "train.tsv"
    path.write_text(path.read_text().replace("not_entailment", "perhaps", 1))
    answer = hxbench("prepare", "glue", "--paper", "pha", *place["read"][:2], "--data-source", tmp_path)
    assert answer.code == 2
    assert "RTE/train.tsv, line 2" in answer.err
    assert "perhaps" in answer.err


@pytest.mark.matrix
def test_costs_of_a_tuning_need_a_backbones_name_alone():
    answer = hxbench("cost", "pet-lora", "--backbone", "bloom-7b1", "--json")
    found = json.loads(answer.out)
    assert (found["counted"], found["trainable"], found["backbone"]) == (3_932_160, 3_932_160, 7_069_016_064)
    for method in ("pet-lora", "pet-bitfit"):  # what a method puts into a backbone is none of the backbone
        answer = hxbench("cost", method, "--backbone", "t5-v1_1-base", "--json")
        assert json.loads(answer.out)["backbone"] == 247_577_856
    answer = hxbench("cost", "pet-adapter", "--backbone", "bert-small", "--json")
    found = json.loads(answer.out)
    assert found["counted"] == 200_896
    assert found["trainable"] == 200_896 + found["parts"]["heads"]
    answer = hxbench("cost", "apet", "--backbone", "t5-v1_1-small", "--set", "options.budget=4096", "--json")
    assert json.loads(answer.out)["counted"] == 4096
    for budget, said in (("0", "or a whole number from 100"), ("999999999", "there are 61")):
        answer = hxbench("cost", "apet", "--backbone", "t5-v1_1-small", "--set", f"options.budget={budget}")
        assert (answer.code, answer.err.count("\n")) == (2, 1)
        assert said in answer.err


@pytest.mark.parametrize(
    ("method", "counted"), [("prompt", 76_800), ("spot", 76_800), ("attempt", 231_936), ("mpt", 77_668)]
)
def test_costs_of_prompts_are_those_of_their_formulas(method, counted):
    found = json.loads(hxbench("cost", method, "--json").out)
    assert found["counted_per_task"] == found["formula_per_task"] == counted


def test_costs_are_counted_per_task():
    answer = hxbench("cost", "pha", "--json")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert found["counted"] == 4_487_424
    assert (found["counted_per_task"], found["formula_per_task"]) == (560_928, 560_928)
    assert found["published_per_task"] == 616_000
