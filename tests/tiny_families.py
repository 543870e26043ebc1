"""A BERT, a BLOOM and a T5 of a few thousand random weights, batches for them, methods on them, slow answers."""

import numpy as np
import torch
from tiny_t5 import END, tiny_t5
from transformers import AutoConfig

from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import family_of
from hxbench.backbones.shape import new_model
from hxbench.methods import method_class
from hxbench.methods.method import Setup
from hxbench.tasks.encoding.batch import IGNORED, collate

FAMILIES = ("bert", "bloom", "t5")
OPTIONS = {
    "pet-ft": {},
    "pet-prompt": {"tokens": 4},
    "pet-bitfit": {},
    "pet-lora": {"rank": 3, "alpha": 6},
    "pet-adapter": {"bottleneck": 5},
}
SIZE = 40
SHAPES = {
    "bert": {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
        "max_position_embeddings": 160, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    },
    # three heads: ALiBi has a rule of its own for a number that is no power of two
    "bloom": {
        "hidden_size": 18, "n_layer": 2, "n_head": 3, "hidden_dropout": 0.0, "attention_dropout": 0.0,
        "eos_token_id": END, "bos_token_id": END,
    },
}  # fmt: skip


def tiny(family, *, seed=0):
    """Return a backbone of that family with two layers, the same every time and without dropout."""
    if family == "t5":
        return tiny_t5(SIZE, seed=seed)
    config = AutoConfig.for_model(family, vocab_size=SIZE, pad_token_id=0, **SHAPES[family])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = new_model(config)
        with torch.no_grad():  # far from the library's own start, where every text gets nearly the same answer
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.mul_(10)
                else:
                    parameter.add_(torch.randn_like(parameter) * 0.2)
    return Backbone(model.eval(), None, family_of(family))


def family_batch(family, lengths=(5, 9, 3, 12), targets=(2, 4, 1, 3), *, seed=0, task="rte", **options):
    """Return a batch of random pieces: targets are texts with an end mark, of BERT one class id a row."""
    read, write = (np.random.default_rng([seed, side]) for side in range(2))  # more rows begin with the same ones
    sources = [read.integers(3, SIZE, n) for n in lengths]
    answers = [np.append(write.integers(3, SIZE, n - 1), END) for n in targets]
    if family == "bert":
        answers = [write.integers(0, 2, 1) for _ in lengths]
    return collate(sources, answers, padding=0, task=task, **options)


def tuned(kind, backbone, *, shaken=True, tasks=("rte",), seed=0, unified=False, chance=1, **options):
    """Return a method drawn by `chance`; `shaken`: everything trained far from where it begins."""
    found = method_class(kind)
    torch.manual_seed(chance)
    setup = Setup(backbone, tasks, seed=seed, unified=unified)
    method = found(setup, found.Options(**{**OPTIONS.get(kind, {}), **options}))
    method.freeze()
    if shaken:
        with torch.no_grad():
            for parameter in method.trained().values():
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return method.eval()


def head_of(method):
    """Return the head that a method answers with, where it has one."""
    heads = getattr(method.answering, "heads", None)
    return None if heads is None else next(iter(heads.values()))


def rows(batch):
    """Yield source and target of every row without padding, each [1, length]."""
    for ids, mask, target in zip(batch.input_ids, batch.attention_mask, batch.targets, strict=True):
        yield ids[mask == 1][None], target[target != IGNORED][None]


def slow_logits(family, model, batch, *, head=None, prompt=None):
    """Return the logits of every row's target [length, classes]: the stock model, a row at a time, unpadded."""
    words = model.get_input_embeddings()
    found = []
    for source, target in rows(batch):
        texts = [words(source)] if prompt is None else [prompt[None], words(source)]
        if family == "bert":
            states = model.bert(inputs_embeds=torch.cat(texts, 1)).last_hidden_state
            found.append(head(states[:, 0 if prompt is None else len(prompt)]))
        elif family == "bloom":
            logits = model(inputs_embeds=torch.cat([*texts, words(target)], 1), use_cache=False).logits[0]
            found.append(logits[-target.shape[1] - 1 : -1])
        else:
            start = torch.cat([torch.zeros_like(target[:, :1]), target[:, :-1]], 1)
            found.append(model(inputs_embeds=torch.cat(texts, 1), decoder_input_ids=start).logits[0])
    return found
