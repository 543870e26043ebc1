"""What does it change to model language over the tokens of the run's text alone (`training.mlm_vocabulary`)?

    python benchmarks/mlm_vocabulary.py --data-source MIRROR

Hyper-X Base of the lab profile (e5-small-q4, partition a) is trained twice with one seed: over the tokens that
occur in the run's raw text, and over all 250,037 of the vocabulary. All else is equal, the masks and the order of
the batches too. Each row has CPU seconds, the MLM loss of the last tenth of the run's own MLM updates (over
different numbers of tokens, so that the two are not comparable), the MLM loss of the trained model on new masks,
over all tokens and over those that occur, and the mean scores on the test sets of NER and POS; the last row has
the differences. Either training takes less than 8 CPU minutes at the default number of updates. The result is
recorded in docs/papers/hyperx.md, in the item on MLM, as one sentence.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Annotated

import torch
import typer

from hxbench.data.feed import Feed
from hxbench.data.sampling import Sampler, Stream
from hxbench.methods.method import Method
from hxbench.runs.assemble import build, with_options
from hxbench.runs.backbone import get_backbone
from hxbench.runs.data import RunData
from hxbench.runs.inputs import DataSource, resolve_inputs
from hxbench.spec import recipe
from hxbench.tasks import MLM
from hxbench.tasks.encoding.rows import occurring
from hxbench.training.checkpoint import ResumeStates
from hxbench.training.device import accelerator_in
from hxbench.training.loop import train

HELD_OUT = 40  # batches of raw text, with masks of their own


def mlm_loss(method: Method, feed: Feed, tokens: torch.Tensor) -> float:
    """Return the mean cross-entropy (nats) over the masked tokens of some batches, chosen among `tokens`."""
    assert method.masked_lm
    method.masked_lm.choose_among(tokens)
    method.eval()
    total = count = 0.0
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for batch in map(feed, range(HELD_OUT)):
            total += float(method(batch)) * batch.count
            count += batch.count
    return total / count


def measured(
    source: Path, vocabulary: str, updates: int, sentences: int, seed: int, backbone: str | None
) -> dict[str, float]:
    """Train one of the two and return its numbers."""
    fields = {
        "training.updates": updates, "training.warmup": max(1, updates // 10), "training.evaluate_every": updates,
        "training.selection": "last", "training.mlm_vocabulary": vocabulary, "data.test_sentences": sentences,
    }  # fmt: skip
    spec = recipe.resolve(
        "hyperx-base", setting="mixed", partition="a", profile="lab", seed=seed, backbone_name=backbone,
        assignments=[f"{name}={value}" for name, value in fields.items()],
    )  # fmt: skip
    corpora = DataSource("mirror", source).corpora(spec.data)
    spec, plan = resolve_inputs(with_options(spec), corpora)
    loaded = get_backbone(spec.backbone, offline=True)
    data, method = RunData(spec, plan, corpora, loaded), build(spec, loaded)
    sampler = data.sampler()
    assert isinstance(sampler, Sampler)
    feed = data.feed(sampler, torch.device("cpu"), (0, 1))
    data.introduce(method)
    method.start_training(updates)
    losses: list[float] = []  # of the MLM updates
    start = time.process_time()

    def note(step: int, loss: float) -> None:
        if sampler.batch(step - 1)[0].task == MLM:
            losses.append(loss)

    with tempfile.TemporaryDirectory() as folder:
        accelerator, states = accelerator_in(spec.training.precision), ResumeStates(Path(folder) / "resume")
        train(method, feed, updates, spec.training, seed, accelerator, states, report=note)
    found = {
        "CPU seconds": time.process_time() - start,
        "own MLM loss": fmean(losses[-max(1, len(losses) // 10) :]),
    }
    texts = [rows for (task, _), rows in data.train.items() if task == MLM]
    streams = [Stream(*pair, rows.lengths) for pair, rows in data.train.items() if pair.task == MLM]
    held_out = Sampler(streams, batch_size=spec.training.batch_size, updates=HELD_OUT, seed=seed + 1000)
    feed = data.feed(held_out, torch.device("cpu"), (0, 1))
    every = torch.arange(len(data.tokenizer))
    found["MLM loss over all"] = mlm_loss(method, feed, every)
    found["MLM loss over occurring"] = mlm_loss(method, feed, torch.from_numpy(occurring(texts)))
    scores: dict[str, list[float]] = {}
    for pair in plan.test:
        scores.setdefault(pair.task, []).append(data.score(method, pair, "test").rows("test")[0]["value"])
    return found | {f"{task.upper()} score": fmean(values) for task, values in sorted(scores.items())}


def rows(found: dict[str, dict[str, float]]) -> Iterator[str]:
    """Yield the numbers of both, and what occurring tokens change."""
    for name, numbers in found.items():
        yield f"{name:10} " + ", ".join(f"{what} {value:.3f}" for what, value in numbers.items())
    one, other = found["all"], found["occurring"]
    yield "difference " + ", ".join(f"{what} {other[what] - one[what]:+.3f}" for what in one)


def main(
    data_source: Annotated[Path, typer.Option(help="A mirror of the corpora of Hyper-X.")],
    updates: int = 300,
    test_sentences: Annotated[int, typer.Option(help="Of each test set.")] = 100,
    seed: int = 1,
    backbone: Annotated[str | None, typer.Option(help="A backbone recipe; default: the lab's.")] = None,
) -> None:
    """Train both and print their losses and scores."""
    torch.set_num_threads(1)
    found = {}
    for vocabulary in ("occurring", "all"):
        found[vocabulary] = measured(data_source, vocabulary, updates, test_sentences, seed, backbone)
        print(json.dumps({vocabulary: found[vocabulary]}), flush=True)
    print("\n".join(rows(found)))


if __name__ == "__main__":
    typer.run(main)
