"""The English tasks of PHA and running text, from the same three origins as the multilingual corpora.

Start at `load.EnglishCorpora`. Nothing here imports `datasets`, `pyarrow` or `torch` before a corpus is read.
"""

from hxbench.corpora.english.load import EnglishCorpora

__all__ = ["EnglishCorpora"]
