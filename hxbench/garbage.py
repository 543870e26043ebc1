"""Python's collector of garbage, which waits while thousands of records are made and kept."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collecting_none() -> Iterator[None]:
    """Let the collector wait: it would go through everything that is kept again and again, and find nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
