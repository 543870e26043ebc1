"""Scoring a split: every word gets its own prediction, whatever the windows and the batch size."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from miniature import spec_for

from hxbench.data.tokens import encode
from hxbench.runs.assemble import build
from hxbench.runs.scoring import TaggedSplit, score_split
from hxbench.tasks import task_of

CPU = torch.device("cpu")

POS = task_of("pos").labels


class Oracle:
    """Knows every piece's label by its number, so that a prediction that lands on a wrong word shows."""

    def __init__(self, tokenizer, task):
        self.size = len(task_of(task).labels)

    def eval(self):
        pass

    def keeping_weights(self):
        return torch.no_grad()

    def generate(self, batch):
        return batch.input_ids.flatten()[batch.positions] % self.size


@pytest.fixture
def corpus(tokenizer):
    """Words of one known piece, whose label the oracle knows; sentences of very different lengths."""
    vocabulary = tokenizer.get_vocab()
    known = [w for w in sorted(vocabulary) if w.isalpha() and tokenizer.tokenize(w) == [w]]
    assert len(known) > 20
    rng = np.random.default_rng(0)
    words = [list(rng.choice(known, size)) for size in rng.integers(1, 30, 25)]
    tags = [[vocabulary[w] % len(POS) for w in sentence] for sentence in words]
    return Dataset.from_dict({"words": words, "tags": tags})


def tagged(corpus, tokenizer, method, *, overflow="window", max_length=12, batch_size=4, task="pos", **how):
    from hxbench.data.kinds import features

    corpus = corpus.cast(features(task_of(task)))
    encoded = encode(corpus, corpus._fingerprint, tokenizer, max_length=max_length, overflow=overflow)
    data = TaggedSplit.of(task, "en", corpus, encoded, padding=tokenizer.pad_token_id, **how)
    return score_split(method, data, batch_size, CPU)


def row_of(found):
    [row] = found.rows("test")
    return row


@pytest.mark.parametrize("max_length", [8, 12, 64])
def test_in_windows_every_word_is_scored(corpus, tokenizer, max_length):
    found = tagged(corpus, tokenizer, Oracle(tokenizer, "pos"), max_length=max_length)
    assert found.gold == [[POS[t] for t in tags] for tags in corpus["tags"]]
    assert found.predicted == found.gold
    row = row_of(found)
    words = sum(map(len, corpus["words"]))
    assert (row["value"], row["words_cut"], row["words"], row["sentences"]) == (100.0, 0, words, 25)
    assert (row["metric"], row["split"], row["task"], row["language"]) == ("accuracy", "test", "pos", "en")


def test_words_cut_by_truncation_are_counted_and_missed(corpus, tokenizer):
    found = tagged(corpus, tokenizer, Oracle(tokenizer, "pos"), overflow="truncate")
    sizes = [len(words) for words in corpus["words"]]
    cut = sum(max(0, size - 10) for size in sizes)
    assert cut > 50
    assert found.cut == cut
    assert [len(p) for p in found.predicted] == sizes
    assert row_of(found)["value"] == pytest.approx(100 * (1 - cut / sum(sizes)))


def test_cut_words_can_be_left_out_of_the_score_as_the_published_code_does(corpus, tokenizer):
    missed = tagged(corpus, tokenizer, Oracle(tokenizer, "pos"), overflow="truncate")
    found = tagged(corpus, tokenizer, Oracle(tokenizer, "pos"), overflow="truncate", cut_words="unscored")
    sizes = [min(10, len(words)) for words in corpus["words"]]
    assert [len(p) for p in found.predicted] == [len(g) for g in found.gold] == sizes
    assert found.gold == [gold[:size] for gold, size in zip(missed.gold, sizes, strict=True)]
    assert found.cut == missed.cut > 50
    row = row_of(found)
    assert (row["value"], row["words"]) == (100.0, sum(sizes))
    assert row_of(missed)["value"] < 95
    assert len(list(found.sentence_counts())) == len(sizes), "a sentence is one, however little of it is left"


def test_a_cut_word_is_a_miss_whatever_its_label(tokenizer):
    # a multi-word token's label is `_`; it must not stand for what was not predicted
    corpus = Dataset.from_dict({"words": [["ban"] * 30], "tags": [[POS.index("_")] * 30]})

    class Never(Oracle):
        def generate(self, batch):
            return torch.zeros_like(batch.targets)

    found = tagged(corpus, tokenizer, Never(tokenizer, "pos"), overflow="truncate")
    assert found.cut > 0
    assert row_of(found)["value"] == 0.0


def test_a_cut_name_is_a_missed_span(tokenizer):
    names = task_of("ner").labels
    corpus = Dataset.from_dict({"words": [["ban"] * 30], "tags": [[names.index("B-PER")] * 30]})

    class Always(Oracle):
        def generate(self, batch):
            return torch.full_like(batch.targets, names.index("B-PER"))

    found = tagged(corpus, tokenizer, Always(tokenizer, "ner"), overflow="truncate", task="ner")
    scored = 30 - found.cut
    assert 0 < scored < 30
    assert row_of(found)["value"] == pytest.approx(200 * scored / (scored + 30))


@pytest.mark.parametrize("method", ["hyperx-base", "mbert"])
def test_the_score_does_not_depend_on_the_batch_size(method, corpora, fresh_backbone):
    model = build(spec_for(method), fresh_backbone)
    for head in model.answering.heads.values():  # so that it says more than one thing
        torch.nn.init.normal_(head.classifier.weight, generator=torch.Generator().manual_seed(0))
    results = []
    for size in (1, 3, 16, 1000):
        pair = ("ner", "ar")
        corpus = corpora.load(*pair, "test")
        encoded = encode(corpus, corpora.fingerprint(*pair, "test"), fresh_backbone.tokenizer, max_length=16)
        data = TaggedSplit.of(*pair, corpus, encoded, padding=fresh_backbone.tokenizer.pad_token_id)
        results.append(score_split(model, data, size, CPU))
    assert len({label for sentence in results[0].predicted for label in sentence}) > 2
    assert all(result.predicted == results[0].predicted for result in results)


def test_dropout_is_off_while_scoring(corpora, fresh_backbone):
    model = build(spec_for("mbert"), fresh_backbone).train()
    pair = ("pos", "ar")
    corpus = corpora.load(*pair, "test")
    encoded = encode(corpus, corpora.fingerprint(*pair, "test"), fresh_backbone.tokenizer, max_length=32)
    data = TaggedSplit.of(*pair, corpus, encoded, padding=fresh_backbone.tokenizer.pad_token_id)
    found = [score_split(model, data, 8, CPU) for _ in range(2)]
    assert found[0].predicted == found[1].predicted
    assert not model.training
