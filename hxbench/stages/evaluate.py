"""Scoring a finished run on pairs of one's choice."""

from collections.abc import Callable, Iterator, Sequence

from hxbench.corpora.schema import SPLITS
from hxbench.errors import InputError, did_you_mean
from hxbench.evaluation.tagging import Tagged, tag
from hxbench.methods import method_class
from hxbench.recipe import RunSpec
from hxbench.settings import TASKS, Pair
from hxbench.stages.assemble import build
from hxbench.stages.backbone import get_backbone
from hxbench.stages.inputs import DataSource, resolve_inputs
from hxbench.stages.train import RunData, accelerator_for
from hxbench.store import RunRecord
from hxbench.training.checkpoint import load_weights


def evaluate(
    record: RunRecord,
    *,
    tasks: Sequence[str] | None,
    languages: Sequence[str] | None,
    split: str,
    data_source: str | None,
    offline: bool,
    report: Callable[[str, int, int | None], None],
) -> Iterator[tuple[Tagged, str]]:
    """Yield the tagged pairs of a run with their role, `source` or `target`.

    Raises `InputError` for a task the run has no head for, a language or split that is not there, data that are
    not those of the run, and a pair whose split the run was trained on.
    """
    spec = record.spec
    if not isinstance(spec, RunSpec):
        raise InputError(f"run {record.id} was written by another version of hxbench and cannot be loaded.")
    if split not in SPLITS[1:]:
        raise InputError(did_you_mean("split to score", split, list(SPLITS[1:])))
    source = DataSource.choose(data_source, spec.profile, spec.data.origin)
    corpora = source.corpora(spec.data, offline=offline)
    resolved, plan = resolve_inputs(spec, corpora, uses_mlm=method_class(spec.kind).uses_mlm)
    if resolved.backbone.fingerprint != spec.backbone.fingerprint:
        raise InputError(
            f"run {record.id} was trained on another backbone than this data source gives ({spec.backbone.name})."
        )
    backbone = get_backbone(spec.backbone, offline=offline)
    method = build(spec, backbone)
    load_weights(record.folder / "checkpoint", method.trained())
    accelerator = accelerator_for(spec)
    method.to(accelerator.device)
    heads = [t for t in TASKS if t in method.tasks]
    for task in tasks or ():
        if task not in heads:
            raise InputError(f"run {record.id} has no head for '{task}': it was trained for {', '.join(heads)}.")
    for code in languages or ():
        if code not in corpora.languages:
            raise InputError(did_you_mean("language", code, list(corpora.languages)))
    wanted = [Pair(t, code) for t in tasks or heads for code in languages or corpora.languages]
    chosen = []
    for pair in wanted:
        if split not in corpora.splits(*pair):
            why = f"the data source has no {split} split of {pair}"
        elif plan.train.get(pair) == split:
            why = f"run {record.id} was trained on the {split} split of {pair}"
        else:
            chosen.append(pair)
            continue
        if languages:
            raise InputError(f"{why}.")
    data = RunData(spec, plan, corpora, backbone.tokenizer)
    for done, pair in enumerate(chosen):
        report(f"score {record.id}", done, len(chosen))
        scored = tag(
            method, data.tagging(pair, split), data.vocabulary, spec.training.eval_batch_size, accelerator
        )
        yield scored, "source" if pair in plan.train else "target"
