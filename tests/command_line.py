"""Running `hxbench`: in this process where that is enough, in one of its own where signals or settings matter."""

import contextlib
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import yaml
from miniature import TINY

from hxbench.cli import app

# of hyperx-base: seconds instead of minutes
SMALL = [
    "options.embedding=8", "options.source_hidden=16", "options.projected=8", "options.bottleneck=8",
    "training.updates=24", "training.batch_size=8", "training.lr=0.003", "training.warmup=4",
    "training.evaluate_every=8",
]  # fmt: skip


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Scale:
    """A profile file and the mirror it reads, if it does; `options` is what every command on it is given."""

    profile: Path
    mirror: Path | None

    @property
    def options(self):
        place = ["--data-source", self.mirror] if self.mirror else []
        return ["--profile", self.profile, *place]

    def train(self, *more, **changes):
        """Return the words of a training command; `changes` are fields of the training."""
        fields = SMALL + [f"training.{key}={value}" for key, value in changes.items()]
        sets = [word for field in fields for word in ("--set", field)]
        return ["train", "hyperx-base", *self.options, *sets, *more]


def write_profile(folder, mirror, name="mini", backbone=None, **data):
    """Write a profile and its backbone recipe into `folder`."""
    backbone = backbone or {"name": "mini-bert", "pretrain": TINY.pretrain.model_dump()}
    (folder / f"{name}-bert.yaml").write_text(yaml.safe_dump(backbone))
    profile = {
        "about": "The tests' own.",
        "backbone": f"{name}-bert.yaml",
        "seeds": [1],
        "data": {"origin": "mirror", "max_length": 32, **data},
        "training": {"cpu_threads": 1, "eval_batch_size": 16},
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(profile))
    return Scale(folder / f"{name}.yaml", mirror)


def hxbench(*words, answer="", commands=app.app):
    """Run a command line, of the package unless others' commands are given, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["hxbench", *map(str, words)]),
        mock.patch.object(sys, "stdin", io.StringIO(answer)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            app.main(commands)
        except SystemExit as ending:
            return Ended(ending.code or 0, out.getvalue(), err.getvalue())
    raise AssertionError("the command line returned without an exit code")


def started(*words, **environment):
    """Start a command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "hxbench", *map(str, words)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {name: str(value) for name, value in environment.items()},
    )  # fmt: skip


def ended(process):
    """Return how a started command line ended."""
    try:
        out, err = process.communicate(timeout=300)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
    return Ended(process.returncode, out, err)


def until(found, process):
    """Wait for what `found` returns, as long as the process lives."""
    while not (value := found()):
        if process.poll() is not None:
            raise AssertionError(f"ended too early: {ended(process)}")
        time.sleep(0.005)
    return value


def of_page(name, number, run):
    """Write the files of a page of docs here; return the words of the commands in one of its console blocks."""
    text = (Path(__file__).parents[1] / "docs" / name).read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, name, "exec"), {})
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line.removeprefix("$ hxbench ")) for line in blocks[number].splitlines()]
    return [[run if word == "RUN" else word for word in words] for words in lines]
