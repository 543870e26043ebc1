"""Heads on every family of decoders: what stock models with heads say, padding, every tuning, whole runs.

Of the product each family and each tuning comes up once; make test-all has all of it.
"""

import os
import signal

import numpy as np
import pytest
import torch
from methods.test_matrix import built, check
from miniature import resolved, spec_for
from text_miniature import text_spec, write_text_mirror
from tiny_decoders import DECODERS, bare_decoder, loaded, save_decoder
from tiny_families import tiny, tuned
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from hxbench.data import Corpora, Origin
from hxbench.data.tokens import encode_tagged
from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.runs.assemble import costs, with_options
from hxbench.runs.data import RunData
from hxbench.runs.finished import restore
from hxbench.runs.predictor import predictor_of_run, tag_sentences
from hxbench.runs.train import run
from hxbench.spec import recipe
from hxbench.spec.backbone import BackboneSpec
from hxbench.store import Store
from hxbench.tasks.encoding.batch import IGNORED, collate
from hxbench.training.loop import Interrupted

FAMILIES = (*DECODERS, "bloom")
NO_TAGGER = ("gemma3_text", "opt")  # of which the library has no class for single tokens
TUNINGS = ("finetune", "pet-lora", "adapter", "prompt", "pet-bitfit", "apet", "hyperx")
LENGTHS = (5, 9, 3, 12)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def bare(family):
    return tiny("bloom") if family == "bloom" else bare_decoder(family)


BIASED = {family for family in FAMILIES if bare(family).biased()}
CELLS = [
    (family, kind, way)
    for way in ("class", "token")
    for family in FAMILIES
    for kind in TUNINGS
    if kind != "pet-bitfit" or family in BIASED
]
# of each family one tuning, each tuning with both heads or nearly
SAMPLE = {
    "gpt2": ("adapter", "token"), "llama": ("pet-lora", "class"), "mistral": ("prompt", "class"),
    "qwen2": ("pet-bitfit", "class"), "qwen3": ("hyperx", "token"), "gemma2": ("finetune", "class"),
    "gemma3_text": ("apet", "token"), "gpt_neox": ("hyperx", "class"), "opt": ("prompt", "token"),
    "phi3": ("pet-lora", "token"), "bloom": ("finetune", "token"),
}  # fmt: skip


def texts(lengths=LENGTHS):
    draw = np.random.default_rng(7)
    return [draw.integers(3, 40, length) for length in lengths]


def class_batch(**how):
    return collate(texts(), [np.array([n % 2]) for n in range(4)], padding=0, task="rte", **how)


def tagged_batch():
    rows = texts()
    labels = [np.where(row % 2, row % 5, IGNORED) for row in rows]
    return collate(rows, labels, padding=0, task="pos", language="en", by_token=True)


def headed(family, way, kind="finetune", **options):
    """Return a method that answers by heads, everything that it trains far from where it begins."""
    tasks = ("pos",) if way == "token" else ("rte",)
    return tuned(kind, bare(family), tasks=tasks, **({"answering": "class"} if way == "class" else {}), **options)


def stock_with_head(cls, method, head):
    """Return the library's model with the body and the head of a method."""
    config = method.model.config
    config.num_labels, config.pad_token_id = head.classifier.out_features, 0
    model = cls.from_config(config).eval()
    body = getattr(model, model.base_model_prefix)
    ours = method.backbone.body if method.backbone.family.name != "opt" else method.model.model
    body.load_state_dict(ours.state_dict())
    score = getattr(model, "score", None) or model.classifier
    score.weight.copy_(head.classifier.weight)
    if score.bias is None:
        assert not head.classifier.bias.any()
    else:
        score.bias.copy_(head.classifier.bias)
    return model


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_classes_are_those_of_the_stock_model_with_the_same_weights(family):
    method, batch = headed(family, "class"), class_batch()
    head = method.answering.heads["rte"]
    head.classifier.bias.zero_()  # the library's has none
    model = stock_with_head(AutoModelForSequenceClassification, method, head)
    wanted = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
    torch.testing.assert_close(method.logits(batch)[:, 0], wanted, **CLOSE)
    assert method.generate(batch)[:, 0].tolist() == wanted.argmax(1).tolist()
    first = method.encode(batch).states[:, 0]
    assert not torch.allclose(head(first), wanted, atol=1e-2), "it is not the first token that is read"


@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in NO_TAGGER])
@torch.no_grad()
def test_tags_are_those_of_the_stock_model_with_the_same_weights(family):
    method, batch = headed(family, "token"), tagged_batch()
    model = stock_with_head(AutoModelForTokenClassification, method, method.answering.heads["pos"])
    wanted = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
    torch.testing.assert_close(method.logits(batch), wanted.flatten(0, 1)[batch.positions], **CLOSE)


def on_the_left(batch):
    """Return a batch of whole texts with its padding on the other side."""
    order = batch.attention_mask.argsort(dim=1, stable=True)
    gathered = {name: getattr(batch, name).gather(1, order) for name in ("input_ids", "attention_mask")}
    return type(batch)(**{**vars(batch), **gathered})


@pytest.mark.parametrize("kind", ["finetune", "prompt"])
@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_padding_on_either_side_changes_nothing(family, kind):
    method = headed(family, "class", kind, **({"tokens": 3, "sample_from": 20} if kind == "prompt" else {}))
    batch = class_batch()
    together, left = method.logits(batch), method.logits(on_the_left(batch))
    for place, row in enumerate(texts()):
        alone = collate([row], [np.array([0])], padding=0, task="rte", multiple=1)
        torch.testing.assert_close(together[place], method.logits(alone)[0], **CLOSE)
    torch.testing.assert_close(left, together, **CLOSE)


def covering():
    """Return all cells, those outside the sample marked."""
    chosen = {(family, *cell) for family, cell in SAMPLE.items()}
    return [pytest.param(*cell, marks=() if cell in chosen else pytest.mark.matrix) for cell in CELLS]


def test_the_sample_has_every_family_and_every_tuning():
    assert set(SAMPLE) == set(FAMILIES)
    assert {kind for kind, _ in SAMPLE.values()} == set(TUNINGS)
    assert {"llama", "qwen3"}.isdisjoint(BIASED)
    assert {"gpt2", "gpt_neox", "opt", "qwen2", "bloom"} == BIASED


@pytest.mark.parametrize(("family", "kind", "way"), covering())
def test_a_tuning_with_heads_learns_and_can_be_restored(family, kind, way):
    check(kind, way, lambda: bare(family), steps=12)


@pytest.mark.parametrize("way", ["class", "token"])
def test_the_output_matrix_is_not_trained_below_heads(way):
    method = headed("llama", way)  # whose output is not tied
    body = sum(p.numel() for p in method.backbone.body.parameters())
    assert method.counted() == body < sum(p.numel() for p in method.model.parameters())
    assert not method.backbone.output.weight.requires_grad
    places = built("apet", way, backbone=bare("llama")).placement
    assert not any("lm_head" in name for name in places)


# --- which tokens carry labels, and which way is chosen ----------------------------------------------------------


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return save_decoder("llama", tmp_path_factory.mktemp("heads") / "llama")


@pytest.mark.parametrize("overflow", ["window", "truncate"])
def test_a_decoders_words_are_labelled_at_their_last_token(llama, overflow):
    tokenizer, words = loaded(llama).tokenizer, ["the", "dogcatmat", "sat", "unbelievably"]
    batch = {"words": [words], "tags": [[1, 2, 3, 4]]}
    for longest in (8, 12, 64):
        out = encode_tagged(batch, [0], tokenizer, longest, overflow, "last")
        labelled = [label for row in out["labels"] for label in row if label != IGNORED]
        assert labelled == ([1, 2, 3, 4] if overflow == "window" else [1, 2, 3, 4][: len(labelled)])
        assert all(len(row) <= longest for row in out["input_ids"])
    ids, labels = out["input_ids"][0], out["labels"][0]
    read = ""
    for number, label in zip(ids, labels, strict=True):  # no marks around: this tokenizer has none
        read += tokenizer.decode([number])
        if label != IGNORED:
            assert read.strip() == words[label - 1]
            read = ""
    assert read == ""


def text_run(llama, *assignments, task="rte", method="pet-lora"):
    return recipe.resolve(method, setting="single", task=task, backbone_name=str(llama), assignments=assignments)


def test_a_run_may_say_how_it_is_answered(llama):
    usual, said = with_options(text_run(llama)), with_options(text_run(llama, "options.answering=class"))
    assert "answering" not in usual.model_dump(mode="json")["options"]
    assert (said.options["answering"], usual.conditions["options"]) == ("class", "")
    assert said.conditions["options"] == "class head"
    assert said.run_id != usual.run_id
    assert "class head" in said.title
    assert with_options(text_run(llama, "options.answering=causal")).run_id == usual.run_id
    tagged = recipe.resolve("tag-lora", setting="single", task="pos", backbone_name=str(llama))
    assert tagged.data.label_token == "last"
    assert costs(with_options(tagged), 32)["counted"] == costs(said, 32)["counted"] > 0


@pytest.mark.parametrize(
    ("way", "task", "backbone", "said"),
    [
        ("class", "xsum", None, r"^options\.answering is class, and XSUM takes causal\.$"),
        ("token", "rte", None, r"^options\.answering is token, and RTE takes causal or class\.$"),
        ("causal", "rte", "minilm-l6", "a backbone of an encoder alone answers by token or class"),
        ("class", "rte", "t5-small", "a backbone of an encoder and a decoder answers by encoder-decoder"),
        ("heads", "rte", None, "answering: Input should be 'token', 'class', 'encoder-decoder' or 'causal'"),
    ],
)
def test_a_way_that_a_backbone_or_a_task_has_not_is_one_sentence(way, task, backbone, said, llama):
    with pytest.raises(InputError, match=said):
        with_options(text_run(backbone or llama, f"options.answering={way}", task=task))


def test_what_needs_a_masked_lm_head_says_so_on_a_decoder(llama):
    spec = recipe.resolve("madx", setting="single", task="pos", backbone_name=str(llama))
    with pytest.raises(InputError, match=r"^madx needs an MLM head, and Llama answers otherwise \(token\)\.$"):
        with_options(spec)
    assert method_class("madx").refusal({}, "token", "encoder") is None


# --- whole runs --------------------------------------------------------------------------------------------------


def stopped_and_whole(spec, plan, corpora, root):
    """Return the records of a run that is stopped and gone on with, and of one that is not."""

    def stop(step, _updates, _loss):
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    quiet = lambda step, updates, loss: None  # noqa: E731
    with pytest.raises(Interrupted):
        run(spec, plan, corpora, Store(root / "a"), report=stop)
    for store in "ab":
        run(spec, plan, corpora, Store(root / store), report=quiet)
    return [Store(root / store).get(spec.run_id) for store in "ab"]


@pytest.mark.parametrize("task", ["rte", "stsb"])
def test_a_run_chooses_among_classes_or_gives_a_number(task, llama, tmp_path):
    write_text_mirror(tmp_path / "mirror")
    backbone = BackboneSpec(name="llama", folder=str(llama))
    options = {"answering": "class", "rank": 2}
    wanted = text_spec("pet-lora", backbone, task=task, options=options, training={"evaluate_every": 2})
    corpora = Corpora(Origin("mirror", tmp_path / "mirror"), wanted.data)
    spec, plan = resolved(wanted, corpora)
    stopped, whole = stopped_and_whole(spec, plan, corpora, tmp_path)
    assert [h["loss"] for h in stopped.history()] == [h["loss"] for h in whole.history()]
    scores = [(r["metric"], r["value"]) for r in stopped.metrics() if r["split"] == "test"]
    assert scores
    assert scores == [(r["metric"], r["value"]) for r in whole.metrics() if r["split"] == "test"]
    method, on = restore(stopped)
    data = RunData(spec, plan, corpora, on)
    for pair in plan.test:
        assert data.score(method.eval(), pair, "test").predicted == stopped.predictions(*pair)["predicted"]
    # the text is the one that an answer would be written behind
    written = RunData(resolved(text_spec("pet-lora", backbone, task=task), corpora)[0], plan, corpora, on)
    ours, theirs = (one.encoded(plan.test[0], "test")[1] for one in (data, written))
    assert ours["input_ids"] == theirs["input_ids"]
    assert all(len(row) == 1 for row in ours["labels"])


@pytest.mark.parametrize("method", ["tag-lora", "hyperx-base"])
def test_a_run_tags_words_and_is_asked_afterwards(method, llama, corpora, tmp_path):
    wanted = spec_for(
        method, BackboneSpec(name="llama", folder=str(llama)),
        training={"updates": 6, "evaluate_every": 3}, data={"label_token": "last"},
    )  # fmt: skip
    spec, plan = resolved(wanted, corpora)
    assert plan.mlm == (), "a decoder is trained on no masked text"
    stopped, whole = stopped_and_whole(spec, plan, corpora, tmp_path)
    assert [h["loss"] for h in stopped.history()] == [h["loss"] for h in whole.history()]
    assert {r["metric"] for r in stopped.metrics() if r["split"] == "test"} == {"accuracy", "f1"}
    restored, on = restore(stopped)
    tagger = predictor_of_run(stopped, "pos", "en")
    (tags,) = tag_sentences(tagger, restored, on, [["the", "dog", "sat", "."]])
    assert len(tags) == 4
