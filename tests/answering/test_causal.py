"""A decoder alone writes answers behind texts: as reading everything again does, and with the library's loss."""

import pytest
import torch
from tiny_families import family_batch, rows, tiny, tuned

from hxbench.errors import InputError

KINDS = ("pet-ft", "pet-prompt", "pet-bitfit", "pet-lora", "pet-adapter")


def last_states(method, batch):
    """Return what the last layer makes of source and target of every row, [batch, length, hidden]."""
    sequence = method.answering.sequence(batch)
    return method.body(input_ids=sequence.ids, attention_mask=sequence.mask, use_cache=False).last_hidden_state


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_bloom_writes_what_reading_everything_again_gives(kind):
    method, batch = tuned(kind, tiny("bloom")), family_batch("bloom")
    found = method.generate(batch, 6)
    assert found.shape[1] <= 6
    assert len(found.unique()) > 1
    for row, (source, _) in enumerate(rows(batch)):
        # the method itself on the one row, its own words as part of the source
        written = []
        while len(written) < 6 and written[-1:] != [1]:
            ids = [*source[0].tolist(), *written]
            one = family_batch("bloom", lengths=(len(ids),), targets=(1,))
            one.input_ids[0, : len(ids)] = torch.tensor(ids)
            written.append(int(method.logits(one)[0, 0].argmax()))
        assert found[row, : len(written)].tolist() == written
        assert not found[row, len(written) :].any()


@torch.no_grad()
def test_bloom_writes_no_end_before_it_may():
    backbone, batch = tiny("bloom"), family_batch("bloom")
    method = tuned("pet-ft", backbone, shaken=False)
    backbone.mlm_head.weight.data[1] += 10 * last_states(method, batch)[0, -1]
    assert (method.generate(batch, 5)[0] == 1).any()
    held = method.generate(batch, 5, shortest=4)
    assert not (held[:, :3] == 1).any()
    with pytest.raises(InputError, match="answers greedily"):
        method.generate(batch, 5, beams=2)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["pet-ft", "pet-prompt"])
def test_the_loss_over_the_whole_sequence_is_the_librarys(kind):
    method, batch = tuned(kind, tiny("bloom"), loss="whole"), family_batch("bloom")
    total, count = 0.0, 0
    for source, target in rows(batch):
        ids = torch.cat([source, target], 1)
        embedded, labels = method.model.get_input_embeddings()(ids), ids
        if kind == "pet-prompt":
            embedded = torch.cat([method.own()[None], embedded], 1)
            labels = torch.cat([torch.full((1, 4), -100), ids], 1)
            labels[0, 4] = -100  # the first piece is not learned from the prompt alone
        size = ids.shape[1] - 1
        total += size * method.model(inputs_embeds=embedded, labels=labels, use_cache=False).loss
        count += size
    torch.testing.assert_close(method(batch), total / count, rtol=1e-4, atol=1e-4)
    assert not torch.isclose(method(batch), tuned(kind, tiny("bloom"))(batch))
