"""Which examples of a release a model is trained on, chosen by and scored on (PHA, section 4.3).

GLUE and SuperGLUE publish no labels of their test sets. Under the rule `size` (paper) a release with a labelled
test set is used as it is; otherwise, below `limit` training examples, the development set is halved into `dev` and
`test`, and from there on `held_out` training examples become `dev` and the whole development set is `test`. Under
`names` (published code) lists of names decide instead: SciTail is halved too, SST-2, QQP and QNLI lose training
examples, and MNLI is trained on in full, chosen by the mismatched and scored on the matched set. What is on
neither list goes by the rule `size`.

PET scaling scores on development sets and says nothing about what it selects by. Here no example is selected by
and scored on at once: of Rotten Tomatoes, SAMSum and Multi-News, whose test sets are public, `dev` and `test` are
their own; IMDB has a test set and no development set, so that `held_out` training examples become `dev`; NQ-Open's
test set is not public, and it goes by the rule like GLUE: its development set is halved below `limit`, and else
the whole of it is `test`, as in the paper, and `dev` comes from the training set. SST-2, MNLI, QNLI, RTE, MRPC and
QQP are as in PHA.

Every permutation is that of `torch.randperm` with a generator of the given seed, as in the published code; the
same seed serves all tasks and sizes.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hxbench.errors import InputError
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks import Task
from hxbench.tasks.description import CorpusEntry, shipped_corpus

if TYPE_CHECKING:
    import numpy as np

SPLITS = ("train", "dev", "test")


class TooFew(InputError):  # noqa: N818 - what there is, not what went wrong
    """A training set that is not larger than the development set it has to give; `fitting` is a tenth of it."""

    def __init__(self, size: int, held_out: int, where: str = "", own: bool = False) -> None:
        self.given = size, held_out, where, own
        self.size, self.held_out, self.fitting = size, held_out, max(1, size // 10)
        what = "lower dev_from_train or raise split_limit"
        if own:
            what = f"give the corpus a dev file, or train with --set data.dev_from_train={self.fitting}"
        super().__init__(
            f"{where}a training set of {size} examples is too small for a development set of {held_out} of them; "
            f"{what}."
        )

    def __reduce__(self) -> tuple[type["TooFew"], tuple[object, ...]]:
        return TooFew, self.given  # from a worker's process


_HALVED = ("cola", "rte", "mrpc", "stsb", "boolq", "cb", "wic", "wsc", "scitail")
_FROM_TRAIN = ("sst2", "qqp", "qnli")

Piece = Literal["whole", "first half", "second half", "drawn", "rest"]


@dataclass(frozen=True)
class Portion:
    """What a split is made of: a part of the release, or `drawn`, the first of its permutation, or the `rest`."""

    part: str
    piece: Piece = "whole"


def portions(task: Task, rule: str, limit: int, own: CorpusEntry | None = None) -> dict[str, Portion]:
    """Return what train, dev and test are made of under the `rule` size or names (of which none is a user's)."""
    entry = own or shipped_corpus(task.name)
    parts = entry.parts if entry else ()
    halved = {
        "train": Portion("train"),
        "dev": Portion("dev", "first half"),
        "test": Portion("dev", "second half"),
    }
    drawn = {"train": Portion("train", "rest"), "dev": Portion("train", "drawn"), "test": Portion("dev")}
    if rule == "names" and own is None:
        if task.name in _HALVED:
            return halved
        if task.name in _FROM_TRAIN:
            return drawn
        if task.name == "mnli":
            return {"train": Portion("train"), "dev": Portion("mismatched"), "test": Portion("dev")}
    if "dev" not in parts:
        return {**drawn, "test": Portion("test")}
    if "test" in parts:
        return {split: Portion(split) for split in SPLITS}
    return halved if task.size < limit else drawn


def choice(portion: Portion, split: str, data: DataSpec) -> dict[str, Any]:
    """Return what decides, beside the portion, which rows are in a split: arguments of `chosen_rows`.

    They are part of the data's fingerprint: nothing is among them that changes no row.
    """
    found: dict[str, Any] = {}
    if portion.piece in ("drawn", "rest"):
        found["held_out"] = data.dev_from_train
    if split == "train" and data.train_examples is not None:
        found["examples"] = data.train_examples
    if split == "train" and data.train_share is not None:
        found["share"] = data.train_share
    return {**found, "seed": data.split_seed} if found or portion.piece != "whole" else {}


def chosen_rows(
    portion: Portion,
    size: int,
    *,
    seed: int = 0,
    held_out: int = 0,
    examples: int | None = None,
    share: float | None = None,
) -> "np.ndarray | None":
    """Return the rows of a portion in a part of `size` rows, or None for all of them in file order.

    `examples` or `share` (of the portion's own size, at least one example) keep the first of the permutation that
    `held_out` ones were drawn by; a portion that is not larger stays whole. Halves and what is drawn or cut are in
    the order of the permutation, everything else is in file order. Raises `InputError` for a part that is too
    small to be divided.
    """
    if portion.piece in ("drawn", "rest") and size <= held_out:
        raise TooFew(size, held_out)
    if portion.piece in ("first half", "second half"):
        if size < 2:
            raise InputError("a development set of one example cannot be halved into dev and test.")
        rows = _permutation(size, seed)
        return rows[: size // 2] if portion.piece == "first half" else rows[size // 2 :]
    if portion.piece == "drawn":
        return _permutation(size, seed)[:held_out]
    start = held_out if portion.piece == "rest" else 0
    own = size - start
    wanted = examples if share is None else max(1, round(share * own))
    if wanted is not None and wanted < own:
        return _permutation(size, seed)[start : start + wanted]
    if portion.piece == "whole":
        return None
    import numpy as np

    return np.sort(_permutation(size, seed)[start:])


def _permutation(size: int, seed: int) -> "np.ndarray":
    import torch

    return torch.randperm(size, generator=torch.Generator().manual_seed(seed)).numpy()
