"""The readers over a local mirror of real data, where there is one: every size must be the one of its manifest."""

import csv
from pathlib import Path

import pytest

from hxbench.corpora.english import EnglishCorpora
from hxbench.corpora.english.examples import read_examples
from hxbench.corpora.english.layout import PARTS, find
from hxbench.corpora.load import Origin
from hxbench.spec import DataSpec
from hxbench.tasks import TEXT_TASKS

ROOT = Path(__file__).resolve().parents[4] / "shared" / "data-en"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not (ROOT / "MANIFEST.tsv").exists(), reason=f"no real data at {ROOT}"),
]
TASKS = "cola sst2 stsb mrpc qqp mnli qnli rte boolq wic cb wsc".split()


def test_every_file_has_the_examples_of_the_manifest():
    with (ROOT / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    kept = {r["path"]: int(r["examples kept"]) for r in rows if r["path"].startswith(("glue/", "superglue/"))
            and r["examples kept"].isdigit()}  # fmt: skip
    read = {}
    for task in map(TEXT_TASKS.__getitem__, TASKS):
        for part in PARTS:
            if files := find(ROOT, task, part):
                examples = list(read_examples(task, files))
                read[files[0].relative_to(ROOT).as_posix()] = len(examples)
                if task.labels:
                    assert {target for _, target in examples} == set(map(str, range(len(task.labels))))
    assert len(read) == 25
    assert read == kept


def test_every_task_through_the_front_door():
    corpora = EnglishCorpora(Origin("mirror", ROOT), DataSpec(origin="mirror"))
    for task in TEXT_TASKS:
        splits = corpora.splits(task, "en")
        assert splits == (("train", "dev", "test") if task in TASKS else ())
    for split, size in (("train", 250), ("dev", 28), ("test", 28)):
        assert len(corpora.load("cb", "en", split)) == size
    for split, size in (("train", 4000), ("dev", 1000), ("test", 1500)):
        assert len(corpora.load("qnli", "en", split)) == size
    for fields in corpora.load("wsc", "en", "train")["fields"]:
        assert fields[0].count("*") >= 2
        assert fields[0].count("#") >= 2


def test_running_text():
    text = EnglishCorpora(Origin("mirror", ROOT), DataSpec(origin="mirror")).load("mlm", "en", "train")["text"]
    assert len(text) > 90_000
    assert len(set(text)) == len(text)
