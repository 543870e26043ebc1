"""Tables and tensors of a run that others made: refused by name, whatever is in them."""

import io

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from safetensors.numpy import save

from hxbench.store import DamagedRun
from hxbench.store.arrays import counts_in
from hxbench.store.retrieval import retrieval_in

COUNTS = {"task": ["pos"], "language": ["qab"], "correct": [1], "predicted": [2], "gold": [2]}
FACTS = {"tasks": ["rte"], "instances": [{"task": "rte", "n": 2}], "analysis": {"silhouette_z": 0.5}}
TENSORS = {
    "prototypes": np.ones((1, 3), np.float32), "features": np.ones((2, 4), np.float32),
    "z": np.ones((2, 3), np.float32), "task": np.zeros(2, np.int64),
}  # fmt: skip


def table(**changes):
    file = io.BytesIO()
    kinds = {name: pyarrow.int32() for name in ("correct", "predicted", "gold")}
    columns = {
        n: pyarrow.array(v, kinds.get(n) if n not in changes else None) for n, v in (COUNTS | changes).items()
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def test_whole_counts_are_read():
    assert counts_in("r", table()) == {("pos", "qab"): [(1, 2, 2)]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PAR1" * 20,
        table()[:-9],
        table(correct=["one"]),
        table(gold=[2.5]),
        table(task=[None]),
        table(task=[["x"]]),
    ],
)
def test_other_counts_are_refused(content):
    with pytest.raises(DamagedRun, match=r"run r: sentences\.parquet"):
        counts_in("r", content)


def test_a_whole_retrieval_is_read():
    assert retrieval_in("r", FACTS, save(TENSORS))["tasks"] == ["rte"]


@pytest.mark.parametrize(
    ("facts", "tensors"),
    [
        ({"tasks": "rte"}, {}),
        ({"tasks": ["two\nlines"]}, {}),
        ({"instances": [1]}, {}),
        ({"analysis": {"silhouette_z": "high"}}, {}),
        ({"z": [1]}, {"z": np.ones(2, np.float32)}),
        ({}, {"z": np.full((2, 3), np.nan, np.float32)}),
        ({}, {"z": np.ones((3, 3), np.float32)}),
        ({}, {"task": np.array([0, 7])}),
        ({}, {"task": np.zeros(2, np.float32)}),
        ({}, {"prototypes": np.ones((2, 3), np.float32)}),
    ],
)
def test_other_retrievals_are_refused(facts, tensors):
    with pytest.raises(DamagedRun, match="run r: "):
        retrieval_in("r", FACTS | facts, save(TENSORS | tensors))
    with pytest.raises(DamagedRun, match=r"run r: retrieval\.safetensors is not readable"):
        retrieval_in("r", FACTS, save(TENSORS)[:-8])
