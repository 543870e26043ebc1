"""Provenance names code, libraries and machine, and costs no heavy import."""

import subprocess
import sys
from importlib.metadata import version

import hxbench
from hxbench.store import provenance


def test_it_names_what_ran():
    facts = provenance.collect(device="cpu")
    assert facts["hxbench"] == hxbench.__version__
    assert facts["libraries"]["torch"] == version("torch")
    assert facts["python"] == sys.version.split()[0]
    assert facts["device"] == "cpu"
    assert facts["cpus"] >= 1


def test_the_commit_is_that_of_the_checkout(monkeypatch):
    here = str(provenance.Path(provenance.__file__).parents[2])
    said = {"rev-parse": "abc123\n", "status": " M hxbench/spec/recipe.py\n"}

    def run(command, **_):
        assert command[:3] == ["git", "-C", here]
        return subprocess.CompletedProcess(command, 0, said[command[3]], "")

    monkeypatch.setattr(provenance.Path, "exists", lambda self: True)
    monkeypatch.setattr(provenance.subprocess, "run", run)
    assert provenance.collect()["git"] == {"commit": "abc123", "dirty": True}
    said["status"] = ""
    assert provenance.collect()["git"] == {"commit": "abc123", "dirty": False}
    monkeypatch.setattr(provenance.Path, "exists", lambda self: False)
    assert provenance.collect()["git"] is None


def test_importing_the_store_stays_light():
    code = (
        "import sys, hxbench.store, hxbench.store.provenance; "
        "print([m for m in ('torch', 'pandas', 'pyarrow', 'pydantic', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_path_on_the_command_line_is_kept_by_its_name(monkeypatch, tmp_path):
    mirror = tmp_path / "data"
    mirror.mkdir()
    monkeypatch.setattr(sys, "argv", ["/usr/bin/hxbench", "run", "hyperx/all", "--data-source", str(mirror)])
    assert provenance.collect()["command"] == "hxbench run hyperx/all --data-source data"
