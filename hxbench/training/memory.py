"""What a process does with memory it has no use for until the next step."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3)


def keep_freed_memory() -> bool:
    """Keep freed memory in this process instead of handing it back to the system; return whether that worked.

    The gradients of a generator of 75 M parameters are allocated and freed at every step. Left alone, the C
    library maps such blocks anew each time, and clearing their pages takes the system longer than the products
    that fill them. Only glibc has the knobs; elsewhere nothing changes. The process does not shrink any more.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, -1))
