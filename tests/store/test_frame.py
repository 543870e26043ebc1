"""The stored rows as one frame: nothing added, nothing lost, and each row knows its run."""

import math
import subprocess
import sys

import pandas
import pytest

from hxbench.errors import InputError
from hxbench.spec import recipe
from hxbench.spec.run_spec import FewShotSpec
from hxbench.store import Store
from hxbench.store.frame import ROW_COLUMNS, RUN_COLUMNS
from hxbench.store.packing import write_pack

WHERE = {"split": "test", "task": "ner", "language": "qab"}
ROWS = [
    {**WHERE, "metric": "f1", "value": 63.25, "role": "target", "step": 10, "sentences": 3, "words": 9},
    {"split": "dev", "task": None, "language": "mean", "metric": "score", "value": 60, "step": 10},
    {"split": "cost", "metric": "wall_seconds", "value": 1.5, "step": 10, "task": None, "language": None},
    {**WHERE, "metric": "accuracy", "value": None},
]  # fmt: skip


def finish(store, spec, rows=ROWS):
    with store.open_run(spec) as run:
        run.write_metrics(rows)
        run.finish(updates=10, label_losses={"ner": {"loss": 1.5, "entropy": 1.5}})
    return spec.run_id


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("frame") / "live")
    plain = recipe.resolve("hyperx-base", setting="mixed", partition="a", seed=2)
    finish(store, plain)
    finish(store, plain.model_copy(update={"few_shot": FewShotSpec(task="ner", language="qab", k=5, draw=1)}))
    finish(store, recipe.resolve("pha", setting="multi", suite="glue", seed=1), ROWS[1:3])
    return store


def test_every_stored_value_is_in_the_frame_once_and_nothing_else(place):
    said = ("split", "task", "language", "metric", "value", "step")
    expected = {(run.id, *(row.get(name) for name in said)) for run in place.runs() for row in run.metrics()}
    frame = place.frame()
    found = [
        tuple(None if pandas.isna(one) else one for one in row)
        for row in frame[["run", *said]].itertuples(index=False)
    ]
    assert len(found) == len(expected)
    assert set(found) == expected


def test_a_row_has_what_identifies_its_run(place):
    frame = place.frame()
    assert [*frame.columns] == [*RUN_COLUMNS, *ROW_COLUMNS]
    assert frame.dtypes.astype(str).to_dict() == RUN_COLUMNS | ROW_COLUMNS
    few = frame[frame.k.notna() & (frame.split == "test") & frame.value.notna()].iloc[0]
    said = {"method": "hyperx-base", "setting": "mixed", "partition": "a", "seed": 2, "profile": "demo",
            "backbone": "sandbox-tiny", "weights": "pretrained", "origin": "sandbox", "paper": "hyperx",
            "variant": "paper", "shot_task": "ner", "shot_language": "qab", "k": 5, "draw": 1,
            "role": "target", "n": 3, "words": 9, "on_plateau": True}  # fmt: skip
    assert {name: few[name] for name in said} == said
    of_suite = frame[frame.method == "pha"]
    assert set(of_suite.suite) == {"glue"}
    assert of_suite.partition.isna().all()
    assert not of_suite.on_plateau.any()


def test_a_packed_store_gives_the_same_frame(place, tmp_path):
    write_pack(place.runs(), tmp_path / "packed")
    pandas.testing.assert_frame_equal(Store(tmp_path / "packed").frame(), place.frame())


def test_of_damaged_runs_there_is_no_row_and_one_sentence(tmp_path):
    store = Store(tmp_path / "live")
    spec = recipe.resolve("hyperx-base", setting="mixed", partition="a", seed=2)
    finish(store, spec, [{**ROWS[0], "value": 1.0, "language": "xx"}])
    assert store.frame().empty
    assert [*store.frame().columns] == [*RUN_COLUMNS, *ROW_COLUMNS]
    assert len(store.problems) == 1
    assert "the language xx is unknown" in store.problems[0]


def test_no_runs_give_an_empty_frame_of_the_same_columns(tmp_path):
    empty = Store(tmp_path / "none").frame()
    assert empty.empty
    assert empty.dtypes.astype(str).to_dict() == RUN_COLUMNS | ROW_COLUMNS
    assert math.isnan(empty.value.mean())


def test_a_store_is_opened_without_pandas_or_pydantic():
    code = "import sys, hxbench.store; sys.exit(bool({'pandas', 'pydantic', 'pyarrow'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_is_written_among_the_runs_of_a_store(tmp_path):
    store = Store(tmp_path / "s")
    (tmp_path / "s" / "runs").mkdir(parents=True)
    for place in ("s/runs/abc/spec.yaml", "s/runs", "s/index.jsonl", "s/../s/runs/x"):
        with pytest.raises(InputError, match="is within the store"):
            store.require_outside(tmp_path / place, "--out")
    for place in ("x.csv", "s/reports/x.csv"):
        assert store.require_outside(tmp_path / place, "--out") == tmp_path / place
