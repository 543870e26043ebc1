"""How data are described: languages, tasks, corpora, and which pairs are trained on.

One format for what ships (`recipes/data/NAME.yaml`) and for a user's own file (`--data FILE`). Only the
description is read here; `hxbench.data` reads the corpora.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hxbench.closed import Closed, read_mapping, validated
from hxbench.errors import InputError, did_you_mean
from hxbench.tasks import declare, shipped_tasks, task_names, task_of
from hxbench.tasks.task import Decoding, Task

Split = Literal["train", "dev", "test"]
Format = Literal[
    "conllu", "columns", "wikiann", "text", "tsv", "csv", "jsonl", "json", "parquet", "polarity", "lines"
]
_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise ValueError("a code has small letters, digits and single hyphens, and begins with a letter")
    return text


def _plain_path(text: str) -> str:
    if any(not part or part.startswith(".") or set(part) & set("\\:\0") for part in text.split("/")):
        raise ValueError("a path inside of the folder has plain names with / between them")
    return text


Code = Annotated[str, Field(max_length=40), AfterValidator(_code)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
FilePath = Annotated[str, Field(max_length=1000), AfterValidator(_plain_path)]
Column = Annotated[str, Field(min_length=1)] | int  # by name, or by number: 1 is the first, -1 the last
Codes = tuple[Code, ...]
Sides = dict[Literal["a", "b"], dict[Name, Codes]]


class TaskEntry(Closed):
    """A task of a user's own; the first of `metrics` enters averages."""

    title: Name = ""
    type: Literal["tagging", "classification", "regression", "generation"]
    fields: tuple[Name, ...] = ()  # of texts
    labels: tuple[Name, ...] = ()  # the classes by id
    entities: tuple[Name, ...] = ()  # of tagging, in the place of labels: types of spans, O and B- and I- of each
    metrics: Annotated[tuple[Name, ...], Field(min_length=1)]
    template: str = ""  # what is read, the fields in braces
    prefix: str = ""  # else: what PHA's texts begin with
    several_answers: bool = False  # the target has all right answers, a line each
    decoding: Decoding | None = None  # of free text

    @model_validator(mode="after")
    def _labels_once(self) -> Self:
        if self.entities and (self.labels or self.type != "tagging" or self.metrics[:1] != ("f1",)):
            raise ValueError("entities are of a tagging task whose first metric is f1, in the place of labels")
        if len(set(self.labels)) < len(self.labels) or len(set(self.entities)) < len(self.entities):
            raise ValueError("a label is there twice")
        return self


class LanguageEntry(Closed):
    """A language."""

    name: Name
    family: str = ""
    script: str = ""
    read: bool = False  # whether the backbone's pre-training covers it
    relatives: Codes = ()  # whose embeddings it is composed of where a model has none of its own


class Reading(Closed):
    """What a file format leaves open."""

    words: Column | None = None  # of `columns` and tables of tagged words: where the words are
    tags: Column | None = None  # and their labels; of CoNLL-U upos, xpos, deprel, feats.NAME or misc.NAME
    delimiter: Literal["tab", "space"] = "tab"  # of `columns`
    scheme: Literal["", "bio", "iob1", "bioes"] = ""  # of spans; labels are read into BIO
    header: tuple[Name, ...] = ()  # the columns of a table that does not name them
    fields: tuple[Name, ...] = ()  # the columns of the task's fields, in their order; default: of their names
    target: Name = ""  # the column of the answer; default: the task's own


class HubPlace(Closed):
    """A data set of the Hugging Face hub."""

    dataset: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")]
    revision: Name  # a commit, a tag or a branch
    config: str = ""
    splits: dict[Split, Name] = Field(default_factory=dict)


class CorpusEntry(Reading):
    """The files of a task in a language.

    `labels` says which label of the task a label of the files is; without it they are the same.
    """

    task: Name
    language: Code = "en"
    source: str = ""  # which release it is, in words
    format: Format
    labels: dict[str, str] = Field(default_factory=dict)
    files: dict[Split, FilePath] = Field(default_factory=dict)
    hub: HubPlace | None = None
    train_on: Literal["train", "test"] = "train"  # test: where a treebank has nothing else

    def has(self, split: Split) -> bool:
        """Return whether there is a split, by the entry alone."""
        if self.hub:
            return not self.hub.splits or split in self.hub.splits
        return split in self.files

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.files) == bool(self.hub):
            raise ValueError("a corpus has files or hub")
        return self


class Described(Closed):
    """What a run has to know of its data beside their rows: stored with it, and enough to read its results."""

    title: Name
    extends: Literal["hyperx", "pha", "pet"] | None = None
    languages: dict[Code, LanguageEntry] = Field(default_factory=dict)
    tasks: dict[Name, Task] = Field(default_factory=dict)
    pairs: tuple[tuple[Name, Code], ...] = ()  # that have a corpus of the user's
    sources: dict[Name, Codes] = Field(default_factory=dict)  # by task: the languages trained on in every setting
    partitions: Sides = Field(default_factory=dict)  # and, in the mixed setting, beside them

    @model_validator(mode="after")
    def _means_what_others_mean(self) -> Self:
        declare(self.tasks)
        return self


class DataFile(Closed):
    """A description of data."""

    title: str = ""  # default: the name of the file
    about: str = ""
    extends: Literal["hyperx", "pha", "pet"] | None = None  # adds to what ships; else it stands alone
    folder: str = "."  # where paths begin, seen from the file
    languages: dict[Code, LanguageEntry] = Field(default_factory=dict)  # those that ship need no entry
    tasks: dict[Name, dict[str, Any]] = Field(default_factory=dict)
    corpora: Annotated[tuple[CorpusEntry, ...], Field(min_length=1)]
    sources: dict[Name, Codes] = Field(default_factory=dict)
    partitions: Sides = Field(default_factory=dict)


@dataclass(frozen=True)
class OwnData:
    """A user's own description, read and found to agree with itself and with what ships."""

    path: Path
    folder: Path
    corpora: Mapping[tuple[str, str], CorpusEntry]  # by task and language
    described: Described


def read_data_file(path: Path) -> OwnData:
    """Return what a user's file describes.

    Raises `InputError` for what is no description, for a name that has no entry or another meaning among what
    ships, two corpora of one pair, a source without a corpus, and a label that its task does not have.
    """
    file = validated(DataFile, read_mapping(path), path.name)
    tasks = {name: _task(path, name, fields) for name, fields in file.tasks.items()}
    known = {**tasks, **{name: task_of(name) for name in task_names() if name not in tasks}}
    corpora: dict[tuple[str, str], CorpusEntry] = {}
    for number, entry in enumerate(file.corpora, 1):
        where = f"{path.name}: corpus {number}"
        if entry.task not in known:
            raise InputError(f"{where}: {did_you_mean('task', entry.task, list(known))}")
        if (entry.task, entry.language) in corpora:
            raise InputError(f"{where}: {entry.task}-{entry.language} is there twice.")
        _require_labels(where, entry, known[entry.task])
        corpora[entry.task, entry.language] = entry
    for task in tasks:
        if task not in {one for one, _ in corpora}:
            raise InputError(f"{path.name}: tasks: {task} has no corpus.")
    folder = (path.parent / file.folder).resolve()
    described = validated(
        Described,
        {
            "title": file.title or path.stem, "extends": file.extends, "languages": file.languages,
            "tasks": tasks, "pairs": tuple(corpora), "sources": _sources(file, corpora, known),
            "partitions": file.partitions,
        },
        path.name,
    )  # fmt: skip
    return OwnData(path, folder, corpora, described)


def _sources(
    file: DataFile, corpora: Mapping[tuple[str, str], CorpusEntry], known: Mapping[str, Task]
) -> dict[str, list[str]]:
    """Return the sources by task: as the file has them, else of its own tasks all that have a training split."""
    found: dict[str, list[str]] = {task: list(codes) for task, codes in file.sources.items()}
    for (task, code), entry in corpora.items():
        own = task in file.tasks or file.extends is None
        if own and task not in file.sources and known[task].type != "masked-lm" and entry.has("train"):
            found.setdefault(task, []).append(code)
    return found


def _task(path: Path, name: str, fields: Mapping[str, Any]) -> Task:
    if name in shipped_tasks():
        raise InputError(f"{path.name}: tasks: {name} ships with hxbench: give yours another name.")
    where = f"{path.name}: task {name}"
    given = validated(TaskEntry, fields, where)
    values = given.model_dump(exclude_defaults=True, exclude={"entities"})
    if given.type == "tagging":
        spans = given.metrics[:1] == ("f1",)
        values["cut_off"] = "O" if spans else "?"  # what must not be right by chance
    if given.entities:
        values["labels"] = ("O", *(f"{mark}-{one}" for one in given.entities for mark in "BI"))
    return validated(Task, {"name": name, "title": name, **values}, where)


def _require_labels(where: str, entry: CorpusEntry, task: Task) -> None:
    if lost := [label for label in entry.labels.values() if task.labels and label not in task.labels]:
        raise InputError(f"{where}: labels: {did_you_mean(f'label of {task.title}', lost[0], list(task.labels))}")
