"""SHA-256 manifests: a flipped byte in a weights file loads without an error, so it is looked for."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from hxbench.errors import InputError
from hxbench.leftovers import replace_file
from hxbench.plain_data import load_json, read_text
from hxbench.printing import shown

NAME = "manifest.json"


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path, names: Iterable[str] | None = None) -> None:
    """Record the files of `folder`, or those named; written last, the manifest marks the folder as complete."""
    if names is None:
        names = (p.name for p in folder.iterdir() if p.is_file() and p.name != NAME)
    digests = {name: file_digest(folder / name) for name in sorted(names)}
    text = json.dumps(digests, indent=1) + "\n"
    replace_file(folder / NAME, lambda part: part.write_text(text, encoding="utf-8", newline="\n"))


def is_complete(folder: Path) -> bool:
    """Return whether the folder was written to its end."""
    return (folder / NAME).is_file()


def read(folder: Path) -> dict[str, str]:
    """Return the digests in a folder's manifest by path; `ValueError` for one that leads elsewhere."""
    listed = load_json(read_text(folder / NAME), NAME)
    if not isinstance(listed, dict) or not all(isinstance(digest, str) for digest in listed.values()):
        raise ValueError(f"{NAME}: not a list of digests.")
    for name in listed:
        parts = PurePosixPath(name).parts
        if not parts or name != "/".join(parts) or ".." in parts or "\\" in name:
            raise ValueError(f"{NAME}: {shown(name)} is no file of this folder.")
    return listed


def verify(folder: Path) -> None:
    """Raise `InputError` naming the first file that is missing or differs; a folder without a manifest passes."""
    if not is_complete(folder):
        return
    try:
        listed = read(folder)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / NAME} is damaged: {str(error).removesuffix('.')}.") from None
    for name, digest in listed.items():
        path = folder / name
        if not path.is_file():
            raise InputError(f"{path} is missing, although the manifest beside it lists it.")
        if file_digest(path) != digest:
            raise InputError(f"{path} is damaged: its SHA-256 is not the one in the manifest beside it.")
