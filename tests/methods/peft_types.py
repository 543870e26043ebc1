"""Trying every type of `peft` with every way to answer on tiny models.

    python tests/methods/peft_types.py recipes/peft/types.yaml

makes the shipped table anew for the version that is installed. A type works with a way to answer if it does on one
of the families there.
"""

import dataclasses
import sys
from pathlib import Path

import yaml

# families of these stacks, the first one first
FAMILIES = {"encoder": ("bert",), "encoder-decoder": ("t5",), "decoder": ("bloom", "llama")}
SMALL = {
    "ADALORA": {"target_r": 1, "init_r": 3, "tinit": 4, "tfinal": 8},
    "ADAMSS": {"r": 4, "num_subspaces": 2},
    "ADAPTION_PROMPT": {"adapter_len": 3, "adapter_layers": 2},
    "BEFT": {},
    "BOFT": {"boft_block_size": 2},
    "C3A": {"block_size": 2},
    "CARTRIDGE": {"num_virtual_tokens": 3},
    "CPT": {"num_virtual_tokens": 3},
    "FOURIERFT": {"n_frequency": 20},
    "FROD": {},
    "GRALORA": {"r": 2, "gralora_k": 2},
    "IA3": {},
    "LILY": {"r": 2},
    "LN_TUNING": {},
    "MISS": {"r": 2},
    "MULTITASK_PROMPT_TUNING": {"num_virtual_tokens": 3},
    "OFT": {"oft_block_size": 2},
    "OSF": {"effective_rank": 2},
    "P_TUNING": {"num_virtual_tokens": 3},
    "PREFIX_TUNING": {"num_virtual_tokens": 3},
    "PROMPT_TUNING": {"num_virtual_tokens": 3},
    "ROAD": {"group_size": 2},
    "SHADOW": {},
    "SUPERTUNING": {"sparsity": 0.5},
    "TINYLORA": {"r": 2, "u": 4},
    "TRAINABLE_TOKENS": {"token_indices": list(range(3, 30))},
    "UNILORA": {"r": 2, "theta_d_length": 32},
    "VBLORA": {"r": 2, "num_vectors": 8, "vector_length": 2},
    "WAVEFT": {"n_frequency": 20},
    "XLORA": {},
}
# what stands in the way of those that do not work, beyond what is tried: reasons of `peft_options.Reason`
REASONS = {
    "ADAPTION_PROMPT": "needs an attention that peft knows",
    "CPT": "needs a prompt in words",
    "CARTRIDGE": "needs keys and values of one stack",
    "PREFIX_TUNING": "needs keys and values of one stack",
    "POLY": "needs a pass of its own",
    "SHADOW": "needs a pass of its own",
    "XLORA": "needs trained adapters from files",
}


def small(kind):
    """Return options of a type for a tiny model."""
    return {"type": kind, **SMALL.get(kind, {"r": 2})}


def fresh(family):
    """Return a tiny backbone of a family."""
    from tiny_decoders import bare_decoder
    from tiny_families import tiny

    return bare_decoder(family) if family == "llama" else tiny(family)


def tried(kind, way, stacks):
    """Return what stands in the way of a type with a way to answer; nothing where it works."""
    from test_matrix import check

    said = ""
    fresh(FAMILIES[stacks][0])
    for family in FAMILIES[stacks]:
        try:
            check("peft", way, lambda family=family: fresh(family), options=small(kind))
            return ""
        except Exception as error:
            said = said or f"{type(error).__name__}: {error}"
    return said


def defaults_of(kind):
    """Return the defaults of the fields that a recipe may give."""
    from hxbench.methods.peft_options import configurations, fields_of

    known, plain = fields_of(kind).model_fields, (bool, int, float, str, type(None))
    found = {one.name: one.default for one in dataclasses.fields(configurations()[kind]) if one.name in known}
    found = {name: getattr(value, "value", value) for name, value in found.items()}
    return {name: value for name, value in found.items() if isinstance(value, plain)}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from importlib.metadata import version

    from hxbench.answering import COLUMNS
    from hxbench.methods import peft_options

    peft_options.is_of_this_version = lambda: False  # every cell is tried
    out, kinds = {}, sorted(peft_options.configurations())
    for kind in [one for one in kinds if one in sys.argv[2:] or not sys.argv[2:]]:
        answers = {}
        for name, both in COLUMNS.items():
            said = tried(kind, *both)
            answers[name] = "works" if not said else REASONS.get(kind, "?")
            if said:
                print(f"{kind} {name}: {said[:300]}", file=sys.stderr)
        print(kind, *answers.values(), flush=True)
        out[kind] = {"answers": answers, "defaults": defaults_of(kind)}
    if sys.argv[2:]:
        sys.exit()
    Path(sys.argv[1]).write_text(
        "# Types by way to answer, and the defaults that a recipe's silence means: tests/methods/peft_types.py.\n"
        + yaml.safe_dump(
            {"peft": version("peft"), "types": out}, sort_keys=False, default_flow_style=None, width=110
        )
    )
