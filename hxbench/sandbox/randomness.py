"""Random draws that are the same on every machine: PCG64 seeded from a digest of names, never from `hash()`."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from math import log
from typing import TypeVar

import numpy as np

T = TypeVar("T")
_BLOCK = 4096


def digest_integer(*names: object) -> int:
    """Return a 128-bit integer that depends on the names alone."""
    return int.from_bytes(sha256("/".join(map(str, names)).encode()).digest()[:16], "big")


def unit(*names: object) -> float:
    """Return a number in [0, 1) that depends on the names alone: one decision that needs no stream."""
    return (digest_integer(*names) >> 75) / 2**53


class Draws:
    """A named stream of uniform numbers, drawn in blocks because single draws would set the pace."""

    def __init__(self, *names: object) -> None:
        self._generator = np.random.Generator(np.random.PCG64(digest_integer(*names)))
        self._block: list[float] = []

    def uniform(self) -> float:
        if not self._block:
            self._block = self._generator.random(_BLOCK).tolist()
        return self._block.pop()

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.uniform() * len(options))]

    def zipf(self, options: Sequence[T]) -> T:
        """Return one option, earlier ones more often (log-uniform rank, close to Zipf's law)."""
        return options[bisect_right(_ranks(len(options)), self.uniform())]


@cache
def _ranks(count: int) -> list[float]:
    """Return where ranks 1, 2, … begin, rounded: the last digit of a logarithm differs between machines."""
    return [round(log(rank) / log(count + 1), 12) for rank in range(2, count + 1)]
