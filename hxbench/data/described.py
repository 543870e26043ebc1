"""What a description says of a corpus: where its files are, and how they are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hxbench.data.readers import Options, require_taken
from hxbench.errors import InputError
from hxbench.spec.languages import Language
from hxbench.tasks import Task, task_of
from hxbench.tasks.description import CorpusEntry, OwnData, Reading, filled

_TABLES = ("jsonl", "json", "parquet")  # that may hold sentences


@dataclass(frozen=True)
class Columns:
    """What the columns of a table of examples are; `labels` has the class id by the label in the file."""

    fields: tuple[str, ...]
    target: str
    labels: Mapping[str, int]


def places_of(entry: CorpusEntry, task: Task, part: str, words: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return where an entry has a part, relative to its folder: the preferred place first, each of the files that
    go together; none for a part that it does not have."""
    words = {"title": task.title, **{name: plain(word) for name, word in words.items()}}
    found = [
        tuple(filled(f"{folder}{path}", {**words, "side": side}) for side in entry.sides or ("",))
        for path in entry.paths(part)
        for folder in [f"{one}/" for one in entry.folders] or [""]
    ]
    return list(dict.fromkeys(found))


def own_words(entry: CorpusEntry, language: Language) -> dict[str, str]:
    """Return what stands for the words in braces of a user's entry."""
    return {"code": language.code, **entry.languages.get(language.code, {})}


def release_words(language: Language | None) -> dict[str, str]:
    """Return what stands for them in what ships, for a sandbox language too."""
    if language is None:
        return {}
    return {
        "code": language.code, "treebank": language.treebank, "stem": language.treebank_stem,
        "wikiann": language.wikiann,
    }  # fmt: skip


def plain(name: str) -> str:
    """Return `name`, or raise if as a part of a path it could lead out of the mirror."""
    if not name or name.startswith(".") or any(c in name for c in "/\\:\0"):
        raise InputError(
            f"{name!r} cannot be part of a file name; expected a plain language, treebank or split name."
        )
    return name


def form_of(entry: CorpusEntry, path: Path) -> str:
    """Return how a file is read; `InputError` where neither the description nor its name says it."""
    if path.suffix == ".parquet":  # as all of the hub
        return "wikiann-parquet" if entry.format == "wikiann" and entry.files else "parquet"
    if (found := entry.form(path.name)) is None:
        raise InputError(f"{path}: nothing says its format; expected one in the description, as format: conllu.")
    return found


def reading_of(entry: CorpusEntry, form: str) -> Reading:
    """Return how files of a format are read; the hub's copy may say otherwise than the entry."""
    if entry.hub is None or form != "parquet" or entry.format == form:
        return entry
    said = {name: value for name in Reading.model_fields if (value := getattr(entry.hub, name))}
    return entry.model_copy(update=said)


def columns_of(reading: Reading, task: Task) -> Columns:
    """Return the columns of a task's examples; a class that no label stands for is called as in the task."""
    ids = {label: number for number, label in enumerate(task.labels)}
    mapped = {word: ids[label] for word, label in reading.labels.items()}
    named = mapped | {label: number for label, number in ids.items() if number not in mapped.values()}
    in_order = dict(sorted(named.items(), key=lambda one: one[1]))
    return Columns(reading.fields or task.fields, reading.target or "label", in_order)


def options_of(entry: CorpusEntry, form: str, labels: Sequence[str], multiword: str) -> Options:
    if not labels:
        return Options()
    reading = reading_of(entry, form)
    given = lambda column, name: str(column or (name if form in _TABLES else ""))  # noqa: E731
    return Options(
        multiword=multiword, words=given(reading.words, "words"), tags=given(reading.tags, "tags"),
        delimiter=reading.delimiter, comments=reading.comments, scheme=reading.scheme, labels=tuple(labels),
        label_map=reading.labels,
    )  # fmt: skip


def require_taken_by_formats(own: OwnData) -> None:
    """Raise `InputError` for what a user says of a corpus and the format of its files has no use for."""
    for (name, code), entry in own.corpora.items():
        task = task_of(name)
        for form in {entry.form(path) for part in entry.files for path in entry.paths(part)} - {None}:
            given = Options(header=entry.header, delimiter=entry.delimiter)
            options = given if task.answers_texts else options_of(entry, str(form), task.labels, "")
            require_taken(str(form), options, {}, f"{own.path.name}: {name}-{code}: ")


def identity_of(entry: CorpusEntry, task: Task) -> dict[str, Any]:
    """Return all of an entry and of its task that rows depend on beside the files, for a fingerprint."""
    names = {*Reading.model_fields, "format", "sides"}
    found = entry.model_dump(mode="json", include=names, exclude_defaults=True)
    found["task"] = [task.type, task.fields, task.labels, task.several_answers]
    if task.scores:
        found["task"].append(task.scores.model_dump())
    if entry.hub and not entry.files:
        found["hub"] = entry.hub.model_dump(mode="json", include={*Reading.model_fields}, exclude_defaults=True)
    return found
