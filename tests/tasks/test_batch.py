"""Collation: padding, positions or sequences, counts, and the shares of several processes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hxbench.tasks.encoding.batch import (
    CPU_TOKENS,
    IGNORED,
    MIXED,
    by_tokens,
    collate,
    longest_first,
    padded_length,
)
from hxbench.tasks.encoding.masking import Masking, Vocabulary

VOCABULARY = Vocabulary(size=50, pad=0, mask=4, special=(0, 1, 2, 3, 4))

sizes = st.lists(st.integers(1, 20), min_size=1, max_size=9)
text_sizes = st.lists(st.tuples(st.integers(1, 20), st.integers(1, 5), st.integers(0, 3)), min_size=1, max_size=9)


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


def texts_of(sizes):
    rng = np.random.default_rng(0)
    sources = [rng.integers(2, 50, n).astype(np.int32) for n, _, _ in sizes]
    targets = [rng.integers(2, 50, n).astype(np.int32) for _, n, _ in sizes]
    return sources, targets, [task for _, _, task in sizes]


def masked(pieces, seed, masking=0.15, **options):
    chance = Masking(VOCABULARY, masking, np.random.default_rng(seed))
    return collate(pieces, chance, padding=VOCABULARY.pad, task="mlm", **options)


@given(sizes)
def test_a_batch_of_tagged_tokens_holds_its_rows_and_nothing_else(sizes):
    pieces, labels = rows_of(sizes)
    batch = collate(pieces, labels, padding=VOCABULARY.pad, task="pos", by_token=True)
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
    assert batch.tokens == sum(map(len, pieces))
    assert (batch.rows, batch.own, batch.tasks.tolist()) == (len(pieces), len(pieces), [0] * len(pieces))
    assert {batch.input_ids.dtype, batch.targets.dtype, batch.positions.dtype} == {torch.int64}


@given(text_sizes)
def test_a_batch_of_texts_holds_its_rows_and_nothing_else(sizes):
    sources, targets, tasks = texts_of(sizes)
    batch = collate(sources, targets, tasks=tasks, padding=0)
    length = batch.input_ids.shape[1]
    assert length % 8 == 0
    assert length - 8 < max(map(len, sources)) <= length
    assert batch.targets.shape == (len(sizes), max(map(len, targets)))
    for i, (source, target) in enumerate(zip(sources, targets, strict=True)):
        assert batch.input_ids[i].tolist() == source.tolist() + [0] * (length - len(source))
        assert batch.attention_mask[i].tolist() == [1] * len(source) + [0] * (length - len(source))
        assert batch.targets[i].tolist() == target.tolist() + [IGNORED] * (batch.targets.shape[1] - len(target))
    assert batch.positions is None
    assert batch.tasks.tolist() == tasks
    assert (batch.count, batch.rows, batch.own) == (sum(map(len, targets)), len(sizes), len(sizes))
    assert batch.tokens == sum(map(len, sources)) + sum(map(len, targets))
    assert {t.dtype for t in (batch.input_ids, batch.targets, batch.tasks)} == {torch.int64}


def test_lengths_are_padded_to_a_multiple_of_eight():
    assert [padded_length(n) for n in (1, 7, 8, 9, 16, 17, 256)] == [8, 8, 8, 16, 16, 24, 256]


@given(sizes, st.integers(2, 12), st.booleans())
def test_the_shares_of_all_processes_are_the_whole_batch_of_tokens(sizes, world, language_modelling):
    pieces, labels = rows_of(sizes)

    def share(rank, of):
        if language_modelling:
            return masked(pieces, 7, share=(rank, of))
        return collate(pieces, labels, padding=VOCABULARY.pad, by_token=True, share=(rank, of))

    whole = share(0, 1)
    parts = [share(rank, world) for rank in range(world)]
    length = whole.input_ids.shape[1]
    assert sum(part.own for part in parts) == len(pieces)
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


@given(text_sizes, st.integers(2, 12))
def test_the_shares_of_all_processes_are_the_whole_batch_of_texts(sizes, world):
    sources, targets, tasks = texts_of(sizes)
    whole = collate(sources, targets, tasks=tasks, padding=0)
    shares = [collate(sources, targets, tasks=tasks, padding=0, share=(rank, world)) for rank in range(world)]
    for rank, share in enumerate(shares):
        assert (share.count, share.rows, share.tokens) == (whole.count, whole.rows, whole.tokens)
        assert share.own == len(range(rank, len(sizes), world))
        assert len(share.input_ids) == len(share.tasks) == max(1, share.own)
        if rank < len(sizes):
            for name in ("input_ids", "attention_mask", "targets", "tasks"):
                assert torch.equal(getattr(share, name), getattr(whole, name)[rank::world])
        else:
            assert (share.targets == IGNORED).all(), "a row that only goes along"
            assert share.attention_mask.any(), "and has something to read"
    assert sum(int((share.targets != IGNORED).sum()) for share in shares) == whole.count


def test_masks_come_from_the_generator_that_is_given():
    pieces, _ = rows_of([20] * 6)
    one, two, other = (masked(pieces, seed) for seed in (1, 1, 2))
    assert torch.equal(one.input_ids, two.input_ids)
    assert torch.equal(one.targets, two.targets)
    assert not torch.equal(one.input_ids, other.input_ids)
    assert masked(pieces, 1, 0.5).count > 2 * one.count


def test_names_and_devices():
    sources, targets, tasks = texts_of([(3, 2, 1)])
    batch = collate(sources, targets, tasks=tasks, padding=0)
    assert (batch.task, batch.language) == (MIXED, "en")
    for by_token in (False, True):
        labels = sources if by_token else targets
        moved = collate(sources, labels, padding=0, task="rte", language="tr", by_token=by_token).to(
            torch.device("meta")
        )
        assert (moved.task, moved.language) == ("rte", "tr")
        tensors = [value for value in vars(moved).values() if isinstance(value, torch.Tensor)]
        assert len(tensors) == 4 + by_token
        assert {tensor.device.type for tensor in tensors} == {"meta"}


def test_the_padding_is_what_is_asked_for():
    sources, targets, tasks = texts_of([(3, 2, 0)])
    batch = collate(sources, targets, tasks=tasks, padding=7)
    assert batch.input_ids[0, 3:].tolist() == [7] * 5
    with pytest.raises(ValueError, match="max"):
        collate([], [], padding=0)


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
