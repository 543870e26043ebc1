"""Tagging a user's file with a finished run or with an exported adapter, sentence after sentence."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hxbench.backbones.load import Backbone
from hxbench.data.tokens import encode_tagged
from hxbench.data.user_files import DEFAULT_FORMAT, FORMATS, Untagged, kind_of, read_untagged
from hxbench.errors import InputError, did_you_mean
from hxbench.methods.exported import read_config
from hxbench.methods.method import Method
from hxbench.runs.exported import backbone_of, load_exported
from hxbench.runs.finished import lack, lineage, require_pair, require_tagger, restore
from hxbench.runs.scoring import TaggedSplit, score_split
from hxbench.spec.settings import Pair
from hxbench.store import RunRecord, Store
from hxbench.training.device import accelerator_in

_CHUNK_SENTENCES, _CHUNK_WORDS = 1000, 50_000  # held in memory at once
_EXPORT_BATCH = 64
Report = Callable[[int, int], None]  # sentences done, of how many


@dataclass(frozen=True)
class Tagger:
    """What tags, not loaded before it is needed: a method on its backbone, for one pair."""

    pair: Pair
    max_length: int  # tokens, special ones included
    label_token: str  # which token of a word is tagged (`data.tokens.encode_tagged`)
    batch_size: int
    load: Callable[[], tuple[Method, Backbone]]


def tagger_of_run(record: RunRecord, task: str | None, language: str | None, *, offline: bool = False) -> Tagger:
    """Return the tagger a finished run is; `InputError` for a task or a language it does not have."""
    spec = require_tagger(record)
    if language is None:
        raise InputError("say with --language which language the text is in.")
    pair = require_pair(record.id, spec, task, language)
    if lacking := lack(spec, lineage(record, Store(record.root)), pair.language):
        raise InputError(
            f"run {record.id}: {spec.method} tags no language without {lacking}, such as {pair.language}."
        )
    data = spec.data
    return Tagger(
        pair, data.max_length, data.label_token, spec.training.eval_batch_size,
        lambda: restore(record, offline=offline),
    )  # fmt: skip


def tagger_of_export(
    folder: Path,
    task: str | None,
    language: str | None,
    *,
    backbone: Path | None = None,
    offline: bool = False,
) -> Tagger:
    """Return the tagger an exported adapter is; `InputError` for any pair but its own.

    `backbone` is the folder of a local backbone, which the export does not know.
    """
    config = read_config(folder)
    pair = Pair(config.task, config.language)
    if (task or pair.task, language or pair.language) != pair:
        raise InputError(
            f"{folder} is an adapter for {pair} alone, not for {task or pair.task}-{language or '…'}."
        )

    def load() -> tuple[Method, Backbone]:
        found = backbone_of(config, backbone, offline=offline)
        adapter, _ = load_exported(folder, found)
        return adapter.to(accelerator_in("fp32").device), found

    return Tagger(pair, config.max_length, config.label_token, _EXPORT_BATCH, load)


def tag_sentences(
    tagger: Tagger, method: Method, backbone: Backbone, sentences: list[list[str]]
) -> list[list[str]]:
    """Return a tag for every word; sentences of more than the tagger's `max_length` are cut into windows."""
    from datasets import Dataset, Features, List, Value

    unknown: dict[str, list[Any]] = {"words": sentences, "tags": [[0] * len(words) for words in sentences]}
    encoded = encode_tagged(
        unknown, list(range(len(sentences))), backbone.tokenizer, tagger.max_length, "window", tagger.label_token
    )
    columns = {
        "input_ids": List(Value("int32")), "labels": List(Value("int16")), "sentence": Value("int32"),
        "first_word": Value("int32"),
    }  # fmt: skip
    rows = Dataset.from_dict(encoded, features=Features(columns))
    corpus = Dataset.from_dict({"tags": unknown["tags"]}, features=Features({"tags": List(Value("int8"))}))
    split = TaggedSplit.of(*tagger.pair, corpus, rows, padding=backbone.tokenizer.pad_token_id)
    return score_split(method, split, tagger.batch_size, next(method.parameters()).device).predicted


def predict(
    tagger: Tagger,
    given: str,
    write: Callable[[Iterable[str]], object],
    *,
    kind: str | None = None,
    form: str | None = None,
    report: Report = lambda done, total: None,
) -> None:
    """Tag the file `given` (`-`: standard input) and hand the tagged text to `write`, piece by piece.

    The whole file is looked through first, so that one with a fault is refused before the model is loaded and
    anything is written; memory does not grow with the file. `kind` is text or conllu (default: by content), `form`
    one of `FORMATS` (default: CoNLL-U for CoNLL-U, else tab-separated). Raises `InputError`.
    """
    if form is not None and form not in FORMATS:
        raise InputError(did_you_mean("output format", form, list(FORMATS)))
    with _file_of(given) as path:
        kind = kind_of(path, kind)
        total = sum(bool(sentence.words) for sentence in read_untagged(path, kind))
        method, backbone = tagger.load()
        compose = FORMATS[form or DEFAULT_FORMAT[kind]]

        def pieces() -> Iterator[str]:
            done = 0
            for chunk in _chunks(read_untagged(path, kind)):
                report(done, total)
                words = [sentence.words for sentence in chunk]
                tags = tag_sentences(tagger, method, backbone, words)
                for sentence, predicted in zip(chunk, tags, strict=True):
                    yield compose(sentence, predicted, tagger.pair.task)
                done += sum(map(bool, words))
            report(done, total)

        with torch.inference_mode():
            write(pieces())


def _chunks(sentences: Iterator[Untagged]) -> Iterator[list[Untagged]]:
    chunk: list[Untagged] = []
    words = 0
    for sentence in sentences:
        chunk.append(sentence)
        words += len(sentence.words)
        if len(chunk) >= _CHUNK_SENTENCES or words >= _CHUNK_WORDS:
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
