"""A small T5 with random weights, and batches for it."""

import numpy as np
import torch
from transformers import T5Config

from hxbench.answering.answer import Condition
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import family_of
from hxbench.backbones.load import meta_backbone
from hxbench.backbones.shape import new_model
from hxbench.methods import method_class
from hxbench.methods.method import Setup
from hxbench.runs.assemble import build, with_options
from hxbench.tasks.encoding.batch import MIXED, collate

TASKS = ("cola", "sst2", "rte")
HIDDEN, LAYERS = 16, 2
KINDS: dict[str, dict[str, object]] = {  # options, by kind
    "text-finetune": {},
    "adapter": {"reduction": 4},
    "hyperformer": {"embedding": 3, "source_hidden": 6, "projected": 5, "reduction": 4},
    "hyperdecoder": {"bottleneck": 4, "layer_embedding": 3, "source_hidden": 6},
}


def small_t5(encoder=LAYERS, decoder=LAYERS):
    """Return a backbone of so many layers in its stacks."""
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=40, d_model=HIDDEN, d_kv=4, num_heads=2, d_ff=24, num_layers=encoder,
        num_decoder_layers=decoder,
        decoder_start_token_id=0,
        dropout_rate=0.1,
    )  # fmt: skip
    return Backbone(new_model(config), None, family_of("t5"))


def made(kind, backbone=None, *, shaken=True, tasks=TASKS, new_task=None, **options):
    """Return a method; `shaken`: every parameter of its own far from zero, so that nothing hides behind one."""
    found = method_class(kind)
    torch.manual_seed(1)
    setup = Setup(backbone or small_t5(), tasks, new_task=new_task)
    method = found(setup, found.Options(**{**KINDS[kind], **options}))
    method.freeze()
    if shaken:
        with torch.no_grad():
            for name, parameter in method.named_parameters():
                if not name.startswith("model."):
                    parameter.normal_(std=0.4)
    return method.eval()


def batch_of(tasks, task=MIXED, *, pick=None, padding=0):
    """Return a batch with a row for each place in `tasks`; `pick` keeps some rows, `padding` makes them longer."""
    rng = np.random.default_rng(0)
    sources = [rng.integers(2, 40, 3 + 2 * i) for i in range(len(tasks))]
    targets = [np.array([*rng.integers(2, 40, 1 + i % 2), 1]) for i in range(len(tasks))]
    pick = range(len(tasks)) if pick is None else pick
    batch = collate(
        [sources[i] for i in pick],
        [targets[i] for i in pick],
        tasks=[tasks[i] for i in pick],
        padding=0,
        task=task,
    )
    if not padding:
        return batch
    from dataclasses import replace

    longer = {n: torch.nn.functional.pad(getattr(batch, n), (0, padding)) for n in ("input_ids", "attention_mask")}
    targets = torch.nn.functional.pad(batch.targets, (0, 2), value=-100)
    return replace(batch, targets=targets, **longer)


def condition(tasks, side, pooled=None, place=None):
    """Return what a method is told of rows whose tasks are at these places."""
    return Condition(MIXED, "en", place, tasks, side, pooled)


def at_base_shape(spec):
    """Return the method of a spec on T5-base's shape, without weights."""
    with torch.device("meta"):
        return build(with_options(spec), meta_backbone(spec.backbone))
