"""Gradients of some entries of a weight: those of the whole weight at their places, however they are formed."""

import pytest
import torch

from hxbench.modules.sparse_gradients import Pattern

HEIGHT, WIDTH, TOKENS = 60, 44, 30


def draw(count, *, rows=HEIGHT, columns=WIDTH):
    """Return sorted places in the first rows and columns of the weight."""
    generator = torch.Generator().manual_seed(count)
    chosen = torch.randperm(rows * columns, generator=generator)[:count]
    return (chosen // columns * WIDTH + chosen % columns).sort().values


CASES = {  # places, whether rows and columns are picked
    "sparse": (draw(150), (False, False)),
    "few": (draw(3), (True, True)),
    "a block": (draw(60, rows=12, columns=9), (True, True)),
    "some rows": (draw(200, rows=20), (True, False)),
    "all": (torch.arange(HEIGHT * WIDTH), (False, False)),
    "a run": (torch.arange(100, 400), (True, False)),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_they_are_those_of_the_whole_weight(case, sampled, dtype, monkeypatch):
    if sampled:
        for price in ("_ENTRY", "_LINE"):
            monkeypatch.setattr(f"hxbench.modules.sparse_gradients.{price}", {"cpu": 0})
    places, picked = CASES[case]
    pattern = Pattern.of(places, HEIGHT, WIDTH)
    assert (pattern.starts is not None) == sampled
    assert (pattern.rows is not None, pattern.columns is not None) == picked
    torch.manual_seed(0)
    incoming, inputs = torch.randn(2, 15, HEIGHT, dtype=dtype), torch.randn(2, 15, WIDTH, dtype=dtype)
    seen = pattern.seen(inputs)
    assert seen.shape[-1] == pattern.shape[1]
    found = pattern.gradient(incoming, seen)
    slow = [
        (incoming.double()[..., place // WIDTH] * inputs.double()[..., place % WIDTH]).sum() for place in places
    ]
    tolerance = {torch.float32: 1e-4, torch.float64: 1e-12, torch.bfloat16: 0.2}[dtype]
    torch.testing.assert_close(found.double(), torch.stack(slow), rtol=1e-2, atol=tolerance)


def test_scattered_entries_of_a_large_weight_are_sampled_and_dense_ones_are_not():
    side = 512
    few, many = (torch.arange(0, side * side, step) for step in (501, 3))
    assert Pattern.of(few, side, side).starts is not None
    assert Pattern.of(many, side, side).is_whole
    assert not Pattern.of(few, side, side).is_whole
