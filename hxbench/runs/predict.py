"""A user's file answered by a finished run or by an export, example after example."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from hxbench.backbones.backbone import Backbone
from hxbench.data.readers import Options, require_taken
from hxbench.data.readers.conllu import column_of
from hxbench.data.user_files import (
    DEFAULT_FORMAT,
    FORMATS,
    Untagged,
    column_for,
    kind_of,
    read_untagged,
    word_splitter,
)
from hxbench.data.user_texts import Unanswered, form_of, read_unanswered
from hxbench.errors import InputError, did_you_mean
from hxbench.methods.method import Method
from hxbench.runs.predictor import Predictor, answer_texts, tag_sentences

_CHUNK_EXAMPLES, _CHUNK_WORDS = 1000, 50_000  # held in memory at once
# of options, as commands have them
NAMES = {"words": "--words", "delimiter": "--delimiter", "comments": "--comments", "tags": "--column"}
Report = Callable[[int, int], None]  # examples done, of how many
Example = TypeVar("Example", Untagged, Unanswered)


def predict(
    predictor: Predictor,
    given: str,
    write: Callable[[Iterable[str]], object],
    *,
    kind: str | None = None,
    form: str | None = None,
    column: str | None = None,
    options: Options | None = None,
    tokenize: bool = False,
    report: Report = lambda done, total: None,
) -> None:
    """Answer the file `given` (`-`: standard input) and hand the answers to `write` as text, one after the other.

    The whole file is looked through first, so that one with a fault is refused before the model is loaded and
    anything is written; memory does not grow with the file. Words are tagged in one of `user_files.INPUTS`
    (`kind`; default: by content) and written in one of `FORMATS` (`form`; default: that of the input, of text
    tab-separated or, where `tokenize` splits it into words, CoNLL-U). Texts come in one of `user_texts.INPUTS`,
    and are answered in JSON lines. `column` says where tags or answers go, `options` where words are. Raises
    `InputError`.
    """
    task, options = predictor.task, options or Options()
    known = ["jsonl"] if task.answers_texts else list(FORMATS)
    if form is not None and form not in known:
        raise InputError(did_you_mean("output format", form, known))
    if task.answers_texts and (tokenize or options.words or options.comments):
        raise InputError(f"{task.title} answers texts: --tokenize, --words and --comments do not apply to it.")
    with input_file(given) as path:
        if task.answers_texts:
            kind = form_of(path, task, kind)
            require_taken(kind, options, NAMES)
            _require_new(column, ("line", *task.fields))
            answer = partial(_answered, column)
            _in_chunks(predictor, partial(read_unanswered, path, kind, task, options), answer, write, report)
            return
        kind = kind_of(path, kind)
        if tokenize and kind != "text":
            raise InputError(f"{path} is read as {kind}, which has its words; --tokenize is for text.")
        require_taken(kind, options, NAMES)
        form = form or ("conllu" if tokenize else DEFAULT_FORMAT[kind])
        if column and form == "tsv":
            raise InputError("--column is for CoNLL-U and JSON lines: among columns the tags are the last.")
        column = column or column_for(task.name, form)
        if form == "conllu":
            column_of(column)
        else:
            _require_new(column, (options.words or "words", "line", "text", "offsets"))
        split = word_splitter(predictor.pair.language) if tokenize else None
        sentences = partial(read_untagged, path, kind, options, split)
        _in_chunks(predictor, sentences, partial(_tagged, FORMATS[form], column), write, report)


def _require_new(column: str | None, taken: Iterable[str]) -> None:
    if column is not None and (not column or column in taken):
        raise InputError(
            f"--column {column!r}: expected a name that is not one of what was read: {', '.join(taken)}."
        )


def _in_chunks(
    predictor: Predictor,
    examples: Callable[[], Iterator[Example]],
    answer: Callable[[Predictor, Method, Backbone, list[Example]], Iterator[str]],
    write: Callable[[Iterable[str]], object],
    report: Report,
) -> None:
    total = sum(bool(one.size) for one in examples())
    method, backbone = predictor.load()

    def answers() -> Iterator[str]:
        done = 0
        for chunk in _chunks(examples()):
            report(done, total)
            yield from answer(predictor, method, backbone, chunk)
            done += sum(bool(one.size) for one in chunk)
        report(done, total)

    with torch.inference_mode():
        write(answers())


def _tagged(
    compose: Callable[[Untagged, list[str], str], str],
    column: str,
    predictor: Predictor,
    method: Method,
    backbone: Backbone,
    chunk: list[Untagged],
) -> Iterator[str]:
    tags = tag_sentences(predictor, method, backbone, [sentence.words for sentence in chunk])
    for sentence, predicted in zip(chunk, tags, strict=True):
        yield compose(sentence, predicted, column)


def _answered(
    column: str | None, predictor: Predictor, method: Method, backbone: Backbone, chunk: list[Unanswered]
) -> Iterator[str]:
    answers = answer_texts(predictor, method, backbone, [one.fields for one in chunk])
    for one, answer in zip(chunk, answers, strict=True):
        values = {"line": one.line, **answer}
        if column:
            said = next(name for name in ("label", "score", "text") if name in answer)
            values = {**(one.given or {"line": one.line}), column: answer[said]}
        yield json.dumps(values, ensure_ascii=False) + "\n"


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
def input_file(given: str) -> Iterator[Path]:
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
