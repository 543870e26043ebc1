"""Rows reads what plain indexing of the data set reads, however the table is cut."""

import numpy as np
import pyarrow
import pytest
from datasets import Dataset, concatenate_datasets
from hypothesis import given
from hypothesis import strategies as st

from hxbench.tasks.encoding.rows import Rows, occurring

examples = st.lists(st.lists(st.integers(0, 99), max_size=6), min_size=1, max_size=12)


def dataset_of(chunks):
    table = pyarrow.table(
        {
            "input_ids": pyarrow.chunked_array(
                [pyarrow.array(c, pyarrow.list_(pyarrow.int32())) for c in chunks], pyarrow.list_(pyarrow.int32())
            ),
            "labels": pyarrow.chunked_array(
                [pyarrow.array([[x + 1 for x in r] for r in c], pyarrow.list_(pyarrow.int16())) for c in chunks],
                pyarrow.list_(pyarrow.int16()),
            ),
        }
    )
    return Dataset(table)


def same(dataset, rows):
    plain = dataset["input_ids"][:]
    assert len(rows) == len(plain)
    assert rows.lengths.tolist() == [len(r) for r in plain]
    order = np.random.default_rng(0).permutation(len(plain))
    for column in ("input_ids", "labels"):
        expected = dataset[column][:]
        assert [r.tolist() for r in rows.take(column, order)] == [expected[i] for i in order]


@given(st.lists(examples, min_size=1, max_size=4))
def test_several_chunks(chunks):
    dataset = dataset_of(chunks)
    same(dataset, Rows(dataset))


@given(st.lists(examples, min_size=1, max_size=4), st.data())
def test_occurring_pieces_are_those_of_the_rows(chunks, data):
    dataset = dataset_of(chunks)
    plain = dataset["input_ids"][:]
    rows = Rows(dataset)
    assert occurring([rows]).tolist() == sorted({piece for row in plain for piece in row})
    some = data.draw(st.lists(st.integers(0, len(plain) - 1), max_size=3))
    picked = rows.only(np.array(some, np.int64))
    assert occurring([picked]).tolist() == sorted({piece for i in some for piece in plain[i]})
    first = Rows(dataset.take(1))  # a slice of the table: what lies behind it does not occur
    assert occurring([first]).tolist() == sorted(set(plain[0]))
    assert occurring([first, picked]).tolist() == sorted({piece for i in [0, *some] for piece in plain[i]})
    assert occurring([]).tolist() == []


@given(st.lists(examples, min_size=1, max_size=4), st.data())
def test_slices_without_a_copy(chunks, data):
    dataset = dataset_of(chunks)
    start = data.draw(st.integers(0, len(dataset) - 1))
    end = data.draw(st.integers(start + 1, len(dataset)))
    part = dataset.select(range(start, end))
    same(part, Rows(part))


def test_parts_put_together():
    one = dataset_of([[[1, 2], [3]], [[4]]])
    both = concatenate_datasets([one.select(range(1, 3)), one, one.select(range(1))])
    same(both, Rows(both))
    assert len(both) == 6


def test_a_shuffled_data_set_is_refused():
    # its table is in the old order, so that reading it directly would give other rows than the data set has
    with pytest.raises(ValueError, match="order"):
        Rows(dataset_of([[[1], [2], [3]]]).select([2, 0]))


def test_reading_from_disk_copies_nothing(tmp_path):
    path = tmp_path / "x.arrow"
    dataset_of([[[1, 2, 3]], [[4, 5]]]).map(lambda r: r, cache_file_name=str(path), load_from_cache_file=False)
    rows = Rows(Dataset.from_file(str(path)))
    assert rows.columns == ["input_ids", "labels"]
    (row,) = rows.take("input_ids", np.array([1]))
    assert row.base is not None
    assert not row.flags.owndata
    assert row.tolist() == [4, 5]
