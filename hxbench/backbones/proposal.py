"""An entry to start from, for a family that has none: what the model of a configuration shows by its modules.

Where the entry of another family fits as a whole it is extended. Otherwise modules are told by their usual names.
Whatever this finds is a proposal: `hxbench backbones check` says whether it is right.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hxbench.backbones.entry import unnamed_parts, wrong_parts
from hxbench.backbones.families import Family, Stacks, is_linear
from hxbench.backbones.shape import auto_classes
from hxbench.spec import recipe

_UNKNOWN = (
    "# The library knows no language model of this type, and no code of a model's own is run: no entry can help."
)
_ROLES = {  # by the last name in the path of a module; those of a decoder's second attention are not guessed
    "query": "q_proj|query|q|q_lin|wq",
    "key": "k_proj|key|k|k_lin|wk",
    "value": "v_proj|value|v|v_lin|wv",
    "gate": "gate_proj|w1",
    "up": "up_proj|fc1|lin1|fc_in|dense_h_to_4h|c_fc|wi|w3",
    "down": "down_proj|fc2|lin2|fc_out|dense_4h_to_h|w2",
    "output": "o_proj|out_proj|out_lin|o|wo|dense",
}
_LACKING = "unknown"
_FUSED = "qkv_proj|query_key_value|wqkv|c_attn|qkv"


def proposed_entry(model_type: str, folder: Path) -> str:
    """Return the text of an entry for the backbone in a folder, or a line that says why there can be none."""
    try:
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        stacks = _stacks_of(config)
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            model = auto_classes()[stacks].from_config(config, trust_remote_code=False) if stacks else None
    except Exception:  # the library raises whatever a strange configuration leads it to
        return _UNKNOWN
    if stacks is None or model is None:
        return _UNKNOWN
    title = re.sub(r"(ForCausalLM|ForMaskedLM|ForConditionalGeneration|LMHeadModel)$", "", type(model).__name__)
    lines = _extended(model_type, model, stacks) or _written(model, stacks)
    return "\n".join([f"title: {title}", f"body: {model.base_model_prefix}", *lines])


def _stacks_of(config: Any) -> Stacks | None:
    """Return what a configuration's language model consists of; None for a configuration of none."""
    able = {name: one._model_mapping[type(config)] for name, one in auto_classes().items() if _in(one, config)}
    named = [name for name, model in able.items() if model.__name__ in (config.architectures or ())]
    order: tuple[Stacks, ...] = ("encoder-decoder", "encoder", "decoder")
    if config.is_encoder_decoder and "encoder-decoder" in able:
        return "encoder-decoder"
    return next((name for name in (*named, *order[1:]) if name in able), None)


def _in(auto: Any, config: Any) -> bool:
    return type(config) in auto._model_mapping


def _extended(model_type: str, model: Any, stacks: Stacks) -> list[str]:
    """Return the lines that extend the first entry which fits a model as a whole; nothing where none does."""
    for name in recipe.recipe_names("families"):
        found: Family = recipe.load("families", name)
        own = found.model_copy(update={"name": model_type, "body": model.base_model_prefix})
        if found.stacks == stacks and not any(wrong_parts(model, own)) and not any(unnamed_parts(model, own)):
            return [f"extends: {name}"]
    return []


def _written(model: Any, stacks: Stacks) -> list[str]:
    """Return the lines of an entry of one stack by what its modules are usually called, or `unknown`."""
    body = model.get_submodule(model.base_model_prefix)
    depth = getattr(model.config, "num_hidden_layers", None)
    lists = {
        path: one for path, one in body.named_modules() if isinstance(one, nn.ModuleList) and len(one) == depth
    }
    if stacks == "encoder-decoder":
        return ["# Two stacks: the entries of t5 and bart, recipes/families/*.yaml, show what to write of each."]
    if not lists:
        return ["# The model has no list of num_hidden_layers modules: an entry needs one module for each layer."]
    path = next(iter(lists))
    layer = lists[path][0]
    linear = [name for name, one in layer.named_modules() if is_linear(one)]
    roles, fused = dict(_by_role(linear)), next((one for one in linear if _is(one, _FUSED)), None)
    norms = [name for name, one in layer.named_modules() if type(one).__name__.endswith("Norm")]
    outer = [n for n, one in body.named_modules() if type(one).__name__.endswith("Norm") and f"{path}." not in n]
    names = {id(one): name for name, one in model.named_modules()}
    output = names.get(id(model.get_output_embeddings()), _LACKING)
    words = {id(one): name for name, one in body.named_modules()}.get(id(body.get_input_embeddings()), _LACKING)
    up, down, attention = (roles.get(role, _LACKING) for role in ("up", "down", "output"))
    rest = [one for one in linear if one not in (*roles.values(), fused)]
    decoder = stacks == "decoder"
    return [
        f"words: {words}",
        f"embeddings: {{module: {path}.0, before: true}}",
        f"{stacks}:",
        f"  layers: {path}",
        "  sites:",
        f"    attention: {attention}",
        f"    ffn: {down}",
        f"    parallel: {{module: {down}, fed_by: {up}}}",
        "  projections:",
        *(f"    {role}: {name}" for role, name in roles.items()),
        *([f"  fused: [{{module: {fused}, roles: [query, key, value], layout: blocks}}]"] if fused else []),
        *(f"    # which role has {name}?" for name in rest),
        f"  norms: [{', '.join(norms)}]",
        f"norms: [{', '.join(outer)}]",
        f"head: {output if decoder else output.partition('.')[0]}",
        f"output: {output}",
        *(["key_heads: num_key_value_heads"] if hasattr(model.config, "num_key_value_heads") else []),
        *(["padding: left", "counts_positions: true", "tokens: [eos_token]", "end_pads: true"] if decoder else []),
        *([] if decoder else ["longest: max_position_embeddings", "tokens: [pad_token, mask_token]"]),
    ]


def _by_role(linear: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the roles with the path of the first module that is called so."""
    taken: set[str] = set()
    for role, pattern in _ROLES.items():
        if name := next((one for one in linear if one not in taken and _is(one, pattern)), None):
            taken.add(name)
            yield role, name


def _is(path: str, pattern: str) -> bool:
    return re.fullmatch(pattern, path.rpartition(".")[2], re.IGNORECASE) is not None
