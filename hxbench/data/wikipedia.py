"""The first N sentences of a Wikipedia, read over the network in row groups: no more is fetched than is needed.

Paper: Wikipedia articles, at most 100,000 sentences a language; dump, extraction and splitter are not stated.
Here: the extracted text of the dump of 2023-11-01 as published by the Wikimedia foundation, in its order, split by
`sentences.py`. After each row group (1,000 articles) a note is made beside the part, and a later process goes on
from there.
"""

import json
from pathlib import Path
from typing import Any

from hxbench.data.digest import write_whole
from hxbench.data.sentences import SPLITTER, split_sentences
from hxbench.data.transfer import Progress
from hxbench.errors import InputError
from hxbench.languages import Language
from hxbench.system_errors import writing

REPOSITORY = "wikimedia/wikipedia"
REVISION = "b04c8d1ceb2f5cd4588862100d08de323dccfbaa"
DUMP = "20231101"
MOST_SENTENCES = 100_000  # Hyper-X, section 4: at most so many a language


def config(language: Language) -> str:
    """Return the configuration of a language, such as `20231101.zh-yue`: WikiANN uses Wikipedia's codes."""
    return f"{DUMP}.{language.wikiann}"


def file_name(language: Language, sentences: int) -> str:
    """Return the name of the extracted text, which says everything that it depends on."""
    return f"{config(language)}-{REVISION[:12]}-{SPLITTER}-{sentences}.txt"


def fetch_sentences(
    target: Path, language: Language, sentences: int, endpoint: str | None, progress: Progress | None = None
) -> None:
    """Write the first `sentences` sentences to `target`, one a line, unless it is there.

    Raises `InputError` where the repository has no such configuration, and whatever the hub's client raises.
    """
    from filelock import FileLock

    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f".{target.name}.lock")):
        if not target.exists():
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
