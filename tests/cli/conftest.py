"""Command lines run as users run them, and a scale of the tests' own on the made-up corpora of `miniature`."""

import pytest
from command_line import write_profile


@pytest.fixture(scope="session")
def scale(mirror, tmp_path_factory):
    """A profile file of the tests' own: the made-up mirror and a backbone pre-trained in a second."""
    return write_profile(tmp_path_factory.mktemp("scale"), mirror)
