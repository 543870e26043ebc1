"""Putting a run's model together: backbone, labels, languages and options → a method ready to train or score."""

import json
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from hxbench.answering import answering_in
from hxbench.answering.answer import Objective
from hxbench.answering.classes import ClassHeads
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import Family, family_of
from hxbench.backbones.load import meta_backbone, require_precision
from hxbench.closed import validated
from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.method import START, Method, Setup, seed_everything
from hxbench.spec.languages import Language, find_language, languages_for
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import text_pairs
from hxbench.store import Store
from hxbench.tasks import ENGLISH, task_of
from hxbench.tasks.encoding.batch import MULTIPLE, Batch, padded_length
from hxbench.tasks.encoding.templates import Wording, label_texts
from hxbench.training.checkpoint import read_weights
from hxbench.training.optimiser import require_known_parts

_PARTS: dict[str, tuple[str, ...]] = {}  # the names of the parts of methods, by what they follow from


def with_options(spec: RunSpec) -> RunSpec:
    """Return the spec with the method's options complete: defaults filled in, unknown keys refused."""
    kind = method_class(spec.kind)
    options = validated(kind.Options, spec.options, f"options of {spec.method}")
    require_transfer(spec, spec.foreign)
    stored = options.model_dump(mode="json")
    if spec.backbone.family:  # else its files will tell
        family = family_of(spec.backbone.family, spec.backbone.files)
        _require_family(spec, kind, family)
        require_precision(family, spec.training.precision)
        require_choice(spec, family)
        usual = answering_in(spec.model_copy(update={"options": {}}), family.stacks)
        if usual and stored.get("answering") == usual.name:
            del stored["answering"]  # a run that says what is usual anyhow is no other run
    spec = spec.model_copy(update={"options": stored})
    if spec.training.part_rates:
        _require_parts(spec)
    return spec


def build(spec: RunSpec, backbone: Backbone) -> Method:
    """Return the method of a run on `backbone`, initialised from the run's seed, only its own parts trainable."""
    limit = backbone.longest
    if limit is not None and padded_length(spec.data.max_length) > limit:
        raise InputError(
            f"max_length {spec.data.max_length} is more than the {limit} positions of {spec.backbone.name}, "
            f"in batches padded to a multiple of {MULTIPLE}."
        )
    kind = method_class(spec.kind)
    _require_family(spec, kind, backbone.family)
    require_precision(backbone.family, spec.training.precision)
    options = validated(kind.Options, spec.options, f"options of {spec.method}")
    shot = spec.few_shot
    setup = Setup(
        backbone,
        spec.tasks,
        tuple(languages_of(spec)),
        new_task=shot.task if shot and shot.task not in spec.tasks else None,
        seed=spec.seed,
        objective=Objective(spec.training.label_smoothing, spec.training.token_loss),
        unified=spec.data.labels == "unified",
    )
    backbone.draw(spec.seed)
    seed_everything(spec.seed)
    method = kind(setup, options)
    method.freeze()
    if not method.trained():
        raise InputError(f"{spec.method} trains nothing on {spec.backbone.name}: none of its parts is there.")
    if spec.training.embedding_rows == "occurring" and method.masked_lm and trains_embeddings(method):
        raise InputError(
            f"{spec.method} trains the word embeddings as the output matrix of masked language modelling too, "
            "which has every row: set training.embedding_rows to all."
        )
    return method


def languages_of(spec: RunSpec) -> dict[str, Language]:
    """Return the languages by code that a run's method is built for, whether it is trained on them or not."""
    if not spec.answers_texts:
        return languages_for(spec.data.origin, spec.data.described)
    tasks = (*spec.tasks, spec.few_shot.task) if spec.few_shot else spec.tasks
    return {pair.language: find_language(pair.language) for pair in text_pairs(tasks, spec.data)}


def trains_embeddings(method: Method) -> bool:
    """Return whether the word embeddings are among what a method trains."""
    body: Any = method.body
    return bool(body.get_input_embeddings().weight.requires_grad)


def _require_family(spec: RunSpec, kind: type[Method], family: Family) -> None:
    if spec.training.embedding_rows == "occurring" and family.stacks != "encoder":
        raise InputError(
            f"{spec.backbone.name} writes, and may do so with the matrix of its word embeddings, which has every "
            "row: set training.embedding_rows to all."
        )
    require_answers(spec, family)
    kind.require(spec, family)


def require_answers(spec: RunSpec, family: Family) -> None:
    """Raise `InputError` for tasks that a family cannot answer, or cannot be applied to as they are."""
    kind = answering_in(spec, family.stacks)
    if kind is None:
        return
    if reason := method_class(spec.kind).refusal(spec.options, kind.name, family.stacks):
        raise InputError(f"{spec.method} {reason}, and {family.title} answers otherwise ({kind.name}).")
    if kind is ClassHeads and spec.task and spec.data.labels != "unified":
        own = task_of(spec.task)
        for other in map(task_of, spec.foreign):
            if other.labels != own.labels:
                raise InputError(
                    f"a head trained on {own.title} does not know the classes of {other.title}: "
                    "data.labels=unified gives all tasks the same."
                )


def require_choice(spec: RunSpec, family: Family) -> None:
    """Raise `InputError` for a run that is to choose among labels where none are written."""
    choose, kind = spec.training.choose, answering_in(spec, family.stacks)
    if not choose:
        return
    asked = f"training.choose is {str(choose).lower()}"
    if kind is None or not kind.writes:
        how = f"by heads ({kind.name})" if kind else "nothing"
        raise InputError(f"{asked}, and {spec.backbone.name} answers {how}: only what it writes can be chosen.")
    shot, wording = spec.few_shot, Wording.of(spec.data)
    tasks = [task_of(task) for task in ((shot.task,) if shot else (*spec.tasks, *spec.foreign))]
    if not any(label_texts(task, spec.data.score_step, wording) for task in tasks):
        titles = ", ".join(task.title for task in tasks)
        raise InputError(
            f"{asked}, and {titles} {'has' if len(tasks) == 1 else 'have'} no labels to choose among."
        )


def _require_parts(spec: RunSpec) -> None:
    """Raise `InputError` for rates of parts that a method has not, where the configuration tells its parts."""
    means = spec.model_dump(mode="json", include={"kind", "options", "backbone", "few_shot"})
    key = json.dumps([means, spec.tasks, spec.data.labels], sort_keys=True)
    if key not in _PARTS:
        try:
            _PARTS[key] = tuple(_on_meta(spec, meta_backbone(spec.backbone)).all_parts())
        except (
            InputError
        ):  # a backbone that is not here yet, or a beginning from its weights: told by the training
            _PARTS[key] = ()
    if _PARTS[key]:
        require_known_parts(spec.training, _PARTS[key])


def equip(method: Method, spec: RunSpec, store: Store, *, start: bool = True) -> None:
    """Give a method what it takes over from the finished runs that its run builds on.

    Without `start` the weights it went on from are left aside.
    """
    for role, run_id in spec.after.items():
        if start or role != START:
            method.take(role, read_weights(store.checkpoint(run_id), method.trained()))


def costs(spec: RunSpec, length: int = 128) -> dict[str, Any]:
    """Return parameters and forward FLOPs of a run from configuration alone, on meta tensors.

    `counted` is the number as the method's paper counts it; `flops_per_token` is one forward pass over a sentence
    of `length` tokens divided by `length`, `flops_per_batch` what is computed once a batch whatever its size.
    """
    backbone = meta_backbone(spec.backbone)
    body = sum(p.numel() for p in backbone.body.parameters())  # before a method puts its own into it
    method = _on_meta(spec, backbone).eval()
    trained = sum(p.numel() for p in method.trained().values())
    total = sum(p.numel() for p in method.parameters())
    counts = {"counted": method.counted(), "trainable": trained, "parts": method.part_sizes(), "backbone": body}
    # bytes that do not depend on the batch, in fp32; the optimiser has AdamW's two moments
    memory = {"weights": 4 * total, "gradients": 4 * trained, "optimiser": 8 * trained}
    method.requires_grad_(False)  # the counter would follow gradients, which nothing here has
    once, forward = _flops(method, length)
    return {**counts, "flops_per_token": forward // length, "flops_per_batch": once, "memory_bytes": memory}


def sizes(spec: RunSpec) -> tuple[int, int]:
    """Return how many parameters a run trains, and how many virtual tokens it puts before each text.

    Both are found from configuration alone.
    """
    import torch

    method = _on_meta(spec, meta_backbone(spec.backbone)).eval()
    trained = sum(p.numel() for p in method.trained().values())
    if not task_of(method.tasks[0]).answers_texts:
        return trained, 0
    with torch.no_grad(), torch.device("meta"), method.acting():
        batch, body = _one_text(method, 1), method.body
        embedded = body.get_input_embeddings()(batch.input_ids)  # type: ignore[operator]
        prompt = method.prompt(embedded, batch.attention_mask, method.condition(batch))
    return trained, 0 if prompt is None else prompt.shape[1]


def _one_text(method: Method, length: int) -> Batch:
    """Return a batch of one text of `length` tokens of the first task, on the device that is set."""
    import torch

    ids, ones = (torch.full((1, length), value, dtype=torch.long) for value in (0, 1))
    task = method.tasks[0]
    return Batch(task, ENGLISH, ids, ones, ids[0, :1], ids[:, :1], None, 1, 1, 1, length)


def _on_meta(spec: RunSpec, backbone: Backbone) -> Method:
    """Return the method of a run on a backbone of meta tensors."""
    import torch

    for name in method_class(spec.kind).imports:  # tensors of an import on the meta device would have no values
        if find_spec(name):  # not every version of a library has every module
            import_module(name)
    with torch.device("meta"):
        return build(spec, backbone)


def _flops(method: Method, length: int) -> tuple[int, int]:
    """Return the FLOPs of what is generated once a batch, and of the forward pass of a text of `length` tokens."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    generate, forward = FlopCounterMode(display=False), FlopCounterMode(display=False)
    task = task_of(method.tasks[0])
    with torch.no_grad(), torch.device("meta"):
        batch = _one_text(method, length)
        if task.answers_texts:
            with forward:
                method.logits(batch)
        else:
            with generate:
                weights = method.weights(method.condition_of(task.name, method.languages[0]))
            with forward, method.acting(), method.sites.using(weights):
                body: Any = method.body
                # ids may be looked into, as a mask would be, which a meta tensor does not allow
                body(inputs_embeds=body.get_input_embeddings()(batch.input_ids))
    return generate.get_total_flops(), forward.get_total_flops()


def require_transfer(spec: RunSpec, tasks: Iterable[str]) -> None:
    """Raise `InputError` where a run's model cannot be applied to one of `tasks` as it is.

    That is so of a method with parameters for each task, of a model of several, and of labels that a task does not
    have. What an encoder's head cannot do `require_answers` says.
    """
    wanted = tuple(tasks)
    if not wanted:
        return
    kind = method_class(spec.kind)
    if not kind.transfers:
        raise InputError(
            f"{spec.method} has parameters of its own for each task it was made for: none for {', '.join(wanted)}."
        )
    if spec.task is None or spec.few_shot:
        raise InputError(f"{spec.title}: only a model of one whole task is applied to others as it is.")
    wording = Wording.of(spec.data)
    for task in map(task_of, (spec.task, *wanted)):
        label_texts(task, spec.data.score_step, wording)
