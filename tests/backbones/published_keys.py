"""What the released checkpoints of the shipped recipes list, as data: names of tensors with their shapes.

Written down from the published files. `L` in a name stands for every layer. Sizes are letters: H hidden, F the
feed-forward block, V vocabulary, P positions, T segments, A all heads together, Q queries, keys and
values, B buckets, N heads.
"""


def _linear(name, out, into):
    return {f"{name}.weight": f"{out}{into}", f"{name}.bias": out}


def _norm(name, weight="weight", bias="bias"):
    return {f"{name}.{weight}": "H", f"{name}.{bias}": "H"}


def _bert(weight, bias):
    """BERT as Google's checkpoints were converted; the oldest call a LayerNorm's weights gamma and beta."""
    layer = "bert.encoder.layer.L"
    return {
        "bert.embeddings.word_embeddings.weight": "VH",
        "bert.embeddings.position_embeddings.weight": "PH",
        "bert.embeddings.token_type_embeddings.weight": "TH",
        **_norm("bert.embeddings.LayerNorm", weight, bias),
        **_linear(f"{layer}.attention.self.query", "H", "H"),
        **_linear(f"{layer}.attention.self.key", "H", "H"),
        **_linear(f"{layer}.attention.self.value", "H", "H"),
        **_linear(f"{layer}.attention.output.dense", "H", "H"),
        **_norm(f"{layer}.attention.output.LayerNorm", weight, bias),
        **_linear(f"{layer}.intermediate.dense", "F", "H"),
        **_linear(f"{layer}.output.dense", "H", "F"),
        **_norm(f"{layer}.output.LayerNorm", weight, bias),
        **_linear("bert.pooler.dense", "H", "H"),
        "cls.predictions.bias": "V",
        **_linear("cls.predictions.transform.dense", "H", "H"),
        **_norm("cls.predictions.transform.LayerNorm", weight, bias),
        "cls.seq_relationship.weight": "TH",
        "cls.seq_relationship.bias": "T",
    }


def _t5(gated):
    found = {"shared.weight": "VH"}
    for stack, cross in (("encoder", False), ("decoder", True)):
        block = f"{stack}.block.L.layer"
        last = 2 if cross else 1
        for number, attention in ((0, "SelfAttention"), (1, "EncDecAttention"))[: 2 if cross else 1]:
            for side in "qkv":
                found[f"{block}.{number}.{attention}.{side}.weight"] = "AH"
            found[f"{block}.{number}.{attention}.o.weight"] = "HA"
            found[f"{block}.{number}.layer_norm.weight"] = "H"
        for side in ("wi_0", "wi_1") if gated else ("wi",):
            found[f"{block}.{last}.DenseReluDense.{side}.weight"] = "FH"
        found[f"{block}.{last}.DenseReluDense.wo.weight"] = "HF"
        found[f"{block}.{last}.layer_norm.weight"] = "H"
        found[f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = "BN"
        found[f"{stack}.final_layer_norm.weight"] = "H"
    return found


def _bloom(prefix):
    return {
        f"{prefix}word_embeddings.weight": "VH",
        **_norm(f"{prefix}word_embeddings_layernorm"),
        **_norm(f"{prefix}h.L.input_layernorm"),
        **_linear(f"{prefix}h.L.self_attention.query_key_value", "Q", "H"),
        **_linear(f"{prefix}h.L.self_attention.dense", "H", "H"),
        **_norm(f"{prefix}h.L.post_attention_layernorm"),
        **_linear(f"{prefix}h.L.mlp.dense_h_to_4h", "F", "H"),
        **_linear(f"{prefix}h.L.mlp.dense_4h_to_h", "H", "F"),
        **_norm(f"{prefix}ln_f"),
    }


_TABLE = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"  # of v1.0 alone
_TIED = {"encoder.embed_tokens.weight": "VH", "decoder.embed_tokens.weight": "VH"}
_DECODER = {"cls.predictions.decoder.weight": "VH"}  # tied; pickled releases list it
PUBLISHED = {
    "BERT, 2018": _bert("gamma", "beta"),
    "BERT, with the tied matrix": {**_bert("gamma", "beta"), **_DECODER},
    "BERT, saved anew": {
        **_bert("weight", "bias"), **_DECODER, "cls.predictions.decoder.bias": "V",
        "bert.embeddings.position_ids": "1P",
    },
    "T5 1.0": {**_t5(False), _TABLE: "BN"},
    "T5 1.0, with all tied": {**_t5(False), _TABLE: "BN", **_TIED, "lm_head.weight": "VH"},
    "T5 1.1": {**_t5(True), "lm_head.weight": "VH"},
    "T5 1.1, with all tied": {**_t5(True), "lm_head.weight": "VH", **_TIED},
    "BLOOM": _bloom(""),
    "BLOOM, saved anew": {**_bloom("transformer."), "lm_head.weight": "VH"},
}  # fmt: skip
_KINDS = {"bert": "BERT", "t5": "T5 1.0", "t5-1.1": "T5 1.1", "bloom": "BLOOM"}


def forms_of(shape):
    """Return the names in `PUBLISHED` of what is released, or was, of a recipe's shape."""
    kind = shape["model_type"]
    kind += "-1.1" if shape.get("feed_forward_proj") == "gated-gelu" else ""
    return [name for name in PUBLISHED if name.startswith(_KINDS[kind])]


def listed(form, sizes, layers):
    """Return name → shape of a form at `sizes`, letter → number; `layers` by the stack's name, or one number."""

    def numbered(name):
        depth = layers if isinstance(layers, int) else layers[name.split(".")[0]]
        return [name.replace(".L.", f".{n}.") for n in range(depth)] if ".L." in name else [name]

    return {
        one: tuple(1 if letter == "1" else sizes[letter] for letter in shape)
        for name, shape in PUBLISHED[form].items()
        for one in numbered(name)
    }
