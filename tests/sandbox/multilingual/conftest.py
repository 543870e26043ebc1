import pytest


@pytest.fixture(scope="session")
def sandbox(written):
    return written("multilingual")
