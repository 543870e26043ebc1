"""A job from a file is the job that was planned."""

from pathlib import Path

import pytest
from miniature import spec_for

from hxbench.errors import InputError
from hxbench.runs.inputs import DataSource
from hxbench.runs.scheduler.jobs import QueuedJob, Result
from hxbench.runs.scheduler.plan_file import PlanFile
from hxbench.runs.session import Job


def planned(folder):
    source = DataSource("mirror", folder / "data")
    first = Job(spec_for("mbert", seed=1), source, folder / "store")
    second = Job(spec_for("hyperx-base", seed=2), DataSource("hub"), folder / "store", True, 7, False, "wandb")
    return [QueuedJob(first), QueuedJob(second, frozenset({0}))]


def test_written_and_read_it_is_the_same(tmp_path):
    entries = planned(tmp_path)
    PlanFile(tmp_path / "plan").write(entries)
    one, two = (entry.job.spec.run_id for entry in entries)
    found = PlanFile(tmp_path / "plan").read()
    assert found == {one: (entries[0].job, ()), two: (entries[1].job, (one,))}
    assert {run_id: job.spec.run_id for run_id, (job, _) in found.items()} == {one: one, two: two}


def test_places_are_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    PlanFile(Path("plan")).write(planned(Path()))
    (job, _), _ = PlanFile(Path("plan")).read().values()
    assert job.store == tmp_path / "store"
    assert job.source.folder == tmp_path / "data"


def test_what_was_said_of_an_end(tmp_path):
    file = PlanFile(tmp_path)
    assert file.told("a") is None
    file.tell("a", Result("interrupted", "stopped", 15))
    assert file.told("a") == Result("interrupted", "stopped", 15)
    file.forget("a")
    file.forget("a")
    assert file.told("a") is None
    (tmp_path / "ended" / "a.json").write_text("{")
    assert file.told("a") is None


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 9, "runs": {}}', '{"version": 1, "runs": {"a": {}}}'])
def test_a_file_that_is_no_plan(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(InputError, match=r"plan\.json"):
        PlanFile(tmp_path).read()
