"""A user's file answered by a finished run or by an export, example after example."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch

from hxbench.backbones.load import Backbone
from hxbench.data.texts import encode_examples
from hxbench.data.tokens import encode_tagged
from hxbench.data.user_files import DEFAULT_FORMAT, FORMATS, Untagged, kind_of, read_untagged
from hxbench.data.user_texts import Unanswered, form_of, read_unanswered
from hxbench.errors import InputError, did_you_mean
from hxbench.methods.method import Method
from hxbench.runs.exported import Reading, backbone_of, load_exported, read_export
from hxbench.runs.finished import (
    lack,
    lineage,
    require_finished,
    require_pair,
    restore,
)
from hxbench.runs.scoring import TaggedSplit, TextSplit, answer_split, score_split
from hxbench.spec.settings import Pair
from hxbench.store import RunRecord, Store
from hxbench.tasks import Task, task_of
from hxbench.tasks.encoding.batch import Batch
from hxbench.tasks.encoding.classes import encode_choices
from hxbench.tasks.encoding.templates import PHA, longest_texts
from hxbench.tasks.scoring.text_counts import read
from hxbench.training.device import accelerator_in

_CHUNK_EXAMPLES, _CHUNK_WORDS = 1000, 50_000  # held in memory at once
_EXPORT_BATCH = 64
_NO_TARGET = {
    "classification": "0",
    "regression": "0",
    "generation": "-",
}  # which encoding wants, and nobody reads
Report = Callable[[int, int], None]  # examples done, of how many
Example = TypeVar("Example", Untagged, Unanswered)


@dataclass(frozen=True)
class Predictor:
    """What answers, not loaded before it is needed: a method on its backbone, for one pair."""

    pair: Pair
    reading: Reading
    batch_size: int
    load: Callable[[], tuple[Method, Backbone]]

    @property
    def task(self) -> Task:
        """The task that it answers."""
        return task_of(self.pair.task)


def predictor_of_run(
    record: RunRecord, task: str | None, language: str | None, *, offline: bool = False
) -> Predictor:
    """Return what a finished run answers with; `InputError` for a task or a language it does not have."""
    spec = require_finished(record)
    pair = require_pair(record.id, spec, task, language)
    if lacking := lack(spec, lineage(record, Store(record.root)), pair.language):
        raise InputError(
            f"run {record.id}: {spec.method} answers in no language without {lacking}, such as {pair.language}."
        )
    load = lambda: restore(record, offline=offline)  # noqa: E731
    return Predictor(pair, Reading.of(spec), spec.training.eval_batch_size, load)


def predictor_of_export(
    folder: Path,
    task: str | None,
    language: str | None,
    *,
    backbone: Path | None = None,
    offline: bool = False,
) -> Predictor:
    """Return what an export answers with; `InputError` for another task, and of adapters for another language.

    `backbone` is the folder of a local backbone, where the export does not find it.
    """
    said, _ = read_export(folder)
    pair = Pair(said.task, said.language)
    fixed = said.kind == "adapter" or said.answers != "token"
    if (task or pair.task) != pair.task or (fixed and (language or pair.language) != pair.language):
        raise InputError(f"{folder} is an export for {pair} alone, not for {task or pair.task}-{language or '…'}.")

    def load() -> tuple[Method, Backbone]:
        found = None if said.kind == "model" else backbone_of(folder, said, backbone, offline=offline)
        method, found = load_exported(folder, found)
        return method.to(accelerator_in("fp32").device), found

    return Predictor(pair, said.reading, _EXPORT_BATCH, load)


def tag_sentences(
    predictor: Predictor, method: Method, backbone: Backbone, sentences: list[list[str]]
) -> list[list[str]]:
    """Return a tag for every word; sentences of more than `max_length` tokens are cut into windows."""
    from datasets import Dataset, Features, List, Value

    reading, tokenizer = predictor.reading, backbone.tokenizer
    unknown: dict[str, list[Any]] = {"words": sentences, "tags": [[0] * len(words) for words in sentences]}
    encoded = encode_tagged(
        unknown, list(range(len(sentences))), tokenizer, reading.max_length, "window", reading.label_token
    )
    columns = {
        "input_ids": List(Value("int32")), "labels": List(Value("int16")), "sentence": Value("int32"),
        "first_word": Value("int32"),
    }  # fmt: skip
    rows = Dataset.from_dict(encoded, features=Features(columns))
    corpus = Dataset.from_dict({"tags": unknown["tags"]}, features=Features({"tags": List(Value("int8"))}))
    split = TaggedSplit.of(*predictor.pair, corpus, rows, padding=tokenizer.pad_token_id)
    return score_split(method, split, predictor.batch_size, next(method.parameters()).device).predicted


def answer_texts(
    predictor: Predictor, method: Method, backbone: Backbone, texts: list[list[str]]
) -> list[dict[str, Any]]:
    """Return what is answered to every text, given its fields: `label` and `probabilities`, `score` or `text`.

    A model that writes gives the `text`, and the `label` or `score` that it says, null where it is none; one that
    chooses among labels gives probabilities, too.
    """
    from datasets import Dataset, Features, List, Value

    task, reading, tokenizer = predictor.task, predictor.reading, backbone.tokenizer
    batch: dict[str, list[Any]] = {"fields": texts, "target": [_NO_TARGET[task.type]] * len(texts)}
    numbers, wording = list(range(len(texts))), reading.wording
    assert method.answering is not None
    writes, form = method.answering.writes, method.answering.form(backbone.family.stacks)
    if form == "marked":
        longest = longest_texts(task, reading.max_length, wording)[0]
        encoded = encode_choices(batch, numbers, tokenizer, task, longest)
    else:
        encoded = encode_examples(
            batch, numbers, tokenizer, task, reading.max_length, reading.score_step, wording, reading.cut_at,
            chosen=form == "chosen",
        )  # fmt: skip
    columns = {"input_ids": List(Value("int32")), "labels": List(Value("int32")), "cut": Value("int8")}
    split = TextSplit.of(
        *predictor.pair, batch, Dataset.from_dict(encoded, features=Features(columns)), tokenizer,
        score_step=reading.score_step, wording=wording, chooses=not writes, choose=reading.choose,
        beams=reading.beams, place=method.places[task.name],
    )  # fmt: skip
    device = next(method.parameters()).device
    if split.labels or (not writes and task.has_classes):
        shares_of = split.labels.probabilities if split.labels else partial(_probabilities, task)
        shares = answer_split(method, split, predictor.batch_size, device, shares_of)
        return [_chosen(task, split.labels.texts if split.labels else (), share) for share in shares]
    answers = answer_split(method, split, predictor.batch_size, device, split.answers)
    if not writes:
        return [{"score": float(text)} for [text] in answers]
    classes = () if wording == PHA else split.classes
    return [_written(task, text, classes) for [text] in answers]


def _probabilities(task: Task, method: Method, batch: Batch) -> list[list[float]]:
    shares: list[list[float]] = method.logits(batch)[:, 0, : len(task.labels)].float().softmax(-1).tolist()
    return shares


def _chosen(task: Task, scores: tuple[str, ...], shares: list[float]) -> dict[str, Any]:
    """Return the likeliest class by its name, or the likeliest of the `scores` that a text may have."""
    names = scores if task.type == "regression" else task.labels
    best = names[shares.index(max(shares))]
    found: dict[str, Any] = {"score": float(best)} if task.type == "regression" else {"label": best}
    return {**found, "probabilities": {n: round(share, 6) for n, share in zip(names, shares, strict=True)}}


def _written(task: Task, text: str, classes: tuple[str, ...]) -> dict[str, Any]:
    if task.type == "generation":
        return {"text": text}
    found = read(task, text, classes)
    if task.type == "regression":
        return {"text": text, "score": None if found is None else found / 1000}
    return {"text": text, "label": None if found is None else task.labels[found]}


def predict(
    predictor: Predictor,
    given: str,
    write: Callable[[Iterable[str]], object],
    *,
    kind: str | None = None,
    form: str | None = None,
    report: Report = lambda done, total: None,
) -> None:
    """Answer the file `given` (`-`: standard input) and hand the answers to `write` as text, piece by piece.

    The whole file is looked through first, so that one with a fault is refused before the model is loaded and
    anything is written; memory does not grow with the file. Words are tagged in text or conllu (`kind`; default:
    by content), and written in one of `FORMATS` (`form`; default: CoNLL-U for CoNLL-U, else tab-separated). Texts
    come as text or jsonl, and are answered in JSON lines. Raises `InputError`.
    """
    known = ["jsonl"] if predictor.task.answers_texts else list(FORMATS)
    if form is not None and form not in known:
        raise InputError(did_you_mean("output format", form, known))
    with _file_of(given) as path:
        if predictor.task.answers_texts:
            kind = form_of(path, predictor.task, kind)
            _in_chunks(predictor, partial(read_unanswered, path, kind, predictor.task), _answered, write, report)
            return
        kind = kind_of(path, kind)
        compose = FORMATS[form or DEFAULT_FORMAT[kind]]
        _in_chunks(predictor, partial(read_untagged, path, kind), partial(_tagged, compose), write, report)


def _in_chunks(
    predictor: Predictor,
    examples: Callable[[], Iterator[Example]],
    answer: Callable[[Predictor, Method, Backbone, list[Example]], Iterator[str]],
    write: Callable[[Iterable[str]], object],
    report: Report,
) -> None:
    total = sum(bool(one.size) for one in examples())
    method, backbone = predictor.load()

    def pieces() -> Iterator[str]:
        done = 0
        for chunk in _chunks(examples()):
            report(done, total)
            yield from answer(predictor, method, backbone, chunk)
            done += sum(bool(one.size) for one in chunk)
        report(done, total)

    with torch.inference_mode():
        write(pieces())


def _tagged(
    compose: Callable[[Untagged, list[str], str], str],
    predictor: Predictor,
    method: Method,
    backbone: Backbone,
    chunk: list[Untagged],
) -> Iterator[str]:
    tags = tag_sentences(predictor, method, backbone, [sentence.words for sentence in chunk])
    for sentence, predicted in zip(chunk, tags, strict=True):
        yield compose(sentence, predicted, predictor.task.name)


def _answered(predictor: Predictor, method: Method, backbone: Backbone, chunk: list[Unanswered]) -> Iterator[str]:
    answers = answer_texts(predictor, method, backbone, [one.fields for one in chunk])
    for one, answer in zip(chunk, answers, strict=True):
        yield json.dumps({"line": one.line, **answer}, ensure_ascii=False) + "\n"


def _chunks(examples: Iterator[Example]) -> Iterator[list[Example]]:
    chunk: list[Example] = []
    words = 0
    for one in examples:
        chunk.append(one)
        words += one.size
        if len(chunk) >= _CHUNK_EXAMPLES or words >= _CHUNK_WORDS:
            yield chunk
            chunk, words = [], 0
    if chunk:
        yield chunk


@contextmanager
def _file_of(given: str) -> Iterator[Path]:
    """Give the file that was named; what can be read only once, such as standard input, is copied first."""
    path = Path(given)
    if given != "-" and (not path.exists() or path.is_file() or path.is_dir()):
        yield path
        return
    name = "standard input" if given == "-" else given
    with tempfile.TemporaryDirectory(prefix="hxbench-") as folder:
        copy = Path(folder) / "copy"
        try:
            opened = nullcontext(sys.stdin.buffer) if given == "-" else path.open("rb")
            with copy.open("wb") as target, opened as source:
                shutil.copyfileobj(source, target)
        except OSError as error:
            raise InputError(f"{name} cannot be read or copied to {folder}: {error.strerror or error}.") from None
        try:
            yield copy
        except InputError as error:
            raise InputError(str(error).replace(str(copy), name)) from None
