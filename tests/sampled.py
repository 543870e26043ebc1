"""Which members of a kind the short suite has, where one stands for others: `make test-all` has them all."""

import pytest


def one_in(count, cells):
    """Return cells for `parametrize`, all but every so manieth marked as of the whole matrix alone."""
    return [
        pytest.param(*(cell if isinstance(cell, tuple) else (cell,)), marks=[pytest.mark.matrix] * (n % count > 0))
        for n, cell in enumerate(cells)
    ]
