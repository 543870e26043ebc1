"""An exported adapter back on its backbone, by the address that exports themselves name."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from hxbench.backbones.load import Backbone, folder_fingerprint
from hxbench.errors import InputError
from hxbench.methods.exported import (
    WEIGHTS,
    ExportConfig,
    ExportedAdapter,
    read_config,
    require_shapes,
    weights_digest,
)
from hxbench.runs.backbone import get_backbone, is_ready
from hxbench.spec.run_spec import BackboneSpec


def load_exported(
    folder: Path, backbone: Backbone | None = None, *, offline: bool = False
) -> tuple[ExportedAdapter, Backbone]:
    """Return the exported adapter and the backbone that carries it, whose LayerNorms it replaces.

    Without a `backbone` the one it was made for is used: from the hub, or from the cache where it was pre-trained.
    Raises `InputError` for a folder that is damaged or no export, and for a backbone of another shape.
    """
    config = read_config(folder)
    backbone = backbone or backbone_of(config, offline=offline)
    shape = (backbone.layer_count, backbone.hidden_size)
    if shape != (config.layers, config.hidden):
        raise InputError(
            f"{folder} is for a backbone of {config.layers} layers of width {config.hidden} "
            f"({config.backbone.name}), not of {shape[0]} layers of width {shape[1]}."
        )
    if weights_digest(backbone) != config.backbone_weights:
        raise InputError(f"{folder} is for other weights of {config.backbone.name} than these.")
    try:
        tensors = load_file(folder / WEIGHTS)
    except SafetensorError as error:
        raise InputError(f"{folder / WEIGHTS} cannot be read: {error}.") from None
    require_shapes(folder / WEIGHTS, config, tensors)
    return ExportedAdapter(backbone, config, tensors), backbone


def backbone_of(config: ExportConfig, folder: Path | None = None, *, offline: bool = False) -> Backbone:
    """Return the backbone an export was made for; `folder` says where a local one lies on this machine.

    Raises `InputError` when it is not here and cannot be had, and for a folder with other weights.
    """
    spec = config.backbone
    if folder is not None:
        found = folder_fingerprint(folder)
        return get_backbone(BackboneSpec(name=folder.name, folder=str(folder), fingerprint=found))
    if spec.folder:
        raise InputError(f"this export stands on the local backbone {spec.name}: say where it is with --backbone.")
    if spec.pretrain and not is_ready(spec):
        raise InputError(
            f"backbone {spec.name} [{spec.fingerprint}] is not in the cache: where the data are the same, "
            "hxbench prepare makes it; else --backbone says where it is."
        )
    return get_backbone(spec, offline=offline)
