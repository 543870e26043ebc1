import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, and no setting of the caller's."""
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    for name in ("HF_ENDPOINT", "HF_HUB_OFFLINE", "HXBENCH_UD_ENDPOINT", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"
