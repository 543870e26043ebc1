"""What the environment says about the network: whether it may be used, through what, and which servers to ask."""

import logging
import os
import sys
import warnings
from importlib.util import find_spec

from hxbench.errors import InputError
from hxbench.printing import shortened

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
_TRUE = {"1", "ON", "YES", "TRUE"}  # as huggingface_hub reads them
_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")
# what these write to standard error would stand between our lines
_LOUD = (
    "huggingface_hub", "datasets", "transformers", "urllib3", "httpx", "httpx2", "filelock", "fsspec",
    "matplotlib",
)  # fmt: skip
_VERBOSITY = ("HF_HUB_VERBOSITY", "DATASETS_VERBOSITY", "TRANSFORMERS_VERBOSITY")


def offline(asked: bool = False) -> str:
    """Return what forbids the network, `--offline` or a variable with its value; nothing where it may be used."""
    if asked:
        return "--offline"
    forbidding = [name for name in OFFLINE if os.environ.get(name, "").strip().upper() in _TRUE]
    return f"{forbidding[0]}={os.environ[forbidding[0]].strip()}" if forbidding else ""


def endpoint(variable: str) -> str | None:
    """Return the address of another server that a variable names, None where it is not set or empty.

    Raises `InputError` for what is no address.
    """
    from urllib.parse import urlsplit

    given = os.environ.get(variable, "").strip()
    if not given:
        return None
    try:
        parts = urlsplit(given)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        whole = False
    if not whole or any(character.isspace() for character in given):
        raise InputError(
            f"{variable} is {shortened(repr(given))}: it takes the address of a server that begins with "
            "http:// or https://, such as https://mirror.example."
        )
    return given.rstrip("/")


def require_proxy_support() -> None:
    """Raise `InputError` for a proxy that the hub's client cannot use: it would fail with an error of its own."""
    for name in (*_PROXIES, *map(str.lower, _PROXIES)):
        value = os.environ.get(name, "").strip()
        scheme, colon, _ = value.partition("://")
        if scheme.lower().startswith("socks"):
            if find_spec("socksio") is None:
                raise InputError(
                    f"{name} names a SOCKS proxy, which needs a further package: pip install socksio, "
                    f"unset {name}, or name an HTTP proxy."
                )
        elif colon and scheme.lower() not in ("http", "https"):
            raise InputError(
                f"{name} is {shortened(repr(value))}: expected http://HOST:PORT or https://HOST:PORT."
            )


def silence_clients() -> None:
    """Keep the warnings and retries of libraries off standard error; what went wrong is told in our words."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        os.environ["PYTHONWARNINGS"] = "ignore"  # in the processes that a command starts
    for name in _VERBOSITY:
        os.environ.setdefault(name, "error")
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.ERROR)
