"""A folder with English data in the layout of the releases: where each file is, and nothing about what is in it.

DIR/glue/RTE/{train,dev}.tsv             or DIR/RTE/…; MNLI has dev_matched and dev_mismatched
DIR/superglue/CB/{train,val}.jsonl       or DIR/CB/…
DIR/scitail/tsv_format/scitail_1.0_{train,dev,test}.tsv
DIR/xsum/{train,validation,test}.jsonl
DIR/wmt16/ro-en/{train,dev,test}.{ro,en}
DIR/imdb/{train,test}.jsonl
DIR/rotten_tomatoes/{train,validation,test}/rt-polarity.{neg,pos}
DIR/nq_open/NQ-open.{train,dev}.jsonl
DIR/samsum/{train,val,test}.json
DIR/multi_news/{train,validation,test}.jsonl, or val.jsonl
DIR/text/en.txt

A **part** is what a release calls a split: `train`, `dev`, `mismatched` (the other development set of MNLI) and
`test`, which only a release with public labels has. Which part becomes which split is `splits.py`.
"""

import os
from pathlib import Path

from hxbench.data.mirror import is_there, require_folder
from hxbench.errors import InputError
from hxbench.tasks import SUITES, Task, task_of, text_tasks

PARTS = ("train", "dev", "mismatched", "test")
_FOLDERS = (
    "glue", "superglue", "scitail", "SciTailV1.1", "xsum", "wmt16", "imdb", "rotten_tomatoes", "nq_open", "samsum",
    "multi_news", "text",
)  # fmt: skip
_NAMES = {
    "glue": {"train": "train.tsv", "dev": "dev.tsv"},
    "superglue": {"train": "train.jsonl", "dev": "val.jsonl"},
    "xsum": {"train": "train.jsonl", "dev": "validation.jsonl", "test": "test.jsonl"},
    "imdb": {"train": "train.jsonl", "test": "test.jsonl"},
    "nq_open": {"train": "NQ-open.train.jsonl", "dev": "NQ-open.dev.jsonl"},
    "samsum": {"train": "train.json", "dev": "val.json", "test": "test.json"},
    "multi_news": {"train": "train.jsonl", "dev": "validation.jsonl", "test": "test.jsonl"},
    "mnli": {"train": "train.tsv", "dev": "dev_matched.tsv", "mismatched": "dev_mismatched.tsv"},
}
_WITH_TEST = ("train", "dev", "test")


def candidates(task: Task, part: str) -> list[tuple[str, ...]]:
    """Return the places of a part relative to the folder, the preferred first, each of one file or, for parallel
    text and polarity, of two; none for a part that the release does not have."""
    if task.suite == "wmt16":
        return [(f"wmt16/ro-en/{part}.ro", f"wmt16/ro-en/{part}.en")] if part in _WITH_TEST else []
    if task.suite == "scitail":
        name = f"tsv_format/scitail_1.0_{part}.tsv"
        return [(f"scitail/{name}",), (f"SciTailV1.1/{name}",)] if part in _WITH_TEST else []
    if task.suite == "rotten_tomatoes":
        place = f"rotten_tomatoes/{'validation' if part == 'dev' else part}/rt-polarity"
        return [(f"{place}.neg", f"{place}.pos")] if part in _WITH_TEST else []
    name = (_NAMES.get(task.name) or _NAMES[task.suite]).get(part, "")
    if not name:
        return []
    if task.suite == "multi_news" and part == "dev":
        return [(f"multi_news/{name}",), ("multi_news/val.jsonl",)]
    if task.suite not in SUITES:
        return [(f"{task.suite}/{name}",)]
    return [(f"{task.suite}/{task.title}/{name}",), (f"{task.title}/{name}",)]


def find(root: Path, task: Task, part: str) -> tuple[Path, ...] | None:
    """Return the file or files of a part, or None where the folder has none of them.

    One of two files is as good as both: the reader then names the one that is not there.
    """
    for place in candidates(task, part):
        files = tuple(root / name for name in place)
        if any(is_there(file) for file in files):
            return files
    return None


def check_folder(root: Path | None) -> Path:
    """Return `root`; `InputError` unless it is a folder that holds at least one English corpus."""
    if root is None:
        raise InputError("a mirror needs a folder; give one with --data-source DIR.")
    titles = [task.title for task in map(task_of, text_tasks()) if task.suite in SUITES]
    require_folder(root, f"one with {', '.join(_FOLDERS)}")
    for name in _FOLDERS:
        if os.path.lexists(root / name):
            require_folder(root / name, "a folder of the releases")
    if not any((root / name).is_dir() for name in (*_FOLDERS, *titles)):
        raise InputError(
            f"data folder {root} holds no English corpus; looked for {', '.join(_FOLDERS)} "
            f"or the folder of a task, such as {titles[0]}."
        )
    return root
