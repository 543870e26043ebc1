"""SHA-256 manifests: a flipped byte in a weights file loads without an error, so it is looked for."""

import hashlib
import json
import os
from pathlib import Path

from hxbench.errors import InputError

NAME = "manifest.json"


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path) -> None:
    """Record every file of `folder`; written last, the manifest also marks the folder as complete."""
    digests = {p.name: file_digest(p) for p in sorted(folder.iterdir()) if p.is_file() and p.name != NAME}
    temporary = folder / f".{NAME}.{os.getpid()}"
    temporary.write_text(json.dumps(digests, indent=1) + "\n")
    temporary.replace(folder / NAME)


def is_complete(folder: Path) -> bool:
    """Return whether the folder was written to its end."""
    return (folder / NAME).is_file()


def verify(folder: Path) -> None:
    """Raise `InputError` naming the first file that is missing or differs; a folder without a manifest passes."""
    if not is_complete(folder):
        return
    try:
        listed = dict(json.loads((folder / NAME).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{folder / NAME} is damaged: {error}.") from None
    for name, digest in listed.items():
        path = folder / Path(name).name
        if not path.is_file():
            raise InputError(f"{path} is missing, although the manifest beside it lists it.")
        if file_digest(path) != digest:
            raise InputError(f"{path} is damaged: its SHA-256 is not the one in the manifest beside it.")
