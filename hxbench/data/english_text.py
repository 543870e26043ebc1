"""English raw text to pre-train a small T5 on: what the training files of the labelled tasks are made of.

First `text/en.txt`, if there; then the training files of PHA's tasks, in their order; then those of IMDB, Rotten
Tomatoes, SAMSum and NQ-Open, of which only the texts are used and every line, whatever their readers make of it.
Development and test files are never read, so that nothing a model is scored on was seen before; the examples that
a rule of splits takes from a training file to select by are in it, without their labels.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hxbench.data.examples import read_examples
from hxbench.data.mirror import find, is_there
from hxbench.data.readers import READERS, Options, format_of
from hxbench.data.readers.lines import read_text
from hxbench.errors import InputError
from hxbench.tasks import Task, task_of, tasks_in

# kind, files relative to the folder
_OTHERS = (
    ("text", "imdb/train.jsonl"),
    ("lines", "rotten_tomatoes/train/rt-polarity.pos"),
    ("lines", "rotten_tomatoes/train/rt-polarity.neg"),
    ("dialogue summary", "samsum/train.json"),
    ("question", "nq_open/NQ-open.train.jsonl"),
)
# A word by itself is no sentence, Romanian no English; the English side of both directions is the same.
_LEFT_OUT = {"wic": {"word"}, "roen": {"text"}}


@dataclass(frozen=True)
class Text:
    """The files of one source, and how they are read: a task's name, `lines`, or the columns of its objects."""

    kind: str
    files: tuple[Path, ...]


def text_sources(root: Path) -> list[Text]:
    """Return the sources that a folder has, in their order, without reading them."""
    sources = [Text("lines", (root / "text/en.txt",))]
    used = [task for task in map(task_of, tasks_in("pha")) if _used(task)]
    sources += [Text(task.name, find(root, task, "train") or ()) for task in used]
    sources += [Text(kind, (root / name,)) for kind, name in _OTHERS]
    return [source for source in sources if source.files and all(is_there(path) for path in source.files)]


def read_raw_text(sources: list[Text]) -> Iterator[str]:
    """Yield every text once, as one line each, in the order of the sources; memory grows by 16 bytes a line."""
    seen: set[bytes] = set()
    for source in sources:
        for text in _texts(source):
            line = " ".join(text.replace("<br />", " ").split())  # IMDB has its line breaks in HTML
            mark = hashlib.blake2b(line.encode(), digest_size=16).digest()
            if line and mark not in seen:
                seen.add(mark)
                yield line


def _texts(source: Text) -> Iterator[str]:
    if source.kind == "lines":
        yield from (row["text"] for _, row in read_text(source.files[0]))
    elif source.kind in tasks_in("pha"):
        task = task_of(source.kind)
        used = _used(task)
        for fields, _ in read_examples(task, source.files, marks=False):
            yield from (text for name, text in zip(task.fields, fields, strict=True) if name in used)
    else:
        path, columns = source.files[0], source.kind.split()
        for number, row in READERS[format_of(path)].read(path, Options()):
            for column in columns:
                text = row.get(column)
                if not isinstance(text, str):
                    raise InputError(f"{path}, line {number}: no text in {column}; expected some.")
                yield text


def _used(task: Task) -> set[str]:
    return set(task.fields) - _LEFT_OUT.get(task.name, set())
