"""What the environment says about the network is decided in one place, and before anybody is asked."""

import pytest

from hxbench import network
from hxbench.errors import InputError

NAMES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in (*NAMES, *PROXIES, *map(str.lower, PROXIES), "HF_ENDPOINT", "HXBENCH_UD_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("value", "off"), [("1", True), ("true", True), ("Yes", True), ("0", False), ("", False)])
def test_offline(monkeypatch, name, value, off):
    monkeypatch.setenv(name, value)
    assert network.offline() == (f"{name}={value}" if off else "")
    assert network.offline(True) == "--offline"


@pytest.mark.parametrize("name", ["HF_ENDPOINT", "HXBENCH_UD_ENDPOINT"])
def test_endpoints(monkeypatch, name):
    assert network.endpoint(name) is None
    monkeypatch.setenv(name, "http://127.0.0.1:8000/ud/")
    assert network.endpoint(name) == "http://127.0.0.1:8000/ud"
    for wrong in (
        "mirror.example",
        "ftp://mirror.example",
        "https://",
        "http://a b",
        "http://a:b",
        "/etc",
        "a" * 5000,
    ):
        monkeypatch.setenv(name, wrong)
        with pytest.raises(InputError, match=rf"{name} is '.*begins with http:// or https://") as caught:
            network.endpoint(name)
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
def test_a_socks_proxy_without_its_package(monkeypatch, name):
    network.require_proxy_support()
    monkeypatch.setenv(name, "socks5h://127.0.0.1:1080")
    monkeypatch.setattr(network, "find_spec", lambda _: None)
    with pytest.raises(
        InputError, match=f"{name} names a SOCKS proxy, which needs a further package: pip install"
    ):
        network.require_proxy_support()
    monkeypatch.setattr(network, "find_spec", lambda _: object())
    network.require_proxy_support()
    monkeypatch.setenv(name, "gopher://127.0.0.1")
    with pytest.raises(InputError, match="expected http://HOST:PORT"):
        network.require_proxy_support()
