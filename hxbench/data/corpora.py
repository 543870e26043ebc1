"""The entry to all corpora: which splits an origin has, and each as a memory-mapped `datasets.Dataset`."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hxbench.data.arrow import cached, fingerprint_of, rows_of
from hxbench.data.collection import collection_of
from hxbench.data.described import require_taken_by_formats
from hxbench.data.digest import file_digest
from hxbench.data.downloads import Progress
from hxbench.data.hub import Hub, Wanted
from hxbench.data.kinds import Corpus, Examples, OneFile, Source, TextOfTasks, features
from hxbench.data.mirror import Mirror, OwnFiles, stand_ins, unread
from hxbench.data.readers.lines import require_input
from hxbench.errors import InputError, did_you_mean
from hxbench.leftovers import sweep, temporary
from hxbench.places import cache_dir
from hxbench.sandbox import Sandbox, sandbox_name, write_sandbox
from hxbench.spec.languages import Language
from hxbench.spec.run_spec import DataSpec
from hxbench.system_errors import writing
from hxbench.tasks import MLM, task_of
from hxbench.tasks.description import OwnData

if TYPE_CHECKING:
    import datasets


@dataclass(frozen=True)
class Origin:
    """Where corpora come from: made on the spot, the public release places, or a local mirror in `folder`."""

    kind: Literal["sandbox", "hub", "mirror"]
    folder: Path | None = None
    offline: bool = False


class Corpora:
    """The corpora of one origin, read, split, cut and capped as `data` says; all of the multilingual ones if None.

    `languages` are those of the collection, by code. The pairs that `own` describes are read from where it says,
    all others from the origin, or from nowhere where `own` extends nothing. Raises `InputError` for a mirror
    without a corpus and for options that make no sense.
    """

    languages: dict[str, Language]

    def __init__(self, origin: Origin, data: DataSpec | None = None, own: OwnData | None = None) -> None:
        if origin.kind not in ("sandbox", "hub", "mirror"):
            raise InputError(did_you_mean("data source", origin.kind, ["sandbox", "hub", "mirror"]))
        self.origin = origin
        self.data = data or DataSpec(origin=origin.kind, described=own.described if own else None)
        if self.data.train_examples is not None and self.data.train_share is not None:
            raise InputError("train_examples and train_share both cut the training sets; give one of them.")
        self.own = own
        self.collection = collection_of(self.data, origin.kind)
        self.languages = self.collection.languages
        self._cache = cache_dir() / "corpora"
        self._source = self._opened()
        self._own: dict[str, Source] = {}  # by where a corpus is described to be
        if own:
            require_taken_by_formats(own)
            sentences = self.data.text_sentences
            hub = Hub(cache_dir() / "hub", offline=origin.offline, sentences=sentences, own=own)
            self._own = {"files": OwnFiles(own), "hub": hub}

    def _opened(self) -> Source:
        """Return where the corpora that ship are."""
        origin, sandboxes = self.origin, self.collection.sandboxes
        if self.own and not self.own.described.extends:
            return OwnFiles(self.own)
        if origin.kind == "hub":
            return Hub(cache_dir() / "hub", offline=origin.offline, sentences=self.data.text_sentences)
        if origin.kind == "sandbox":
            return Mirror(lambda task: sandbox_folder(sandboxes[task.name], self.data.sandbox_seed))
        if (root := origin.folder) is None:
            raise InputError("a mirror needs a folder; give one with --data-source DIR.")
        self.collection.check_mirror(root)
        return Mirror(lambda _: root)

    def splits(self, task: str, language: str) -> tuple[str, ...]:
        """Return which of train, dev and test exist for a pair, in this order; () where the origin lacks it.

        Nothing is read. Only the hub itself knows which splits a treebank, names or text of a language have, so
        that what is not in the cache yet is fetched first (offline: `InputError`).
        """
        if task == MLM and MLM not in self.collection.tasks:
            return ()
        return self._corpus(task, language).splits()

    def load(self, task: str, language: str, split: str) -> "datasets.Dataset":
        """Return a split as a dataset on disk, in the columns of `features`; memory does not grow with the corpus.

        An Arrow file is written once per fingerprint in the cache, one more for each part of a release that is
        divided, and checked before it is used. Raises `InputError` for a split that the origin lacks or that
        cannot be made of so few examples, and for broken files.
        """
        corpus = self._corpus(task, language)
        fingerprint = fingerprint_of(corpus.identity(split))

        def place(what: str, mark: str) -> Path:
            return self._place(task, language, what, mark)

        return cached(
            place(split, fingerprint), fingerprint, features(corpus.task), lambda: corpus.rows(split, place)
        )

    def size(self, task: str, language: str, split: str) -> int:
        """Return the number of rows of a split, which is read once for that; the file is not checked in full."""
        known = rows_of(self._place(task, language, split, self.fingerprint(task, language, split)))
        return len(self.load(task, language, split)) if known is None else known

    def fingerprint(self, task: str, language: str, split: str) -> str:
        """Return 16 hex digits for the rows of a split: source bytes, what cuts and caps them, reader version."""
        return fingerprint_of(self._corpus(task, language).identity(split))

    def require(self, task: str, language: str, split: str) -> None:
        """Raise `InputError`, with where it was looked for, unless the origin has a split."""
        corpus = self._corpus(task, language)
        corpus.cap(split)
        if split not in corpus.splits():
            raise corpus.absent(split)

    def missing(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the pairs that the origin lacks, in the order given; for the hub, those not in the cache yet."""
        return [(task, code) for task, code in pairs if self._lacks(self._corpus(task, code))]

    def fetch(self, pairs: Iterable[tuple[str, str]], progress: Progress | None = None) -> None:
        """Download what the pairs need and the cache lacks; only the hub has anything to do.

        `progress` is called with a name, how much has come and how much it is in all: bytes of a file, sentences
        of raw text. Raises `InputError`, offline at once and with everything that is lacking.
        """
        wanted: dict[Hub, list[Wanted]] = {}
        for corpus in (self._corpus(task, code) for task, code in pairs):
            if isinstance(corpus.source, Hub) and corpus.downloaded:
                wanted.setdefault(corpus.source, []).append((corpus.task, corpus.language, corpus.parts()))
        for hub, some in wanted.items():
            hub.fetch(some, progress)

    def train_on(self, task: str, language: str) -> Literal["train", "test"]:
        """Return the split that a pair is trained on where it has both: `test` of a treebank without another."""
        if self.own and (entry := self.own.corpora.get((task, language))):
            return entry.train_on
        return "train" if task != "pos" or self.languages[language].has_train else "test"

    def stand_ins(self, used: Iterable[tuple[str, str, str]]) -> dict[str, str]:
        """Return what a mirror's manifest says of the (task, language, split) that a run uses (`mirror`)."""
        root, own = self._root(), self.own.corpora if self.own else {}
        return stand_ins(root, [one for one in used if one[:2] not in own], self.languages) if root else {}

    def unread(self) -> str:
        """Return a sentence with what a mirror holds and nothing reads, "" where there is nothing."""
        files = OwnFiles(self.own).every() if self.own else ()
        return unread(root, files) if (root := self._root()) else ""

    def _root(self) -> Path | None:
        return self.origin.folder if self.origin.kind == "mirror" else None

    def _corpus(self, name: str, code: str) -> Corpus:
        if name not in (*self.collection.tasks, MLM):  # a description without raw text has none of it
            raise InputError(did_you_mean("task", name, list(self.collection.tasks)))
        if code not in self.languages:
            raise InputError(did_you_mean("language", code, list(self.languages)))
        task = task_of(name)
        entry = self.own.corpora.get((name, code)) if self.own else None
        kind: type[Corpus] = Examples if task.answers_texts else OneFile
        if name == MLM and self.collection.text_of_tasks and entry is None:
            kind = TextOfTasks
        source = self._own["files" if entry.files else "hub"] if entry else self._source
        return kind(task, self.languages[code], self.data, source, self._digest)

    def _lacks(self, corpus: Corpus) -> bool:
        if corpus.entry is None:
            return True
        if isinstance(corpus.source, Hub) and corpus.downloaded:
            return bool(corpus.source.lacking(corpus.task, corpus.language, corpus.parts()))
        return not corpus.splits()

    def _digest(self, path: Path, kind: str) -> str:
        require_input(path, kind)  # so that a file that cannot be read is named as the reader would
        return file_digest(path, self._cache / "sums")

    def _place(self, task: str, language: str, what: str, fingerprint: str) -> Path:
        return self._cache / task / f"{language}-{what}-{fingerprint}.arrow"


def sandbox_folder(which: Sandbox, seed: int) -> Path:
    """Return the folder of a sandbox in the cache, made first if need be (seconds), whole or not at all."""
    folder = cache_dir() / "sandbox" / sandbox_name(which, seed)
    if folder.is_dir():
        return folder
    part = temporary(folder)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        sweep(folder.parent)
        try:
            write_sandbox(which, part, seed)
            try:
                part.rename(folder)
            except OSError:
                if not folder.is_dir():  # otherwise another process was first, with the same bytes
                    raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder
