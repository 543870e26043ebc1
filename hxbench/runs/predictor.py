"""What answers a user's words and texts: a finished run or an export, for one task and language."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hxbench.backbones.backbone import Backbone
from hxbench.data.texts import encode_examples
from hxbench.data.tokens import encode_tagged
from hxbench.errors import InputError
from hxbench.methods.method import Method
from hxbench.runs.export_format import Reading, read_export
from hxbench.runs.exported import backbone_of, load_exported
from hxbench.runs.finished import lack, lineage, require_finished, require_pair, restore
from hxbench.runs.scoring import TaggedSplit, TextSplit, answer_split, score_split
from hxbench.spec.run_spec import DataSpec
from hxbench.spec.settings import Pair
from hxbench.store import RunRecord, Store
from hxbench.tasks import Task, task_of
from hxbench.tasks.encoding.batch import Batch
from hxbench.tasks.encoding.classes import encode_choices
from hxbench.tasks.encoding.templates import PHA, longest_texts
from hxbench.tasks.scoring.text_counts import read
from hxbench.training.device import accelerator_in

_EXPORT_BATCH = 64


@dataclass(frozen=True)
class Predictor:
    """What answers, not loaded before it is needed: a method on its backbone, for one pair."""

    pair: Pair
    reading: Reading
    batch_size: int
    load: Callable[[], tuple[Method, Backbone]]
    data: DataSpec | None = None  # of a run: how its corpora were read

    @property
    def task(self) -> Task:
        """The task that it answers."""
        return task_of(self.pair.task)


def predictor_of_run(
    record: RunRecord,
    task: str | None,
    language: str | None,
    *,
    backbone: Path | None = None,
    offline: bool = False,
) -> Predictor:
    """Return what a finished run answers with; `InputError` for a task or a language it does not have.

    `backbone` is where the folder of a local backbone is now.
    """
    spec = require_finished(record)
    pair = require_pair(record.id, spec, task, language)
    if lacking := lack(spec, lineage(record, Store(record.root)), pair.language):
        raise InputError(
            f"run {record.id}: {spec.method} answers in no language without {lacking}, such as {pair.language}."
        )
    load = lambda: restore(record, offline=offline, folder=backbone)  # noqa: E731
    return Predictor(pair, Reading.of(spec), spec.training.eval_batch_size, load, spec.data)


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
    unknown = [[0] * len(words) for words in sentences]
    split = tagged_split(replace(predictor, data=None), backbone, sentences, unknown)
    return score_split(method, split, predictor.batch_size, next(method.parameters()).device).predicted


def tagged_split(
    predictor: Predictor, backbone: Backbone, sentences: list[list[str]], tags: list[list[int]]
) -> TaggedSplit:
    """Return sentences with the class ids of their words; long ones as the run's corpora have them, else cut into
    windows."""
    from datasets import Dataset, Features, List, Value

    reading, tokenizer, data = predictor.reading, backbone.tokenizer, predictor.data
    batch: dict[str, list[Any]] = {"words": sentences, "tags": tags}
    overflow = data.overflow if data else "window"
    encoded = encode_tagged(
        batch, list(range(len(sentences))), tokenizer, reading.max_length, overflow, reading.label_token
    )
    columns = {
        "input_ids": List(Value("int32")), "labels": List(Value("int16")), "sentence": Value("int32"),
        "first_word": Value("int32"),
    }  # fmt: skip
    rows = Dataset.from_dict(encoded, features=Features(columns))
    corpus = Dataset.from_dict({"tags": tags}, features=Features({"tags": List(Value("int16"))}))
    cut_words = data.cut_words if data else "wrong"
    return TaggedSplit.of(*predictor.pair, corpus, rows, padding=tokenizer.pad_token_id, cut_words=cut_words)


def answer_texts(
    predictor: Predictor, method: Method, backbone: Backbone, texts: list[list[str]]
) -> list[dict[str, Any]]:
    """Return what is answered to every text, given its fields: `label` and `probabilities`, `score` or `text`.

    A model that writes gives the `text`, and the `label` or `score` that it says, null where it is none; one that
    chooses among labels gives probabilities, too.
    """
    task = predictor.task
    unread = {"regression": f"{task.scale.low}", "generation": "-"}.get(task.type, "0")  # which encoding wants
    split = text_split(predictor, method, backbone, texts, [unread] * len(texts))
    device = next(method.parameters()).device
    if split.labels or (split.chooses and task.has_classes):
        shares_of = split.labels.probabilities if split.labels else partial(_probabilities, task)
        shares = answer_split(method, split, predictor.batch_size, device, shares_of)
        return [_chosen(task, split.labels.texts if split.labels else (), share) for share in shares]
    answers = answer_split(method, split, predictor.batch_size, device, split.answers)
    if split.chooses:
        return [{"score": float(text)} for [text] in answers]
    classes = () if split.wording == PHA else split.classes
    return [_written(task, text, classes) for [text] in answers]


def text_split(
    predictor: Predictor, method: Method, backbone: Backbone, texts: list[list[str]], targets: list[str]
) -> TextSplit:
    """Return texts, given their fields, with their targets."""
    from datasets import Dataset, Features, List, Value

    task, reading, tokenizer = predictor.task, predictor.reading, backbone.tokenizer
    batch: dict[str, list[Any]] = {"fields": texts, "target": targets}
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
    return TextSplit.of(
        *predictor.pair, batch, Dataset.from_dict(encoded, features=Features(columns)), tokenizer,
        score_step=reading.score_step, wording=wording, chooses=not writes, choose=reading.choose,
        beams=reading.beams, place=method.places[task.name],
    )  # fmt: skip


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
