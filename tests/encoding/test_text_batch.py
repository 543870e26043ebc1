"""Collation of texts: padding, counts, and the shares of several processes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hxbench.encoding.text_batch import IGNORED, MIXED, collate_text

sizes = st.lists(st.tuples(st.integers(1, 20), st.integers(1, 5), st.integers(0, 3)), min_size=1, max_size=9)


def examples(sizes):
    rng = np.random.default_rng(0)
    sources = [rng.integers(2, 50, n).astype(np.int32) for n, _, _ in sizes]
    targets = [rng.integers(2, 50, n).astype(np.int32) for _, n, _ in sizes]
    return sources, targets, [task for _, _, task in sizes]


@given(sizes)
def test_a_batch_holds_its_rows_and_nothing_else(sizes):
    sources, targets, tasks = examples(sizes)
    batch = collate_text(sources, targets, tasks, padding=0)
    length = batch.input_ids.shape[1]
    assert length % 8 == 0
    assert length - 8 < max(map(len, sources)) <= length
    assert batch.targets.shape == (len(sizes), max(map(len, targets)))
    for i, (source, target) in enumerate(zip(sources, targets, strict=True)):
        assert batch.input_ids[i].tolist() == source.tolist() + [0] * (length - len(source))
        assert batch.attention_mask[i].tolist() == [1] * len(source) + [0] * (length - len(source))
        assert batch.targets[i].tolist() == target.tolist() + [IGNORED] * (batch.targets.shape[1] - len(target))
    assert batch.tasks.tolist() == tasks
    assert (batch.count, batch.rows) == (sum(map(len, targets)), len(sizes))
    assert batch.pieces == sum(map(len, sources)) + sum(map(len, targets))
    assert {t.dtype for t in (batch.input_ids, batch.targets, batch.tasks)} == {torch.int64}


@given(sizes, st.integers(2, 12))
def test_the_shares_of_all_processes_are_the_whole_batch(sizes, world):
    sources, targets, tasks = examples(sizes)
    whole = collate_text(sources, targets, tasks, padding=0)
    shares = [collate_text(sources, targets, tasks, padding=0, share=(rank, world)) for rank in range(world)]
    for rank, share in enumerate(shares):
        assert (share.count, share.rows, share.pieces) == (whole.count, whole.rows, whole.pieces)
        assert len(share.input_ids) == len(share.tasks) == max(1, len(range(rank, len(sizes), world)))
        if rank < len(sizes):
            for name in ("input_ids", "attention_mask", "targets", "tasks"):
                assert torch.equal(getattr(share, name), getattr(whole, name)[rank::world])
        else:
            assert (share.targets == IGNORED).all(), "a row that only goes along"
            assert share.attention_mask.any(), "and has something to read"
    assert sum(int((share.targets != IGNORED).sum()) for share in shares) == whole.count


def test_names_and_devices():
    sources, targets, tasks = examples([(3, 2, 1)])
    batch = collate_text(sources, targets, tasks, padding=0)
    assert (batch.task, batch.language) == (MIXED, "en")
    moved = collate_text(sources, targets, tasks, padding=0, task="rte", language="en").to(torch.device("meta"))
    assert moved.task == "rte"
    assert {t.device.type for t in (moved.input_ids, moved.attention_mask, moved.targets, moved.tasks)} == {"meta"}


def test_the_padding_is_what_is_asked_for():
    sources, targets, tasks = examples([(3, 2, 0)])
    batch = collate_text(sources, targets, tasks, padding=7)
    assert batch.input_ids[0, 3:].tolist() == [7] * 5
    with pytest.raises(ValueError, match="max"):
        collate_text([], [], [], padding=0)
