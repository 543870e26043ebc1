"""Tiny random models of the library's own classes, and folders of them with tokenizers as people have them."""

import json

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    ByT5Tokenizer,
    ElectraForPreTraining,
)

from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import family_of
from hxbench.backbones.vocabularies import train_byte_pairs, train_unigram, train_wordpiece

HIDDEN, INNER, LENGTH, EMBEDDED = 16, 24, 160, 8
_BERT = {
    "hidden_size": HIDDEN, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": INNER,
    "max_position_embeddings": LENGTH, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    "initializer_range": 0.2,
}  # fmt: skip
# As ByT5's the decoder is the shallower one: behind a deeper one the library's own generation has too few caches.
_T5 = {
    "d_model": HIDDEN, "d_ff": INNER, "d_kv": 8, "num_layers": 3, "num_decoder_layers": 2, "num_heads": 2,
    "dropout_rate": 0.0, "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1,
}  # fmt: skip
_V3 = {
    "relative_attention": True, "position_buckets": 8, "norm_rel_ebd": "layer_norm", "share_att_key": True,
    "pos_att_type": "p2c|c2p", "position_biased_input": False, "type_vocab_size": 0, "pad_token_id": 0,
}  # fmt: skip
# Of every family one, and of some a variant: model_type, then what its configuration says.
ENCODERS = {
    "roberta": ("roberta", {**_BERT, "max_position_embeddings": LENGTH + 2, "pad_token_id": 0}),
    "xlm-roberta": ("xlm-roberta", {**_BERT, "max_position_embeddings": LENGTH + 2, "pad_token_id": 0}),
    "electra": ("electra", {**_BERT, "embedding_size": EMBEDDED, "pad_token_id": 0}),
    "deberta-v2": ("deberta-v2", {**_BERT, **_V3}),
    "deberta-v2 of v2": (
        "deberta-v2",
        {**_BERT, **_V3, "conv_kernel_size": 3, "conv_act": "gelu", "embedding_size": EMBEDDED},
    ),
    "distilbert": (
        "distilbert",
        {
            "dim": HIDDEN, "n_layers": 2, "n_heads": 2, "hidden_dim": INNER, "max_position_embeddings": LENGTH,
            "dropout": 0.0, "attention_dropout": 0.0, "initializer_range": 0.2, "pad_token_id": 0,
        },
    ),
    # the first of four layers has no norm before its attention; two of them look two tokens to each side
    "modernbert": (
        "modernbert",
        {
            **_BERT, "num_hidden_layers": 4, "local_attention": 4, "pad_token_id": 0, "bos_token_id": 2,
            "cls_token_id": 2, "eos_token_id": 3, "sep_token_id": 3,
        },
    ),
    "mpnet": ("mpnet", {**_BERT, "max_position_embeddings": LENGTH + 2, "pad_token_id": 0}),
}  # fmt: skip
# Whether the output matrix is its own, which the library's configurations of some do not keep.
WRITERS = {
    "t5": ("t5", {**_T5, "feed_forward_proj": "relu"}, False),
    "t5 v1.1": ("t5", {**_T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}, True),
    "byt5": ("t5", {**_T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}, True),
    "mt5": ("mt5", _T5, True),
    "umt5": ("umt5", _T5, True),
    "umt5 tied": ("umt5", _T5, False),
    "bart": (
        "bart",
        {
            "d_model": HIDDEN, "encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 2,
            "decoder_attention_heads": 2, "encoder_ffn_dim": INNER, "decoder_ffn_dim": INNER, "dropout": 0.0,
            "max_position_embeddings": LENGTH, "init_std": 0.2, "scale_embedding": True, "pad_token_id": 0,
            "bos_token_id": 1, "eos_token_id": 1, "decoder_start_token_id": 1, "forced_eos_token_id": None,
        },
        False,
    ),
}  # fmt: skip
MODELS = {**ENCODERS, **WRITERS}
LINES = ["the cat dog bird saw heard good bad old new man house . entailment not a b c d e f 0 1 2 3 4 5"] * 20


def model_of(name, size, *, seed=0):
    """Return a model of the library's own class, the same every time, far from where one begins."""
    kind, shape, *own = MODELS[name]
    config = AutoConfig.for_model(kind, vocab_size=size, **shape)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = (AutoModelForSeq2SeqLM if own else AutoModelForMaskedLM).from_config(config)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1 and own:
                    parameter.mul_(1 if kind == "bart" else 2)  # more, and rounding grows with it
                elif parameter.ndim == 1:
                    parameter.add_(torch.randn_like(parameter) * 0.2)
        if own == [True]:
            model.lm_head.weight = nn.Parameter(torch.randn_like(model.lm_head.weight) * 0.2)
            model.all_tied_weights_keys.pop("lm_head.weight")
    return model.eval()


def stock(name, size=40, *, seed=0):
    """Return it as a backbone without a tokenizer."""
    return Backbone(model_of(name, size, seed=seed), None, family_of(MODELS[name][0]))


def tokenizer_of(name):
    """Return a tokenizer of the kind that a model's family has."""
    if name in ENCODERS:
        return train_wordpiece(LINES, 120)
    if name == "byt5":
        return ByT5Tokenizer()
    return train_byte_pairs(LINES, 300) if name == "bart" else train_unigram(LINES, 120)


def write_stock(name, folder, *, shard="5GB"):
    """Write a model and its tokenizer as the library saves them, and the configuration as it is released."""
    tokenizer = tokenizer_of(name)
    model_of(name, max(tokenizer.get_vocab().values()) + 1).save_pretrained(folder, max_shard_size=shard)
    tokenizer.save_pretrained(folder)
    if MODELS[name][2:] == (True,):
        path = folder / "config.json"
        saved = json.loads(path.read_text())
        saved.pop("scale_decoder_outputs", None)  # no released one has it
        path.write_text(json.dumps(saved | {"tie_word_embeddings": False}))
    return folder


def discriminator(folder):
    """Write an ELECTRA's discriminator, which has no head for masked language modelling."""
    torch.manual_seed(0)
    config = AutoConfig.for_model("electra", vocab_size=len(tokenizer_of("electra")), **ENCODERS["electra"][1])
    ElectraForPreTraining(config).save_pretrained(folder)
    tokenizer_of("electra").save_pretrained(folder)
    return folder
