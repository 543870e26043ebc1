import pytest

from hxbench.sandbox import write_sandbox


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    root = tmp_path_factory.mktemp("sandbox")
    write_sandbox("multilingual", root)
    return root
