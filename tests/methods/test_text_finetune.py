"""Full fine-tuning of a T5."""

import torch
from small_t5 import at_base_shape, batch_of, made

from hxbench.spec.recipe import resolve


def test_everything_counts_once():
    spec = resolve("ft", setting="single", task="rte", profile="paper", backbone_name="t5-base")
    embedding, layer = 32_128 * 768, 4 * 768 * 768 + 768
    feed_forward, positions = 2 * 768 * 3072 + 768, 2 * 32 * 12
    stacks = 12 * (layer + feed_forward) + 12 * (2 * layer + feed_forward) + 2 * 768
    assert at_base_shape(spec).counted() == embedding + stacks + positions == 222_903_552


def test_all_of_the_model_is_trained_word_embeddings_once():
    method = made("text-finetune")
    assert all(p.requires_grad for p in method.model.parameters())
    names = list(method.trained())
    assert "model.shared.weight" in names
    assert not [n for n in names if "embed_tokens" in n or "lm_head" in n], "these are the shared ones"


def test_there_are_no_sites():
    method, batch = made("text-finetune"), batch_of([0, 1])
    assert method.sites.keys == []
    with torch.no_grad():
        stock = method.model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.targets)
        torch.testing.assert_close(method(batch), stock.loss)
