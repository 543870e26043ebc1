import pytest
from hub_server import serve

from hxbench.data.transfer import download
from hxbench.errors import InputError

CONTENT = bytes(range(256)) * 4000  # several blocks


@pytest.fixture
def site():
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


def test_broken_connection_resumes(site, tmp_path):
    site.break_once["/a"] = 600_000
    download(f"{site.url}/ud/a", tmp_path / "a", pause=0)
    assert (tmp_path / "a").read_bytes() == CONTENT
    first, second = site.gets("/a")
    assert first[2] is None
    assert second[2] == "bytes=600000-"
    assert second[3].startswith('"')  # If-Range with the entity tag of the first answer


def test_a_later_call_resumes_too(site, tmp_path):
    (tmp_path / "a.part").write_bytes(CONTENT[:1000])
    download(f"{site.url}/ud/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert site.gets("/a")[0][2] == "bytes=1000-"


def test_another_file_by_then_starts_over(site, tmp_path):
    site.break_once["/a"] = 600_000
    site.fail_once["/nothing"] = 500
    (tmp_path / "a.part").write_bytes(b"old" * 1000)
    (tmp_path / "a.part.etag").write_text('"old"')
    download(f"{site.url}/ud/a", tmp_path / "a", pause=0)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_part_longer_than_the_file(site, tmp_path):
    (tmp_path / "a.part").write_bytes(CONTENT + b"more")
    download(f"{site.url}/ud/a", tmp_path / "a", pause=0)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_server_without_ranges(site, tmp_path):
    site.ignore_ranges = True
    site.break_once["/a"] = 600_000
    download(f"{site.url}/ud/a", tmp_path / "a", pause=0)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_busy_server_is_asked_again(site, tmp_path):
    site.fail_once["/a"] = 503
    download(f"{site.url}/ud/a", tmp_path / "a", pause=0)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_absent_refused_unreachable(site, tmp_path):
    assert not download(f"{site.url}/ud/b", tmp_path / "b")
    site.fail_once["/a"] = 403
    with pytest.raises(InputError, match="was refused with HTTP 403"):
        download(f"{site.url}/ud/a", tmp_path / "a")
    with pytest.raises(InputError, match=r"could not be fetched in 6 tries \(last: .*refused"):
        download("http://127.0.0.1:9/a", tmp_path / "a", pause=0)
    assert not (tmp_path / "a").exists()


def test_giving_up_keeps_what_came(site, tmp_path, monkeypatch):
    monkeypatch.setattr("hxbench.data.transfer._TRIES", 1)
    site.break_once["/a"] = 500_000
    with pytest.raises(InputError, match="after 500000 of 1024000 bytes"):
        download(f"{site.url}/ud/a", tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert (tmp_path / "a.part").stat().st_size == 500_000


def test_two_at_once_fetch_once(site, tmp_path):
    from threading import Thread

    threads = [Thread(target=download, args=(f"{site.url}/ud/a", tmp_path / "a")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert len(site.gets("/a")) == 1
