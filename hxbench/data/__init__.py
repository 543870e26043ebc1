"""Labelled and unlabelled corpora from three origins, as memory-mapped `datasets.Dataset` in one schema a task.

Start at `load.Corpora`. Nothing here imports `datasets` or `pyarrow` before a corpus is read.
"""

from hxbench.data.load import Corpora, Origin
from hxbench.data.schema import SPLITS

__all__ = ["SPLITS", "Corpora", "Origin"]
