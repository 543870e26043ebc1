"""The collections of corpora: the tasks and languages of one, and what a mirror of it holds.

Words are tagged in all languages of Hyper-X, texts are answered in English.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from hxbench.data.mirror import require_folder
from hxbench.errors import InputError, did_you_mean
from hxbench.sandbox import Sandbox
from hxbench.spec.languages import Language, language_set, languages_for
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks import ENGLISH, MLM, SUITES, read_together, shipped_tasks, task_of, tasks_in
from hxbench.tasks.description import shipped_corpus


@dataclass(frozen=True)
class Collection:
    """Tasks and languages that are read together."""

    tasks: tuple[str, ...]  # raw text included, as `mlm`
    languages: dict[str, Language]  # by code
    sandboxes: dict[str, Sandbox]  # by task
    folders: tuple[str, ...]  # of a mirror, where they are there
    signs: tuple[str, ...]  # folders one of which makes a folder a mirror, with * for any name
    expected: str
    looked_for: str  # how messages name the signs
    text_of_tasks: bool  # whether raw text is made of the tasks' training files, and not one file a language
    own: tuple[str, ...] = ()  # those of the tasks that a user has corpora of

    def check_mirror(self, root: Path) -> None:
        """Raise `InputError` unless `root` is a folder that holds at least one corpus of the collection."""
        require_folder(root, self.expected)
        for name in self.folders:
            if os.path.lexists(root / name):
                require_folder(root / name, "a folder of the mirror")
        if not any(path.is_dir() for sign in self.signs for path in root.glob(sign)):
            raise InputError(f"data folder {root} holds no {self.looked_for}.")

    def corpora(self) -> dict[str, list[str]]:
        """Return the tasks by the name of the corpus that they are made of: `ud`, `glue`, `text`."""
        found: dict[str, list[str]] = {}
        for task in map(task_of, self.tasks):
            found.setdefault(task.corpus or task.suite or task.name, []).append(task.name)
        return found

    def tasks_of(self, corpora: Sequence[str], paper: str = "") -> list[str]:
        """Return the tasks of these corpora; for none all, or those of a paper. `InputError` for another."""
        known = self.corpora()
        for name in corpora:
            if name not in known:
                raise InputError(did_you_mean("corpus", name, list(known)))
        if not corpora and self.text_of_tasks:
            return list(dict.fromkeys([*tasks_in("pet" if paper == "pet" else "pha"), MLM, *self.own]))
        return [task for name in corpora or known for task in known[name]]


def collection_of(data: DataSpec, origin: str) -> Collection:
    """Return the collection that a spec reads, with the languages of an origin and what a user describes."""
    if (described := data.described) is None:
        return _shipped(data, origin)
    known = languages_for(origin, described)
    own = tuple(dict.fromkeys(task for task, _ in described.pairs))
    if not described.extends:
        return Collection(own, known, {}, (), (), "", "", text_of_tasks=False, own=own)
    ships = _shipped(data, origin)
    codes = {*ships.languages, *described.languages, *(code for _, code in described.pairs)}
    return replace(
        ships, tasks=tuple(dict.fromkeys((*ships.tasks, *own))), own=own,
        languages={code: language for code, language in known.items() if code in codes},
    )  # fmt: skip


def _shipped(data: DataSpec, origin: str) -> Collection:
    tasks = tuple(name for name in read_together(data.collection) if name in shipped_tasks())
    if any(task_of(name).type == "tagging" for name in tasks):
        looked_for = "ud-2.7/UD_*, UD_*, wikiann/ or text/"
        return Collection(
            tasks=tasks,
            languages=language_set("sandbox" if origin == "sandbox" else "hyperx"),
            sandboxes=dict.fromkeys(tasks, "multilingual"),
            folders=("ud-2.7", "wikiann", "text"),
            signs=("ud-2.7/UD_*", "UD_*", "wikiann", "text"),
            expected=f"a mirror with {looked_for}",
            looked_for=f"corpus; looked for {looked_for}",
            text_of_tasks=False,
        )
    known = [task_of(name) for name in tasks]
    titles = tuple(task.title for task in known if task.suite in SUITES)
    entries = [entry for name in tasks if (entry := shipped_corpus(name))]
    placed = [place for one in entries for place in one.folders or chain(*map(one.paths, one.parts))]
    first = dict.fromkeys(place.partition("/")[0] for place in placed)
    folders = tuple(name for name in first if name not in titles)
    named = ", ".join(folders)
    made: dict[str, Sandbox] = dict.fromkeys(tasks, "pet")
    made |= dict.fromkeys((*tasks_in("pha"), MLM), "english")
    return Collection(
        tasks=tasks,
        languages={ENGLISH: language_set("hyperx")[ENGLISH]},
        sandboxes=made,
        folders=folders,
        signs=(*folders, *titles),
        expected=f"one with {named}",
        looked_for=f"English corpus; looked for {named} or the folder of a task, such as {titles[0]}",
        text_of_tasks=True,
    )
