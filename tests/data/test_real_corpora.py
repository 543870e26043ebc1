"""The readers over a local mirror of real data, where there is one: every size must be the one of its manifest."""

import csv
from pathlib import Path

import pytest

from hxbench.data import Corpora, Origin
from hxbench.data.readers.conllu import read_conllu
from hxbench.data.readers.lines import read_text
from hxbench.data.readers.wikiann import read_wikiann
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks import task_of

ROOT = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not (ROOT / "MANIFEST.tsv").exists(), reason=f"no real data at {ROOT}"),
]


def manifest():
    with (ROOT / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {row["path"]: int(row["sentences kept"]) for row in rows if row["sentences kept"].isdigit()}


def test_every_file_has_the_sentences_of_the_manifest():
    sizes = manifest()
    assert len(sizes) > 90
    readers = {"ud-2.7": read_conllu, "wikiann": read_wikiann, "wikiann-samples": read_wikiann, "text": read_text}
    read = {path: sum(1 for _ in readers[path.split("/")[0]](ROOT / path)) for path in sizes}
    assert read == sizes


def test_every_pair_through_the_front_door():
    sizes = manifest()
    corpora = Corpora(Origin("mirror", ROOT))
    for code, language in corpora.languages.items():
        assert "test" in corpora.splits("pos", code)
        for split in corpora.splits("pos", code):
            dataset = corpora.load("pos", code, split)
            name = f"ud-2.7/{language.treebank}/{language.treebank_stem}-ud-{split}.conllu"
            assert dataset.num_rows == sizes[name]
    test_only = {c for c in corpora.languages if corpora.splits("pos", c) == ("test",)}
    assert test_only == set("br is yo yue fo sa gn".split())
    assert {c for c in corpora.languages if corpora.splits("ner", c)} == set("en ar mt yo fo is".split())
    assert corpora.splits("ner", "fo") == ("train", "test")
    assert not corpora.missing([("mlm", code) for code in corpora.languages])
    assert corpora.load("mlm", "yue", "train").num_rows == sizes["text/yue.txt"]


def test_range_lines_of_a_real_treebank():
    corpora = {
        way: Corpora(Origin("mirror", ROOT), DataSpec(origin="mirror", multiword=way)) for way in ("skip", "keep")
    }
    counts = {}
    for way, reader in corpora.items():
        tags = [tag for row in reader.load("pos", "en", "train")["tags"] for tag in row]
        counts[way] = len(tags)
        assert (task_of("pos").labels.index("_") in tags) == (way == "keep")
    lines = (ROOT / "ud-2.7/UD_English-EWT/en_ewt-ud-train.conllu").read_text(encoding="utf-8").splitlines()
    ids = [line.split("\t")[0] for line in lines if "\t" in line and not line.startswith("#")]
    assert counts == {"skip": sum(i.isdigit() for i in ids), "keep": len(ids)}


def test_samples_of_all_sixteen(tmp_path):
    (tmp_path / "wikiann").symlink_to(ROOT / "wikiann-samples")
    corpora = Corpora(Origin("mirror", tmp_path))
    for code in corpora.languages:
        assert corpora.splits("ner", code) == ("train", "dev", "test")
        assert corpora.load("ner", code, "train").num_rows == 1
    assert corpora.load("ner", "yue", "train")["words"][0][:3] == ["R", "E", "D"]
