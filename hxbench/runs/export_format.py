"""What an export says of itself: `export.json`, and the tensors beside it.

A folder has `export.json`, weights, and a SHA-256 manifest. Its kind says whose form the weights have:

- `adapter`: ours (`methods.exported`), in `adapter.safetensors`;
- `peft`: those of `peft`, in `adapter_model.safetensors` beside `adapter_config.json`;
- `model`: a folder of the library's, with its tokenizer.

Where the library has no such head, it is in `head.safetensors`. `load_adapter.py` loads what is not in a library's
form; nothing here runs it. Exports of before have a `config.json` of version 1 and no `export.json`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from hxbench import manifest
from hxbench.closed import Closed, added, validated
from hxbench.errors import InputError, reason
from hxbench.plain_data import load_json, read_text
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
        return {re.sub(r"^layers\.(\d+)\.", r"sites.\1.0.", name): tensor for name, tensor in tensors.items()}

    def of_now(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Return what an export of now would say; of the first ones the tensors say which are the body's."""
        said = {name: getattr(self, name) for name in Export.model_fields if name in Before.model_fields}
        body = self.body
        if body is None:
            body = tuple(sorted(name.removeprefix("body.") for name in tensors if name.startswith("body.")))
        sites = [{"layer": layer, "position": "ffn_output"} for layer in range(self.layers)]
        return said | {
            "format": "hxbench-export", "format_version": 2, "body": body, "options": {"sites": sites},
            "kind": "adapter", "answers": "token", "loads": "AutoModel",
            "reading": Reading(max_length=self.max_length, label_token=self.label_token),
        }  # fmt: skip


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
