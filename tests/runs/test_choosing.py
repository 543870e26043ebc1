"""Labels chosen by how likely they are, against every label read behind every text, a row at a time."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_decoders import DECODERS, bare_decoder
from tiny_families import END, family_batch, rows, slow_logits, tiny, tuned

from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.method import Setup
from hxbench.runs.assemble import with_options
from hxbench.runs.predictor import _chosen
from hxbench.runs.scoring import Labels, labels_of
from hxbench.spec import recipe
from hxbench.tasks import task_of
from hxbench.tasks.encoding.batch import collate
from hxbench.tasks.encoding.templates import PHA, Wording

# one begins as another goes on, one is another's beginning, one is the end mark alone
TOKENS = ((5, END), (5, 6, 7, END), (6, 7, 8, 9, END), (9, END), (END,), (5, 6, END))
WAYS = ("true", "likelihood", "normalised")
NAMES = tuple("abcdef")
LENGTHS, TARGETS = (5, 9, 3, 12, 7, 4), (2, 4, 1, 3, 2, 2)


def made(backbone, kind="pet-bitfit"):
    found = method_class(kind)
    return found(Setup(backbone, ("rte",)), found.Options()).eval()


def told(batch, ids):
    """Return a batch with the same answer behind every text."""
    sources = [source[0].numpy() for source, _ in rows(batch)]
    return collate(sources, [np.array(ids)] * len(sources), padding=0, task=batch.task)


def stock_logits(model, batch):
    """Return the logits of every row's target: a decoder of the library, a row at a time, unpadded."""
    found = []
    for source, target in rows(batch):
        logits = model(torch.cat([source, target], 1), use_cache=False).logits[0]
        found.append(logits[-target.shape[1] - 1 : -1])
    return found


@torch.no_grad()
def slow(logits_of, batch):
    """Return Σ log p of every label behind every text, [rows][labels]."""
    by_label = [
        [
            sum(step.log_softmax(-1)[piece].item() for step, piece in zip(logits, ids, strict=True))
            for logits in logits_of(told(batch, ids))
        ]
        for ids in TOKENS
    ]
    return np.array(by_label).T


@pytest.mark.parametrize("family", ["t5", "bloom", pytest.param("gemma2", marks=pytest.mark.matrix)])
@pytest.mark.parametrize("normalised", [False, True])
def test_the_label_with_the_greatest_sum_or_mean_over_its_tokens_is_chosen(family, normalised):
    batch = family_batch(family, lengths=LENGTHS, targets=TARGETS)
    backbone = bare_decoder(family) if family in DECODERS else tiny(family)
    stock = (bare_decoder(family) if family in DECODERS else tiny(family)).model
    expected = slow(
        lambda one: stock_logits(stock, one) if family in DECODERS else slow_logits(family, stock, one), batch
    )
    if normalised:
        expected = expected / np.array(list(map(len, TOKENS)))
    labels, method = Labels(NAMES, TOKENS, normalised), made(backbone)
    np.testing.assert_allclose(labels.scores(method, batch).numpy(), expected, atol=2e-4)
    assert labels.chosen(method, batch) == [NAMES[place] for place in expected.argmax(1)]
    shares = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
    np.testing.assert_allclose(labels.probabilities(method, batch), shares, atol=2e-4)


def test_the_sum_and_the_mean_choose_differently():
    batch = family_batch("t5", lengths=LENGTHS, targets=TARGETS)
    method = made(tiny("t5"))
    assert Labels(NAMES, TOKENS).chosen(method, batch) != Labels(NAMES, TOKENS, True).chosen(method, batch)


CASES = [
    ("pet-prompt", "t5"), ("pet-prompt", "bloom"), ("pet-lora", "bloom"),
    *(
        pytest.param(kind, family, marks=pytest.mark.matrix)
        for kind, family in [("pet-adapter", "t5"), ("pet-adapter", "bloom"), ("pet-lora", "t5")]
    ),
    pytest.param("hyperdecoder", "t5", marks=pytest.mark.matrix),  # whose weights are those of a row
    pytest.param("peft", "bloom", marks=pytest.mark.matrix),  # with keys and values before the text
    *(pytest.param("pet-prompt", family, marks=pytest.mark.matrix) for family in DECODERS),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "family"), CASES)
def test_reading_a_text_once_gives_what_reading_it_with_every_label_does(kind, family):
    """Of padded rows together, and of every row alone."""
    batch = family_batch(family, lengths=LENGTHS, targets=TARGETS)
    options = {"peft": {"type": "PREFIX_TUNING", "num_virtual_tokens": 3}, "hyperdecoder": {"bottleneck": 4}}
    backbone = bare_decoder(family) if family in DECODERS else tiny(family)
    method = tuned(kind, backbone, **options.get(kind, {}))
    found = method.likelihoods(batch, TOKENS)
    np.testing.assert_allclose(found.numpy(), slow(method.logits, batch), atol=1e-3, rtol=1e-5)
    for row, (source, target) in enumerate(rows(batch)):
        alone = collate([source[0].numpy()], [target[0].numpy()], padding=0, task="rte", multiple=1)
        torch.testing.assert_close(method.likelihoods(alone, TOKENS)[0], found[row], atol=1e-3, rtol=1e-5)


def test_a_text_is_read_once_however_many_labels_there_are():
    for family, reads in (("t5", lambda model: model.encoder), ("bloom", lambda model: model.transformer)):
        method, lengths = made(tiny(family)), []
        reads(method.model).register_forward_pre_hook(
            lambda _, __, named, lengths=lengths: lengths.append(named["inputs_embeds"].shape[1]), with_kwargs=True
        )
        method.likelihoods(family_batch(family, lengths=LENGTHS, targets=TARGETS), TOKENS)
        assert [length for length in lengths if length >= 12] == [16], "padded to a multiple of 8"


def test_of_equally_likely_labels_the_first_is_chosen():
    likely = torch.tensor([[-3.0, -2.0, -2.0], [-1.0, -1.0, -1.0], [-4.0, -5.0, -3.5]])
    method = SimpleNamespace(likelihoods=lambda batch, answers: likely)
    tokens = ((5, END), (6, END), (7, END))
    assert Labels(("one", "two", "three"), tokens).chosen(method, None) == ["two", "one", "three"]


class Letters:
    """A tokenizer that knows few letters."""

    eos_token_id = END


@pytest.fixture
def letters(monkeypatch):
    known = "abcdefghij _.012345"
    found = lambda _, texts: [[3 + known.find(letter) for letter in text] for text in texts]  # noqa: E731
    monkeypatch.setattr("hxbench.runs.scoring.tokens_of", found)
    return Letters()


def asked(method, choose="likelihood", **how):
    found = recipe.resolve(method, setting="single", assignments=[f"training.choose={choose}"], **how)
    return with_options(found)


@pytest.mark.parametrize("choose", WAYS)
def test_where_there_is_nothing_to_choose_among_it_is_refused(choose):
    said = f"^training.choose is {choose}, and "
    for size in ("t5-small", "bloom-small"):
        assert asked("pet-lora", choose, size=size, task="rte").training.choose
        with pytest.raises(InputError, match=f"{said}SAMSum has no labels to choose among.$"):
            asked("pet-lora", choose, size=size, task="samsum")
    with pytest.raises(InputError, match=rf"{said}sandbox-en-bert-small answers by heads \(class\): only what"):
        asked("pet-lora", choose, size="bert-small", task="rte")
    with pytest.raises(InputError, match=rf"{said}sandbox-tiny answers by heads \(token\): only what"):
        asked("mbert", choose, task="pos")


def test_it_is_no_refusal_where_some_task_has_labels_and_scores_are_labels_too(letters):
    found = asked("apet", size="t5-small", task="nq", transfer=("sst2", "nq"))
    assert found.conditions["answers"] == "chosen by likelihood"
    assert "with transfer chosen by likelihood seed" in found.title
    assert asked("pha-single", task="stsb").training.choose == "likelihood"
    texts = labels_of(letters, task_of("stsb"), 1.0, PHA, "likelihood").texts
    assert texts == ("0.0", "1.0", "2.0", "3.0", "4.0", "5.0")


def test_a_run_says_it_only_where_it_is_asked_for_and_in_one_of_three_ways():
    plain = recipe.resolve("pet-lora", setting="single", task="rte", size="t5-small")
    assert "choose" not in plain.model_dump(mode="json")["training"]
    assert plain.conditions["answers"] == ""
    ids = {plain.run_id, *(asked("pet-lora", one, size="t5-small", task="rte").run_id for one in WAYS)}
    assert len(ids) == 4
    with pytest.raises(InputError, match=r"training\.choose: Input should be False, True, 'likelihood' or 'norm"):
        asked("pet-lora", "likely", size="t5-small", task="rte")


def test_labels_are_spelled_with_their_end_mark_and_told_apart(letters):
    assert Labels.of(letters, ["ab", "a"]).tokens == ((3, 4, END), (3, END))
    with pytest.raises(InputError, match="cannot tell these labels apart: x, y"):
        Labels.of(letters, ["a", "x", "b", "y"])
    found = labels_of(letters, task_of("rte"), 0.2, Wording("pet", "words"), "normalised")
    assert (found.texts, found.normalised) == (task_of("rte").labels, True)
    assert len(found.tokens[1]) > len(found.tokens[0]) + 2
    assert labels_of(letters, task_of("rte"), 0.2, PHA, False) is None
    assert labels_of(letters, task_of("samsum"), 0.2, PHA, "likelihood") is None


def test_a_chosen_score_is_told_with_the_share_of_every_score():
    shares = {"0.0": 0.1, "2.5": 0.7, "5.0": 0.2}
    found = _chosen(task_of("stsb"), tuple(shares), [*shares.values()])
    assert found == {"score": 2.5, "probabilities": shares}
    assert _chosen(task_of("rte"), ("0", "1"), [0.25, 0.75])["label"] == task_of("rte").labels[1]
