"""Finished runs of the miniature, trained when a module first asks for them."""

import pytest
from miniature import resolved, spec_for

from hxbench.runs.train import run
from hxbench.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store of the module's own."""
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def trained(corpora, tiny, store):
    """Return a function that trains a run, once, and gives its record."""

    def record(method="hyperx-base", **changes):
        spec, plan = resolved(spec_for(method, **changes), corpora)
        run(spec, plan, corpora, store)
        return store.get(spec.run_id)

    return record
