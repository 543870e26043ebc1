"""What a recipe may say of a configuration of `peft`: its type and its fields, checked before a model is made.

A recipe's options are stored as they are given. What they leave out means what it did in the version of the
shipped table, whatever another version takes for it: so ids are the same with every version, and a run keeps its
meaning.
"""

import dataclasses
import enum
import re
import types
import typing
import warnings
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from hxbench import places
from hxbench.answering.answer import AnswerOptions
from hxbench.closed import Closed, added, read_mapping, validated
from hxbench.errors import did_you_mean
from hxbench.spec.recipe.family import ProjectionRole

Target = ProjectionRole | Literal["norms", "words"]
Works = Literal["works"]
Reason = Literal[
    "needs an attention that peft knows",
    "needs trained adapters from files",
    "needs a prompt in words",
    "needs a pass of its own",
    "needs keys and values of one stack",
]

_PLACES = "targets says where it acts, by roles"
_MODEL = "it follows from the backbone or the run"
_FILES = "a recipe loads no files or code"
_NOT_FOR_RECIPES = {
    **dict.fromkeys(("target_modules", "exclude_modules", "feedforward_modules", "layers_pattern"), _PLACES),
    **dict.fromkeys(("target_parameters", "trainable_token_indices", "layer_replication"), _PLACES),
    "use_asa": "a stopped training could not go on from its scores",
    "modules_to_save": "heads are trained whatever the method",
    "boft_n_butterfly_factor": "peft takes 1 unless it can compile CUDA code, and hxbench compiles none",
    **dict.fromkeys(("peft_type", "task_type", "inference_mode", "auto_mapping", "peft_version"), _MODEL),
    **dict.fromkeys(("token_dim", "num_layers", "num_attention_heads", "num_transformer_submodules"), _MODEL),
    **dict.fromkeys(("total_step", "num_tasks", "n_tasks", "fan_in_fan_out", "rank_budget"), _MODEL),
    **dict.fromkeys(("base_model_name_or_path", "revision", "megatron_config", "megatron_core"), _FILES),
    **dict.fromkeys(("tokenizer_kwargs", "prompt_tuning_init_text", "shadow_model", "adapters"), _FILES),
    **dict.fromkeys(("save_projection", "save_only_topk_weights", "save_precomputed_indices"), _MODEL),
    **dict.fromkeys(("save_indices", "progressbar", "ensure_weight_tying", "alora_invocation_tokens"), _MODEL),
}
_WITH_FILES = re.compile("path|tokenizer")
# ways to begin that look at data or files
_FROM_OUTSIDE = (
    "eva", "corda", "loftq", "lora_ga", "TEXT", "AVERAGE_SOURCE_TASKS", "EXACT_SOURCE_TASK", "ONLY_SOURCE_SHARED",
)  # fmt: skip
_ITERATED = re.compile(r"pissa_niter_[1-9]\d{0,3}")
_REQUIRED = ("num_virtual_tokens", "token_indices", "adapter_len", "adapter_layers")  # where there are these
_MAY_BE_ZERO = re.compile("seed|warmup|tfinal|tinit|prng")


class Tried(Closed):
    """What is known of a type in the version that was tried."""

    answers: dict[str, Works | Reason]  # by the column of `answering.COLUMNS`
    defaults: dict[str, Any]  # of the fields that a recipe may give


class Table(Closed):
    """The types of one version of `peft`, as `tests/methods/peft_types.py` finds them."""

    peft: str
    types: dict[str, Tried]


@cache
def table() -> Table:
    path = places.shipped("recipes") / "peft" / "types.yaml"
    return validated(Table, read_mapping(path), path.name)


@cache
def is_of_this_version() -> bool:
    """Return whether the installed `peft` is the one of the table."""
    return version("peft") == table().peft


def tried(kind: str) -> dict[str, Works | Reason]:
    """Return how a type answers by column, in the installed version; nothing where that was not tried."""
    known = table().types.get(kind) if is_of_this_version() else None
    return known.answers if known else {}


def configurations() -> dict[str, Any]:
    """Return the configuration classes of the installed `peft` by type."""
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    return {str(kind.value): found for kind, found in PEFT_TYPE_TO_CONFIG_MAPPING.items()}


def _known(name: str) -> str:
    known = configurations()
    if name in known:
        return name
    if same := next((one for one in known if _letters(one) == _letters(name)), ""):
        raise ValueError(f"peft calls it {same}")  # one spelling, so that the same run has the same id
    raise ValueError(did_you_mean("type of peft", name.upper(), list(known)).rstrip("."))


def _letters(name: str) -> str:
    return re.sub("[^A-Z0-9]", "", name.upper())


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _words_of(hint: Any) -> list[str]:
    """Return the words that a field takes, without those that look at data, files or a pattern."""
    words: list[Any] = []
    for one in _alternatives(hint):
        if typing.get_origin(one) is Literal:
            words += typing.get_args(one)
        elif isinstance(one, type) and issubclass(one, enum.Enum):
            words += [member.value for member in one]
    return [one for one in map(str, words) if one not in _FROM_OUTSIDE and "[" not in one]


def _is_plain(hint: Any) -> bool:
    """Return whether a field takes scalars, words, lists or mappings, and no object."""
    kinds = [one for one in _alternatives(hint) if not _words_of(one)]
    return all((typing.get_origin(one) or one) in (bool, int, float, str, type(None), list, dict) for one in kinds)


def _checked(name: str, hint: Any, default: Any) -> Any:
    """Return a type of pydantic for a field of a configuration."""
    parts = _alternatives(hint)
    if words := _words_of(hint):
        others = bool if bool in parts else str
        return Annotated[others | str | None, AfterValidator(lambda value: _one_of(value, words))]
    if name.endswith(("dropout", "dropout_p")):
        return Annotated[float, Field(ge=0, lt=1)]
    if int in parts and not _MAY_BE_ZERO.search(name):
        least = 1 if not isinstance(default, int) or default > 0 else default
        return Annotated[hint, AfterValidator(lambda value: _at_least(value, least))]
    return hint


def _one_of(value: Any, words: list[str]) -> Any:
    if isinstance(value, str) and value not in words and not ("pissa" in words and _ITERATED.fullmatch(value)):
        raise ValueError(f"one of {', '.join(words)}")
    return value


def _at_least(value: Any, least: int) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value < least:
        raise ValueError(f"must be at least {least}")
    return value


@cache
def fields_of(kind: str) -> type[BaseModel]:
    """Return a model of the fields of a type that a recipe may give, none of them required."""
    config = configurations()[kind]
    hints = typing.get_type_hints(config)
    given: dict[str, Any] = {}
    for one in dataclasses.fields(config):
        hint = hints[one.name]
        if why_not(one.name) is None and _is_plain(hint):
            given[one.name] = (_checked(one.name, hint, one.default), None)
    return create_model(
        f"Fields{kind}",
        __config__=ConfigDict(strict=True, extra="forbid", allow_inf_nan=False),
        **given,
    )


def why_not(name: str) -> str | None:
    """Return why a field must not come from a recipe; None for one that may."""
    return _NOT_FOR_RECIPES.get(name) or (_FILES if _WITH_FILES.search(name) else None)


def unusable(kind: str) -> str:
    """Return why a type works with no way to answer, by the table of the installed version; else nothing."""
    reasons = set(tried(kind).values())
    return "" if "works" in reasons else next(iter(reasons), "")


def _error(field: str, said: str, value: Any) -> ValidationError:
    kind = PydanticCustomError("peft", "{said}", {"said": said})
    return ValidationError.from_exception_data(
        "PeftOptions", [InitErrorDetails(type=kind, loc=(field,), input=value)]
    )


class PeftOptions(AnswerOptions):
    """The type of a configuration of `peft`, where it acts, and beside them any of its fields."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: Annotated[str, AfterValidator(_known)]  # as `hxbench list methods --peft` has it
    targets: Annotated[tuple[Target, ...], Field(min_length=1)] | None = added(None)  # None: the type's usual ones

    @property
    def fields(self) -> dict[str, Any]:
        return dict(self.model_extra or {})

    @model_validator(mode="after")
    def _fields_of_its_type(self) -> Self:
        if reason := unusable(self.type):
            raise _error("type", f"{self.type} {reason}", self.type)
        for name, value in self.fields.items():
            if said := self._refusal(name):
                raise _error(name, said, value)
        known = fields_of(self.type)
        known.model_validate(self.fields)
        if missing := [name for name in _REQUIRED if name in known.model_fields and name not in self.fields]:
            raise ValidationError.from_exception_data(
                "PeftOptions", [InitErrorDetails(type="missing", loc=(missing[0],), input=self.fields)]
            )
        if self.targets and (self.type == "ADAPTION_PROMPT" or "target_modules" not in self._there()):
            raise _error("targets", f"{self.type} acts on no modules that could be named", self.targets)
        try:
            self.configuration()
        except Exception as error:  # whatever a configuration has against its fields
            raise _error("type", f"peft refuses these fields: {in_one_line(error)}", self.type) from None
        return self

    def _there(self) -> set[str]:
        """Return the names of all fields of the configuration."""
        return {one.name for one in dataclasses.fields(configurations()[self.type])}

    def _refusal(self, name: str) -> str | None:
        known = fields_of(self.type).model_fields
        if name in known:
            return None
        if name not in self._there():
            return did_you_mean(f"field of {self.type}", name, list(known)).rstrip(".")
        return f"a recipe cannot give this field of {self.type}: {why_not(name) or 'it takes an object'}"

    def configuration(self, **more: Any) -> Any:
        """Return the configuration, with the defaults of the version in the table; `more` is what the model says.

        Raises whatever the class raises for fields that it refuses.
        """
        kind, there = configurations()[self.type], self._there()
        usual = table().types[self.type].defaults if self.type in table().types else {}
        fields = {name: value for name, value in usual.items() if name in there} | self.fields | more
        fields.pop("layers_to_transform", None)  # `targets` are named one by one, so peft would not look
        # AdaLoRA's, until the training says, and FRoD's, which would break into ours
        fields |= {name: value for name, value in (("total_step", 2**31), ("progressbar", False)) if name in there}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kind(**fields)


def in_one_line(error: Exception) -> str:
    """Return what an error of `peft` says, as the end of a sentence."""
    return (" ".join(str(error).split()) or type(error).__name__)[:300].rstrip(".")
