"""Headers, columns, labels and positions, as in the releases."""

from collections import Counter

import pytest

HEADERS = {
    "SST-2": "sentence label",
    "QQP": "id qid1 qid2 question1 question2 is_duplicate",
    "STS-B": "index genre filename year old_index source1 source2 sentence1 sentence2 score",
    "QNLI": "index question sentence label",
    "RTE": "index sentence1 sentence2 label",
}
# task: the least and greatest share of each label in train
SHARES = {
    "CoLA": {"1": (0.66, 0.74), "0": (0.26, 0.34)},
    "SST-2": {"1": (0.5, 0.58), "0": (0.42, 0.5)},
    "MRPC": {"1": (0.63, 0.71), "0": (0.29, 0.37)},
    "QQP": {"1": (0.34, 0.40), "0": (0.60, 0.66)},
    "MNLI": dict.fromkeys(("entailment", "neutral", "contradiction"), (0.3, 0.37)),
    "QNLI": dict.fromkeys(("entailment", "not_entailment"), (0.46, 0.54)),
    "RTE": dict.fromkeys(("entailment", "not_entailment"), (0.45, 0.55)),
    "BoolQ": {True: (0.56, 0.64), False: (0.36, 0.44)},
    "CB": {"entailment": (0.35, 0.5), "contradiction": (0.35, 0.5), "neutral": (0.08, 0.22)},
    "WiC": {True: (0.46, 0.54), False: (0.46, 0.54)},
    "WSC": {True: (0.44, 0.56), False: (0.44, 0.56)},
    "SciTail": {"entails": (0.36, 0.44), "neutral": (0.56, 0.64)},
}


@pytest.mark.parametrize("task", HEADERS)
@pytest.mark.parametrize("split", ["train", "dev"])
def test_headers(english, task, split):
    first = (english / "glue" / task / f"{split}.tsv").read_text().split("\n", 1)[0]
    assert first == "\t".join(HEADERS[task].split())


@pytest.mark.parametrize("split", ["train", "dev"])
def test_mrpc_begins_with_a_byte_order_mark(english, split):
    first = (english / "glue" / "MRPC" / f"{split}.tsv").read_bytes().split(b"\n", 1)[0]
    assert first == b"\xef\xbb\xbfQuality\t#1 ID\t#2 ID\t#1 String\t#2 String"


def test_mnli_has_one_vote_in_train_and_five_in_dev(table):
    assert list(table("glue/MNLI/train.tsv")[0])[-2:] == ["label1", "gold_label"]
    row = table("glue/MNLI/dev_matched.tsv")[0]
    assert list(row)[-6:] == ["label1", "label2", "label3", "label4", "label5", "gold_label"]
    assert list(row)[:4] == ["index", "promptID", "pairID", "genre"]
    assert row["label5"] == row["gold_label"]


def test_cola_has_four_columns_and_stars_what_is_wrong(table):
    rows = table("glue/CoLA/train.tsv", header=False)
    assert {len(row) for row in rows} == {4}
    assert {(row[1], row[2]) for row in rows} == {("1", ""), ("0", "*")}


@pytest.mark.parametrize("task", SHARES)
def test_labels_and_their_shares(examples, task):
    for split in ("train", "dev"):
        counts = Counter(label for _, label in examples(task, split))
        assert set(counts) == set(SHARES[task])
        if split == "train":
            for label, (least, most) in SHARES[task].items():
                assert least <= counts[label] / counts.total() <= most, (label, counts)


def test_scores_of_stsb_have_three_decimals_and_use_the_whole_range(examples):
    scores = [score for _, score in examples("STS-B", "train")]
    assert all(len(score) == 5 and 0 <= float(score) <= 5 for score in scores)
    thirds = Counter(min(int(float(score) * 3 / 5), 2) for score in scores)
    assert min(thirds.values()) > 0.2 * len(scores)


@pytest.mark.parametrize("split", ["train", "val"])
def test_wsc_indices_point_at_the_spans(objects, split):
    for row in objects(f"superglue/WSC/{split}.jsonl"):
        words, target = row["text"].split(), row["target"]
        assert set(target) == {"span1_index", "span1_text", "span2_index", "span2_text"}
        for span in ("span1", "span2"):
            text = target[f"{span}_text"].split()
            start = target[f"{span}_index"]
            assert words[start : start + len(text)] == text
        assert target["span2_text"] in ("he", "she", "it", "they")
        assert target["span1_text"].startswith("the ")


@pytest.mark.parametrize("split", ["train", "val"])
def test_wic_positions_point_at_the_word(objects, split):
    for row in objects(f"superglue/WiC/{split}.jsonl"):
        for number in "12":
            text = row[f"sentence{number}"]
            assert text[row[f"start{number}"] : row[f"end{number}"]] == row["word"]
            assert row["word"] in text.split()


def test_object_fields(objects):
    fields = {
        "BoolQ": {"question", "passage", "idx", "label"},
        "CB": {"premise", "hypothesis", "label", "idx"},
        "WSC": {"text", "target", "idx", "label"},
    }
    for name, wanted in fields.items():
        for split in ("train", "val"):
            rows = objects(f"superglue/{name}/{split}.jsonl")
            assert all(set(row) == wanted for row in rows)
            assert [row["idx"] for row in rows] == list(range(len(rows)))
    assert {type(row["label"]) for row in objects("superglue/BoolQ/val.jsonl")} == {bool}
