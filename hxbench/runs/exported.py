"""An export back on its backbone."""

import hashlib
from pathlib import Path

from hxbench.backbones.backbone import Backbone
from hxbench.backbones.load import folder_fingerprint, load_backbone
from hxbench.closed import validated
from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.exported import Exported, fill_head
from hxbench.methods.method import PEFT_PREFIX, Method, Setup
from hxbench.modules.parameters import fill
from hxbench.printing import shortened
from hxbench.runs.backbone import get_backbone, is_ready
from hxbench.runs.export_format import EXPORTED, SAID, WEIGHTS, Export, read_export
from hxbench.spec.backbone import BackboneSpec


def load_exported(
    folder: Path, backbone: Backbone | None = None, *, offline: bool = False
) -> tuple[Method, Backbone]:
    """Return what was exported on the backbone that carries it, whose LayerNorms it may replace.

    Without a `backbone` the one it was made for is used (`backbone_of`); a whole model brings its own. Raises
    `InputError` for a folder that is damaged or no export, and for a backbone with other weights.
    """
    said, tensors = read_export(folder)
    if said.kind == "model":
        itself = BackboneSpec(name=said.backbone.name, folder=str(folder))
        backbone = load_backbone(itself, beside=said.head.values())
    else:
        backbone = backbone or backbone_of(folder, said, offline=offline)
        if weights_digest(backbone) != said.backbone_weights:
            raise InputError(f"{folder} is for other weights of {said.backbone.name} than these.")
    kind = Exported if said.method == EXPORTED else method_class(said.method)
    options = validated(kind.Options, said.options, f"{folder}: options of {said.method}")
    method = kind(Setup(backbone, (said.task,), (said.language,)), options)
    if method.answering is None or method.answering.name != said.answers:
        raise InputError(f"{folder} answers by {said.answers}, which {said.backbone.name} does not.")
    origin = f"{folder / WEIGHTS[said.kind]}"
    fill_head(method, said.task, tensors, origin)
    inner = {name: t for name, t in tensors.items() if not name.startswith(("head.", "pooler."))}
    if isinstance(method, Exported):
        body = {name.removeprefix("body."): t for name, t in inner.items() if name.startswith("body.")}
        if different := sorted({*body} ^ {*said.body}):
            raise InputError(
                f"{origin}: the backbone's parameters in it are not those that {SAID} names (first difference: "
                f"{shortened(different[0], 120)})."
            )
        if other := sorted(name for name in inner if not name.startswith(("body.", "sites."))):
            raise InputError(
                f"{origin}: tensors are left over ({len(other)}, such as {shortened(other[0], 120)})."
            )
        parameters = dict(method.body.named_parameters())
        fill({name: p for name, p in parameters.items() if name in body}, body, origin)
        method.bring(inner, origin)
    else:
        if said.loads == "AutoModel":  # which is the body alone
            outer = f"{PEFT_PREFIX}{backbone.family.body}."
            inner = {name.replace(PEFT_PREFIX, outer, 1): tensor for name, tensor in inner.items()}
        method.take_peft(inner, origin)
    method.requires_grad_(False)
    return method.eval(), backbone


def backbone_of(folder: Path, said: Export, place: Path | None = None, *, offline: bool = False) -> Backbone:
    """Return the backbone an export was made for; `place` says where a local one lies on this machine.

    A local one is also found beside the export and in the working directory. Raises `InputError` when it is not
    here and cannot be had, with what to do.
    """
    spec = said.backbone
    if place is None and spec.folder:
        known = (folder.absolute().parent / spec.folder, Path(spec.folder))
        place = next((one for one in known if _is_backbone(one, spec.fingerprint)), None)
    if place is not None:
        found = folder_fingerprint(place)
        return get_backbone(BackboneSpec(name=place.name, folder=str(place), fingerprint=found))
    if spec.folder:
        raise InputError(
            f"{folder} stands on the local backbone {spec.name} [{spec.fingerprint}], which is neither beside it "
            "nor in this directory: say where it is with --backbone."
        )
    if spec.pretrain and not is_ready(spec):
        raise InputError(
            f"{folder} stands on backbone {spec.name} [{spec.fingerprint}], which is not in the cache: where the "
            "data are the same, hxbench prepare makes it; else --backbone says where it is."
        )
    try:
        return get_backbone(spec, offline=offline)
    except InputError as error:
        raise InputError(f"{folder} stands on {spec.origin}: {error}") from None


def _is_backbone(folder: Path, fingerprint: str) -> bool:
    try:
        return folder_fingerprint(folder) == fingerprint
    except (InputError, OSError):
        return False


def weights_digest(backbone: Backbone) -> str:
    """Return the SHA-256 over the body's tensors by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(backbone.body.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
