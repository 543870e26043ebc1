"""A T5 of a few thousand random weights with a vocabulary of its own, and batches for it."""

import numpy as np
import torch
from transformers import AutoConfig

from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import family_of
from hxbench.backbones.shape import new_model
from hxbench.tasks.encoding.batch import collate

END = 1


def tiny_t5(size=20, *, tokenizer=None, dropout=0.0, seed=0, **shape):
    """Return a backbone of width 16 with 2+2 layers, the same every time."""
    config = AutoConfig.for_model(
        "t5", vocab_size=len(tokenizer) if tokenizer else size, d_model=16, d_ff=24, d_kv=8, num_layers=2,
        num_heads=2, dropout_rate=dropout, feed_forward_proj="relu", tie_word_embeddings=False, pad_token_id=0,
        eos_token_id=END, decoder_start_token_id=0, **shape,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = new_model(config)
        with torch.no_grad():  # the library's own start is so small that every text gets the same answer
            for parameter in model.parameters():
                parameter.mul_(4 if parameter.ndim > 1 else 1)
            model.lm_head.weight[END] *= 2  # so that some answers end
    return Backbone(model.eval(), tokenizer, family_of("t5"))


def tiny_batch(lengths=(5, 9, 3, 12), targets=(2, 4, 1, 3), *, tasks=None, size=20, seed=0, **options):
    """Return a batch of random pieces; every target ends with the end mark."""
    rng = np.random.default_rng(seed)
    sources = [np.append(rng.integers(3, size, n - 1), END) for n in lengths]
    answers = [np.append(rng.integers(3, size, n - 1), END) for n in targets]
    return collate(sources, answers, tasks=tasks, padding=0, **options)
