"""Jobs that share a process: none is tried before what it needs, however many go at a time."""

from dataclasses import dataclass, field

import pytest

from hxbench.launch import local
from hxbench.launch.local import run_jobs
from hxbench.launch.turns import Listener, Outcome, Turn, stages_of


@dataclass
class Title:
    title: str


@dataclass
class Job:
    """A job that ends as it is told and is heard of when it is tried."""

    name: str
    state: str = "done"
    spec: Title = field(default_factory=lambda: Title("one"))


@pytest.fixture
def tried(monkeypatch):
    names: list[str] = []

    def attempt(job, _report):
        names.append(job.name)
        return Outcome(job.state)

    monkeypatch.setattr(local, "attempt", attempt)
    return names


def turns(**states):
    """Prompts of four tasks, of which a run in a lane of its own needs the second, and one more all of them."""
    jobs = {name: Job(name, states.get(name, "done")) for name in ("a", "b", "spot", "c", "d", "source")}
    return [
        Turn(jobs["a"], lane="prompts"),
        Turn(jobs["b"], lane="prompts"),
        Turn(jobs["spot"], frozenset({1}), lane="spot"),
        Turn(jobs["c"], lane="prompts"),
        Turn(jobs["d"], lane="prompts"),
        Turn(jobs["source"], frozenset({0, 1, 3, 4})),
    ]


def test_a_lane_that_others_need_comes_before_them(tried):
    outcomes = run_jobs(turns(), 1, Listener())
    assert [outcome.state for outcome in outcomes] == ["done"] * 6
    assert tried == ["a", "b", "c", "d", "spot", "source"]


def test_what_needs_a_failed_one_is_not_tried(tried):
    outcomes = run_jobs(turns(b="failed"), 1, Listener())
    assert [outcome.state for outcome in outcomes] == ["done", "failed", "failed", "done", "done", "failed"]
    assert tried == ["a", "b", "c", "d"]


def test_an_interruption_ends_it(tried):
    outcomes = run_jobs(turns(c="interrupted"), 1, Listener())
    assert tried == ["a", "b", "c"]
    assert [outcome.state for outcome in outcomes[3:]] == ["interrupted"] * 3
    assert outcomes[4].message == "not started"


def test_in_stages_what_is_needed_is_over_before():
    a, b, spot, c, d, source = range(6)
    assert stages_of(turns()) == [[[a, b, c, d]], [[spot], [source]]]
    chain = [Turn(Job("a")), Turn(Job("b"), frozenset({0})), Turn(Job("c"), frozenset({0, 1})), Turn(Job("d"))]
    assert stages_of(chain) == [[[0], [3]], [[1]], [[2]]]
