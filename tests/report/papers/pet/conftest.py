"""One store of made-up runs that the tests of PET's artifacts share: BERT whole, T5 for APET alone, no BLOOM."""

import os
from types import SimpleNamespace

import pytest
from pet_store import METHODS, curve_of, fill, made_profile, plausible, read, size_of

from hxbench.store import Store


def _kept(spec):
    family = size_of(spec).partition("-")[0]
    return family == "bert" or (family == "t5" and spec.method == "apet")


def _made(folder, profile, experiments, keep):
    store = Store(folder / "store")
    fsync, os.fsync = os.fsync, lambda handle: None  # nobody waits for a disk here
    try:
        specs = [s for name in experiments for s in fill(store, profile, name, plausible, curve_of, keep=keep)]
    finally:
        os.fsync = fsync
    return SimpleNamespace(store=store, profile=profile, specs=specs, results=read(store, profile))


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A store with its profile, the specs in it, and the results read from it once."""
    folder = tmp_path_factory.mktemp("pet")
    found = _made(folder, made_profile(folder, seeds="[1, 2]"), ["figure2", "figure5"], _kept)
    assert {spec.method for spec in found.specs} == {*METHODS, "apet"}
    return found
