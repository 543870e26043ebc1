"""A folder in the layout of the original releases: where each file is, and nothing about what is in it.

DIR/ud-2.7/UD_English-EWT/en_ewt-ud-train.conllu     or DIR/UD_English-EWT/…
DIR/wikiann/en/train                                 train, dev, test; or WikiANN's code (zh-yue)
DIR/text/en.txt
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

MANIFEST.tsv, a table with a header, may say of a file (`path`) that another one stands in for that of the release:
its `original path` then begins with `stand-in:`, and the words behind say which.

A **part** is what a release calls a split: `train`, `dev`, `mismatched` (the other development set of MNLI) and
`test`, which only a release with public labels has. Which part becomes which split is `splits.py`.
"""

import csv
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from hxbench.data.splits import SPLITS
from hxbench.errors import InputError
from hxbench.spec.languages import Language
from hxbench.tasks import Task, task_of

PARTS = ("train", "dev", "mismatched", "test")
_STANDS_IN = "stand-in:"
_LINES = 100_000  # of a manifest
_LONGEST = 200  # characters of a note


@dataclass(frozen=True)
class _Layout:
    """Where the files of a part are: places and files, with words in braces; several files go together.

    `names` has what the release calls its parts; a part that is not in it is not in the release.
    """

    places: tuple[str, ...]  # the preferred first
    files: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]


def _named(**names: str) -> dict[str, tuple[str, ...]]:
    return {part: tuple(some.split()) for part, some in names.items()}


_SPLITS = _named(train="train", dev="dev", test="test")
_VALIDATION = _named(train="train", dev="validation", test="test")
_LAYOUTS = {  # by corpus, task or suite
    "ud": _Layout(("ud-2.7/{treebank}", "{treebank}"), ("{stem}-ud-{part}.conllu",), _SPLITS),
    "wikiann": _Layout(("wikiann/{code}", "wikiann/{wikiann}"), ("{part}",), _SPLITS),
    "text": _Layout(("text",), ("{code}.txt",), _named(train="train")),
    "mnli": _Layout(
        ("glue/{title}", "{title}"), ("{part}.tsv",),
        _named(train="train", dev="dev_matched", mismatched="dev_mismatched"),
    ),
    "glue": _Layout(("glue/{title}", "{title}"), ("{part}.tsv",), _named(train="train", dev="dev")),
    "superglue": _Layout(("superglue/{title}", "{title}"), ("{part}.jsonl",), _named(train="train", dev="val")),
    "scitail": _Layout(("scitail", "SciTailV1.1"), ("tsv_format/scitail_1.0_{part}.tsv",), _SPLITS),
    "xsum": _Layout(("xsum",), ("{part}.jsonl",), _VALIDATION),
    "wmt16": _Layout(("wmt16/ro-en",), ("{part}.ro", "{part}.en"), _SPLITS),
    "imdb": _Layout(("imdb",), ("{part}.jsonl",), _named(train="train", test="test")),
    "rotten_tomatoes": _Layout(
        ("rotten_tomatoes",), ("{part}/rt-polarity.neg", "{part}/rt-polarity.pos"), _VALIDATION
    ),
    "nq_open": _Layout(("nq_open",), ("NQ-open.{part}.jsonl",), _named(train="train", dev="dev")),
    "samsum": _Layout(("samsum",), ("{part}.json",), _named(train="train", dev="val", test="test")),
    "multi_news": _Layout(
        ("multi_news",), ("{part}.jsonl",), _named(train="train", dev="validation val", test="test")
    ),
}  # fmt: skip


def candidates(task: Task, part: str, language: Language | None = None) -> list[tuple[str, ...]]:
    """Return the places of a part relative to the folder, the preferred first, each of the files that go together;
    none for a part that the release does not have. `language` counts for corpora of one file a language."""
    if task.files:
        return [(task.files[split],) for split in SPLITS if split == part and split in task.files]
    key = next(name for name in (task.corpus, task.name, task.suite) if name in _LAYOUTS)
    layout, words = _LAYOUTS[key], {"title": task.title}
    if language:
        words |= {
            "treebank": _part(language.treebank), "stem": _part(language.treebank_stem),
            "code": _part(language.code), "wikiann": _part(language.wikiann),
        }  # fmt: skip
    found = [
        tuple(f"{place}/{file}".format_map({**words, "part": name}) for file in layout.files)
        for name in layout.names.get(part, ())
        for place in layout.places
    ]
    return list(dict.fromkeys(found))


def find(root: Path, task: Task, part: str, language: Language | None = None) -> tuple[Path, ...] | None:
    """Return the file or files of a part, or None where the folder has none of them.

    One of two files is as good as both: the reader then names the one that is not there.
    """
    for place in candidates(task, part, language):
        files = tuple(root / name for name in place)
        if any(is_there(file) for file in files):
            return files
    return None


class Mirror:
    """A source of corpora: the folder of each task, which is made or looked up when it is first asked for."""

    def __init__(self, folder: Callable[[Task], Path]) -> None:
        self.folder = folder

    def parts(self, task: Task, language: Language) -> tuple[str, ...]:
        """Return the parts that are there; nothing is read."""
        return tuple(part for part in PARTS if find(self.folder(task), task, part, language))

    def files(self, task: Task, part: str, language: Language, parts: Iterable[str]) -> tuple[Path, ...] | None:
        """Return the files of a part, or None; of `parts` a mirror has all that it will ever have."""
        return find(self.folder(task), task, part, language)

    def absent(self, task: Task, split: str, part: str, language: Language, what: str) -> InputError:
        """Return the error for a split of `what` that is not there, with where it was looked for."""
        nothing = "nothing, as raw text has only train" if task.type == "masked-lm" else "nothing"
        looked = " or ".join(" and ".join(place) for place in candidates(task, part, language)) or nothing
        return InputError(f"{self.folder(task)} has no {split} split of {what}; looked for {looked}.")


def stand_ins(
    root: Path, used: Iterable[tuple[str, str, str]], languages: Mapping[str, Language]
) -> dict[str, str]:
    """Return what the manifest says of the (task, language, split) that a run uses, by `pos-ar train`.

    A mirror without a manifest, or with one of another form, says nothing.
    """
    said = _said(root / "MANIFEST.tsv")
    found = {}
    for task, language, split in sorted(set(used)) if said else ():
        known = task_of(task)
        paths = () if known.answers_texts else find(root, known, split, languages[language]) or ()
        if paths and (note := said.get(paths[0].relative_to(root).as_posix())):
            found[f"{task}-{language} {split}"] = note
    return found


def _said(manifest: Path) -> dict[str, str]:
    try:
        with manifest.open(encoding="utf-8", errors="replace", newline="") as handle:
            return {
                row["path"]: original.removeprefix(_STANDS_IN).strip()[:_LONGEST]
                for row in csv.DictReader(islice(handle, _LINES), delimiter="\t", quoting=csv.QUOTE_NONE)
                if row.get("path") and (original := row.get("original path") or "").startswith(_STANDS_IN)
            }
    except (OSError, csv.Error):
        return {}


def is_there(path: Path) -> bool:
    """Return whether there is such a file.

    Raises `InputError` where that cannot be known, or a link leads nowhere: that is damage and not a lack.
    """
    try:
        path.stat()
    except FileNotFoundError:
        if os.path.lexists(path):
            raise InputError(f"{path} is a link to {os.readlink(path)}, where nothing is.") from None
        return False
    except NotADirectoryError:
        above = next(folder for folder in path.parents if folder.exists())
        raise InputError(f"{above} is not a folder; expected one with {path.relative_to(above)}.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be looked at ({error.strerror}).") from None
    return True


def require_folder(path: Path, expected: str) -> None:
    """Raise `InputError` unless `path` is a folder that can be read."""
    try:
        with os.scandir(path):
            return
    except FileNotFoundError:
        state = "is a link to nothing" if path.is_symlink() else "does not exist"
    except NotADirectoryError:
        state = "is not a folder"
    except OSError as error:
        state = f"cannot be read ({error.strerror})"
    raise InputError(f"data folder {path} {state}; expected {expected}.")


def _part(name: str) -> str:
    """Return `name`, or raise if as a part of a path it could lead out of the mirror."""
    if not name or name.startswith(".") or any(c in name for c in "/\\:\0"):
        raise InputError(
            f"{name!r} cannot be part of a file name; expected a plain language, treebank or split name."
        )
    return name
