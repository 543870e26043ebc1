"""What hxbench finds on a machine: versions, device, disk, cache, store, clusters and the hub, a line each."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hxbench import network, places
from hxbench.errors import InputError
from hxbench.store import Store
from hxbench.system_errors import of_the_system, require_writable

_LIBRARIES = (
    "torch", "transformers", "tokenizers", "datasets", "accelerate", "peft", "huggingface-hub", "safetensors",
    "numpy", "pandas", "pyarrow",
)  # fmt: skip
_EXTRAS = {  # of ours, with the packages that each brings
    "ray": ("ray",), "gguf": ("gguf",), "tokenize": ("icu4py",), "sentencepiece": ("sentencepiece", "protobuf"),
}  # fmt: skip
_TRACKERS = (
    "tensorboard", "tensorboardX", "wandb", "mlflow", "comet-ml", "aim", "clearml", "dvclive", "swanlab",
    "trackio",
)  # fmt: skip
_LITTLE = 5 * 2**30  # bytes free, below which a disk is soon full
_TIMEOUT = 10  # seconds


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `wrong`: nothing runs before it is mended; `advice`: what to do, if anything."""

    name: str
    found: str
    wrong: bool = False
    advice: str = ""


def findings(store: Path, *, ask_network: bool = False) -> Iterator[Finding]:
    """Yield what there is, from the environment and the disk alone unless the network may be asked."""
    yield from _versions()
    yield from _device()
    yield _folder("cache", places.cache_dir, "HXBENCH_CACHE")
    yield _folder("store", lambda: store, "--store or HXBENCH_STORE")
    yield from _clusters()
    yield from _hub(ask_network)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _versions() -> Iterator[Finding]:
    from hxbench import __version__

    yield Finding("hxbench", __version__)
    old = sys.version_info < (3, 11)
    yield Finding("Python", platform.python_version(), old, "install Python 3.11 or later" if old else "")
    for name in _LIBRARIES:
        found = _version(name)
        yield Finding(name, found or "not installed", not found, "" if found else f"pip install {name}")
    for extra, packages in _EXTRAS.items():
        lacking = [name for name in packages if not _version(name)]
        versions = ", ".join(f"{name} {_version(name)}" for name in packages)
        yield Finding(
            f"extra {extra}",
            "not installed" if lacking else versions,
            advice=f"pip install 'hxbench[{extra}]', if you need it" if lacking else "",
        )
    there = [f"{name} {_version(name)}" for name in _TRACKERS if _version(name)]
    yield Finding(
        "trackers",
        ", ".join(there) or "not installed",
        advice="" if there else "pip install tensorboard (or wandb, mlflow …), if you want --track",
    )


def _device() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding("device", f"torch cannot be imported: {error}", True, "install torch anew")
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = torch.get_num_threads()
    many = [f"{count} {what}{'s' * (count != 1)}" for count, what in ((cores, "core"), (threads, "thread"))]
    yield Finding("CPU", f"{many[0]}, {many[1]} of torch, {_memory()} of memory")
    count = torch.cuda.device_count()
    gpus = [torch.cuda.get_device_properties(number) for number in range(count)]
    named = ", ".join(f"{one.name} ({one.total_memory / 2**30:.0f} GB)" for one in gpus)
    without = not named and bool(shutil.which("nvidia-smi"))
    yield Finding(
        "GPU",
        named or "none",
        advice="this torch does not see the GPU: install one built for its driver's CUDA" if without else "",
    )
    from hxbench.training.device import cpu_computes_bf16

    fast = torch.cuda.is_bf16_supported() if count else cpu_computes_bf16()
    where = "GPU" if count else "CPU"
    how = "computes it" if fast else "goes through fp32: no faster than fp32"
    yield Finding("bf16", f"the {where} {how}")


def _memory() -> str:
    import psutil

    return f"{psutil.virtual_memory().total / 2**30:.0f} GB"


def _folder(name: str, chosen: Callable[[], Path], named_by: str) -> Finding:
    """Return where a folder is, what it takes and leaves on its disk, and whether it can be made and written."""
    try:
        found, advice = _looked_at(name, chosen())
    except (InputError, OSError) as error:
        said = str(of_the_system(error) or error).rstrip(".")
        return Finding(name, said, True, "" if named_by in said else f"name another with {named_by}")
    return Finding(name, found, advice=advice and advice.format(named_by))


def _looked_at(name: str, place: Path) -> tuple[str, str]:
    """Return what a folder is and what to do, if anything; `InputError` or `OSError` for one that is of no use."""
    exists = place.exists()
    if place.is_symlink() and not exists:
        raise InputError(f"{place} is a link to what is not there")
    there = place if exists else next(one for one in place.resolve().parents if one.exists())
    free = shutil.disk_usage(there).free
    advice = "free some space, or name another with {}" if free < _LITTLE else ""
    found = f"{place}, {_size(place) / 2**20:,.0f} MB" if exists else f"{place}, not there yet"
    found += f", {free / 2**30:,.1f} GB free"
    if name == "store":
        store = Store(place)
        found += f", {len(store.runs()):,} runs"
        found += f" and {len(store.problems):,} damaged" if store.problems else ""
        if store.pack:
            return f"{found}, packed", "it is only read: name another for new runs"
        if store.problems:
            advice = f"hxbench runs verify --store {place} names the damaged ones"
    require_writable(place)
    try:
        TemporaryDirectory(prefix=".hxbench-", dir=there).cleanup()
    except OSError as error:  # whatever its rights say, as in a folder of the system's own
        raise InputError(f"{place} cannot be made: {there} takes nothing ({error.strerror})") from None
    return f"{found}, writable", advice


def _size(folder: Path) -> int:
    """Return the bytes below a folder; links are not followed."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:  # gone meanwhile
                continue
    return total


def _clusters() -> Iterator[Finding]:
    from hxbench.runs.scheduler.on_slurm import OnSlurm

    try:
        OnSlurm().require()
    except InputError as error:
        yield Finding("Slurm", "not here", advice=str(error).rstrip("."))
    else:
        yield Finding("Slurm", "here: --on slurm")
    address = os.environ.get("RAY_ADDRESS")
    ray = _version("ray")
    where = f"cluster {address}" if address else "of this machine"
    lacking = "" if ray else "pip install 'hxbench[ray]', if you need it"
    yield Finding("Ray", f"{ray}, {where}" if ray else "not installed", advice=lacking)


def _hub(ask_network: bool) -> Iterator[Finding]:
    if not _version("huggingface-hub"):
        return
    from huggingface_hub import get_token

    forbidden = network.offline()
    token = "a token is set" if get_token() else "no token, which public models do not need"
    yield Finding("hub", f"{f'offline ({forbidden})' if forbidden else 'may be used'}; {token}")
    try:
        address = network.endpoint("HF_ENDPOINT") or "https://huggingface.co"
        network.require_proxy_support()
    except InputError as error:
        yield Finding("network", str(error).rstrip("."), True, "set it right, or unset it")
        return
    if not ask_network:
        yield Finding("network", "not asked (--network asks the hub)")
    elif forbidden:
        yield Finding("network", "not asked, as it is forbidden", advice=f"unset {forbidden.partition('=')[0]}")
    else:
        yield _asked(address)


def _asked(address: str) -> Finding:
    from huggingface_hub import HfApi

    api: Any = HfApi(endpoint=address)
    try:
        api.model_info("google-bert/bert-base-multilingual-cased", timeout=_TIMEOUT)
    except Exception as error:  # whatever the client raises
        return Finding(
            "network",
            f"{address} does not answer ({type(error).__name__})",
            advice="use --offline with what is in the cache, a proxy (HTTPS_PROXY), or a mirror (HF_ENDPOINT)",
        )
    return Finding("network", f"{address} answers")
