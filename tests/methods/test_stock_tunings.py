"""Every kind of method on models of the library's own classes, with every way that their families answer.

`make test` has each model and each kind once, `make test-all` the product.
"""

import pytest
import torch
from methods.test_matrix import SMALL, WORKING, check
from stock_models import EMBEDDED, ENCODERS, MODELS, stock, write_stock

from hxbench.backbones.sites import SiteKey
from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.method import Setup
from hxbench.runs.assemble import with_options
from hxbench.spec.recipe import resolve

LEFT = {("pet-bitfit", "modernbert")}  # it has no biases
CELLS = [
    (kind, model, name)
    for model in MODELS
    for kind, name, stacks in WORKING
    if stacks == ("encoder" if model in ENCODERS else "encoder-decoder") and (kind, model) not in LEFT
]


def sample():
    """Return cells with every model and every kind: of each kind that of the model that came up least."""
    found, models = [], dict.fromkeys(MODELS, 0)
    for kind in dict.fromkeys(kind for kind, *_ in CELLS):
        able = [cell for cell in CELLS if cell[0] == kind]
        found.append(min(able, key=lambda cell: models[cell[1]]))
        models[found[-1][1]] += 1
    for number, model in enumerate(name for name, count in models.items() if not count):
        able = [cell for cell in CELLS if cell[1] == model]
        found.append(able[number % len(able)])
    return found


SAMPLE = sample()


@pytest.mark.parametrize(
    ("kind", "model", "name"),
    [pytest.param(*cell, marks=() if cell in SAMPLE else pytest.mark.matrix) for cell in CELLS],
)
def test_it_learns_moves_what_it_declares_and_can_be_restored(kind, model, name):
    check(kind, name, lambda: stock(model), steps=12)


def test_the_sample_covers_models_kinds_and_ways():
    assert {model for _, model, _ in SAMPLE} == {*MODELS}
    assert {kind for kind, *_ in SAMPLE} == {kind for kind, *_ in CELLS}
    assert {name for *_, name in SAMPLE} == {"token", "class", "encoder-decoder"}
    assert {"finetune", "pet-lora", "pet-adapter", "pet-prompt", "apet", "pet-bitfit"} <= {k for k, *_ in SAMPLE}


def test_no_biases_are_one_sentence(tmp_path):
    folder = write_stock("modernbert", tmp_path / "own")
    spec = resolve("pet-bitfit", setting="single", task="rte", backbone_name=str(folder))
    with pytest.raises(InputError, match=r"^pet-bitfit tunes biases, and ModernBERT has none\.$"):
        with_options(spec)


def madx_on(model, **options):
    method = method_class("madx")
    setup = Setup(stock(model), ("pos",), ("en",))
    made = method(setup, method.Options(**SMALL["madx"], **options))
    made._taken = {"en"}
    return made


def test_an_invertible_adapter_needs_an_output_as_wide_as_the_states():
    assert EMBEDDED < 16
    with pytest.raises(InputError, match=r"of this ELECTRA is narrower .* set options\.invertible to false\.$"):
        madx_on("electra", invertible=True)
    for model in ("deberta-v2", "distilbert", "modernbert"):
        assert madx_on(model, invertible=True).counted()


@pytest.mark.parametrize("model", ["modernbert", "distilbert"])
def test_an_adapter_of_madx_is_fed_the_sum_where_no_block_adds_the_residual(model):
    method, ids, seen, fed = madx_on(model).eval(), torch.tensor([[4, 5, 6, 7]]), [], []
    layer = method.backbone.stacks[0].layers[1]

    class Watch:
        def apply(self, hidden, add_and_norm):
            fed.append(add_and_norm(hidden))
            return -hidden  # a constant would be lost in LayerNorm

    layer.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.no_grad():
        method.body(input_ids=ids)
        with method.sites.using({SiteKey(1, "ffn_output_normed"): Watch()}):
            method.body(input_ids=ids)
    torch.testing.assert_close(fed[0], seen[0], msg="what the stock layer makes of the value as it is")
    assert not torch.allclose(seen[1], seen[0])
