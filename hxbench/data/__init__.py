"""Labelled and unlabelled corpora from three origins, as memory-mapped `datasets.Dataset` in one schema a task.

Start at `corpora.Corpora`. Nothing here imports `datasets`, `pyarrow` or `torch` before a corpus is read.
"""

from hxbench.data.corpora import Corpora, Origin
from hxbench.data.splits import SPLITS

__all__ = ["SPLITS", "Corpora", "Origin"]
