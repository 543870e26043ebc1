"""The file of llama.cpp, GGUF, → a folder as the library writes it: fp32 safetensors, config.json, tokenizer.json.

The library reads the file with the package `gguf`. What the file says of the model's size is held against what it
holds before anything of that size is made.
"""

import io
import json
import shutil
from contextlib import redirect_stderr
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hxbench.backbones.checkpoint import WEIGHTS as SAVED
from hxbench.backbones.checkpoint import quietly, require_parameters, require_sizes
from hxbench.backbones.shape import auto_class, import_model, new_model
from hxbench.errors import InputError
from hxbench.printing import shortened
from hxbench.spec.architecture import CONFIG

WEIGHTS = "weights.gguf"
_NOT_OURS = ("quantization_config", "transformers_version")  # of a configuration


def require_gguf() -> None:
    """Raise `InputError` without the package that reads such files."""
    if find_spec("gguf") is None:
        raise InputError(
            'its weights are a GGUF file, and the package that reads it is missing: pip install "hxbench[gguf]".'
        )


def unpack_gguf(folder: Path) -> None:
    """Put what the library writes in the file's place; `InputError` for one that is damaged or of no model."""
    require_gguf()
    try:
        _unpack(folder)
    except InputError:
        raise
    except Exception as error:  # both libraries raise whatever a strange file leads them to
        first = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise InputError(f"the GGUF file cannot be read: {shortened(first, 200)}.") from None
    (folder / WEIGHTS).unlink()


def _short(value: Any) -> Any:
    """Return a number of 32 bits as it is written: 1e-05, and not what the next larger type makes of it."""
    return (
        float(str(np.float32(value))) if isinstance(value, float) and float(np.float32(value)) == value else value
    )


def _unpack(folder: Path) -> None:
    from gguf import GGUFReader
    from safetensors.torch import save_file
    from transformers import AutoConfig, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # it would break into ours
    given: dict[str, Any] = {"gguf_file": WEIGHTS, "trust_remote_code": False}
    there = sum(prod(map(int, one.shape)) for one in GGUFReader(folder / WEIGHTS).tensors)
    # a bar that nothing turns off goes nowhere
    with quietly(), redirect_stderr(io.StringIO()), torch.random.fork_rng(devices=[]):
        config = AutoConfig.from_pretrained(folder, **given)
        require_sizes(config)
        import_model(config)
        with torch.device("meta"):
            outline = new_model(config)
        require_parameters(sum(p.numel() for p in outline.parameters()), there)
        model, report = auto_class(config).from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, **given
        )
        if lost := sorted({*report["missing_keys"], *report["unexpected_keys"]}):
            raise InputError(
                f"the GGUF file does not fit its model: {shortened(lost[0])} is missing or left over."
            )
        tokenizer = AutoTokenizer.from_pretrained(folder, **given)
        tokenizer.save_pretrained(folder)
    # the library itself saves no model that came out of such a file
    given = model.config.to_dict()
    values = {name: _short(value) for name, value in given.items() if name[0] != "_" and name not in _NOT_OURS}
    (folder / CONFIG).write_text(json.dumps(values, indent=1))
    tensors = {name: parameter.detach().contiguous() for name, parameter in model.named_parameters()}
    save_file(tensors, folder / SAVED, metadata={"format": "pt"})
    shutil.copymode(folder / CONFIG, folder / SAVED)  # the library makes its file for the owner alone
