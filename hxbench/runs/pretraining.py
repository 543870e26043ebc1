"""What pre-training a backbone takes: a vocabulary, a model with random weights, and batches of raw text.

One function an architecture; the rest, in `backbone`, is the same for all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch

from hxbench.answering.answer import AnswerOptions
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.checkpoint import require_sizes
from hxbench.backbones.families import family_of
from hxbench.backbones.load import require_precision
from hxbench.backbones.shape import config_of, new_model, shape_of
from hxbench.backbones.vocabularies import sentinel_ids, train_byte_pairs, train_unigram, train_wordpiece
from hxbench.data import Corpora
from hxbench.data.feed import Feed
from hxbench.data.sampling import Sampler
from hxbench.data.tokens import encode
from hxbench.errors import InputError
from hxbench.methods.full import Pretraining
from hxbench.methods.method import Method, Setup, seed_everything
from hxbench.spec.backbone import BackboneSpec, PretrainSpec
from hxbench.spec.settings import Pair
from hxbench.tasks import ENGLISH, MLM, task_of, tasks_in
from hxbench.tasks.encoding.batch import Batch, collate
from hxbench.tasks.encoding.corruption import Corruption, collate_corrupted
from hxbench.tasks.encoding.masking import vocabulary_of
from hxbench.tasks.encoding.rows import Rows
from hxbench.tasks.encoding.templates import template_line
from hxbench.tasks.encoding.tokenizing import tokens_of

Feeding = Callable[[Sampler, torch.device], Callable[[int], Batch]]
"""What makes of a sampler the function from a step to its batch."""


@dataclass(frozen=True)
class Learner:
    """A model before its pre-training."""

    method: Method
    lengths: Mapping[Pair, np.ndarray]  # of the rows of each stream, in tokens
    feed: Feeding


def learner(spec: BackboneSpec, plan: PretrainSpec, corpora: Corpora, corpus: Mapping[str, Any]) -> Learner:
    """Return what `plan` describes; `corpus` has the raw text of each language."""
    require_precision(family_of(plan.architecture), plan.precision)
    return LEARNERS[plan.architecture](spec, plan, corpora, corpus)


def _template_lines(corpus: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words that tasks begin with and call their fields by, often enough to become tokens.

    They are in every text of a task and in none of the raw text. Only of PHA's tasks: another line would make
    other vocabularies, and so other backbones, of everything that was made here before.
    """
    often = sum(map(len, corpus.values())) // 100
    for task in map(task_of, tasks_in("pha")):
        names = () if task.type == "generation" else (f"{field}:" for field in task.fields)
        for _ in range(often):
            yield " ".join((task.prefix, *names))


def _pet_lines(corpus: Mapping[str, Any]) -> Iterator[str]:
    """Yield what PET's template puts around the texts of its tasks, and their label words, as lines of their own.

    A released BLOOM knows such words from its text; a frozen output layer never writes a token that it has only
    learned to avoid. They say nothing about a task: no label stands behind a text.
    """
    often = sum(map(len, corpus.values())) // 400
    for task in map(task_of, tasks_in("pet")):
        for _ in range(often):
            yield template_line(task)
            yield from task.labels


def _lines(corpus: Mapping[str, Any]) -> Iterator[str]:
    for text in corpus.values():
        for batch in text.iter(1000):
            yield from batch["text"]


def _method(shape: dict[str, Any], plan: PretrainSpec, tokenizer: Any, languages: tuple[str, ...]) -> Method:
    """Return masked language modelling, or its like, on a model of random weights from the plan's seed."""
    config = config_of(shape | {"vocab_size": len(tokenizer)})
    require_sizes(config)
    seed_everything(plan.seed)
    backbone = Backbone(new_model(config), tokenizer, family_of(plan.architecture))
    return Pretraining(Setup(backbone, (), languages), AnswerOptions())


def _bert(spec: BackboneSpec, plan: PretrainSpec, corpora: Corpora, corpus: Mapping[str, Any]) -> Learner:
    # that of the tasks in text, whose templates are in none of their texts
    tasks = _template_lines(corpus) if corpora.collection.text_of_tasks else ()
    tokenizer = train_wordpiece(chain(_lines(corpus), tasks), plan.vocabulary)
    method = _method(shape_of(spec) | {"pad_token_id": tokenizer.pad_token_id}, plan, tokenizer, tuple(corpus))
    rows = {}
    for code, text in corpus.items():
        mark = f"{corpora.fingerprint('mlm', code, 'train')} {len(text)}"
        rows[Pair(MLM, code)] = Rows(encode(text, mark, tokenizer, max_length=plan.max_length))

    def feed(sampler: Sampler, device: torch.device) -> Feed:
        return Feed(sampler, rows, (MLM,), vocabulary_of(tokenizer), masking=plan.masking, device=device)

    return Learner(method, {pair: r.lengths for pair, r in rows.items()}, feed)


def _t5(spec: BackboneSpec, plan: PretrainSpec, corpora: Corpora, corpus: Mapping[str, Any]) -> Learner:
    tokenizer = train_unigram(chain(_lines(corpus), _template_lines(corpus)), plan.vocabulary)
    method = _method(shape_of(spec), plan, tokenizer, (ENGLISH,))
    corruption = Corruption(
        np.array(sentinel_ids(tokenizer)), tokenizer.eos_token_id, tokenizer.pad_token_id, plan.masking,
        plan.mean_span,
    )  # fmt: skip
    rows = {code: _packed(text["text"], tokenizer, plan.max_length - 1) for code, text in corpus.items()}

    def batch(texts: list[np.ndarray], rng: np.random.Generator, language: str) -> Batch:
        return collate_corrupted(texts, corruption, rng, task=MLM, language=language)

    return _of_packed(method, rows, batch)


def _bloom(spec: BackboneSpec, plan: PretrainSpec, corpora: Corpora, corpus: Mapping[str, Any]) -> Learner:
    tasks = chain(_template_lines(corpus), _pet_lines(corpus))
    tokenizer = train_byte_pairs(chain(_lines(corpus), tasks), plan.vocabulary)
    method = _method(shape_of(spec), plan, tokenizer, (ENGLISH,))
    end = tokenizer.eos_token_id
    # every row begins behind an end mark, so that its first token is learned too
    start = np.array([end], dtype=np.int64)
    rows = {
        code: _packed([*text["text"], *_pet_lines({code: text})], tokenizer, plan.max_length - 1, end)
        for code, text in corpus.items()
    }

    def batch(texts: list[np.ndarray], rng: np.random.Generator, language: str) -> Batch:
        padding = tokenizer.pad_token_id
        return collate([start] * len(texts), texts, padding=padding, task=MLM, language=language)

    return _of_packed(method, rows, batch)


def _of_packed(
    method: Method,
    rows: Mapping[str, list[np.ndarray]],
    batch: Callable[[list[np.ndarray], np.random.Generator, str], Batch],
) -> Learner:
    """Return the learner of rows by language, of which `batch` makes batches."""

    def feed(sampler: Sampler, device: torch.device) -> Callable[[int], Batch]:
        def batch_of(step: int) -> Batch:
            stream, chosen = sampler.batch(step)
            texts = [rows[stream.language][row] for row in chosen]
            return batch(texts, sampler.rng(step), stream.language).to(device)

        return batch_of

    lengths = {Pair(MLM, code): np.array([len(row) for row in some]) for code, some in rows.items()}
    return Learner(method, lengths, feed)


def _packed(texts: Sequence[str], tokenizer: Any, room: int, end: int | None = None) -> list[np.ndarray]:
    """Return the lines as rows of tokens: so many whole lines a row as fit, a longer one cut.

    Without end marks, or with one behind every line. A single sentence would hardly ever lose more than one span.
    """
    mark = [] if end is None else [end]
    rows: list[list[int]] = []
    for at in range(0, len(texts), 1000):
        some = list(texts[at : at + 1000])
        for tokens in tokens_of(tokenizer, some):
            line = tokens + mark if tokens else []
            if rows and len(rows[-1]) + len(line) <= room:
                rows[-1] += line
            elif line:
                rows.append(line[:room])
    if not rows:
        raise InputError("the raw text to pre-train on is empty.")
    return [np.array(row, dtype=np.int64) for row in rows]


LEARNERS = {"bert": _bert, "t5": _t5, "bloom": _bloom}  # by family, as `backbones.shape.MADE_HERE`
