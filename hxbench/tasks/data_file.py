"""A user's own description of data (`--data FILE`), read and checked: within itself, and against what ships."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hxbench import places
from hxbench.closed import read_mapping, validated
from hxbench.errors import InputError, did_you_mean
from hxbench.tasks import shipped_tasks, task_names, task_of
from hxbench.tasks.description import (
    CorpusEntry,
    DataFile,
    Described,
    OwnData,
    Reading,
    TaskEntry,
    descriptions_in,
    shipped_corpora,
)
from hxbench.tasks.task import Task

_WORDS: tuple[str, ...] = ("conllu", "columns", "wikiann", "jsonl", "json", "parquet")  # formats
_TEXTS: tuple[str, ...] = ("tsv", "csv", "jsonl", "json", "parquet", "polarity", "lines")
_OF_WORDS: tuple[str, ...] = ("words", "tags", "comments", "scheme")  # of what a reading says
_OF_TEXTS: tuple[str, ...] = ("header", "fields", "target", "incomplete", "replace", "between")


def read_data_file(path: Path) -> OwnData:
    """Return what a user's file describes.

    Raises `InputError` for what is no description, for a name that has no entry or another meaning among what
    ships, two corpora of one pair, a source without a training set, and a label that its task does not have.
    """
    file = validated(DataFile, read_mapping(path), path.name)
    tasks = {name: _task(path, name, fields) for name, fields in file.tasks.items()}
    known = {**tasks, **{name: task_of(name) for name in task_names() if name not in tasks}}
    languages = _languages(path, file)
    corpora: dict[tuple[str, str], CorpusEntry] = {}
    for number, entry in enumerate(file.corpora, 1):
        where = f"{path.name}: corpus {number}"
        if entry.task not in known:
            raise InputError(f"{where}: {did_you_mean('task', entry.task, list(known))}")
        _require_fitting(where, entry, known[entry.task])
        for code in entry.codes:
            if code not in languages:
                raise InputError(
                    f"{where}: {did_you_mean('language', code, languages)} languages has no entry of it."
                )
            if (entry.task, code) in corpora:
                raise InputError(f"{where}: {entry.task}-{code} is there twice.")
            corpora[entry.task, code] = entry
    for task in tasks:
        if task not in {one for one, _ in corpora}:
            raise InputError(f"{path.name}: tasks: {task} has no corpus.")
    _require_sources(path, file, corpora, known)
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


def _languages(path: Path, file: DataFile) -> list[str]:
    """Return the codes of all languages that a file may name."""
    ships = descriptions_in(places.recipe_folders())["hyperx"].languages
    known = [*ships, *file.languages]
    for code, entry in file.languages.items():
        where = f"{path.name}: languages.{code}"
        if code in ships:
            raise InputError(f"{where}: it ships with hxbench: leave the entry out, or give yours another code.")
        if lost := [one for one in entry.relatives if one not in known]:
            raise InputError(f"{where}.relatives: {did_you_mean('language', lost[0], known)}")
        if code in entry.relatives:
            raise InputError(f"{where}.relatives: a language is no relative of itself.")
    return known


def _require_sources(
    path: Path, file: DataFile, corpora: Mapping[tuple[str, str], CorpusEntry], known: Mapping[str, Task]
) -> None:
    """Raise `InputError` for a source that nothing can be trained on, or that is one twice."""
    ships = shipped_corpora() if file.extends else {}
    every = {f"partitions.{side}": given for side, given in file.partitions.items()}
    for field, given in {"sources": file.sources, **every}.items():
        for task, codes in given.items():
            where = f"{path.name}: {field}.{task}"
            if task not in known:
                raise InputError(f"{where}: {did_you_mean('task', task, list(known))}")
            if known[task].type == "masked-lm" or (field != "sources" and known[task].type != "tagging"):
                what = "labelled tasks" if field == "sources" else "tasks that tag words"
                raise InputError(f"{where}: {field.partition('.')[0]} are of {what}.")
            for code in codes:
                entry = corpora.get((task, code)) or ships.get((task, code))
                if entry is None:
                    raise InputError(f"{where}: there is no corpus of {task}-{code}.")
                if not entry.has("train") and not (entry.train_on == "test" and entry.has("test")):
                    raise InputError(f"{where}: the corpus of {task}-{code} has no training set.")
    sides = [file.partitions.get(side, {}) for side in ("a", "b")]
    for task in sides[0].keys() & sides[1].keys():
        if both := [code for code in sides[0][task] if code in sides[1][task]]:
            raise InputError(
                f"{path.name}: partitions: {task}-{both[0]} is on both sides, and no model is scored on it: what "
                "every model is trained on stands in sources."
            )


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


def _answer_read(reading: Reading, entry: CorpusEntry, task: Task) -> str:
    """Return the column of the answers where it is a field that is read, too; "" else."""
    target = reading.target or entry.target or "label"
    return target if target in (reading.fields or entry.fields or task.fields) else ""


def _require_fitting(where: str, entry: CorpusEntry, task: Task) -> None:
    """Raise `InputError` unless the corpus can be one of the task."""
    forms, idle = (_TEXTS, _OF_WORDS) if task.answers_texts else (_WORDS, _OF_TEXTS)
    if task.type == "masked-lm":
        forms, idle = ("text",), (*_OF_WORDS, *_OF_TEXTS, "delimiter", "labels")
    for path in (path for part in entry.files for path in entry.paths(part)):
        if (form := entry.form(path)) is None:
            raise InputError(
                f"{where}: nothing says the format of {path}: name it with format: {' or '.join(forms)}."
            )
        if form not in forms:
            raise InputError(f"{where}: {path} is {form}; a corpus of {task.title} is {' or '.join(forms)}.")
        if entry.comments and form != "columns":
            raise InputError(f"{where}: comments are lines of columns; {path} is {form}.")
        if (form in ("polarity", "lines")) != bool(entry.sides):
            raise InputError(f"{where}: sides are of files that go together, of the formats polarity and lines.")
    if entry.train_on == "test" and task.type != "tagging":
        raise InputError(
            f"{where}: train_on: test is of treebanks; a corpus of {task.title} is trained on its train."
        )
    if "mismatched" in entry.parts:
        raise InputError(f"{where}: mismatched is a part of MNLI as it ships: expected train, dev and test.")
    for one in (entry, entry.hub):
        if one and (given := [name for name in idle if getattr(one, name)]):
            raise InputError(f"{where}: {given[0]} does not apply to a corpus of {task.title}.")
        if one and one.fields and len(one.fields) != len(task.fields):
            raise InputError(f"{where}: fields has {len(one.fields)} columns for {', '.join(task.fields)}.")
        if one and task.answers_texts and (twice := _answer_read(one, entry, task)):
            raise InputError(f"{where}: {twice} is a field that is read, and the answer: name another target.")
        known = {*task.labels, *(label[2:] for label in task.labels if label.startswith("B-"))}
        if one and (lost := [label for label in one.labels.values() if label not in known]):
            raise InputError(
                f"{where}: labels: {did_you_mean(f'label of {task.title}', lost[0], list(task.labels))}"
            )
