"""What `--set section.key=value` says."""

from collections.abc import Iterable
from typing import Any

import yaml

from hxbench.errors import InputError


def _scalar(text: str) -> Any:
    try:
        # YAML 1.1 reads 1e-4 as a string; people write rates that way
        return float(text) if "e" in text.lower() else yaml.safe_load(text)
    except ValueError:
        return yaml.safe_load(text)


def parse_assignments(assignments: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return `section.key=value` strings as nested mappings, values read as YAML scalars."""
    sections: dict[str, Any] = {"options": {}, "training": {}, "data": {}}
    for text in assignments:
        key, equals, value = text.partition("=")
        section, dot, field = key.strip().partition(".")
        if not equals or not dot or section not in sections:
            raise InputError(f"--set {text}: expected options.KEY=VALUE, training.KEY=VALUE or data.KEY=VALUE.")
        try:
            *above, last = field.split(".")
            place = sections[section]
            for part in above:
                place = place.setdefault(part, {})
                if not isinstance(place, dict):
                    raise InputError(f"--set {text}: {section}.{part} is given a value of its own as well.")
            place[last] = _scalar(value)
        except yaml.YAMLError:
            raise InputError(f"--set {text}: {value!r} is not a YAML value.") from None
    return sections
