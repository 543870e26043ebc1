"""What a recipe may say: closed schemas of methods, profiles and experiments (backbones: `spec.BackboneSpec`)."""

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from hxbench.closed import Closed
from hxbench.spec.backbone import BackboneSpec, Positive, Rate, Weights
from hxbench.spec.run_spec import NO_PAPER
from hxbench.tasks import ENGLISH, TAGGING, read_together, suite_tasks, task_names, task_of, tasks_in, text_tasks

T = TypeVar("T")
MOST_DRAWS = 1000
Draws = Annotated[int, Field(gt=0, le=MOST_DRAWS)]
Seeds = Annotated[tuple[int, ...], Field(max_length=1000)]


def _of_an_origin(data: dict[str, Any]) -> dict[str, Any]:
    if data.get("origin", "hub") not in ("sandbox", "hub", "mirror"):
        raise ValueError("origin is one of sandbox, hub and mirror")
    return data


# fields of a `DataSpec`, whose origin is read early
Data = Annotated[dict[str, Any], AfterValidator(_of_an_origin)]
# what a block tries in turn: the same at every profile, or by profile, `other` for those it does not name
InTurn = tuple[T, ...] | dict[str, tuple[T, ...]]


class Override(Closed):
    """What a method changes for one profile or one variant."""

    shorten: Annotated[float, Field(gt=0, le=1)] = 1.0  # to this share of the updates, whatever these are
    options: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)


class Scaled(Override):
    """What a method changes for one profile or one variant, and there for one family of backbones."""

    families: dict[str, Override] = Field(default_factory=dict)  # by the name of the entry


class MethodRecipe(Override):
    """A method with the numbers of its paper, and how it shrinks."""

    title: str
    about: str
    kind: str
    paper: str = "hyperx"  # whose tables the method gets a row in; `none` for a method of no paper
    scale: str = ""  # the paper on whose tasks, data and backbones it runs, where that is not its own
    settings: Annotated[tuple[Literal["single", "multi", "mixed"], ...], Field(min_length=1)] = (
        "single", "multi", "mixed",
    )  # fmt: skip
    one_task: bool = False  # a model for each task even where a setting has both
    # whose models few-shot runs start from
    few_shot_from: Literal["single", "multi", "mixed", "nothing"] = "multi"
    profiles: dict[str, Scaled] = Field(default_factory=dict)
    variants: dict[str, Scaled] = Field(default_factory=dict)
    before: Override | None = None  # what runs of before had, which stand in where there are none of today's

    @property
    def ground(self) -> str:
        """The paper whose part of a profile it is run at."""
        return self.scale or self.paper

    def ground_for(self, task: str | None) -> str:
        """The same for one task: where a method of no paper tags words, its ground is that of these tasks."""
        words = task in task_names() and task_of(str(task)).type == "tagging"
        return TAGGING if self.paper == NO_PAPER and words else self.ground

    @property
    def start_setting(self) -> str:
        """The setting whose models the few-shot protocol starts from, or that of runs which start from nothing."""
        if self.few_shot_from == "nothing":
            return "single"
        return self.few_shot_from if self.few_shot_from in self.settings else self.settings[-1]


class Trait(Closed):
    """One thing that a published code does otherwise than its paper says."""

    what: str
    fields: tuple[str, ...] = ()  # that say it in the variant `code` of some method
    set: tuple[str, ...] = ()  # what `--set` takes for it, where the variant leaves it


class VariantRecipe(Closed):
    """What the variant `code` of a paper's methods is: the traits it has, and those it leaves."""

    about: str
    changes: tuple[Trait, ...]
    leaves: tuple[Trait, ...]


class PaperScale(Closed):
    """What a profile has of its own for one paper."""

    backbone: str | None = None
    sizes: dict[str, str] = Field(default_factory=dict)  # backbones of other sizes, by the name of the size
    seeds: Seeds = ()
    draws: Draws | None = None
    data: Data = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()  # what a reader of the paper's artifacts at this profile has to know


class ProfileRecipe(Closed):
    """The scale everything is run at."""

    about: str
    backbone: str | BackboneSpec
    sizes: dict[str, str] = Field(default_factory=dict)
    seeds: Annotated[Seeds, Field(min_length=1)]
    draws: Draws = 3  # of the sentences of every few-shot cell, for each seed
    data: Data
    data_file: str = ""  # that describes data of one's own, seen from the profile's
    training: dict[str, Any] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    papers: dict[str, PaperScale] = Field(default_factory=dict)

    @property
    def is_text(self) -> bool:
        """Whether what is run at this scale answers in text."""
        return any(task_of(name).answers_texts for name in read_together(self.data.get("collection", "")))

    @property
    def own_tasks(self) -> tuple[str, ...]:
        """The tasks of the paper, where these come in no suites."""
        return tasks_in("pet") if self.data.get("template") == "pet" else ()


class FewShotRecipe(Closed):
    """The few-shot protocol: which pairs, how many sentences, and what changes in the training."""

    languages: InTurn[str] = (ENGLISH,)  # paper codes
    tasks: tuple[str, ...] = Field(default_factory=lambda: suite_tasks(TAGGING))
    k: tuple[Positive, ...]
    training: dict[str, Any] = Field(default_factory=dict)


class ExperimentBlock(Override):
    """Methods that share a setting, with what the block changes in their recipes.

    What it tries in turn (`sizes`, `each`, `rates`) makes a block of each: `hxbench.spec.recipe.unfolding`.
    """

    label: str = ""  # of the condition, where an artifact compares several
    setting: Literal["single", "multi", "mixed"]
    methods: Annotated[tuple[str, ...], Field(min_length=1)]
    switched: bool = False  # the other pair of partitions (Hyper-X, section 6.3)
    partition: Literal["a", "b"] | None = None  # one of the two models of the mixed setting alone
    seeds: Seeds = ()  # other seeds than the profile's
    suite: Literal["glue", "superglue"] | None = None
    # instead of a suite's: of single-task models, or of one model of them together; no runs where there are none
    tasks: InTurn[str] = ()
    backbone: str = ""  # in the place of the profile's: a recipe, a YAML file, a folder or a hub's name
    size: str = ""  # of the backbone, by its name in the profile
    sizes: tuple[str, ...] = ()  # several; the block does without those that the profile lacks
    weights: Weights = "pretrained"
    each: dict[str, InTurn[Any]] = Field(default_factory=dict)  # values of options; no runs where there are none
    rates: InTurn[Rate] = ()  # learning rates: the best by validation counts; without any the recipes' own
    profiles: dict[str, Override] = Field(default_factory=dict)  # what it changes at one profile, on top
    few_shot: FewShotRecipe | None = None  # from the models of this setting
    transfer: bool = False  # every model is also scored, as it is, on all other tasks of the block

    @property
    def every_task(self) -> tuple[str, ...]:
        """Its tasks: before it is unfolded those of all profiles."""
        lists = self.tasks.values() if isinstance(self.tasks, dict) else (self.tasks,)
        return tuple(dict.fromkeys(task for some in lists for task in some))

    @model_validator(mode="after")
    def _one_choice_of_a_backbone(self) -> Self:
        if self.backbone and (self.size or self.sizes):
            raise ValueError("backbone, and size or sizes of the profile's, exclude each other")
        return self

    @model_validator(mode="after")
    def _a_partition_is_of_the_mixed_setting(self) -> Self:
        if self.partition and (self.setting != "mixed" or self.switched):
            raise ValueError("partition is of the mixed setting, without switched sources")
        return self

    @model_validator(mode="after")
    def _tasks_of_one_model_are_of_texts(self) -> Self:
        if self.setting == "single" or not self.every_task:
            return self
        if self.setting == "mixed" or self.suite or len(self.every_task) < 2:
            raise ValueError("tasks of one model are two or more of the multi setting, in the place of a suite")
        known = text_tasks()
        if other := next((task for task in self.every_task if task not in known), None):
            raise ValueError(f"tasks of one model are of texts, and {other} is not")
        return self

    @model_validator(mode="after")
    def _transfer_is_between_tasks(self) -> Self:
        if self.transfer and (self.setting != "single" or len(self.every_task) < 2 or self.few_shot):
            raise ValueError("transfer is between two tasks or more of the single setting, without few_shot")
        return self


class Criteria(Closed):
    """What counts as leaving random guessing, and as equal to full fine-tuning (PET scaling, section 5.3).

    `standard_errors` is how far above random guessing a mean has to be; `points` how far below full fine-tuning it
    may be: without it, one sample deviation of its seeds.
    """

    standard_errors: Annotated[float, Field(ge=0)] = 2.0
    points: Annotated[float, Field(ge=0)] | None = None


class ExperimentRecipe(Closed):
    """The runs that an artifact is made of."""

    paper: str = "hyperx"  # as of a method
    about: str
    sweep: str = ""  # what `hxbench sweep` calls it
    artifacts: tuple[str, ...] = ()
    blocks: tuple[ExperimentBlock, ...] = ()
    thresholds: Criteria = Criteria()
    includes: tuple[str, ...] = ()  # other experiments of the paper whose blocks belong to this one
    data_file: str = ""  # that describes data of one's own, seen from the experiment's
