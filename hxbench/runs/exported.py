"""What an export says of itself, and an export back on its backbone.

A folder has `export.json`, weights, and a SHA-256 manifest. Its kind says whose form the weights have:

- `adapter`: ours (`methods.exported`), in `adapter.safetensors`;
- `peft`: those of `peft`, in `adapter_model.safetensors` beside `adapter_config.json`;
- `model`: a folder of the library's, with its tokenizer.

Where the library has no such head, it is in `head.safetensors`. `load_adapter.py` loads what is not in a library's
form; nothing here runs it. Exports of before have a `config.json` of version 1 and no `export.json`.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from hxbench import manifest
from hxbench.backbones.load import Backbone, folder_fingerprint, load_backbone
from hxbench.closed import Closed, added, validated
from hxbench.errors import InputError, reason
from hxbench.methods import method_class
from hxbench.methods.exported import Exported, fill_head
from hxbench.methods.method import PEFT_PREFIX, Method, Setup
from hxbench.modules.parameters import fill
from hxbench.plain_data import load_json, read_text
from hxbench.printing import shortened
from hxbench.runs.backbone import get_backbone, is_ready
from hxbench.spec.backbone import BackboneSpec, Name, Positive, Sha256
from hxbench.spec.recipe.family import Path as ModulePath
from hxbench.spec.run_spec import Choice, RunSpec, TaskName
from hxbench.tasks import Task, declared_tasks, task_of
from hxbench.tasks.encoding.templates import Wording

SAID, BEFORE = "export.json", "config.json"
WEIGHTS = {"adapter": "adapter.safetensors", "peft": "adapter_model.safetensors", "model": "model.safetensors"}
HEAD, LOADER = "head.safetensors", "load_adapter.py"
EXPORTED = "exported"  # the method of exports whose weights are no method's of ours any more
PLACEMENT = (
    "At every site, of the value x that its module puts out: x + up(f(down(x))), with a norm behind up where "
    "there is one. With fed_by, up(f(down(y))) of what goes into that module is added; with a residual r, "
    "up(f(down(norm(x + r))))."
)
COMPATIBILITY = (
    "Not the files of AdapterHub, whose library does not load them. load_adapter.py does, with torch and "
    "transformers alone, and so does hxbench.runs.exported.load_exported."
)


class Reading(Closed):
    """How texts become tokens and answers words; fields of a run's data and training, as they are meant there."""

    max_length: Positive
    label_token: Literal["first", "character", "last"] = "first"
    score_step: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.2
    cut_at: Literal["end", "start"] = "end"
    template: Literal["pha", "pet"] = "pha"
    labels: Literal["digits", "words", "unified"] = "digits"
    beams: Positive | None = None  # of written answers; the task's own without a number
    choose: Choice = added(False)

    @classmethod
    def of(cls, spec: RunSpec) -> Self:
        """Return how a run reads and answers; what it is only scored by beside its answers is left out."""
        data, training = spec.data, spec.training
        choose = False if training.choose is True else training.choose
        of_data = {name: getattr(data, name) for name in cls.model_fields if name not in ("beams", "choose")}
        return cls(beams=training.beams, choose=choose, **of_data)

    @property
    def wording(self) -> Wording:
        """The template and the names of classes."""
        return Wording(self.template, self.labels)


class Origin(Closed):
    """The run that an export comes from."""

    run: str
    title: str
    method: str
    setting: str
    seed: int
    profile: str
    hxbench: str  # version that exported


class Export(Closed):
    """What `export.json` says."""

    format: Literal["hxbench-export"] = "hxbench-export"
    format_version: Literal[2] = 2
    kind: Literal["adapter", "peft", "model"]
    own_task: Task | None = added(None)  # what a user's own is, known from here on
    task: TaskName
    language: Name
    language_name: Name = ""
    labels: tuple[str, ...]  # by class id
    answers: Literal["token", "class", "encoder-decoder", "causal"]
    loads: Name  # the class of transformers that loads the backbone, or the export itself
    root: ModulePath = ""  # of the body in what that class makes
    input: str = ""  # of a decoder, alone or behind an encoder: what is read, with the fields in braces
    state: Literal["first", "last"] = "first"  # whose token's a head for texts is fed
    method: Name = EXPORTED  # the kind of method that takes the weights, and its options
    options: dict[str, Any] = Field(default_factory=dict)
    backbone: BackboneSpec  # of a local folder only its name, and a fingerprint of its files
    backbone_weights: Sha256  # over all tensors of the body as it came, whatever files they were in
    reading: Reading
    body: Annotated[tuple[str, ...], Field(max_length=100_000)] = ()  # parameters of the body beside adapters
    head: dict[str, str] = Field(default_factory=dict)  # names of the head in weights of a library's form
    placement: str = ""
    compatibility: str = ""
    origin: Origin

    @field_validator("own_task")
    @classmethod
    def _is_known_from_here_on(cls, task: Task | None) -> Task | None:
        if task:
            declared_tasks.declare({task.name: task})
        return task

    @model_validator(mode="after")
    def _kind_and_method(self) -> Self:
        if (self.kind == "peft") == (self.method == EXPORTED):
            raise ValueError("an export in the form of peft, and no other, names the method that takes it")
        return self

    @model_validator(mode="after")
    def _plain_place(self) -> Self:
        folder = self.backbone.folder
        if folder and (Path(folder).name != folder or folder == ".."):
            raise ValueError("the folder of a backbone is only its name here")
        return self


class Before(Closed):
    """What `config.json` of version 1 says: adapters after every feed-forward block, for tags of words."""

    format: Literal["hxbench-adapter"] = "hxbench-adapter"
    format_version: Literal[1] = 1
    task: Literal["ner", "pos"]
    language: str
    language_name: str
    labels: tuple[str, ...]
    backbone: BackboneSpec
    backbone_weights: Sha256
    layers: Annotated[int, Field(gt=0, le=1000)]
    hidden: Positive
    bottleneck: Positive
    activation: Literal["relu"] = "relu"
    layer_norm: bool
    body: tuple[str, ...] | None = None  # the first ones do not say
    placement: str = ""
    compatibility: str = ""
    max_length: Positive
    label_token: Literal["first", "character"] = "first"
    origin: Origin

    def renamed(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return tensors under their names of now."""
        found = {}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            number, _, inner = rest.partition(".")
            found[f"sites.{number}.0.{inner}" if part == "layers" else name] = tensor
        return found

    def of_now(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Return what an export of now would say; of the first ones the tensors say which are the body's."""
        said = {name: getattr(self, name) for name in Export.model_fields if name in Before.model_fields}
        body = self.body
        if body is None:
            body = tuple(sorted(name.removeprefix("body.") for name in tensors if name.startswith("body.")))
        sites = [{"layer": layer, "position": "ffn_output"} for layer in range(self.layers)]
        new: dict[str, Any] = {
            "format": "hxbench-export",
            "format_version": 2,
            "body": body,
            "options": {"sites": sites},
        }
        reading = Reading(max_length=self.max_length, label_token=self.label_token)
        form: dict[str, Any] = {"kind": "adapter", "answers": "token", "loads": "AutoModel", "reading": reading}
        return said | new | form


def is_exported(folder: Path) -> bool:
    """Return whether a folder looks like an export."""
    return (folder / SAID).is_file() or ((folder / BEFORE).is_file() and (folder / WEIGHTS["adapter"]).is_file())


def read_export(folder: Path) -> tuple[Export, dict[str, Tensor]]:
    """Return what an export says of itself and its tensors; `InputError` when it is not whole, damaged, or none.

    Of a whole model the tensors are those of its head alone.
    """
    if not is_exported(folder) or not manifest.is_complete(folder):
        raise InputError(f"{folder} is no whole export; expected {SAID}, weights and {manifest.NAME}.")
    manifest.verify(folder)
    path = folder / SAID
    if not path.is_file():
        path = folder / BEFORE
    try:
        values = load_json(read_text(path), path.name)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: {reason(error)}.") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a JSON object.")
    if path.name == BEFORE:
        before = validated(Before, values, str(path))
        tensors = before.renamed(_tensors(folder / WEIGHTS["adapter"]))
        said = validated(Export, before.of_now(tensors), str(path))
    else:
        said = validated(Export, values, str(path))
        tensors = _tensors(folder / WEIGHTS[said.kind], said.head.values() if said.kind == "model" else None)
        beside = {name: tensors.pop(inner) for name, inner in said.head.items() if inner in tensors}
        if (folder / HEAD).is_file():
            beside |= _tensors(folder / HEAD)
        tensors |= beside
    if said.labels != task_of(said.task).labels:
        raise InputError(f"{path}: its labels of {said.task} are not those of this version.")
    return said, tensors


def _tensors(path: Path, wanted: Any = None) -> dict[str, Tensor]:
    """Return the tensors of a file, or those of them that are wanted."""
    from safetensors import safe_open

    try:
        if wanted is None:
            return load_file(path)
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in set(wanted) & set(file.keys())}
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} cannot be read: {str(error).rstrip('.')}.") from None


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
