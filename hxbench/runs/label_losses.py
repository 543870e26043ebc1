"""What a training ends with, against what one would lose who knew only how often each label occurs.

A training can collapse: it then stays on the plateau of its label frequencies, with a score that looks like one.
Both losses are means over the same batches, so that languages, tasks and lengths weigh the same in both.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from statistics import fmean

import numpy as np

from hxbench.data.sampling import ConcatenatedSampler, Sampler, Stream
from hxbench.spec.settings import Pair
from hxbench.tasks import task_of
from hxbench.tasks.encoding.batch import IGNORED
from hxbench.tasks.encoding.rows import Rows
from hxbench.training.loop import Progress


def label_losses(
    sampler: Sampler | ConcatenatedSampler, rows: Mapping[Pair, Rows], progress: Progress
) -> dict[str, dict[str, float]]:
    """Return the `loss` of a training's last updates and the `entropy` of their labels by task, both in nats.

    The entropy is the mean cross-entropy of the labels when each is predicted as often as it occurs in its pair's
    training rows. Nothing is said of a task without labels to count, as raw text and texts to be written are,
    of one with only one label, and of batches that mix tasks.
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
