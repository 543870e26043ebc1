"""The most memory that tensors take at one time while something runs, on any device."""

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Counts the storages of everything that is put out inside the block, until nothing refers to them.

    What was there before does not count. `peak` is in bytes, as asked for: an allocator may round up. Working
    memory inside of an operation is not seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {id(t.untyped_storage()) for t in tree_leaves((args, kwargs)) if _has_storage(t)}
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if _has_storage(tensor):
                self._see(tensor.untyped_storage(), given)
        return out

    def _see(self, storage: Any, given: set[int]) -> None:
        key = id(storage)
        if key in self._known or key in given:  # a view, or changed in place
            return
        self._known[key] = storage.nbytes()
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self.now -= self._known.pop(key, 0)


def _has_storage(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.layout == torch.strided
