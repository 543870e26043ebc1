"""Run specs: closed, frozen descriptions of one training with its evaluations.

A run spec is the full, resolved description; its run id is the hash of that description.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, field_serializer, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from hxbench.closed import Closed, added
from hxbench.printing import printable
from hxbench.spec.backbone import BackboneSpec, Name, Positive, PretrainSpec, Rate, Weights
from hxbench.spec.kinds import told_apart
from hxbench.spec.languages import declared_languages
from hxbench.tasks import MLM, TAGGING, declared_tasks, suite_tasks, task_names, task_of
from hxbench.tasks.description import Described

__all__ = [
    "NO_PAPER", "START", "BackboneSpec", "Choice", "DataSpec", "FewShotSpec", "Name", "Positive", "PretrainSpec",
    "Rate", "RunSpec", "TaskName", "TrainingSpec", "Weights", "canonical", "id_of", "tagging_tasks",
]  # fmt: skip
NO_PAPER = "none"  # in the place of a paper's name, of methods that belong to none
START = "start"  # in `RunSpec.after`, the role of the run whose trained weights another one starts from
# How a model that writes answers a task with labels: it writes; or it writes, and on test sets the label that it
# finds most likely is scored beside; or the answer is the label with the greatest Σ log p of its tokens, end token
# included, or the one with the greatest mean of these, so that no label is less likely for its length alone.
Choice = Literal[False, True, "likelihood", "normalised"]


def _known(task: str) -> str:
    if task == MLM or task not in task_names():
        raise ValueError(f"no task is called {task}")
    return task


TaskName = Annotated[str, AfterValidator(_known)]


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

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Make what a user describes known in a process that was handed the spec, where nothing is validated."""
        super().__setstate__(state)
        if self.described:
            declared_tasks.declare(self.described.tasks)
            declared_languages.declare(self.described.languages)


def tagging_tasks(described: Described | None) -> tuple[str, ...]:
    """Return the tasks of words that a model of several is of."""
    if described is None:
        return suite_tasks(TAGGING)
    own, ships = described.tasks_of("tagging"), suite_tasks(TAGGING)
    return (*(task for task in ships if described.extends or task in own), *(t for t in own if t not in ships))


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
    # whose tasks the model is of, in the English collection
    suite: Literal["glue", "superglue"] | None = added(None)
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
        share = f"{100 * data.train_share:g} %" if data.train_share else ""
        return {
            "partition": "switched" if self.partition and "switched" in self.partition else "",
            "mlm": "" if training.mlm_languages == "all" else f"mlm {training.mlm_languages}",
            "matched": "matched" if training.match_labelled else "",
            "temperature": "size-proportional" if training.temperature == 1 else "",
            "held out": f"without {','.join(data.held_out)}" if data.held_out else "",
            "data": f"{data.train_examples} examples" if data.train_examples else share,
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
