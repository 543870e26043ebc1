import numpy as np
import pytest

from hxbench.data.splits import Portion, choice, chosen_rows, portions
from hxbench.errors import InputError
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks import task_of

# development sets of the releases, and the other one of MNLI
DEV = {
    "cola": 1043, "sst2": 872, "mrpc": 408, "qqp": 40430, "stsb": 1500, "mnli": 9815, "qnli": 5463, "rte": 277,
    "boolq": 3270, "cb": 56, "wic": 638, "wsc": 104, "scitail": 1304,
}  # fmt: skip
MISMATCHED, SCITAIL_TEST = 9832, 2126


def sizes(task, rule, limit=100_000, **options):
    known = task_of(task)
    whole = {"train": known.size, "dev": DEV[task], "mismatched": MISMATCHED, "test": SCITAIL_TEST}
    found = {}
    for split, portion in portions(known, rule, limit).items():
        rows = chosen_rows(portion, whole[portion.part], seed=32, held_out=1000, **options)
        found[split] = whole[portion.part] if rows is None else len(rows)
    return found


# DePT (arXiv:2309.05173), table 9: train, validation, test
PRINTED = {
    "mnli": (392702, 9832, 9815), "qqp": (362846, 1000, 40431), "qnli": (103743, 1000, 5463),
    "sst2": (66349, 1000, 872), "stsb": (5749, 750, 750), "mrpc": (3668, 204, 204), "rte": (2490, 138, 139),
    "cola": (8551, 521, 522), "boolq": (9427, 1635, 1635), "wic": (5428, 319, 319), "wsc": (554, 52, 52),
    "cb": (250, 28, 28), "scitail": (23596, 652, 652),
}  # fmt: skip


def test_sizes_of_table_9():
    found = {task: tuple(sizes(task, "names").values()) for task in DEV}
    assert found.pop("qqp") == (362846, 1000, 40430)  # printed is one more than the development set has
    assert found == {task: row for task, row in PRINTED.items() if task != "qqp"}


def test_rule_of_the_paper():
    assert sizes("sst2", "size") == {"train": 67349, "dev": 436, "test": 436}  # 67k is below 100k
    assert sizes("sst2", "size", 10_000) == {"train": 66349, "dev": 1000, "test": 872}  # Hyperformer's limit
    assert sizes("mnli", "size") == {"train": 391702, "dev": 1000, "test": 9815}
    assert sizes("scitail", "size") == {"train": 23596, "dev": 1304, "test": 2126}  # its own
    assert sizes("rte", "size") == {"train": 2490, "dev": 138, "test": 139}
    assert portions(task_of("mnli"), "size", 100_000)["test"] == Portion("dev")  # matched
    assert portions(task_of("mnli"), "names", 1)["dev"] == Portion("mismatched")
    for rule in ("size", "names"):
        for task in ("xsum", "roen", "enro"):
            assert portions(task_of(task), rule, 100) == {s: Portion(s) for s in ("train", "dev", "test")}


def test_what_pet_scaling_adds():
    own = {split: Portion(split) for split in ("train", "dev", "test")}
    drawn = {"train": Portion("train", "rest"), "dev": Portion("train", "drawn")}
    for rule in ("size", "names"):
        for task in ("rotten", "samsum", "multinews"):
            assert portions(task_of(task), rule, 100_000) == own
        for limit in (100, 100_000):
            assert portions(task_of("imdb"), rule, limit) == {**drawn, "test": Portion("test")}
        assert portions(task_of("nq"), rule, 10_000) == {**drawn, "test": Portion("dev")}
        halved = portions(task_of("nq"), rule, 100_000)
        assert {split: portion.part for split, portion in halved.items()} == {
            "train": "train", "dev": "dev", "test": "dev",
        }  # fmt: skip


def test_the_limit_is_exclusive():
    task = task_of("rte")
    assert portions(task, "size", task.size)["train"].piece == "rest"
    assert portions(task, "size", task.size + 1)["train"].piece == "whole"


@pytest.mark.parametrize("size", [2, 3, 10, 277])
def test_halves_are_a_partition(size):
    dev, test = (chosen_rows(Portion("dev", half), size, seed=1) for half in ("first half", "second half"))
    assert sorted([*dev, *test]) == list(range(size))
    assert (len(dev), len(test)) == (size // 2, size - size // 2)


@pytest.mark.parametrize("cut", [{}, {"examples": 5}, {"share": 0.25}])
def test_drawn_and_rest_are_disjoint(cut):
    dev = chosen_rows(Portion("train", "drawn"), 50, seed=3, held_out=10)
    train = chosen_rows(Portion("train", "rest"), 50, seed=3, held_out=10, **cut)
    assert not set(dev) & set(train)
    assert len(dev) == 10
    assert len(train) == {"examples": 5, "share": 10}.get(next(iter(cut), ""), 40)
    if not cut:
        assert list(train) == sorted(train)


def permutation(size, seed):
    import torch

    return torch.randperm(size, generator=torch.Generator().manual_seed(seed)).tolist()


def test_permutation_is_that_of_the_published_code():
    order = permutation(20, 32)
    assert list(chosen_rows(Portion("dev", "first half"), 20, seed=32)) == order[:10]
    assert list(chosen_rows(Portion("dev", "second half"), 20, seed=32)) == order[10:]
    assert list(chosen_rows(Portion("train", "drawn"), 20, seed=32, held_out=4)) == order[:4]
    assert list(chosen_rows(Portion("train", "rest"), 20, seed=32, held_out=4, examples=3)) == order[4:7]
    assert list(chosen_rows(Portion("train"), 20, seed=32, examples=3)) == order[:3]
    assert list(chosen_rows(Portion("train"), 20, seed=33, examples=3)) != order[:3]
    # written down, so that a version of torch with another permutation is noticed
    assert permutation(8, 32) == [7, 0, 5, 1, 4, 2, 6, 3]


def test_cuts_are_nested_and_capped():
    few, more = (chosen_rows(Portion("train"), 50, seed=1, examples=n) for n in (5, 20))
    assert list(more[:5]) == list(few)
    assert list(few) != sorted(few)
    assert chosen_rows(Portion("train"), 50, seed=1, examples=50) is None
    assert chosen_rows(Portion("train"), 50, seed=1, examples=4000) is None
    rest = chosen_rows(Portion("train", "rest"), 50, seed=1, held_out=10, examples=4000)
    assert len(rest) == 40
    assert np.all(np.diff(rest) > 0)


def test_shares():
    for share, expected in ((0.01, 1), (0.03, 30), (0.29, 290), (0.0001, 1)):
        size = 1000 if expected > 1 else 100
        assert len(chosen_rows(Portion("train"), size, seed=1, share=share)) == expected
    assert chosen_rows(Portion("train"), 100, seed=1, share=1.0) is None


def test_too_small():
    for piece, left in (("drawn", 10), ("rest", 1)):
        with pytest.raises(InputError, match=r"training set of 10 examples is too small .* of 10 of them"):
            chosen_rows(Portion("train", piece), 10, seed=1, held_out=10)
        assert len(chosen_rows(Portion("train", piece), 11, seed=1, held_out=10)) == left
    with pytest.raises(InputError, match="cannot be halved"):
        chosen_rows(Portion("dev", "first half"), 1, seed=1)


def test_choice_has_only_what_changes_rows():
    data = DataSpec(origin="mirror", train_examples=7, split_seed=5, dev_from_train=9)
    assert choice(Portion("train"), "train", data) == {"examples": 7, "seed": 5}
    assert choice(Portion("train", "rest"), "train", data) == {"held_out": 9, "examples": 7, "seed": 5}
    assert choice(Portion("train", "drawn"), "dev", data) == {"held_out": 9, "seed": 5}
    assert choice(Portion("dev", "first half"), "dev", data) == {"seed": 5}
    assert choice(Portion("dev"), "test", data) == {}
