"""Load what lies beside this file with torch and transformers alone: `model, head = load(FOLDER, BACKBONE)`.

`model` is the stock model with the adapters acting in it. Where answers are written, `model.generate(…)` writes
them and `head` is None. Else `head(model(**tokens).last_hidden_state, mask)` gives logits of every token or of the
text; a decoder needs the mask of padded texts for that.
"""

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

CLASSES = ("AutoModel", "AutoModelForSeq2SeqLM", "AutoModelForCausalLM")
ACTIVATIONS: Any = {"relu": functional.relu, "gelu_new": lambda x: functional.gelu(x, approximate="tanh")}


def load(folder: str | Path, backbone: str | Path | None = None) -> tuple[Any, Any]:
    """Return model and head; `backbone` is the folder or hub name of the one that `export.json` names."""
    said = json.loads((Path(folder) / "export.json").read_text(encoding="utf-8"))
    if said["loads"] not in CLASSES:
        raise ValueError(f"transformers.{said['loads']}.from_pretrained loads this folder")
    model = getattr(transformers, said["loads"]).from_pretrained(backbone or folder, use_safetensors=True).eval()
    files = [Path(folder) / name for name in ("adapter.safetensors", "head.safetensors")]
    tensors = {name: value for path in files if path.exists() for name, value in load_file(path).items()}
    part = lambda prefix: {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}  # noqa: E731
    model.get_submodule(said["root"]).load_state_dict(part("body."), strict=False)
    for number, site in enumerate(said["options"].get("sites", ())):
        act(model, site, [part(f"sites.{number}.{place}.") for place in range(site["adapters"])])
    if said["kind"] == "peft":
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(folder)).eval()

    def head(states: Tensor, mask: Tensor | None = None) -> Tensor:
        if said["answers"] == "class":
            places = torch.arange(states.shape[1], device=states.device)
            at = -1 if mask is None else (mask * places).argmax(1)  # of padded texts the last token that is one
            states = states[:, 0] if said.get("state") != "last" else states[torch.arange(len(states)), at]
        if "pooler.weight" in tensors:
            states = functional.linear(states, tensors["pooler.weight"], tensors["pooler.bias"]).tanh()
        return functional.linear(states, tensors["head.weight"], tensors["head.bias"])

    return model, head if "head.weight" in tensors else None


def act(model: Any, site: dict[str, Any], adapters: list[dict[str, Tensor]]) -> None:
    """Let adapters act at a site: x + up(f(down(y))), y being x or what the site says they are fed."""
    at, seen = site["at"], dict[str, Tensor]()
    norm = model.get_submodule(at["norm"]) if "norm" in at else torch.nn.Identity()
    if fed := at.get("fed_by") or at.get("residual"):
        look = lambda _module, inputs: seen.update(value=inputs[at["argument"]])  # noqa: E731
        model.get_submodule(fed).register_forward_pre_hook(look)

    def changed(x: Tensor) -> Tensor:
        for one in adapters:
            y = seen["value"] if "fed_by" in at else norm(x + seen["value"]) if fed else x
            y = ACTIVATIONS[site["activation"]](functional.linear(y, one["down.weight"], one["down.bias"]))
            y = functional.linear(y, one["up.weight"], one["up.bias"])
            if "norm.weight" in one:
                y = functional.layer_norm(y, y.shape[-1:], one["norm.weight"], one["norm.bias"])
            x = x + y
        return x

    module = model.get_submodule(at["module"])
    if at["before"]:
        module.register_forward_pre_hook(lambda _module, inputs: (changed(inputs[0]), *inputs[1:]))
    else:
        module.register_forward_hook(lambda _module, _inputs, x: changed(x))
