import pytest


@pytest.fixture(autouse=True)
def nothing_declared(monkeypatch):
    """No task and no language that another test has described."""
    monkeypatch.setattr("hxbench.tasks.declared_tasks.known", {})
    monkeypatch.setattr("hxbench.spec.languages.declared_languages.known", {})


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, and no setting of the caller's."""
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    for name in ("HF_ENDPOINT", "HF_HUB_OFFLINE", "HXBENCH_UD_ENDPOINT", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    # the client took its own note of it if an earlier test imported it
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return tmp_path / "cache"
