"""The public release places of every corpus: which file of which repository is which part, at which commit.

UD 2.7 comes as CoNLL-U from each treebank's repository at the commit of its description (`HXBENCH_UD_ENDPOINT`
names another server), everything else as Parquet and never as code from the Hugging Face hub, raw text out of its
Wikipedia (`wikipedia.py`). Where no commit is known the first download resolves one (`Downloads.pin`). Where a
repository has a loading script instead of Parquet files, the hub's own conversion is used, which is another
branch.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from hxbench import network
from hxbench.data import wikipedia
from hxbench.data.described import own_words, release_words
from hxbench.data.digest import write_whole
from hxbench.data.downloads import Downloads, Item, Pinned, Progress, download, explaining
from hxbench.data.splits import SPLITS
from hxbench.errors import InputError
from hxbench.printing import grouped
from hxbench.spec.languages import Language
from hxbench.tasks import Task
from hxbench.tasks.description import CorpusEntry, HubPlace, OwnData, filled, shipped_corpus

UD_ENDPOINT = "https://raw.githubusercontent.com/UniversalDependencies"
Wanted = tuple[Task, Language, Sequence[str]]
"""A task and a language, and the parts that are wanted of it."""


class Hub:
    """The release places seen through a folder of the cache; a language gets `sentences` of raw text."""

    folder: None = None  # of the files of a task there is none

    def __init__(
        self, folder: Path, *, offline: bool, sentences: int | None = None, own: OwnData | None = None
    ) -> None:
        self.own = own  # whose data sets it has, in the place of those that ship
        self._downloads = Downloads(folder, offline=offline)
        self._sentences = min(sentences or wikipedia.MOST_SENTENCES, wikipedia.MOST_SENTENCES)

    def entry(self, task: Task, language: Language) -> CorpusEntry | None:
        if self.own:
            return self.own.corpora[task.name, language.code]
        return shipped_corpus(task.name, language.paper_code)

    def parts(self, task: Task, language: Language) -> tuple[str, ...]:
        """Return the parts that have labels; of a corpus by language, which is fetched first, those there are."""
        if (entry := self.entry(task, language)) is None:
            return ()
        if task.answers_texts or self.own:
            return entry.parts
        self.fetch([(task, language, SPLITS)])
        return tuple(split for split in SPLITS if self.find(task, split, language))

    def files(self, task: Task, part: str, language: Language, parts: Iterable[str]) -> tuple[Path, ...] | None:
        """Return the files of a part, fetched if need be with all other `parts`, or None."""
        self.fetch([(task, language, tuple(parts))])
        return self.find(task, part, language)

    def absent(self, task: Task, split: str, part: str, language: Language, what: str) -> InputError:
        return InputError(f"the release has no {split} split of {what}.")

    def _kind(self, task: Task) -> str:
        """Return `ud` or `text` for what is no data set of the hub: treebanks and raw text as they ship."""
        return task.corpus if task.corpus in ("ud", "text") and not self.own else ""

    def find(self, task: Task, part: str, language: Language) -> tuple[Path, ...] | None:
        """Return the files of a part from the cache, or None where the cache lacks one of them."""
        if self._kind(task):
            path = self._own_file(task, part, language)
            return (path,) if path and path.exists() and path.stat().st_size else None
        place = self._place(task, language)
        if (pinned := self._downloads.pinned(self._note(place))) is None:
            return None
        items = [Item(place.dataset, name, pinned.revision) for name in _names(pinned, place, part)]
        found = [path for item in items if (path := self._downloads.find(item))]
        return tuple(found) if found and len(found) == len(items) else None

    def lacking(self, task: Task, language: Language, parts: Iterable[str]) -> list[Item]:
        """Return what is not in the cache of these parts; nothing is asked of a server."""
        lacks = [part for part in parts if self.find(task, part, language) is None]
        if self._kind(task) == "ud":
            files = [self._own_file(task, part, language) for part in lacks]
            repository, revision = f"UniversalDependencies/{language.treebank}", language.treebank_revision
            return [Item(repository, file.name, revision) for file in files if file and not _mark(file).exists()]
        if self._kind(task) == "text":
            text = Item(wikipedia.REPOSITORY, f"{wikipedia.config(language)}/*.parquet", wikipedia.REVISION)
            return [text] if "train" in lacks else []
        place = self._place(task, language)
        pinned = self._downloads.pinned(self._note(place))
        revision = pinned.revision if pinned else _revisions(place)[0]
        return [
            Item(place.dataset, name, revision)
            for part in lacks
            for name in _names(pinned, place, part) or [_pattern(place, part)]
        ]

    def fetch(self, wanted: Iterable[Wanted], progress: Progress | None = None) -> None:
        """Download what the cache lacks; `InputError`, offline at once and with everything that is lacking."""
        lacking = [(one, items) for one in dict.fromkeys(wanted) if (items := self.lacking(*one))]
        if not lacking:
            return
        if self._downloads.offline:
            named = [(task.corpus or item.repository, item) for (task, *_), items in lacking for item in items]
            corpora = " ".join(dict.fromkeys(task.corpus for (task, *_), _ in lacking))
            how = f"get them by: hxbench prepare {corpora} --data-source hub"
            if self.own or any(task.answers_texts for (task, *_), _ in lacking):
                how = f"the same command{'' if self.own else ' with --data-source hub'} gets them."
            raise InputError(
                f"offline ({self._downloads.offline}), and the cache {self._downloads.folder} lacks "
                f"{grouped(dict.fromkeys(named))}; with a network, {how}"
            )
        network.endpoint("HXBENCH_UD_ENDPOINT"), network.endpoint("HF_ENDPOINT")  # before anything has come
        for (task, language, parts), items in lacking:
            if self._kind(task) == "ud":
                self._fetch_treebank(task, language, progress)
            elif self._kind(task) == "text":
                with explaining(items[0]):
                    target, endpoint = self._own_file(task, "train", language), self._downloads.endpoint()
                    assert target
                    wikipedia.fetch_sentences(target, language, self._sentences, endpoint, progress)
            else:
                self._fetch_parts(task, language, parts, progress)

    def _fetch_treebank(self, task: Task, language: Language, progress: Progress | None) -> None:
        """Fetch the splits of a treebank; the release has no dev or no train file of some, but always one file."""
        endpoint = network.endpoint("HXBENCH_UD_ENDPOINT") or UD_ENDPOINT
        place = f"{endpoint}/{language.treebank}/{language.treebank_revision}"
        files = [file for split in SPLITS if (file := self._own_file(task, split, language))]
        absent = [file for file in files if not download(f"{place}/{file.name}", file, progress)]
        if len(absent) == len(files):
            names = ", ".join(file.name for file in absent)
            raise InputError(f"UniversalDependencies/{language.treebank} has none of {names} at {place}.")
        for file in absent:
            write_whole(_mark(file), b"")

    def _fetch_parts(
        self, task: Task, language: Language, parts: Sequence[str], progress: Progress | None
    ) -> None:
        """Fetch the parts of a data set, at the commit that the cache keeps to."""
        first, place = self.lacking(task, language, parts)[0], self._place(task, language)
        pinned = self._downloads.pin(self._note(place), first, _revisions(place))
        for part in parts:
            if not _names(pinned, place, part):
                raise InputError(
                    f"{first.repository} has no {_pattern(place, part)} at revision {pinned.revision}."
                )
        for item in self.lacking(task, language, parts):
            self._downloads.fetch(item, progress)

    def _place(self, task: Task, language: Language) -> HubPlace:
        """Return a corpus's data set, its configuration with the words of the language."""
        entry = self.entry(task, language)
        assert entry, "what is looked for is described"
        assert entry.hub, "what is looked for in a data set is in one"
        words = own_words(entry, language) if self.own else release_words(language)
        return entry.hub.model_copy(update={"config": filled(entry.hub.config, words)})

    def _note(self, place: HubPlace) -> str:
        revision = f"@{place.revision}" if self.own and place.revision else ""
        return f"{place.dataset}{revision}.json".replace("/", "--")

    def _own_file(self, task: Task, part: str, language: Language) -> Path | None:
        """Return where the cache has a file that is no data set's: of a treebank, or raw text."""
        if task.corpus == "text":
            name = wikipedia.file_name(language, self._sentences)
            return self._downloads.folder / "text" / name if part == "train" else None
        name = f"{language.treebank_stem}-ud-{part}.conllu"
        return self._downloads.folder / "ud" / language.treebank / language.treebank_revision / name


def _mark(path: Path) -> Path:
    """Return the mark that the release has no such split."""
    return path.with_name(f"{path.name}.absent")


def _revisions(place: HubPlace) -> tuple[str, ...]:
    """Return the revisions where the files of a data set are looked for, the preferred first."""
    return (place.revision,) if place.revision else ("main", "refs/convert/parquet")


def _pattern(place: HubPlace, part: str) -> str:
    folder = f"{place.config}/" if place.config else ""
    return f"{folder}{place.splits[part]}*.parquet"  # type: ignore[index]


def _names(pinned: Pinned | None, place: HubPlace, part: str) -> list[str]:
    """Return the files of a part, in order, by the forms of name that the hub's own tools give them.

    A repository with one configuration calls its folder `data` or `default`, or has none.
    """
    alone = place.alone or not place.config
    folders = [name for name in (place.config, *(("data", "default") if alone else ())) if name]
    folder, split = "|".join(map(re.escape, folders)), re.escape(place.splits[part])  # type: ignore[index]
    form = re.compile(
        rf"(({folder})/){'?' if alone else ''}({split}-\d+-of-\d+(-[0-9a-f]+)?|{split}/\d+|{split})\.parquet"
    )
    return [name for name in pinned.files if form.fullmatch(name)] if pinned else []
