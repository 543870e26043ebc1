"""The batches of a training: the rows that the sampler says, by task, shared among processes."""

import numpy as np
import pytest
import torch
from datasets import Dataset

from hxbench.data.feed import Feed
from hxbench.data.sampling import ConcatenatedSampler, Sampler, Stream
from hxbench.spec.settings import Pair
from hxbench.tasks.encoding.batch import IGNORED
from hxbench.tasks.encoding.masking import Vocabulary
from hxbench.tasks.encoding.rows import Rows

TASKS = ("rte", "cola", "mnli")
SIZES = {"mnli": 11, "rte": 5, "cola": 8}  # streams in an order other than the tasks'
END = 1
VOCABULARY = Vocabulary(size=400, pad=0, mask=4, special=(0, 1, 2, 3, 4))


@pytest.fixture(scope="module")
def rows():
    """Rows whose pieces say task and row: 100 · task + row, then as many fillers as the row's number."""
    found = {}
    for task, size in SIZES.items():
        marks = [100 * (1 + TASKS.index(task)) + row for row in range(size)]
        sources = [[mark, *[9] * (row % 4), END] for row, mark in enumerate(marks)]
        found[Pair(task, "en")] = Rows(
            Dataset.from_dict({"input_ids": sources, "labels": [[m, END] for m in marks]})
        )
    return found


def streams(rows):
    return [Stream(*pair, one.lengths) for pair, one in rows.items()]


def feed_of(rows, kind, **options):
    one = {"batch_size": 6, "updates": 30, "seed": 3}
    sampler = (
        ConcatenatedSampler(streams(rows), **one) if kind == "concatenated" else Sampler(streams(rows), **one)
    )
    return Feed(sampler, rows, TASKS, VOCABULARY, device=torch.device("cpu"), **options)


def marks(batch):
    return batch.input_ids[:, 0].tolist()


@pytest.mark.parametrize("kind", ["concatenated", "homogeneous"])
def test_sources_targets_and_tasks_belong_together(rows, kind):
    feed = feed_of(rows, kind)
    for step in range(30):
        batch = feed(step)
        assert batch.targets[:, 0].tolist() == marks(batch)
        assert [mark // 100 - 1 for mark in marks(batch)] == batch.tasks.tolist()
        lengths = [2 + mark % 100 % 4 for mark in marks(batch)]
        assert batch.attention_mask.sum(1).tolist() == lengths
        assert batch.tokens == sum(lengths) + 2 * len(lengths)
        present = {TASKS[place] for place in batch.tasks.tolist()}
        assert batch.task == (present.pop() if len(present) == 1 else "mixed")
        assert batch.language == "en"


def test_a_pass_put_together_has_every_example_once(rows):
    feed = feed_of(rows, "concatenated")
    everything = [mark for step in range(4) for mark in marks(feed(step))]
    expected = [100 * (1 + TASKS.index(task)) + row for task, size in SIZES.items() for row in range(size)]
    assert sorted(everything) == sorted(expected)
    assert feed(0).task == "mixed"


def test_rows_stand_in_the_order_of_the_sampler(rows):
    feed = feed_of(rows, "concatenated")
    order = [100 * (1 + TASKS.index(task)) for task in SIZES]
    for step in range(10):
        place, row = feed.sampler.batch(step)
        assert marks(feed(step)) == [order[p] + r for p, r in zip(place, row, strict=True)]
    feed = feed_of(rows, "homogeneous")
    for step in range(10):
        stream, row = feed.sampler.batch(step)
        assert marks(feed(step)) == [100 * (1 + TASKS.index(stream.task)) + r for r in row]


def test_homogeneous_batches_are_called_by_their_task(rows):
    feed = feed_of(rows, "homogeneous")
    names = {feed(step).task for step in range(30)}
    assert names == set(TASKS)


def test_one_task_alone_is_not_mixed(rows):
    pair = Pair("cola", "en")
    sampler = ConcatenatedSampler([Stream(*pair, rows[pair].lengths)], batch_size=3, updates=9, seed=0)
    feed = Feed(sampler, {pair: rows[pair]}, TASKS, VOCABULARY, device=torch.device("cpu"))
    assert feed(0).task == "cola"
    assert set(feed(0).tasks.tolist()) == {1}


@pytest.mark.parametrize("kind", ["concatenated", "homogeneous"])
def test_processes_share_the_same_batch(rows, kind):
    whole = feed_of(rows, kind)
    parts = [feed_of(rows, kind, share=(rank, 4)) for rank in range(4)]
    for step in (7, 3, 21):
        batch = whole(step)
        shares = [part(step) for part in parts]
        assert {(share.count, share.rows, share.tokens, share.task) for share in shares} == {
            (batch.count, batch.rows, batch.tokens, batch.task)
        }
        real = [
            mark
            for share in shares
            for mark, t in zip(marks(share), share.targets, strict=True)
            if t[0] != IGNORED
        ]
        assert sorted(real) == sorted(marks(batch))
        assert np.array_equal(marks(shares[1]), marks(batch)[1::4])


# --- words with tags beside raw text ------------------------------------------------------------------------

WORDS = ("ner", "pos", "mlm")


@pytest.fixture(scope="module")
def tagged():
    """Rows of tagged words and of text, whose pieces say where they are from; a tag is its piece's last digit."""
    found = {}
    for place, (task, language) in enumerate([("pos", "ar"), ("ner", "ar"), ("pos", "tr"), ("mlm", "tr")]):
        pieces = [[2, *range(100 * (1 + place), 100 * (1 + place) + 5 + row), 3] for row in range(6)]
        columns = {"input_ids": pieces}
        if task != "mlm":
            columns["labels"] = [[-100, *(one % 10 for one in row[1:-1]), -100] for row in pieces]
        found[Pair(task, language)] = Rows(Dataset.from_dict(columns))
    return found


def tagging_feed(rows, **options):
    sampler = Sampler([Stream(*pair, one.lengths) for pair, one in rows.items()], batch_size=4, updates=40, seed=3)
    return Feed(sampler, rows, WORDS, VOCABULARY, device=torch.device("cpu"), **options)


def test_tags_stand_at_their_tokens_and_text_is_masked(tagged):
    feed, seen = tagging_feed(tagged), set()
    for step in range(40):
        batch = feed(step)
        seen.add((batch.task, batch.language))
        pair = list(tagged).index(Pair(batch.task, batch.language))
        assert set(batch.tasks.tolist()) == {WORDS.index(batch.task)}
        at_targets = batch.input_ids.flatten()[batch.positions]
        if batch.task == "mlm":
            assert (batch.targets // 100 == 1 + pair).all(), "what was taken out"
            assert (at_targets == VOCABULARY.mask).any() or len(at_targets) < 5
        else:
            assert (at_targets // 100 == 1 + pair).all()
            assert torch.equal(batch.targets, at_targets % 10)
            assert batch.count == int(batch.attention_mask.sum()) - 2 * len(batch.input_ids)
    assert seen == {tuple(pair) for pair in tagged}


def test_masks_are_a_function_of_the_step_whatever_the_share(tagged):
    whole, parts = tagging_feed(tagged), [tagging_feed(tagged, share=(rank, 3)) for rank in range(3)]
    steps = [step for step in range(40) if whole(step).task == "mlm"]
    assert len(steps) > 1
    assert not torch.equal(whole(steps[0]).targets, whole(steps[1]).targets)
    for step in steps:
        batch = whole(step)
        assert torch.equal(whole(step).input_ids, batch.input_ids)
        for rank, part in enumerate(parts):
            own = part(step)
            assert torch.equal(own.input_ids[: own.own], batch.input_ids[rank::3])
        assert sum(len(part(step).targets) for part in parts) == batch.count


def test_a_batch_is_padded_to_the_multiple_that_is_asked_for(rows):
    lengths = {1: set(), 4: set(), 8: set()}
    for multiple, seen in lengths.items():
        feed = feed_of(rows, "homogeneous", multiple=multiple)
        for step in range(30):
            batch = feed(step)
            longest = int(batch.attention_mask.sum(1).max())
            assert batch.input_ids.shape[1] == -(-longest // multiple) * multiple
            seen.add(batch.input_ids.shape[1])
    assert min(lengths[1]) < min(lengths[4])
    assert lengths[8] == {8}
