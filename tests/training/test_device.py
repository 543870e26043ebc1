"""Freed memory stays in the process."""

import platform
import resource

import pytest
import torch

from hxbench.training.device import keep_freed_memory

MEGABYTES = 64


def page_faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep freed memory")
def test_a_freed_block_is_used_again_without_new_pages():
    assert keep_freed_memory()
    torch.ones(MEGABYTES * 2**18)
    before = page_faults()
    torch.ones(MEGABYTES * 2**17)  # half of it: aligned blocks do not fit exactly where one of their size was
    assert page_faults() - before < MEGABYTES * 128 / 10  # a tenth of the block's pages of 4 KiB
