"""The entry to all corpora: which splits an origin has, and each as a memory-mapped `datasets.Dataset`."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hxbench.data.arrow import Columns, cached, tagged_or_text
from hxbench.data.digest import file_digest
from hxbench.data.hub import Hub
from hxbench.data.mirror import candidates, check_mirror, find, find_splits
from hxbench.data.readers import conllu, text, wikiann
from hxbench.data.readers.conllu import MULTIWORD, read_conllu
from hxbench.data.readers.lines import require_input
from hxbench.data.readers.text import read_text
from hxbench.data.readers.wikiann import read_wikiann, read_wikiann_parquet
from hxbench.data.sandbox_origin import sandbox_folder
from hxbench.data.schema import SPLITS, features
from hxbench.data.seal import rows_of
from hxbench.data.transfer import Progress
from hxbench.errors import InputError, did_you_mean
from hxbench.languages import Language, language_set
from hxbench.places import cache_dir
from hxbench.tasks import task_of

if TYPE_CHECKING:
    import datasets

READER_VERSION = 1  # goes up whenever the same file would be read into other rows
CAPS = (*SPLITS, "text")
_KINDS = {"ner": wikiann.KIND, "pos": conllu.KIND, "mlm": text.KIND}


@dataclass(frozen=True)
class Origin:
    """Where corpora come from: made on the spot, the public release places, or a local mirror in `folder`."""

    kind: Literal["sandbox", "hub", "mirror"]
    folder: Path | None = None
    offline: bool = False
    sandbox_seed: int = 0


class Corpora:
    """The corpora of one origin under one set of reading options.

    `multiword` is the treatment of multi-word tokens (`conllu.read_conllu`); `caps` has the first N sentences to
    keep, by `train`, `dev`, `test` and `text`; absent or None is all, but of the hub's text never more than the
    paper's 100,000 sentences. `languages` are the languages by code: the sandbox set for the sandbox, the paper's
    otherwise. Raises `InputError` for a mirror without a corpus and for options that make no sense.
    """

    languages: dict[str, Language]

    def __init__(
        self, origin: Origin, *, multiword: str = "skip", caps: Mapping[str, int | None] | None = None
    ) -> None:
        self.origin = origin
        self.multiword = multiword
        self.caps = dict(caps or {})
        if multiword not in MULTIWORD:
            raise InputError(did_you_mean("multiword option", multiword, list(MULTIWORD)))
        for name, cap in self.caps.items():
            if name not in CAPS:
                raise InputError(did_you_mean("cap", name, list(CAPS)))
            if cap is not None and cap < 1:
                raise InputError(f"the cap on {name} is {cap}; expected at least one sentence.")
        self.languages = language_set("sandbox" if origin.kind == "sandbox" else "hyperx")
        self._cache = cache_dir() / "corpora"
        self._root: Path | None = None
        self._hub: Hub | None = None
        if origin.kind == "mirror":
            if origin.folder is None:
                raise InputError("a mirror needs a folder; give one with --data-source DIR.")
            self._root = origin.folder
            check_mirror(self._root)
        elif origin.kind == "hub":
            self._hub = Hub(cache_dir() / "hub", offline=origin.offline, sentences=self.caps.get("text"))
        elif origin.kind != "sandbox":
            raise InputError(did_you_mean("data source", origin.kind, ["sandbox", "hub", "mirror"]))

    def splits(self, task: str, language: str) -> tuple[str, ...]:
        """Return which of train, dev and test exist for a pair, in this order; () where the origin lacks it.

        Nothing is read. For `mlm` it is `("train",)` or (). Only the release place itself knows which splits a
        treebank has, so for the hub a pair that is not in the cache yet is fetched first (offline: `InputError`).
        """
        known = self._language(task, language)
        if self._hub:
            self._hub.fetch([(task, known)])
            return tuple(split for split in SPLITS if self._hub.find(task, known, split))
        return find_splits(self._folder(), task, known)

    def load(self, task: str, language: str, split: str) -> "datasets.Dataset":
        """Return a split as a dataset on disk: `words` and `tags` (class ids), or `text`.

        Memory does not grow with the corpus. The Arrow file is written once per fingerprint in the cache and
        checked before it is used; several processes may do so at once. Raises `InputError` for a split that the
        origin lacks and for broken files.
        """
        source = self._source(task, language, split)
        fingerprint = self.fingerprint(task, language, split)
        cap = self.caps.get(self._cap_name(task, split))

        def make() -> Iterator[Columns]:
            return tagged_or_text(task, islice(self._read(task, source), cap))

        return cached(self._place(task, language, split, fingerprint), fingerprint, features(task), make)

    def size(self, task: str, language: str, split: str) -> int:
        """Return the number of rows of a split, which is read once for that; the file is not checked in full."""
        place = self._place(task, language, split, self.fingerprint(task, language, split))
        known = rows_of(place)
        return len(self.load(task, language, split)) if known is None else known

    def fingerprint(self, task: str, language: str, split: str) -> str:
        """Return 16 hex digits for the rows of a split: source bytes, reading options, cap and reader version."""
        source = self._source(task, language, split)
        require_input(source, _KINDS[task])  # so that a file that cannot be read is named as the reader would
        identity: dict[str, Any] = {
            "source": file_digest(source, self._cache / "sums"),
            "task": task,
            "labels": task_of(task).labels,
            "cap": self.caps.get(self._cap_name(task, split)),
            "reader": READER_VERSION,
        }
        if task == "pos":
            identity["multiword"] = self.multiword
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]

    def require(self, task: str, language: str, split: str) -> None:
        """Raise `InputError`, with where it was looked for, unless the origin has a split."""
        self._source(task, language, split)

    def missing(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the pairs that the origin lacks, in the order given; for the hub, those not in the cache yet."""
        if self._hub:
            return [(task, code) for task, code in pairs if self._hub.lacking(task, self._language(task, code))]
        return [(task, language) for task, language in pairs if not self.splits(task, language)]

    def fetch(self, pairs: Iterable[tuple[str, str]], progress: Progress | None = None) -> None:
        """Download what the pairs need and the cache lacks; only the hub has anything to do.

        `progress` is called with a name, how much has come and how much it is in all: bytes of a file, sentences
        of running text. Raises `InputError`, offline at once and with everything that is lacking.
        """
        if self._hub:
            self._hub.fetch([(task, self._language(task, code)) for task, code in pairs], progress)

    def _folder(self) -> Path:
        if self._root is None:
            self._root = sandbox_folder("multilingual", self.origin.sandbox_seed)
        return self._root

    def _language(self, task: str, code: str) -> Language:
        if task not in _KINDS:
            raise InputError(did_you_mean("task", task, list(_KINDS)))
        if code not in self.languages:
            raise InputError(did_you_mean("language", code, list(self.languages)))
        return self.languages[code]

    def _source(self, task: str, code: str, split: str) -> Path:
        language = self._language(task, code)
        if split not in SPLITS:
            raise InputError(did_you_mean("split", split, list(SPLITS)))
        if self._hub:
            self._hub.fetch([(task, language)])
            path = self._hub.find(task, language, split)
            if path is None:
                raise InputError(f"the release has no {split} split of {task_of(task).corpus} for {code}.")
            return path
        path = find(self._folder(), task, language, split)
        if path is None:
            looked = " or ".join(candidates(task, language, split)) or "nothing, as running text has only train"
            raise InputError(
                f"{self._folder()} has no {split} split of {task_of(task).corpus} for {code}; looked for {looked}."
            )
        return path

    def _place(self, task: str, language: str, split: str, fingerprint: str) -> Path:
        return self._cache / task / f"{language}-{split}-{fingerprint}.arrow"

    def _cap_name(self, task: str, split: str) -> str:
        return "text" if task == "mlm" else split

    def _read(self, task: str, source: Path) -> Iterator[Any]:
        if task == "pos":
            return read_conllu(source, self.multiword)
        if task == "ner":
            return read_wikiann_parquet(source) if source.suffix == ".parquet" else read_wikiann(source)
        return read_text(source)
