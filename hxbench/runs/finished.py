"""A finished run: what it was trained on, the pairs it can answer, and the method as it was trained."""

from dataclasses import dataclass
from pathlib import Path

import torch

from hxbench.backbones.backbone import Backbone
from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.method import Method
from hxbench.runs.assemble import build, equip, languages_of
from hxbench.runs.backbone import get_backbone
from hxbench.spec.languages import code_among, find_language
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import Pair, text_pairs
from hxbench.store import RunRecord, Store
from hxbench.tasks import task_of
from hxbench.training.checkpoint import load_weights
from hxbench.training.device import accelerator_in


def require_finished(record: RunRecord) -> RunSpec:
    """Return the spec of a finished run of this version; `InputError` for any other."""
    if not isinstance(record.spec, RunSpec):
        raise InputError(f"run {record.id} was written by another version of hxbench and cannot be loaded.")
    if record.state != "done":
        raise InputError(f"run {record.id} is not finished ({record.state}): the command that began it goes on.")
    record.spec.require_meaning(f"run {record.id}")
    return record.spec


def own_tasks(spec: RunSpec) -> tuple[str, ...]:
    """Return the tasks that a run's model was made for, or the one of texts that it was tuned to."""
    shot = spec.few_shot
    return (shot.task,) if shot and task_of(shot.task).answers_texts else spec.tasks


def require_pair(run_id: str, spec: RunSpec, task: str | None, language: str | None) -> Pair:
    """Return the requested pair; a single task may be left out, and so may the language of texts as a whole.

    Raises `InputError` for a task that the run does not answer and for an unknown language.
    """
    known = own_tasks(spec)
    if not known:
        raise InputError(f"run {run_id} has no head for any task: it was trained on raw text alone.")
    if task is None and len(known) > 1:
        raise InputError(f"run {run_id} has heads for {' and '.join(known)}: say which with --task.")
    task = task_of(task or known[0]).name
    if task not in known:
        raise InputError(f"run {run_id} has no head for '{task}': it was trained for {', '.join(known)}.")
    if task_of(task).answers_texts:
        codes = [pair.language for pair in text_pairs([task], spec.data)]
        if language not in (None, *codes):
            names = " and ".join(find_language(code).name for code in codes)
            raise InputError(f"{task} is in {names}: --language {language} does not apply to it.")
        if language or len(codes) == 1:
            return Pair(task, language or codes[0])
    if language is None:
        raise InputError("say with --language which language the text is in.")
    return Pair(task, code_among(languages_of(spec).values(), language))


def restore(record: RunRecord, *, offline: bool = False, folder: Path | None = None) -> tuple[Method, Backbone]:
    """Return the trained method on its device, and the backbone it stands on, in another `folder` than it was.

    Raises `InputError` for an unfinished run, one that was kept without weights, weights that are damaged or not
    the method's, labels that are no longer those of the run, and a backbone that is not there or is another one.
    """
    spec = require_finished(record)
    store = Store(record.root)
    checkpoint = store.checkpoint(record.id)
    _require_labels(record, spec)
    if folder is not None:
        if not spec.backbone.folder:
            raise InputError(f"run {record.id} knows its backbone: --backbone is for one that lay in a folder.")
        spec = spec.model_copy(update={"backbone": spec.backbone.model_copy(update={"folder": str(folder)})})
    backbone = get_backbone(spec.backbone, offline=offline)
    if spec.training.cpu_threads:
        torch.set_num_threads(spec.training.cpu_threads)  # sums round differently on more threads
    method = build(spec, backbone)
    equip(method, spec, store, start=False)  # its own weights replace those it started from
    load_weights(checkpoint, method.trained())
    return method.to(accelerator_in(spec.training.precision).device), backbone


def label_names(spec: RunSpec) -> dict[str, list[str]]:
    """Return the labels of a run's tasks by class id, as this version has them; of a task without any, none."""
    tasks = (*spec.tasks, *((spec.few_shot.task,) if spec.few_shot else ()))
    return {task: list(task_of(task).labels) for task in tasks}


def _require_labels(record: RunRecord, spec: RunSpec) -> None:
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


@dataclass(frozen=True)
class Lineage:
    """The training behind a run, that of the runs it builds on included."""

    trained: dict[str, str]  # the split of every labelled pair, by `TASK-LANGUAGE`
    texts: frozenset[str]  # languages by whose raw text it was trained

    @property
    def known(self) -> set[str]:
        """The languages of any training, by labels or by raw text."""
        return {*self.labelled, *self.texts}

    @property
    def labelled(self) -> set[str]:
        """The languages with a labelled pair."""
        return {pair.partition("-")[2] for pair in self.trained}


def lineage(record: RunRecord, store: Store) -> Lineage:
    """Return the training behind a run of `store`; the run's own comes before that of earlier ones."""
    said = record.provenance()
    trained: dict[str, str] = {}
    texts = frozenset(said.get("mlm", ()))
    for earlier in record.fields.get("after", {}).values():
        before = lineage(store.finished(earlier), store)
        trained |= before.trained
        texts |= before.texts
    return Lineage(trained | said.get("trained_on", {}), texts)


def lack(spec: RunSpec, past: Lineage, language: str) -> str | None:
    """Return what the run's method would have needed to do anything for a language; None where it had it."""
    kind = method_class(spec.kind)
    if kind.needs_text and language not in past.known:
        return "raw text"
    if kind.needs_text and spec.few_shot and language != spec.few_shot.language:
        return "an adapter in this few-shot run"
    return "a labelled source" if kind.needs_labels and language not in past.labelled else None
