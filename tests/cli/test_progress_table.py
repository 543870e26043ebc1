"""The table of what becomes of many runs."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from miniature import spec_for
from rich.console import Console
from text_miniature import TINY_T5, text_spec

from hxbench.cli import progress_table
from hxbench.cli.progress_table import ProgressLines, ProgressTable, observing
from hxbench.cli.run_names import groups_of, names_of
from hxbench.runs.scheduler.jobs import Result


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
    lines = ProgressLines(planned)
    lines.began(0)
    lines.began(0)
    lines.went(0, "x", 1, 2)
    lines.again(0, "was killed by signal 9")
    lines.began(2)
    lines.began(0)
    lines.ended(0, Result("done"))
    lines.ended(1, Result("failed", "the loss is nan"))
    lines.ended(2, Result("interrupted", "stopped", 15))
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


def test_without_a_terminal_runs_at_work_say_now_and_then_how_far_they_are(planned, capsys, monkeypatch):
    clock = iter([0.0, 29.0, 31.0, 32.0, 33.0, 40.0, 62.0])
    monkeypatch.setattr(progress_table.time, "monotonic", lambda: next(clock))
    lines = ProgressLines(planned)
    title = planned[1].job.spec.title
    for done in (10, 20, 30, 40):
        lines.went(0, title, done, 600)
    lines.went(1, "scoring", 1, 8)
    lines.went(1, "scoring", 2, None)
    lines.went(0, "scoring", 2, 8)
    assert capsys.readouterr().err.splitlines() == [f"{title}: 30 of 600", f"{title}: scoring: 2 of 8"]


def drawn(table, console):
    with console.capture() as capture:
        console.print(table)
    return [line.split() for line in capture.get().splitlines()]


def test_a_table_on_a_terminal(planned, capsys):
    console = Console(width=80, height=30, force_terminal=True, no_color=True, file=None)
    table = ProgressTable(planned, console)
    table.began(0)
    table.went(0, "mbert mixed a seed 2 (demo)", 7, 24)
    table.ended(2, Result("failed", "the loss is nan"))
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
    rows = drawn(ProgressTable(runs, Console(height=10)), Console(width=80))
    assert rows[1][:2] == ["psf", "mixed"]
    assert ["…", "and", "1", "more", "groups"] in rows


def test_one_run_alone_has_no_table(planned, capsys):
    with observing(planned[:1]) as observer:
        observer.went(0, "a run", 0, 5)
    assert capsys.readouterr().err == "a run …\n"
    with observing(planned, quiet=True) as observer:
        observer.began(0)
    assert capsys.readouterr().err == ""


def grid(*fields):
    """Planned runs of APET, which differ in some fields: the name of the backbone, the budget, the rate."""
    runs = []
    for number, (backbone, budget, rate) in enumerate(fields):
        spec = text_spec("apet", TINY_T5.model_copy(update={"name": backbone}), options={"budget": budget},
                         training={"lr": rate})  # fmt: skip
        runs.append(Planned(f"id{number}", SimpleNamespace(spec=spec), False))
    return runs


def test_the_groups_of_a_grid_are_its_cells():
    runs = grid(("small", 100, 0.1), ("small", 100, 0.2), ("small", "lora", 0.1), ("large", 100, 0.1))
    assert {title: [one.run_id for one in some] for title, some in groups_of(runs).items()} == {
        "apet single budget 100 small": ["id0", "id1"],
        "apet single budget lora small": ["id2"],
        "apet single budget 100 large": ["id3"],
    }
    assert list(groups_of(runs[:2])) == ["apet single"], "what all have in common says nothing"


def test_runs_of_one_title_are_told_apart():
    title = "apet single rte budget 100 seed 1 (demo)"
    runs = grid(("small", 100, 0.1), ("small", 400, 0.1), ("large", 100, 0.1))
    assert names_of(runs) == [f"{title}, small", "apet single rte budget 400 seed 1 (demo)", f"{title}, large"]
    assert names_of(grid(("small", 100, 0.1), ("small", 100, 0.2))) == [
        f"{title}, rate 0.1",
        f"{title}, rate 0.2",
    ]
    assert names_of(runs[:1]) == [title]
    assert names_of([runs[0], runs[0]]) == [f"{title}, id0"] * 2


def test_a_run_at_work_is_called_by_its_name():
    runs = grid(("small", 100, 0.1), ("large", 100, 0.1))
    table = ProgressTable(runs, Console(height=30))
    for number, one in enumerate(runs):
        table.began(number)
        table.went(number, one.job.spec.title, 7, 24)
    rows = drawn(table, Console(width=100))
    assert [row[-2:] for row in rows[-2:]] == [["small", "7/24"], ["large", "7/24"]]
