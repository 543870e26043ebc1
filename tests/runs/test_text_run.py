"""Whole text-to-text runs of the miniature: what the store gets, and what they refuse."""

import os
import signal

import pytest
import torch
from miniature import resolved
from text_miniature import text_spec, write_text_mirror

from hxbench.data import Corpora, Origin
from hxbench.errors import InputError, LackingData
from hxbench.methods.method import START
from hxbench.runs.evaluate import evaluate
from hxbench.runs.inputs import DataSource
from hxbench.runs.prepare import make_backbone
from hxbench.runs.session import Session
from hxbench.runs.train import run
from hxbench.spec.experiment import few_shot_spec
from hxbench.spec.settings import Pair
from hxbench.store import Store
from hxbench.training.loop import Interrupted

TIMES = {"wall_seconds", "device_seconds", "peak_memory_bytes", "tokens_per_second"}


@pytest.fixture(scope="module")
def text_mirror(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text-mirror")
    write_text_mirror(folder)
    return folder


@pytest.fixture(scope="module")
def english(text_mirror):
    def of(spec, folder=text_mirror):
        return Corpora(Origin("mirror", folder), spec.data)

    return of


@pytest.fixture(scope="module")
def trained(english, tmp_path_factory):
    """Return a function that trains a run, once a store, and gives its record."""
    usual = Store(tmp_path_factory.mktemp("store"))

    def record(method="pha", store=usual, report=lambda step, updates, loss: None, **changes):
        wanted = text_spec(method, **changes)
        corpora = english(wanted)
        make_backbone(wanted.backbone, corpora, lambda what, done, total: None)
        spec, plan = resolved(wanted, corpora)
        run(spec, plan, corpora, store, report=report)
        return store.get(spec.run_id)

    return record


def content(record):
    """Everything that must not depend on when and where a run was made."""
    files = {p.name: p.read_bytes() for p in record.folder.rglob("*.safetensors")}
    rows = [row for row in record.metrics() if row["metric"] not in TIMES]
    return files, rows, [{k: v for k, v in row.items() if k != "seconds"} for row in record.history()]


def test_a_run_of_a_suite_scores_every_task_that_is_there(trained):
    record = trained()
    tests = {(row["task"], row["metric"]): row for row in record.metrics() if row["split"] == "test"}
    assert {task for task, _ in tests} == {"sst2", "rte", "stsb"}
    assert {("rte", "accuracy"), ("stsb", "pearson"), ("stsb", "spearman")} <= tests.keys()
    assert tests["rte", "accuracy"]["sentences"] == 12  # half of what the release has for development
    # 24 examples, two thirds entailment in training; the halves are drawn at random
    assert tests["rte", "majority"]["value"] == pytest.approx(100 * share_of_entailment(record))
    said = record.provenance()
    assert said["trained_on"] == {"sst2-en": "train", "stsb-en": "train", "rte-en": "train"}
    assert set(said["missing"]) == {"cola-en", "mrpc-en", "qqp-en", "mnli-en", "qnli-en"}
    assert len(record.sentence_counts()["sst2", "en"]) == 12


def share_of_entailment(record):
    gold = record.predictions("rte", "en")["gold"]
    return sum(label == ["0"] for label in gold) / len(gold)


def test_the_retriever_of_a_suite_leaves_what_it_makes_of_texts(trained):
    found = trained().retrieval()
    assert found["tasks"] == ["cola", "sst2", "stsb", "mrpc", "qqp", "mnli", "qnli", "rte"]
    assert [(one["task"], one["n"]) for one in found["instances"]] == [
        ("sst2", 12), ("stsb", 12), ("rte", 12), ("cb", 8),
    ]  # fmt: skip
    assert found["z"].shape == (44, 6)
    assert found["features"].shape == (44, 16)
    assert -1 <= found["analysis"]["silhouette_z"] <= 1


FURTHER = [pytest.param(name, marks=pytest.mark.matrix) for name in ("shared-ft", "hyperdecoder", "adapter")]


@pytest.mark.parametrize("method", ["hyperformer", *FURTHER])
def test_one_seed_gives_one_result(method, trained, tmp_path):
    assert content(trained(method)) == content(trained(method, store=Store(tmp_path)))


def test_a_run_that_is_stopped_goes_on_to_the_same_result(trained, tmp_path):
    def stop(step, _updates, _loss):
        if step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    store = Store(tmp_path)
    with pytest.raises(Interrupted):
        trained(store=store, report=stop)
    assert content(trained(store=store)) == content(trained())


def test_texts_over_the_limit_are_cut_and_counted(trained):
    record = trained("ft", data={"max_length": 12})
    (row,) = [r for r in record.metrics() if (r["split"], r["metric"]) == ("test", "accuracy")]
    assert row["cut"] == 12


def test_a_new_task_begins_with_the_prototype_its_examples_are_nearest_to(trained, text_mirror):
    start = trained()
    session = Session(DataSource("mirror", text_mirror), start.folder.parents[1])
    one = session.add(few_shot_spec(text_spec(), Pair("cb", "en"), 4, 0, {"updates": 3, "selection": "last"}),
                      text_spec())  # fmt: skip
    assert one.job.spec.after == {START: start.id}
    one.job.execute(lambda what, done, total: None)
    record = session.store.get(one.run_id)
    assert record.provenance()["retrieved"] in ("cola", "sst2", "stsb", "mrpc", "qqp", "mnli", "qnli", "rte")
    (stored,) = [r for r in record.metrics() if (r["split"], r["metric"]) == ("test", "accuracy")]
    scored = evaluate(
        record, tasks=None, languages=None, split="test", data_source=str(text_mirror), offline=True,
        report=lambda what, done, total: None,
    )  # fmt: skip
    assert [one.scored.rows("test")[0]["value"] for one in scored] == [stored["value"]]
    assert stored["sentences"] == 8


def test_a_prompt_from_another_task_waits_for_that_of_the_task(text_mirror, tmp_path):
    session = Session(DataSource("mirror", text_mirror), tmp_path)
    session.add(text_spec("spot", options={"source": "sst2"}))
    assert [(one.job.spec.method, one.job.spec.task) for one in session.todo()] == [
        ("prompt", "sst2"), ("spot", "rte"),
    ]  # fmt: skip


def test_few_examples_are_not_few_after_training_on_all_of_them(text_mirror, tmp_path):
    session = Session(DataSource("mirror", text_mirror), tmp_path)
    shot = few_shot_spec(text_spec("spot", task="sst2", options={"source": "sst2"}), Pair("sst2", "en"), 4, 0, {})
    with pytest.raises(InputError, match=r"prompt single sst2.*was trained on all of sst2-en"):
        session.add(shot)


def test_what_cannot_be_done_is_said_in_a_sentence(english):
    def planned(**changes):
        spec = text_spec(**changes)
        return resolved(spec, english(spec))

    with pytest.raises(LackingData, match="no training set of boolq"):
        planned(method="ft", task="boolq")
    with pytest.raises(InputError, match="not by targets"):
        planned(training={"selection": "targets"})
    spec = few_shot_spec(text_spec(), Pair("cb", "en"), 25, 0, {"selection": "last"})
    with pytest.raises(LackingData, match="25 examples of cb-en are wanted, but its training split has only 24"):
        resolved(spec, english(spec))


def test_a_task_without_a_development_set_cannot_choose_by_it(english, text_mirror, tmp_path):
    folder = tmp_path / "superglue" / "CB"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_bytes((text_mirror / "superglue" / "CB" / "train.jsonl").read_bytes())
    spec = text_spec("ft", task="cb")
    with pytest.raises(LackingData, match=r"no development set of cb.*training\.selection=last"):
        resolved(spec, english(spec, tmp_path))
    last = text_spec("ft", task="cb", training={"selection": "last"})
    with pytest.raises(LackingData, match="no test set of cb to be scored on"):
        resolved(last, english(last, tmp_path))


def test_half_precision_is_refused_with_the_reason(trained):
    with pytest.raises(InputError, match="fp16"):
        trained("ft", training={"precision": "fp16"})


def test_a_method_needs_a_backbone_of_its_kind(tiny, corpora, tmp_path):
    from hxbench.runs.assemble import build
    from hxbench.runs.backbone import get_backbone

    with pytest.raises(InputError, match="has no classes to choose among: an encoder alone"):
        build(text_spec("pha-single", task="xsum"), get_backbone(tiny))


def test_removing_the_method_gives_back_the_backbone(trained):
    from hxbench.runs.backbone import get_backbone
    from hxbench.runs.finished import restore

    record = trained()
    method, backbone = restore(record)
    pristine = get_backbone(record.spec.backbone)
    method.remove()
    ids = torch.arange(3, 13)[None]
    theirs = pristine.model.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in backbone.model.state_dict().items())
    outputs = [one.model(input_ids=ids, decoder_input_ids=ids[:, :4]).logits for one in (backbone, pristine)]
    torch.testing.assert_close(*outputs)  # last digits go by where in memory the weights lie
