"""Whole runs of BERT, which chooses among classes: scored, interrupted, evaluated, refused where it must write."""

import os
import signal

import pytest
import torch
from miniature import resolved
from safetensors.torch import load_file
from test_pet_run import BACKBONES
from text_miniature import text_spec, write_text_mirror
from tiny_families import tiny

from hxbench.data import Corpora, Origin
from hxbench.errors import InputError
from hxbench.runs.assemble import build
from hxbench.runs.backbone import get_backbone
from hxbench.runs.data import RunData
from hxbench.runs.evaluate import evaluate
from hxbench.runs.inputs import DataSource
from hxbench.runs.prepare import Prepared, make_backbone, tokenise
from hxbench.runs.session import Session
from hxbench.runs.train import run
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.settings import Pair
from hxbench.store import Store
from hxbench.tasks import task_of
from hxbench.training.loop import Interrupted

BERT = BACKBONES["bert"]
QUIET = lambda *_: None  # noqa: E731
TIMES = {"wall_seconds", "device_seconds", "tokens_per_second", "peak_memory_bytes"}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text-mirror")
    write_text_mirror(folder)
    return folder


@pytest.fixture(scope="module")
def trained(mirror):
    """Train and return (record, spec, plan, corpora)."""

    def one(folder, method="pet-bitfit", report=QUIET, **changes):
        wanted = text_spec(method, BERT, **changes)
        corpora = Corpora(Origin("mirror", mirror), wanted.data)
        make_backbone(wanted.backbone, corpora, QUIET)
        spec, plan = resolved(wanted, corpora)
        run(spec, plan, corpora, Store(folder), report=report)
        return Store(folder).get(spec.run_id), spec, plan, corpora

    return one


def content(record):
    """Everything that must not depend on when a run was made."""
    files = {p.name: p.read_bytes() for p in record.folder.rglob("*.safetensors")}
    return files, [row for row in record.metrics() if row["metric"] not in TIMES]


@pytest.mark.parametrize("data", [{"template": "pha", "labels": "digits"}, {}], ids=["digits", "words"])
def test_three_classes_are_told_by_their_labels(trained, tmp_path, data):
    record, *_ = trained(tmp_path, "pet-ft", task="cb", data=data, training={"lr": 1e-2})
    rows = {(row["split"], row["metric"]): row for row in record.metrics()}
    table = record.predictions("cb", "en")
    gold, predicted = ([text for [text] in table[side]] for side in ("gold", "predicted"))
    called = {"0", "1", "2"} if data else set(task_of("cb").labels)
    assert set(gold) == called
    assert set(predicted) <= called
    right = sum(one == other for one, other in zip(gold, predicted, strict=True))
    assert rows["test", "accuracy"]["value"] == pytest.approx(100 * right / len(gold))
    assert rows["test", "accuracy"]["unreadable"] == 0
    most = gold.count("0" if data else "entailment")  # as many of each class in training: the first of the classes
    assert rows["test", "majority"]["value"] == pytest.approx(100 * most / len(gold))
    assert record.sentence_counts()["cb", "en"]


def test_the_loss_of_a_batch_is_that_of_its_rows_one_by_one(trained, tmp_path):
    _, spec, plan, corpora = trained(tmp_path, task="cb", training={"updates": 1})
    backbone = get_backbone(spec.backbone)
    method = build(spec, backbone).eval()
    with torch.no_grad():
        method.answering.heads["cb"].classifier.weight.normal_()
    data = RunData(spec, plan, corpora, backbone)
    sampler = data.sampler()
    batch = data.feed(sampler, torch.device("cpu"), (0, 1))(0)
    _, chosen = sampler.batch(0)
    corpus, tokenizer, slow = corpora.load("cb", "en", "train"), backbone.tokenizer, []
    for row in chosen:
        fields = corpus[int(row)]["fields"]  # the tokenizer's own way, which text a piece is of too
        read = tokenizer(*fields, return_tensors="pt", return_token_type_ids=True)
        assert read["token_type_ids"].any()
        states = backbone.model.bert(**read).last_hidden_state[0, 0]
        slow.append(-torch.log_softmax(method.answering.heads["cb"](states), -1)[int(corpus[int(row)]["target"])])
    assert len(slow) == 6
    torch.testing.assert_close(method(batch), torch.stack(slow).mean())


def test_a_run_that_is_stopped_goes_on_to_the_same_result(trained, tmp_path):
    def stop(step, _updates, _loss):
        if step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        trained(tmp_path / "broken", report=stop)
    assert content(trained(tmp_path / "broken")[0]) == content(trained(tmp_path / "whole")[0])


def test_full_fine_tuning_with_the_embedding_rows_that_occur_comes_to_the_same(trained, tmp_path):
    kept = {}
    for rows in ("all", "occurring"):
        record, *_ = trained(tmp_path, "pet-ft", task="cb", training={"embedding_rows": rows})
        kept[rows] = load_file(record.folder / "checkpoint" / "model.safetensors")
    assert kept["all"].keys() == kept["occurring"].keys()
    for name, tensor in kept["occurring"].items():
        torch.testing.assert_close(tensor, kept["all"][name], rtol=1e-3, atol=1e-4, msg=name)
    words = kept["all"]["model.bert.embeddings.word_embeddings.weight"]
    assert 10 < record.provenance()["embedding_rows"] < len(words) - 20


def test_eval_gives_the_stored_scores(trained, mirror, tmp_path):
    record, *_ = trained(tmp_path, "pet-adapter", options={"bottleneck": 4})
    stored = {(r["task"], r["metric"]): r["value"] for r in record.metrics() if r["split"] == "test"}
    [scored] = evaluate(
        record, tasks=None, languages=None, split="test", data_source=str(mirror), offline=True, report=QUIET
    )
    assert scored.scored.predictions()["predicted"] == list(
        map(list, record.predictions("rte", "en")["predicted"])
    )
    assert [(row["task"], row["metric"], row["value"]) for row in scored.scored.rows("test")] == [
        ("rte", "accuracy", stored["rte", "accuracy"])
    ]


def test_it_learns_what_can_be_learned(trained, tmp_path):
    """Whether a sentence is a pair's twin says nothing here; that 2 of 3 are entailed can be known."""
    record, *_ = trained(tmp_path, "pet-ft", training={"updates": 60, "lr": 1e-2, "evaluate_every": 20})
    losses = [row["loss"] for row in record.history()]
    assert losses[-1] < 0.66, "the entropy of 2 to 1 is 0.64, that of a coin 0.69"
    assert record.status["label_losses"]["rte"]["entropy"] == pytest.approx(0.637, abs=0.05)


def test_a_classifier_that_learns_nothing_is_on_its_plateau(trained, tmp_path):
    # over enough batches: one alone may have few of the frequent label
    record, *_ = trained(tmp_path, "pet-bitfit", training={"lr": 1e-9, "updates": 120, "evaluate_every": 60})
    assert record.plateaus == {"rte": "on"}


def test_preparing_leaves_out_what_it_cannot_answer(trained, tmp_path):
    _, spec, _, corpora = trained(tmp_path)
    wanted = [Prepared(Pair(task, "en"), {"train": 60}) for task in ("rte", "stsb")]
    said = tokenise(wanted, corpora, spec.data, spec.backbone, QUIET, offline=True)
    assert said["cut"] == 0
    assert said["vocabulary"] > 100


@pytest.mark.parametrize("task", ["nq", "samsum", "multinews"])
def test_a_task_without_classes_is_refused_before_anything_is_read(task, tmp_path):
    session = Session(DataSource("mirror", tmp_path), tmp_path / "store")  # where nothing is
    with pytest.raises(InputError, match="has no classes to choose among: an encoder alone"):
        session.add(text_spec("pet-lora", BERT, task=task))
    # of a folder only its files tell the family
    backbone = BackboneSpec(name="a-folder", folder=str(tmp_path))
    with pytest.raises(InputError, match="has no classes to choose among"):
        build(text_spec("pet-lora", backbone, task=task), tiny("bert"))
