"""Collation: padding, positions, and the shares of several processes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hxbench.encoding.batch import CPU_TOKENS, by_tokens, collate, longest_first, padded_length
from hxbench.encoding.vocabulary import Vocabulary

VOCABULARY = Vocabulary(size=50, pad=0, mask=4, special=(0, 1, 2, 3, 4))

sizes = st.lists(st.integers(1, 20), min_size=1, max_size=9)


def rows_of(sizes, seed=0):
    rng = np.random.default_rng(seed)
    pieces = [np.concatenate([[2], rng.integers(5, 50, n), [3]]).astype(np.int32) for n in sizes]
    labels = []
    for row in pieces:
        one = rng.integers(0, 7, len(row)).astype(np.int16)
        one[rng.random(len(row)) < 0.4] = -100
        one[[0, -1]] = -100
        one[1] = 1
        labels.append(one)
    return pieces, labels


@given(sizes)
def test_a_batch_holds_its_rows_and_nothing_else(sizes):
    pieces, labels = rows_of(sizes)
    batch = collate("pos", "en", pieces, labels, VOCABULARY)
    rows, length = batch.input_ids.shape
    assert rows == len(pieces)
    assert length == padded_length(max(map(len, pieces)))
    flat = batch.input_ids.flatten()
    targets = iter(batch.targets.tolist())
    positions = iter(batch.positions.tolist())
    for i, (row, one) in enumerate(zip(pieces, labels, strict=True)):
        assert batch.input_ids[i, : len(row)].tolist() == row.tolist()
        assert (batch.input_ids[i, len(row) :] == VOCABULARY.pad).all()
        assert batch.attention_mask[i].tolist() == [1] * len(row) + [0] * (length - len(row))
        for column, label in enumerate(one):
            if label != -100:
                assert next(targets) == label
                where = next(positions)
                assert where == i * length + column
                assert flat[where] == row[column]
    assert next(targets, None) is next(positions, None) is None
    assert batch.count == len(batch.targets)
    assert batch.pieces == sum(map(len, pieces))
    assert {batch.input_ids.dtype, batch.targets.dtype, batch.positions.dtype} == {torch.int64}


def test_lengths_are_padded_to_a_multiple_of_eight():
    assert [padded_length(n) for n in (1, 7, 8, 9, 16, 17, 256)] == [8, 8, 8, 16, 16, 24, 256]


@given(sizes, st.integers(2, 12), st.booleans())
def test_the_shares_of_all_processes_are_the_whole_batch(sizes, world, masked):
    pieces, labels = rows_of(sizes)

    def share(rank, of):
        rng = np.random.default_rng(7) if masked else None
        return collate("t", "en", pieces, None if masked else labels, VOCABULARY, rng=rng, share=(rank, of))

    whole = share(0, 1)
    parts = [share(rank, world) for rank in range(world)]
    length = whole.input_ids.shape[1]
    assert {part.count for part in parts} == {whole.count}, "the mean is over the global batch"
    assert {part.input_ids.shape[1] for part in parts} == {length}, "the same shape everywhere"
    assert sum(len(part.targets) for part in parts) == whole.count
    found = {}
    for rank, part in enumerate(parts):
        if rank >= len(pieces):
            assert len(part.targets) == 0
            continue
        for i, row in enumerate(part.input_ids):
            assert row.tolist() == whole.input_ids[rank + i * world].tolist()
            assert part.attention_mask[i].tolist() == whole.attention_mask[rank + i * world].tolist()
        for position, target in zip(part.positions.tolist(), part.targets.tolist(), strict=True):
            found[(rank + position // length * world) * length + position % length] = target
    assert found == dict(zip(whole.positions.tolist(), whole.targets.tolist(), strict=True))


def test_masks_come_from_the_generator_that_is_given():
    pieces, _ = rows_of([20] * 6)
    one, two, other = (
        collate("mlm", "en", pieces, None, VOCABULARY, rng=np.random.default_rng(s)) for s in (1, 1, 2)
    )
    assert torch.equal(one.input_ids, two.input_ids)
    assert torch.equal(one.targets, two.targets)
    assert not torch.equal(one.input_ids, other.input_ids)
    half = collate("mlm", "en", pieces, None, VOCABULARY, rng=np.random.default_rng(1), masking=0.5)
    assert half.count > 2 * one.count


def test_text_without_a_generator_is_a_mistake():
    with pytest.raises(AssertionError):
        collate("mlm", "en", rows_of([3])[0], None, VOCABULARY)


@given(st.lists(st.integers(0, 600), max_size=60), st.integers(1, 100), st.sampled_from(["cpu", "meta"]))
def test_batches_by_tokens_hold_every_row_once_and_as_many_as_fit(lengths, rows, kind):
    lengths = np.array(lengths, dtype=np.int32)
    budget = rows * padded_length(max([1, *lengths]))
    if kind == "cpu":
        budget = min(budget, CPU_TOKENS)
    batches = list(by_tokens(lengths, rows, torch.device(kind)))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    in_order = [length for batch in batches for length in lengths[batch]]
    assert in_order == sorted(lengths, reverse=True)
    for batch in batches:
        longest = padded_length(max(1, lengths[batch].max()))
        assert len(batch) == 1 or len(batch) * longest <= budget
    for batch in batches[:-1]:
        longest = padded_length(max(1, lengths[batch].max()))
        assert (len(batch) + 1) * longest > budget, "one more would have fitted"


def test_batches_of_a_number_of_rows():
    batches = longest_first(np.array([3, 9, 1, 9, 30]), lambda length: 3 if length < 32 else 1)
    assert [batch.tolist() for batch in batches] == [[4], [1, 3, 0], [2]]
    assert list(longest_first(np.zeros(0, np.int32), lambda length: 4)) == []
