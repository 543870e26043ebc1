"""A finished run → the method as it was trained, ready to score, to tag or to be taken apart."""

import torch

from hxbench.backbones.load import Backbone
from hxbench.errors import InputError
from hxbench.methods.method import Method
from hxbench.runs.assemble import build, equip
from hxbench.runs.backbone import get_backbone
from hxbench.runs.pair import label_names
from hxbench.spec.run_spec import RunSpec
from hxbench.store import RunRecord, Store
from hxbench.training.accelerator import accelerator_in
from hxbench.training.checkpoint import load_weights


def require_finished(record: RunRecord) -> RunSpec:
    """Return the spec of a finished run of this version; `InputError` for any other."""
    if not isinstance(record.spec, RunSpec):
        raise InputError(f"run {record.id} was written by another version of hxbench and cannot be loaded.")
    if record.state != "done":
        raise InputError(f"run {record.id} is not finished ({record.state}): the command that began it goes on.")
    return record.spec


def restore(record: RunRecord, *, offline: bool = False) -> tuple[Method, Backbone]:
    """Return the trained method on its device, and the backbone it stands on.

    Raises `InputError` for an unfinished run, one that was kept without weights, weights that are damaged or not
    the method's, labels that are no longer those of the run, and a backbone that is not there or is another one.
    """
    spec = require_finished(record)
    store = Store(record.root)
    checkpoint = store.checkpoint(record.id)
    require_labels(record, spec)
    backbone = get_backbone(spec.backbone, offline=offline)
    if spec.training.cpu_threads:
        torch.set_num_threads(spec.training.cpu_threads)  # sums round differently on more threads
    method = build(spec, backbone)
    equip(method, spec, store, start=False)  # its own weights replace those it started from
    load_weights(checkpoint, method.trained())
    return method.to(accelerator_in(spec.training.precision).device), backbone


def require_labels(record: RunRecord, spec: RunSpec) -> None:
    """Raise `InputError` where a task's labels are not those that the run had, by name and order."""
    now = label_names(spec)
    had = record.provenance().get("labels")  # runs of before did not say
    for task, names in had.items() if isinstance(had, dict) else ():
        if names != now.get(task):
            before = len(names) if isinstance(names, list) else 0
            raise InputError(
                f"run {record.id} was trained on {before} labels of {task}, which are not the "
                f"{len(now.get(task, ()))} of this version: its classes would be read as others."
            )


def restore_tagger(record: RunRecord, *, offline: bool = False) -> tuple[Method, Backbone]:
    """Return the trained method of a run on a tagging task; `InputError` for one that answers in text."""
    require_tagger(require_finished(record), record.id)
    return restore(record, offline=offline)


def require_tagger(spec: RunSpec, run_id: str) -> None:
    """Raise `InputError` for a run whose method does not tag words."""
    if spec.answers_texts:
        raise InputError(f"run {run_id}: {spec.method} answers in text and tags no words; hxbench eval scores it.")
