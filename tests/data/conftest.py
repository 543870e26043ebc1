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


@pytest.fixture
def small_sandboxes(monkeypatch):
    """Sandboxes of a few examples a split, in all their formats."""
    from hxbench.sandbox.english import writer as english
    from hxbench.sandbox.multilingual import writer as multilingual

    few = {name: one._replace(sizes=(20,) * len(one.sizes)) for name, one in english.TASKS.items()}
    monkeypatch.setattr(english, "TASKS", few)
    monkeypatch.setattr(english, "SIZES", {name: (20,) * len(sizes) for name, sizes in english.SIZES.items()})
    monkeypatch.setattr(english, "QUESTIONS", (20, 20))
    monkeypatch.setattr(english, "TEXT_LINES", 20)
    monkeypatch.setattr(multilingual, "TEXT_SIZE", 20)
    for table in ("POS_SIZES", "NER_SIZES"):
        sizes = {
            code: tuple(min(size, 20) for size in some) for code, some in getattr(multilingual, table).items()
        }
        monkeypatch.setattr(multilingual, table, sizes)
