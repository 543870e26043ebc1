"""Freed memory stays in the process; products in bf16 go through fp32 where a CPU has no kernels for them."""

import platform
import resource

import pytest
import torch
from torch.nn import functional

from hxbench.training import device
from hxbench.training.device import keep_freed_memory, rounded_products

CPU = torch.device("cpu")

MEGABYTES = 64


def page_faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep freed memory")
def test_a_freed_block_is_used_again_without_new_pages():
    assert keep_freed_memory()
    faults = []
    for _ in range(3):  # what earlier tests left free may be a better fit once, and its pages new
        torch.ones(MEGABYTES * 2**18)
        before = page_faults()
        torch.ones(MEGABYTES * 2**17)  # half of it: aligned blocks do not fit exactly where one of their size was
        faults.append(page_faults() - before)
    assert min(faults) < MEGABYTES * 128 / 10  # a tenth of the block's pages of 4 KiB


@pytest.fixture
def without_kernels(monkeypatch):
    monkeypatch.setattr(device, "cpu_computes_bf16", lambda: False)


def rounded(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).bfloat16()


PRODUCTS = {
    "mm": lambda x: x @ rounded(24, 8),
    "linear": lambda x: functional.linear(x, rounded(8, 24), rounded(8)),
    "bmm": lambda x: x.view(4, 3, 24) @ rounded(4, 24, 5),
    "baddbmm": lambda x: torch.baddbmm(rounded(4, 3, 5), x.view(4, 3, 24), rounded(4, 24, 5)),
    "attention": lambda x: functional.scaled_dot_product_attention(*(x.view(1, 2, 6, 24) for _ in range(3))),
}


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_in_bf16_is_the_exact_one_rounded_once_with_its_gradient(product, without_kernels):
    values, exact = rounded(12, 24, seed=1).requires_grad_(), rounded(12, 24, seed=1).double().requires_grad_()
    with rounded_products(CPU, "bf16"):
        made = PRODUCTS[product](values)
        made.sum().backward()
    with InDouble():
        expected = PRODUCTS[product](exact)
        expected.sum().backward()
    assert made.dtype == values.grad.dtype == torch.bfloat16
    half_a_step = 2.0**-8  # of a bf16: eight bits behind the first
    torch.testing.assert_close(made.double(), expected, rtol=half_a_step * 1.01, atol=1e-6)
    # several products are added up in bf16 behind attention
    torch.testing.assert_close(values.grad.double(), exact.grad, rtol=half_a_step * 3, atol=0.02)


class InDouble(torch.overrides.TorchFunctionMode):
    """The same expressions in fp64: the slow, obvious reference."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.bfloat16:
            return args[0].bfloat16().double()
        return func(*args, **(kwargs or {}))


def test_nothing_is_rounded_in_fp32_or_where_the_cpu_has_kernels(monkeypatch, without_kernels):
    with rounded_products(CPU, "fp32") as nothing:
        assert nothing is None
    monkeypatch.setattr(device, "cpu_computes_bf16", lambda: True)
    with rounded_products(CPU, "bf16") as nothing:
        assert nothing is None
