import pytest
from hub_server import serve

from hxbench.data.downloads import download
from hxbench.errors import InputError

CONTENT = bytes(range(256)) * 4000  # several blocks


@pytest.fixture
def site(monkeypatch):
    # the client keeps what came in blocks of this size, 10 MB by default
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100_000)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with serve() as site:
        site.raw["a"] = CONTENT
        yield site


def test_whole_file_and_progress(site, tmp_path):
    seen = []
    assert download(f"{site.url}/ud/a", tmp_path / "deep/a", lambda *call: seen.append(call))
    assert (tmp_path / "deep/a").read_bytes() == CONTENT
    assert seen[-1] == ("a", len(CONTENT), len(CONTENT))
    assert [call[1] for call in seen] == sorted(call[1] for call in seen)
    assert [p.name for p in (tmp_path / "deep").iterdir() if not p.name.startswith(".")] == ["a"]
    download(f"{site.url}/ud/a", tmp_path / "deep/a")
    assert len(site.gets("/a")) == 1  # what is there is not asked for again


@pytest.mark.parametrize(
    ("fault", "asked"),
    [
        ({"break_once": {"/a": 600_000}}, [None, "bytes=600000-"]),
        ({"break_once": {"/a": 600_000}, "ignore_ranges": True}, [None, "bytes=600000-"]),
        ({"reset_once": {"/a": 600_000}}, [None, None]),
        ({"fail_once": {"/a": 503}}, [None, None]),
        ({}, [None]),
    ],
    ids=["broken connection", "server without ranges", "reset connection", "busy server", "none"],
)
def test_a_fault_of_the_way_is_made_good_and_a_part_of_before_is_not_trusted(site, tmp_path, fault, asked):
    (tmp_path / "a.part").write_bytes(b"x" * 1000)  # of another server, say
    vars(site).update(fault)
    assert download(f"{site.url}/ud/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert [request[2] for request in site.gets("/a")] == asked


def test_absent_refused_unreachable(site, tmp_path):
    assert not download(f"{site.url}/ud/b", tmp_path / "b")
    assert not (tmp_path / "b.part").exists()
    site.fail_once["/a"] = 403
    with pytest.raises(InputError, match="was refused with HTTP 403"):
        download(f"{site.url}/ud/a", tmp_path / "a")
    with pytest.raises(InputError, match=r"could not be fetched \(.*refused.*\); the same command goes on"):
        download("http://127.0.0.1:9/a", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_an_empty_file_is_fetched_again_and_one_that_is_empty_at_its_source_is_refused(site, tmp_path):
    (tmp_path / "a").write_bytes(b"")  # as a full disk or a crash leaves it
    assert download(f"{site.url}/ud/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
    site.raw["void"] = b""
    with pytest.raises(InputError, match=r"/ud/void is an empty file\.$"):
        download(f"{site.url}/ud/void", tmp_path / "void")
    assert not list(tmp_path.glob("void*"))


def test_two_at_once_fetch_once(site, tmp_path):
    from threading import Thread

    threads = [Thread(target=download, args=(f"{site.url}/ud/a", tmp_path / "a")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert len(site.gets("/a")) == 1
