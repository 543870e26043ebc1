"""Pre-training a small backbone: reproducible, resumable, cached, and made by one process at a time."""

import json
import os
import signal

import pytest
import torch
from miniature import TEXTS, TINY
from safetensors.torch import load_file

from hxbench import places
from hxbench.corpora import Corpora, Origin
from hxbench.errors import InputError
from hxbench.stages import backbone
from hxbench.store import RunBusy
from hxbench.store.claim import Claim
from hxbench.training.accelerator import accelerator_in
from hxbench.training.loop import Interrupted


@pytest.fixture
def alone(corpora, tmp_path, monkeypatch):
    """The spec with a cache of the test's own."""
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path))
    return TINY.model_copy(update={"fingerprint": backbone.fingerprint(TINY, corpora)})


def made(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix != ".json" or p.name.startswith("tok")}


@pytest.fixture(scope="session")
def first(tiny):
    """The files of the backbone that all tests share."""
    files = made(places.cache_dir() / "backbones" / tiny.fingerprint)
    assert {"model.safetensors", "tokenizer.json"} <= files.keys()
    return files


def test_the_same_text_gives_the_same_backbone(first, alone, corpora):
    assert made(backbone.pretrain(alone, corpora)) == first


@pytest.mark.parametrize("stop_at", [3, 11, 20])
def test_stopped_by_a_signal_it_goes_on_where_it_was(stop_at, first, alone, corpora):
    steps = []

    def stop(step, loss):
        steps.append(step)
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)

    assert not backbone.is_ready(alone)
    with pytest.raises(Interrupted) as caught:
        backbone.pretrain(alone, corpora, stop)
    assert not backbone.is_ready(alone)
    steps.clear()
    folder = backbone.pretrain(alone, corpora, lambda step, loss: steps.append(step))
    assert steps == list(range(caught.value.step + 1, 21))
    assert made(folder) == first
    assert backbone.is_ready(alone)
    assert [p.name for p in folder.parent.iterdir()] == [alone.fingerprint], "nothing is left over"


def test_what_is_ready_is_not_made_again(alone, corpora, monkeypatch):
    folder = backbone.pretrain(alone, corpora)

    def refuse(*_):
        raise AssertionError("made again")

    monkeypatch.setattr(backbone, "_pretrain", refuse)
    assert backbone.pretrain(alone, corpora) == folder
    assert backbone.get_backbone(alone).layer_count == 2


def test_of_several_processes_one_makes_it(alone, corpora, tmp_path):
    (tmp_path / "backbones").mkdir()
    other = Claim(tmp_path / "backbones" / f"{alone.fingerprint}.claim", "backbone tiny")
    other.acquire()
    try:
        with pytest.raises(RunBusy, match="backbone tiny is being worked on by another process"):
            backbone.pretrain(alone, corpora)
    finally:
        other.release()
    assert backbone.pretrain(alone, corpora).is_dir()


def test_the_precision_of_an_earlier_run_does_not_stick(first, alone, corpora):
    assert accelerator_in("bf16").mixed_precision == "bf16"
    assert made(backbone.pretrain(alone, corpora)) == first


def test_it_reads_the_covered_languages_that_have_text(corpora, first, tiny):
    assert backbone.pretraining_languages(TINY.pretrain, corpora) == ["en", "ar", "br"]
    everything = TINY.pretrain.model_copy(update={"languages": "all"})
    assert set(backbone.pretraining_languages(everything, corpora)) == set(TEXTS)
    about = json.loads((places.cache_dir() / "backbones" / tiny.fingerprint / "pretraining.json").read_text())
    assert about["languages"] == ["en", "ar", "br"]
    assert about["history"][-1]["step"] == 20


def test_without_running_text_it_says_so(mirror, tmp_path):
    import shutil

    shutil.copytree(mirror / "wikiann", tmp_path / "wikiann")
    with pytest.raises(InputError, match="no running text to pre-train on"):
        backbone.fingerprint(TINY, Corpora(Origin("mirror", tmp_path)))


def test_training_changes_everything_it_should(tiny, alone, corpora):
    untrained = alone.model_copy(update={"pretrain": TINY.pretrain.model_copy(update={"steps": 0})})
    untrained = untrained.model_copy(update={"fingerprint": backbone.fingerprint(untrained, corpora)})
    assert untrained.fingerprint != tiny.fingerprint
    before = load_file(backbone.pretrain(untrained, corpora) / "model.safetensors")
    after = load_file(backbone.pretrain(alone, corpora) / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(t.isfinite().all() for t in after.values())
    still = {name for name, tensor in before.items() if torch.equal(tensor, after[name])}
    assert not still
