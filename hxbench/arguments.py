"""The arguments of public functions, held against their annotations: one sentence for what does not fit."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import signature
from operator import index
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from hxbench.errors import InputError
from hxbench.printing import shown
from hxbench.store import Store

Function = TypeVar("Function", bound=Callable[..., Any])
_WORDS = {
    str: "text", int: "a whole number", bool: "True or False", type(None): "None", Path: "a path",
    Store: "a store",
}  # fmt: skip
_MANY = {str: "texts", int: "whole numbers"}


def checked(function: Function) -> Function:
    """Let an argument of another type than is annotated raise `InputError` before anything is done."""
    parameters = signature(function).parameters

    @wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        from pydantic import ConfigDict, TypeAdapter, ValidationError

        config = ConfigDict(arbitrary_types_allowed=True, strict=True)
        bound = signature(function).bind(*args, **named)
        for name, given in bound.arguments.items():
            kind, default = parameters[name].annotation, parameters[name].default
            if isinstance(kind, str):  # of what is imported when it is needed
                _require_does(name, given, kind)
                continue
            several = name == "sides"
            values = [_plain(value, kind) for value in (given if several else [given])]
            for value in values:
                if isinstance(value, str) and value == "" != default:
                    raise InputError(f"{name} is an empty text: leave it out, or name one.")
                try:
                    TypeAdapter(kind, config=config).validate_python(value)
                except ValidationError:
                    raise InputError(f"{name} is {shown(value)}: expected {_expected(kind)}.") from None
            bound.arguments[name] = tuple(values) if several else values[0]
        return function(*bound.args, **bound.kwargs)

    return call  # type: ignore[return-value]


_DOES = {"Audience": ("progress", "observing", "told", "warned"), "Launcher": ("require", "at_a_time", "run")}


def _require_does(name: str, given: Any, kind: str) -> None:
    """Raise `InputError` for what lacks a method of the class that an argument is annotated with."""
    wanted = kind.removesuffix(" | None")
    if given is not None and not all(callable(getattr(given, one, None)) for one in _DOES[wanted]):
        raise InputError(f"{name} is {shown(given)}: expected an object like hxbench's {wanted}, or None.")


def _plain(given: Any, kind: Any) -> Any:
    """Return whole numbers of other libraries as Python's, also in a range or an array; all else as it is."""
    many = get_origin(kind) is Sequence and int in get_args(kind)
    if not many and int not in (kind, *get_args(kind)):
        return given
    if isinstance(given, str | bytes | Mapping):
        return given
    try:
        numbers = [*given] if many else [given]
        plain = [one if isinstance(one, bool) else index(one) for one in numbers]
    except TypeError:
        return given
    return plain if many else plain[0]


def _expected(kind: Any) -> str:
    """Return in words what values a type has."""
    inner, origin = get_args(kind), get_origin(kind)
    if origin is Mapping:
        return "a mapping"
    if origin is Callable:
        return "a function"
    if origin is Sequence:
        return f"a list of {_MANY[inner[0]]}"
    return " or ".join(map(_expected, inner)) if inner else _WORDS[kind]
