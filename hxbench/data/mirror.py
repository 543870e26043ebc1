"""A folder in the layout of the original releases: where each file is, and nothing about what is in it.

The layouts stand in `recipes/data/*.yaml`. MANIFEST.tsv, a table with a header, may say of a file (`path`) that
another one stands in for that of the release: its `original path` then begins with `stand-in:`, and the words
behind say which.

A **part** is what a release calls a split: `train`, `dev`, `mismatched` (the other development set of MNLI) and
`test`, which only a release with public labels has. Which part becomes which split is `splits.py`.
"""

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import get_args

from hxbench.data.described import own_words, places_of, release_words
from hxbench.errors import InputError
from hxbench.spec.languages import Language, language_set
from hxbench.tasks import ENGLISH, Task, task_of
from hxbench.tasks.description import CorpusEntry, OwnData, Part, filled, shipped_corpora, shipped_corpus

PARTS = get_args(Part)
_STANDS_IN = "stand-in:"
_LINES = 100_000  # of a manifest
_LONGEST = 200  # characters of a note
# what names of other files begin with
_ABOUT = (".", "manifest", "license", "licence", "copying", "notice", "readme")
_NAMED = 5  # of what nothing reads


def candidates(task: Task, part: str, language: Language | None = None) -> list[tuple[str, ...]]:
    """Return the places of a part relative to the folder, the preferred first, each of the files that go together;
    none for a part that the release does not have. `language` counts for corpora of one file a language."""
    entry = shipped_corpus(task.name, language.paper_code if language else ENGLISH)
    return places_of(entry, task, part, release_words(language)) if entry else []


def find(root: Path, task: Task, part: str, language: Language | None = None) -> tuple[Path, ...] | None:
    """Return the files of a part, or None where the folder has none of them; the reader names one that lacks."""
    return _first(root, candidates(task, part, language))


def _first(root: Path, places: Iterable[tuple[str, ...]]) -> tuple[Path, ...] | None:
    for place in places:
        files = tuple(root / name for name in place)
        if any(is_there(file) for file in files):
            return files
    return None


class Mirror:
    """A source of corpora: the folder of each task, which is made or looked up when it is first asked for."""

    own: OwnData | None = None

    def __init__(self, folder: Callable[[Task], Path]) -> None:
        self.folder = folder

    def entry(self, task: Task, language: Language) -> CorpusEntry | None:
        return shipped_corpus(task.name, language.paper_code)

    def places(self, task: Task, part: str, language: Language) -> list[tuple[str, ...]]:
        return candidates(task, part, language)

    def parts(self, task: Task, language: Language) -> tuple[str, ...]:
        """Return the parts that are there; nothing is read."""
        return tuple(part for part in PARTS if self.files(task, part, language))

    def files(
        self, task: Task, part: str, language: Language, parts: Iterable[str] = ()
    ) -> tuple[Path, ...] | None:
        """Return the files of a part, or None; of `parts` a mirror has all that it will ever have."""
        return _first(self.folder(task), self.places(task, part, language))

    def absent(self, task: Task, split: str, part: str, language: Language, what: str) -> InputError:
        """Return the error for a split of `what` that is not there, with where it was looked for."""
        nothing = "nothing, as raw text has only train" if task.type == "masked-lm" else "nothing"
        looked = _listed(self.places(task, part, language)) or nothing
        return InputError(f"{self.folder(task)} has no {split} split of {what}; looked for {looked}.")


class OwnFiles(Mirror):
    """The files that a user's own description names; none of them is outside of its folder."""

    def __init__(self, own: OwnData) -> None:
        super().__init__(lambda _: own.folder)
        self.own, self._described = own, own

    def entry(self, task: Task, language: Language) -> CorpusEntry | None:
        return self._described.corpora.get((task.name, language.code))

    def places(self, task: Task, part: str, language: Language) -> list[tuple[str, ...]]:
        entry = self.entry(task, language)
        return places_of(entry, task, part, own_words(entry, language)) if entry else []

    def files(
        self, task: Task, part: str, language: Language, parts: Iterable[str] = ()
    ) -> tuple[Path, ...] | None:
        """Return the files of a part, None for one that is not described.

        Raises `InputError` for a file that is not there and for a link that leads out of the folder.
        """
        found, folder = super().files(task, part, language), self._described.folder
        if not found and (looked := _listed(self.places(task, part, language))):
            where = f"{self._described.path}: {task.name}-{language.code}, {part}"
            raise InputError(f"{where}: {folder} has no {looked}.")
        entry, places = self.entry(task, language), self.places(task, part, language)
        there = [place for place in places if _first(folder, [place])]
        if entry and not entry.folders and len(there) > 1:
            where = f"{self._described.path}: {task.name}-{language.code}, {part}"
            both = " and ".join(map(" and ".join, there))
            raise InputError(
                f"{where}: {both} are there, and of several paths one alone is read; put them into one file."
            )
        for path in found or ():
            if not path.resolve().is_relative_to(folder.resolve()):
                raise InputError(f"{path} leads out of {folder} to {path.resolve()}; put the file there.")
        return found

    def every(self) -> Iterator[Path]:
        """Yield where each file is that the description names."""
        for (task, code), entry in self._described.corpora.items():
            words = {"code": code, **entry.languages.get(code, {})}
            for part in entry.parts:
                for place in places_of(entry, task_of(task), part, words):
                    yield from (self._described.folder / name for name in place)

    def absent(self, task: Task, split: str, part: str, language: Language, what: str) -> InputError:
        return InputError(f"{self._described.path} has no {split} split of {what}.")


def _listed(places: Iterable[tuple[str, ...]]) -> str:
    return " or ".join(" and ".join(place) for place in places)


def stand_ins(
    root: Path, used: Iterable[tuple[str, str, str]], languages: Mapping[str, Language]
) -> dict[str, str]:
    """Return the manifest's words on the (task, language, split) that a run uses, by `pos-ar train`."""
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
    """Return whether there is such a file; `InputError` where that cannot be known, or a link leads nowhere."""
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


def unread(root: Path, own: Iterable[Path]) -> str:
    """Return a sentence with what nothing reads in a mirror, "" where all is read; `own` are files of a user's.

    So a treebank of a language no paper had is not passed over in silence. Searched are the folders that hold
    corpora beside one another: treebanks, languages, tasks and files of raw text.
    """
    known, mine = set(_read()), [path.resolve() for path in own]
    above = {str(folder) for one in known for folder in PurePosixPath(one).parents}
    found = [
        name
        for folder in above
        for name in _in(root, folder)
        if name not in known | above and not any(path.is_relative_to((root / name).resolve()) for path in mine)
    ]
    if not found:
        return ""
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    named = ", ".join(sorted(found)[:_NAMED])
    return f"Not used of {root}: {named}{more}. To use such files, describe them (--data FILE)."


def _in(root: Path, folder: str) -> Iterator[str]:
    with suppress(OSError):  # a folder that is not there, or is none
        for path in (root / folder).iterdir():
            if not path.name.lower().startswith(_ABOUT):
                yield path.relative_to(root).as_posix()


def _read() -> Iterator[str]:
    """Yield the folders and files, relative to a mirror, of all corpora that ship."""
    for (name, code), entry in shipped_corpora().items():
        words = {"title": task_of(name).title, "side": "", **release_words(language_set("hyperx").get(code))}
        for folder in entry.folders:
            if "{" in folder or len(entry.codes) == 1:
                yield filled(folder, words)
            else:
                yield from (
                    f"{folder}/{filled(path, words)}" for part in entry.parts for path in entry.paths(part)
                )
        if not entry.folders:
            yield from (path.partition("/")[0] for part in entry.parts for path in entry.paths(part))
