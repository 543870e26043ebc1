"""What was tuned on one task, applied to others: what a run is scored on, by which labels, and what it refuses."""

import json
import shutil
from collections import Counter
from contextlib import contextmanager

import pytest
import torch
from miniature import resolved
from text_miniature import text_spec, write_text_mirror

from hxbench.answering.answer import Condition
from hxbench.data import Corpora, Origin
from hxbench.errors import InputError
from hxbench.runs.assemble import with_options
from hxbench.runs.evaluate import evaluate
from hxbench.runs.finished import restore
from hxbench.runs.prepare import make_backbone
from hxbench.runs.train import run
from hxbench.spec.backbone import BackboneSpec, PretrainSpec
from hxbench.store import Store

SHAPE = {
    "vocabulary": 400, "layers": 2, "hidden": 16, "heads": 2, "intermediate": 64, "steps": 10, "batch_size": 8,
    "max_length": 24, "lr": 3e-3, "dropout": 0, "cpu_threads": 1,
}  # fmt: skip
BERT = BackboneSpec(name="tiny-bert", pretrain=PretrainSpec(architecture="bert", **SHAPE))
T5 = BackboneSpec(name="tiny-t5", pretrain=PretrainSpec(architecture="t5", **SHAPE))
UNIFIED = {"template": "pet", "labels": "unified"}
TASKS = ("sst2", "rte", "rotten", "samsum")
DIGITS = {"rte": ("1", "0"), "sst2": ("0", "1"), "rotten": ("0", "1")}  # by class id, written out


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    root = tmp_path_factory.mktemp("transfer-mirror")
    write_text_mirror(root)
    for part in ("train", "validation", "test"):
        for label in ("neg", "pos"):
            path = root / f"rotten_tomatoes/{part}/rt-polarity.{label}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"the {'good' if label == 'pos' else 'bad'} cat {n} . \n" for n in range(9)))
    for part in ("train", "val", "test"):
        chats = [{"id": n, "dialogue": f"cat: saw dog {n}", "summary": f"cat saw {n} ."} for n in range(5)]
        (root / "samsum").mkdir(exist_ok=True)
        (root / f"samsum/{part}.json").write_text(json.dumps(chats))
    return root


@pytest.fixture(scope="module")
def made(mirror, tmp_path_factory):
    """Return a function that trains a run of APET, once, and gives its record and the corpora."""
    store = Store(tmp_path_factory.mktemp("store"))

    def of(backbone=T5, **changes):
        wanted = text_spec("apet", backbone, **{"options": {"budget": 300}, "data": UNIFIED, **changes})
        corpora = Corpora(Origin("mirror", mirror), wanted.data)
        make_backbone(wanted.backbone, corpora, lambda what, done, total: None)
        spec, plan = resolved(wanted, corpora)
        run(spec, plan, corpora, store)
        return store.get(spec.run_id), corpora

    return of


def scores_of(record):
    return {(row["task"], row["metric"]): row for row in record.metrics() if row["split"] == "test"}


@contextmanager
def applied(method, task):
    """Let the backbone be read with what was tuned in it."""
    condition = Condition(task, "en", None, torch.zeros(1, dtype=torch.long))
    with method.acting(), method.sites.using(method.weights(condition)):
        yield


def one_by_one(record, corpora, task):
    """Return what the trained model writes for every test example, each by itself, and the right answers."""
    method, backbone = restore(record)
    tokenizer, config = backbone.tokenizer, backbone.model.config
    names = {"sst2": ["sentence"], "rotten": ["sentence"], "rte": ["sentence1", "sentence2"]}[task]
    found = []
    for example in corpora.load(task, "en", "test"):
        line = " [SEP] ".join(
            f"{name}: {' '.join(text.split())}" for name, text in zip(names, example["fields"], strict=True)
        )
        pieces = tokenizer(f"Input: {line} Output: ", add_special_tokens=False)["input_ids"]
        ids = torch.tensor([[*pieces, tokenizer.eos_token_id]])
        written = [config.decoder_start_token_id]
        with torch.no_grad(), applied(method, task):
            # a label's pieces and the end mark, as many as the longest label of the task has
            longest = 1 + max(len(tokenizer(d, add_special_tokens=False)["input_ids"]) for d in DIGITS[task])
            while len(written) <= longest:
                logits = backbone.model(input_ids=ids, decoder_input_ids=torch.tensor([written])).logits
                written.append(int(logits[0, -1].argmax()))
                if written[-1] == config.eos_token_id:
                    break
        found.append(
            (tokenizer.decode(written, skip_special_tokens=True).strip(), DIGITS[task][int(example["target"])])
        )
    return found


def test_a_run_is_scored_on_the_other_tasks_as_well(made):
    options = {"budget": 12_000, "places": "existing", "embeddings": True}  # enough to learn to write a digit
    record, corpora = made(task="rte", transfer=TASKS, options=options, training={"updates": 60, "lr": 2e-2})
    tests = scores_of(record)
    assert [task for task, metric in tests if metric in ("accuracy", "rougel")] == [
        "sst2",
        "rte",
        "rotten",
        "samsum",
    ]
    roles = {task: tests[task, metric]["role"] for task, metric in tests}
    assert roles == {"rte": "source", "sst2": "target", "rotten": "target", "samsum": "target"}
    assert [task for task, metric in tests if metric == "majority"] == ["rte"], "no other training set was read"
    answers = Counter()
    for task in DIGITS:
        found = one_by_one(record, corpora, task)
        right = sum(one == other for one, other in found)
        assert tests[task, "accuracy"]["value"] == pytest.approx(100 * right / len(found))
        assert tests[task, "accuracy"]["unreadable"] == sum(one not in ("0", "1") for one, _ in found)
        answers.update(one for one, _ in found)
    assert answers["0"] + answers["1"] > sum(answers.values()) / 2, "scores of nothing at all would prove little"
    assert record.provenance()["trained_on"] == {"rte-en": "train"}
    assert len(record.sentence_counts()["rotten", "en"]) == 18


def test_the_own_task_does_not_notice(made):
    alone, _ = made(task="rte")
    beside, _ = made(task="rte", transfer=TASKS)
    assert alone.id != beside.id
    assert "transfer" not in alone.fields
    assert beside.fields["transfer"] == list(TASKS)
    assert scores_of(alone)["rte", "accuracy"]["value"] == scores_of(beside)["rte", "accuracy"]["value"]
    assert beside.title == "apet single rte budget 300 with transfer seed 1 (demo)"


def test_eval_gives_what_the_run_with_transfer_has_stored(made, mirror):
    alone, _ = made(task="rte")
    stored = scores_of(made(task="rte", transfer=TASKS)[0])
    scored = evaluate(
        alone, tasks=["rotten", "rte", "samsum"], languages=None, split="test", data_source=str(mirror),
        offline=True, report=lambda what, done, total: None,
    )  # fmt: skip
    found = {one.scored.task: (one.role, one.scored.rows("test")[0]) for one in scored}
    assert {task: role for task, (role, _) in found.items()} == {
        "rotten": "target",
        "rte": "source",
        "samsum": "target",
    }
    for task, (_, row) in found.items():
        assert row["value"] == stored[task, row["metric"]]["value"]


def test_other_data_of_a_target_make_another_run(mirror, tmp_path):
    here = shutil.copytree(mirror, tmp_path / "mirror")
    wanted = text_spec("apet", T5, task="rte", options={"budget": 300}, data=UNIFIED, transfer=TASKS)
    ids = []
    for changed in (False, True):
        if changed:
            (here / "samsum/test.json").write_text(
                json.dumps([{"id": 1, "dialogue": "cat: no", "summary": "no cat"}] * 5)
            )
        corpora = Corpora(Origin("mirror", here), wanted.data)
        ids.append(resolved(wanted, corpora)[0].run_id)
    assert ids[0] != ids[1]


def test_a_target_that_is_not_there_is_left_out_and_said(mirror):
    wanted = text_spec("apet", T5, task="rte", options={"budget": 300}, data=UNIFIED, transfer=("rte", "mnli"))
    _, plan = resolved(wanted, Corpora(Origin("mirror", mirror), wanted.data))
    assert [str(pair) for pair in plan.test] == ["rte-en"]
    assert [str(pair) for pair in plan.missing] == ["mnli-en"]


def test_the_runs_own_task_is_no_target():
    assert text_spec("apet", T5, task="rte", transfer=("sst2", "rte", "sst2")).foreign == ("sst2",)
    assert text_spec("apet", T5, task="rte").foreign == ()


@pytest.mark.parametrize(
    ("method", "changes", "why"),
    [
        (
            "pha-single",
            {"transfer": ("sst2",)},
            "pha-single has parameters of its own for each task.*none for sst2",
        ),
        ("apet", {"transfer": ("cola",), "data": UNIFIED}, "CoLA has no classes in PET scaling"),
    ],
)
def test_what_cannot_be_applied_is_refused(method, changes, why):
    spec = text_spec(method, T5, task="rte", setting="single", **changes)
    with pytest.raises(InputError, match=why):
        with_options(spec)


def test_eval_refuses_what_a_model_cannot_be_applied_to(made, mirror):
    record, _ = made(task="rte")

    def scored(tasks):
        return list(
            evaluate(record, tasks=tasks, languages=None, split="test", data_source=str(mirror), offline=True,
                     report=lambda what, done, total: None)
        )  # fmt: skip

    with pytest.raises(InputError, match="CoLA has no classes in PET scaling"):
        scored(["cola"])
    with pytest.raises(InputError, match="task 'rtee'"):
        scored(["rtee"])


# --- BERT -------------------------------------------------------------------------------------------------------

CHOSEN = ("sst2", "rte", "rotten")


def test_berts_head_answers_the_other_tasks_in_their_labels(made):
    options = {"budget": 12_000, "places": "existing", "embeddings": True}
    record, corpora = made(
        BERT, task="rte", transfer=CHOSEN, options=options, training={"updates": 30, "lr": 1e-2}
    )
    tests = scores_of(record)
    assert [task for task, metric in tests if metric == "accuracy"] == ["sst2", "rte", "rotten"]
    method, backbone = restore(record)
    assert method.answering.heads["rte"].classifier.out_features == 3
    method.eval()
    for task in CHOSEN:
        right, given = 0, []
        for example in corpora.load(task, "en", "test"):
            read = backbone.tokenizer(*example["fields"], return_tensors="pt", return_token_type_ids=True)
            with torch.no_grad(), applied(method, task):
                out = method.answering.heads["rte"](backbone.model.bert(**read).last_hidden_state[0, 0])
            given.append(str(int(out[:2].argmax())))  # 2, neutral, is no label of a task of two classes
            right += given[-1] == DIGITS[task][int(example["target"])]
        assert [[text] for text in given] == list(map(list, record.predictions(task, "en")["predicted"]))
        assert tests[task, "accuracy"]["value"] == pytest.approx(100 * right / len(given))
        assert tests[task, "accuracy"]["unreadable"] == 0


def test_bert_shares_labels_or_does_not_transfer(made, mirror):
    with pytest.raises(
        InputError, match=r"a head trained on RTE does not know the classes of SST-2: data\.labels=unified"
    ):
        with_options(text_spec("apet", BERT, task="rte", transfer=("sst2",)))
    with_options(text_spec("apet", BERT, task="sst2", transfer=("rotten",)))  # the same classes by name
    with pytest.raises(InputError, match="SAMSum has no classes to choose among"):
        with_options(text_spec("apet", BERT, task="rte", transfer=TASKS, data=UNIFIED))
    record, _ = made(BERT, task="rte", data={"template": "pet"})
    with pytest.raises(InputError, match="does not know the classes of SST-2"):
        list(evaluate(record, tasks=["sst2"], languages=None, split="test", data_source=str(mirror), offline=True,
                      report=lambda what, done, total: None))  # fmt: skip
