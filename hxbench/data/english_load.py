"""The entry to the English corpora: which splits an origin has, and each as a memory-mapped `datasets.Dataset`.

The interface is that of `hxbench.data.load.Corpora`, with English as its only language.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench.data import english_hub as hub
from hxbench.data import english_layout as layout
from hxbench.data.arrow import Columns, cached, tagged_or_text
from hxbench.data.digest import file_digest
from hxbench.data.english_hub import EnglishHub
from hxbench.data.english_text import Text, read_running_text, text_sources
from hxbench.data.examples import READER_VERSION, format_of, read_examples
from hxbench.data.load import Origin
from hxbench.data.readers.lines import require_input
from hxbench.data.readers.records import KINDS
from hxbench.data.sandbox_origin import sandbox_folder
from hxbench.data.schema import SPLITS, features
from hxbench.data.seal import rows_of
from hxbench.data.splits import Portion, choice, chosen_rows, portions
from hxbench.data.table import example_features, examples_of, in_columns
from hxbench.data.transfer import Progress
from hxbench.errors import InputError, did_you_mean
from hxbench.languages import Language, language_set
from hxbench.places import cache_dir
from hxbench.spec import DataSpec
from hxbench.tasks import ENGLISH, MLM, Task, task_of, tasks_in, text_tasks

if TYPE_CHECKING:
    import datasets


class EnglishCorpora:
    """The English corpora of one origin, split, cut and capped as `data` says.

    Tasks are those of `text_tasks()`, with the columns `fields` (list of strings, in the order of `Task.fields`)
    and `target` (string: the class id, the score as it is written, the reference text, or the answers to a
    question with a line feed between them), and `mlm`, with the column `text`, which the hub has not. `languages`
    has English alone. Raises `InputError` for a folder without a corpus and for options that make no sense.
    """

    languages: dict[str, Language]

    def __init__(self, origin: Origin, data: DataSpec) -> None:
        self.origin = origin
        self.data = data
        self.languages = {ENGLISH: language_set("hyperx")[ENGLISH]}
        if data.train_examples is not None and data.train_share is not None:
            raise InputError("train_examples and train_share both cut the training sets; give one of them.")
        self._cache = cache_dir() / "corpora"
        self._root: Path | None = None
        self._hub: EnglishHub | None = None
        if origin.kind == "mirror":
            self._root = layout.check_folder(origin.folder)
        elif origin.kind == "hub":
            self._hub = EnglishHub(cache_dir() / "hub", offline=origin.offline)
        elif origin.kind != "sandbox":
            raise InputError(did_you_mean("data source", origin.kind, ["sandbox", "hub", "mirror"]))

    def splits(self, task: str, language: str) -> tuple[str, ...]:
        """Return which of train, dev and test the rule can make for a task; () where the origin lacks it.

        Nothing is read and nothing fetched. For `mlm` it is `("train",)` or ().
        """
        if (known := self._task(task, language)) is None:
            return ("train",) if self._texts() else ()
        wanted = self._portions(known)
        if self._hub:
            return tuple(split for split in SPLITS if wanted[split].part in hub.parts_of(known))
        found = {part for part in layout.PARTS if layout.find(self._folder(known), known, part)}
        return tuple(split for split in SPLITS if wanted[split].part in found)

    def load(self, task: str, language: str, split: str) -> "datasets.Dataset":
        """Return a split as a dataset on disk; its rows are in the order of `splits.chosen_rows`.

        Memory does not grow with the corpus. The Arrow files, one of each part of a release and one of each split
        that is a piece of it, are written once per fingerprint in the cache; several processes may do so at once.
        Raises `InputError` for a split that the origin lacks, for one that cannot be made of so few examples, and
        for broken files.
        """
        fingerprint = self.fingerprint(task, language, split)
        place = self._place(task, split, fingerprint)
        if (known := self._task(task, language)) is None:
            return cached(place, fingerprint, features(MLM), self._running_text)
        return cached(place, fingerprint, example_features(), lambda: self._chosen(known, split))

    def size(self, task: str, language: str, split: str) -> int:
        """Return the number of rows of a split, which is read once for that; the file is not checked in full."""
        known = rows_of(self._place(task, split, self.fingerprint(task, language, split)))
        return len(self.load(task, language, split)) if known is None else known

    def fingerprint(self, task: str, language: str, split: str) -> str:
        """Return 16 hex digits for the rows of a split: source bytes, what cuts and caps it, reader version."""
        known = self._task(task, language)
        identity: dict[str, Any] = {"task": task, "reader": READER_VERSION, "cap": self._cap(task, split)}
        if known is None:
            if split != "train" or not self._texts():
                raise self._absent(task, split)
            identity["sources"] = [[text.kind, self._digests(text.files)] for text in self._texts()]
        else:
            portion = self._portion(known, split)
            identity["sources"] = self._digests(self._files(known, split))
            identity["portion"] = [portion.part, portion.piece]
            identity["rows"] = choice(portion, split, self.data)
        return _hashed(identity)

    def require(self, task: str, language: str, split: str) -> None:
        """Raise `InputError`, with where it was looked for, unless the origin has a split."""
        if split not in self.splits(task, language):
            raise self._absent(task, split)

    def missing(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the pairs that the origin lacks, in the order given; for the hub, also those not in the cache."""
        return [(task, code) for task, code in pairs if not self.splits(task, code) or self._lacking(task)]

    def fetch(self, pairs: Iterable[tuple[str, str]], progress: Progress | None = None) -> None:
        """Download what the pairs need and the cache lacks; only the hub has anything to do.

        `progress` is called with the name of a file, how many bytes of it have come and how many it has. Raises
        `InputError`, offline at once and with everything that is lacking.
        """
        known = [self._task(task, code) for task, code in pairs]
        if self._hub:
            self._hub.fetch([(task, self._parts(task)) for task in dict.fromkeys(known) if task], progress)

    def _running_text(self) -> Iterator[Columns]:
        return tagged_or_text(MLM, islice(read_running_text(self._texts()), self._cap(MLM, "train")))

    def _chosen(self, task: Task, split: str) -> Iterator[Columns]:
        """Return the examples of a split, taken from the part of the release that it is a piece of."""
        whole, portion = self._whole(task, split), self._portion(task, split)
        try:
            rows = chosen_rows(portion, len(whole), **choice(portion, split, self.data))
        except InputError as error:
            raise InputError(f"{task.title}, {split}: {error}") from None
        chosen = whole if rows is None else whole.select(rows)
        return in_columns(islice(examples_of(chosen), self._cap(task.name, split)))

    def _whole(self, task: Task, split: str) -> "datasets.Dataset":
        """Return the part of the release that a split is a piece of, in file order."""
        files, part = self._files(task, split), self._portion(task, split).part
        identity = {"task": task.name, "reader": READER_VERSION, "sources": self._digests(files), "part": part}
        fingerprint = _hashed(identity)
        place = self._place(task.name, f"whole-{part}", fingerprint)
        return cached(place, fingerprint, example_features(), lambda: in_columns(read_examples(task, files)))

    def _place(self, task: str, what: str, fingerprint: str) -> Path:
        return self._cache / task / f"{ENGLISH}-{what}-{fingerprint}.arrow"

    def _cap(self, task: str, split: str) -> int | None:
        data = self.data
        caps = {"train": data.train_sentences, "dev": data.dev_sentences, "test": data.test_sentences}
        if split not in caps:
            raise InputError(did_you_mean("split", split, list(SPLITS)))
        return data.text_sentences if task == MLM else caps[split]

    def _task(self, name: str, language: str) -> Task | None:
        """Return the task, or None for running text."""
        if language not in self.languages:
            raise InputError(did_you_mean("language", language, list(self.languages)))
        if name != MLM and name not in text_tasks():
            raise InputError(did_you_mean("task", name, [*text_tasks(), MLM]))
        return _text_task(name)

    def _portions(self, task: Task) -> dict[str, Portion]:
        return portions(task, self.data.split_rule, self.data.split_limit)

    def _portion(self, task: Task, split: str) -> Portion:
        return self._portions(task)[split]

    def _parts(self, task: Task) -> tuple[str, ...]:
        return tuple(dict.fromkeys(portion.part for portion in self._portions(task).values()))

    def _folder(self, task: Task | None = None) -> Path:
        """Return the folder of a task, or of running text; of the sandbox what is asked for is made first.

        PET's further tasks have a folder of their own there, so that they are in no running text.
        """
        if self._root is not None:
            return self._root
        further = task is not None and task.name not in tasks_in("pha")
        return sandbox_folder("pet" if further else "english", self.origin.sandbox_seed)

    def _texts(self) -> list[Text]:
        return [] if self._hub else text_sources(self._folder())

    def _lacking(self, name: str) -> bool:
        task = _text_task(name)
        return bool(self._hub and task and self._hub.lacking(task, self._parts(task)))

    def _files(self, task: Task, split: str) -> tuple[Path, ...]:
        part = self._portion(task, split).part
        if self._hub:
            self._hub.fetch([(task, self._parts(task))])
            files = self._hub.find(task, part)
        else:
            files = layout.find(self._folder(task), task, part)
        if files is None:
            raise self._absent(task.name, split)
        return files

    def _digests(self, files: Iterable[Path]) -> list[str]:
        digests = []
        for path in files:
            # A file that cannot be read is named as the reader would.
            require_input(path, KINDS[format_of(path)])
            digests.append(file_digest(path, self._cache / "sums"))
        return digests

    def _absent(self, name: str, split: str) -> InputError:
        """Return the error for a split that the origin lacks, with where it was looked for."""
        task = _text_task(name)
        if self._hub:
            return InputError(f"the hub has no {split} split of {task.title if task else 'running text'}.")
        if task is None:
            return InputError(f"{self._folder()} has no {split} split of running text.")
        part = self._portion(task, split).part
        looked = " or ".join(" and ".join(place) for place in layout.candidates(task, part)) or "nothing"
        return InputError(f"{self._folder(task)} has no {split} split of {task.title}; looked for {looked}.")


def _hashed(identity: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def _text_task(name: str) -> Task | None:
    """Return the task, or None for running text."""
    return None if name == MLM else task_of(name)
