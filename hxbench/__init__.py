"""hxbench: a benchmark suite for parameter-efficient transfer learning.

`hxbench.api` says what programs can use; nothing of it is loaded before it is asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hxbench.api import InputError, RunRecord, Store, Unfinished, compare, figure, score, table, train

__version__ = "0.2.0"
__all__ = ["InputError", "RunRecord", "Store", "Unfinished", "compare", "figure", "score", "table", "train"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'hxbench' has no attribute {name!r}")
    from hxbench import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
