"""The standard streams as users have them: closed, full, of a console that knows few characters."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sampled import one_in

from hxbench.cli import streams

HXBENCH = f"{sys.executable} -m hxbench"


def shell(line, **environment):
    """Run a line of a shell, in which `H` is the command."""
    return subprocess.run(
        ["bash", "-c", line.replace("H ", f"{HXBENCH} ", 1)], capture_output=True, check=False,
        encoding=environment.get("PYTHONIOENCODING", "utf-8"), env=os.environ | environment,
    )  # fmt: skip


@pytest.mark.parametrize(
    "line", ["H list languages > /dev/full", "H list corpora --json > /dev/full", "H --help > /dev/full"]
)
def test_a_full_standard_output(line):
    done = shell(line)
    assert done.returncode == 2
    assert done.stderr == "hxbench: cannot write standard output: No space left on device; free some space.\n"


def test_a_closed_standard_output_is_refused_at_once():
    done = shell("H list languages >&-")
    assert done.returncode == 2
    assert done.stderr == "hxbench: standard output is closed: give it a file, a pipe or /dev/null.\n"


@pytest.mark.parametrize("where", one_in(2, ["2>&-", "2>/dev/full"]))
@pytest.mark.parametrize(("words", "code"), [("list languages", 0), ("train none", 2)])
def test_lost_messages_change_nothing(where, words, code):
    done = shell(f"H {words} {where}")
    assert (done.returncode, done.stderr) == (code, "")
    assert ("UD_English-EWT" in done.stdout) == (code == 0)


def test_a_closed_standard_input_is_an_empty_one(tmp_path):
    done = shell("H runs rm 0123456789ab <&-", HXBENCH_STORE=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    code = "from hxbench.cli import streams; streams.prepare(); import sys; print(repr(sys.stdin.buffer.read()))"
    assert shell(f"{sys.executable} -c '{code}' <&-").stdout == "b''\n"


@pytest.mark.parametrize(("encoding", "shown"), [("cp1252", "Türkçe ± – ?"), ("ascii", "Turkce ~ - ?")])
def test_a_console_with_few_characters(encoding, shown):
    raw = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    reading, writing = os.pipe()
    raw.fileno = lambda: writing
    stream = streams._safe(raw, "standard output", may_fail=False)
    stream.write("Türkçe ± – 漢\n─│ᵃ\udcff")
    stream.flush()
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert pipe.read().decode(encoding) == f"{shown}\n-|a\\xff"


@pytest.mark.parametrize("encoding", one_in(2, ["cp1252", "ascii"]))
def test_commands_on_such_a_console(encoding):
    done = shell("H report --table 1", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Hyper-X, Table 1" in done.stdout
    assert "-----" in done.stdout
    done = shell("H runs list --setting ŵ", PYTHONIOENCODING=encoding)
    said = "hxbench: unknown setting 'w'. Known: language, mixed, multi, single.\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_nothing_is_printed_past_the_streams():
    files = sorted(Path(streams.__file__).parents[1].rglob("*.py"))
    assert len(files) > 100
    # click has streams of its own, which write UTF-8 to a console that says it is ASCII
    assert [path.name for path in files if "typer.echo" in path.read_text()] == []


def test_json_is_json_on_every_console():
    whole, escaped = (shell("H list languages --json", PYTHONIOENCODING=name) for name in ("utf-8", "ascii"))
    assert escaped.stdout.isascii()
    assert json.loads(escaped.stdout) == json.loads(whole.stdout)


def test_an_argument_that_is_no_text():
    done = shell(r"H train $'\xff\xfe'")
    assert (done.returncode, done.stderr) == (2, "hxbench: the argument '\\xff\\xfe' is not text in utf-8.\n")
