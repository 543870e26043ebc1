"""Jobs that share a process: none is tried before what it needs, however many go at a time."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from hxbench.runs.scheduler import local
from hxbench.runs.scheduler.jobs import Observer, QueuedJob, Result, stages_of
from hxbench.runs.scheduler.local import OnThisMachine


@dataclass
class Spec:
    title: str = "one"
    training: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(cpu_threads=1))


@dataclass
class Job:
    """A job that ends in a given state and notes that it was tried."""

    name: str
    state: str = "done"
    spec: Spec = field(default_factory=Spec)


@pytest.fixture
def tried(monkeypatch):
    names: list[str] = []

    def attempt(job, _report):
        names.append(job.name)
        return Result(job.state)

    monkeypatch.setattr(local, "attempt", attempt)
    return names


def entries(**states):
    """Prompts of four tasks, of which a run in a bundle of its own needs the second, and one more all of them."""
    jobs = {name: Job(name, states.get(name, "done")) for name in ("a", "b", "spot", "c", "d", "source")}
    return [
        QueuedJob(jobs["a"], bundle="prompts"),
        QueuedJob(jobs["b"], bundle="prompts"),
        QueuedJob(jobs["spot"], frozenset({1}), bundle="spot"),
        QueuedJob(jobs["c"], bundle="prompts"),
        QueuedJob(jobs["d"], bundle="prompts"),
        QueuedJob(jobs["source"], frozenset({0, 1, 3, 4})),
    ]


def test_a_bundle_that_others_need_comes_before_them(tried):
    results = OnThisMachine(1).run(entries(), Observer())
    assert [result.state for result in results] == ["done"] * 6
    assert tried == ["a", "b", "c", "d", "spot", "source"]


def test_what_needs_a_failed_one_is_not_tried(tried):
    results = OnThisMachine(1).run(entries(b="failed"), Observer())
    assert [result.state for result in results] == ["done", "failed", "failed", "done", "done", "failed"]
    assert tried == ["a", "b", "c", "d"]


def test_an_interruption_ends_it(tried):
    results = OnThisMachine(1).run(entries(c="interrupted"), Observer())
    assert tried == ["a", "b", "c"]
    assert [result.state for result in results[3:]] == ["interrupted"] * 3
    assert results[4].message == "not started"


def test_in_stages_what_is_needed_is_over_before():
    a, b, spot, c, d, source = range(6)
    assert stages_of(entries()) == [[[a, b, c, d]], [[spot], [source]]]
    needs = {"a": (), "b": (0,), "c": (0, 1), "d": ()}
    chain = [QueuedJob(Job(name), frozenset(others)) for name, others in needs.items()]
    assert stages_of(chain) == [[[0], [3]], [[1]], [[2]]]
