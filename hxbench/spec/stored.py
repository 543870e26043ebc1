"""Which form a stored spec has, and what it means that a field is missing in it.

A stored spec carries the number of its schema; one without a number is of schema 0. The number is no part of what
is hashed, and a stored run is hashed as it is stored, so that no new field and no new default changes an id.

What a run says by silence must stay what it said when it was stored: a missing field means what `MEANT` has for
the schema, never a default of today. Keys are never renamed. `tests/golden/spec-fields.json` fails where a change
of `RunSpec` needs a new schema: raise `SCHEMA`, give it a table of its own, and leave the older ones as they are.
"""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel

from hxbench.spec.run_spec import RunSpec

SCHEMA = 1
KEY = "schema"  # in a stored spec, beside the fields

# the dotted names of all fields that a spec may leave out
_FIRST: dict[str, Any] = {
    "variant": "paper",
    "suite": None,
    "together": (),
    "task": None,
    "partition": None,
    "language": None,
    "few_shot": None,
    "few_shot.draw": 0,
    "transfer": (),
    "after": {},
    "data.sandbox_seed": 0,
    "data.train_sentences": None,
    "data.dev_sentences": None,
    "data.test_sentences": None,
    "data.text_sentences": None,
    "data.max_length": 256,
    "data.overflow": "window",
    "data.cut_words": "wrong",
    "data.multiword": "skip",
    "data.label_token": "first",
    "data.held_out": (),
    "data.collection": "multilingual",
    "data.split_rule": "size",
    "data.split_limit": 100000,
    "data.split_seed": 32,
    "data.dev_from_train": 1000,
    "data.train_examples": None,
    "data.train_share": None,
    "data.score_step": 0.2,
    "data.cut_at": "end",
    "data.template": "pha",
    "data.labels": "digits",
    "data.fingerprint": "",
    "backbone.hub": None,
    "backbone.revision": None,
    "backbone.folder": None,
    "backbone.pretrain": None,
    "backbone.pretrain.batch_size": 64,
    "backbone.pretrain.max_length": 64,
    "backbone.pretrain.lr": 0.004,
    "backbone.pretrain.dropout": 0.1,
    "backbone.pretrain.warmup": 0.1,
    "backbone.pretrain.temperature": 5.0,
    "backbone.pretrain.masking": 0.15,
    "backbone.pretrain.languages": "covered",
    "backbone.pretrain.text_sentences": None,
    "backbone.pretrain.precision": "fp32",
    "backbone.pretrain.cpu_threads": None,
    "backbone.pretrain.seed": 0,
    "backbone.pretrain.architecture": "bert",
    "backbone.pretrain.mean_span": 3.0,
    "backbone.pretrain.gated": False,
    "backbone.pretrain.relative_rate": False,
    "backbone.wheel": None,
    "backbone.wheel.format": "safetensors",
    "backbone.wheel.packages.platform": "any",
    "backbone.licence": "",
    "backbone.shape": None,
    "backbone.weights": "pretrained",
    "backbone.fingerprint": "",
    "training.updates": None,
    "training.epochs": None,
    "training.batch_size": 32,
    "training.warmup": 4000,
    "training.schedule": "linear",
    "training.final_lr": 0.0,
    "training.weight_decay": 0.0,
    "training.clip": 1.0,
    "training.temperature": 5.0,
    "training.draw": "independent",
    "training.mlm_languages": "all",
    "training.mlm_masking": 0.15,
    "training.match_labelled": False,
    "training.evaluate_every": 5000,
    "training.selection": "sources",
    "training.patience": None,
    "training.eval_batch_size": 64,
    "training.precision": "fp32",
    "training.cpu_threads": None,
    "training.batches": "homogeneous",
    "training.label_smoothing": 0.0,
    "training.beams": None,
    "training.choose": False,
    "training.token_loss": "mean",
    "training.relative_rate": False,
    "training.mlm_vocabulary": "all",
    "training.embedding_rows": "all",
    "training.bucket": 20,
    "training.pad_to": 8,
}
# schema 1 brought the number itself
MEANT: dict[int, Mapping[str, Any]] = {0: _FIRST, 1: _FIRST}


def spec_fields(model: type[BaseModel] = RunSpec, prefix: str = "") -> dict[str, tuple[Any, bool]]:
    """Return the dotted names of all fields, each with its default (`...`: none) and whether it is `added`.

    Fields of parts follow the part, whether or not a spec has it.
    """
    found: dict[str, tuple[Any, bool]] = {}
    for name, field in model.model_fields.items():
        default = ... if field.is_required() else field.get_default(call_default_factory=True)
        found[f"{prefix}{name}"] = default, field.exclude_if is not None
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= spec_fields(part, f"{prefix}{name}.")
    return found


def _otherwise_today() -> dict[int, dict[str, Any]]:
    """Return, by schema, what missing fields meant where today's default is another."""
    today = spec_fields()
    return {
        schema: {name: value for name, value in meant.items() if today.get(name, (...,))[0] != value}
        for schema, meant in MEANT.items()
    }


_OTHERWISE = _otherwise_today()


def completed(fields: Mapping[str, Any], schema: int) -> Mapping[str, Any]:
    """Return a stored spec with what its missing fields meant, where `RunSpec` would take them otherwise."""
    if not _OTHERWISE[schema]:
        return fields
    whole = _copied(fields)
    for name, value in _OTHERWISE[schema].items():
        *above, last = name.split(".")
        part: Any = whole
        for step in above:
            part = part.get(step) if isinstance(part, dict) else None
        if isinstance(part, dict):
            part.setdefault(last, value)
    return whole


def _copied(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, Mapping) else value for key, value in fields.items()}
