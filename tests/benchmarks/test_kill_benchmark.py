"""The benchmark that kills workers tells a clean grid from one that is not."""

import pytest


@pytest.mark.matrix  # of minutes; workers are killed in every run of the suite (tests/runs/scheduler)
def test_a_small_grid_is_clean(kill_workers, tmp_path):
    told = kill_workers.measure(4, 2, 8.0, tmp_path)
    assert kill_workers.is_clean(told), told
    assert told["in_the_store"] == 4


def test_a_run_that_is_finished_again_is_noticed(kill_workers, tmp_path):
    watch = kill_workers.Watch(tmp_path, 1e9, kill_workers.random.Random(0))
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
def test_what_is_not_clean(kill_workers, name):
    told = {key: [] for key in ("failed", "lost", "finished_twice", "problems", "left_behind")}
    told |= {"runs": 2, "done": 2, "in_the_store": 2, "exit_code": 0, "still_to_do": 0}
    assert kill_workers.is_clean(told)
    assert not kill_workers.is_clean(told | {name: ["x"]})
    assert not kill_workers.is_clean(told | {"done": 1})
