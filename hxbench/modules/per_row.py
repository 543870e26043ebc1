"""Adapters of several tasks on a batch that mixes them: every row goes through its own task's.

Either each row gets a copy of its task's weights, or the rows are sorted by task and each task's adapter gets its
part. Copies are the faster way on a GPU, which then need not be asked how many rows a task has, and for small
adapters; on a CPU copies of large ones cost many times what the adapters compute.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hxbench.modules.bottleneck import BottleneckWeights

# Numbers copied a site, in each of the two matrices, from where on a CPU sorts: measured on one thread, where
# copies were 1.7 times as fast at 41,000 (a demo's encoder), as fast at 230,000, 0.6 times as fast at 590,000
# (T5-base, 24 wide, 32 rows) and a fifteenth as fast at 6,300,000 (64 wide, 128 rows, short targets).
SORTED_FROM = 2**18


@dataclass(frozen=True)
class SortedBottlenecks:
    """The adapters of one site, one for each task of a batch, and where the rows of each are."""

    adapters: Sequence[BottleneckWeights]
    sizes: Sequence[int]  # rows of each adapter
    order: Tensor  # [batch], the rows sorted by adapter
    back: Tensor  # [batch], the sorted rows' places as they came

    def added(self, hidden: Tensor) -> Tensor:
        """Return what the adapters add, given their input [batch, length, hidden]."""
        parts = hidden.index_select(0, self.order).split(list(self.sizes))
        added = [adapter.added(part) for adapter, part in zip(self.adapters, parts, strict=True)]
        return torch.cat(added).index_select(0, self.back)

    def apply(self, hidden: Tensor) -> Tensor:
        """Return `hidden` [batch, length, hidden] with the adapters' output added."""
        return hidden + self.added(hidden)


def for_rows(
    weights: BottleneckWeights, tasks: Tensor, *, alone: bool = False
) -> Sequence[BottleneckWeights | SortedBottlenecks]:
    """Return what acts at each site on rows of the given tasks [batch]; `alone`: all rows are of the only task.

    Every tensor of `weights` has two leading dimensions, [sites, tasks].
    """
    if alone:
        return weights.mapped(lambda tensor: tensor.squeeze(1)).unbind()
    _, count, bottleneck, hidden = weights.down.shape
    if tasks.device.type != "cpu" or len(tasks) * bottleneck * hidden < SORTED_FROM:
        return weights.mapped(lambda tensor: tensor.index_select(1, tasks)).unbind()
    order = tasks.argsort()
    back, sizes = order.argsort(), torch.bincount(tasks, minlength=count).tolist()
    present = [size for size in sizes if size]
    return [
        SortedBottlenecks(
            [one for one, size in zip(site.unbind(), sizes, strict=True) if size], present, order, back
        )
        for site in weights.unbind()
    ]
