"""What a mirror holds and nothing reads: a treebank of a language no paper had is not passed over without a word.

Looked at are the places where corpora are beside one another: folders of treebanks, of languages and of tasks,
files of raw text. What else is in a corpus's own folder is the business of its release.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from hxbench.data.described import release_words
from hxbench.spec.languages import language_set
from hxbench.tasks import task_of
from hxbench.tasks.description import filled, shipped_corpora

_ABOUT = (
    ".",
    "manifest",
    "license",
    "licence",
    "copying",
    "notice",
    "readme",
)  # what names of other files begin with
_NAMED = 5


def unread(root: Path, own: Iterable[Path]) -> str:
    """Return a sentence with what nothing reads in a mirror, "" where all is read; `own` are files of a user's."""
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
    return f"Nothing reads {named}{more} in {root}: a description of such files does (--data FILE)."


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
