"""Adapters of every method that has some, as fixed weights with every way to answer; others are refused."""

import pytest
import torch
from test_matrix import FAMILY, TASKS, TEXTS, WORKING, batch_of, built
from tiny_families import tiny

from hxbench.errors import InputError
from hxbench.methods.exported import (
    Exported,
    ExportedOptions,
    fill_head,
    fixed_weights,
    head_tensors,
    site_entries,
)
from hxbench.methods.method import Setup

ADAPTERS = ("adapter", "pet-adapter", "hyperx", "hyperformer", "madx", "pha")
WITHOUT = ("prompt", "pet-bitfit", "finetune", "pet-lora")


STACKS = {"class": "encoder", "encoder-decoder": "encoder-decoder", "causal": "decoder"}


def shaken(kind, name, stacks=None):
    torch.manual_seed(3)
    method = built(kind, name, tiny(FAMILY[stacks or STACKS[name]]))
    with torch.no_grad():
        for key, parameter in method.named_parameters():
            if not key.startswith("model."):
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return method.eval(), TASKS.get(name, TEXTS)[0]


@pytest.mark.parametrize(("kind", "name", "stacks"), [cell for cell in WORKING if cell[0] in ADAPTERS])
def test_fixed_weights_give_the_logits_of_their_method(kind, name, stacks):
    (method, task), batch = shaken(kind, name, stacks), batch_of(name)
    entries, tensors = site_entries(method.backbone, fixed_weights(method, task, "en"), "")
    with torch.no_grad():
        wanted = method.logits(batch)
        method.remove()
        options = ExportedOptions(sites=entries, answering=getattr(method.options, "answering", None))
        found = Exported(Setup(tiny(FAMILY[stacks]), (task,), ("en",)), options).eval()
        fill_head(found, task, head_tensors(method, task), "a file")
        found.bring({key: torch.zeros_like(tensor) for key, tensor in tensors.items()}, "a file")
        assert not torch.allclose(found.logits(batch), wanted, atol=1e-3), "the adapters do something"
        found.bring(tensors, "a file")
        assert torch.allclose(found.logits(batch), wanted, atol=1e-5)
    assert [entry.adapters for entry in entries] == [2 if kind == "madx" else 1] * len(entries)


@pytest.mark.parametrize("name", ["class", "encoder-decoder", "causal"])
def test_weights_that_depend_on_the_text_are_refused(name):
    method, task = shaken("hyperdecoder", name)
    with pytest.raises(InputError, match="depend on the text"):
        fixed_weights(method, task, "en")
    method, task = shaken("pha", name)
    method.prototypes = None
    with pytest.raises(InputError, match="depend on the text"):
        fixed_weights(method, task, "en")


@pytest.mark.parametrize("kind", WITHOUT)
def test_a_method_without_adapters_has_none(kind):
    method, task = shaken(kind, "encoder-decoder")
    assert fixed_weights(method, task, "en") == {}
