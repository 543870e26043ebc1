"""What `--set section.key=value` says."""

import math
from collections.abc import Iterable
from typing import Any

from hxbench import plain_data
from hxbench.errors import InputError
from hxbench.printing import shortened

_DEEPEST = 10  # parts of a key


def _scalar(text: str) -> Any:
    # YAML 1.1 reads 1e-4 as a string; people write rates that way
    try:
        value = float(text) if "e" in text.lower() else None
    except ValueError:
        value = None
    if value is None:
        return plain_data.load_yaml(text, "the value")
    if not math.isfinite(value):
        raise ValueError(f"the value: {shortened(text)} is no finite number.")
    return value


def parse_assignments(assignments: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return `section.key=value` strings as nested mappings, values read as YAML scalars."""
    sections: dict[str, Any] = {"options": {}, "training": {}, "data": {}}
    for text in assignments:
        key, equals, value = text.partition("=")
        section, dot, field = key.strip().partition(".")
        shown = shortened(text)
        if not equals or not dot or section not in sections:
            raise InputError(f"--set {shown}: expected options.KEY=VALUE, training.KEY=VALUE or data.KEY=VALUE.")
        *above, last = field.split(".")
        if len(above) >= _DEEPEST:
            raise InputError(f"--set {shown}: no field is so deep in others.")
        place = sections[section]
        for part in above:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise InputError(
                    f"--set {shown}: {section}.{shortened(part)} is given a value of its own as well."
                )
        try:
            place[last] = _scalar(value)
        except ValueError as error:
            raise InputError(f"--set {shown}: {str(error).partition(': ')[2] or error}") from None
    return sections
