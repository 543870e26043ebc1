"""Which form a stored spec has, and what it means that a field is missing in it.

A stored spec carries the number of its schema; one without a number is of schema 0. The number is no part of what
is hashed, and a stored run is hashed as it is stored, so that no new field and no new default changes an id.

What a run says by silence must stay what it said when it was stored. Keys are never renamed. Where a field gets
another default, `tests/golden/spec-fields.json` fails: raise `SCHEMA`, and give all older schemas in `MEANT` the
default of before, unless they have one for the field already.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

SCHEMA = 1  # which brought the number itself
KEY = "schema"  # in a stored spec, beside the fields

# by schema: what a missing field meant, by its dotted name, where today's default is another
MEANT: dict[int, Mapping[str, Any]] = {0: {}, 1: {}}


def completed(fields: Mapping[str, Any], schema: int) -> Mapping[str, Any]:
    """Return a stored spec with what its missing fields meant, where `RunSpec` would take them otherwise."""
    if not MEANT[schema]:
        return fields
    whole = deepcopy(dict(fields))
    for name, value in MEANT[schema].items():
        *above, last = name.split(".")
        part: Any = whole
        for step in above:
            part = part.get(step) if isinstance(part, dict) else None
        if isinstance(part, dict):
            part.setdefault(last, value)
    return whole
