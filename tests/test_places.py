"""Folders as users name them."""

import pwd
from pathlib import Path

import pytest

from hxbench import places
from hxbench.errors import InputError
from hxbench.runs.inputs import DataSource


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ("HXBENCH_CACHE", "XDG_CACHE_HOME", "HXBENCH_STORE", "HXBENCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_where_the_cache_is(home, monkeypatch):
    assert places.cache_dir() == home / ".cache" / "hxbench"
    monkeypatch.setenv("XDG_CACHE_HOME", "~/xdg")
    assert places.cache_dir() == home / "xdg" / "hxbench"
    monkeypatch.setenv("HXBENCH_CACHE", "~/mine")
    assert places.cache_dir() == home / "mine"
    monkeypatch.setenv("HXBENCH_CACHE", "~root/x")
    assert places.cache_dir() == Path(pwd.getpwnam("root").pw_dir) / "x"


@pytest.mark.parametrize("name", ["HXBENCH_CACHE", "XDG_CACHE_HOME"])
def test_a_user_that_there_is_not(monkeypatch, name):
    monkeypatch.setenv(name, "~nobody-here/x")
    with pytest.raises(InputError, match=f"{name} ~nobody-here/x: there is no user nobody-here"):
        places.cache_dir()


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_home(monkeypatch, value):
    monkeypatch.setenv("HOME", "")
    if value is None:
        monkeypatch.delenv("HOME")
    assert places.cache_dir() == Path(pwd.getpwuid(places.os.getuid()).pw_dir) / ".cache" / "hxbench"

    def nobody(_):
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(InputError, match=r"no home folder on this machine .* HXBENCH_CACHE"):
        places.cache_dir()


def test_a_cache_that_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"the cache .*file is a file; a folder is expected"):
        places.cache_dir()


def test_where_the_store_is(home, monkeypatch):
    assert places.store_dir() == Path("results")
    assert places.store_dir(Path("~/s")) == home / "s"
    monkeypatch.setenv("HXBENCH_STORE", "~/t")
    assert places.store_dir() == home / "t"


def test_where_the_data_are(home, monkeypatch):
    monkeypatch.setenv("HXBENCH_DATA", "")
    assert DataSource.choose(None, "demo", "sandbox").kind == "sandbox"
    (home / "data").mkdir(parents=True)
    monkeypatch.setenv("HXBENCH_DATA", "~/data")
    assert DataSource.choose(None, "lab", "mirror").folder == home / "data"
    monkeypatch.setenv("HXBENCH_DATA", "~/elsewhere")
    with pytest.raises(InputError, match="HXBENCH_DATA ~/elsewhere: there is no such folder"):
        DataSource.choose(None, "lab", "mirror")


def test_data_that_have_moved_since_prepare(home, monkeypatch):
    (home / "data").mkdir(parents=True)
    DataSource.choose(str(home / "data"), "lab", "mirror").remember("lab")
    assert DataSource.choose(None, "lab", "mirror").folder == home / "data"
    (home / "data").rename(home / "moved")
    with pytest.raises(
        InputError, match=r"the data of profile lab were in .*home/data, which is no folder any more"
    ):
        DataSource.choose(None, "lab", "mirror")
