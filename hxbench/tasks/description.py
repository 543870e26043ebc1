"""How data are described: languages, tasks, corpora, and which pairs are trained on.

One format for what ships (`recipes/data/NAME.yaml`) and for a user's own file (`--data FILE`, which `data_file`
reads and checks). `hxbench.data` reads the corpora.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from hxbench import places
from hxbench.closed import Closed, read_mapping, validated
from hxbench.errors import InputError
from hxbench.tasks import ENGLISH, declared_tasks, task_of
from hxbench.tasks.task import Decoding, Scores, Task, TaskType

Part = Literal["train", "dev", "mismatched", "test"]  # mismatched: another development set, which MNLI has
Format = Literal[
    "conllu", "columns", "wikiann", "text", "tsv", "csv", "jsonl", "json", "parquet", "polarity", "lines"
]
_ORDER = ("hyperx", "pha", "pet")  # of what ships, in which papers came
_WORD = re.compile(r"\{([^{}]*)\}")
_ENDINGS: dict[str, Format] = {
    "conllu": "conllu", "txt": "text", "tsv": "tsv", "csv": "csv", "jsonl": "jsonl", "json": "json",
    "parquet": "parquet",
}  # fmt: skip
_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_TASK = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)  # a pair is TASK-LANGUAGE


def _text(value: Any) -> Any:
    """Return a number as text; `ValueError` for what YAML takes for true or false without quotation marks."""
    if isinstance(value, bool):
        raise ValueError("true, false, yes, no, on and off need quotation marks to be words")
    return str(value) if isinstance(value, int) else value


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise ValueError("a code has small letters, digits and single hyphens, and begins with a letter")
    return text


def _task_name(text: str) -> str:
    if not _TASK.fullmatch(text):
        raise ValueError("the name of a task has small letters, digits and _, and begins with a letter")
    return text


def _plain(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("a line break or another control character, or white space around it")
    return text


def _column(value: Any) -> Any:
    if isinstance(value, bool) or value == 0:
        raise ValueError("a column is a name, or a number from 1, or from the end as -1")
    return value


def _by_code(value: Any) -> Any:
    return {key: {} for key in value} if isinstance(value, list | tuple) else value


def _plain_path(text: str) -> str:
    if any(not part or part.startswith(".") or set(part) & set("\\:\0") for part in text.split("/")):
        raise ValueError("a path inside of the folder has plain names with / between them")
    return text


Code = Annotated[str, Field(max_length=40), BeforeValidator(_text), AfterValidator(_code)]
TaskCode = Annotated[str, Field(max_length=40), AfterValidator(_task_name)]
Label = Annotated[str, Field(min_length=1, max_length=100), BeforeValidator(_text), AfterValidator(_plain)]
Title = Annotated[str, Field(max_length=100), BeforeValidator(_text), AfterValidator(_plain)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
FilePath = Annotated[str, Field(max_length=1000), AfterValidator(_plain_path)]
Column = Annotated[  # by name, or by number: 1 is the first, -1 the last
    Annotated[str, Field(min_length=1)] | int, BeforeValidator(_column)
]
Codes = tuple[Code, ...]
Words = dict[Name, Name]
Sides = dict[Literal["a", "b"], dict[Name, Codes]]


class TaskEntry(Closed):
    """A task of a user's own; the first of `metrics` enters averages."""

    title: Title = ""
    type: Literal["tagging", "classification", "regression", "generation"]
    fields: tuple[Label, ...] = ()  # of texts
    labels: tuple[Label, ...] = ()  # the classes by id
    entities: tuple[Label, ...] = ()  # of tagging, in the place of labels: types of spans, O and B- and I- of each
    metrics: Annotated[tuple[Name, ...], Field(min_length=1)]
    template: str = ""  # what is read, the fields in braces
    prefix: str = ""  # else: what PHA's texts begin with
    several_answers: bool = False  # the target has all right answers, a line each
    decoding: Decoding | None = None  # of free text
    scores: Scores | None = None  # of regression; default: 0 to 5

    @model_validator(mode="after")
    def _says_what_its_type_has(self) -> Self:
        words, classes = self.type == "tagging", self.type in ("tagging", "classification")
        idle = {
            "fields": words, "template": words, "prefix": words, "labels": not classes, "entities": not words,
            "several_answers": self.type != "generation", "decoding": self.type != "generation",
            "scores": self.type != "regression",
        }  # fmt: skip
        if wrong := [name for name, is_idle in idle.items() if is_idle and getattr(self, name)]:
            raise ValueError(f"{wrong[0]} does not apply to a task of type {self.type}")
        if self.entities and (self.labels or self.metrics[0] != "f1"):
            raise ValueError("entities stand in the place of labels, and their metric is f1")
        if "O" in self.entities:
            raise ValueError("O is the label outside of all entities, and none of them")
        if self.template and self.prefix:
            raise ValueError("template and prefix both say what a text begins with: give one of them")
        if words and len(self.metrics) > 1:
            raise ValueError("a task of words has one metric: f1 of spans, or accuracy")
        if words and self.metrics[0] == "f1" and not (self.entities or _are_spans(self.labels)):
            raise ValueError("f1 of words counts spans: give their types in entities, or labels O, B-X and I-X")
        if self.type == "classification" and "f1" in self.metrics and len(self.labels) != 2:
            raise ValueError("f1 is that of the second of two labels; of several there is macro_f1")
        for name in ("fields", "labels", "entities", "metrics"):
            if len(set(given := getattr(self, name))) < len(given):
                raise ValueError(f"{name} has one of them twice")
        return self


def _are_spans(labels: Codes) -> bool:
    kinds = {label[2:] for label in labels if label != "O"}
    return set(labels) == {"O", *(f"{mark}-{kind}" for kind in kinds for mark in "BI")}


class LanguageEntry(Closed):
    """A language."""

    name: Annotated[Title, Field(min_length=1)]
    family: Title = ""
    script: Title = ""
    read: bool = False  # whether the backbone's pre-training covers it
    relatives: Codes = ()  # whose embeddings it is composed of where a model has none of its own


class Reading(Closed):
    """What a file format leaves open."""

    words: Column | None = None  # of `columns` and tables of tagged words: where the words are
    tags: Column | None = None  # and their labels; of CoNLL-U upos, xpos, deprel, feats.NAME or misc.NAME
    delimiter: str = ""  # of `columns` tab or space, of `csv` any mark; default: what the file has, and a comma
    comments: str = ""  # of `columns`: what lines begin with that are passed over, such as "# "
    scheme: Literal["", "bio", "iob1", "bioes"] = ""  # of spans; labels are read into BIO
    header: tuple[Name, ...] = ()  # the columns of a table that does not name them
    fields: tuple[Name, ...] = ()  # the columns of the task's fields, in their order; default: of their names
    target: str = ""  # the column of the answer; default: label
    # which label of the task one of the files is; one that is not named is itself
    labels: dict[Label, Label] = Field(default_factory=dict)
    incomplete: Annotated[int, Field(ge=0)] | Literal["any"] = 0  # examples that lack a text, and are left out
    replace: dict[Name, str] = Field(default_factory=dict)  # what stands for something else in texts
    between: str = ""  # what stands between the articles of a text; those without words are left out


class HubPlace(Reading):
    """A data set of the Hugging Face hub, in Parquet files; `config` may have words in braces.

    How it is read is said here where it is not read as the files are.
    """

    dataset: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")]
    revision: FilePath = ""  # a commit, a tag or a branch; default: the newest, to which a cache then keeps
    config: FilePath = ""  # its folder there; default: the data set has one configuration
    alone: bool = False  # it has no other, so that its folder may be called data or default or not be there
    splits: Annotated[dict[Part, FilePath], Field(min_length=1)]


class CorpusEntry(Reading):
    """The files of a task in a language, or in several, whose paths then have words in braces.

    `{code}` and `{title}` are the language's code and the task's title, `{side}` is one of `sides`, the others are
    the language's own.
    """

    task: Name
    language: Code = "en"
    # in place of one; by each its words
    languages: Annotated[dict[Code, Words], BeforeValidator(_by_code)] = Field(default_factory=dict)
    source: str = ""  # which release it is, in words
    format: Format | None = None  # default: by the end of a file's name
    folders: tuple[FilePath, ...] = ()  # where the files may be, the preferred first
    # in each of the folders; of several paths the first where something is
    files: dict[Part, FilePath | tuple[FilePath, ...]] = Field(default_factory=dict)
    sides: tuple[Name, ...] = ()  # of files that go together, a path for each
    hub: HubPlace | None = None
    train_on: Literal["train", "test"] = "train"  # test: where a treebank has nothing else

    def form(self, path: str) -> Format | None:
        """Return the format of a file, None where nothing says it."""
        return self.format or _ENDINGS.get(path.rpartition(".")[2])

    def has(self, split: str) -> bool:
        """Return whether there is a split, by the entry alone."""
        return split in self.parts

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if not (self.files or self.hub):
            raise ValueError("a corpus has files or hub")
        if self.languages and "language" in self.model_fields_set:
            raise ValueError("languages stands in the place of language: give one of them")
        paths = [*self.folders, *(path for part in self.files for path in self.paths(part))]
        words = {"code", "title", *(("side",) if self.sides else ())}
        known = [words | set(self.languages.get(code, ())) for code in self.codes]
        for path in [*paths, *([self.hub.config] if self.hub else ())]:
            if unknown := [word for word in _WORD.findall(path) if any(word not in some for some in known)]:
                raise ValueError(f"the word {{{unknown[0]}}} of {path} is not one of every language")
        for path in [path for part in self.files for path in self.paths(part)]:
            if len(self.codes) > 1 and not _WORD.search("".join((path, *self.folders))):
                raise ValueError(
                    f"{path} is the same file in {' and '.join(self.codes[:2])}: expected {{code}} in its path"
                )
        return self

    @property
    def codes(self) -> Codes:
        return tuple(self.languages) or (self.language,)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that it has somewhere."""
        known = {*self.files, *(self.hub.splits if self.hub else ())}
        return tuple(part for part in get_args(Part) if part in known)

    def paths(self, part: str) -> tuple[str, ...]:
        """Return where a part's files are in a folder, the preferred first; () for one that is not there."""
        found = dict(self.files).get(part, ())  # type: ignore[call-overload]
        return (found,) if isinstance(found, str) else found


def filled(path: str, words: Mapping[str, str]) -> str:
    """Return a path with its words in braces filled in."""
    return _WORD.sub(lambda found: words[found[1]], path)


class Described(Closed):
    """What a run has to know of its data beside their rows: stored with it, and enough to read its results."""

    title: Title
    extends: Literal["hyperx", "pha", "pet"] | None = None
    languages: dict[Code, LanguageEntry] = Field(default_factory=dict)
    tasks: dict[TaskCode, Task] = Field(default_factory=dict)
    pairs: tuple[tuple[TaskCode, Code], ...] = ()  # that have a corpus of the user's
    sources: dict[Name, Codes] = Field(default_factory=dict)  # by task: the languages trained on in every setting
    partitions: Sides = Field(default_factory=dict)  # and, in the mixed setting, beside them

    @model_validator(mode="after")
    def _means_what_others_mean(self) -> Self:
        if other := next((name for name, task in self.tasks.items() if name != task.name), None):
            raise ValueError(f"the task {other} has another name itself")
        declared_tasks.declare(self.tasks)
        return self

    def tasks_of(self, *types: TaskType) -> tuple[str, ...]:
        """Return the tasks of some types that the user has corpora of, those that ship among them."""
        return tuple(dict.fromkeys(name for name, _ in self.pairs if task_of(name).type in types))


class DataFile(Closed):
    """A description of data."""

    title: Title = ""  # default: the name of the file
    about: str = ""
    extends: Literal["hyperx", "pha", "pet"] | None = None  # adds to what ships; else it stands alone
    # where paths begin, seen from the file
    folder: Annotated[str, Field(min_length=1), AfterValidator(_plain)] = "."
    languages: dict[Code, LanguageEntry] = Field(default_factory=dict)  # those that ship need no entry
    tasks: dict[TaskCode, dict[str, Any]] = Field(default_factory=dict)
    corpora: Annotated[tuple[CorpusEntry, ...], Field(min_length=1)]
    sources: dict[Name, Codes] = Field(default_factory=dict)
    partitions: Sides = Field(default_factory=dict)


class OwnFile(DataFile):
    """A user's, as an editor checks it: `data_file` names a task before it looks at its fields."""

    tasks: dict[TaskCode, TaskEntry] = Field(default_factory=dict)  # type: ignore[assignment]


@dataclass(frozen=True)
class OwnData:
    """A user's own description, read and found to agree with itself and with what ships."""

    path: Path
    folder: Path
    corpora: Mapping[tuple[str, str], CorpusEntry]  # by task and language
    described: Described


@cache
def descriptions_in(folders: tuple[Path, ...]) -> Mapping[str, DataFile]:
    """Return what ships by name, the papers' first; `InputError` for a name that two packages have."""
    paths: dict[str, Path] = {}
    for folder in folders:
        for path in sorted((folder / "data").glob("*.yaml")):
            if path.stem in paths:
                raise InputError(f"the data {path.stem} are there twice: {paths[path.stem]} and {path}.")
            paths[path.stem] = path
    names = dict.fromkeys((*_ORDER, *paths))
    found = {name: validated(DataFile, read_mapping(paths[name]), str(paths[name])) for name in names}
    for name, file in found.items():
        if name not in _ORDER and (file.languages or file.extends or file.folder != "."):
            raise InputError(f"{paths[name]}: a package describes tasks and corpora, and nothing else.")
    return found


@cache
def _corpora_in(folders: tuple[Path, ...]) -> Mapping[tuple[str, str], CorpusEntry]:
    files = descriptions_in(folders).values()
    return {(one.task, code): one for file in files for one in file.corpora for code in one.codes}


def shipped_corpora() -> Mapping[tuple[str, str], CorpusEntry]:
    return _corpora_in(places.recipe_folders())


def shipped_corpus(task: str, language: str = ENGLISH) -> CorpusEntry | None:
    """Return the corpus that ships of a task in a language, by its paper code; None where there is none."""
    return shipped_corpora().get((task, language))
