from pathlib import Path

import pytest
from english_files import MNLI, MRPC, STSB, lines, write

from hxbench.data import Corpora, Origin
from hxbench.spec.run_spec import DataSpec


def sst2(count, start=0):
    return "sentence\tlabel\n" + "".join(f"film {n} \t{n % 2}\n" for n in range(start, start + count))


@pytest.fixture
def mirror(tmp_path):
    """Every format once, with sizes that can be divided."""
    root = tmp_path / "mirror"
    write(root, "glue/CoLA/train.tsv", 'gj04\t1\t\tHe said " no .\ngj04\t0\t*\t They was here.\n')
    write(root, "glue/CoLA/dev.tsv", "".join(f"x\t{n % 2}\t\tSentence {n}.\n" for n in range(7)))
    write(root, "glue/SST-2/train.tsv", sst2(12))
    write(root, "glue/SST-2/dev.tsv", sst2(6, 100))
    write(root, "glue/MRPC/train.tsv", MRPC + '1\t1\t2\tHe " said so .\tSo he said .\n')
    write(root, "glue/STS-B/train.tsv", STSB + "0\ta\tb\tc\td\te\tf\tA plane.\tAn air plane.\t3.800\n")
    write(root, "glue/MNLI/train.tsv", MNLI.format(more="") + "0\tx\tAll sleep.\tOne sleeps.\tentailment\n" * 3)
    more = MNLI.format(more="label1\t")
    write(root, "glue/MNLI/dev_matched.tsv", more + "0\tx\tMatched.\tNo.\tneutral\tcontradiction\n")
    write(root, "glue/MNLI/dev_mismatched.tsv", more + "0\tx\tOther.\tNo.\tneutral\tneutral\n")
    write(root, "QNLI/train.tsv", "index\tquestion\tsentence\tlabel\n3\tWho?\tHe.\tnot_entailment\n")
    boolq = [{"question": f"is {n}", "passage": "It is.", "label": n % 2 == 0, "idx": n} for n in range(4)]
    write(root, "superglue/BoolQ/val.jsonl", lines(*boolq))
    target = {"span1_text": "Mark", "span1_index": 0, "span2_text": "He", "span2_index": 13}
    text = "Mark told Pete many lies about himself, which Pete included in his book. He should know."
    write(root, "superglue/WSC/train.jsonl", lines({"text": text, "target": target, "label": False, "idx": 0}))
    wic = {"word": "place", "sentence1": "My place.", "sentence2": "No place.", "label": True, "start1": 3}
    write(root, "superglue/WiC/train.jsonl", lines(wic))
    cb = {"premise": "It was.", "hypothesis": "it is", "label": "neutral"}
    write(root, "superglue/CB/train.jsonl", lines(cb, {**cb, "label": "contradiction"}))
    for part, count in (("train", 5), ("dev", 4), ("test", 3)):
        rows = [f"{part} {n}.\tH.\t{'entails' if n else 'neutral'}\n" for n in range(count)]
        write(root, f"scitail/tsv_format/scitail_1.0_{part}.tsv", "".join(rows))
        write(root, f"wmt16/ro-en/{part}.ro", "".join(f"unu {part} {n}\n" for n in range(count)) + "\n")
        write(root, f"wmt16/ro-en/{part}.en", "".join(f"one {part} {n}\n" for n in range(count)) + "odd\n")
        name = "validation" if part == "dev" else part
        rows = [{"document": f"Long {part} {n}.\nMore.", "summary": "Short.", "id": str(n)} for n in range(count)]
        write(root, f"xsum/{name}.jsonl", lines(*rows, {"document": "", "summary": "None.", "id": "x"}))
    return root


@pytest.fixture
def english(mirror):
    """The corpora of that mirror, or of another folder, under options of `DataSpec`."""

    def of(folder: Path = mirror, **options):
        return Corpora(Origin("mirror", folder), DataSpec(origin="mirror", **options, collection="english"))

    return of
