import fcntl
import os

import pytest

from hxbench.sandbox import write_sandbox


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Return the folder with a sandbox of seed 0, which the processes of a session write once for all."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root

    def folder(which):
        made = root / f"sandbox-{which}"
        with made.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.is_dir():
                part = tmp_path_factory.mktemp("part")
                write_sandbox(which, part)
                part.rename(made)
        return made

    return folder
