"""Where a run comes from: code, libraries, machine."""

import contextlib
import os
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from hxbench import __version__

_LIBRARIES = (
    "accelerate", "datasets", "numpy", "peft", "pyarrow", "safetensors", "seqeval", "tokenizers", "torch",
    "transformers",
)  # fmt: skip


def _git(*arguments: str) -> str | None:
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():  # an installed package may lie inside somebody else's checkout
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _without_place(word: str) -> str:
    """Return a word of the command line, a path by its name alone: where it lies concerns its machine only."""
    return Path(word).name if "/" in word and Path(word).exists() else word


def collect(**extra: Any) -> dict[str, Any]:
    """Return what is known without importing anything heavy; `extra` (device, data fingerprints, …) is added.

    `git` is the commit of the checkout the package runs from, with `dirty` when tracked files differ from it.
    """
    libraries = {}
    for name in _LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            libraries[name] = metadata.version(name)
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no") if commit else None
    return {
        "hxbench": __version__,
        "git": {"commit": commit, "dirty": bool(changed)} if commit else None,
        "command": shlex.join([Path(sys.argv[0]).name, *map(_without_place, sys.argv[1:])]),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "libraries": libraries,
        **extra,
    }
