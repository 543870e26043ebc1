"""Synthetic corpora, made on the spot in the layouts of real releases. This is the only door to them.

`multilingual` has sixteen languages: treebanks, name corpora and raw text. `english` has the tasks of PHA and
raw text, `pet` those that only PET scaling has, of the same grammar and words, in a folder of their own: what
is made for PHA, raw text included, stays what it was.

The same seed gives the same bytes on every machine. The languages imitate how the sixteen real ones relate; the
words of the English-like texts look English, but what is said, what follows and what is similar come from tables
in here alone, and their second language is not Romanian. They are evidence about no real language or task.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

Sandbox = Literal["multilingual", "english", "pet"]
VERSIONS: dict[Sandbox, int] = {"multilingual": 2, "english": 3, "pet": 1}  # go up whenever the files change
_NAMES: dict[Sandbox, str] = {"multilingual": "", "english": "english-", "pet": "english-pet-"}


def sandbox_name(which: Sandbox, seed: int) -> str:
    """Return the name of a sandbox's folder, which says everything that its bytes depend on."""
    return f"{_NAMES[which]}v{VERSIONS[which]}-seed{seed}"


def write_sandbox(which: Sandbox, folder: Path, seed: int = 0) -> None:
    """Write all files of a sandbox under `folder`, in seconds; another seed draws others of their sizes."""
    if which == "multilingual":
        from hxbench.sandbox.multilingual.writer import write_multilingual as write
    elif which == "english":
        from hxbench.sandbox.english.writer import write_english as write
    else:
        from hxbench.sandbox.english.writer import write_pet as write
    write(folder, seed)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines of UTF-8 that end in a line feed on every system, with the folders above the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="\n")
