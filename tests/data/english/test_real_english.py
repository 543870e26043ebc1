"""The readers over a local mirror of real data, where there is one: every size must be the one of its manifest."""

import csv
from pathlib import Path

import pytest

from hxbench.data import Corpora, Origin
from hxbench.data.examples import read_examples
from hxbench.data.mirror import PARTS, find
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks import task_of, text_tasks

ROOT = Path(__file__).resolve().parents[4] / "shared" / "data-en"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not (ROOT / "MANIFEST.tsv").exists(), reason=f"no real data at {ROOT}"),
]
FURTHER = "imdb rotten nq samsum".split()
TASKS = "cola sst2 stsb mrpc qqp mnli qnli rte boolq wic cb wsc".split()


def test_every_file_has_the_examples_of_the_manifest():
    with (ROOT / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    kept = {r["path"]: int(r["examples kept"]) for r in rows if r["path"].startswith(("glue/", "superglue/"))
            and r["examples kept"].isdigit()}  # fmt: skip
    read = {}
    for task in map(task_of, TASKS):
        for part in PARTS:
            if files := find(ROOT, task, part):
                examples = list(read_examples(task, files))
                read[files[0].relative_to(ROOT).as_posix()] = len(examples)
                if task.labels:
                    assert {target for _, target in examples} == set(map(str, range(len(task.labels))))
    assert len(read) == 25
    assert read == kept


def test_every_file_of_the_further_tasks():
    with (ROOT / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        kept = {r["path"]: int(r["examples kept"]) for r in rows if r["examples kept"].isdigit()}
    read = 0
    for task in map(task_of, (*FURTHER, "multinews")):
        for part in PARTS:
            if files := find(ROOT, task, part):
                read += 1
                examples = list(read_examples(task, files))
                assert len(examples) == sum(kept[path.relative_to(ROOT).as_posix()] for path in files)
                if task.labels:
                    assert [target for _, target in examples].count("1") == len(examples) / 2
                assert not any("<br />" in f[0] or "NEWLINE_CHAR" in f[0] or "\r" in f[0] for f, _ in examples)
    assert read == 11
    corpora = Corpora(Origin("mirror", ROOT), DataSpec(origin="mirror", collection="english"))
    sizes = {task: [len(corpora.load(task, "en", s)) for s in ("train", "dev", "test")] for task in FURTHER}
    assert sizes == {
        "imdb": [4000, 1000, 1500], "rotten": [5000, 1066, 1066], "nq": [5000, 750, 750],
        "samsum": [5000, 818, 819],
    }  # fmt: skip
    answers = [len(target.split("\n")) for target in corpora.load("nq", "en", "dev")["target"]]
    assert max(answers) > 3


def test_every_task_through_the_front_door():
    corpora = Corpora(Origin("mirror", ROOT), DataSpec(origin="mirror", collection="english"))
    for task in text_tasks():
        splits = corpora.splits(task, "en")
        whole = ("train", "dev", "test") if task in (*TASKS, *FURTHER) else ()
        assert splits == (("test",) if task == "multinews" else whole)
    for split, size in (("train", 250), ("dev", 28), ("test", 28)):
        assert len(corpora.load("cb", "en", split)) == size
    for split, size in (("train", 4000), ("dev", 1000), ("test", 1500)):
        assert len(corpora.load("qnli", "en", split)) == size
    for fields in corpora.load("wsc", "en", "train")["fields"]:
        assert fields[0].count("*") >= 2
        assert fields[0].count("#") >= 2


def test_running_text():
    text = Corpora(Origin("mirror", ROOT), DataSpec(origin="mirror", collection="english")).load(
        "mlm", "en", "train"
    )["text"]
    assert len(text) > 90_000
    assert len(set(text)) == len(text)
