"""From real files to scores: a tiny backbone, then Hyper-X and full fine-tuning on a capped mixed partition."""

from pathlib import Path

import pytest
from miniature import spec_for
from sampled import one_in

from hxbench.data import Corpora, Origin
from hxbench.runs.inputs import DataSource
from hxbench.runs.session import Session
from hxbench.spec.backbone import BackboneSpec, PretrainSpec
from hxbench.spec.languages import language_set
from hxbench.spec.run_spec import DataSpec
from hxbench.spec.settings import Pair, source_pairs
from hxbench.store import Store

MIRROR = Path(__file__).parents[3] / "shared" / "data"
SMALL = BackboneSpec(
    name="real-tiny",
    pretrain=PretrainSpec(
        vocabulary=2000, layers=2, hidden=32, heads=2, intermediate=64, steps=30, batch_size=16, max_length=32,
        text_sentences=200, cpu_threads=1,
    ),
)  # fmt: skip
CAPS = {"train_sentences": 60, "dev_sentences": 15, "test_sentences": 15, "text_sentences": 200, "max_length": 64}

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not (MIRROR / "ud-2.7").is_dir(),
        reason=f"there is no mirror of the real data in {MIRROR.parent.name}/data",
    ),
]


def job(method, partition, store):
    spec = spec_for(method, SMALL, partition=partition, data=CAPS, training={"updates": 20, "evaluate_every": 10})
    return Session(DataSource("mirror", MIRROR), store).add(spec).job


def pairs_with(split):
    corpora = Corpora(Origin("mirror", MIRROR))
    languages = language_set("hyperx")
    return {Pair(t, code) for t in ("ner", "pos") for code in languages if split in corpora.splits(t, code)}


@pytest.mark.parametrize(
    ("method", "partition"), one_in(3, [("hyperx-base", "a"), ("hyperx-base", "b"), ("mbert", "a")])
)
def test_scores_exist_for_exactly_the_pairs_that_exist(method, partition, tmp_path):
    told = []
    work = job(method, partition, tmp_path)
    folder = work.execute(lambda what, done, total: told.append(what))
    (kept,) = Store(tmp_path).runs()
    assert kept.folder == folder
    sources = set(source_pairs("mixed", None, partition, DataSpec(origin="mirror")))
    with_test, with_train, with_dev = map(pairs_with, ("test", "train", "dev"))
    assert Pair("pos", "yue") in with_test - with_train, "the mirror has a treebank with a test part alone"
    spent = (sources & with_test) - with_train
    assert spent
    assert {p.language for p in with_test if p.task == "pos"} == set(language_set("hyperx"))
    assert {p.language for p in with_test if p.task == "ner"} == {"en", "ar", "fo", "is", "mt", "yo"}
    scored = {Pair(r["task"], r["language"]): r for r in kept.metrics() if r["split"] == "test"}
    assert set(scored) == with_test - spent
    assert all(0 <= row["value"] <= 100 for row in scored.values())
    assert all(row["sentences"] == 15 for row in scored.values())
    assert all(row["words"] > 15 and row["words_cut"] == 0 for row in scored.values())
    assert {p for p, row in scored.items() if row["role"] == "source"} == sources & with_train & with_test
    validated = {
        Pair(r["task"], r["language"]) for r in kept.metrics() if r["split"] == "dev" and r["language"] != "mean"
    }
    assert validated == sources & with_train & with_dev
    provenance = kept.provenance()
    assert set(provenance["trained_on"]) == {str(p) for p in sources & (with_train | with_test)}
    assert {p for p, split in provenance["trained_on"].items() if split == "test"} == set(map(str, spent))
    assert len(provenance["missing"]) == 32 - len(with_test)
    assert len(provenance["mlm"]) == (16 if "hyperx" in method else 0)
    assert (
        str(MIRROR)
        not in folder.joinpath("provenance.json").read_text() + folder.joinpath("spec.yaml").read_text()
    )
    told.clear()
    assert work.execute(lambda what, done, total: told.append(what)) == folder
    assert told == [], "a second time there is nothing to do"
