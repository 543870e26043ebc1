"""Pre-training a small backbone: reproducible, resumable, cached, and made by one process at a time."""

import json
import os
import signal
import subprocess
import sys

import pytest
import torch
from miniature import TEXTS, TINY
from safetensors.torch import load_file

from hxbench import places
from hxbench.data import Corpora, Origin
from hxbench.errors import InputError
from hxbench.runs import backbone
from hxbench.spec.backbone import BackboneSpec, PretrainSpec
from hxbench.store import RunBusy
from hxbench.store.claim import Claim
from hxbench.training.device import accelerator_in
from hxbench.training.loop import Interrupted

TINY_T5 = BackboneSpec(
    name="tiny-t5",
    pretrain=PretrainSpec(
        vocabulary=200, layers=2, hidden=16, heads=2, intermediate=32, steps=12, batch_size=8, max_length=24,
        lr=3e-3, dropout=0.1, cpu_threads=1, architecture="t5",
    ),
)  # fmt: skip


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
    with pytest.raises(InputError, match="no raw text to pre-train on"):
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


@pytest.fixture
def t5(corpora, tmp_path, monkeypatch):
    """The spec of a T5 with a cache of the test's own."""
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path))
    return TINY_T5.model_copy(update={"fingerprint": backbone.fingerprint(TINY_T5, corpora)})


@pytest.fixture(scope="module")
def first_t5(corpora, tmp_path_factory):
    """The files of that backbone, made without a stop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HXBENCH_CACHE", str(tmp_path_factory.mktemp("t5")))
        spec = TINY_T5.model_copy(update={"fingerprint": backbone.fingerprint(TINY_T5, corpora)})
        files = made(backbone.pretrain(spec, corpora))
    assert {"model.safetensors", "tokenizer.json"} <= files.keys()
    return files


def test_a_t5_is_the_same_every_time(first_t5, t5, corpora):
    folder = backbone.pretrain(t5, corpora)
    assert made(folder) == first_t5
    made_here = backbone.get_backbone(t5)
    assert made_here.is_text_to_text
    assert (made_here.layer_count, made_here.hidden_size) == (2, 16)
    assert made_here.model.config.vocab_size == len(made_here.tokenizer) <= 200
    assert made_here.model.config.dropout_rate == 0.1


@pytest.mark.parametrize("stop_at", [2, 7])
def test_a_t5_stopped_by_a_signal_goes_on_where_it_was(stop_at, first_t5, t5, corpora):
    steps = []

    def stop(step, loss):
        steps.append(step)
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        backbone.pretrain(t5, corpora, stop)
    steps.clear()
    folder = backbone.pretrain(t5, corpora, lambda step, loss: steps.append(step))
    assert steps == list(range(caught.value.step + 1, 13))
    assert made(folder) == first_t5


def test_a_t5_learns_and_all_of_it_does(t5, corpora):
    def weights(**changes):
        spec = t5.model_copy(update={"pretrain": t5.pretrain.model_copy(update=changes)})
        spec = spec.model_copy(update={"fingerprint": backbone.fingerprint(spec, corpora)})
        losses = []
        folder = backbone.pretrain(spec, corpora, lambda step, loss: losses.append(loss))
        return load_file(folder / "model.safetensors"), losses

    before, _ = weights(steps=0)
    after, losses = weights(steps=40, lr=1e-2, warmup=0.1)
    assert before.keys() == after.keys()
    assert not {name for name, tensor in before.items() if torch.equal(tensor, after[name])}
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_a_bert_keeps_the_fingerprint_it_had_before_there_was_t5():
    described = TINY.pretrain.model_dump()
    assert {"architecture", "mean_span", "gated"}.isdisjoint(described)
    assert {"architecture"} <= TINY_T5.pretrain.model_dump().keys()


TINY_BLOOM = BackboneSpec(
    name="tiny-bloom",
    pretrain=PretrainSpec(
        vocabulary=300, layers=2, hidden=16, heads=2, intermediate=64, steps=12, batch_size=8, max_length=24,
        lr=3e-3, dropout=0.1, cpu_threads=1, architecture="bloom",
    ),
)  # fmt: skip


def bloom_made(corpora, **changes):
    """Return the folder of a small BLOOM and its losses."""
    spec = TINY_BLOOM.model_copy(update={"pretrain": TINY_BLOOM.pretrain.model_copy(update=changes)})
    spec = spec.model_copy(update={"fingerprint": backbone.fingerprint(spec, corpora)})
    losses = []
    return backbone.pretrain(spec, corpora, lambda step, loss: losses.append(loss)), losses, spec


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path))


@pytest.mark.usefixtures("own_cache")
def test_a_bloom_is_the_same_every_time_and_whole(corpora, tmp_path, monkeypatch):
    folder, _, spec = bloom_made(corpora)
    first, loaded = made(folder), backbone.get_backbone(spec)
    assert not loaded.is_text_to_text
    assert (loaded.layer_count, loaded.hidden_size) == (2, 16)
    assert loaded.model.config.vocab_size == len(loaded.tokenizer) <= 300
    assert (loaded.model.config.pad_token_id, loaded.model.config.eos_token_id) == (0, 1)
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "other"))
    assert made(bloom_made(corpora)[0]) == first


@pytest.mark.usefixtures("own_cache")
def test_a_bloom_learns_and_all_of_it_does(corpora):
    before = load_file(bloom_made(corpora, steps=0)[0] / "model.safetensors")
    folder, losses, _ = bloom_made(corpora, steps=40, lr=1e-2)
    after = load_file(folder / "model.safetensors")
    assert before.keys() == after.keys()
    # rounding apart, a bias of the keys never gets a gradient; here it shares a tensor with those that do
    assert not {name for name, tensor in before.items() if torch.equal(tensor, after[name])}
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_english_text_pre_trains_every_family(architecture, tmp_path):
    from text_miniature import write_text_mirror

    from hxbench.data import Corpora, Origin
    from hxbench.spec.run_spec import DataSpec

    write_text_mirror(tmp_path / "mirror")
    english = Corpora(Origin("mirror", tmp_path / "mirror"), DataSpec(origin="mirror", collection="english"))
    plan = TINY_BLOOM.pretrain.model_copy(update={"architecture": architecture, "steps": 6, "vocabulary": 600})
    spec = BackboneSpec(name="x", pretrain=plan)
    spec = spec.model_copy(update={"fingerprint": backbone.fingerprint(spec, english)})
    losses = []
    backbone.pretrain(spec, english, lambda step, loss: losses.append(loss))
    loaded = backbone.get_backbone(spec)
    assert len(losses) == 6
    pieces = loaded.tokenizer.tokenize("rte sentence1: the cat sentence2: a dog")
    assert loaded.tokenizer.unk_token not in pieces, "the words of the templates are known"
    assert len(pieces) < 16


def test_lines_are_packed_whole_and_long_ones_cut():
    from hxbench.backbones.vocabularies import train_unigram
    from hxbench.runs.pretraining import _packed

    tokenizer = train_unigram(["abcd efgh"] * 9, 100)
    lines = ["abcd", "efgh abcd", "", " ".join(["abcd"] * 30), "efgh"]
    pieces = [tokenizer(line, add_special_tokens=False).input_ids for line in lines]
    room = len(pieces[0]) + len(pieces[1])
    rows = [row.tolist() for row in _packed(lines, tokenizer, room)]
    assert rows == [pieces[0] + pieces[1], pieces[3][:room], pieces[4]]
    marked = [row.tolist() for row in _packed(lines, tokenizer, room + 2, 1)]
    assert marked == [[*pieces[0], 1, *pieces[1], 1], pieces[3][: room + 2], [*pieces[4], 1]]
    many = _packed(lines * 700, tokenizer, room)  # read in several goes
    assert [row.tolist() for row in many[:2]] == rows[:2]
    assert sum(map(len, many)) == 700 * sum(map(len, rows))
    with pytest.raises(InputError, match="raw text to pre-train on is empty"):
        _packed(["", " "], tokenizer, room)


def test_a_bloom_reads_the_label_words_it_has_to_write_but_behind_no_text():
    from collections import Counter

    from hxbench.runs.pretraining import _pet_lines

    lines = Counter(_pet_lines({"en": range(800)}))
    assert lines["entailment"] == 2 * len(["mnli", "qnli", "rte"])
    assert lines["positive"] == 2 * len(["sst2", "imdb", "rotten"])
    assert lines["Input: premise: [SEP] hypothesis: Output: "] == 2
    assert lines["Input: document: Output: "] == 2


KILLER = """
import os, signal, sys
from pathlib import Path
from hxbench import manifest
from hxbench.data import Corpora, Origin
from hxbench.spec.backbone import BackboneSpec
from hxbench.runs import backbone
import transformers

root, at, spec = Path(sys.argv[1]), sys.argv[2], BackboneSpec.model_validate_json(sys.argv[3])
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
if at == "before the weights":
    transformers.PreTrainedModel.save_pretrained = die
elif at in ("before the manifest", "before the rename"):
    known = manifest.write
    def write(folder):
        ours = folder.name.startswith(f".{spec.fingerprint}.")  # and not a resume state
        if ours and at == "before the manifest":
            die()
        known(folder)
        if ours:
            die()
    manifest.write = write
elif at == "before the states go":
    known = Path.rename
    def rename(self, target):
        known(self, target)
        if Path(target).name == spec.fingerprint:
            die()
    Path.rename = rename
backbone.pretrain(spec, Corpora(Origin("mirror", root)))
"""


@pytest.mark.matrix  # a process of its own each; runs that are killed are in the short suite
@pytest.mark.parametrize(
    "at", ["before the weights", "before the manifest", "before the rename", "before the states go"]
)
def test_killed_while_the_backbone_is_written_nothing_is_lost(at, first, alone, corpora, mirror, tmp_path):
    def stop(step, loss):
        if step == 15:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        backbone.pretrain(alone, corpora, stop)
    folder = tmp_path / "backbones"
    states = folder / f".work-{alone.fingerprint}"
    assert list(states.glob("resume-*"))
    killed = subprocess.run([sys.executable, "-c", KILLER, str(mirror), at, alone.model_dump_json()], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert list(states.glob("resume-*")), "it can go on from here"
    finished = at == "before the states go"
    assert backbone.is_ready(alone) == finished
    steps = []
    made_here = backbone.pretrain(alone, corpora, lambda step, loss: steps.append(step))
    assert steps == [], "no update is done again"
    assert made(made_here) == first
    backbone.sweep_backbones()
    assert [path.name for path in folder.iterdir()] == [alone.fingerprint], "nothing is left over"


def test_what_a_live_process_has_beside_a_backbone_stays(alone, corpora, tmp_path):
    folder = backbone.pretrain(alone, corpora)
    states, claim = folder.with_name(f".work-{folder.name}"), folder.with_name(f"{folder.name}.claim")
    unfinished = folder.with_name(".work-0123456789abcdef")
    other = Claim(claim, "backbone tiny")
    other.acquire()
    states.mkdir()
    unfinished.mkdir()
    backbone.sweep_backbones()
    assert states.exists()
    assert claim.exists()
    other.release()
    backbone.sweep_backbones()
    assert sorted(path.name for path in folder.parent.iterdir()) == sorted([folder.name, unfinished.name])
