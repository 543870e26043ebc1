"""The methods of docs/how-to/method.md: what is written there is what is installed, described and trained."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import hxbench, write_profile
from text_miniature import write_text_mirror, write_text_profile
from tiny_families import family_batch, tiny

from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.method import Setup
from hxbench.runs.assemble import build, with_options
from hxbench.spec.recipe import resolve
from hxbench.tasks.encoding.batch import collate

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "method.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_readme_shows_the_first_method_of_the_page():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    for language in ("python", "toml", "yaml"):
        (shown,) = re.findall(rf"^```{language}\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
        assert shown == blocks(language)[0]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The folder with the README's files, as if they were a package beside hxbench."""
    for text in (*blocks("python"), *blocks("yaml")):
        name = re.match(r"# (\S+\.\w+)\n", text)
        assert name, "every file says its name"
        (tmp_path / name[1]).write_text(text)
    points = [line for text in blocks("toml") for line in text.splitlines() if re.search(" = .*:", line)]
    assert len(points) == len(blocks("toml")) == 3
    info = tmp_path / "mine-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (info / "entry_points.txt").write_text("\n".join(["[hxbench.methods]", *points]).replace('"', ""))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_tagger_trains_the_biases_and_nothing_else(installed, fresh_backbone):
    kind = method_class("own-bitfit")
    method = kind(Setup(fresh_backbone, ("pos",)), kind.Options())
    method.freeze()
    trained = method.trained()
    assert any(name.startswith("heads.pos") for name in trained)
    assert {name.rpartition(".")[2] for name in trained if name.startswith("model.")} == {"bias"}


def commands(method):
    """The commands that the README gives for a method, without what it says about them."""
    found = re.findall(rf"hxbench (train {method}\.yaml[^`#\n]*)", PAGE)
    assert found
    return [one.split() for one in found]


TRAINING = {"updates": 8, "batch_size": 6, "warmup": 2, "evaluate_every": 4}
QUICK = [word for name, value in TRAINING.items() for word in ("--set", f"training.{name}={value}")]


def test_the_tagger_is_trained_by_its_command(installed, mirror):
    scale = write_profile(installed, mirror)
    (words,) = commands("own-bitfit")
    answer = hxbench(*words, *scale.options, *QUICK, "--partition", "a", "--store", "store", "--json")
    assert answer.code == 0, answer.err
    (row,) = json.loads(answer.out)
    assert row["title"] == "own-bitfit mixed a seed 1 (mini)"


WAYS = {
    "token": ("bert", "pos"),
    "class": ("bert", "rte"),
    "encoder-decoder": ("t5", "rte"),
    "causal": ("bloom", "rte"),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_method_with_parameters_works_with_every_way_to_answer(way, installed):
    family, task = WAYS[way]
    kind = method_class("beside-adapter")
    method = kind(Setup(tiny(family), (task,)), kind.Options(bottleneck=3))
    method.freeze()
    assert method.answering.name == way
    batch = family_batch(family, task=task)
    if way == "token":
        batch = collate(
            [np.arange(3, 12), np.arange(4, 9)], [np.arange(9), np.arange(5)], padding=0, task=task, by_token=True
        )
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    optimiser, losses = torch.optim.AdamW(method.trained().values(), lr=3e-3), []
    for _ in range(8):
        optimiser.zero_grad()
        losses.append(method(batch))
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < losses[0]
    moved = {
        name.removeprefix("answering.")
        for name, p in method.named_parameters()
        if not torch.equal(p, before[name])
    }
    assert moved == set(method.trained())
    assert {name.partition(".")[0] for name in moved} <= {"adapters", "heads"}


def test_the_method_with_parameters_is_trained_by_its_command_and_gets_a_row(installed):
    write_text_mirror(installed / "mirror")
    profile = write_text_profile(installed)
    (words,) = commands("beside-adapter")
    words = [word.replace("superglue", "glue") for word in words]  # of which the miniature has more
    place = ["--data-source", "mirror", "--profile", profile, "--store", "store"]
    answer = hxbench(*words, *place, *QUICK, "--json")
    assert answer.code == 0, answer.err
    (row,) = json.loads(answer.out)
    assert row["title"] == "beside-adapter multi glue seed 1 (mini)"
    shown = hxbench("report", "--paper", "pha", "--table", "1", "--profile", profile, "--store", "store")
    assert any(line.startswith("beside-adapter") for line in shown.out.splitlines())


def recipe_method(file, family="bert"):
    """The method of a recipe of the README's on a tiny backbone, trained for some updates, and where it began."""
    own = {"bert": "minilm-l6", "bloom": "bloom-560m"}[family]
    spec = with_options(resolve(file, setting="single", task="rte", profile="lab", backbone_name=own))
    method = build(spec, tiny(family))
    begun = {name: p.detach().clone() for name, p in method.named_parameters()}
    optimiser, losses = torch.optim.AdamW(method.trained().values(), lr=0.02), []
    for _ in range(8):
        optimiser.zero_grad()
        losses.append(method(family_batch(family)))
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < losses[0]
    return method, {name for name, p in method.named_parameters() if not torch.equal(p, begun[name])}


@pytest.mark.parametrize("family", ["bert", "bloom"])
def test_the_subclass_of_peft_trains_what_it_says_and_leaves_a_folder_of_peft(family, installed):
    method, moved = recipe_method("lora-fa.yaml", family)
    of_head = {"answering.heads.rte.classifier.weight", "answering.heads.rte.classifier.bias"}
    assert moved - of_head == {name for name, _ in method.named_parameters() if ".lora_B." in name}
    again = build(with_options(resolve("lora-fa.yaml", setting="single", task="rte", profile="lab")), tiny(family))
    again.take_peft(method.peft()[1], "the folder")
    for name, p in again.trained().items():
        if ".lora_B." in name:
            assert torch.equal(p, method.trained()[name])


def test_the_recipe_of_peft_alone_is_wrapped_where_it_says(installed):
    _, moved = recipe_method("rslora.yaml")
    wrapped = {name.partition(".lora_")[0].rpartition("layer.")[2] for name in moved if ".lora_B." in name}
    assert wrapped == {
        f"{layer}.{path}"
        for layer in range(2)
        for path in ("attention.self.query", "attention.self.value", "intermediate.dense", "output.dense")
    }


def test_a_kind_without_a_recipe_is_known(installed):
    for name, said in (
        ("lora-fa", "no recipe is called lora-fa, which is a kind of method: write one that says kind: lora-fa."),
        ("lora-fs", "unknown method 'lora-fs'. Did you mean lora-fa"),
        ("peft", "no recipe is called peft, which is a kind of method: its recipes are dora, ia3, "),
    ):
        answer = hxbench("train", name)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith(f"hxbench: {said}")


def test_the_experiment_of_ones_own_can_be_planned(installed, mirror):
    scale = write_profile(installed, mirror)
    grid = (Path(__file__).parents[2] / "docs" / "how-to" / "grid.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```yaml\n(# mine\.yaml\n.*?)^```$", grid, re.MULTILINE | re.DOTALL)
    (installed / "mine.yaml").write_text(shown.replace("tag-lora", "own-bitfit.yaml"))
    answer = hxbench("run", "mine.yaml", *scale.options, "--dry-run", "--json", "--store", "store")
    assert answer.code == 0, answer.err
    titles = {run["title"].partition(" seed")[0] for run in json.loads(answer.out)["runs"]}
    assert titles == {
        f"{method} mixed {part}{more}"
        for method, more in (("mbert", ""), ("own-bitfit", ""), ("hyperx-base", " mlm none"))
        for part in ("a", "b")
    }


def test_a_method_with_nothing_to_train_on_a_backbone_is_told(installed, monkeypatch):
    kind = method_class("own-bitfit")
    spec = resolve("lora", setting="single", task="rte", profile="lab").model_copy(
        update={"kind": "own-bitfit", "method": "mine", "options": {}}
    )
    monkeypatch.setattr(kind, "trained", lambda self: {})
    with pytest.raises(InputError, match="mine trains nothing on minilm-l6: none of its parts is there"):
        build(spec, tiny("bert"))
