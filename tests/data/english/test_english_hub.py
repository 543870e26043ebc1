import json

import pytest
from hub_server import parquet, serve

from hxbench.data import Corpora, Origin
from hxbench.data.hub import Hub
from hxbench.errors import InputError
from hxbench.spec.languages import language_set
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks import task_of

COMMIT = "c0ffee00" * 5
LANGUAGE = language_set("hyperx")["en"]


def whole(config, splits, **columns):
    return {f"{config}/{split}-00000-of-00001.parquet": parquet(**columns) for split in splits}


@pytest.fixture
def site(monkeypatch):
    with serve() as site:
        cola = {"sentence": ["A.", "B.", "C."], "label": [0, 1, 1]}
        pairs = {"premise": ["P"] * 3, "hypothesis": ["H"] * 3, "label": [0, 1, 2]}
        spans = {"span1_text": ["A"], "span1_index": [0], "span2_text": ["it"], "span2_index": [2]}
        hidden = {"sentence": ["A."], "label": [-1]}
        site.datasets = {
            "nyu-mll/glue": whole("cola", ("train", "validation"), **cola)
            | whole("cola", ("test",), **hidden)
            | whole("mnli", ("train", "validation_matched", "validation_mismatched"), **pairs)
            | {"README.md": b"no data", "cola.py": b"raise SystemExit"},
            "aps/super_glue": whole("wsc.fixed", ("train", "validation"), text=["A saw it"], label=[1], **spans)
            | whole("wsc", ("train", "validation"), text=["other"], label=[1], **spans),
            "allenai/scitail": whole(
                "snli_format", ("train", "validation", "test"),
                sentence1=["S", "S"], sentence2=["T", "T"], gold_label=["neutral", "entailment"],
            ),
            "EdinburghNLP/xsum": {
                f"data/{split}-0000{n}-of-00002.parquet": parquet(document=[f"D{n}"], summary=["S"], id=["1"])
                for split in ("train", "validation", "test") for n in (1, 0)
            },
            "wmt/wmt16": whole("ro-en", ("train", "validation", "test"), translation=[{"ro": "unu", "en": "one"}])
            | whole("cs-en", ("train",), translation=[{"cs": "jeden", "en": "one"}]),
        }  # fmt: skip
        site.commits = dict.fromkeys(site.datasets, COMMIT)
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        yield site


def hub(offline=False, **options):
    return Corpora(Origin("hub", offline=offline), DataSpec(origin="hub", **options, collection="english"))


def rows(corpora, task, split="train"):
    dataset = corpora.load(task, "en", split)
    return list(zip(dataset["fields"], dataset["target"], strict=True))


def test_every_repository(site):
    c = hub(dev_from_train=1, split_rule="names")
    assert rows(c, "cola") == [(["A."], "0"), (["B."], "1"), (["C."], "1")]
    assert len(rows(c, "cola", "dev")) == 1
    assert [target for _, target in rows(c, "mnli", "dev")] == ["0", "1", "2"]
    assert rows(c, "wsc") == [(["* A * saw # it #"], "1")]
    assert rows(c, "scitail", "train") == [(["S", "T"], "1"), (["S", "T"], "0")]
    assert rows(c, "roen", "test") == [(["unu"], "one")]
    assert rows(c, "enro", "dev") == [(["one"], "unu")]
    assert rows(c, "xsum") == [(["D0"], "S"), (["D1"], "S")]  # shards in order
    asked = {path for _, path, _, _ in site.requests}
    assert not any(word in path for path in asked for word in ("cola/test", ".py", "cs-en", "/wsc/"))


def test_nothing_is_asked_before_it_is_needed(site):
    c = hub()
    assert c.splits("cola", "en") == c.splits("scitail", "en") == ("train", "dev", "test")
    assert c.splits("mlm", "en") == ()
    pairs = [("cola", "en"), ("mlm", "en"), ("wsc", "en")]
    assert c.missing(pairs) == pairs
    assert site.requests == []
    seen = []
    c.fetch(pairs, lambda *told: seen.append(told))
    assert c.missing(pairs) == [("mlm", "en")]  # the hub has none of it
    name = "cola/train-00000-of-00001.parquet"
    size = len(site.datasets["nyu-mll/glue"][name])
    assert (name, size, size) in seen
    before = len(site.requests)
    rows(hub(), "cola")
    c.fetch(pairs)
    assert len(site.requests) == before
    with pytest.raises(InputError, match="the hub has no train split of raw text"):
        c.load("mlm", "en", "train")


def test_only_what_the_rule_uses(site):
    hub(split_limit=10, dev_from_train=1).fetch([("mnli", "en")])
    assert not [path for _, path, _, _ in site.requests if "mismatched" in path]


def test_one_cache_keeps_to_one_commit(site, cache):
    hub().fetch([("cola", "en")])
    note = json.loads((cache / "hub/nyu-mll--glue.json").read_text())
    assert note["revision"] == COMMIT
    site.commits["nyu-mll/glue"] = "beef" * 10
    with pytest.raises(InputError, match=rf"at revision {COMMIT} does not exist on the hub"):
        hub().fetch([("mnli", "en")])
    assert all(f"/resolve/{COMMIT}/" in path for _, path, _, _ in site.gets(".parquet"))
    site.commits["nyu-mll/glue"] = COMMIT
    hub().fetch([("mnli", "en")])
    assert len([r for r in site.requests if "/api/datasets/nyu-mll/glue/revision" in r[1]]) == 1


def test_offline_names_everything_at_once(site):
    hub().fetch([("cola", "en")])
    c = hub(offline=True)
    site.requests.clear()
    assert len(rows(c, "cola")) == 3
    with pytest.raises(InputError) as caught:
        c.fetch([("cola", "en"), ("mnli", "en"), ("xsum", "en")])
    message = str(caught.value)
    for part in (
        "offline",
        f"mnli/train-00000-of-00001.parquet of nyu-mll/glue at {COMMIT[:12]}",
        "--data-source hub",
    ):
        assert part in message
    assert "xsum/validation*.parquet of EdinburghNLP/xsum at main" in message
    assert "cola" not in message
    with pytest.raises(InputError, match="offline"):
        c.load("scitail", "en", "train")
    assert site.requests == []


def test_what_the_hub_does_not_have(site):
    del site.commits["allenai/scitail"]
    with pytest.raises(InputError, match="allenai/scitail at revision main does not exist on the hub"):
        hub().fetch([("scitail", "en")])
    with pytest.raises(InputError, match=rf"aps/super_glue has no boolq/train\*.parquet at revision {COMMIT}"):
        hub().fetch([("boolq", "en")])
    site.datasets["wmt/wmt16"] = {"wmt16.py": b"raise SystemExit"}
    with pytest.raises(InputError, match="wmt/wmt16 has no Parquet file on its branches main and refs/convert"):
        hub().fetch([("roen", "en")])


def test_a_repository_of_a_script_is_read_from_its_conversion(monkeypatch, tmp_path):
    from types import SimpleNamespace as Made

    asked = []

    class Api:
        def __init__(self, endpoint=None):
            pass

        def dataset_info(self, repository, revision):
            asked.append(revision)
            names = (
                ["xsum.py"] if revision == "main" else ["default/train/0001.parquet", "default/train/0000.parquet"]
            )
            return Made(
                sha=COMMIT if revision == "main" else "beef" * 10, siblings=[Made(rfilename=n) for n in names]
            )

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    found = Hub(tmp_path, offline=False)
    with pytest.raises(InputError, match=r"no xsum/validation\*.parquet at revision beef"):
        found.fetch([(task_of("xsum"), LANGUAGE, ("train", "dev"))])
    assert asked == ["main", "refs/convert/parquet"]
    items = found.lacking(task_of("xsum"), LANGUAGE, ("train",))
    assert [item.file for item in items] == ["default/train/0000.parquet", "default/train/0001.parquet"]
    assert {item.revision for item in items} == {"beef" * 10}
