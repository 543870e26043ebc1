"""Span F1 against seqeval over whole corpora, accuracy against counting."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score

from hxbench.data.readers.wikiann import NER_TAGS
from hxbench.tasks.scoring.metrics import Counts, score, sentence_counts

pair = st.tuples(st.sampled_from(NER_TAGS), st.sampled_from(NER_TAGS))
# every order of tags, malformed ones too: I- at the start, behind another type, behind O
corpora = st.lists(st.lists(pair, min_size=1, max_size=12), min_size=1, max_size=6)


def columns(corpus):
    return [[g for g, _ in s] for s in corpus], [[p for _, p in s] for s in corpus]


@settings(max_examples=300)
@given(corpora)
def test_span_f1_is_seqevals(corpus):
    gold, predicted = columns(corpus)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns where there is no span at all
        expected = f1_score(gold, predicted)
    assert score("ner", gold, predicted) == pytest.approx(100 * expected, abs=1e-9)


@given(corpora)
def test_a_corpus_is_the_sum_of_its_sentences(corpus):
    gold, predicted = columns(corpus)
    counts = [sentence_counts("ner", g, p) for g, p in zip(gold, predicted, strict=True)]
    correct, found, there = map(sum, zip(*counts, strict=True))
    assert score("ner", gold, predicted) == (200 * correct / (found + there) if found + there else 0)


def test_spans_by_hand():
    gold = ["B-PER", "I-PER", "O", "B-LOC"]
    assert sentence_counts("ner", gold, gold) == Counts(2, 2, 2)
    assert sentence_counts("ner", gold, ["B-PER", "O", "O", "B-LOC"]) == Counts(1, 2, 2), "a part is no match"
    assert sentence_counts("ner", gold, ["I-PER", "I-PER", "O", "I-LOC"]) == Counts(2, 2, 2), "non-strict"
    assert sentence_counts("ner", gold, ["O"] * 4) == Counts(0, 0, 2)
    assert score("ner", [["O"]], [["O"]]) == 0.0


@given(st.lists(st.lists(st.tuples(*[st.sampled_from(["NOUN", "VERB", "_"])] * 2), min_size=1), min_size=1))
def test_accuracy_is_the_share_of_right_words(corpus):
    gold, predicted = columns(corpus)
    words = [pair for sentence in corpus for pair in sentence]
    expected = 100 * sum(g == p for g, p in words) / len(words)
    assert score("pos", gold, predicted) == pytest.approx(expected)


def test_lengths_must_agree():
    for task in ("ner", "pos"):
        with pytest.raises(ValueError, match="1 predictions for 2 words"):
            sentence_counts(task, ["O", "O"], ["O"])
