"""A local mirror in the original release layout: where each file is, and nothing about what is in it.

DIR/ud-2.7/UD_English-EWT/en_ewt-ud-train.conllu     or DIR/UD_English-EWT/…
DIR/wikiann/en/train                                 train, dev, test; or WikiANN's code (zh-yue)
DIR/text/en.txt
"""

from pathlib import Path

from hxbench.corpora.schema import SPLITS
from hxbench.errors import InputError
from hxbench.languages import Language

_CORPORA = ("ud-2.7/UD_*", "UD_*", "wikiann", "text")


def check_mirror(root: Path) -> None:
    """Raise `InputError` unless `root` is a folder that holds at least one of the three corpora."""
    looked_for = "ud-2.7/UD_*, UD_*, wikiann/ or text/"
    if not root.is_dir():
        state = "is not a folder" if root.exists() else "does not exist"
        raise InputError(f"data folder {root} {state}; expected a mirror with {looked_for}.")
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
        if path.exists():
            return path
    return None


def find_splits(root: Path, task: str, language: Language) -> tuple[str, ...]:
    """Return which of train, dev and test the mirror has for this pair, without reading them."""
    return tuple(split for split in SPLITS if find(root, task, language, split))


def _part(name: str) -> str:
    """Return `name`, or raise if as a part of a path it could lead out of the mirror."""
    if not name or name.startswith(".") or any(c in name for c in "/\\:\0"):
        raise InputError(
            f"{name!r} cannot be part of a file name; expected a plain language, treebank or split name."
        )
    return name
