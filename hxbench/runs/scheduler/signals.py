"""SIGINT and SIGTERM outside of training: unwinding what is going on instead of dying in the middle of it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hxbench.errors import Stopped
from hxbench.processes import STOPPING, handling_stops


@contextmanager
def signals_as_stops() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise `Stopped` inside the block, so that claims are given back and files closed."""

    def stop(number: int, _frame: Any) -> None:
        raise Stopped(number)

    with handling_stops(stop):
        yield


@contextmanager
def held_back() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the block ends; a process started inside is born with them waiting."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_through() -> None:
    """End the waiting in a process that was started inside `held_back`."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


@contextmanager
def noted() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM inside the block instead of being stopped by them; a third one stops."""
    seen: list[int] = []

    def note(number: int, _frame: Any) -> None:
        seen.append(number)
        if len(seen) > 2:  # who asks that often does not want to wait for anything to be saved
            raise Stopped(number)

    with handling_stops(note):
        yield seen
