"""The library's own model of what a run answers with, head included where the library has such a head.

Most classes of tokens have our head under another name, and BERT's, RoBERTa's and MPNet's classes of texts have
that of `options.head=pooled`. Which families have it is not listed: a model of the library's is made, filled, and
has to give the same logits.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from hxbench.backbones.shape import auto_class
from hxbench.methods.exported import head_tensors
from hxbench.methods.method import Method
from hxbench.tasks import task_of
from hxbench.tasks.encoding.batch import Batch

# Names of heads in models of the library, given that of the body: ours → theirs.
_TOKENS = ({"head": "classifier"},)
_TEXTS = ({"pooler": "{body}.pooler.dense", "head": "classifier"},
          {"pooler": "classifier.dense", "head": "classifier.out_proj"})  # fmt: skip


def close(given: Tensor, wanted: Tensor) -> bool:
    """Return whether logits [..., classes] are the same up to rounding."""
    return given.shape == wanted.shape and torch.allclose(given, wanted, rtol=1e-4, atol=1e-4)


class Stock(NamedTuple):
    """A model of the library's, the class that loads it, and the names of its head; none where that is apart."""

    model: Any
    loads: str
    head: dict[str, str]


def stock_model(method: Method, task: str, probe: Batch, wanted: Tensor) -> Stock:
    """Return the model of a method whose weights are all in its backbone and its head.

    `wanted` are the logits [targets, classes] that it gives for `probe`.
    """
    backbone = method.backbone
    if not (head := head_tensors(method, task)):
        return Stock(backbone.model, auto_class(backbone.model.config).__name__, {})
    # a decoder keeps its output matrix, which a backbone has; AutoModel leaves it aside
    whole = backbone.model if backbone.family.stacks == "decoder" else method.body
    return _with_head(method, task, head, probe, wanted) or Stock(whole, "AutoModel", {})


def _with_head(method: Method, task: str, head: dict[str, Tensor], probe: Batch, wanted: Tensor) -> Stock | None:
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification

    tags, labels = task_of(task).type == "tagging", task_of(task).labels
    auto: Any = AutoModelForTokenClassification if tags else AutoModelForSequenceClassification
    known: Any = method.backbone.model.config
    values = known.to_dict() | {"id2label": dict(enumerate(labels or ("LABEL_0",)))}
    values |= {"label2id": {name: number for number, name in values["id2label"].items()}}
    if not tags:
        values["problem_type"] = "single_label_classification" if labels else "regression"
    try:
        with torch.random.fork_rng(devices=[]):
            model = auto.from_config(AutoConfig.for_model(**values), trust_remote_code=False)
    except ValueError:  # no such class of this family
        return None
    prefix = model.base_model_prefix
    body = {f"{prefix}.{name}": value for name, value in method.body.state_dict().items()}
    apart = {name for name, _ in model.named_parameters()} - body.keys()
    for form in _TOKENS if tags else _TEXTS:
        names = {name: _renamed(name, form, prefix) for name in head}
        if {*names.values()} != apart:
            continue
        state = body | {names[name]: tensor for name, tensor in head.items()}
        if any(model.get_parameter(name).shape != state[name].shape for name in apart):
            continue
        model.load_state_dict(state, strict=False)
        with torch.no_grad():
            given = (
                model.eval()
                .to(wanted.device)(input_ids=probe.input_ids, attention_mask=probe.attention_mask)
                .logits
            )
        given = given.flatten(0, 1) if tags else given.unsqueeze(1)
        if close(given, wanted):
            return Stock(model, auto.__name__, names)
    return None


def _renamed(name: str, form: dict[str, str], body: str) -> str:
    part, _, rest = name.partition(".")
    return f"{form.get(part, part).format(body=body)}.{rest}"
