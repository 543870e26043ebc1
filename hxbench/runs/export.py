"""A generated adapter of a finished run → plain weights in a folder of the user's."""

import os
import shutil
from pathlib import Path

import torch
from torch import Tensor

from hxbench import __version__
from hxbench.backbones.load import pinned
from hxbench.errors import InputError
from hxbench.methods.exported import (
    FILES,
    POSITION,
    ExportConfig,
    Origin,
    adapter_tensors,
    head_of,
    weights_digest,
    write_exported,
)
from hxbench.methods.method import Method
from hxbench.modules.bottleneck import BottleneckWeights
from hxbench.modules.heads import Head
from hxbench.runs.backbone import get_backbone
from hxbench.runs.exported import load_exported
from hxbench.runs.finished import require_pair, require_tagger, restore
from hxbench.spec.languages import find_language
from hxbench.spec.run_spec import BackboneSpec, RunSpec
from hxbench.spec.settings import Pair
from hxbench.store import RunRecord
from hxbench.store.files import discard
from hxbench.system_errors import writing
from hxbench.tasks import task_of
from hxbench.tasks.encoding.batch import Batch


def export(
    record: RunRecord, *, task: str | None, language: str, out: Path, force: bool = False, offline: bool = False
) -> ExportConfig:
    """Write the adapter that a run generates for a pair into the folder `out`; return what its `config.json` says.

    The folder appears in one rename, after what was written has been loaded and has given the run's own logits.
    Raises `InputError` for a run, a task or a language it cannot be done for, and for a folder with other files.
    """
    spec = require_tagger(record)
    pair = require_pair(record.id, spec, task, language)
    _require_place(out, force)
    if spec.backbone.weights == "random":
        raise InputError(f"run {record.id} stands on random weights (the control), which no one could load again.")
    method, backbone = restore(record, offline=offline)
    layers = _bottlenecks(record, spec, method, pair)
    bottleneck, hidden = layers[0].down.shape
    pristine = get_backbone(spec.backbone, offline=offline)  # the other one's LayerNorms have been trained
    config = ExportConfig(
        task=pair.task,  # type: ignore[arg-type]
        language=pair.language,
        language_name=find_language(pair.language).name,
        labels=task_of(pair.task).labels,
        backbone=_without_folder(pinned(spec.backbone)),
        backbone_weights=weights_digest(pristine),
        layers=len(layers),
        hidden=hidden,
        bottleneck=bottleneck,
        layer_norm=layers[0].scale is not None,
        body=tuple(name for name, p in method.body.named_parameters() if p.requires_grad),
        max_length=spec.data.max_length,
        label_token=spec.data.label_token,
        origin=Origin(
            run=record.id, title=spec.title, method=spec.method, setting=spec.setting, seed=spec.seed,
            profile=spec.profile, hxbench=__version__,
        ),
    )  # fmt: skip
    tensors = adapter_tensors(method, pair.task, layers)
    probe = _probe(pair, len(backbone.tokenizer)).to(next(method.parameters()).device)
    wanted = _logits(method, probe)
    method.remove()
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with writing(out):
            temporary.mkdir(parents=True)
            write_exported(temporary, config, tensors)
        again, _ = load_exported(temporary, pristine)
        if not torch.allclose(_logits(again.to(wanted.device), probe), wanted, rtol=1e-4, atol=1e-4):
            raise InputError(
                f"run {record.id}: {spec.method} does more than its adapters, LayerNorms and head say, so that an "
                "export would predict something else."
            )
        with writing(out):
            discard(out)
            temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return config


def _require_place(out: Path, force: bool) -> None:
    """Raise unless `out` is free, or holds nothing but an export that may be replaced."""
    if not out.name or (out.exists() and not out.is_dir()):
        raise InputError(f"{out} is no folder that an export could go to.")
    names = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    if others := [name for name in names if name not in FILES]:
        raise InputError(f"{out} holds other files ({others[0]}), which are not replaced: name another folder.")
    if names and not force:
        raise InputError(f"{out} holds an export already: --force replaces it.")


def _bottlenecks(record: RunRecord, spec: RunSpec, method: Method, pair: Pair) -> list[BottleneckWeights]:
    """Return the generated adapters in layer order; `InputError` for a method whose adapters are another thing."""
    with torch.no_grad():
        weights = method.weights(method.condition_of(*pair))
    if not weights:
        raise InputError(
            f"run {record.id}: {spec.method} generates no adapters that could be exported; hxbench predict tags "
            "text with it."
        )
    plain = {key: one for key, one in weights.items() if isinstance(one, BottleneckWeights)}
    whole = [key for key in sorted(plain) if key.position == POSITION]
    if len(whole) < len(weights) or len(whole) != method.backbone.layer_count:
        raise InputError(
            f"run {record.id}: the adapters of {spec.method} are not one bottleneck a layer on the feed-forward "
            "output, which is all that can be exported so far."
        )
    if not isinstance(head_of(method, pair.task), Head):
        raise InputError(f"run {record.id}: the head of {spec.method} is not a linear classifier.")
    return [plain[key] for key in whole]


def _without_folder(spec: BackboneSpec) -> BackboneSpec:
    """Return the spec as others may see it: where a backbone lies is the business of its machine alone."""
    name = Path(spec.folder).name if spec.folder else None
    return spec.model_copy(update={"folder": name, "shape": spec.shape if spec.wheel else None})


def _probe(pair: Pair, vocabulary: int) -> Batch:
    """Return a batch of two rows of 16 tokens each, spread over the vocabulary."""
    ids = torch.linspace(0, vocabulary - 1, 32).long().view(2, 16)
    every, none = torch.arange(32), torch.zeros(2, dtype=torch.long)
    return Batch(*pair, ids, torch.ones_like(ids), none, torch.zeros_like(every), every, 32, 2, 2, 32)


def _logits(method: Method, batch: Batch) -> Tensor:
    method.eval()
    with torch.no_grad():
        return method.logits(batch)
