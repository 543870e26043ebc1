"""Stock models from a configuration alone: those of the backbones that are made here, on any device."""

from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.nn import init

from hxbench.backbones.families import Family, Stacks, family_of
from hxbench.errors import InputError
from hxbench.spec.backbone import BackboneSpec

# Of the T5 and BLOOM vocabularies made here: what fills up, and what ends a text; T5 decodes from the former on.
PAD, END = 0, 1


# Families that are made here, each with the version of its pre-training, part of every backbone's fingerprint.
MADE_HERE = {"bert": 1, "t5": 1, "bloom": 2}


def shape_of(spec: BackboneSpec) -> dict[str, Any]:
    """Return the configuration of a backbone that is pre-trained here.

    A T5 is one of v1.0, or has the feed-forward block of v1.1. The feed-forward block of a BLOOM is always 4 wide.
    """
    plan = spec.pretrain
    assert plan is not None
    both = {"model_type": plan.architecture, "vocab_size": plan.vocabulary}
    if plan.architecture == "bert":
        return both | {
            "hidden_size": plan.hidden,
            "num_hidden_layers": plan.layers,
            "num_attention_heads": plan.heads,
            "intermediate_size": plan.intermediate,
            "max_position_embeddings": 512,
            "type_vocab_size": 2,
            "hidden_dropout_prob": plan.dropout,
            "attention_probs_dropout_prob": plan.dropout,
        }
    if plan.architecture == "t5":
        return both | {
            "d_model": plan.hidden,
            "d_kv": plan.hidden // plan.heads,
            "d_ff": plan.intermediate,
            "num_layers": plan.layers,
            "num_heads": plan.heads,
            "feed_forward_proj": "gated-gelu" if plan.gated else "relu",
            "dropout_rate": plan.dropout,
            "tie_word_embeddings": True,
            "pad_token_id": PAD,
            "eos_token_id": END,
            "decoder_start_token_id": PAD,
        }
    return both | {
        "hidden_size": plan.hidden,
        "n_layer": plan.layers,
        "n_head": plan.heads,
        "hidden_dropout": plan.dropout,
        "attention_dropout": plan.dropout,
        "pad_token_id": PAD,
        "bos_token_id": END,
        "eos_token_id": END,
    }


def config_of(shape: Mapping[str, Any]) -> Any:
    """Return the library's configuration of a shape, the `model_type` among its values."""
    from transformers import AutoConfig

    values = dict(shape)
    return AutoConfig.for_model(values.pop("model_type", ""), **values)


def has_own_output(config: Any) -> bool:
    """Return whether a T5's output matrix is not its word embeddings, as since v1.1.

    The library ties the two in any new model and keeps of the configuration only that the hidden states are not
    scaled before that matrix.
    """
    return bool(config.is_encoder_decoder) and not getattr(config, "scale_decoder_outputs", True)


def auto_classes() -> dict[Stacks, Any]:
    """Return the classes of the library that make models, with their language-modelling head, of such stacks."""
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM

    return {
        "encoder": AutoModelForMaskedLM,
        "encoder-decoder": AutoModelForSeq2SeqLM,
        "decoder": AutoModelForCausalLM,
    }


def auto_class(config: Any, family: Family | None = None) -> Any:
    """Return the class that makes models of a configuration: of a `family`, or of that of its name."""
    family = family or family_of(config.model_type)
    found = auto_classes()[family.stacks]
    if type(config) not in found._model_mapping:
        raise InputError(f"{family.name}.yaml: the library has no {family.stacks} of type {config.model_type}.")
    return found


def import_model(config: Any, family: Family | None = None) -> None:
    """Import the module of a configuration's model, which the library does on first use only.

    Whoever makes a model on the meta device does this before: tensors of an import made there have no values.
    """
    auto_class(config, family)._model_mapping[type(config)]


def new_model(config: Any, family: Family | None = None) -> Any:
    """Return a model of this configuration with the architecture's own random weights."""
    model = auto_class(config, family).from_config(config, trust_remote_code=False)
    if has_own_output(config):
        own = nn.Parameter(model.lm_head.weight.detach().clone())
        if not own.is_meta:
            init.normal_(own, std=config.initializer_factor)
        model.lm_head.weight = own
        model.all_tied_weights_keys.pop("lm_head.weight", None)  # or loading and saving would tie them again
    return model
