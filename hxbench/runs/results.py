"""What a finished training leaves in the store: scores, predictions, history, cost, provenance, label losses."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import torch

from hxbench.data.sampling import ConcatenatedSampler, Sampler, Stream
from hxbench.printing import sentence
from hxbench.runs.assemble import costs
from hxbench.runs.finished import label_names
from hxbench.runs.plan import Plan
from hxbench.runs.scored import Scored
from hxbench.spec.languages import find_language, language_set
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import Pair
from hxbench.store import RunWriter
from hxbench.store.arrays import SENTENCE_COLUMNS
from hxbench.store.provenance import collect
from hxbench.tasks import task_names, task_of
from hxbench.tasks.encoding.batch import IGNORED
from hxbench.tasks.encoding.rows import Rows
from hxbench.training.device import peak_memory
from hxbench.training.loop import Progress


def write_results(
    writer: RunWriter,
    spec: RunSpec,
    plan: Plan,
    progress: Progress,
    scored: Sequence[Scored],
    further: Sequence[dict[str, Any]],
    facts: dict[str, Any],
) -> str:
    """Write everything but the weights; return what of it could not be had, nothing for a whole run.

    `further` are rows that belong behind the scores, `facts` what the provenance says beside the plan.
    """
    ordered = sorted(scored, key=_place)
    tests = []
    for one in ordered:
        role = "source" if Pair(one.task, one.language) in plan.train else "target"
        tests += [{**row, "step": progress.best_step, "role": role} for row in one.rows("test")]
    cost, lacking = _costs(spec, progress)
    writer.write_metrics([*tests, *progress.validation, *cost, *further])
    writer.write_history(progress.history)
    for one in ordered:
        writer.write_predictions(one.task, one.language, one.predictions())
    writer.write_sentence_counts(_sentence_counts(ordered))
    writer.write_provenance(
        collect(
            **facts,
            threads=torch.get_num_threads(),
            trained_on={str(pair): split for pair, split in plan.train.items()},
            mlm=list(plan.mlm),
            missing=[str(pair) for pair in plan.missing],
            labels=label_names(spec),
            backbone={
                "name": spec.backbone.name,
                "origin": spec.backbone.origin,
                "licence": spec.backbone.licence or None,
                "fingerprint": spec.backbone.fingerprint,
            },
        )
    )
    return lacking


def _place(one: Scored) -> tuple[int, int, str]:
    """Return where a pair stands among others: in the papers' order of tasks, then of languages, a user's last."""
    languages, code = list(language_set("hyperx")), find_language(one.language).paper_code
    place = languages.index(code) if code in languages else len(languages)
    return task_names().index(one.task), place, code


def _sentence_counts(scored: Sequence[Scored]) -> dict[str, list[Any]]:
    """Return what the scores are made of, a row a sentence."""
    table: dict[str, list[Any]] = {name: [] for name in SENTENCE_COLUMNS}
    for one in scored:
        for counts in one.sentence_counts():
            for name, value in zip(SENTENCE_COLUMNS, (one.task, one.language, *counts), strict=True):
                table[name].append(value)
    return table


def _costs(spec: RunSpec, progress: Progress) -> tuple[list[dict[str, Any]], str]:
    """Return the rows of what a run cost, and why some are lacking: nothing trained and scored is lost to that."""
    said, counts, memory = "", {}, {}
    try:
        counted = costs(spec)
        counts = {f"{name}_parameters": counted[name] for name in ("trainable", "counted", "backbone")}
        counts["flops_per_token"] = counted["flops_per_token"]
        memory = {"peak_memory_bytes": peak_memory()}
    except Exception as error:
        reason = sentence(str(error)).rstrip(".")
        said = f"its parameters and memory could not be counted ({type(error).__name__}: {reason})."
    values = {
        **counts,
        "wall_seconds": progress.wall_seconds,
        "device_seconds": progress.device_seconds,
        **memory,
        "tokens_per_second": progress.pieces / progress.wall_seconds if progress.wall_seconds else 0.0,
    }
    if progress.live is not None:
        values["live_parameters"] = progress.live
    nothing = {"task": None, "language": None, "role": None}
    rows = [
        {"split": "cost", "metric": m, "value": v, "step": progress.step, **nothing} for m, v in values.items()
    ]
    return rows, said


def label_losses(
    sampler: Sampler | ConcatenatedSampler, rows: Mapping[Pair, Rows], progress: Progress
) -> dict[str, dict[str, float]]:
    """Return the `loss` of a training's last updates and the `entropy` of their labels by task, both in nats.

    The entropy is the mean cross-entropy of the labels when each is predicted as often as it occurs in its pair's
    training rows. Nothing is said of a task without labels to count, as raw text and texts to be written are,
    of one with only one label, and of batches that mix tasks. A training can collapse: it then stays at the
    entropy, with a score that looks like one.
    """
    losses: dict[str, list[float]] = defaultdict(list)
    entropies: dict[str, list[float]] = defaultdict(list)
    known: dict[Pair, tuple[np.ndarray, np.ndarray]] = {}
    for step, loss in enumerate(progress.recent, progress.step - len(progress.recent)):
        drawn, chosen = sampler.batch(step)
        if not isinstance(drawn, Stream) and len(sampler.streams) > 1:
            return {}
        stream = drawn if isinstance(drawn, Stream) else sampler.streams[0]
        pair = Pair(stream.task, stream.language)
        task = task_of(pair.task)
        if task.type not in ("tagging", "classification"):
            continue
        if pair not in known:
            known[pair] = surprise(rows[pair], whole=task.answers_texts)
        nats, tokens = known[pair]
        losses[pair.task].append(loss)
        entropies[pair.task].append(float(nats[chosen].sum() / tokens[chosen].sum()))
    means = {task: {"loss": fmean(losses[task]), "entropy": fmean(entropies[task])} for task in sorted(losses)}
    return {task: mean for task, mean in means.items() if mean["entropy"] > 0}


def surprise(rows: Rows, *, whole: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return −log p of the labels of each row, in nats, and how many there are in it, both [rows].

    p is a label's share of all labels; with `whole` a row's labels are one, spelled in several tokens.
    """
    labels = rows.take("labels", np.arange(len(rows)))
    lengths = np.array([len(row) for row in labels])
    if whole:
        spelled = [tuple(row.tolist()) for row in labels]
        count = Counter(spelled)
        return -np.log(np.array([count[row] for row in spelled]) / len(labels)), lengths
    flat = np.concatenate(labels)
    row_of = np.repeat(np.arange(len(labels)), lengths)[flat != IGNORED]
    _, label, counts = np.unique(flat[flat != IGNORED], return_inverse=True, return_counts=True)
    nats = -np.log(counts / len(label))[label]
    size = len(labels)
    return np.bincount(row_of, weights=nats, minlength=size), np.bincount(row_of, minlength=size)
