"""How long a plan will take, from what is in the store."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from miniature import spec_for

from hxbench.runs.scheduler.estimate import Durations, wall_seconds
from hxbench.store import RunRecord


def record(spec, seconds, scoring=0.0):
    return RunRecord("x", spec, {"wall_seconds": seconds, "scoring_seconds": scoring}, Path())


def planned(spec, run_id="", needs=()):
    return SimpleNamespace(job=SimpleNamespace(spec=spec), run_id=run_id, needs=needs)


def test_runs_like_it_tell_how_long_a_run_takes():
    here, other = spec_for("hyperx-base", partition="a"), spec_for("mbert", partition="a")
    durations = Durations(
        [record(here, 10, 2), record(spec_for("hyperx-base", partition="b", seed=2), 20), record(other, 3)]
    )
    assert durations.of(spec_for("hyperx-base", partition="b", seed=9)) == pytest.approx(16)
    assert durations.of(other) == 3
    assert durations.of(spec_for("hyperx-small", partition="a")) == pytest.approx(16), "of the same kind"
    assert durations.of(spec_for("hyperx-base", training={"updates": 99})) is None, "of another length"


def test_what_is_like_no_run_is_foreseen_otherwise():
    known, new = spec_for("mbert"), spec_for("mbert", training={"updates": 99})
    durations = Durations([record(known, 10)], lambda spec: float(spec.training.updates or 0))
    assert (durations.of(known), durations.of(new)) == (10, 99)
    assert durations.in_store(new) is None


def test_another_version_of_the_schema_is_left_aside():
    assert (
        Durations([RunRecord("x", {"method": "mbert"}, {"wall_seconds": 5}, Path())]).of(spec_for("mbert")) is None
    )


def test_the_wall_time_is_that_of_the_busiest_worker():
    long, short = spec_for("hyperx-base"), spec_for("mbert")
    durations = Durations([record(long, 10), record(short, 4)])
    todo = [planned(long), planned(short), planned(short), planned(spec_for("mbert", training={"updates": 99}))]
    assert wall_seconds(todo, durations, 1) == (18, 1)
    assert wall_seconds(todo, durations, 2) == (10, 1)
    assert wall_seconds([], durations, 2) == (0, 0)


def test_a_run_begins_when_what_it_needs_is_done():
    long, short = spec_for("hyperx-base"), spec_for("mbert")
    durations = Durations([record(long, 10), record(short, 4)])
    todo = [
        planned(long, "adapter"), planned(short, "first", ("adapter",)), planned(short, "other"),
        planned(short, "second", ("first", "done before")),
    ]  # fmt: skip
    assert wall_seconds(todo, durations, 9) == (18, 0), "one after the other, however many go at a time"
    assert wall_seconds(todo, durations, 2) == (18, 0), "while the adapter is trained the other one is done"
    assert wall_seconds(todo, durations, 1) == (22, 0)
