"""Recipes that somebody else has written: refused in one sentence and at once, or read as they are."""

import os
import time

import pytest

from hxbench.cli.execute import require_artifacts
from hxbench.errors import InputError
from hxbench.spec import experiment, recipe
from hxbench.spec.recipe import expand, parse_assignments

METHOD = "extends: mbert\n"
EXPERIMENT = "paper: hyperx\nabout: a\nblocks:\n- setting: multi\n  methods: [mbert]\n"
PROFILE = "about: a\nbackbone: sandbox-tiny\nseeds: [1]\ndata: {origin: sandbox}\n"
BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefghijk", "bcdefghijkl", strict=True)
)


@pytest.fixture(autouse=True)
def within_some_seconds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start = time.process_time()
    yield
    recipe.load.cache_clear()  # files of this name are other ones in the next test
    assert time.process_time() - start < 10  # a bomb would take minutes


METHODS = {
    "nested lists": ("options: " + "[" * 5000 + "]" * 5000, "nested more than 50 deep"),
    "nested mappings": ("options: " + "{a: " * 3000 + "1" + "}" * 3000, "nested more than 50 deep"),
    "an alias bomb": (BOMB, "values"),
    "an alias cycle": ("options: &x {a: *x}", "into itself"),
    "a repeated key": ("title: a\ntitle: b\n", "the key title is there twice"),
    "a huge integer": ("training: {updates: 1" + "0" * 400 + "}", "is too large"),
    "a date": ("training: {updates: 2024-01-01}", "training.updates: Input should be a valid integer"),
    "not a number": ("training: {lr: .nan}", "no finite number"),
    "infinity": ("options: {bottleneck: .inf}", "no finite number"),
    "a key that is a number": ("1: 2\n", "the key 1 is no name"),
    "a key that is a list": ("? [a]\n: 1\n", "a key is not a name"),
    "a name of 5,000 letters": ("? " + "a" * 5000 + "\n: 1", "field 'aaaaaaaa"),
    "a value of 5,000 letters": ("setings: " + "b" * 5000, "Did you mean settings"),
    "10 MB": ("#" + "x" * 11_000_000, "larger than 10 MB"),
    "code": ("options: !!python/object/apply:os.system ['true']", "is not plain data"),
    "two documents": ("---\na: 1", "more than one document"),
    "no settings": ("settings: []", "settings: Tuple should have at least 1 item"),
    "another place's paper": ("paper: ../../x", "unknown paper '../../x'"),
}


@pytest.mark.parametrize(("text", "said"), METHODS.values(), ids=METHODS)
def test_methods(tmp_path, text, said):
    (tmp_path / "m.yaml").write_text(METHOD + text)
    with pytest.raises(InputError) as caught:
        expand("m.yaml", setting="multi")
    assert said in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "text", ["", "[1]", "x", "extends: [mbert]", f"extends: {'a' * 5000}", "a:\n\t- b", "title: \0"]
)
def test_files_that_are_no_recipe(tmp_path, text):
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        recipe.load("methods", "m.yaml")
    assert str(caught.value).startswith("m.yaml: ")
    assert len(str(caught.value)) < 450


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "latin.yaml").write_bytes(METHOD.encode() + b"title: \xff")
    for name in ("fifo", "zero", "loop", "folder", "latin", "none"):
        with pytest.raises(InputError, match=rf"{name}\.yaml: not a readable YAML file"):
            recipe.load("methods", f"{name}.yaml")


def test_chains(tmp_path):
    for number in range(3000):
        (tmp_path / f"c{number}.yaml").write_text(f"extends: c{number + 1}\n")
    with pytest.raises(InputError, match="more than 20 recipes extend each other"):
        recipe.load("methods", "c0.yaml")
    (tmp_path / "link.yaml").symlink_to("whole.yaml")
    (tmp_path / "whole.yaml").write_text(METHOD + "title: Mine\n")
    assert recipe.load("methods", "link.yaml").title == "Mine"


def test_an_experiment_that_is_included_twice_counts_once(tmp_path):
    for number in range(300):
        twice = f"[i{number + 1}.yaml, i{number + 1}.yaml]"
        (tmp_path / f"i{number}.yaml").write_text(f"{EXPERIMENT}includes: {twice}\n")
    (tmp_path / "i300.yaml").write_text(EXPERIMENT)
    assert len(experiment.blocks("hyperx", "i285.yaml")) == 16
    with pytest.raises(InputError, match="more than 20 experiments include each other"):
        experiment.blocks("hyperx", "i0.yaml")


NUMBERS = f"[{', '.join(map(str, range(1, 9000)))}]"
EXPERIMENTS = {
    "a grid of a million million": (
        f"{EXPERIMENT}  each: {{a: &a {NUMBERS}, b: *a, c: *a}}", "things in turn, at most 10000",
    ),
    "a run for every number": (
        EXPERIMENT.replace("- setting", f"- few_shot: {{k: {NUMBERS}}}\n  setting"),
        "runs at profile demo, at most 100,000",
    ),
    "no methods": (EXPERIMENT.replace("mbert", ""), "blocks.0.methods: Tuple should have at least 1 item"),
    "no values": (EXPERIMENT + "  each: {a: []}", "has no runs at profile demo"),
    "an artifact of 5,000 letters": (EXPERIMENT + f"artifacts: [{'a' * 5000}]", "unknown artifact 'aaaa"),
    "another place's paper": ("paper: ../../etc\nabout: a", "unknown paper '../../etc'"),
    "a paper that is a list": ("paper: [a]\nabout: a", "unknown paper"),
}  # fmt: skip


def _runs_of(file):
    paper, name = experiment.named(file)
    require_artifacts(paper, experiment.artifacts_of(paper, name))
    return experiment.runs_of(paper, name, "demo")


@pytest.mark.parametrize(("text", "said"), EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_experiments(tmp_path, text, said):
    (tmp_path / "e.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        _runs_of("e.yaml")
    assert said in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[1]", "[]", "seeds: Tuple should have at least 1 item"),
        ("[1]", f"[{', '.join(map(str, range(100_000)))}]", "seeds: Tuple should have at most 1000 items"),
        ("[1]", "[1]\ndraws: 1000000000", "draws: Input should be less than or equal to 1000"),
        ("origin: sandbox", "origin: 5", "data: origin is one of sandbox, hub and mirror"),
        ("sandbox-tiny", "none.yaml", "none.yaml: not a readable YAML file"),
    ],
)
def test_profiles(tmp_path, old, new, said):
    (tmp_path / "p.yaml").write_text(PROFILE.replace(old, new))
    with pytest.raises(InputError) as caught:
        expand("mbert", setting="multi", profile="p.yaml")
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hub: a/b\nshape: {hidden_size: -1}", "hidden_size is -1; expected a number from 1 to 100,000"),
        ("hub: a/b\nshape: {num_layers: 10000001}", "num_layers is 10000001; expected a number from 1 to 1,000"),
        ("hub: a/b\nshape: {model_type: [1]}", "model_type is the name of an architecture"),
        (
            "pretrain: {vocabulary: 9, layers: 10000000, hidden: 8, heads: 2, intermediate: 8, steps: 1}",
            "pretrain.layers: Input should be less than or equal to 1000",
        ),
    ],
)
def test_backbones(tmp_path, text, said):
    (tmp_path / "b.yaml").write_text(f"name: x\n{text}")
    with pytest.raises(InputError) as caught:
        recipe.backbone("b.yaml")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("training.updates=" + "9" * 5000, "too large"),
        ("training.lr=1e400", "no finite number"),
        ("training.lr=.nan", "no finite number"),
        ("options.a=" + "[" * 5000, "nested more than 50 deep"),
        ("options.a=!!python/none x", "is not plain data"),
        ("options." + "a." * 500 + "b=1", "no field is so deep in others"),
        ("a" * 5000, "expected options.KEY=VALUE"),
        ("options.a={", "not readable as YAML"),
    ],
)
def test_assignments(text, said):
    with pytest.raises(InputError) as caught:
        parse_assignments([text])
    assert said in str(caught.value)
    assert str(caught.value).startswith("--set ")
    assert len(str(caught.value)) < 250


def test_assignments_stay_what_they_were():
    given = ["training.lr=1e-4", "options.a=true", "options.b=[1, 2]", "options.c=1:30", "options.d=2024-01-01"]
    found = parse_assignments(given)
    assert found["training"] == {"lr": 1e-4}
    assert found["options"] == {"a": True, "b": [1, 2], "c": 90, "d": "2024-01-01"}
