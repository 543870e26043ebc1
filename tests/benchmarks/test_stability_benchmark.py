"""The benchmark of stability: what it says of an adapter is what the adapter does."""

import pytest
import torch
import typer

from hxbench.modules.bottleneck import BottleneckWeights


def test_an_adapter_is_watched_and_left_as_it_was(stability):
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(2, 3, 8, generator=generator)
    apply = BottleneckWeights.apply
    zeros = {"down": torch.zeros(4, 8), "down_bias": torch.zeros(4), "up": torch.zeros(8, 4)}
    with stability.adapters_watched() as added:
        for bias in (torch.zeros(8), torch.full((8,), 3.0)):
            out = BottleneckWeights(**zeros, up_bias=bias).apply(hidden)
            assert torch.equal(out, hidden + bias)
    size = float(hidden.square().mean().sqrt())
    assert added == pytest.approx([0.0, 3.0 / size], rel=1e-5)
    assert BottleneckWeights.apply is apply


def test_a_part_that_there_is_not_is_refused_before_anything_is_read(stability, tmp_path):
    with pytest.raises(typer.BadParameter, match="--slow names one of embeddings"):
        stability.main(data_source=tmp_path, lr=[1e-3], slow=["genrator=0.1"])
