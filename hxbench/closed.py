"""Closed models: what a file or a command says, checked against the fields that there are."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hxbench import plain_data
from hxbench.errors import InputError, did_you_mean, reason
from hxbench.printing import shortened, shown

M = TypeVar("M", bound=BaseModel)
# in the path of an error, no key of a file
_OF_A_TYPE = re.compile(r"function-.*|constrained-.*|tuple\[.*|\[key\]")


class Closed(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def added(default: Any, **constraints: Any) -> Any:
    """Return a field that came after runs were published: at its default it is left out of what is hashed.

    So runs of before keep their ids, and what does not concern a run is not in its `spec.yaml`.
    """
    return Field(default=default, exclude_if=lambda value: value == default, **constraints)


def _fields_of(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Return the names of the fields at `path` in a model, none where that is no model of its own."""
    for part in path:
        if isinstance(part, int):  # into a list, whose model is at hand already
            continue
        inner: Any = model.model_fields[part].annotation if part in model.model_fields else None
        models = [one for one in (inner, *get_args(inner)) if isinstance(one, type) and issubclass(one, BaseModel)]
        if not models:
            return []
        model = models[0]
    return list(model.model_fields)


def sentence_of(model: type[BaseModel], error: ValidationError) -> str:
    """Return the first thing that is wrong with the values of a model."""
    first = error.errors()[0]
    path = [part for part in map(str, first["loc"]) if not _OF_A_TYPE.fullmatch(part)]
    if not path:
        return f"{shortened(first['msg'].removeprefix('Value error, '), 300)}."
    *above, last = path
    value = repr(first["input"]) if isinstance(first["input"], str) else first["input"]
    whole = first["type"] == "value_error" and isinstance(value, Mapping)  # which would bury the sentence
    given = f" (given: {shown(value)})" if first["type"] != "missing" and not whole else ""
    if first["type"] == "extra_forbidden" and (known := _fields_of(model, first["loc"][:-1])):
        unknown, _, hint = did_you_mean(" ".join([*above, "field"]), last, known).partition(". ")
        return f"{unknown}{given}. {hint}"
    where = ".".join(map(shortened, [*above, last]))
    said = "expected a list, as in [a, b]" if first["type"] == "tuple_type" else first["msg"]  # YAML has no tuple
    return f"{where}: {shortened(said.removeprefix('Value error, '), 300)}{given}."


def validated(model: type[M], values: Mapping[str, Any], origin: str) -> M:
    """Return `values` as a `model`; the first thing wrong becomes one sentence that names `origin`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{origin}: {sentence_of(model, error)}") from None


def read_mapping(path: Path, largest: int = plain_data.LARGEST) -> dict[str, Any]:
    """Return what a YAML file of at most `largest` bytes says; `InputError` where that is no mapping."""
    try:
        values = plain_data.load_yaml(plain_data.read_text(os.path.realpath(path), largest), path.name)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable YAML file ({reason(error)}).") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a mapping of keys to values at the top.")
    if odd := [key for key in values if not isinstance(key, str)]:
        raise InputError(f"{path}: the key {odd[0]!r} is no name.")
    return values
