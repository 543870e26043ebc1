"""What `hxbench doctor` says of a machine."""

import json

import pytest
from command_line import hxbench

from hxbench import places
from hxbench.runs import doctor
from hxbench.spec import recipe
from hxbench.store import Store


@pytest.fixture
def lines(monkeypatch, tmp_path):
    """Return a function that gives its lines by name; the cache is empty, and nothing may be connected to."""
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("socket.socket.connect", None)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")

    def look(*words, code=0):
        answer = hxbench("doctor", "--json", "--store", tmp_path / "store", *words)
        assert answer.code == code, answer.err
        assert "hf_secret" not in answer.out + answer.err
        found = json.loads(answer.out)
        assert found["usable"] is (code == 0)
        return {one["name"]: one for one in found["findings"]}

    return look


def test_a_usable_machine(lines, tmp_path):
    found = lines()
    for name in (
        "hxbench",
        "Python",
        "torch",
        "peft",
        "extra ray",
        "CPU",
        "GPU",
        "bf16",
        "cache",
        "store",
        "Slurm",
        "Ray",
    ):
        assert found[name]["found"]
    assert "a token is set" in found["hub"]["found"]
    assert "not asked" in found["network"]["found"]
    assert str(tmp_path / "store") in found["store"]["found"]
    assert not (tmp_path / "store").exists()
    answer = hxbench("doctor", "--store", tmp_path / "store")
    assert answer.out.endswith("hxbench can run.\n")
    assert max(map(len, answer.out.splitlines())) <= 80


def test_each_fault_says_what_to_do(lines, tmp_path, monkeypatch):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "runs").write_text("no folder")
    known = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: "" if name in ("peft", "ray") else known(name))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = lines("--network", code=1)
    assert found["peft"] == {"name": "peft", "found": "not installed", "wrong": True, "advice": "pip install peft"}
    assert not found["extra ray"]["wrong"], "what is merely absent is no fault"
    assert "hxbench[ray]" in found["extra ray"]["advice"]
    assert found["store"]["wrong"]
    assert "is a file" in found["store"]["found"]
    assert found["network"]["advice"] == "unset HF_HUB_OFFLINE"


def test_damaged_runs_are_counted_apart(lines, tmp_path):
    store = Store(tmp_path / "store")
    for seed in (1, 2, 3):
        with store.open_run(recipe.resolve("mbert", setting="multi", seed=seed)) as run:
            run.write_metrics([{"split": "cost", "metric": "wall_seconds", "value": 1.0}])
            run.finish()
    assert ", 3 runs, writable" in lines()["store"]["found"]
    one, other, _ = (record.id for record in store.runs())
    (store.root / "runs" / one / "metrics.jsonl").write_text("{}")
    (store.root / "runs" / other / "status.json").unlink()
    found = lines()["store"]
    assert ", 1 runs and 2 damaged, writable" in found["found"]
    assert found["advice"] == f"hxbench runs verify --store {store.root} names the damaged ones"


@pytest.mark.parametrize("place", ["store/runs", "store/runs/below", "link", "n" * 300, "/proc/hxbench"])
def test_a_cache_that_cannot_be_made(tmp_path, monkeypatch, place):
    """A file, what is below one, a link to nothing, a name too long, and a folder that takes nothing."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "runs").write_text("no folder")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / place))
    found = doctor._folder("cache", places.cache_dir, "HXBENCH_CACHE")
    assert found.wrong
    assert "name another with HXBENCH_CACHE" in f"{found.found}; {found.advice}"
