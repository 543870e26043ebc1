"""SIGINT and SIGTERM outside of training: unwinding what is going on instead of dying in the middle of it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hxbench.errors import Stopped

STOPPING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_as_stops() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise `Stopped` inside the block, so that claims are given back and files closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: Any) -> None:
        raise Stopped(number)

    old = {number: signal.signal(number, stop) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


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
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return

    def note(number: int, _frame: Any) -> None:
        seen.append(number)
        if len(seen) > 2:  # who asks that often does not want to wait for anything to be saved
            raise Stopped(number)

    old = {number: signal.signal(number, note) for number in STOPPING}
    try:
        yield seen
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
