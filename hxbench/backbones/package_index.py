"""One pinned wheel from the user's own package index, as a file: nothing of it is installed or imported.

pip does it, in a process of its own, so that whatever the user has set for pip counts: index, mirrors, proxies,
certificates, passwords, folders of wheels. A Python without pip, as uv makes them, has pip as a wheel inside of
`ensurepip`, which runs from there; uv's own settings of an index are handed on to it.
"""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hxbench import manifest
from hxbench.errors import InputError
from hxbench.spec.backbone import WheelPackage

Progress = Callable[[int, int], None]
"""Called with the bytes that have come and the bytes of the whole wheel."""

_LOOK_EVERY = 0.2  # seconds
_UV_TO_PIP = {
    "PIP_INDEX_URL": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "PIP_EXTRA_INDEX_URL": ("UV_EXTRA_INDEX_URL",),
    "PIP_FIND_LINKS": ("UV_FIND_LINKS",),
    "PIP_NO_INDEX": ("UV_NO_INDEX",),
}
_UNREACHED = re.compile(
    r"connection error|connection broken|timed out|n't respond within|ConnectionError|ProxyError|SSLError"
)
_REFUSED = re.compile(r"\b(?!404)([45]\d\d) (?:Client|Server) Error")
_HASHES = "DO NOT MATCH THE HASHES"
_FULL = "No space left on device"


def download_wheel(wheel: WheelPackage, folder: Path, progress: Progress = lambda done, size: None) -> Path:
    """Return the wheel, a file in `folder`, which pip may use and which held nothing before.

    The index is asked for a file of exactly this hash, and what came is hashed again here. Raises `InputError`
    when the index cannot be reached or has no such wheel, for other contents, and when the disk is full.
    """
    arrived, work = folder / "wheel", folder / "pip"
    work.mkdir()
    pin = folder / "requirements.txt"
    pin.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
    platform = [] if wheel.platform == "any" else ["--platform", wheel.platform]
    command = [  # -vv: only then it says why it could not get at an index
        *_pip(), "download", "-vv", "--progress-bar=off", "--no-deps", "--only-binary=:all:", "--require-hashes",
        "--ignore-requires-python", *platform, "--dest", str(arrived), "--requirement", str(pin),
    ]  # fmt: skip
    said = folder / "pip.txt"
    with said.open("wb") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, env=_environment(work)
        )
        try:
            while process.poll() is None:
                _watch(wheel, (work, arrived), progress)
                try:
                    process.wait(_LOOK_EVERY)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode:
        raise InputError(f"{_called(wheel)} cannot be fetched: {_why(wheel, said.read_text(errors='replace'))}")
    files = [path for path in arrived.glob("*.whl") if path.is_file()]
    if len(files) != 1 or files[0].stat().st_size != wheel.size or manifest.file_digest(files[0]) != wheel.sha256:
        raise InputError(f"{_called(wheel)} is not the file of the recipe: its SHA-256 differs.")
    progress(wheel.size, wheel.size)
    return files[0]


def _called(wheel: WheelPackage) -> str:
    return f"the wheel {wheel.package} {wheel.version}"


def _pip() -> list[str]:
    """Return the words that start pip."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-P", "-m", "pip"]  # -P: a file pip.py in the current folder is none of it
    if found := importlib.util.find_spec("ensurepip"):
        for bundled in sorted(Path(found.origin or "").parent.glob("_bundled/pip-*.whl")):
            return [sys.executable, "-P", str(bundled / "pip")]
    raise InputError(
        "this Python has no pip, which gets wheels from a package index: install it (python -m ensurepip, or "
        "uv pip install pip) and repeat the command."
    )


def _environment(work: Path) -> dict[str, str]:
    """Return the environment of pip: the user's, but it asks nothing and keeps its own files in `work`."""
    environment = {
        **os.environ, "TMPDIR": str(work), "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_REQUIRE_VIRTUALENV": "0", "PYTHONIOENCODING": "utf-8",
    }  # fmt: skip
    if not importlib.util.find_spec("pip"):
        for name, others in _UV_TO_PIP.items():
            if value := next((os.environ[other] for other in others if os.environ.get(other)), ""):
                environment.setdefault(name, value)
    return environment


def _watch(wheel: WheelPackage, folders: tuple[Path, ...], progress: Progress) -> None:
    """Say how much of the wheel has come; `InputError` for a file that is longer than the wheel."""
    largest = 0
    for path in (path for folder in folders for path in folder.rglob("*.whl")):
        try:
            largest = max(largest, path.stat().st_size if path.is_file() else 0)
        except OSError:  # pip has moved it meanwhile
            continue
    if largest > wheel.size:
        raise InputError(f"{_called(wheel)} is not the file of the recipe: it is longer.")
    progress(largest, wheel.size)


def _why(wheel: WheelPackage, said: str) -> str:
    """Return what went wrong, from what pip said of it."""
    if _HASHES in said:
        return "the package index has another file of this name and version, with another SHA-256."
    if _FULL in said:
        return "no space is left on the device of the cache."
    if refusal := _REFUSED.search(said):
        return f"the package index refuses with HTTP {refusal[1]}."
    if _UNREACHED.search(said):
        return "the package index cannot be reached (pip's own settings say which one is asked, and how)."
    if listed := re.search(r"\(from versions: ([^)]*)\)", said):
        if listed[1] == "none":
            place = "" if wheel.platform == "any" else f" for {wheel.platform}"
            return f"the package index has no wheel of this package{place}."
        return f"the package index has other versions of it only ({_clipped(listed[1])})."
    errors = [line.partition("ERROR:")[2].strip() for line in said.splitlines() if line.startswith("ERROR:")]
    return f"pip said: {_clipped((errors or [said.strip() or 'nothing'])[-1])}."


def _clipped(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= 200 else f"{line[:200]}…"
