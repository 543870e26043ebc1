"""What a killed process left is told from what a live one writes."""

import os
import subprocess

import pytest

from hxbench.leftovers import sweep, temporary
from hxbench.runs.prepare import sweep_cache


def of_process(path, pid):
    name = temporary(path).name
    return path.with_name(name.replace(f"-{os.getpid()}-", f"-{pid}-"))


@pytest.fixture
def gone():
    """The id of a process that is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_of_this_machine_the_process_counts_and_of_others_the_time(tmp_path, gone):
    mine, dead, folder = (
        temporary(tmp_path / "a"),
        of_process(tmp_path / "b", gone),
        of_process(tmp_path / "c", gone),
    )
    elsewhere = tmp_path / ".a.01234567-1-01234567.tmp"
    quiet = [
        tmp_path / name
        for name in (".a.76543210-1-01234567.tmp", "x.123.tmp", "tmpab_12xyz", ".clock-0123456789ab")
    ]
    usual = [tmp_path / name for name in ("a.arrow", "a.arrow.json", "tmp", "resume", "x.part", "template")]
    for path in (mine, dead, elsewhere, *quiet, *usual):
        path.touch()
    folder.mkdir()
    (folder / "inside").touch()
    for path in (*quiet, *usual):
        os.utime(path, (0, 0))
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([mine, elsewhere, *usual])
    sweep(tmp_path / "nowhere")


def test_a_folder_is_as_young_as_the_youngest_in_it(tmp_path):
    folder = tmp_path / ".sandbox.5-0.tmp"
    (folder / "deep").mkdir(parents=True)
    young = folder / "deep" / "file"
    young.touch()
    for path in (folder / "deep", folder):
        os.utime(path, (0, 0))
    sweep(tmp_path)
    assert young.exists()
    os.utime(young, (0, 0))
    for path in (folder / "deep", folder):
        os.utime(path, (0, 0))
    sweep(tmp_path)
    assert not folder.exists()


def test_every_room_of_the_cache_is_swept(tmp_path, gone, monkeypatch):
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path))
    sweep_cache()  # of a cache that there is not yet
    left = [
        of_process(tmp_path / room / "file", gone)
        for room in (".", "corpora/pos", "corpora/sums", "encoded", "sandbox", "backbones", "hub")
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    sweep_cache()
    assert not any(path.exists() for path in left)


def test_a_folder_that_somebody_still_writes_into_goes_too(tmp_path, gone, monkeypatch):
    """The child of a killed process may put one more file into it between the look and the removal."""
    left = of_process(tmp_path / "a", gone)
    left.mkdir()
    rmdir, late = os.rmdir, []

    def one_more(path, **where):
        if not late:
            late.append(path)
            (left / "late").touch()
        return rmdir(path, **where)

    monkeypatch.setattr(os, "rmdir", one_more)
    sweep(tmp_path)
    assert late
    assert os.listdir(tmp_path) == []
