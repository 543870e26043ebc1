"""One command line of hxbench in a forked child: its own streams, environment and fault, and a time limit.

Starting Python with torch costs seconds, so a process that has imported everything forks for every command. The
parent computes nothing itself: the threads of torch and of Arrow would not survive the fork.
"""

import contextlib
import importlib
import io
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MEMORY = 8 * 2**30  # bytes of address space; what reads without an end must not take the machine with it
LIMIT = 30.0  # seconds that a command may take; the slowest of the miniature takes five on a busy machine
_IMPORTED = (
    "datasets", "hxbench.cli.app", "hxbench.runs.scheduler.local", "hxbench.report.papers.own.experiment",
    "hxbench.runs.export", "hxbench.runs.predict", "hxbench.runs.train", "peft.tuners.lora", "pyarrow.parquet",
    "seqeval.metrics.sequence_labeling", "transformers.models.bert.modeling_bert",
    "transformers.models.t5.modeling_t5",
)  # fmt: skip

Fault = Callable[[], None]  # what a child does to itself before the command begins


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code (−n killed by signal n; None at the time limit) and what it printed."""

    argv: tuple[str, ...]
    code: int | None
    out: str
    err: str
    seconds: float

    @property
    def complaints(self) -> list[str]:
        """The lines in which hxbench says what is wrong."""
        return [line for line in self.err.splitlines() if line.startswith("hxbench: ")]


def import_everything() -> None:
    """Import what commands import late, without computing anything."""
    for name, value in {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}.items():
        os.environ[name] = value
    for name in _IMPORTED:
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)


def environment(**changes: str | None) -> dict[str, str]:
    """Return a small environment for a command; None takes a variable out."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    usual: dict[str, str | None] = {
        **kept, "HOME": "home", "HXBENCH_CACHE": "cache", "HXBENCH_STORE": "store", "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "LC_ALL": "C.UTF-8", "COLUMNS": "115",
    }  # fmt: skip
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def forked(
    argv: Sequence[str],
    folder: Path,
    *,
    fault: Fault | None = None,
    environ: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    limit: float = LIMIT,
) -> Ended:
    """Run a command line in `folder`, in a child of this process."""
    pipes = [os.pipe() for _ in range(3)]  # stdin, stdout, stderr
    pid = os.fork()
    if pid == 0:
        _child(argv, folder, fault, environ or environment(), pipes)
    for given, taken in pipes[1:]:
        os.close(taken)
        os.set_blocking(given, False)
    os.close(pipes[0][0])
    with contextlib.suppress(BrokenPipeError), open(pipes[0][1], "wb") as answer:  # small: it fits the pipe
        answer.write(stdin)
    return _watched(pid, tuple(argv), pipes[1][0], pipes[2][0], limit)


def started(argv: Sequence[str], folder: Path, *, limit: float = 2 * LIMIT, **options: Any) -> Ended:
    """Run a command line in a Python of its own, with options of `subprocess.Popen`."""
    options.setdefault("env", environment())
    options.setdefault("stdin", subprocess.DEVNULL)
    read = {name: os.pipe() for name in ("stdout", "stderr")}
    streams = {name: options.pop(name, read[name][1]) for name in read}
    process = subprocess.Popen(
        [sys.executable, "-m", "hxbench", *argv], cwd=folder, start_new_session=True, **streams, **options
    )
    for given, taken in read.values():
        os.close(taken)
        os.set_blocking(given, False)
    process.returncode = 0  # the child is waited for below
    return _watched(process.pid, tuple(argv), read["stdout"][0], read["stderr"][0], limit)


def _child(
    argv: Sequence[str],
    folder: Path,
    fault: Fault | None,
    environ: Mapping[str, str],
    pipes: list[tuple[int, int]],
) -> None:
    """Be the command, and never return."""
    code = 70
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        os.dup2(pipes[0][0], 0)
        os.dup2(pipes[1][1], 1)
        os.dup2(pipes[2][1], 2)
        for given, taken in pipes:
            os.close(given)
            os.close(taken)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r")), encoding="utf-8")
        streams = [io.TextIOWrapper(io.BufferedWriter(io.FileIO(n, "w")), encoding="utf-8") for n in (1, 2)]
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = streams
        sys.stderr.reconfigure(line_buffering=True)
        sys.argv = ["hxbench", *argv]
        code = _answer(fault)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _answer(fault: Fault | None) -> int:
    import traceback

    from hxbench.cli import app

    try:
        if fault:
            fault()
        app.main()
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 0 if ending.code is None else 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _watched(pid: int, argv: tuple[str, ...], out: int, err: int, limit: float) -> Ended:
    begun = time.monotonic()
    chunks: dict[int, list[bytes]] = {out: [], err: []}
    code: int | None = None
    watch = os.pidfd_open(pid)
    with selectors.DefaultSelector() as ready:
        for handle in (out, err, watch):
            ready.register(handle, selectors.EVENT_READ)
        over = False
        while not over and (left := begun + limit - time.monotonic()) > 0:
            for key, _ in ready.select(left):
                over = over or key.fd == watch
                if key.fd in chunks and not _drain(key.fd, chunks):
                    ready.unregister(key.fd)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # its helpers too
    status = os.waitpid(pid, 0)[1]
    if over:
        code = os.waitstatus_to_exitcode(status)
    for handle in (out, err):
        _drain(handle, chunks)
        os.close(handle)
    os.close(watch)
    texts = (b"".join(chunks[handle]).decode(errors="backslashreplace") for handle in (out, err))
    return Ended(argv, code, *texts, time.monotonic() - begun)


def _drain(handle: int, chunks: dict[int, list[bytes]]) -> bool:
    """Take what a pipe has; return whether more may come."""
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(handle, 1 << 16):
            chunks[handle].append(chunk)
        return False
    return True
