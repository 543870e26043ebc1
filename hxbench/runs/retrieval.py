"""What a method with a retriever makes of texts, kept with its run for the analysis of the paper (PHA, 4.6).

`retrieval.safetensors` has the texts as the encoder and as the retriever leave them, and the prototypes;
`retrieval.json` says what tasks they are of, and how well the texts of a task keep together.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import torch

from hxbench.methods.method import Method
from hxbench.modules.contrastive import cosines
from hxbench.runs.data import RunData
from hxbench.store import RunWriter
from hxbench.tasks.encoding.batch import Batch
from hxbench.tasks.encoding.rows import Rows

INSTANCES = 100  # texts of each task, the first of its test split


def write_retrieval(writer: RunWriter, method: Method, data: RunData) -> None:
    """Write features [N, hidden], z [N, d′], the task of each text [N] and the prototypes [tasks, d′].

    Of a method that has probes, after a training on a whole suite: of texts of its tasks and of the probes', which
    it was never trained on.
    """
    spec, plan = data.spec, data.plan
    if not method.probes or spec.suite != "glue" or spec.few_shot:
        return
    pairs = dict.fromkeys((*plan.test, *plan.probes))
    rows = {pair: Rows(data.encoded(pair, "test")[1]) for pair in pairs}
    texts = {pair: data.batches(method, pair, some) for pair, some in rows.items()}
    seen: dict[str, list[np.ndarray]] = {"features": [], "z": []}
    counts = {}
    method.eval()
    with torch.no_grad():
        for pair, batches in texts.items():
            first = list(islice(_rows(method, batches), INSTANCES))
            counts[pair.task] = len(first)
            for name, values in zip(seen, zip(*first, strict=True), strict=True):
                seen[name] += values
        prototypes = method.prototypes_by_task().cpu().numpy()  # type: ignore[operator]
    task = np.repeat(np.arange(len(counts)), list(counts.values()))
    tensors = {name: np.stack(values) for name, values in seen.items()}
    known = method.tasks
    facts = {
        "tasks": list(known),
        "instances": [{"task": name, "n": count} for name, count in counts.items()],
        "analysis": _analysis(tensors, task, list(counts), known, prototypes),
    }
    writer.write_retrieval(facts, {**tensors, "task": task, "prototypes": prototypes})


def _rows(method: Any, batches: Iterable[Batch]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for batch in batches:
        found = method.features(method.encode(batch))
        yield from zip(found["features"].cpu().numpy(), found["z"].cpu().numpy(), strict=True)


def _analysis(
    tensors: Mapping[str, np.ndarray],
    task: np.ndarray,
    names: list[str],
    known: tuple[str, ...],
    prototypes: np.ndarray,
) -> dict[str, float]:
    """Return silhouettes (cosine, −1 to 1) of the trained tasks' texts, and the share nearest their prototype.

    Silhouettes need two tasks, prototypes a method that has them.
    """
    from sklearn.metrics import silhouette_score

    trained = np.array([names[one] in known for one in task])
    own = np.array([known.index(names[one]) for one in task[trained]])
    z = tensors["z"][trained]
    found = {}
    if 1 < len(np.unique(own)) < len(own):  # else there is nothing to keep apart
        for name, values in (("silhouette_features", tensors["features"][trained]), ("silhouette_z", z)):
            found[name] = float(silhouette_score(values, own, metric="cosine"))
    if len(prototypes):  # an ablation has none
        nearest = cosines(torch.from_numpy(z), torch.from_numpy(prototypes)).argmax(1).numpy()
        found["nearest_prototype"] = float((nearest == own).mean())
    return found
