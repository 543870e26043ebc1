"""The form of stored specs: what they say by silence stays what it was, and no key is ever renamed."""

import json
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from hxbench.spec import recipe, stored
from hxbench.spec.run_spec import RunSpec, canonical, id_of
from hxbench.spec.stored import MEANT, SCHEMA, completed

GOLDEN = Path(__file__).parents[1] / "golden" / "spec-fields.json"
ADVICE = (
    "{}: what a stored spec means has changed. Never rename or remove a key. A new field is `added`: older "
    "runs keep their ids. For a new default raise SCHEMA in hxbench/spec/stored.py, and give all older schemas "
    "in MEANT the default of before. Then write the fields into spec-fields.json."
)


def spec_fields(model=RunSpec, prefix=""):
    """Return the dotted names of all fields, each with its default (`...`: none) and whether it is `added`.

    Fields of parts follow the part, whether or not a spec has it.
    """
    found = {}
    for name, field in model.model_fields.items():
        default = ... if field.is_required() else field.get_default(call_default_factory=True)
        found[f"{prefix}{name}"] = default, field.exclude_if is not None
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= spec_fields(part, f"{prefix}{name}.")
    return found


def of_today():
    """Return what the golden file should hold."""
    return {
        name: {"required": True} if default is ... else {"default": default, "added": added}
        for name, (default, added) in spec_fields().items()
    }


def test_no_field_of_a_spec_has_changed_its_meaning():
    known, today = json.loads(GOLDEN.read_text()), json.loads(json.dumps(of_today()))
    assert len(known) > 80
    for name in known | today:
        assert known.get(name) == today.get(name), ADVICE.format(name)


def test_every_schema_says_what_missing_fields_meant_where_that_has_changed():
    assert set(MEANT) == set(range(SCHEMA + 1))
    assert not MEANT[SCHEMA], "a new default is of a schema of its own"
    today = spec_fields()
    for older, newer in zip(range(SCHEMA), range(1, SCHEMA + 1), strict=True):
        assert MEANT[newer].keys() <= MEANT[older].keys(), "what changed later has changed for older ones, too"
        assert all(name in today and today[name][0] != value for name, value in MEANT[older].items())


def test_a_field_that_became_part_of_specs_later_is_left_out_at_its_default():
    spec = recipe.resolve("hyperx-base", setting="mixed", partition="a")
    said = spec.model_dump(mode="json")
    for name, (_, added) in spec_fields().items():
        top, _, last = name.rpartition(".")
        part = said if not top else said.get(top)
        if isinstance(part, dict):
            assert (last in part) != added, name


def test_a_missing_field_keeps_the_meaning_that_it_had(monkeypatch):
    spec = recipe.resolve("hyperx-base", setting="mixed", partition="a")
    fields = spec.model_dump(mode="json")
    assert completed(fields, 0) is fields, "nothing is to be done while no default has changed"
    old = {"data.labels": "words", "training.beams": 3, "few_shot.draw": 7}
    monkeypatch.setattr(stored, "MEANT", {0: old, 1: {}})
    whole = RunSpec.model_validate(completed(fields, 0))
    assert (whole.data.labels, whole.training.beams, whole.few_shot) == ("words", 3, None)
    assert fields == spec.model_dump(mode="json"), "what is hashed stays as it was stored"
    assert completed(fields, 1) is fields


def test_the_id_is_the_hash_of_the_serialised_spec():
    spec = recipe.resolve("hyperx-base", setting="mixed", partition="a")
    assert spec.run_id == id_of(canonical(spec.model_dump(mode="json")))
    assert len(spec.run_id) == 12


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[31m", "x" * 201, "turned\u202e"])
def test_a_name_is_short_and_on_one_line(text):
    fields = recipe.resolve("hyperx-base", setting="mixed", partition="a").model_dump(mode="json")
    with pytest.raises(ValueError, match="method"):
        RunSpec.model_validate(fields | {"method": text})
