import os
import subprocess
import sys

import pytest
from datasets import Features, List, Value

from hxbench.data import Corpora, Origin, kinds
from hxbench.errors import InputError
from hxbench.spec.languages import language_set
from hxbench.spec.run_spec import DataSpec


def films(dataset):
    return [int(fields[0].split()[1]) for fields in dataset["fields"]]


def test_one_schema_for_all_tasks(english):
    c = english()
    assert c.languages == {"en": language_set("hyperx")["en"]}
    for task in ("cola", "stsb", "wic", "xsum"):
        features = c.load(task, "en", "train").features
        assert features == Features({"fields": List(Value("string")), "target": Value("string")})
    assert c.load("stsb", "en", "train")[:] == {"fields": [["A plane.", "An air plane."]], "target": ["3.800"]}
    assert c.load("mlm", "en", "train").features == Features({"text": Value("string")})


def test_splits_are_told_without_reading(english, mirror, monkeypatch):
    for path in mirror.rglob("*"):
        if path.is_file():
            path.write_bytes(b"\xff broken")
    c = english()
    whole, halved = ("train", "dev", "test"), ("dev", "test")
    assert c.splits("sst2", "en") == c.splits("scitail", "en") == c.splits("mnli", "en") == whole
    assert c.splits("enro", "en") == c.splits("xsum", "en") == whole
    assert c.splits("boolq", "en") == halved  # no training file
    assert c.splits("cb", "en") == ("train",)  # no development file
    assert c.splits("qnli", "en") == ("train", "dev")  # dev comes from train, test would be the development set
    assert english(split_limit=200_000).splits("qnli", "en") == ("train",)
    assert c.splits("rte", "en") == ()
    assert english(split_rule="names").splits("mnli", "en") == whole
    assert c.splits("mlm", "en") == ("train",)
    assert c.missing([("rte", "en"), ("cola", "en"), ("mlm", "en")]) == [("rte", "en")]
    assert c.fetch([("rte", "en")]) is None


def test_halved(english):
    c = english()
    dev, test = c.load("cola", "en", "dev"), c.load("cola", "en", "test")
    assert (len(dev), len(test)) == (3, 4)
    numbers = [fields[0] for dataset in (dev, test) for fields in dataset["fields"]]
    assert sorted(numbers) == [f"Sentence {n}." for n in range(7)]
    assert c.load("cola", "en", "train")["target"] == ["1", "0"]


def test_development_set_from_training(english):
    c = english(split_limit=10_000, dev_from_train=4)
    train, dev, test = (films(c.load("sst2", "en", split)) for split in c.splits("sst2", "en"))
    assert train == sorted(train)  # file order
    assert len(dev) == 4
    assert sorted(train + dev) == list(range(12))
    assert test == list(range(100, 106))


def test_own_test_set_and_names(english):
    c = english()
    assert [len(c.load("scitail", "en", s)) for s in ("train", "dev", "test")] == [5, 4, 3]
    c = english(split_rule="names", dev_from_train=2)
    assert [len(c.load("scitail", "en", s)) for s in ("train", "dev", "test")] == [5, 2, 2]
    assert c.load("mnli", "en", "dev")["fields"] == [["Other.", "No."]]
    assert c.load("mnli", "en", "test")["fields"] == [["Matched.", "No."]]
    assert len(c.load("mnli", "en", "train")) == 3
    c = english(dev_from_train=2)
    assert len(c.load("mnli", "en", "train")) == 1
    assert c.load("mnli", "en", "test")["fields"] == [["Matched.", "No."]]


def test_training_sets_are_cut_and_nothing_else(english):
    whole = english(split_rule="names", dev_from_train=2)
    cut = english(split_rule="names", dev_from_train=2, train_examples=6)
    some, few = (
        films(cut.load("sst2", "en", "train")),
        films(english(split_rule="names", dev_from_train=2, train_share=0.3).load("sst2", "en", "train")),
    )
    assert len(some) == 6
    assert few == some[:3]  # of ten
    assert some != sorted(some)
    for split in ("dev", "test"):
        assert cut.load("sst2", "en", split)[:] == whole.load("sst2", "en", split)[:]
        assert cut.fingerprint("sst2", "en", split) == whole.fingerprint("sst2", "en", split)
    assert not set(some) & set(films(cut.load("sst2", "en", "dev")))
    assert films(english(train_examples=100).load("sst2", "en", "train")) == list(range(12))


def test_caps_are_the_first_after_all_that(english):
    rule = {"split_rule": "names", "dev_from_train": 4, "train_examples": 6}
    whole, capped = english(**rule), english(**rule, train_sentences=2, dev_sentences=3, test_sentences=1)
    for split, cap in (("train", 2), ("dev", 3), ("test", 1)):
        assert films(capped.load("sst2", "en", split)) == films(whole.load("sst2", "en", split))[:cap]
    assert len(english(text_sentences=3).load("mlm", "en", "train")) == 3


def test_seed_moves_only_what_is_permuted(english):
    one, other = english(train_examples=6), english(train_examples=6, split_seed=33)
    assert films(one.load("sst2", "en", "train")) != films(other.load("sst2", "en", "train"))
    assert films(one.load("sst2", "en", "dev")) != films(other.load("sst2", "en", "dev"))
    assert one.fingerprint("scitail", "en", "test") == other.fingerprint("scitail", "en", "test")


def test_fingerprint_names_the_rows(english, mirror, monkeypatch):
    def of(task="sst2", split="train", **options):
        return english(**options).fingerprint(task, "en", split)

    assert len(of()) == 16
    assert int(of(), 16) >= 0
    assert of() == of(dev_sentences=1) == of(text_sentences=1) == of(split_seed=5) == of(dev_from_train=3)
    variants = [{}, {"train_examples": 4}, {"train_share": 0.5}, {"train_sentences": 2}, {"split_rule": "names"}]
    variants += [{"train_examples": 4, "split_seed": 1}, {"split_rule": "names", "dev_from_train": 3}]
    assert len({of(**options) for options in variants}) == len(variants)
    assert of("mlm") != of("mlm", text_sentences=2)
    before, text = of(), of("mlm")
    (mirror / "glue/SST-2/train.tsv").write_text("sentence\tlabel\nother\t1\n")
    assert of() != before
    assert of("mlm") != text
    monkeypatch.setattr(kinds, "READER_VERSION", 2)
    assert of() != before


def test_written_once_and_mapped(english, cache, monkeypatch):
    rows = english().load("sst2", "en", "dev")
    (entry,) = rows.cache_files
    assert entry["filename"].startswith(str(cache))
    assert rows._indices is None  # encoding reads the table as it lies
    monkeypatch.setattr(kinds, "read_examples", None)
    assert english().load("sst2", "en", "dev")[:] == rows[:]
    assert len(english().load("sst2", "en", "test")) == 3  # from the part that is there already


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda c: c.load("rte", "en", "train"),
            "has no train split of RTE; looked for glue/RTE/train.tsv or RTE",
        ),
        (lambda c: c.load("xsum", "en", "valid"), "unknown split 'valid'. Known: dev, test, train"),
        (lambda c: c.load("mlm", "en", "dev"), "has no dev split of raw text"),
        (lambda c: c.splits("xsum", "de"), "unknown language 'de'"),
        (lambda c: c.splits("ner", "en"), "unknown task 'ner'"),
        (
            lambda c: c.load("mnli", "en", "train"),
            "MNLI, train: a training set of 3 examples is too small for a dev",
        ),
        (lambda c: c.load("mnli", "en", "dev"), "lower dev_from_train or raise split_limit"),
    ],
)
def test_what_is_not_there(english, call, words):
    with pytest.raises(InputError) as caught:
        call(english())
    assert words in str(caught.value)


def test_options_and_folders_that_make_no_sense(english, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, words in (
        (tmp_path / "empty", "holds no English corpus; looked for glue"),
        (tmp_path / "nothing", "does not exist"),
        (None, "a mirror needs a folder"),
    ):
        with pytest.raises(InputError, match=words):
            english(folder)
    with pytest.raises(InputError, match="give one of them"):
        english(train_examples=1, train_share=0.5)
    with pytest.raises(InputError, match="unknown data source 'web'"):
        Corpora(Origin("web"), DataSpec(origin="mirror", collection="english"))


def test_another_process_sees_the_same_and_imports_nothing_heavy(english, mirror, tmp_path):
    code = """
import sys
from pathlib import Path
from hxbench.data import Corpora
from hxbench.data import Origin
from hxbench.spec.run_spec import DataSpec
assert not {"torch", "datasets", "pyarrow", "numpy"} & set(sys.modules)
c = Corpora(Origin("mirror", Path(sys.argv[1])), DataSpec(origin="mirror", collection="english"))
print(c.fingerprint("cola", "en", "dev"), c.load("cola", "en", "dev")["fields"][:])
"""
    environment = os.environ | {"HXBENCH_CACHE": str(tmp_path / "other"), "PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(mirror)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    here = english()
    assert (
        done.stdout.strip()
        == f"{here.fingerprint('cola', 'en', 'dev')} {here.load('cola', 'en', 'dev')['fields'][:]}"
    )


def test_sandbox_is_made_once(mirror, monkeypatch, cache):
    import shutil

    calls = []

    def write_sandbox(which, folder, seed):
        calls.append(seed)
        shutil.copytree(mirror, folder)

    monkeypatch.setattr("hxbench.data.corpora.write_sandbox", write_sandbox)
    for _ in range(2):
        c = Corpora(Origin("sandbox"), DataSpec(origin="sandbox", sandbox_seed=7, collection="english"))
        assert c.splits("cola", "en") == ("train", "dev", "test")
        assert c.load("mlm", "en", "train")["text"][0] == 'He said " no .'
    assert calls == [7]
    assert [path.name for path in (cache / "sandbox").iterdir()] == ["english-v3-seed7"]
