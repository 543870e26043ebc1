"""The sampler: batch t is a pure function of (seed, t), homogeneous, and fair to every example."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hxbench.data.sampling import (
    BUCKET,
    ConcatenatedSampler,
    Sampler,
    Stream,
    batches_a_pass,
    pass_batches,
    probabilities,
)

lengths = st.lists(st.integers(1, 40), min_size=1, max_size=60).map(np.array)
worlds = st.lists(lengths, min_size=1, max_size=5)


def sampler_of(world, *, batch_size=4, updates=40, seed=1, **others):
    streams = [Stream("pos", f"l{i}", one) for i, one in enumerate(world)]
    return Sampler(streams, batch_size=batch_size, updates=updates, seed=seed, **others)


def asked(sampler, steps):
    return [(stream.language, rows.tolist()) for stream, rows in map(sampler.batch, steps)]


def passes(sampler, updates):
    """The batches of every stream, cut into its passes."""
    given_by = {}
    for language, rows in asked(sampler, range(updates)):
        given_by.setdefault(language, []).append(rows)
    return {
        language: [batches[i : i + n] for i in range(0, len(batches), n)]
        for language, batches in given_by.items()
        for n in [sampler.batch_counts[int(language[1:])]]
    }


@given(worlds, st.integers(1, 9), st.integers(0, 2**32 - 1), st.sampled_from(["independent", "quota"]))
def test_every_example_comes_exactly_once_a_pass(world, batch_size, seed, draw):
    sampler = sampler_of(world, batch_size=batch_size, updates=150, seed=seed, draw=draw)
    seen = passes(sampler, 150)
    assert sum(len(one) for all_of_it in seen.values() for one in all_of_it) == 150
    complete = 0
    for language, all_of_it in seen.items():
        size = len(world[int(language[1:])])
        for one in all_of_it:
            rows = [row for batch in one for row in batch]
            assert len(rows) == len(set(rows))
            assert set(rows) <= set(range(size))
            if len(one) == math.ceil(size / batch_size):
                complete += 1
                assert sorted(rows) == list(range(size))
    # 150 draws over at most 5 streams of at most 60 batches: the pigeonhole gives no pass only if all are long
    assert complete or sum(sampler.batch_counts) > 90


@given(worlds, st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_batches_do_not_depend_on_the_order_of_asking(world, seed, random):
    steps = list(range(40))
    in_order = asked(sampler_of(world, seed=seed), steps)
    random.shuffle(steps)
    shuffled = dict(zip(steps, asked(sampler_of(world, seed=seed), steps), strict=True))
    assert [shuffled[step] for step in range(40)] == in_order


@given(worlds, st.integers(0, 2**32 - 1), st.integers(0, 39), st.sampled_from(["independent", "quota"]))
def test_a_restart_anywhere_goes_on_the_same(world, seed, step, draw):
    whole = asked(sampler_of(world, seed=seed, draw=draw), range(40))
    assert asked(sampler_of(world, seed=seed, draw=draw), range(step, 40)) == whole[step:]
    assert sampler_of(world, seed=seed).rng(step).integers(1 << 60) == sampler_of([np.ones(1)], seed=seed).rng(
        step
    ).integers(1 << 60), "a step's own chance depends on seed and step alone"


def test_seed_and_step_matter():
    world = [np.arange(1, 60), np.arange(1, 30)]
    runs = [asked(sampler_of(world, seed=seed), range(40)) for seed in range(5)]
    assert all(runs[0] != run for run in runs[1:])
    sampler = sampler_of(world)
    assert len({sampler.rng(step).integers(1 << 60) for step in range(50)}) == 50
    first, second = next(p[:2] for p in passes(sampler_of(world, updates=300), 300).values() if len(p) > 1)
    assert first != second, "every pass has an order of its own"


def test_the_order_within_a_stream_does_not_depend_on_the_others():
    own = {}
    for language, rows in asked(sampler_of([np.arange(1, 60)], updates=15), range(15)):
        own.setdefault(language, []).append(rows)
    among = {}
    for language, rows in asked(sampler_of([np.arange(1, 60), np.arange(1, 90)], updates=60), range(60)):
        among.setdefault(language, []).append(rows)
    n = min(len(own["l0"]), len(among["l0"]))
    assert n > 10
    assert own["l0"][:n] == among["l0"][:n]


@given(worlds, st.integers(0, 2**32 - 1))
def test_batches_are_homogeneous_and_of_the_asked_size(world, seed):
    sampler = sampler_of(world, seed=seed)
    for step in range(40):
        stream, rows = sampler.batch(step)
        assert stream in sampler.streams
        assert 1 <= len(rows) <= 4
        assert rows.max() < len(stream.lengths)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0, 100.0])
def test_probabilities_follow_the_formula(temperature):
    counts = [1, 10, 625, 3125]
    slow = [(n / sum(counts)) ** (1 / temperature) for n in counts]
    np.testing.assert_allclose(probabilities(counts, temperature), [s / sum(slow) for s in slow], rtol=1e-12)


def test_temperature_one_is_proportional_and_large_is_uniform():
    np.testing.assert_allclose(probabilities([1, 3], 1.0), [0.25, 0.75])
    np.testing.assert_allclose(probabilities([1, 3000], 1e9), [0.5, 0.5], atol=1e-6)


def test_streams_are_drawn_with_their_probabilities():
    world = [np.ones(40), np.ones(4000), np.ones(400)]
    sampler = sampler_of(world, updates=20_000)
    found = Counter(sampler._schedule[0].tolist())
    for stream, p in enumerate(probabilities([10, 1000, 100], 5.0)):
        # four standard deviations of a binomial draw; the seed is fixed, so this is no matter of luck
        assert abs(found[stream] / 20_000 - p) < 4 * math.sqrt(p * (1 - p) / 20_000)


def test_the_quota_draw_gives_each_stream_its_share_of_every_pass():
    world = [np.ones(40), np.ones(400), np.ones(80)]
    sampler = sampler_of(world, updates=1000, draw="quota")
    total = sum(sampler.batch_counts)
    assert total == 130
    quota = [math.floor(p * total) for p in sampler.probabilities]
    orders = []
    for start in range(0, 1000 - total + 1, total):
        drawn = sampler._schedule[0][start : start + total].tolist()
        orders.append(drawn)
        found = Counter(drawn)
        assert all(found[i] >= q for i, q in enumerate(quota))
        assert sum(found.values()) - sum(quota) < len(world), "the shortfall is less than one batch a stream"
    assert len(orders) == 7
    assert orders[0] != orders[1]


def test_a_quota_draw_in_which_nobody_reaches_one_batch():
    sampler = sampler_of([np.ones(1)] * 3, batch_size=4, updates=30, draw="quota", temperature=5.0)
    assert set(sampler._schedule[0].tolist()) == {0, 1, 2}


@given(lengths, st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_the_first_pass_opens_with_its_most_expensive_batch(one, batch_size, seed):
    def cost(rows):
        return len(rows) * one[rows].max()

    batches = pass_batches(one, batch_size, np.random.default_rng(seed), longest_first=True)
    assert cost(batches[0]) == max(map(cost, batches))
    sampler = sampler_of([one], batch_size=batch_size, seed=seed)
    assert cost(sampler.batch(0)[1]) == max(cost(sampler.batch(t)[1]) for t in range(sampler.batch_counts[0]))


def test_later_passes_are_not_sorted():
    one = np.arange(1, 400)
    sampler = sampler_of([one], updates=100 * 6)
    openings = [one[sampler.batch(100 * n)[1]].max() for n in range(6)]
    assert openings[0] == 399
    assert len(set(openings)) > 1


def test_buckets_keep_padding_small():
    rng = np.random.default_rng(0)
    one = np.clip(rng.lognormal(3.0, 0.6, 5000).astype(int), 1, 256)  # as sentences are
    real = padded = 0
    for rows in pass_batches(one, 32, rng, longest_first=False):
        real += one[rows].sum()
        padded += len(rows) * one[rows].max()
    assert padded / real < 1.2
    at_random = sum(32 * one[i : i + 32].max() for i in range(0, 5000, 32)) / one.sum()
    assert at_random > 1.8, "otherwise the lengths made it easy"
    assert BUCKET * 32 < 5000


def test_empty_streams_are_refused():
    with pytest.raises(ValueError, match="no empty ones"):
        sampler_of([np.array([], dtype=int)])
    with pytest.raises(ValueError, match="at least one stream"):
        sampler_of([])


def mixed_sampler(world, *, batch_size=4, updates=40, seed=1):
    streams = [Stream(f"t{i}", "en", one) for i, one in enumerate(world)]
    return ConcatenatedSampler(streams, batch_size=batch_size, updates=updates, seed=seed)


def mixed(sampler, steps):
    return [list(zip(*(a.tolist() for a in sampler.batch(step)), strict=True)) for step in steps]


@given(worlds, st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_put_together_every_example_comes_exactly_once_a_pass(world, batch_size, seed):
    sampler = mixed_sampler(world, batch_size=batch_size, seed=seed)
    everything = sorted((place, row) for place, one in enumerate(world) for row in range(len(one)))
    count = batches_a_pass([len(one) for one in world], batch_size)
    assert sampler.batch_count == count == math.ceil(len(everything) / batch_size)
    for number in range(3):
        batches = mixed(sampler, range(number * count, (number + 1) * count))
        assert sorted(example for batch in batches for example in batch) == everything
        assert [len(batch) for batch in batches[:-1]] == [batch_size] * (count - 1)
        assert len(batches[-1]) == (len(everything) - 1) % batch_size + 1, "the last one is short, and never empty"


@given(worlds, st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_put_together_batches_do_not_depend_on_the_order_of_asking(world, seed, random):
    steps = list(range(40))
    in_order = mixed(mixed_sampler(world, seed=seed), steps)
    random.shuffle(steps)
    shuffled = dict(zip(steps, mixed(mixed_sampler(world, seed=seed), steps), strict=True))
    assert [shuffled[step] for step in range(40)] == in_order
    assert mixed(mixed_sampler(world, seed=seed), range(17, 40)) == in_order[17:]


def test_put_together_tasks_come_by_their_sizes_and_share_batches():
    world = [np.ones(80), np.ones(800), np.ones(20)]
    sampler = mixed_sampler(world, batch_size=50)
    halves = Counter(place for batch in mixed(sampler, range(sampler.batch_count // 2)) for place, _ in batch)
    for place, one in enumerate(world):
        p = len(one) / 900
        # without replacement it spreads less than the binomial draw whose four deviations these are
        assert abs(halves[place] / 450 - p) < 4 * math.sqrt(p * (1 - p) / 450)
    kinds = [len({place for place, _ in batch}) for batch in mixed(sampler, range(sampler.batch_count))]
    assert min(kinds) > 1


def test_put_together_seeds_and_passes_differ():
    world = [np.ones(30), np.ones(50)]
    runs = [mixed(mixed_sampler(world, seed=seed), range(20)) for seed in range(4)]
    assert all(runs[0] != run for run in runs[1:])
    assert len({tuple(batch[0]) for batch in mixed(mixed_sampler(world), range(0, 200, 20))}) > 5
    assert mixed_sampler(world).updates == 40


def test_put_together_a_batch_never_repeats_the_few_there_are():
    sampler = mixed_sampler([np.ones(3)], batch_size=128)
    assert [sorted(batch) for batch in mixed(sampler, range(5))] == [[(0, 0), (0, 1), (0, 2)]] * 5
    with pytest.raises(ValueError, match="no empty ones"):
        mixed_sampler([np.ones(3), np.ones(0)])


@pytest.mark.parametrize("draw", ["independent", "quota"])
def test_updates_by_task_are_those_of_the_batches(draw):
    sizes = {("ner", "en"): 90, ("ner", "ar"): 10, ("pos", "en"): 50, ("mlm", "fo"): 300}
    streams = [Stream(task, language, np.full(size, 5)) for (task, language), size in sizes.items()]
    sampler = Sampler(streams, batch_size=8, updates=70, seed=3, draw=draw)
    counted = dict.fromkeys(("ner", "pos", "mlm"), 0)
    for step in range(70):
        counted[sampler.batch(step)[0].task] += 1
    assert sampler.updates_by_task == counted


def test_a_larger_bucket_is_padded_less_and_holds_the_same_examples():
    lengths = np.random.default_rng(0).integers(1, 60, 1000)

    def padded(bucket):
        sampler = sampler_of([lengths], batch_size=10, updates=100, bucket=bucket)
        chosen = [sampler.batch(step)[1] for step in range(100)]
        assert sorted(np.concatenate(chosen)) == list(range(1000))
        return sum(len(rows) * lengths[rows].max() for rows in chosen) / lengths.sum()

    assert padded(1) > 1.5 > padded(5) > padded(20) > padded(100)
    assert padded(100) < 1.01
    assert asked(sampler_of([lengths]), range(40)) == asked(sampler_of([lengths], bucket=BUCKET), range(40))
