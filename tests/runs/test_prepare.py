"""What `prepare` does before a training: tokenising, on all cores, with the rows that one core gives."""

import os

import pytest

from hxbench import places
from hxbench.errors import InputError
from hxbench.runs import prepare
from hxbench.spec.run_spec import DataSpec

DATA = DataSpec(origin="mirror", max_length=24)


def quiet(what, done, total):
    pass


def tokenised(corpora, tiny):
    tasks = corpora.collection.tasks_of([])
    return prepare.tokenise(prepare.read(tasks, corpora, quiet), corpora, DATA, tiny, quiet, offline=True)


def test_more_cores_give_the_same_files(corpora, tiny, tmp_path, monkeypatch):
    found = {}
    backbones = places.cache_dir() / "backbones"
    for threads in ("true", "false"):
        cache = tmp_path / threads
        cache.mkdir()
        (cache / "backbones").symlink_to(backbones)
        monkeypatch.setenv("HXBENCH_CACHE", str(cache))
        if threads == "false":
            monkeypatch.setattr(prepare, "tokenise", prepare.tokenise.__wrapped__)
        counts = tokenised(corpora, tiny)
        files = {p.name: p.read_bytes() for p in (cache / "encoded").glob("*.arrow")}
        found[threads] = counts, files
    assert found["true"] == found["false"]
    assert len(found["true"][1]) > 10


def test_the_threads_are_on_while_it_tokenises_and_not_after(corpora, tiny, monkeypatch):
    seen = []

    def fail(*_, **__):
        seen.append(os.environ.get("TOKENIZERS_PARALLELISM"))
        raise InputError("so that it ends")

    monkeypatch.setattr("hxbench.data.texts.encode", fail)
    for before in ("false", None):
        if before is None:
            monkeypatch.delenv("TOKENIZERS_PARALLELISM")
        with pytest.raises(InputError, match="so that it ends"):
            tokenised(corpora, tiny)
        assert os.environ.get("TOKENIZERS_PARALLELISM") == before
    assert seen == ["true", "true"]
