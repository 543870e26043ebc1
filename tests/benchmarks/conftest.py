"""The scripts of benchmarks/ as fixtures of their names."""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(FOLDER))  # as scripts they find their neighbours


def imported(name):
    """Return the fixture of a script."""
    return pytest.fixture(scope="session", name=name)(lambda: importlib.import_module(name))


carried, kill_workers, peers, peer_run = map(imported, ("carried", "kill_workers", "peers", "peer_run"))
stability, step, text_step, tuning_step = map(imported, ("stability", "step", "text_step", "tuning_step"))
