"""Span corruption: the text can be put together again from input and target, at T5's rates, for any text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hxbench.tasks.encoding.corruption import Corruption, collate_corrupted, corrupt, spans

SENTINELS = np.arange(999, 967, -1)
CORRUPTION = Corruption(SENTINELS, end=1, padding=0)


def texts(lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(3, 900, n) for n in lengths]


def restored(source, target):
    """Put a text together again, piece by piece: the slow and obvious inverse."""
    spans_by_sentinel, current = {}, None
    assert target[-1] == 1
    for piece in target[:-1]:
        if piece in SENTINELS:
            current = piece
            spans_by_sentinel[current] = []
        else:
            spans_by_sentinel[current].append(piece)
    closing = current
    assert spans_by_sentinel.pop(closing) == [], "behind the closing sentinel stands nothing"
    assert source[-1] == 1
    text, used = [], []
    for piece in source[:-1]:
        if piece in SENTINELS:
            used.append(piece)
            text += spans_by_sentinel[piece]
        else:
            text.append(piece)
    assert [*used, closing] == list(SENTINELS[: len(used) + 1]), "each once, in their order, in both"
    assert list(spans_by_sentinel) == used
    assert all(spans_by_sentinel.values()), "no span is empty"
    return text


@given(
    st.lists(st.integers(1, 70), min_size=1, max_size=6),
    st.floats(0.01, 0.95),
    st.floats(1, 8),
    st.integers(0, 1000),
)
def test_nothing_is_lost(lengths, rate, mean_span, seed):
    rows = texts(lengths, seed)
    corruption = Corruption(SENTINELS, 1, 0, rate, mean_span)
    inputs, targets = corrupt(rows, corruption, np.random.default_rng(seed))
    for row, source, target in zip(rows, inputs, targets, strict=True):
        assert restored(source, target) == row.tolist()
        assert len(source) <= len(row) + 1, "never longer than the text with its end mark"


def test_rates_are_those_of_t5():
    lengths = np.full(300, 100)
    taken, first = spans(lengths, CORRUPTION, np.random.default_rng(1))
    assert (taken.sum(1) == 15).all()
    assert (first.sum(1) == 5).all()
    assert not (first & ~taken).any()
    # spans never touch: before each starts a piece that is kept
    assert not (first[:, 1:] & taken[:, :-1]).any()
    # sizes differ, every size from 1 to 11 can be
    sizes = [
        len(run) for row in taken for run in "".join("x " if not t else "t" for t in row).replace("x", "").split()
    ]
    assert np.mean(sizes) == 3
    assert {1, 2, 3, 4, 5, 6} <= set(sizes)


def test_every_place_is_as_likely():
    taken, _ = spans(np.full(6000, 12), CORRUPTION, np.random.default_rng(2))
    share = taken.mean(0)
    assert taken.sum(1).tolist() == [2] * 6000, "of twelve pieces one span of two"
    # eleven places for it: the pieces at the ends are in one of them, all others in two
    expected = np.array([1, *[2] * 10, 1]) / 11
    np.testing.assert_allclose(share, expected, atol=4 * np.sqrt(0.25 / 6000))


def test_many_ways_to_cut_the_lost_pieces_are_as_likely():
    corruption = Corruption(SENTINELS, 1, 0, rate=0.5, mean_span=2)
    taken, first = spans(np.full(4000, 8), corruption, np.random.default_rng(3))
    assert (first.sum(1) == 2).all()
    second = np.array([np.flatnonzero(row)[1] for row in first])
    sizes = np.array([row[:start].sum() for row, start in zip(taken, second, strict=True)])
    shares = np.bincount(sizes, minlength=4)[1:] / 4000
    np.testing.assert_allclose(shares, 1 / 3, atol=4 * np.sqrt(0.25 / 4000))


@pytest.mark.parametrize(("length", "lost"), [(1, 1), (2, 1), (3, 1), (10, 2), (33, 5)])
def test_short_texts_lose_at_least_one_piece(length, lost):
    taken, first = spans(np.array([length, 40]), CORRUPTION, np.random.default_rng(4))
    assert taken[0].sum() == lost
    assert first[0].any()
    assert not taken[0, length:].any(), "nothing behind the end"


def test_there_are_never_more_spans_than_sentinels():
    few = Corruption(SENTINELS[:3], 1, 0, rate=0.5, mean_span=1)
    _, first = spans(np.array([60]), few, np.random.default_rng(5))
    assert first.sum() == 2, "one is left to close the target"


def test_it_is_a_function_of_the_generator():
    rows = texts([30, 20, 5])
    one, two, three = (corrupt(rows, CORRUPTION, np.random.default_rng(s)) for s in (6, 6, 7))
    flat = lambda made: [row.tolist() for side in made for row in side]  # noqa: E731
    assert flat(one) == flat(two)
    assert flat(one) != flat(three)
    assert [row.tolist() for row in rows] == [row.tolist() for row in texts([30, 20, 5])], (
        "the texts are left alone"
    )


def test_a_batch_is_padded_and_shared_out():
    rows = texts([30, 9, 21, 14, 2])
    make = lambda share: collate_corrupted(  # noqa: E731
        rows, CORRUPTION, np.random.default_rng(8), task="mlm", language="en", share=share
    )
    whole, halves = make((0, 1)), [make((rank, 2)) for rank in range(2)]
    assert whole.input_ids.shape[1] % 8 == 0
    assert (whole.task, whole.language) == ("mlm", "en")
    inputs, targets = corrupt(rows, CORRUPTION, np.random.default_rng(8))
    for i, (source, target) in enumerate(zip(inputs, targets, strict=True)):
        half = halves[i % 2]
        for batch, row in ((whole, i), (half, i // 2)):
            assert batch.input_ids[row][batch.attention_mask[row] == 1].tolist() == source.tolist()
            assert batch.targets[row][batch.targets[row] != -100].tolist() == target.tolist()
    assert whole.count == sum(map(len, targets)) == halves[0].count == halves[1].count
