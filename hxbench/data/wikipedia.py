"""The first N sentences of a Wikipedia, read over the network in row groups: no more is fetched than is needed.

Paper: Wikipedia articles, at most 100,000 sentences a language; dump, extraction and splitter are not stated.
Here: the extracted text of the dump of 2023-11-01 as published by the Wikimedia foundation, in its order. After
each row group (1,000 articles) a note is made beside the part, and a later process goes on from there.

The paper names no splitter; this one is simple, and named so that it can be cited.
A paragraph is a line of the article. It ends in a full stop of its script or is dropped: headings, captions and
list items do not. A sentence ends at `.`, `!`, `?`, `…` or their Arabic, Devanagari and Urdu counterparts, with
closing quotes and brackets, where white space follows and no lower-case letter after it; at a full-width `。`,
`！` or `？` it ends at once. A full stop after a single letter or a number of one or two digits ends nothing
("J. S. Bach", "3. September").
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hxbench.data.digest import write_whole
from hxbench.data.downloads import Progress
from hxbench.errors import InputError
from hxbench.spec.languages import Language
from hxbench.system_errors import writing

REPOSITORY = "wikimedia/wikipedia"
REVISION = "b04c8d1ceb2f5cd4588862100d08de323dccfbaa"
DUMP = "20231101"
MOST_SENTENCES = 100_000  # Hyper-X, section 4: at most so many a language
SPLITTER = "hxbench-1"  # goes up whenever the sentences change
SHORTEST = 12  # bytes in UTF-8, four Chinese characters; what is shorter is rarely a sentence

_CLOSING = r"[\"'”’»)\]」』）]*"
_ALPHABETIC = rf"(?:(?<!\b\w)(?<!\b\d\d)\.|[!?…؟۔।॥]){_CLOSING}(?=\s)"
_IDEOGRAPHIC = rf"[。！？]{_CLOSING}"
_BREAK = re.compile(rf"(?:{_ALPHABETIC}|{_IDEOGRAPHIC})\s*")
_WHOLE = re.compile(rf"[.!?…؟۔।॥。！？]{_CLOSING}$")


def config(language: Language) -> str:
    """Return the configuration of a language, such as `20231101.zh-yue`: WikiANN uses Wikipedia's codes."""
    return f"{DUMP}.{language.wikiann}"


def file_name(language: Language, sentences: int) -> str:
    """Return the name of the extracted text, which says everything that it depends on."""
    return f"{config(language)}-{REVISION[:12]}-{SPLITTER}-{sentences}.txt"


def fetch_sentences(
    target: Path, language: Language, sentences: int, endpoint: str | None, progress: Progress | None = None
) -> None:
    """Write the first `sentences` sentences to `target`, one a line, unless it is there."""
    from filelock import FileLock

    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f".{target.name}.lock")):
        if not target.exists() or not target.stat().st_size:
            with writing(target):
                _extract(target, config(language), sentences, endpoint, progress)


def _extract(target: Path, folder: str, sentences: int, endpoint: str | None, progress: Progress | None) -> None:
    from huggingface_hub import HfFileSystem
    from pyarrow.parquet import ParquetFile

    part, note = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.json")
    done = _noted(note, part)
    files = HfFileSystem(endpoint=endpoint, skip_instance_cache=True)
    shards = _shards(files, folder)
    with part.open("r+b" if part.exists() else "wb") as out:
        # What was written after the last note may be incomplete.
        out.truncate(done["bytes"])
        out.seek(done["bytes"])
        while done["sentences"] < sentences and done["shard"] < len(shards):
            # Ranges are asked for exactly: reading ahead would fetch megabytes nobody looks at.
            with files.open(shards[done["shard"]], "rb", cache_type="none") as remote:
                parquet = ParquetFile(remote)
                while done["sentences"] < sentences and done["group"] < parquet.num_row_groups:
                    articles = parquet.read_row_group(done["group"], columns=["text"]).column("text")
                    _append(out, articles, done, sentences)
                    done["group"] += 1
                    out.flush()
                    write_whole(note, json.dumps(done).encode())
                    if progress:
                        progress(folder, done["sentences"], sentences)
            if done["sentences"] < sentences:
                done["shard"], done["group"] = done["shard"] + 1, 0
    part.replace(target)
    note.unlink(missing_ok=True)


def _append(out: Any, articles: Any, done: dict[str, int], sentences: int) -> None:
    """Write the sentences of `articles` until there are enough, and count them in `done`."""
    for article in articles:
        for sentence in split_sentences(article.as_py() or ""):
            if done["sentences"] == sentences:
                return
            done["bytes"] += out.write(sentence.encode() + b"\n")
            done["sentences"] += 1


def _noted(note: Path, part: Path) -> dict[str, int]:
    """Return where an earlier process stopped, or the beginning."""
    start = {"shard": 0, "group": 0, "bytes": 0, "sentences": 0}
    if not note.exists() or not part.exists():
        return start
    try:
        done = {key: int(value) for key, value in json.loads(note.read_text(encoding="utf-8")).items()}
    except (ValueError, TypeError, AttributeError):  # a damaged note
        return start
    return done if done.keys() == start.keys() and part.stat().st_size >= done["bytes"] else start


def _shards(files: Any, folder: str) -> list[str]:
    try:
        names = files.ls(f"datasets/{REPOSITORY}@{REVISION}/{folder}", detail=False)
    except FileNotFoundError:
        names = []
    shards = sorted(name for name in names if name.endswith(".parquet"))
    if not shards:
        raise InputError(f"{REPOSITORY} has no {folder}/*.parquet at revision {REVISION}.")
    return shards


def split_sentences(article: str) -> Iterator[str]:
    """Yield the sentences of an article in order, each on one line without white space around it."""
    for paragraph in article.splitlines():
        paragraph = " ".join(paragraph.split())
        if not _WHOLE.search(paragraph):
            continue
        start = 0
        for found in _BREAK.finditer(paragraph):
            if paragraph[found.end() : found.end() + 1].islower():
                continue
            yield from _long_enough(paragraph[start : found.end()])
            start = found.end()
        yield from _long_enough(paragraph[start:])


def _long_enough(sentence: str) -> Iterator[str]:
    if len((sentence := sentence.strip()).encode()) >= SHORTEST:
        yield sentence
