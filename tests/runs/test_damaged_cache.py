"""Whatever happens to the files of the cache, a training gives the numbers of the unbroken one, bit for bit."""

import json
import random
import shutil

import pytest
from miniature import TINY, resolved, spec_for
from sampled import one_in
from text_miniature import text_spec, write_text_mirror

from hxbench import places
from hxbench.data import Corpora, Origin
from hxbench.runs import backbone
from hxbench.runs.prepare import make_backbone
from hxbench.runs.train import run
from hxbench.store import Store
from hxbench.training.checkpoint import read_weights

TIMES = {"wall_seconds", "device_seconds", "peak_memory_bytes", "tokens_per_second"}
CACHES = ("corpora", "encoded")


def flip(place):
    """Return a damage that flips one bit at a place, a share of the file, of every file with this ending."""

    def damage(path, draw):
        content = bytearray(path.read_bytes())
        position = int(place * (len(content) - 1)) if place is not None else draw.randrange(len(content))
        content[position] ^= 1 << draw.randrange(8)
        path.write_bytes(content)

    return damage


def cut(share):
    return lambda path, draw: path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


DAMAGES = {
    "header flipped": (".arrow", flip(0.0)),
    "data flipped": (".arrow", flip(0.5)),
    "anything flipped": (".arrow", flip(None)),
    "footer flipped": (".arrow", flip(1.0)),
    "note flipped": (".json", flip(None)),
    "half": (".arrow", cut(0.5)),
    "empty": (".arrow", cut(0)),
    "note cut": (".json", cut(0.9)),
    "note gone": (".json", lambda path, draw: path.unlink()),
    "gone": (".arrow", lambda path, draw: path.unlink()),
}


def files(ending):
    found = [p for name in CACHES for p in sorted((places.cache_dir() / name).rglob("*.arrow*"))]
    return [path for path in found if path.name.endswith(ending) and path.parent.name != "sums"]


def numbers(spec, plan, corpora, folder):
    store = Store(folder)
    final = run(spec, plan, corpora, store)
    weights = read_weights(final / "checkpoint")
    rows = [json.loads(line) for line in (final / "metrics.jsonl").read_text().splitlines()]
    scores = [row for row in rows if row["metric"] not in TIMES]
    assert scores
    return scores, {name: t.numpy().tobytes() for name, t in weights.items()}


@pytest.fixture(scope="module", params=["multilingual", "english"])
def unbroken(request, mirror, tmp_path_factory):
    """A run with a cache of its own, and its numbers."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp(request.param)
        patch.setenv("HXBENCH_CACHE", str(root / "cache"))
        if request.param == "multilingual":
            corpora = Corpora(Origin("mirror", mirror))
            body = TINY.model_copy(update={"fingerprint": backbone.fingerprint(TINY, corpora)})
            backbone.pretrain(body, corpora)
            shutil.rmtree(root / "cache" / "encoded")  # the run reads none of the text that made its backbone
            wanted = spec_for(setting="single", task="pos", training={"updates": 8, "evaluate_every": 4})
        else:
            write_text_mirror(root / "mirror")
            wanted = text_spec("pha", training={"updates": 8, "evaluate_every": 4})
            corpora = Corpora(Origin("mirror", root / "mirror"), wanted.data)
            make_backbone(wanted.backbone, corpora, lambda what, done, total: None)
        spec, plan = resolved(wanted, corpora)
        yield spec, plan, corpora, numbers(spec, plan, corpora, root / "store")


@pytest.mark.parametrize("kind", one_in(5, DAMAGES))
def test_a_damaged_cache_is_made_again_and_the_numbers_stay(kind, unbroken, tmp_path):
    spec, plan, corpora, first = unbroken
    ending, damage = DAMAGES[kind]
    sound = {path: path.read_bytes() for path in files("")}
    assert {path.parent.parent.name for path in sound} >= {"corpora"}
    draw = random.Random(kind)
    for path in files(ending):
        damage(path, draw)
    assert numbers(spec, plan, corpora, tmp_path) == first
    for path, content in sound.items():
        if path.parent.name == "encoded":
            assert path.read_bytes() == content, "made again"
    shutil.rmtree(tmp_path)
