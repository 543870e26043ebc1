"""The benchmark that kills workers tells a clean grid from one that is not."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kill_workers.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("kill_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.slow
def test_a_small_grid_is_clean(script, tmp_path):
    told = script.measure(4, 2, 8.0, tmp_path)
    assert script.is_clean(told), told
    assert told["in_the_store"] == 4


def test_a_run_that_is_finished_again_is_noticed(script, tmp_path):
    watch = script.Watch(tmp_path, 1e9, script.random.Random(0))
    status = tmp_path / "abc" / "status.json"
    status.parent.mkdir()
    status.write_text("{}")
    watch.look()
    watch.look()
    assert watch.again == []
    (tmp_path / "new").write_text("{ }")
    (tmp_path / "new").replace(status)
    watch.look()
    assert watch.again == ["abc"]


@pytest.mark.parametrize("name", ["failed", "lost", "finished_twice", "problems", "left_behind"])
def test_what_is_not_clean(script, name):
    told = {key: [] for key in ("failed", "lost", "finished_twice", "problems", "left_behind")}
    told |= {"runs": 2, "done": 2, "in_the_store": 2, "exit_code": 0, "still_to_do": 0}
    assert script.is_clean(told)
    assert not script.is_clean(told | {name: ["x"]})
    assert not script.is_clean(told | {"done": 1})
