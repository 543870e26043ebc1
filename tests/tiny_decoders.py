"""Decoders of a few thousand random weights: the library's own classes, saved by it as folders, loaded by ours."""

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import family_of
from hxbench.backbones.load import load_backbone
from hxbench.backbones.vocabularies import train_byte_pairs
from hxbench.spec import recipe

END = 1
SIZE = 304  # rows of the embeddings, some of which no token has
WINDOW = 4  # tokens that a layer looks back, its own included: far fewer than any text here has
_GROUPED = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "eos_token_id": END, "bos_token_id": END, "pad_token_id": None,
}  # fmt: skip
_GEMMA = {**_GROUPED, "head_dim": 6, "sliding_window": WINDOW, "query_pre_attn_scalar": 6, "pad_token_id": 0}
SHAPES = {  # by family; what only some models of a family have is there in one way and the other
    "gpt2": {
        "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 160, "resid_pdrop": 0.0, "embd_pdrop": 0.0,
        "attn_pdrop": 0.0, "eos_token_id": END, "bos_token_id": END,
    },
    "llama": {**_GROUPED, "tie_word_embeddings": False},
    "mistral": {**_GROUPED, "head_dim": 6, "sliding_window": WINDOW},
    "qwen2": {
        **_GROUPED, "use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 1,
        "tie_word_embeddings": True,
    },
    "qwen3": {**_GROUPED, "head_dim": 6, "tie_word_embeddings": True},
    "gemma2": {**_GEMMA, "final_logit_softcapping": 3.0, "attn_logit_softcapping": 5.0},
    "gemma3_text": {**_GEMMA, "sliding_window_pattern": 2},
    "gpt_neox": {
        "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 3,
        "hidden_dropout": 0.0, "attention_dropout": 0.0, "eos_token_id": END, "bos_token_id": END,
    },
    "opt": {
        "hidden_size": 16, "word_embed_proj_dim": 16, "ffn_dim": 24, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 160, "dropout": 0.0, "pad_token_id": END,
        "eos_token_id": END, "bos_token_id": END,
    },
    "phi3": {**_GROUPED, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "sliding_window": WINDOW},
}  # fmt: skip
DECODERS = tuple(SHAPES)
PADS = ("gemma2", "gemma3_text")  # whose tokenizers have a token for padding; of all others the end token pads


def tokenizer_of(family):
    """Return a tokenizer, with or without a token for padding."""
    found = train_byte_pairs(["the cat sat on the mat and the dog saw it"] * 50, 300)
    if family in PADS:
        return found
    return PreTrainedTokenizerFast(tokenizer_object=found.backend_tokenizer, eos_token="</s>")


def model_of(family, **shape):
    """Return a model of the library's own class, the same every time, and without dropout."""
    config = AutoConfig.for_model(family, **{"vocab_size": SIZE, **SHAPES[family], **shape})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():  # far from the library's own start, where every text gets nearly the same answer
            for parameter in model.parameters():
                noise = torch.randn_like(parameter) * 0.2
                parameter.copy_(noise if parameter.ndim > 1 else parameter + noise)
    return model.eval()


def bare_decoder(family):
    """Return a model as a backbone without a tokenizer."""
    return Backbone(model_of(family), None, family_of(family))


def save_decoder(family, folder, **shape):
    """Save a model with its tokenizer as a folder, and return that."""
    model_of(family, **shape).save_pretrained(folder)
    tokenizer_of(family).save_pretrained(folder)
    return folder


def stock(folder):
    """Return the model of a folder as the library loads it."""
    return AutoModelForCausalLM.from_pretrained(folder).eval()


def loaded(folder):
    """Return the backbone of a folder as ours loads it."""
    return load_backbone(recipe.backbone(str(folder)))
