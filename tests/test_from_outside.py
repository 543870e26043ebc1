"""A family, a task, a method and a recipe of no paper, all from a folder of the test's own, run together."""

import json

import pytest
import torch
from command_line import hxbench
from methods.test_own_family import HELIUM
from text_miniature import write_text_profile

from hxbench.backbones.vocabularies import train_byte_pairs
from hxbench.tasks import task_of, tasks_in

DATA = """
tasks:
  tickets:
    title: Tickets
    type: classification
    fields: [subject, text]
    labels: [bug, wish]
    metrics: [accuracy, f1]
corpora:
  - task: tickets
    target: kind
    files: {train: tickets/train.jsonl, dev: tickets/dev.tsv, test: tickets/test.jsonl}
"""
RECIPE = """
title: Gains
about: A gain for each number that a feed-forward block puts out.
paper: none
scale: pha
kind: gains
settings: [single]
options: {start: 1.0}
training: {updates: 12, batch_size: 4, lr: 0.1, warmup: 2, evaluate_every: 6, selection: sources}
"""
METHOD = """
from dataclasses import dataclass

import torch
from torch import nn

from hxbench.answering.answer import AnswerOptions
from hxbench.methods.method import Method


@dataclass
class Gain:
    by: torch.Tensor

    def apply(self, hidden):
        return hidden * self.by


class Options(AnswerOptions):
    start: float = 1.0


class Gains(Method):
    Options = Options
    roles = ("ffn",)

    def __init__(self, setup, options):
        super().__init__(setup, options)
        self.keys = self.backbone.sites("ffn")
        self.by = nn.Parameter(torch.full((len(self.keys), self.backbone.hidden_size), options.start))

    def weights(self, condition):
        return dict(zip(self.keys, map(Gain, self.by), strict=True))

    def parts(self):
        return {"gains": [self.by]}
"""


ROWS = [(f"number {n}", "it breaks" if n % 2 else "please add it", ("wish", "bug")[n % 2]) for n in range(24)]


def install(folder, monkeypatch, data=DATA, name="mine"):
    """Write a package as if it were installed, and the data of its task."""
    lines = [json.dumps({"subject": s, "text": t, "kind": k}) for s, t, k in ROWS]
    tsv = ["subject\ttext\tkind", *("\t".join(row) for row in ROWS[:8])]
    files = {
        f"site/{name}/__init__.py": "", f"site/{name}/gains.py": METHOD,
        f"site/{name}/recipes/families/helium.yaml": HELIUM, f"site/{name}/recipes/data/mine.yaml": data,
        f"site/{name}/recipes/methods/gains.yaml": RECIPE,
        f"site/{name}-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: mine\nVersion: 1\n",
        f"site/{name}-1.dist-info/entry_points.txt":
            f"[hxbench.recipes]\nmine = {name}\n[hxbench.methods]\ngains = {name}.gains:Gains\n",
        "data/tickets/train.jsonl": "\n".join(lines), "data/tickets/test.jsonl": "\n".join(lines[:6]),
        "data/tickets/dev.tsv": "\n".join(tsv),
    }  # fmt: skip
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    monkeypatch.syspath_prepend(str(folder / "site"))


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """The folder of everything: a package as if installed, data, a tiny Helium and a profile."""
    from transformers import HeliumConfig, HeliumForCausalLM

    install(tmp_path, monkeypatch)
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    tokenizer = train_byte_pairs([f"{s} {t} bug wish 0 1" for s, t, _ in ROWS] * 20, 300)
    config = HeliumConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=24, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, head_dim=8, pad_token_id=0, eos_token_id=1, bos_token_id=1,
        initializer_range=0.3,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        HeliumForCausalLM(config).save_pretrained(tmp_path / "tiny-helium")
    tokenizer.save_pretrained(tmp_path / "tiny-helium")
    write_text_profile(tmp_path)
    return tmp_path


def test_all_of_it_runs_together(outside):
    assert tasks_in("mine") == ("tickets",)
    assert task_of("tickets").metric == "accuracy"
    train = [
        "train", "gains", "--setting", "single", "--task", "tickets", "--backbone", str(outside / "tiny-helium"),
        "--profile", str(outside / "mini.yaml"), "--data-source", str(outside / "data"), "--store",
        str(outside / "store"), "--json",
    ]  # fmt: skip
    trained = hxbench(*train)
    assert trained.code == 0, trained.err
    [run] = json.loads(trained.out)
    assert set(run) >= {"run", "tickets"}
    scored = hxbench(
        "eval", run["run"], "--data-source", str(outside / "data"), "--store", str(outside / "store"), "--json"
    )
    assert scored.code == 0, scored.err
    [accuracy, f1] = json.loads(scored.out)
    assert (accuracy["metric"], accuracy["sentences"], f1["metric"]) == ("accuracy", 6, "f1")
    assert accuracy["value"] == run["tickets"]
    listed = json.loads(hxbench("list", "methods", "--matrix", "--json").out)
    assert {
        "kind": "gains",
        "token": "works",
        "token on decoder": "works",
        "class": "works",
        "class on decoder": "works",
        "encoder-decoder": "works",
        "causal": "works",
    } in listed


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../train.jsonl", "plain names"),
        ("/etc/train.jsonl", "plain names"),
        ("a/.b/train.jsonl", "plain names"),
        ('"{kind}.jsonl"', "the word {kind}"),
    ],
)
def test_a_path_that_leads_out_is_refused(tmp_path, monkeypatch, path, said):
    name = f"mine{abs(hash(path))}"  # a package that was imported is not looked for again
    install(tmp_path, monkeypatch, DATA.replace("tickets/train.jsonl", path), name)
    result = hxbench("list", "tasks")
    assert result.code == 2
    assert "mine.yaml: corpora.0" in result.err
    assert said in result.err
