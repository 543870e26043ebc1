"""Which batch comes next: batch t is a pure function of (seed, t).

A stream is the training data of one (task, language) pair. At every step `Sampler` draws one stream by
temperature, so batches are homogeneous; within a stream every example comes exactly once a pass, in batches of
similar length. `ConcatenatedSampler` shuffles the examples of all streams together, so batches mix them by size.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

BUCKET = 20  # batches that are sorted by length together: 1.13 tokens computed a real token on UD Turkish
_CONCATENATED = 0xA11  # keeps its random numbers apart from others of the same seed


@dataclass(frozen=True)
class Stream:
    """The training examples of one pair, by their lengths in tokens."""

    task: str
    language: str
    lengths: np.ndarray  # [examples]

    @property
    def key(self) -> int:
        """A number for seeding that does not depend on which other streams there are."""
        return stream_key(self.task, self.language)


def stream_key(task: str, language: str) -> int:
    """Return a number that stands for a pair when random numbers are seeded."""
    return zlib.crc32(f"{task}-{language}".encode())


def probabilities(batch_counts: Sequence[int], temperature: float) -> np.ndarray:
    """Return p_i ∝ (n_i / N)^(1/T) for streams of n_i batches (Hyper-X, section 4; T = 1 is size-proportional)."""
    share = np.asarray(batch_counts, dtype=np.float64) / sum(batch_counts)
    weights = share ** (1.0 / temperature)
    return weights / weights.sum()


def pass_batches(
    lengths: np.ndarray, batch_size: int, rng: np.random.Generator, longest_first: bool, bucket: int = BUCKET
) -> list[np.ndarray]:
    """Return one pass over the examples as batches of row numbers, similar lengths together in every `bucket`.

    With `longest_first` the pass opens with its most expensive batch: running out of memory shows at once.
    """
    order = rng.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), bucket * batch_size):
        some = order[start : start + bucket * batch_size]
        some = some[np.argsort(-lengths[some], kind="stable")]
        batches += [some[i : i + batch_size] for i in range(0, len(some), batch_size)]
    shuffled = [batches[i] for i in rng.permutation(len(batches))]
    if longest_first:
        top = max(range(len(shuffled)), key=lambda i: len(shuffled[i]) * int(lengths[shuffled[i]].max()))
        shuffled[0], shuffled[top] = shuffled[top], shuffled[0]
    return shuffled


def _not_empty(streams: Sequence[Stream]) -> list[Stream]:
    if not streams or any(len(stream.lengths) == 0 for stream in streams):
        raise ValueError("a sampler needs at least one stream, and no empty ones")
    return list(streams)


class Sampler:
    """The batches of a training of `updates` steps."""

    def __init__(
        self,
        streams: Sequence[Stream],
        *,
        batch_size: int,
        updates: int,
        seed: int,
        temperature: float = 5.0,
        draw: str = "independent",
        bucket: int = BUCKET,
    ) -> None:
        self.streams = _not_empty(streams)
        self.batch_size, self.updates, self.seed, self.bucket = batch_size, updates, seed, bucket
        self.batch_counts = [math.ceil(len(stream.lengths) / batch_size) for stream in streams]
        self.probabilities = probabilities(self.batch_counts, temperature)
        self._draw = {"independent": self._independent, "quota": self._quota}[draw]
        self._pass = lru_cache(maxsize=2 * len(streams))(self._make_pass)

    def batch(self, step: int) -> tuple[Stream, np.ndarray]:
        """Return the stream and the row numbers of step `step` (from 0)."""
        stream, turn = self._schedule[0][step], self._schedule[1][step]
        number, index = divmod(int(turn), self.batch_counts[stream])
        return self.streams[stream], self._pass(int(stream), number)[index]

    @property
    def updates_by_task(self) -> dict[str, int]:
        found = dict.fromkeys((stream.task for stream in self.streams), 0)
        counts = np.bincount(self._schedule[0], minlength=len(self.streams))
        for stream, count in zip(self.streams, counts, strict=True):
            found[stream.task] += int(count)
        return found

    def rng(self, step: int) -> np.random.Generator:
        """Return the random numbers of a step: for masks, the same on every process."""
        return np.random.Generator(np.random.Philox(key=[self.seed, step]))

    def _make_pass(self, stream: int, number: int) -> list[np.ndarray]:
        one = self.streams[stream]
        rng = np.random.default_rng([self.seed, one.key, number])
        return pass_batches(one.lengths, self.batch_size, rng, longest_first=number == 0, bucket=self.bucket)

    @cached_property
    def _schedule(self) -> tuple[np.ndarray, np.ndarray]:
        """The stream of every step, and how many batches that stream gave before it; both [updates]."""
        stream_of = self._draw(np.random.default_rng([self.seed, 0x5EED]))
        turn_of = np.empty_like(stream_of)
        for stream in range(len(self.streams)):
            steps = np.flatnonzero(stream_of == stream)
            turn_of[steps] = np.arange(len(steps))
        return stream_of, turn_of

    def _independent(self, rng: np.random.Generator) -> np.ndarray:
        """Draw every step's stream on its own (Hyper-X, App. B.1)."""
        return np.searchsorted(np.cumsum(self.probabilities)[:-1], rng.random(self.updates), side="right")

    def _quota(self, rng: np.random.Generator) -> np.ndarray:
        """Draw pass by pass as the published code does: ⌊p_i·N⌋ batches each, the shortfall from that pool."""
        total = sum(self.batch_counts)
        pool = np.repeat(np.arange(len(self.streams)), np.floor(self.probabilities * total).astype(int))
        passes = []
        for _ in range(math.ceil(self.updates / total)):
            extra = (
                rng.choice(pool, total - len(pool)) if len(pool) else rng.integers(len(self.streams), size=total)
            )
            passes.append(rng.permutation(np.concatenate([pool, extra])))
        return np.concatenate(passes)[: self.updates]


def batches_a_pass(sizes: Sequence[int], batch_size: int) -> int:
    """Return the number of batches in one pass over streams of these sizes, put together."""
    return math.ceil(sum(sizes) / batch_size)


class ConcatenatedSampler:
    """The batches of a training of `updates` steps over all streams put together (PHA, section 4.2; its code).

    A plain shuffle, a new one every pass: every example comes exactly once a pass, whatever its length. The last
    batch of a pass is short where they do not come out even, as those of `Sampler` are: so a batch never holds an
    example twice, and what has fewer examples than a batch is not repeated to fill one.
    """

    def __init__(self, streams: Sequence[Stream], *, batch_size: int, updates: int, seed: int) -> None:
        self.streams = _not_empty(streams)
        self.batch_size, self.updates, self.seed = batch_size, updates, seed
        sizes = [len(stream.lengths) for stream in streams]
        self.batch_count = batches_a_pass(sizes, batch_size)  # of one pass
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self._pass = lru_cache(maxsize=2)(self._make_pass)

    def batch(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the places in `streams` and the row numbers of step `step` (from 0), both [rows]."""
        number, index = divmod(step, self.batch_count)
        chosen = self._pass(number)[index * self.batch_size : (index + 1) * self.batch_size]
        place = np.searchsorted(self._starts, chosen, side="right") - 1
        return place, chosen - self._starts[place]

    def _make_pass(self, number: int) -> np.ndarray:
        return np.random.default_rng([self.seed, _CONCATENATED, number]).permutation(self._starts[-1])
