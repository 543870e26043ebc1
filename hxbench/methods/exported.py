"""A generated adapter as plain weights: a folder that is loaded without the method that generated it.

The folder has `adapter.safetensors`, `config.json` and a SHA-256 manifest. The tensors, all fp32:

- `layers.<n>.down.weight` [bottleneck, hidden], `layers.<n>.down.bias` [bottleneck],
  `layers.<n>.up.weight` [hidden, bottleneck], `layers.<n>.up.bias` [hidden], and where the adapter has a
  LayerNorm on the up-projection's output `layers.<n>.norm.weight` and `layers.<n>.norm.bias` [hidden];
- `body.<name>`: the backbone's parameters that were trained beside it (its LayerNorms), by the backbone's names;
- `head.weight` [labels, hidden] and `head.bias` [labels]: the linear classifier of the task.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import save_file
from torch import Tensor

from hxbench import manifest
from hxbench.answering.answer import AnswerOptions, Condition
from hxbench.answering.token import TokenHeads
from hxbench.backbones.load import Backbone
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed, validated
from hxbench.errors import InputError
from hxbench.methods.method import Method, Setup
from hxbench.modules.bottleneck import BottleneckWeights
from hxbench.modules.heads import Head
from hxbench.modules.parameters import fill
from hxbench.printing import shortened
from hxbench.spec.run_spec import BackboneSpec, Positive
from hxbench.tasks import task_of

CONFIG, WEIGHTS = "config.json", "adapter.safetensors"
FILES = (CONFIG, WEIGHTS, manifest.NAME)
POSITION = "ffn_output"  # the only place that adapters of this format act at
PLACEMENT = (
    "In every layer, on the feed-forward block's output x, after its second dense layer and its dropout and "
    "before the residual and LayerNorm that follow: x + up(relu(down(x))); with a norm, "
    "x + norm(up(relu(down(x))))."
)
COMPATIBILITY = (
    "Not the placement of AdapterHub's bottleneck adapters (seq_bn), which read the LayerNorm of the block's "
    "output plus its input: the adapters and peft libraries do not load this file. hxbench.runs.exported."
    "load_exported does."
)
_TENSORS = {  # field of BottleneckWeights → name in the file
    "down": "down.weight", "down_bias": "down.bias", "up": "up.weight", "up_bias": "up.bias",
    "scale": "norm.weight", "shift": "norm.bias",
}  # fmt: skip


class Origin(Closed):
    """The run that an adapter comes from."""

    run: str
    title: str
    method: str
    setting: str
    seed: int
    profile: str
    hxbench: str  # version that exported


class ExportConfig(Closed):
    """What `config.json` says."""

    format: Literal["hxbench-adapter"] = "hxbench-adapter"
    format_version: Literal[1] = 1
    task: Literal["ner", "pos"]
    language: str
    language_name: str
    labels: tuple[str, ...]  # by class id
    backbone: BackboneSpec  # of a local folder only its name, and a fingerprint of its files
    backbone_weights: str  # SHA-256 over all tensors of the encoder as it came, whatever files they were in
    layers: Positive
    hidden: Positive
    bottleneck: Positive
    activation: Literal["relu"] = "relu"
    layer_norm: bool  # inside the adapter
    body: tuple[str, ...] | None = None  # names of the backbone's parameters beside it; older exports do not say
    placement: str = PLACEMENT
    compatibility: str = COMPATIBILITY
    max_length: Positive  # tokens, special tokens included
    # of a word, which is tagged; exports of before: the first
    label_token: Literal["first", "character", "last"] = "first"
    origin: Origin


class ExportedAdapter(Method):
    """The adapters of one task and language as fixed weights; nothing in it is trained any more."""

    roles = ("ffn",)

    def __init__(self, backbone: Backbone, config: ExportConfig, tensors: Mapping[str, Tensor]) -> None:
        super().__init__(Setup(backbone, (config.task,), (config.language,)), AnswerOptions())
        self.config = config
        for field, name in _TENSORS.items():
            rows = [tensors.get(f"layers.{layer}.{name}") for layer in range(config.layers)]
            stacked = torch.stack([row for row in rows if row is not None]) if None not in rows else None
            self.register_buffer(f"adapter_{field}", stacked)
        parts = {"body": dict(self.body.named_parameters()), "head": _classifier(head_of(self, config.task))}
        for part, parameters in parts.items():
            saved = {name.partition(".")[2]: t for name, t in tensors.items() if name.startswith(f"{part}.")}
            trained = parameters if part == "head" else {n: p for n, p in parameters.items() if n in saved}
            fill(trained, saved, WEIGHTS)
        self.requires_grad_(False)

    def weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the weights of all layers; `ValueError` for another pair than the one they were generated for."""
        if (condition.task, condition.language) != (self.config.task, self.config.language):
            raise ValueError(f"these adapters are for {self.config.task}-{self.config.language} alone")
        stacked = BottleneckWeights(**{field: getattr(self, f"adapter_{field}") for field in _TENSORS})
        return dict(zip(self.sites.keys, stacked.unbind(), strict=True))


def head_of(method: Method, task: str) -> torch.nn.Module:
    """Return the head of a task that tags words."""
    assert isinstance(method.answering, TokenHeads)
    return method.answering.heads[task]


def _classifier(head: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    assert isinstance(head, Head)
    return dict(head.classifier.named_parameters())


def adapter_tensors(method: Method, task: str, layers: list[BottleneckWeights]) -> dict[str, Tensor]:
    """Return what an export holds, by name: adapters layer by layer, the body's trained parameters, the head."""
    tensors = {
        f"layers.{number}.{name}": value
        for number, weights in enumerate(layers)
        for field, name in _TENSORS.items()
        if (value := getattr(weights, field)) is not None
    }
    tensors |= {f"body.{name}": p for name, p in method.body.named_parameters() if p.requires_grad}
    tensors |= {f"head.{name}": p for name, p in _classifier(head_of(method, task)).items()}
    # a clone: a layer's weights are a view of those of all layers, which the file format does not keep apart
    return {name: t.detach().to("cpu", torch.float32).contiguous().clone() for name, t in tensors.items()}


def write_exported(folder: Path, config: ExportConfig, tensors: Mapping[str, Tensor]) -> None:
    """Write the files into an empty folder, the manifest last."""
    save_file(dict(tensors), folder / WEIGHTS, metadata={"format": "pt"})
    (folder / WEIGHTS).chmod(0o644)  # the library makes it its owner's alone
    (folder / CONFIG).write_text(
        json.dumps(config.model_dump(mode="json", exclude_none=True), indent=1, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )
    manifest.write(folder)


def is_exported(folder: Path) -> bool:
    """Return whether a folder looks like an export."""
    return (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()


def read_config(folder: Path) -> ExportConfig:
    """Return what an export says of itself; `InputError` when it is not whole, damaged, or not one."""
    if not is_exported(folder) or not manifest.is_complete(folder):
        raise InputError(f"{folder} is no whole export; expected {', '.join(FILES)}.")
    manifest.verify(folder)
    try:
        values = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{folder / CONFIG}: not JSON ({error}).") from None
    if not isinstance(values, dict):
        raise InputError(f"{folder / CONFIG}: expected a JSON object.")
    config = validated(ExportConfig, values, str(folder / CONFIG))
    if config.labels != task_of(config.task).labels:
        raise InputError(f"{folder / CONFIG}: its labels of {config.task} are not those of this version.")
    return config


def weights_digest(backbone: Backbone) -> str:
    """Return the SHA-256 over the encoder's tensors by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(backbone.body.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def require_shapes(path: Path, config: ExportConfig, tensors: Mapping[str, Tensor]) -> None:
    """Raise `InputError` for tensors that are not what the configuration says, and for others beside them."""
    small, wide = config.bottleneck, config.hidden
    shapes = {"down": (small, wide), "down_bias": (small,), "up": (wide, small), "up_bias": (wide,)}
    shapes |= {"scale": (wide,), "shift": (wide,)} if config.layer_norm else {}
    for layer in range(config.layers):
        for field, shape in shapes.items():
            name = f"layers.{layer}.{_TENSORS[field]}"
            if name not in tensors or tuple(tensors[name].shape) != shape:
                raise InputError(f"{path}: {name} is missing or not of shape {shape}, as {CONFIG} has it.")
    own = {f"layers.{layer}.{_TENSORS[field]}" for layer in range(config.layers) for field in shapes}
    own |= {f"head.{side}" for side in ("weight", "bias")}
    body = {name.removeprefix("body.") for name in tensors if name.startswith("body.")}
    if config.body is not None and (different := sorted(body ^ set(config.body))):
        raise InputError(
            f"{path}: the backbone's parameters in it are not those that {CONFIG} names (first difference: "
            f"{shortened(different[0], 120)})."
        )
    if left := sorted(name for name in tensors.keys() - own if not name.startswith("body.")):
        raise InputError(f"{path}: tensors are left over ({len(left)}, such as {shortened(left[0], 120)}).")
