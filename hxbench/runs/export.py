"""What a finished run trained for one task → a folder of the user's, in a form that other programs load.

A backbone that was trained as a whole becomes a folder of the library's, what `peft` has a form for a folder of
`peft`, and adapters of fixed weights one of ours (`runs.exported`).
"""

import copy
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from hxbench import __version__, manifest
from hxbench.answering.answer import AnswerOptions
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.fetch import pinned
from hxbench.backbones.shape import auto_class
from hxbench.errors import InputError
from hxbench.methods.exported import (
    Exported,
    ExportedOptions,
    fill_head,
    fixed_weights,
    head_tensors,
    site_entries,
)
from hxbench.methods.full import Full
from hxbench.methods.method import PEFT_PREFIX, Method, Setup
from hxbench.runs import load_adapter
from hxbench.runs.backbone import get_backbone
from hxbench.runs.export_format import (
    COMPATIBILITY,
    EXPORTED,
    HEAD,
    LOADER,
    PLACEMENT,
    SAID,
    WEIGHTS,
    Export,
    Origin,
    Reading,
    is_exported,
)
from hxbench.runs.exported import load_exported, weights_digest
from hxbench.runs.finished import require_finished, require_pair, restore
from hxbench.runs.stock_model import Stock, close, stock_model
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.languages import find_language
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import Pair
from hxbench.store import RunRecord
from hxbench.store.files import discard, to_json
from hxbench.system_errors import writing
from hxbench.tasks import task_of
from hxbench.tasks.encoding.batch import Batch
from hxbench.tasks.encoding.templates import source_text

_COMPILED = "__pycache__"  # of the loader, where somebody imported it
_PEFT_TASKS = {
    "AutoModelForTokenClassification": "TOKEN_CLS", "AutoModelForSequenceClassification": "SEQ_CLS",
    "AutoModelForSeq2SeqLM": "SEQ_2_SEQ_LM", "AutoModelForCausalLM": "CAUSAL_LM",
}  # fmt: skip


def export(
    record: RunRecord,
    *,
    task: str | None,
    language: str | None,
    out: Path,
    force: bool = False,
    offline: bool = False,
) -> Export:
    """Write what a run has for a task, and a language, into the folder `out`; return what `export.json` says.

    The folder appears in one rename, after what was written has been loaded and has given the run's own logits.
    Raises `InputError` for a run, a task or a language it cannot be done for, and for a folder with other files.
    """
    spec = require_finished(record)
    pair = require_pair(record.id, spec, task, language)
    _require_place(out, force)
    if spec.backbone.weights == "random":
        raise InputError(f"run {record.id} stands on random weights (the control), which no one could load again.")
    method, _ = restore(record, offline=offline)
    pristine = get_backbone(spec.backbone, offline=offline)  # the other one's weights may have been trained
    probe = _probe(method, pair)
    wanted = _logits(method, probe)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with writing(out):
            temporary.mkdir(parents=True)
            try:
                form = _write(temporary, method, pair, spec, pristine)
            except InputError as error:
                raise InputError(f"run {record.id} ({spec.method}) cannot be exported: {error}") from None
            said = _described(form, record.id, spec, pair, method, pristine)
            (temporary / SAID).write_text(
                to_json(said.model_dump(mode="json", exclude_none=True), indent=1) + "\n", encoding="utf-8"
            )
            manifest.write(temporary)
        method.remove()
        again, _ = load_exported(temporary, pristine)
        own = _logits(again.to(wanted.device), _probe(again, pair).to(wanted.device))
        if not close(own, wanted):
            raise InputError(
                f"run {record.id}: {spec.method} does more than its adapters, LayerNorms and head say, so that an "
                "export would predict something else."
            )
        with writing(out):
            discard(out)
            temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return said


def _require_place(out: Path, force: bool) -> None:
    """Raise unless `out` is free, or holds nothing but an export that may be replaced."""
    if not out.name or (out.exists() and not out.is_dir()):
        raise InputError(f"{out} is no folder that an export could go to.")
    names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    try:
        own = {*manifest.read(out), manifest.NAME, _COMPILED} if names and is_exported(out) else set()
    except (OSError, ValueError):
        own = set()
    if others := sorted(names - own):
        raise InputError(f"{out} holds other files ({others[0]}), which are not replaced: name another folder.")
    if names and not force:
        raise InputError(f"{out} holds an export already: --force replaces it.")


def _write(folder: Path, method: Method, pair: Pair, spec: RunSpec, pristine: Backbone) -> dict[str, Any]:
    """Write the weights in the form that a method has; return what `export.json` says of that form.

    Raises `InputError` for a method whose weights have none of the forms.
    """
    if isinstance(method, Full):
        return _write_model(folder, method, pair)
    if form := method.peft():
        return _write_peft(folder, method, pair, form, spec.backbone, pristine)
    return _write_adapters(folder, method, pair)


def _write_model(folder: Path, method: Method, pair: Pair) -> dict[str, Any]:
    probe = _probe(method, pair)
    stock = stock_model(method, pair.task, probe, _logits(method, probe))
    model = stock.model
    model.config._name_or_path = ""  # a folder of this machine
    model.save_pretrained(folder, max_shard_size="1TB")  # one file, whose name is known
    tokenizer = copy.deepcopy(method.backbone.tokenizer)
    tokenizer.name_or_path = ""
    tokenizer.save_pretrained(folder)
    return {"kind": "model", **_head_beside(folder, method, pair, stock), "options": _options(method)}


def _write_peft(
    folder: Path,
    method: Method,
    pair: Pair,
    form: tuple[Any, dict[str, Tensor]],
    base: BackboneSpec,
    pristine: Backbone,
) -> dict[str, Any]:
    config, state = form
    head = head_tensors(method, pair.task)
    bare = Exported(Setup(pristine, (pair.task,)), _options(method))
    fill_head(bare, pair.task, head, "the run")
    bare.to(next(iter(state.values())).device)
    probe = _probe(bare, pair)
    stock = stock_model(bare, pair.task, probe, _logits(bare, probe))
    inner = f"{method.backbone.family.body}."
    if stock.loads == "AutoModel":  # which is the body alone
        state = {name.replace(f"{PEFT_PREFIX}{inner}", PEFT_PREFIX, 1): tensor for name, tensor in state.items()}
    for field in ("target_modules", "feedforward_modules"):
        if isinstance(names := getattr(config, field, None), list | set | tuple):
            setattr(config, field, [name.removeprefix(inner) for name in names])
    config.task_type = _PEFT_TASKS.get(stock.loads, "FEATURE_EXTRACTION")
    if stock.head:
        config.modules_to_save = sorted(
            {name.removeprefix(inner).partition(".")[0] for name in stock.head.values()}
        )
    config.base_model_name_or_path, config.revision = base.hub or base.name, pinned(base).revision
    config.inference_mode = True
    config.save_pretrained(str(folder))
    stock = stock._replace(head={name: f"{PEFT_PREFIX}{place}" for name, place in stock.head.items()})
    _save(folder / WEIGHTS["peft"], state | {place: head[name] for name, place in stock.head.items()})
    return {"kind": "peft", **_head_beside(folder, method, pair, stock), "options": method.options}


def _head_beside(folder: Path, method: Method, pair: Pair, stock: Stock) -> dict[str, Any]:
    """Write the head into a file of its own where it is not in the weights; return what is said of it."""
    if (head := head_tensors(method, pair.task)) and not stock.head:
        _save(folder / HEAD, head)
        shutil.copyfile(load_adapter.__file__, folder / LOADER)
    return {"loads": stock.loads, "head": stock.head}


def _write_adapters(folder: Path, method: Method, pair: Pair) -> dict[str, Any]:
    found = fixed_weights(method, *pair)
    if not found:
        raise InputError("it has no adapters, and no form that peft has; hxbench predict answers with the run.")
    body = {name: p for name, p in method.body.named_parameters() if p.requires_grad}
    assert method.answering is not None
    # below heads of tasks it is the body alone
    loads, root = "AutoModel", ""
    if method.answering.writes:
        loads, root = auto_class(method.backbone.model.config).__name__, method.backbone.family.body
    sites, tensors = site_entries(method.backbone, found, root)
    tensors |= {f"body.{name}": p for name, p in body.items()}
    _save(folder / WEIGHTS["adapter"], tensors | head_tensors(method, pair.task))
    shutil.copyfile(load_adapter.__file__, folder / LOADER)
    return {
        "kind": "adapter", "body": tuple(body), "options": _options(method).model_copy(update={"sites": sites}),
        "placement": PLACEMENT, "compatibility": COMPATIBILITY, "loads": loads, "root": root,
    }  # fmt: skip


def _save(path: Path, tensors: dict[str, Tensor]) -> None:
    # a clone: a layer's weights are a view of those of all layers, which the file format does not keep apart
    fixed = {name: t.detach().to("cpu", torch.float32).contiguous().clone() for name, t in tensors.items()}
    save_file(fixed, path, metadata={"format": "pt"})
    path.chmod(0o644)  # the library makes it its owner's alone


def _options(method: Method) -> ExportedOptions:
    """Return what a method's options say of the way that it answers."""
    given = method.options.model_dump()
    return ExportedOptions(**{name: given[name] for name in AnswerOptions.model_fields if name in given})


def _described(
    form: dict[str, Any], run: str, spec: RunSpec, pair: Pair, method: Method, pristine: Backbone
) -> Export:
    """Return what `export.json` says, `form` about the weights included."""
    task, reading = task_of(pair.task), Reading.of(spec)
    assert method.answering is not None
    fields, form_of = [f"{{{name}}}" for name in task.fields], method.answering.form(method.backbone.family.stacks)
    options = form.pop("options").model_dump(mode="json", exclude_none=form["kind"] != "peft")
    origin = Origin(
        run=run, title=spec.title, method=spec.method, setting=spec.setting, seed=spec.seed, profile=spec.profile,
        hxbench=__version__,
    )  # fmt: skip
    return Export(
        own_task=spec.data.described.tasks.get(pair.task) if spec.data.described else None,
        task=pair.task,
        language=pair.language,
        language_name=find_language(pair.language).name,
        labels=task.labels,
        answers=method.answering.name,  # type: ignore[arg-type]
        input=source_text(task, fields, reading.wording) if task.answers_texts and form_of != "marked" else "",
        state="last" if method.answering.name == "class" and form_of == "chosen" else "first",
        method=spec.kind if form["kind"] == "peft" else EXPORTED,
        options=options,
        backbone=_without_folder(pinned(spec.backbone)),
        backbone_weights=weights_digest(pristine),
        reading=reading,
        origin=origin,
        **form,
    )


def _without_folder(spec: BackboneSpec) -> BackboneSpec:
    """Return the spec as others may see it: where a backbone lies is the business of its machine alone."""
    name = Path(spec.folder).name if spec.folder else None
    return spec.model_copy(update={"folder": name, "shape": spec.shape if spec.wheel else None})


def _probe(method: Method, pair: Pair) -> Batch:
    """Return a batch of two rows of 16 tokens each, spread over the vocabulary; marks are none of them."""
    vocabulary, marks = len(method.backbone.tokenizer), set(method.backbone.tokenizer.all_special_ids)
    spread = [number for number in range(vocabulary) if number not in marks]
    ids = torch.tensor(spread)[torch.linspace(0, len(spread) - 1, 32).long()].view(2, 16)
    tasks = torch.full((2,), method.places[pair.task])
    every = torch.arange(32) if task_of(pair.task).type == "tagging" else None
    assert method.answering is not None
    targets = (
        torch.zeros(32, dtype=torch.long) if every is not None else ids[:, : 4 if method.answering.writes else 1]
    )
    probe = Batch(*pair, ids, torch.ones_like(ids), tasks, targets, every, targets.numel(), 2, 2, 32)
    return probe.to(next(method.parameters()).device)


def _logits(method: Method, batch: Batch) -> Tensor:
    method.eval()
    with torch.no_grad():
        return method.logits(batch)
