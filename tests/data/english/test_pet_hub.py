"""PET scaling's tasks from the hub: commits that are known, and repositories without folders."""

import json

import pytest
from hub_server import parquet, serve

from hxbench.data import Corpora, Origin
from hxbench.errors import InputError
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks.description import shipped_corpus

PINNED = [shipped_corpus(name).hub for name in ("imdb", "rotten", "nq")]
NEWEST = "c0ffee00" * 5


@pytest.fixture
def site(monkeypatch):
    with serve() as site:
        reviews = {"text": ["good<br />", "bad", "so"], "label": [1, 0, 1]}
        asked = {"question": ["who", "what"], "answer": [["A", "B"], ["C"]]}
        chat = {"id": ["1"], "dialogue": ["A: Hi\r\nB: Ho"], "summary": ["Met."]}
        news = {"document": ["One. ||||| Two."], "summary": ["All."]}
        whole = ("train", "validation", "test")
        site.datasets = {
            "stanfordnlp/imdb": {
                f"plain_text/{split}-00000-of-00001.parquet": parquet(**reviews)
                for split in ("train", "test", "unsupervised")
            },
            "cornell-movie-review-data/rotten_tomatoes": {f"{s}.parquet": parquet(**reviews) for s in whole},
            "google-research-datasets/nq_open": {
                f"nq_open/{split}-00000-of-00001.parquet": parquet(**asked) for split in ("train", "validation")
            },
            "knkarthick/samsum": {f"{s}.csv": b"id" for s in whole}
            | {f"data/{s}-00000-of-00001.parquet": parquet(**chat) for s in whole},
            "alexfabbri/multi_news": {f"default/{s}/0000.parquet": parquet(**news) for s in whole},
        }
        site.commits = dict.fromkeys(site.datasets, NEWEST) | {place.dataset: place.revision for place in PINNED}
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        yield site


def hub(**options):
    return Corpora(Origin("hub"), DataSpec(origin="hub", dev_from_train=1, **options, collection="english"))


def rows(corpora, task, split="train"):
    dataset = corpora.load(task, "en", split)
    return list(zip(dataset["fields"], dataset["target"], strict=True))


def test_every_repository(site, cache):
    c = hub()
    for task in ("imdb", "rotten", "nq", "samsum", "multinews"):
        assert c.splits(task, "en") == ("train", "dev", "test")
    assert rows(c, "imdb", "test") == [(["good"], "1"), (["bad"], "0"), (["so"], "1")]
    assert [len(rows(c, "imdb", split)) for split in ("train", "dev")] == [2, 1]
    assert len(rows(c, "rotten", "dev")) == 3
    assert sorted(rows(c, "nq", "dev") + rows(c, "nq", "test")) == [(["what"], "C"), (["who"], "A\nB")]
    assert rows(c, "samsum", "test") == [(["A: Hi\nB: Ho"], "Met.")]
    assert rows(c, "multinews", "dev") == [(["One. ||||| Two."], "All.")]
    asked = {path for _, path, _, _ in site.requests}
    assert not any(word in path for path in asked for word in ("unsupervised", ".csv"))
    for name, commit in site.commits.items():
        assert json.loads((cache / f"hub/{name.replace('/', '--')}.json").read_text())["revision"] == commit


def test_a_known_commit_is_asked_for_and_no_branch(site):
    for place in PINNED:
        assert len(place.revision) == 40
        assert int(place.revision, 16) > 0
    hub().fetch([("imdb", "en")])
    [asked] = [path for _, path, _, _ in site.requests if "/api/datasets/stanfordnlp/imdb/revision/" in path]
    assert asked.endswith(PINNED[0].revision)
    site.commits["cornell-movie-review-data/rotten_tomatoes"] = NEWEST  # where the commit is not any more
    with pytest.raises(InputError, match="rotten_tomatoes has no Parquet file at aa13bc28"):
        hub().fetch([("rotten", "en")])


def test_offline_names_the_commit(site):
    c = Corpora(Origin("hub", offline=True), DataSpec(origin="hub", collection="english"))
    with pytest.raises(InputError) as caught:
        c.fetch([("imdb", "en"), ("samsum", "en")])
    assert f"plain_text/train*.parquet of stanfordnlp/imdb at {PINNED[0].revision[:12]}" in str(caught.value)
    assert "samsum/validation*.parquet of knkarthick/samsum at main" in str(caught.value)


def test_a_question_without_answers(site):
    site.datasets["google-research-datasets/nq_open"]["nq_open/train-00000-of-00001.parquet"] = parquet(
        question=["who", "what"], answer=[["A"], []]
    )
    with pytest.raises(
        InputError, match=r"parquet, row 2: answer is '\[\]'; expected a list of at least one text"
    ):
        rows(hub(), "nq")
