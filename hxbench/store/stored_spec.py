"""A stored spec, whatever version wrote it: is it the run's, and what does it say today."""

import json
import re
from typing import Any

from pydantic import ValidationError

from hxbench.closed import sentence_of
from hxbench.printing import shown
from hxbench.spec.run_spec import RunSpec, canonical, id_of
from hxbench.spec.stored import KEY, MEANT, SCHEMA, completed
from hxbench.store.checks import damaged, is_language, is_name

_LONGEST = 100_000  # characters of a spec
# what JSON escapes of line breaks, other control characters and marks that turn the direction of writing
_CONTROL = re.compile(r"(?<!\\)(?:\\\\)*\\(?:[bfnrt]|u00[01]|u007f|u00[89]|u202[89a-e]|u206[6-9])")


def checked_spec(run_id: str, stored: object) -> RunSpec | dict[str, Any]:
    """Return the spec of the run `run_id` from what is stored as `spec.yaml`, the schema's number included.

    It is the plain mapping where a version before schemas wrote what `RunSpec` does not know. Raises `DamagedRun`
    when it is no spec, of a later schema, or not the spec that the id is the hash of.
    """
    if not isinstance(stored, dict):
        raise damaged(run_id, "spec.yaml holds no mapping")
    fields = {key: value for key, value in stored.items() if key != KEY}
    schema = stored.get(KEY, 0)
    if type(schema) is not int or schema < 0:
        raise damaged(run_id, f"spec.yaml: {shown(schema)} is no number of a schema")
    if schema > SCHEMA:
        raise damaged(
            run_id,
            f"spec.yaml is of schema {schema}, which a later hxbench wrote; this one reads schemas up to {SCHEMA}",
        )
    try:
        text = canonical(fields)
    except TypeError:
        raise damaged(run_id, "spec.yaml: a key is no name") from None
    if (right := id_of(text)) != run_id:
        raise damaged(
            run_id, f"spec.yaml is that of run {right}: it was changed, or the run was copied under another id"
        )
    if len(text) > _LONGEST or _CONTROL.search(text):
        raise damaged(run_id, "spec.yaml holds control characters or is too long")
    try:
        return spec_in(run_id, text, schema)
    except ValidationError as error:
        if schema == 0 and _is_some_spec(fields):
            return fields
        raise damaged(run_id, f"spec.yaml: {sentence_of(RunSpec, error).removesuffix('.')}") from None


def spec_in(run_id: str, text: str, schema: int) -> RunSpec:
    """Return the spec whose canonical text, as it was stored, is that of the run `run_id`.

    Raises `ValidationError` for another version's, and `DamagedRun` when it names a language that is not known.
    """
    if MEANT[schema]:
        text = canonical(completed(json.loads(text), schema))
    # strictly: what is stored as text is no number, or one run could have several ids
    spec = RunSpec.model_validate_json(text, strict=True)
    shot = spec.few_shot.language if spec.few_shot else None
    for code in {shot, spec.language, *spec.data.held_out} - {None}:
        if not is_language(str(code)):
            raise damaged(run_id, f"spec.yaml: the language {shown(code)} is unknown")
    return spec


def _is_some_spec(fields: dict[str, Any]) -> bool:
    """Return whether the fields that every version had are what they were."""
    names = all(is_name(fields.get(name)) for name in ("paper", "method", "setting", "profile"))
    parts = all(isinstance(fields.get(name), dict) for name in ("options", "data", "backbone", "training"))
    further = isinstance(fields.get("few_shot"), dict | None) and isinstance(fields.get("after", {}), dict)
    return (
        names and parts and further and is_name(fields["backbone"].get("name")) and type(fields.get("seed")) is int
    )
