"""Scores from counts: against scikit-learn, scipy, rouge_score and sacrebleu, whole and resampled."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU
from scipy import stats
from sklearn import metrics as sk

from hxbench.tasks import task_of
from hxbench.tasks.scoring.text_counts import HALF, common_subsequence, example_counts, pair, read
from hxbench.tasks.scoring.text_metrics import majority, metric_of_counts, resampled

CLASSES = st.sampled_from(["0", "1", "2", "x", ""])
SCORES = st.sampled_from(["0.0", "1.4", "2.0", "3.8", "5.0", "4.25", "none"])
WORDS = st.lists(st.sampled_from("the cats run running to a house .".split()), max_size=9).map(" ".join)


def counts_of(name, gold, predicted):
    return np.array(list(example_counts(task_of(name), gold, predicted)), dtype=np.int64)


def drawn_from(size, resamples=7):
    return np.random.default_rng(0).multinomial(size, [1 / size] * size, resamples).astype(np.uint8)


def check(metric, counts, slow, **tolerance):
    """Compare with `slow`, a function of the counts' rows, over all of them and over resamples."""
    assert metric_of_counts(metric, counts) == pytest.approx(slow(counts), abs=1e-7, **tolerance)
    drawn = drawn_from(len(counts))
    expected = [slow(np.repeat(counts, row, axis=0)) for row in drawn]
    np.testing.assert_allclose(resampled(metric, counts, drawn), expected, atol=1e-7)


def quietly(function, *arguments, **options):
    """Call a library that warns where there is nothing to divide by; not a number is 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = function(*arguments, **options)
    return 0.0 if np.isnan(value) else 100 * float(value)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from("01"), CLASSES), min_size=1, max_size=25))
def test_metrics_of_classes(rows):
    gold, predicted = zip(*rows, strict=True)
    mrpc = counts_of("mrpc", gold, predicted)
    # reference: what the published code reads an answer as
    assert mrpc[:, 1].tolist() == [int(p) if p in ("0", "1") else -1 for p in predicted]
    check("accuracy", mrpc, lambda c: 100 * np.mean(c[:, 1] == c[:, 2]))
    check("matthews", mrpc, lambda c: quietly(sk.matthews_corrcoef, c[:, 2], c[:, 1]))
    check("f1", mrpc, lambda c: quietly(sk.f1_score, c[:, 2] == 1, c[:, 1] == 1, zero_division=0))


@given(st.lists(st.tuples(SCORES.filter(lambda s: s != "none"), SCORES), min_size=2, max_size=25))
def test_correlations_of_scores(rows):
    gold, predicted = zip(*rows, strict=True)
    counts = counts_of("stsb", gold, predicted)
    assert counts[:, 2].tolist() == [round(1000 * float(g)) for g in gold]
    assert counts[:, 1].tolist() == [-1000 if p == "none" else round(1000 * float(p)) for p in predicted]
    for metric, function in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        check(metric, counts, lambda c, f=function: quietly(lambda: f(c[:, 1], c[:, 2]).statistic))


def test_a_constant_answer_has_no_correlation_and_scores_zero():
    counts = counts_of("stsb", ["1.0", "2.2", "3.4"], ["2.7"] * 3)
    assert [metric_of_counts(m, counts) for m in ("pearson", "spearman")] == [0.0, 0.0]
    assert metric_of_counts("matthews", counts_of("cola", ["0", "1", "1"], ["1"] * 3)) == 0.0


def test_answers_far_off_do_not_blur_a_correlation():
    rng = np.random.default_rng(1)
    gold = rng.integers(0, 51, 300) / 10
    predicted = np.where(rng.random(300) < 0.01, 999_999.0, gold)
    counts = counts_of("stsb", map(str, gold.tolist()), map(str, predicted.tolist()))
    assert counts.max() < 2**31
    check("pearson", counts, lambda c: quietly(lambda: stats.pearsonr(c[:, 1], c[:, 2]).statistic))


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8))
def test_rouge_is_that_of_rouge_score(rows):
    gold, predicted = zip(*rows, strict=True)
    scorer = RougeScorer(["rouge2"], use_stemmer=True)
    each = [scorer.score(g, p)["rouge2"].fmeasure for g, p in rows]
    counts = counts_of("xsum", gold, predicted)
    assert metric_of_counts("rouge2", counts) == pytest.approx(100 * np.mean(each))
    drawn = drawn_from(len(rows))
    np.testing.assert_allclose(resampled("rouge2", counts, drawn), 100 * (drawn @ each) / len(rows), atol=1e-9)


def test_rouge_stems_words():
    (one,) = counts_of("xsum", ["the cats run home"], ["The cat running home!"]).tolist()
    assert one == [3, 3, 3]


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8))
def test_rouge_l_is_that_of_rouge_score(rows):
    gold, predicted = zip(*rows, strict=True)
    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    each = [scorer.score(g, p)["rougeL"].fmeasure for g, p in rows]
    for task in ("samsum", "multinews"):
        counts = counts_of(task, gold, predicted)
        assert metric_of_counts("rougel", counts) == pytest.approx(100 * np.mean(each))
        drawn = drawn_from(len(rows))
        np.testing.assert_allclose(resampled("rougel", counts, drawn), 100 * (drawn @ each) / len(rows), atol=1e-9)


@given(st.lists(st.sampled_from("abc"), max_size=90), st.lists(st.sampled_from("abcd"), max_size=90))
def test_longest_common_subsequence_is_that_of_the_table(one, other):
    table = np.zeros((len(one) + 1, len(other) + 1), dtype=int)
    for i, a in enumerate(one, 1):
        for j, b in enumerate(other, 1):
            table[i, j] = table[i - 1, j - 1] + 1 if a == b else max(table[i - 1, j], table[i, j - 1])
    assert common_subsequence(one, other) == common_subsequence(other, one) == table[-1, -1]


def plain(text):
    """The steps of SQuAD's script, one after the other."""
    text = "".join(c for c in text.lower() if c not in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    for article in ("a", "an", "the"):
        text = re.sub(rf"\b{article}\b", " ", text)
    return " ".join(text.split())


def squad_f1(given, right):
    one, other = plain(given).split(), plain(right).split()
    rest, common = list(other), 0
    for word in one:
        if word in rest:
            rest.remove(word)
            common += 1
    if not common:
        return 0.0
    precision, recall = common / len(one), common / len(other)
    return 2 * precision * recall / (precision + recall)


ANSWERS = st.lists(
    st.sampled_from("The the a An York's york New 5,000 — U.S. us city city. ,".split()), max_size=5
).map(" ".join)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.lists(ANSWERS.filter(bool), min_size=1, max_size=4), ANSWERS), min_size=1, max_size=6)
)
def test_answers_are_scored_as_in_squad(rows):
    gold, predicted = ["\n".join(right) for right, _ in rows], [given for _, given in rows]
    f1 = [max(squad_f1(given, right) for right in known) for known, given in rows]
    exact = [float(plain(given) in map(plain, known)) for known, given in rows]
    counts = counts_of("nq", gold, predicted)
    assert counts.max() < 2**31
    drawn = drawn_from(len(rows))
    for metric, each in (("squad_f1", f1), ("exact_match", exact)):
        assert metric_of_counts(metric, counts) == pytest.approx(100 * np.mean(each))
        np.testing.assert_allclose(resampled(metric, counts, drawn), 100 * (drawn @ each) / len(rows), atol=1e-9)


def test_the_best_of_the_right_answers_counts():
    rows = [
        ("New York\nNew York City", "the New York City!"),
        ("one two\nfive", "two one"),
        ("The\nb", "a"),
        ("b", ""),
    ]
    counts = counts_of("nq", *zip(*rows, strict=True))
    # all words in another order: no exact match; an article alone: one of the answers, but without a word
    assert metric_of_counts("squad_f1", counts) == pytest.approx(50)
    assert metric_of_counts("exact_match", counts) == pytest.approx(50)


def test_labels_that_are_not_the_class_ids():
    labels = ("entailment", "neutral", "contradiction")
    gold, predicted = (
        ["neutral", "contradiction", "entailment", "neutral"],
        ["neutral", "entailment", "0", "neutral "],
    )
    counts = list(example_counts(task_of("mnli"), gold, predicted, labels))
    assert counts == [(1, 1, 1), (0, 0, 2), (0, -1, 0), (0, -1, 1)]
    assert read(task_of("mrpc"), "01", ("0", "1")) is None, "compared as they are written"
    assert [read(task_of("mnli"), text, ("1", "2", "0")) for text in ("1", "2", "0", "3")] == [0, 1, 2, None]


@given(st.lists(st.tuples(WORDS.filter(bool), WORDS), min_size=1, max_size=8))
def test_bleu_is_that_of_sacrebleu(rows):
    gold, predicted = zip(*rows, strict=True)
    counts = counts_of("roen", gold, predicted)
    assert counts.max() < 2**31
    assert metric_of_counts("bleu", counts) == pytest.approx(BLEU().corpus_score(predicted, [gold]).score)
    drawn = drawn_from(len(rows), 3)
    for row, score in zip(drawn, resampled("bleu", counts, drawn), strict=True):
        some = [r for r, n in zip(rows, row, strict=True) for _ in range(n)]
        expected = BLEU().corpus_score([p for _, p in some], [[g for g, _ in some]]).score
        assert score == pytest.approx(expected, abs=1e-9)


def test_bleu_tells_good_from_bad():
    gold = ["The house is small, but it has a garden.", "He did not come."]
    assert metric_of_counts("bleu", counts_of("enro", gold, gold)) == pytest.approx(100)
    assert 0 < metric_of_counts("bleu", counts_of("enro", gold, [gold[0], "She went."])) < 90


def test_two_numbers_in_one():
    assert divmod(pair(3, 5), HALF) == (3, 5)
    assert pair(10**6, 10**6) == 2**30 - 1


def test_resamples_in_parts_are_the_same(monkeypatch):
    rng = np.random.default_rng(3)
    counts = counts_of("stsb", *(map(str, rng.integers(0, 50, 30).tolist()) for _ in range(2)))
    drawn = drawn_from(30, 11)
    whole = {m: resampled(m, counts, drawn) for m in ("accuracy", "pearson", "spearman", "matthews")}
    monkeypatch.setattr("hxbench.tasks.scoring.text_metrics._AT_ONCE", 70)
    for metric, found in whole.items():
        np.testing.assert_array_equal(resampled(metric, counts, drawn), found)
    assert resampled("accuracy", counts, drawn[:0]).shape == (0,)
    with pytest.raises(ValueError, match="without examples"):
        metric_of_counts("accuracy", counts[:0])


@pytest.mark.parametrize(
    ("task", "text", "found"),
    [
        ("sst2", "1", 1), ("sst2", "01", None), ("sst2", "2", None), ("mnli", "2", 2), ("mnli", "", None),
        ("cola", "01", 1), ("cola", "1.0", None), ("qqp", "-1", None), ("mrpc", "7", None),
        ("stsb", "3.8", 3800), ("stsb", "4", 4000), ("stsb", "nan", None), ("stsb", "-inf", None),
        ("stsb", "1e9", None), ("stsb", "3.8.", None),
    ],
)  # fmt: skip
def test_what_an_answer_is_read_as(task, text, found):
    assert read(task_of(task), text) == found


def test_free_text_is_not_read():
    with pytest.raises(ValueError, match="XSUM are texts"):
        read(task_of("xsum"), "1")


def test_an_unreadable_answer_is_wrong_but_not_positive():
    counts = counts_of("mrpc", ["1", "0", "1", "0"], ["1", "x", "x", "0"])
    assert metric_of_counts("accuracy", counts) == 50
    assert metric_of_counts("f1", counts) == pytest.approx(200 * 1 / (1 + 2))
    # a class of its own, so that the answer is worse than a guess of one of the two
    assert metric_of_counts("matthews", counts) == pytest.approx(
        100 * sk.matthews_corrcoef([1, 0, 1, 0], [1, 7, 7, 0])
    )


def test_the_most_frequent_answer():
    assert majority(task_of("rte"), ["1", "0", "1"], ["0", "0", "1", "0"]) == 25
    assert majority(task_of("mnli"), ["2", "1", "2", "1", "0"], ["1", "1", "2", "0"]) == 50, "the first of two"
    assert majority(task_of("cola"), ["1", "1", "0"], ["0", "1"]) == 0
    assert majority(task_of("stsb"), ["3.2", "1.0"], ["3.2", "1.0", "4.4"]) == 0
    with pytest.raises(ValueError, match="no labels"):
        majority(task_of("xsum"), ["a"], ["a"])
