"""How the splits of a corpus are made of files: one file each, pieces of a release's parts, or many files' texts.

Each kind answers the same questions about one task in one language; `corpora.Corpora` asks them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench.data.arrow import Columns, cached, chunks, fingerprint_of, in_columns, rows_of_columns
from hxbench.data.described import form_of, identity_of, options_of
from hxbench.data.english_text import Text, read_raw_text, text_sources
from hxbench.data.examples import READER_VERSION, kind_of, read_examples
from hxbench.data.hub import Hub
from hxbench.data.mirror import Mirror
from hxbench.data.readers import READERS, format_of
from hxbench.data.splits import SPLITS, Portion, TooFew, choice, chosen_rows, portions
from hxbench.errors import InputError, did_you_mean
from hxbench.spec.languages import Language
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks import Task

if TYPE_CHECKING:
    import datasets

Source = Mirror | Hub  # a sandbox is read as a mirror


def features(task: Task) -> "datasets.Features":
    """Return the columns of a task's corpora.

    Tagged ones have `words` and `tags`, two lists of one length in each row, a tag being an index into the
    labels of the task. Raw text has `text`, one sentence a row. Tasks whose answers are to texts have `fields`
    (a list of strings, in the order of `Task.fields`) and `target` (a string: the class id, the score as it is
    written, the reference text, or the answers to a question with a line feed between them).
    """
    from datasets import Features, List, Value

    if task.answers_texts:
        return Features({"fields": List(Value("string")), "target": Value("string")})
    if task.type == "masked-lm":
        return Features({"text": Value("string")})
    width = next(bits for bits in (8, 16, 32) if len(task.labels) <= 2 ** (bits - 1))
    return Features({"words": List(Value("string")), "tags": List(Value(f"int{width}"))})


class Corpus(ABC):
    """One task in one language, from one source, under the options of `data`.

    `digest` gives the SHA-256 of a file whose format messages call by the second argument.
    """

    downloaded = True  # where the source is the hub

    def __init__(
        self, task: Task, language: Language, data: DataSpec, source: Source, digest: Callable[[Path, str], str]
    ) -> None:
        self.task, self.language, self.data, self.source, self.digest = task, language, data, source, digest
        self.entry = source.entry(task, language)
        self.own = self.entry if source.own else None  # of a user's own data
        self.reading = {"reading": identity_of(self.own, task)} if self.own else {}

    @abstractmethod
    def splits(self) -> tuple[str, ...]:
        """Return which of train, dev and test can be had, in this order."""

    @abstractmethod
    def identity(self, split: str) -> dict[str, Any]:
        """Return what the rows of a split depend on; `InputError` where the split cannot be had or read."""

    @abstractmethod
    def rows(self, split: str, place: Callable[[str, str], Path]) -> Iterator[Columns]:
        """Yield the rows of a split in columns; `place` is where a file of the cache with a fingerprint lies."""

    def absent(self, split: str) -> InputError:
        """Return the error for a split that cannot be had, with where it was looked for."""
        what = self.task.corpus or self.task.title
        if self.own or not self.task.answers_texts:
            what += f" for {self.language.code}"
        return self.source.absent(self.task, split, self.part(split), self.language, what)

    def part(self, split: str) -> str:
        """Return the part of the release that a split is made of; `InputError` for a split that is none."""
        self.cap(split)
        return split

    def parts(self) -> tuple[str, ...]:
        """Return the parts of the release that the splits are made of."""
        return self.entry.parts if self.entry else ()

    def _files(self, split: str) -> tuple[Path, ...]:
        part = self.part(split)
        found = self.source.files(self.task, part, self.language, self.parts()) if self.entry else None
        if found is None:
            raise self.absent(split)
        return found

    def _form(self, files: Sequence[Path]) -> str:
        assert self.entry, "what has files is described"
        return form_of(self.entry, files[0])

    def cap(self, split: str) -> int | None:
        """Return how many rows of a split are kept, None for all; `InputError` for a split that is none."""
        if split not in SPLITS:
            raise InputError(did_you_mean("split", split, list(SPLITS)))
        if self.task.type == "masked-lm":
            return self.data.text_sentences
        caps = {"train": self.data.train_sentences, "dev": self.data.dev_sentences}
        return caps.get(split, self.data.test_sentences)


class OneFile(Corpus):
    """Tagged words, or raw text of one language: files for a split, of which the first rows are kept."""

    def splits(self) -> tuple[str, ...]:
        found = self.source.parts(self.task, self.language)
        return tuple(split for split in SPLITS if split in found)

    def identity(self, split: str) -> dict[str, Any]:
        cap, paths = self.cap(split), self._files(split)
        form = self._form(paths)
        reader = READERS[form]
        digests = [self.digest(path, reader.kind) for path in paths]
        found = {
            "source": digests[0] if len(digests) == 1 else digests, "task": self.task.name,
            "labels": self.task.labels, "cap": cap, "reader": reader.version,
        }  # fmt: skip
        return found | self.reading | ({"multiword": self.data.multiword} if form == "conllu" else {})

    def rows(self, split: str, place: Callable[[str, str], Path]) -> Iterator[Columns]:
        paths, ids = self._files(split), {name: number for number, name in enumerate(self.task.labels)}
        form = self._form(paths)
        assert self.entry
        options = options_of(self.entry, form, self.task.labels, self.data.multiword)
        rows = chain.from_iterable(READERS[form].read(path, options) for path in paths)
        for chunk in chunks(islice(rows, self.cap(split))):
            if ids:
                yield [[row["words"] for _, row in chunk], [[ids[tag] for tag in row["tags"]] for _, row in chunk]]
            else:
                yield [[row["text"] for _, row in chunk]]


class Examples(Corpus):
    """Examples: a split is a part of a release or a piece of one, as `splits` says, in the order that it says."""

    def splits(self) -> tuple[str, ...]:
        found, wanted = self.source.parts(self.task, self.language), self._portions()
        return tuple(split for split in SPLITS if wanted[split].part in found)

    def identity(self, split: str) -> dict[str, Any]:
        cap, portion = self.cap(split), self._portion(split)
        return {
            "task": self.task.name, "reader": READER_VERSION, "cap": cap,
            "sources": self.digests(self._files(split)), "portion": [portion.part, portion.piece],
            "rows": choice(portion, split, self.data), **self.reading,
        }  # fmt: skip

    def rows(self, split: str, place: Callable[[str, str], Path]) -> Iterator[Columns]:
        whole, portion = self._whole(split, place), self._portion(split)
        try:
            rows = chosen_rows(portion, len(whole), **choice(portion, split, self.data))
        except TooFew as few:
            where = f"{self.task.title}, {split}: "
            raise TooFew(few.size, few.held_out, where, self.own is not None) from None
        except InputError as error:
            raise InputError(f"{self.task.title}, {split}: {error}") from None
        chosen = whole if rows is None else whole.select(rows)
        yield from in_columns(islice(rows_of_columns(chosen, "fields", "target"), self.cap(split)))

    def part(self, split: str) -> str:
        return self._portion(split).part

    def parts(self) -> tuple[str, ...]:
        known = super().parts()
        return tuple(dict.fromkeys(one.part for one in self._portions().values() if one.part in known))

    def digests(self, files: Sequence[Path]) -> list[str]:
        return [self.digest(path, kind_of(self._form(files))) for path in files]

    def _whole(self, split: str, place: Callable[[str, str], Path]) -> "datasets.Dataset":
        """Return the part of the release that a split is a piece of, in file order."""
        files, part = self._files(split), self.part(split)
        identity = {
            "task": self.task.name, "reader": READER_VERSION, "sources": self.digests(files), "part": part,
            **self.reading,
        }  # fmt: skip
        fingerprint = fingerprint_of(identity)
        path = place(f"whole-{part}", fingerprint)
        rows = lambda: in_columns(read_examples(self.task, files, self.own))  # noqa: E731
        return cached(path, fingerprint, features(self.task), rows)

    def _portions(self) -> dict[str, Portion]:
        return portions(self.task, self.data.split_rule, self.data.split_limit, self.own)

    def _portion(self, split: str) -> Portion:
        self.cap(split)
        return self._portions()[split]


class TextOfTasks(Corpus):
    """Raw text made of the training files of labelled tasks, which the hub has not."""

    downloaded = False

    def splits(self) -> tuple[str, ...]:
        return ("train",) if self._texts() else ()

    def identity(self, split: str) -> dict[str, Any]:
        found = {"task": self.task.name, "reader": READER_VERSION, "cap": self.cap(split)}
        if split not in self.splits():
            raise self.absent(split)
        digest = lambda path: self.digest(path, READERS[format_of(path)].kind)  # noqa: E731
        return found | {"sources": [[text.kind, [*map(digest, text.files)]] for text in self._texts()]}

    def rows(self, split: str, place: Callable[[str, str], Path]) -> Iterator[Columns]:
        for chunk in chunks(islice(read_raw_text(self._texts()), self.cap(split))):
            yield [chunk]

    def absent(self, split: str) -> InputError:
        where = self.source.folder(self.task) if self.source.folder else "the hub"
        return InputError(f"{where} has no {split} split of raw text.")

    def _texts(self) -> list[Text]:
        return text_sources(self.source.folder(self.task)) if self.source.folder else []
