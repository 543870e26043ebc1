"""A local mirror in the original release layout: where each file is, and nothing about what is in it.

DIR/ud-2.7/UD_English-EWT/en_ewt-ud-train.conllu     or DIR/UD_English-EWT/…
DIR/wikiann/en/train                                 train, dev, test; or WikiANN's code (zh-yue)
DIR/text/en.txt
"""

import os
from pathlib import Path

from hxbench.data.schema import SPLITS
from hxbench.errors import InputError
from hxbench.languages import Language

_CORPORA = ("ud-2.7/UD_*", "UD_*", "wikiann", "text")


def check_mirror(root: Path) -> None:
    """Raise `InputError` unless `root` is a folder that holds at least one of the three corpora."""
    looked_for = "ud-2.7/UD_*, UD_*, wikiann/ or text/"
    require_folder(root, f"a mirror with {looked_for}")
    for name in ("ud-2.7", "wikiann", "text"):
        if os.path.lexists(root / name):
            require_folder(root / name, "a folder of the mirror")
    if not any(path.is_dir() for pattern in _CORPORA for path in root.glob(pattern)):
        raise InputError(f"data folder {root} holds no corpus; looked for {looked_for}.")


def candidates(task: str, language: Language, split: str) -> list[str]:
    """Return the places a file may have, relative to the mirror, the preferred first; none for a split that
    the task does not have (`mlm` has `train` only)."""
    if task == "pos":
        name = f"{_part(language.treebank)}/{_part(language.treebank_stem)}-ud-{_part(split)}.conllu"
        return [f"ud-2.7/{name}", name]
    if task == "ner":
        folders = dict.fromkeys((language.code, language.wikiann))
        return [f"wikiann/{_part(folder)}/{_part(split)}" for folder in folders]
    return [f"text/{_part(language.code)}.txt"] if split == "train" else []


def find(root: Path, task: str, language: Language, split: str) -> Path | None:
    """Return the file of this split, or None where the mirror has none."""
    for place in candidates(task, language, split):
        path = root / place
        if is_there(path):
            return path
    return None


def find_splits(root: Path, task: str, language: Language) -> tuple[str, ...]:
    """Return which of train, dev and test the mirror has for this pair, without reading them."""
    return tuple(split for split in SPLITS if find(root, task, language, split))


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
