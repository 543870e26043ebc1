"""What rows, columns and blocks are about, so that a page can be filtered: tasks, languages and methods."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hxbench.spec.languages import Language, languages_for
from hxbench.store import RunRecord
from hxbench.tasks import task_names, task_of

_PARTS = re.compile(r"[,:;/]\s*")


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()


@dataclass(frozen=True)
class Vocabulary:
    """The words that tables call tasks and languages by, as the values of a filter.

    A sandbox language counts as the one that it imitates.
    """

    tasks: Mapping[str, str] = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)  # of languages, by their code
    titles: Mapping[str, str] = field(default_factory=dict)  # of tasks

    @classmethod
    def of(cls, records: Iterable[RunRecord], short: Mapping[str, str]) -> "Vocabulary":
        """Return the words for what ships and for what users' own data describe, and a paper's `short` ones."""
        tasks = {_plain(word): name for name, word in short.items()}
        for name in task_names():
            tasks |= {_plain(name): name, _plain(task_of(name).title): name}
        known: dict[str, Language] = {}
        for origin in ("sandbox", "hub"):  # of two names the real one's
            known |= languages_for(origin)
        for record in records:
            if not isinstance(record.spec, dict) and (described := record.spec.data.described):
                known |= languages_for(str(record.spec.data.origin), described)
        languages: dict[str, str] = {}
        for one in known.values():
            languages |= dict.fromkeys((one.code, one.label, one.name), one.paper_code)
        names = {one.paper_code: known[one.paper_code].name for one in known.values()}
        return cls(tasks, languages, names, {name: task_of(name).title for name in task_names()})

    def tasks_in(self, text: str) -> list[str]:
        """Return the tasks that a title names: as a whole, between commas, or by a word in capitals."""
        words = [text, *_PARTS.split(text), *(word for word in text.split() if word.isupper())]
        found = (self.tasks.get(_plain(word)) for word in words if word)
        return list(dict.fromkeys(one for one in found if one))

    def languages_in(self, text: str) -> list[str]:
        """Return the languages that a title names."""
        found = (self.languages.get(word.strip()) for word in (text, *_PARTS.split(text)))
        return list(dict.fromkeys(one for one in found if one))
