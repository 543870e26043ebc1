"""The table of what becomes of many runs."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from miniature import spec_for
from rich.console import Console

from hxbench.cli.grid import Lines, Table, shown
from hxbench.launch.turns import Outcome


@dataclass(frozen=True)
class Planned:
    run_id: str
    job: object
    done: bool


def plan(*runs):
    made = [(spec_for(method, partition="a", seed=k), f"{k}", done) for k, (method, done) in enumerate(runs, 1)]
    return [Planned(run_id, SimpleNamespace(spec=spec), done) for spec, run_id, done in made]


@pytest.fixture
def planned():
    return plan(("mbert", True), ("mbert", False), ("mbert", False), ("hyperx-base", False))


def test_a_line_for_every_change(planned, capsys):
    lines = Lines(planned)
    lines.began(0)
    lines.began(0)
    lines.went(0, "x", 1, 2)
    lines.again(0, "was killed by signal 9")
    lines.began(2)
    lines.began(0)
    lines.ended(0, Outcome("done"))
    lines.ended(1, Outcome("failed", "the loss is nan"))
    lines.ended(2, Outcome("interrupted", "stopped", 15))
    first = "mbert mixed: 1 done, 1 running, 0 failed, 1 left"
    assert capsys.readouterr().err.splitlines() == [
        first,
        "mbert mixed: 1 done, 0 running, 0 failed, 2 left "
        f"({planned[1].job.spec.title}: its process was killed by signal 9; it will be tried again)",
        "hyperx-base mixed: 0 done, 1 running, 0 failed, 0 left",
        first,
        "mbert mixed: 2 done, 0 running, 0 failed, 1 left",
        f"mbert mixed: 2 done, 0 running, 1 failed, 0 left ({planned[2].job.spec.title}: the loss is nan)",
        "hyperx-base mixed: 0 done, 0 running, 0 failed, 1 left",
    ]


def drawn(table, console):
    with console.capture() as capture:
        console.print(table)
    return [line.split() for line in capture.get().splitlines()]


def test_a_table_on_a_terminal(planned, capsys):
    console = Console(width=80, height=30, force_terminal=True, no_color=True, file=None)
    table = Table(planned, console)
    table.began(0)
    table.went(0, "mbert mixed a seed 2 (demo)", 7, 24)
    table.ended(2, Outcome("failed", "the loss is nan"))
    capsys.readouterr()
    rows = drawn(table, Console(width=80, height=30))
    assert rows[0] == ["runs", "done", "running", "failed", "left"]
    assert rows[1:4] == [
        ["mbert", "mixed", "1", "1", "–", "1"],
        ["hyperx-base", "mixed", "–", "–", "1", "–"],
        ["all", "1", "1", "1", "1"],
    ]
    assert rows[4][-1] == "7/24"


def test_what_goes_on_is_shown_where_there_is_no_room(capsys):
    runs = plan(*[(method, True) for method in ("mbert", "hyperx-base", "hyperx-small")], ("psf", False))
    rows = drawn(Table(runs, Console(height=10)), Console(width=80))
    assert rows[1][:2] == ["psf", "mixed"]
    assert ["…", "and", "1", "more", "groups"] in rows


def test_one_run_alone_has_no_table(planned, capsys):
    with shown(planned[:1]) as listener:
        listener.went(0, "a run", 0, 5)
    assert capsys.readouterr().err == "a run …\n"
    with shown(planned, quiet=True) as listener:
        listener.began(0)
    assert capsys.readouterr().err == ""
