"""One store of made-up runs that the tests of PET's artifacts share: BERT whole, T5 for APET alone, no BLOOM."""

import os
from types import SimpleNamespace

import pytest
from pet_store import METHODS, curve_of, fill, made_profile, plausible, read, size_of

from hxbench.store import Store


def _kept(spec):
    family = size_of(spec).partition("-")[0]
    return family == "bert" or (family == "t5" and spec.method == "apet")


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A store with its profile, the specs in it, and the results read from it once."""
    folder = tmp_path_factory.mktemp("pet")
    profile = made_profile(folder, seeds="[1, 2]")
    store = Store(folder / "store")
    fsync, os.fsync = os.fsync, lambda handle: None  # nobody waits for a disk here
    try:
        specs = fill(store, profile, "figure2", plausible, curve_of, keep=_kept)
        specs += fill(store, profile, "figure5", plausible, curve_of, keep=_kept)
    finally:
        os.fsync = fsync
    assert {spec.method for spec in specs} == {*METHODS, "apet"}
    return SimpleNamespace(store=store, profile=profile, specs=specs, results=read(store, profile))
