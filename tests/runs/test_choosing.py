"""The most likely label of a text against every label read behind it, a row at a time."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_families import END, family_batch, slow_logits, tiny

from hxbench.methods import method_class
from hxbench.methods.method import Setup
from hxbench.runs.scoring import choose, spelled
from hxbench.tasks.encoding.batch import collate

LABELS = {"one": [5, END], "two": [6, 7, END], "three": [9, END], "one again": [5, END]}


def made(backbone):
    kind = method_class("pet-bitfit")
    return kind(Setup(backbone, ("rte",)), kind.Options()).eval()


@pytest.mark.parametrize("family", ["t5", "bloom"])
def test_the_most_likely_label_is_chosen_by_the_sum_over_its_pieces(family):
    batch = family_batch(family, lengths=(5, 9, 3, 12, 7, 4), targets=(2, 4, 1, 3, 2, 2))
    sources = [ids[mask == 1].numpy() for ids, mask in zip(batch.input_ids, batch.attention_mask, strict=True)]
    expected = [[] for _ in sources]
    for ids in LABELS.values():
        told = collate(sources, [np.array(ids)] * len(sources), padding=0, task="rte")
        with torch.no_grad():
            for row, logits in enumerate(slow_logits(family, tiny(family).model, told)):
                steps = logits.reshape(len(ids), -1).log_softmax(-1)
                expected[row].append(sum(step[piece].item() for step, piece in zip(steps, ids, strict=True)))
    names = list(LABELS)
    found = choose(made(tiny(family)), batch, LABELS)
    assert found == [names[int(np.argmax(np.round(row, 3)))] for row in expected]
    assert len(set(found)) > 1
    assert "one again" not in found, "of equally likely labels the first"


def test_labels_are_spelled_with_their_end_mark(monkeypatch):
    monkeypatch.setattr("hxbench.runs.scoring.tokens_of", lambda _, texts: [[len(text)] for text in texts])
    found = spelled(SimpleNamespace(eos_token_id=END), ["no", "yes"])
    assert found == {"no": [2, END], "yes": [3, END]}
