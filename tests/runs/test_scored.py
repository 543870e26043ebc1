"""What a scored split is to everything that writes or compares it, whatever its task."""

import pickle

import numpy as np
import pytest

from hxbench.runs.scored import CHOSEN, Scored
from hxbench.tasks.scoring.text_metrics import metric_of_counts

LINES = ["the cat sat on a mat", "a dog ran home", "a cat"]


def answers(task, gold, predicted, cut=0, labels=(), chosen=None):
    """Return a text's right and given answers, one each."""
    several = (None if chosen is None else [[text] for text in chosen],)
    return Scored(task, "en", [[text] for text in gold], [[text] for text in predicted], cut, labels, *several)


def test_the_main_metric_comes_first():
    scored = answers("mrpc", ["1", "0", "1", "0"], ["1", "1", "?", "0"], 2)
    rows = scored.rows("test")
    assert [(row["metric"], row["value"]) for row in rows] == [("accuracy", 50.0), ("f1", pytest.approx(50.0))]
    assert {(row["split"], row["cut"], row["unreadable"], row["sentences"]) for row in rows} == {("test", 2, 1, 4)}
    stsb = answers("stsb", ["1.0", "3.0", "5.0"], ["1", "4.5", "much"], 0)
    rows = stsb.rows("test")
    assert [row["metric"] for row in rows] == ["pearson", "spearman"]
    slow = np.corrcoef([1, 3, 5], [1, 4.5, -1])[0, 1]
    assert rows[0]["value"] == pytest.approx(100 * slow)
    assert rows[0]["unreadable"] == 1


def test_translations_are_scored_by_bleu():
    gold = ["the cat sat on a mat", "a dog ran home"]
    scored = answers("roen", gold, gold, 0)
    assert scored.rows("test")[0]["metric"] == "bleu"
    assert scored.rows("test")[0]["value"] == pytest.approx(100)


@pytest.mark.parametrize("name", ["cola", "stsb", "mnli", "xsum", "enro", "imdb", "nq", "samsum"])
def test_the_main_score_can_be_had_from_the_counts(name):
    gold = (
        ["1.0", "3.0", "5.0"]
        if name == "stsb"
        else ["1", "0", "1"]
        if name in ("cola", "mnli", "imdb")
        else LINES[:3]
    )
    scored = answers(name, gold, [gold[0], gold[2], "no"], 0)
    counts = list(scored.sentence_counts())
    assert len(counts) == 3
    assert all(isinstance(n, int) and abs(n) < 2**31 for row in counts for n in row), "as the store keeps them"
    for row in scored.rows("test"):
        assert metric_of_counts(row["metric"], np.array(counts)) == row["value"]


def test_predictions_are_columns_of_lists():
    scored = answers("rte", ["0", "1"], ["0", ""], 0)
    assert scored.predictions() == {"sentence": [0, 1], "gold": [["0"], ["1"]], "predicted": [["0"], [""]]}
    assert pickle.loads(pickle.dumps(scored)) == scored, "processes tell each other"


def test_words_and_texts_are_scored_alike():
    def keys(one: Scored):
        return one.task, one.language, set(one.predictions()), len(list(one.sentence_counts()))

    tagged = Scored("pos", "ar", [["NOUN"], ["VERB", "NOUN"]], [["NOUN"], ["NOUN", "NOUN"]], 0)
    columns = {"sentence", "gold", "predicted"}
    assert keys(tagged) == ("pos", "ar", columns, 2)
    assert keys(answers("rte", ["0"], ["1"], 0)) == ("rte", "en", columns, 1)
    assert [(row["metric"], row["words"], row["words_cut"]) for row in tagged.rows("test")] == [("accuracy", 3, 0)]
    assert list(tagged.sentence_counts()) == [(1, 1, 1), (1, 2, 2)]
    assert set(answers("rte", ["0"], ["1"], 0).rows("dev")[0]) > {
        "split", "task", "language", "metric", "value", "sentences",
    }  # fmt: skip


def test_chosen_labels_are_scored_beside_what_was_written():
    scored = answers("rte", ["1", "0", "1", "1"], ["yes", "0", "", "1"], 0, ("1", "0"), ["1", "0", "0", "1"])
    rows = {row["metric"]: row["value"] for row in scored.rows("test")}
    assert rows == {"accuracy": 50.0, CHOSEN: 75.0}
    assert scored.rows("test")[0]["metric"] == "accuracy"
    assert CHOSEN not in {row["metric"] for row in answers("rte", ["1"], ["1"], 0, ("1", "0")).rows("test")}
