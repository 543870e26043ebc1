"""What a collection is, is asked for in one place, and nowhere else in this room."""

import re
from pathlib import Path

import pytest

import hxbench.data
from hxbench.data import Corpora, Origin
from hxbench.data.collection import collection_of
from hxbench.errors import InputError
from hxbench.spec.run_spec import DataSpec


def test_the_field_of_the_spec_is_asked_for_once():
    found = [
        path.name
        for path in Path(hxbench.data.__file__).parent.rglob("*.py")
        for _ in re.findall(r"data\.collection\b(?! import)", path.read_text())
    ]
    assert found == ["collection.py"]


def test_corpora_by_name():
    english = collection_of(DataSpec(origin="mirror", collection="english"), "mirror")
    assert english.corpora()["superglue"] == ["boolq", "wic", "cb", "wsc"]
    assert english.corpora()["text"] == ["mlm"]
    hyperx = collection_of(DataSpec(origin="mirror"), "mirror")
    assert hyperx.corpora() == {"wikiann": ["ner"], "ud": ["pos"], "text": ["mlm"]}
    assert hyperx.tasks_of(["ud"]) == ["pos"]
    with pytest.raises(InputError, match=r"unknown corpus 'glue'"):
        hyperx.tasks_of(["glue"])


def test_every_task_of_every_collection_has_a_sandbox(cache, small_sandboxes):
    for name in ("multilingual", "english"):
        corpora = Corpora(Origin("sandbox"), DataSpec(origin="sandbox", collection=name))
        code = next(iter(corpora.languages))
        assert all(corpora.splits(task, code) for task in corpora.collection.tasks)


def test_a_split_that_is_none_is_refused_by_every_question(tmp_path):
    (tmp_path / "text").mkdir()
    for name, task in (("multilingual", "pos"), ("english", "cola"), ("english", "mlm")):
        corpora = Corpora(Origin("mirror", tmp_path), DataSpec(origin="mirror", collection=name))
        for ask in (corpora.require, corpora.fingerprint, corpora.size, corpora.load):
            with pytest.raises(InputError, match="unknown split 'tset'"):
                ask(task, "en", "tset")
