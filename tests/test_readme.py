"""The README's commands, run in its order from an empty folder: from nothing to a filled table, at demo scale.

Blocks marked `sh` are run; those marked `console` need what a test machine has not. The short suite runs them with
recipes that train a hundredth as long, `make test-all` as they are.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Ended

import hxbench

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = [
    words
    for block in BLOCK.findall(README)
    for line in block.replace("\\\n", " ").splitlines()
    if (words := shlex.split(line, comments=True))
]
MADE = [words[1:] for words in LINES if words[0] == "make"]
COMMANDS = [words[1:] for words in LINES if words[0] == "hxbench"]

# in recipes, of the short suite
SHORTER = {
    "backbones/sandbox-tiny.yaml": {"steps: 7000": "steps: 70"},
    "methods/hyperx-base.yaml": {
        "{updates: 6000, lr: 1.0e-3, warmup: 300, evaluate_every: 1000}":
        "{updates: 60, lr: 1.0e-3, warmup: 3, evaluate_every: 30}",
    },
}  # fmt: skip

pytestmark = pytest.mark.slow


def shortened_package(folder):
    """Return a folder to import the package from, which has recipes of its own that train briefly."""
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    for name, changes in SHORTER.items():
        text = (folder / "recipes" / name).read_text()
        for whole, short in changes.items():
            assert text.count(whole) == 1
            text = text.replace(whole, short)
        (folder / "recipes" / name).write_text(text)
    shutil.copytree(Path(hxbench.__file__).parent, folder / "hxbench")
    (folder / "results").symlink_to(ROOT / "results")
    return folder


class Reader:
    """Somebody who tries what is written, in a folder of their own, with the `package` that is named, if any."""

    def __init__(self, folder, package=None):
        self.folder, self.whole = folder, package is None
        # the store is ./results, as for everybody who sets nothing; the cache is the session's
        self.environment = {k: v for k, v in os.environ.items() if k not in ("HXBENCH_STORE", "HXBENCH_DATA")}
        if package:
            self.environment |= {"PYTHONPATH": str(package), "HXBENCH_CACHE": str(package / "cache")}

    def run(self, *words):
        done = subprocess.run(
            [sys.executable, "-m", "hxbench", *words],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def files(self):
        """Return every file of the store and of the made backbones with the time of its last change."""
        places = (self.folder / "results", Path(self.environment["HXBENCH_CACHE"]) / "backbones")
        return {path: path.stat().st_mtime_ns for place in places for path in place.rglob("*") if path.is_file()}


@pytest.fixture(scope="module", params=["short", pytest.param("whole", marks=pytest.mark.matrix)])
def reader(request, tmp_path_factory):
    """The reader after the last command, and how each of them ended."""
    package = shortened_package(tmp_path_factory.mktemp("package")) if request.param == "short" else None
    reader = Reader(tmp_path_factory.mktemp("readme"), package)
    return reader, [(words, reader.run(*words)) for words in COMMANDS]


def test_there_are_commands():
    assert len(BLOCK.findall(README)) >= 2
    assert {words[0] for words in LINES} == {"make", "hxbench"}, "nothing that this test would not try"
    for needed in ("prepare", "train hyperx-base --setting mixed", "report --table 2", "cost hyperx-base --json"):
        assert shlex.split(needed) in COMMANDS


def test_make_targets_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert ["demo"] in MADE
    assert ["test"] in MADE
    for words in MADE:
        assert set(words) <= set(targets)


def test_make_demo_runs_the_commands_shown_beside_it():
    recipe = (ROOT / "Makefile").read_text().partition("\ndemo:")[2].partition("\n\n")[0]
    made = [
        shlex.split(line)[1:] for line in recipe.splitlines() if line.strip().startswith("$(DEMO)/bin/hxbench")
    ]
    assert made == [*COMMANDS[:3], [*COMMANDS[2], "--against", "results/demo"]]


def test_every_command_works(reader):
    _, endings = reader
    assert len(endings) == len(COMMANDS) > 3
    for words, ending in endings:
        assert ending.code == 0, f"hxbench {shlex.join(words)}: {ending.err}"
        assert ending.out.strip(), f"hxbench {shlex.join(words)} says nothing"
        assert "Traceback" not in ending.err


def test_the_table_is_filled(reader):
    here, endings = reader
    [shown] = [ending.out for words, ending in endings if words == ["report", "--table", "2"]]
    mixed = shown.partition("Mixed-language multi-task")[2]
    [row] = [line.split() for line in mixed.splitlines() if line.startswith("HX-Base")]
    assert len(row) == 10
    assert not any("–" in cell for cell in row)
    assert "SYNTHETIC" in shown
    [table] = json.loads(here.run("report", "--table", "2", "--format", "json").out)
    [cells] = [
        r["cells"] for b in table["blocks"] if "Mixed" in b["title"] for r in b["rows"] if r["title"] == "HX-Base"
    ]
    scores = [cell["mean"] for cell in cells[3:]]
    assert len(scores) == 6
    assert all(0 <= score < 100 for score in scores)
    if here.whole:  # learned, and told from another language's: a tagger that always says NOUN stays far below
        assert scores[3] > 50
        assert min(scores) > 0


@pytest.mark.matrix
def test_a_second_prepare_and_train_do_no_work(reader):
    here, _ = reader
    before = here.files()
    assert sum(path.name == "model.safetensors" for path in before) >= 3  # two runs and the backbone
    prepared = here.run("prepare")
    assert prepared.code == 0
    assert "pre-train" not in prepared.err
    trained = here.run("train", "hyperx-base", "--setting", "mixed")
    assert trained.code == 0
    assert trained.err.count("in the store already") == 2
    assert here.files() == before
