"""Records what the AdapterHub implementation computes, for `tests/methods/test_madx.py`.

Not run by the tests. It wants an environment of its own with `adapters==1.3.0` (which brings transformers 4.57),
torch 2.13 on a CPU and safetensors:

    python tests/golden/madx/record.py

writes, beside itself, `weights.safetensors` (a BERT with a masked-language-modelling head, two adapters and an
invertible one, all random and far from zero, under AdapterHub's names), `outputs.safetensors` (inputs, and outputs
by case) and `recorded.json` (shape of the model, versions). The model is the one with AdapterHub's own heads: with
the heads of transformers its invertible adapters are never inverted.
"""

import json
from pathlib import Path

import adapters
import torch
import transformers
from adapters import BertAdapterModel, SeqBnConfig, SeqBnInvConfig
from adapters.composition import Stack
from safetensors.torch import save_file
from transformers import BertConfig

HERE = Path(__file__).parent
SHAPE = {
    "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 32, "type_vocab_size": 2,
}  # fmt: skip
HEAD = {  # AdapterHub's names → those of transformers
    "heads.mlm.0.": "cls.predictions.transform.dense.",
    "heads.mlm.2.": "cls.predictions.transform.LayerNorm.",
    "heads.mlm.3.": "cls.predictions.decoder.",
}
LANGUAGE, TASK, INVERTIBLE = 8, 4, 8  # bottlenecks


def stock_name(name: str) -> str:
    """Return what transformers calls a parameter of the model, adapters aside."""
    return next((name.replace(ours, stock) for ours, stock in HEAD.items() if name.startswith(ours)), name)


def main() -> None:
    """Build, run and write."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = BertAdapterModel(BertConfig(**SHAPE))
    model.add_masked_lm_head("mlm")
    model.add_adapter("language", config=SeqBnConfig(reduction_factor=16 / LANGUAGE))
    model.add_adapter("task", config=SeqBnConfig(reduction_factor=16 / TASK))
    model.add_adapter("invertible", config=SeqBnInvConfig(reduction_factor=16 / INVERTIBLE))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("LayerNorm.weight", "mlm.2.weight")):
                parameter.uniform_(0.5, 1.5)
            else:
                parameter.normal_(std=0.3)
    model.tie_weights()
    model.eval()
    ids = torch.randint(5, SHAPE["vocab_size"], (3, 9))
    mask = torch.ones_like(ids)
    mask[1, 6:] = mask[2, 4:] = 0
    found = {"input_ids": ids, "attention_mask": mask}
    cases = {
        "none": None,
        "language": "language",
        "stack": Stack("language", "task"),
        "invertible": "invertible",
        "invertible_stack": Stack("invertible", "task"),
    }
    for case, setup in cases.items():
        model.set_active_adapters(setup)
        with torch.no_grad():
            found[f"{case}.hidden"] = model.bert(input_ids=ids, attention_mask=mask).last_hidden_state
            found[f"{case}.logits"] = model(input_ids=ids, attention_mask=mask).logits
    model.train_adapter("invertible")
    trained = sorted(stock_name(name) for name, p in model.named_parameters() if p.requires_grad)
    kept = {stock_name(k): v.clone().contiguous() for k, v in model.state_dict().items()}
    kept = {k: v for k, v in kept.items() if "prompt_tuning" not in k and "pooler" not in k}
    kept["cls.predictions.bias"] = kept["cls.predictions.decoder.bias"].clone()
    save_file(kept, HERE / "weights.safetensors")
    save_file({k: v.contiguous() for k, v in found.items()}, HERE / "outputs.safetensors")
    versions = {
        "adapters": adapters.__version__,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
    }
    bottlenecks = {"language": LANGUAGE, "task": TASK, "invertible": INVERTIBLE}
    facts = {"shape": SHAPE, "bottlenecks": bottlenecks, "trained_with_invertible": trained, "versions": versions}
    (HERE / "recorded.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
