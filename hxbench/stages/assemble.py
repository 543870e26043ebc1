"""Putting a run's model together: backbone, labels, languages and options → a method ready to train or score."""

from collections.abc import Mapping
from typing import Any

from hxbench.backbones.load import Backbone, meta_backbone
from hxbench.corpora.schema import labels
from hxbench.encoding.batch import MULTIPLE, padded_length
from hxbench.errors import InputError
from hxbench.languages import language_set
from hxbench.methods import method_class
from hxbench.methods.method import START, Method, seed_everything
from hxbench.settings import TASKS
from hxbench.spec import RunSpec, validated
from hxbench.store import Store
from hxbench.training.checkpoint import read_weights


def with_options(spec: RunSpec) -> RunSpec:
    """Return the spec with the method's options complete: defaults filled in, unknown keys refused."""
    options = validated(method_class(spec.kind).Options, spec.options, f"options of {spec.method}")
    return spec.model_copy(update={"options": options.model_dump(mode="json")})


def build(spec: RunSpec, backbone: Backbone) -> Method:
    """Return the method of a run on `backbone`, initialised from the run's seed, only its own parts trainable."""
    limit = getattr(backbone.model.config, "max_position_embeddings", None)
    if isinstance(limit, int) and padded_length(spec.data.max_length) > limit:
        raise InputError(
            f"max_length {spec.data.max_length} is more than the {limit} positions of {spec.backbone.name}, "
            f"in batches padded to a multiple of {MULTIPLE}."
        )
    kind = method_class(spec.kind)
    languages = language_set("sandbox" if spec.data.origin == "sandbox" else "hyperx")
    tasks = () if spec.setting == "language" else (spec.task,) if spec.task else TASKS
    seed_everything(spec.seed)
    method = kind(
        backbone,
        labels={task: len(labels(task)) for task in tasks},
        languages=list(languages),
        options=validated(kind.Options, spec.options, f"options of {spec.method}"),
    )
    method.freeze()
    return method


def equip(method: Method, spec: RunSpec, store: Store, *, start: bool = True) -> None:
    """Give a method what it takes over from the finished runs that its run builds on.

    Without `start` the weights it went on from are left aside.
    """
    for role, run_id in spec.after.items():
        if start or role != START:
            method.take(role, read_weights(store.checkpoint(run_id)))


def costs(spec: RunSpec, length: int = 128) -> dict[str, Any]:
    """Return parameters and forward FLOPs of a run from configuration alone, on meta tensors.

    `counted` is the number as the method's paper counts it; `flops_per_token` is one forward pass over a sentence
    of `length` pieces divided by `length`, `flops_per_batch` what is computed once a batch whatever its size.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from hxbench.methods.method import Condition

    backbone = meta_backbone(spec.backbone)
    with torch.device("meta"):
        method = build(spec, backbone)
        ids = torch.zeros(1, length, dtype=torch.long)
    method.eval()
    body = sum(p.numel() for p in backbone.body.parameters())
    condition = Condition(method.tasks[0], method.languages[0])
    generate, forward = FlopCounterMode(display=False), FlopCounterMode(display=False)
    with torch.no_grad():
        with generate:
            weights = method.adapter_weights(condition)
        with forward, method.sites.using(weights):
            method.body(input_ids=ids)  # a mask would be looked into, which a meta tensor does not allow
    return {
        "counted": method.counted(),
        "trainable": sum(p.numel() for p in method.trained().values()),
        "parts": method.part_sizes(),
        "backbone": body,
        "flops_per_token": forward.get_total_flops() // length,
        "flops_per_batch": generate.get_total_flops(),
        "memory_bytes": memory_estimate(method, body),
    }


def memory_estimate(method: Method, body: int) -> Mapping[str, int]:
    """Return bytes that do not depend on the batch, in fp32: weights, gradients and AdamW's two moments."""
    trained = sum(p.numel() for p in method.trained().values())
    total = sum(p.numel() for p in method.parameters())
    return {"weights": 4 * total, "gradients": 4 * trained, "optimiser": 8 * trained}
