"""The public release places of every corpus: which file of which repository is which part, at which commit.

UD 2.7 comes as CoNLL-U from each treebank's repository at the commit in `languages.py`, everything else as Parquet
and never as code from the Hugging Face hub: WikiANN, the tasks of PHA and PET scaling, and raw text out of its
Wikipedia (`wikipedia.py`). Of some repositories the commit is known; of the others none could be confirmed, and
the first download resolves one (`Downloads.pin`). Where a repository has a loading script instead of Parquet
files, the hub's own conversion of it is used, which is another branch. `HXBENCH_UD_ENDPOINT` names another server
with the treebanks.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from hxbench import network
from hxbench.data import wikipedia
from hxbench.data.digest import write_whole
from hxbench.data.downloads import Downloads, Item, Pinned, explaining
from hxbench.data.splits import OWN_TEST, SPLITS, WITHOUT_DEV
from hxbench.data.transfer import Progress, download
from hxbench.errors import InputError
from hxbench.printing import grouped
from hxbench.spec.languages import Language
from hxbench.tasks import Task

UD_ENDPOINT = "https://raw.githubusercontent.com/UniversalDependencies"
WIKIANN = "unimelb-nlp/wikiann"
REPOSITORIES = {  # by corpus or suite
    "wikiann": WIKIANN,
    "glue": "nyu-mll/glue",
    "superglue": "aps/super_glue",
    "scitail": "allenai/scitail",
    "xsum": "EdinburghNLP/xsum",
    "wmt16": "wmt/wmt16",
    "imdb": "stanfordnlp/imdb",
    "rotten_tomatoes": "cornell-movie-review-data/rotten_tomatoes",
    "nq_open": "google-research-datasets/nq_open",
    "samsum": "knkarthick/samsum",
    "multi_news": "alexfabbri/multi_news",
}
COMMITS = {  # of their Parquet files, as public code that uses them has it
    "imdb": "e6281661ce1c48d982bc483cf8a173c1bbeb5d31",
    "rotten_tomatoes": "aa13bc287fa6fcab6daf52f0dfb9994269ffea28",
    "nq_open": "5dd9790a83002ad084ddeb7c420dc716852c6f28",
}
_ONE_CONFIG = ("xsum", "rotten_tomatoes", "samsum", "multi_news")
# Of SciTail the format with all 23,596 training examples: the other one lost some to its quotation marks.
_CONFIGS = {
    "wsc": "wsc.fixed",
    "scitail": "snli_format",
    "roen": "ro-en",
    "enro": "ro-en",
    "imdb": "plain_text",
    "nq": "nq_open",
}
_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
_MNLI = {"train": "train", "dev": "validation_matched", "mismatched": "validation_mismatched"}
Wanted = tuple[Task, Language, Sequence[str]]
"""A task and a language, and the parts that are wanted of it."""


class Hub:
    """The release places seen through a folder of the cache; a language gets `sentences` of raw text."""

    folder: None = None  # of the files of a task there is none

    def __init__(self, folder: Path, *, offline: bool, sentences: int | None = None) -> None:
        self._downloads = Downloads(folder, offline=offline)
        self._sentences = min(sentences or wikipedia.MOST_SENTENCES, wikipedia.MOST_SENTENCES)

    def parts(self, task: Task, language: Language) -> tuple[str, ...]:
        """Return the parts that have labels; of a corpus by language, which is fetched first, those there are."""
        if task.answers_texts:
            return labelled_parts(task)
        self.fetch([(task, language, SPLITS)])
        return tuple(split for split in SPLITS if self.find(task, split, language))

    def files(self, task: Task, part: str, language: Language, parts: Iterable[str]) -> tuple[Path, ...] | None:
        """Return the files of a part, fetched if need be with all other `parts`, or None."""
        self.fetch([(task, language, tuple(parts))])
        return self.find(task, part, language)

    def absent(self, task: Task, split: str, part: str, language: Language, what: str) -> InputError:
        """Return the error for a split of `what` that the release does not have."""
        return InputError(f"the release has no {split} split of {what}.")

    def find(self, task: Task, part: str, language: Language) -> tuple[Path, ...] | None:
        """Return the files of a part from the cache, or None where the cache lacks one of them."""
        if task.corpus in ("ud", "text"):
            if (path := self._own_file(task, part, language)) and path.exists():
                return (path,)
            return None
        if (pinned := self._downloads.pinned(_note(task))) is None:
            return None
        items = [Item(_repository(task), name, pinned.revision) for name in _names(pinned, task, part, language)]
        found = [path for item in items if (path := self._downloads.find(item))]
        return tuple(found) if found and len(found) == len(items) else None

    def lacking(self, task: Task, language: Language, parts: Iterable[str]) -> list[Item]:
        """Return what is not in the cache of these parts; nothing is asked of a server."""
        lacks = [part for part in parts if self.find(task, part, language) is None]
        if task.corpus == "ud":
            files = [self._own_file(task, part, language) for part in lacks]
            repository, revision = f"UniversalDependencies/{language.treebank}", language.treebank_revision
            return [Item(repository, file.name, revision) for file in files if file and not _mark(file).exists()]
        if task.corpus == "text":
            text = Item(wikipedia.REPOSITORY, f"{wikipedia.config(language)}/*.parquet", wikipedia.REVISION)
            return [text] if "train" in lacks else []
        pinned = self._downloads.pinned(_note(task))
        revision = pinned.revision if pinned else _places(task)[0]
        return [
            Item(_repository(task), name, revision)
            for part in lacks
            for name in _names(pinned, task, part, language) or [_pattern(task, part, language)]
        ]

    def fetch(self, wanted: Iterable[Wanted], progress: Progress | None = None) -> None:
        """Download what is wanted and the cache lacks.

        Raises `InputError`: offline, at once and with everything that is lacking; else for a file that is not at
        its place (repository, file, revision) and for a server that cannot be reached.
        """
        lacking = [(one, items) for one in dict.fromkeys(wanted) if (items := self.lacking(*one))]
        if not lacking:
            return
        if self._downloads.offline:
            named = [(task.corpus or item.repository, item) for (task, *_), items in lacking for item in items]
            corpora = " ".join(dict.fromkeys(task.corpus for (task, *_), _ in lacking))
            how = f"get them by: hxbench prepare {corpora} --data-source hub"
            if any(task.answers_texts for (task, *_), _ in lacking):
                how = "the same command with --data-source hub gets them."
            raise InputError(
                f"offline ({self._downloads.offline}), and the cache {self._downloads.folder} lacks "
                f"{grouped(dict.fromkeys(named))}; with a network, {how}"
            )
        network.endpoint("HXBENCH_UD_ENDPOINT"), network.endpoint("HF_ENDPOINT")  # before anything has come
        for (task, language, parts), items in lacking:
            if task.corpus == "ud":
                self._fetch_treebank(task, language, progress)
            elif task.corpus == "text":
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
        first = self.lacking(task, language, parts)[0]
        pinned = self._downloads.pin(_note(task), first, _places(task))
        for part in parts:
            if not _names(pinned, task, part, language):
                lacks = _pattern(task, part, language)
                raise InputError(f"{first.repository} has no {lacks} at revision {pinned.revision}.")
        for item in self.lacking(task, language, parts):
            self._downloads.fetch(item, progress)

    def _own_file(self, task: Task, part: str, language: Language) -> Path | None:
        """Return where the cache has a file that is no data set's: of a treebank, or raw text."""
        if task.corpus == "text":
            name = wikipedia.file_name(language, self._sentences)
            return self._downloads.folder / "text" / name if part == "train" else None
        name = f"{language.treebank_stem}-ud-{part}.conllu"
        return self._downloads.folder / "ud" / language.treebank / language.treebank_revision / name


def labelled_parts(task: Task) -> tuple[str, ...]:
    """Return the parts of a task's release that have labels."""
    if task.name == "mnli":
        return tuple(_MNLI)
    if task.name in WITHOUT_DEV:
        return "train", "test"
    return tuple(_SPLITS) if task.name in OWN_TEST else ("train", "dev")


def _mark(path: Path) -> Path:
    """Return the mark that the release has no such split."""
    return path.with_name(f"{path.name}.absent")


def _repository(task: Task) -> str:
    return REPOSITORIES[task.corpus or task.suite]


def _note(task: Task) -> str:
    """Return the file of the cache with the commit that it keeps to; of WikiANN the files are known by name."""
    return "wikiann-revision" if task.corpus else f"{_repository(task).replace('/', '--')}.json"


def _places(task: Task) -> tuple[str, ...]:
    """Return the revisions where the files of a task are looked for, the first place first."""
    if task.corpus:
        return ("main",)
    return (COMMITS[task.suite],) if task.suite in COMMITS else ("main", "refs/convert/parquet")


def _config(task: Task, language: Language) -> str:
    return language.wikiann if task.corpus else _CONFIGS.get(task.name, task.name)


def _split(task: Task, part: str) -> str:
    return (_MNLI if task.name == "mnli" else _SPLITS)[part]


def _pattern(task: Task, part: str, language: Language) -> str:
    return f"{_config(task, language)}/{_split(task, part)}*.parquet"


def _names(pinned: Pinned | None, task: Task, part: str, language: Language) -> list[str]:
    """Return the files of a part, in order, by the forms of name that the hub's own tools give them.

    A repository with one configuration calls its folder `data` or `default`, or has none.
    """
    config, split = _config(task, language), _split(task, part)
    if task.corpus:
        return [f"{config}/{split}-00000-of-00001.parquet"]
    one = task.suite in _ONE_CONFIG
    folder, split = "|".join(map(re.escape, (config, *(("data", "default") if one else ())))), re.escape(split)
    form = re.compile(
        rf"(({folder})/){'?' if one else ''}({split}-\d+-of-\d+(-[0-9a-f]+)?|{split}/\d+|{split})\.parquet"
    )
    return [name for name in pinned.files if form.fullmatch(name)] if pinned else []
