"""Whether the runs of a table came out as in another store."""

import pytest
from filled_store import COSTS, write_run

from hxbench.report.registry import find_artifact, read_results
from hxbench.report.reproduced import reproduced
from hxbench.spec import recipe
from hxbench.store import Store


@pytest.fixture
def compared(tmp_path):
    def answer(score, there, costs=None):
        stores = Store(tmp_path / "ours"), Store(tmp_path / "theirs")
        for store, value, taken in zip(stores, (score, there), (COSTS, costs or COSTS), strict=True):
            for spec in recipe.expand("hyperx-base", setting="mixed", seeds=(1,)):
                write_run(store, spec, lambda *_, value=value: value, costs=taken)
        return reproduced(find_artifact("hyperx", "2"), read_results("hyperx", stores[0], "demo"), stores[1])

    return answer


def test_times_are_of_the_machine(compared):
    tables, said = compared(50.0, 50.0, COSTS | {"wall_seconds": 1e6})
    assert said.startswith("Reproduced digit for digit: the scores of runs ")
    assert len(tables) == 1


def test_a_score_that_differs_in_no_printed_digit_is_told(compared):
    tables, said = compared(50.0, 50.0 + 1e-9)
    assert said.startswith("Not reproduced digit for digit: ")
    assert tables


def test_damaged_runs_are_left_out_and_named(tmp_path, compared):
    compared(50.0, 50.0)
    stores = Store(tmp_path / "ours"), Store(tmp_path / "theirs")
    one, other = (record.id for record in stores[0].runs())
    (tmp_path / "theirs" / "runs" / one / "metrics.jsonl").write_text("{}")
    damaged = f"left out: run {one}: metrics.jsonl is not the file that its manifest lists"
    table, ours = find_artifact("hyperx", "2"), read_results("hyperx", stores[0], "demo")
    _, said = reproduced(table, ours, stores[1])
    assert said.startswith(f"Reproduced digit for digit: the scores of run {other} are those of")
    assert damaged in said
    assert str(tmp_path / "theirs") in said.partition(damaged)[2]
    (tmp_path / "ours" / "runs" / other / "status.json").unlink()
    tables, said = reproduced(table, read_results("hyperx", stores[0], "demo"), stores[1])
    assert tables == []
    assert damaged in said
    assert f"run {other}: status.json is missing" in said


def test_other_runs_tell_nothing(tmp_path, compared):
    compared(50.0, 50.0)
    ours = read_results("hyperx", Store(tmp_path / "ours"), "demo")
    tables, said = reproduced(find_artifact("hyperx", "2"), ours, Store(tmp_path / "nothing"))
    assert tables == []
    assert said.endswith("so whether it is reproduced here cannot be told.")
