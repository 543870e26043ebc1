"""Examples of text-to-text tasks → tokens of source and target, kept as Arrow so that nothing is tokenised twice.

The end token is put behind every text here, whatever the tokenizer is set to do by itself: so a text that is cut
ends with it too. What the tokenizer's template puts before a text stands before every source. A decoder that
chooses among classes reads the same source, so that two ways to answer differ in nothing else, and has a class for
a target; `classes` says what an encoder alone reads.
"""

from collections.abc import Sequence
from typing import Any, Literal

from hxbench.data.corpora import Corpora
from hxbench.data.tokens import cached_encoding, encode
from hxbench.errors import InputError
from hxbench.spec.run_spec import DataSpec
from hxbench.spec.settings import Pair
from hxbench.tasks import Task, task_of
from hxbench.tasks.encoding.classes import Form, choice_of, encode_choices
from hxbench.tasks.encoding.templates import (
    BEHIND,
    PHA,
    Wording,
    label_texts,
    longest_texts,
    source_text,
    target_text,
)
from hxbench.tasks.encoding.tokenizing import reader_of, tokens_of

VERSION = 2  # of the encoding: part of every cache's fingerprint
CutAt = Literal["end", "start"]


def longest_label(tokenizer: Any, task: Task, score_step: float, wording: Wording = PHA) -> int:
    """Return the number of tokens of the longest label, end token included: no answer needs more."""
    if not (labels := label_texts(task, score_step, wording)):
        raise ValueError(f"{task.title} has no labels")
    return 1 + max(map(len, tokens_of(tokenizer, list(labels))))


def labels_as_decoded(tokenizer: Any, labels: Sequence[str]) -> dict[str, str]:
    """Return the labels by what comes back of their tokens; `InputError` where two of them come back alike.

    A tokenizer may have no token for a character of a word.
    """
    texts = tokenizer.batch_decode(
        tokens_of(tokenizer, list(labels)), skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    decoded = {text.strip(): label for text, label in zip(texts, labels, strict=True)}
    if len(decoded) < len(labels) or "" in decoded:
        raise InputError(f"the backbone's tokenizer cannot tell these labels apart: {', '.join(labels)}.")
    return decoded


def encode_examples(
    batch: dict[str, list[Any]],
    rows: list[int],
    tokenizer: Any,
    task: Task,
    max_length: int,
    score_step: float,
    wording: Wording = PHA,
    cut_at: CutAt = "end",
    *,
    chosen: bool = False,
) -> dict[str, list[Any]]:
    """Return model rows for examples; `cut` is 1 where the source did not fit.

    With `chosen` a target is one class id or number (`choice_of`), else a text. Both sides have at most as many
    tokens as `longest_texts` says, end token included. A source that does not fit loses its end or its start: in
    PET's template the end of the texts, not ` Output: ` behind them. Raises `InputError` that names task and row.
    """
    texts: list[str] = []
    answers: list[str] = []
    choices: list[list[int]] = []
    for row, fields, target in zip(rows, batch["fields"], batch["target"], strict=True):
        try:
            texts.append(source_text(task, fields, wording))
            if chosen:
                choices.append([choice_of(task, target)])
            else:
                answers.append(target_text(task, target, score_step, wording))
        except InputError as error:
            raise InputError(f"{task.title}, example {row + 1}: {error}") from None
    sources = tokens_of(tokenizer, texts)
    begin, end = reader_of(tokenizer).opening, tokenizer.eos_token_id
    room, target_room = (length - 1 for length in longest_texts(task, max_length, wording))
    room -= len(begin)
    last = tokens_of(tokenizer, [BEHIND[wording.template]])[0]
    fitting = lambda ids: ids[-room:] if cut_at == "start" else [*ids[: room - len(last)], *last]  # noqa: E731
    kept = [ids if len(ids) <= room else fitting(ids) for ids in sources]
    return {
        "input_ids": [[*begin, *ids, end] for ids in kept],
        "labels": choices or [[*ids[:target_room], end] for ids in tokens_of(tokenizer, answers)],
        "cut": [int(len(ids) > room) for ids in sources],
    }


def _texts_recipe(tokenizer: Any, task: Task, max_length: int, score_step: float, wording: Wording) -> str:
    """Return what the texts are made by, which counts as much as what they are made of."""
    if tokenizer.eos_token_id is None:
        raise InputError("the backbone's tokenizer has no end token (eos_token), without which no answer ends.")
    template = f"{task.name} {task.prefix} {' '.join(task.fields)} {len(task.labels)}"
    if wording != PHA:
        lengths = longest_texts(task, max_length, wording)
        template += f" {wording} {label_texts(task, score_step, wording)} {lengths}"
    if task.template:
        template += f" as {task.template!r}"
    if begin := reader_of(tokenizer).opening:
        template += f" behind {begin}"
    step = score_step if task.type == "regression" else ""
    if task.scores:
        step = f"scores {' '.join(map(str, task.scores.ends_and_step()))}"
    return f"{reader_of(tokenizer).fingerprint} {max_length} {step} {template}"


def tokenised(
    corpora: Corpora, pair: Pair, split: str, tokenizer: Any, data: DataSpec, *, form: Form
) -> tuple[Any, Any]:
    """Return a corpus split and its tokenised form, that of tasks of texts as a way to answer needs it."""
    corpus, fingerprint, task = corpora.load(*pair, split), corpora.fingerprint(*pair, split), task_of(pair.task)
    if task.answers_texts:
        return corpus, encode_texts(
            corpus, fingerprint, tokenizer, task, max_length=data.max_length, score_step=data.score_step,
            wording=Wording.of(data), cut_at=data.cut_at, form=form,
        )  # fmt: skip
    return corpus, encode(
        corpus, fingerprint, tokenizer, max_length=data.max_length, overflow=data.overflow,
        label_token=data.label_token,
    )  # fmt: skip


def encode_texts(
    dataset: Any,
    fingerprint: str,
    tokenizer: Any,
    task: Task,
    *,
    max_length: int,
    score_step: float,
    wording: Wording = PHA,
    cut_at: CutAt = "end",
    form: Form = "written",
) -> Any:
    """Return the tokenised form of a split from the cache, writing it there first when it is not.

    Columns input_ids and labels, both closed by the end token unless a label is chosen, and cut; `marked` as
    `encode_choices` makes them. Raises `InputError` for an example with an empty text or a target outside the
    task's.
    """
    from datasets import List, Value

    if form == "marked":
        longest = longest_texts(task, max_length, wording)[0]
        how = f"{reader_of(tokenizer).fingerprint} {reader_of(tokenizer).marks}"
        what = f"{task.name} {len(task.fields)} {len(task.labels)}{task.scores or ''}"
        recipe = f"classes {VERSION} {fingerprint} {how} {what} {longest}"
    else:
        recipe = _texts_recipe(tokenizer, task, max_length, score_step, wording)
        recipe = f"{'texts' if form == 'written' else form} {VERSION} {fingerprint} {recipe}"
        recipe += "" if cut_at == "end" else f" cut at {cut_at}"
    columns = {"input_ids": List(Value("int32")), "labels": List(Value("int32")), "cut": Value("int8")}

    def encoded(batch: dict[str, list[Any]], rows: list[int]) -> dict[str, list[Any]]:
        if form == "marked":
            return encode_choices(batch, rows, tokenizer, task, longest)
        return encode_examples(
            batch, rows, tokenizer, task, max_length, score_step, wording, cut_at, chosen=form == "chosen"
        )

    return cached_encoding(recipe, columns, dataset, encoded)
