"""One place for everything tests write, and the expensive things they share."""

import gc
import importlib
import os
import tempfile
from pathlib import Path

# Before anything imports them: tokenizers and torch read these once.
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Set here and not in a fixture, before which another could run; fixtures may put another folder in its place.
_FOLDER = tempfile.TemporaryDirectory(prefix="hxbench-tests-")
os.environ["HXBENCH_CACHE"] = str(Path(_FOLDER.name) / "cache")
os.environ["HXBENCH_STORE"] = str(Path(_FOLDER.name) / "store")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("HXBENCH_DATA", None)

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

# Shared machines stall now and then, so that no single example has a deadline; the same examples every time.
settings.register_profile("hxbench", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("hxbench")


# Files of minutes: begun first, they do not keep one process busy when the other has nothing left.
_LONG = ("test_readme.py", "test_train_command.py", "test_wheel.py", "test_on_slurm.py", "test_run_command.py")


def pytest_collection_modifyitems(items):
    """Begin with these, where xdist keeps to the order that tests are collected in."""
    items.sort(key=lambda item: _LONG.index(item.path.name) if item.path.name in _LONG else len(_LONG))


@pytest.fixture(scope="module", autouse=True)
def _nothing_described():
    """What one module describes of tasks and languages is not there in the next."""
    from hxbench import tasks
    from hxbench.spec import languages

    yield
    tasks.declared_tasks.known.clear()
    languages.declared_languages.known.clear()


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Sums round differently on more threads."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _imports_are_not_searched():
    """The garbage collector leaves the million objects of what is imported alone: 13 to 22 % of a room's time."""
    if "PYTEST_XDIST_WORKER" in os.environ:  # each needs it sooner or later
        importlib.import_module("transformers.models.bert.modeling_bert")
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(scope="session")
def mirror(tmp_path_factory):
    """The made-up corpora of `miniature`, in release layout."""
    from miniature import write_mirror

    folder = tmp_path_factory.mktemp("mirror")
    write_mirror(folder)
    return folder


@pytest.fixture(scope="session")
def corpora(mirror):
    """The corpora of that mirror."""
    from hxbench.data import Corpora, Origin

    return Corpora(Origin("mirror", mirror))


@pytest.fixture(scope="session")
def tokenizer(mirror):
    """A WordPiece of some 300 pieces, learned from the mirror's text."""
    from miniature import TEXTS

    from hxbench.backbones.vocabularies import train_wordpiece

    lines = [line for code in TEXTS for line in (mirror / "text" / f"{code}.txt").read_text().splitlines()]
    return train_wordpiece(lines, 300)


@pytest.fixture(scope="session")
def tiny(corpora):
    """The spec of a small pre-trained backbone, ready in the cache."""
    from miniature import TINY

    from hxbench.runs import backbone

    spec = TINY.model_copy(update={"fingerprint": backbone.fingerprint(TINY, corpora)})
    backbone.pretrain(spec, corpora)
    return spec


@pytest.fixture
def fresh_backbone(tiny):
    """A backbone of the test's own."""
    from hxbench.runs.backbone import get_backbone

    return get_backbone(tiny)
