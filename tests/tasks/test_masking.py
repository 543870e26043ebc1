"""Masking: 15 %, of those 80/10/10, never a special token, and a function of the generator alone."""

import numpy as np
import pytest

from hxbench.tasks.encoding.masking import Masking, Vocabulary

VOCABULARY = Vocabulary(size=1000, pad=0, mask=4, special=(0, 1, 2, 3, 4))


def mask_tokens(ids, attention, vocabulary, probability, rng):
    return Masking(vocabulary, probability, rng).apply(ids, attention)


def batch(rows=200, length=100, seed=0):
    rng = np.random.default_rng(seed)
    ids = rng.integers(5, 1000, (rows, length))
    sizes = rng.integers(5, length + 1, rows)
    attention = np.arange(length) < sizes[:, None]
    ids[~attention] = 0
    ids[:, 0] = 2
    ids[np.arange(rows), sizes - 1] = 3
    return ids, attention


def test_rates_are_those_of_bert():
    ids, attention = batch()
    masked, targets = mask_tokens(ids, attention, VOCABULARY, 0.15, np.random.default_rng(1))
    chosen = targets != -100
    candidates = attention & (ids >= 5)
    n = chosen.sum()

    def near(count, of, p):
        assert abs(count / of - p) < 4 * np.sqrt(p * (1 - p) / of)

    near(n, candidates.sum(), 0.15)
    near((masked[chosen] == VOCABULARY.mask).sum(), n, 0.8)
    # a random piece is now and then the same one
    near((masked[chosen] == ids[chosen]).sum(), n, 0.1 + 0.1 / 1000)
    others = (masked[chosen] != ids[chosen]) & (masked[chosen] != VOCABULARY.mask)
    near(others.sum(), n, 0.1)
    assert len(set(masked[chosen][others])) > 50, "random pieces differ"


@pytest.mark.parametrize("probability", [0.15, 0.5, 0.999])
def test_only_real_pieces_are_chosen_and_the_rest_stays(probability):
    ids, attention = batch(20)
    masked, targets = mask_tokens(ids, attention, VOCABULARY, probability, np.random.default_rng(2))
    chosen = targets != -100
    assert chosen.any()
    assert not (chosen & ~attention).any()
    assert not np.isin(ids[chosen], VOCABULARY.special).any()
    np.testing.assert_array_equal(targets[chosen], ids[chosen])
    np.testing.assert_array_equal(masked[~chosen], ids[~chosen])


def test_the_same_generator_gives_the_same_masks():
    ids, attention = batch(20)
    one, two, three = (mask_tokens(ids, attention, VOCABULARY, 0.15, np.random.default_rng(s)) for s in (3, 3, 4))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    assert (one[1] != three[1]).any()


def test_there_is_always_a_target():
    ids = np.array([[2, 7, 3, 0]])
    for seed in range(20):
        _, targets = mask_tokens(ids, ids != 0, VOCABULARY, 0.001, np.random.default_rng(seed))
        assert targets.tolist() == [[-100, 7, -100, -100]]
    only_special = np.array([[2, 3, 0, 0]])
    for seed in range(20):
        _, targets = mask_tokens(only_special, only_special != 0, VOCABULARY, 0.15, np.random.default_rng(seed))
        assert (targets != -100).sum() == 1
        assert (targets[0, 2:] == -100).all(), "never padding"
