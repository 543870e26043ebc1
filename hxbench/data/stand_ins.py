"""What a mirror says of files that stand in for those of the release: a column of its `MANIFEST.tsv`.

The manifest is a table with a header. `path` is a file's place in the mirror. Where `original path` begins with
`stand-in:`, the file is another one under the official name, and the words behind say which.
"""

import csv
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

from hxbench.data.mirror import find
from hxbench.spec.languages import Language
from hxbench.tasks import task_of

_MANIFEST, _PLACE, _ORIGINAL, _SAID = "MANIFEST.tsv", "path", "original path", "stand-in:"
_LINES = 100_000
_LONGEST = 200  # characters of a note


def stand_ins(
    root: Path, used: Iterable[tuple[str, str, str]], languages: Mapping[str, Language]
) -> dict[str, str]:
    """Return what is said of the (task, language, split) that a run uses, by `pos-ar train`.

    A mirror without a manifest, or with one of another form, says nothing.
    """
    said = _said(root)
    found = {}
    for task, language, split in sorted(set(used)) if said else ():
        known = task_of(task)
        paths = () if known.answers_texts else find(root, known, split, languages[language]) or ()
        if paths and (note := said.get(paths[0].relative_to(root).as_posix())):
            found[f"{task}-{language} {split}"] = note
    return found


def _said(root: Path) -> dict[str, str]:
    try:
        with (root / _MANIFEST).open(encoding="utf-8", errors="replace", newline="") as handle:
            rows = csv.DictReader(islice(handle, _LINES), delimiter="\t", quoting=csv.QUOTE_NONE)
            return {
                row[_PLACE]: original.removeprefix(_SAID).strip()[:_LONGEST]
                for row in rows
                if row.get(_PLACE) and (original := row.get(_ORIGINAL) or "").startswith(_SAID)
            }
    except (OSError, csv.Error):
        return {}
