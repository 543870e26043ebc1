"""A synthetic, English-like data set for text-to-text tasks, in the file formats of the releases."""

from pathlib import Path

VERSION = 3  # goes up whenever the files change


def write_english(folder: Path, seed: int) -> None:
    """Write all tasks of PHA and running text to pre-train on under `folder`, in seconds.

    `glue/<set>/{train,dev}.tsv`, `superglue/<set>/{train,val}.jsonl`,
    `scitail/tsv_format/scitail_1.0_{train,dev,test}.tsv`, `xsum/{train,validation,test}.jsonl`,
    `wmt16/ro-en/{train,dev,test}.{ro,en}` and `text/en.txt`. The same seed gives the same bytes on every machine;
    another seed draws other examples from the same grammar, with the same words and sizes. The words look English
    but what is said, what follows and what is similar come from the tables of this package alone: the files are
    evidence about no real task, and the second language is not Romanian.
    """
    from hxbench.sandbox_english.writer import write_all

    write_all(folder, seed)
