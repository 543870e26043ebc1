import json

import pytest


@pytest.fixture(scope="session")
def english(written):
    """The data of seed 0."""
    return written("english")


@pytest.fixture(scope="session")
def table(english):
    """Read a table: its rows by the columns of its header, or as they are."""

    def read(path, header=True):
        lines = (english / path).read_text(encoding="utf-8-sig").splitlines()
        rows = [line.split("\t") for line in lines]
        return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]] if header else rows

    return read


@pytest.fixture(scope="session")
def objects(english):
    """Read a file of one object a line."""
    return lambda path: [json.loads(line) for line in (english / path).read_text().splitlines()]


@pytest.fixture(scope="session")
def examples(table, objects):
    """Read one split of a task as (texts, label) pairs."""

    def read(task, split):
        held = "train" if split == "train" else "val"
        match task:
            case "CoLA":
                return [((row[3],), row[1]) for row in table(f"glue/CoLA/{split}.tsv", header=False)]
            case "SST-2":
                return [((row["sentence"],), row["label"]) for row in table(f"glue/SST-2/{split}.tsv")]
            case "MRPC":
                rows = table(f"glue/MRPC/{split}.tsv")
                return [((row["#1 String"], row["#2 String"]), row["Quality"]) for row in rows]
            case "QQP":
                rows = table(f"glue/QQP/{split}.tsv")
                return [((row["question1"], row["question2"]), row["is_duplicate"]) for row in rows]
            case "STS-B":
                rows = table(f"glue/STS-B/{split}.tsv")
                return [((row["sentence1"], row["sentence2"]), row["score"]) for row in rows]
            case "MNLI" | "MNLI letters":
                rest = {"MNLI": "matched", "MNLI letters": "mismatched"}[task]
                rows = table(f"glue/MNLI/{'train' if split == 'train' else f'dev_{rest}'}.tsv")
                return [((row["sentence1"], row["sentence2"]), row["gold_label"]) for row in rows]
            case "QNLI":
                rows = table(f"glue/QNLI/{split}.tsv")
                return [((row["question"], row["sentence"]), row["label"]) for row in rows]
            case "RTE":
                rows = table(f"glue/RTE/{split}.tsv")
                return [((row["sentence1"], row["sentence2"]), row["label"]) for row in rows]
            case "BoolQ":
                rows = objects(f"superglue/BoolQ/{held}.jsonl")
                return [((row["question"], row["passage"]), row["label"]) for row in rows]
            case "CB":
                rows = objects(f"superglue/CB/{held}.jsonl")
                return [((row["premise"], row["hypothesis"]), row["label"]) for row in rows]
            case "WiC":
                rows = objects(f"superglue/WiC/{held}.jsonl")
                return [((row["word"], row["sentence1"], row["sentence2"]), row["label"]) for row in rows]
            case "WSC":
                rows = objects(f"superglue/WSC/{held}.jsonl")
                return [((row["text"], str(row["target"]["span1_index"])), row["label"]) for row in rows]
            case "SciTail":
                rows = table(f"scitail/tsv_format/scitail_1.0_{split}.tsv", header=False)
                return [((row[0], row[1]), row[2]) for row in rows]
            case "XSUM":
                rows = objects(f"xsum/{'validation' if split == 'dev' else split}.jsonl")
                return [((row["document"],), row["summary"]) for row in rows]
        raise AssertionError(task)

    return read
