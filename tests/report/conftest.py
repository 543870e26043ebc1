"""Stores to report from."""

import os

import pytest
from filled_store import fill_with_published

from hxbench.store import Store


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    """Stores of a thousand made-up runs need not outlive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("HXBENCH_STORE", str(tmp_path / "store"))
    return Store(tmp_path / "store")


@pytest.fixture(scope="session")
def published_store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("published"))
    fill_with_published(store)
    return store
