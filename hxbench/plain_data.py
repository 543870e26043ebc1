"""Plain data from files that others wrote: YAML and JSON read within limits, regular files read without waiting.

Whatever cannot be read is a `ValueError` with one short sentence that begins with what was read. Refused are more
than `LARGEST` bytes, nesting below `DEEPEST`, a repeated key, an integer outside 64 bits, a number that is none,
and aliases that lead into themselves or multiply what a file says. A date is text: nothing here has a use for one.
"""

import json
import math
import os
import stat
from collections.abc import Callable, Hashable
from functools import lru_cache
from pathlib import Path
from typing import Any

from hxbench.printing import shown

LARGEST = 10_000_000  # bytes
DEEPEST = 50
_MOST = 200_000  # values with aliases written out
_LARGEST_INTEGER = 2**63
_LONGEST_NUMBER = 400  # characters


def read_bytes(path: Path | str, largest: int = LARGEST) -> bytes:
    """Return what a regular file holds.

    Raises `FileNotFoundError` and other `OSError`, and `ValueError` for what is something else (a link, a pipe, a
    device: opening one may wait for ever) or larger than `largest` bytes.
    """
    name = os.path.basename(path)
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise ValueError(f"{shown(name)}: not a regular file.")
    # what changes its kind between the two calls is noticed by the third
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{shown(name)}: not a regular file.")
        if found.st_size > largest:
            raise ValueError(f"{shown(name)}: larger than {largest / 1e6:g} MB.")
        parts = []
        while part := os.read(handle, max(found.st_size + 1, 4096)):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(handle)


def read_text(path: Path | str, largest: int = LARGEST) -> str:
    """Return the UTF-8 text of a regular file; raises what `read_bytes` does, `ValueError` for other encodings."""
    return decoded(read_bytes(path, largest), os.path.basename(path))


def decoded(content: bytes, what: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{shown(what)}: not UTF-8 text.") from None


def load_json(text: str, what: str, largest: int = LARGEST) -> Any:
    _check_size(text, what, largest)
    try:
        value = _JSON.decode(text)
        # what has few brackets is not deep, and that is nearly every text
        if text.count("[") + text.count("{") > DEEPEST and _deeper(value):
            raise _RefusedError(_TOO_DEEP)
        if "\\u" in text:  # half of a surrogate pair is a letter that nothing can print
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError(f"{shown(what)}: {_TOO_DEEP}.") from None
    except UnicodeEncodeError:
        raise ValueError(f"{shown(what)}: not UTF-8 text.") from None
    except _RefusedError as error:
        raise ValueError(f"{shown(what)}: {error}.") from None
    except ValueError as error:
        where = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) and error.lineno > 1 else ""
        raise ValueError(f"{shown(what)}: not readable as JSON{where}.") from None
    return value


def load_yaml(text: str, what: str) -> Any:
    """Return the value of a YAML text of one document, in types that JSON has; tags are refused."""
    import yaml

    _check_size(text, what, LARGEST)
    try:
        return _Builder(text).document()
    except _RefusedError as error:
        raise ValueError(f"{shown(what)}: {error}.") from None
    except yaml.MarkedYAMLError as error:
        if "nesting depth" in (error.problem or ""):  # newer versions of the library refuse by themselves
            raise ValueError(f"{shown(what)}: {_TOO_DEEP}.") from None
        place = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{shown(what)}: not readable as YAML{place} ({shown(error.problem or '')}).") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{shown(what)}: not readable as YAML ({shown(str(error).splitlines()[0])}).") from None


class _RefusedError(ValueError):
    """Why a text is not taken, without its name."""


_TOO_DEEP = f"nested more than {DEEPEST} deep"


def _check_size(text: str, what: str, largest: int) -> None:
    if len(text) > largest:
        raise ValueError(f"{shown(what)}: larger than {largest / 1e6:g} MB.")


def _deeper(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        inner = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list))
        level = [one for some in inner for one in some]
    return bool(level)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        again = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _RefusedError(f"the key {shown(again)} is there twice")
    return found


def _within_limits(value: Any, text: str) -> Any:
    """Return what a text means if it is no number, or one that every reader has."""
    if isinstance(value, int) and not -_LARGEST_INTEGER <= value < _LARGEST_INTEGER:
        raise _RefusedError(f"the integer {shown(text, 20)} is too large")
    if isinstance(value, float) and not math.isfinite(value):
        raise _RefusedError(f"{shown(text, 20)} is no finite number")
    return value


def _integer(text: str) -> Any:
    return _within_limits(int(text) if len(text) <= _LONGEST_NUMBER else _LARGEST_INTEGER, text)


def _finite(text: str) -> Any:
    return _within_limits(float(text), text)


_JSON = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_finite, parse_constant=_finite
)


@lru_cache(maxsize=10_000)
def _scalar(text: str) -> Any:
    """Return what an unquoted YAML scalar means."""
    import yaml
    from yaml.constructor import SafeConstructor
    from yaml.nodes import ScalarNode

    tag = yaml.resolver.Resolver().resolve(ScalarNode, text, (True, False))
    kind = tag.rpartition(":")[2]
    if kind not in ("int", "float", "bool", "null"):
        return text
    if len(text) > _LONGEST_NUMBER:
        raise _RefusedError(f"the number {shown(text, 20)} is too large")
    try:
        value = SafeConstructor().construct_object(ScalarNode(tag, text))
    except (ValueError, OverflowError, yaml.YAMLError):
        raise _RefusedError(f"{shown(text, 20)} is no number") from None
    return _within_limits(value, text)


class _Builder:
    """Builds the value of one document from the parser's events: its nodes are never in memory beside it."""

    def __init__(self, text: str) -> None:
        import yaml

        # the C parser reads a thousand files in a quarter of a second, the Python one in ten
        self._next: Callable[[], Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text).get_event
        self._events = yaml.events
        self._count = 0
        self._anchors: dict[str, tuple[Any, int, int]] = {}  # what it names, how many values that is, how deep

    def document(self) -> Any:
        events = self._events
        event = self._next()
        while not isinstance(event, events.DocumentStartEvent):
            if isinstance(event, events.StreamEndEvent):  # nothing but comments
                return None
            event = self._next()
        value, _ = self._value(self._next(), 0)
        self._next()
        if not isinstance(self._next(), events.StreamEndEvent):
            raise _RefusedError("more than one document")
        return value

    def _value(self, event: Any, depth: int) -> tuple[Any, int]:
        """Return the value that begins with an event, and how deep it is."""
        events, kind = self._events, type(event)
        self._require_room(1, depth)
        if kind is events.AliasEvent:
            if event.anchor not in self._anchors:
                raise _RefusedError(f"the alias {shown(event.anchor)} leads nowhere or into itself")
            named, count, height = self._anchors[event.anchor]
            self._require_room(count - 1, depth + height)
            return named, height
        is_text = kind is events.ScalarEvent and event.tag == "tag:yaml.org,2002:str"
        if event.tag not in (None, "!") and not is_text:
            raise _RefusedError(f"the tag {shown(event.tag)} is not plain data")
        before, height = self._count, 0
        if kind is events.ScalarEvent:
            value: Any = _scalar(event.value) if event.implicit[0] else event.value
        elif kind is events.SequenceStartEvent:
            value = []
            while type(inner := self._next()) is not events.SequenceEndEvent:
                one, below = self._value(inner, depth + 1)
                value.append(one)
                height = max(height, below + 1)
        else:
            value, height = self._mapping(depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, self._count - before + 1, height
        return value, height

    def _require_room(self, more: int, depth: int) -> None:
        """Count further values; raise `_RefusedError` where there are too many, or one is too deep."""
        self._count += more
        if depth > DEEPEST:
            raise _RefusedError(_TOO_DEEP)
        if self._count > _MOST:
            raise _RefusedError(f"more than {_MOST} values")

    def _mapping(self, depth: int) -> tuple[dict[Any, Any], int]:
        events, height = self._events, 0
        found: dict[Any, Any] = {}
        merged: list[Any] = []
        while type(event := self._next()) is not events.MappingEndEvent:
            merge = type(event) is events.ScalarEvent and event.value == "<<" and event.implicit[0]
            key, _ = self._value(event, depth + 1)
            value, below = self._value(self._next(), depth + 1)
            height = max(height, below + 1)
            if merge:
                merged += value if isinstance(value, list) else [value]
                continue
            if not isinstance(key, Hashable):
                raise _RefusedError("a key is not a name")
            if key in found:
                raise _RefusedError(f"the key {shown(key)} is there twice")
            found[key] = value
        for layer in merged:
            if not isinstance(layer, dict):
                raise _RefusedError("<< merges mappings only")
            for key, value in layer.items():
                found.setdefault(key, value)
        return found, height


def to_yaml(value: Any, width: int = 80) -> str:
    """Return plain data as YAML, keys in their order; by libyaml where PyYAML has it, in a tenth of the time."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=width))
