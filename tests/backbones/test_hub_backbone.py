"""Backbones from the hub: fetched whole and once, pinned, never unpickled; and a profile that lives off it."""

import io
import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from command_line import ended, hxbench, started, write_profile
from hub_server import serve
from miniature import made_sentences, treebank_text

from hxbench import places
from hxbench.backbones.fetch import commit_of, fetch_backbone
from hxbench.backbones.load import load_backbone
from hxbench.data import wikipedia
from hxbench.errors import InputError
from hxbench.runs.scheduler import jobs
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.languages import language_set

REPOSITORY, WIKIANN = "tests/tiny-bert", "unimelb-nlp/wikiann"
COMMIT = "beef1234" * 5
NER_TAGS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
NEEDED = ("config.json", "tokenizer.json", "model.safetensors")


@pytest.fixture(scope="session")
def files(tiny):
    """What a repository of a small BERT holds, pickled weights and code included."""
    folder = places.cache_dir() / "backbones" / tiny.fingerprint
    kept = {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.name in (*NEEDED, "tokenizer_config.json")
    }
    assert {*NEEDED, "tokenizer_config.json"} == set(kept)
    return {**kept, "pytorch_model.bin": b"\x80\x04.", "modeling_evil.py": b"raise SystemExit", "README.md": b"#"}


@pytest.fixture
def site(files, tmp_path, monkeypatch):
    """The hub, with that repository, and a cache of the test's own."""
    with serve() as site:
        site.commits[REPOSITORY] = COMMIT
        site.models[REPOSITORY] = dict(files)
        monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        monkeypatch.setenv("HXBENCH_UD_ENDPOINT", f"{site.url}/ud")
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.setattr(
            "huggingface_hub.constants.HF_HUB_OFFLINE", False
        )  # its own note of it, made at import
        yield site


def spec_of(revision=COMMIT, **others):
    return BackboneSpec(name="tiny", hub=REPOSITORY, revision=revision, **others)


def asked(site):
    return {path for _, path, _, _ in site.requests}


def test_a_backbone_comes_from_the_hub(site):
    backbone = load_backbone(spec_of())
    assert (backbone.hidden_size, backbone.layer_count) == (32, 2)
    assert backbone.tokenizer.tokenize("ban")
    assert {f"/{REPOSITORY}/resolve/{COMMIT}/{name}" for name in NEEDED} <= asked(site)
    assert not [path for path in asked(site) if path.endswith((".bin", ".py", ".md"))]


def test_what_is_in_the_cache_is_used_without_asking(site):
    first = load_backbone(spec_of())
    before = len(site.requests)
    for offline in (False, True):
        again = load_backbone(spec_of(), offline=offline)
        assert all(
            torch.equal(a, b) for a, b in zip(first.model.parameters(), again.model.parameters(), strict=True)
        )
    assert load_backbone(spec_of(weights="random"), offline=True).layer_count == 2
    assert len(site.requests) == before


def test_the_weights_are_those_of_the_repository(site, files):
    from safetensors.torch import load

    saved = load(files["model.safetensors"])
    state = load_backbone(spec_of()).model.state_dict()
    shared = saved.keys() & state.keys()
    assert len(shared) > 20
    assert all(torch.equal(saved[name], state[name]) for name in shared)


def test_a_branch_is_settled_to_its_commit(site):
    assert commit_of(spec_of("main")) == commit_of(spec_of(None)) == COMMIT
    assert commit_of(spec_of("main"), offline=True) == COMMIT
    site.commits[REPOSITORY] = moved = "feed5678" * 5
    assert commit_of(spec_of("main")) == moved
    assert fetch_backbone(spec_of(COMMIT), offline=True).name == COMMIT


def test_offline_without_it_nobody_is_asked(site):
    for revision in (COMMIT, "main"):
        with pytest.raises(InputError, match=rf"{REPOSITORY} \(revision {revision}\).*not in the local cache"):
            load_backbone(spec_of(revision), offline=True)
    assert site.requests == []


def test_what_never_came_is_not_in_the_cache_either(site):
    site.models[REPOSITORY] = {k: v for k, v in site.models[REPOSITORY].items() if not k.startswith("tokenizer")}
    with pytest.raises(InputError, match=r"the repository has no tokenizer\.json"):
        fetch_backbone(spec_of())
    with pytest.raises(InputError, match=r"tokenizer\.json is not in the local cache"):
        fetch_backbone(spec_of(), offline=True)


def test_part_of_a_snapshot_is_not_enough(site):
    """Every needed file is there, but not the tokenizer's settings: what a kill between two files leaves."""
    folder = fetch_backbone(spec_of())
    for mark in (places.cache_dir() / "hub" / "backbones").iterdir():
        mark.unlink()
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(InputError, match=r"(partly|not) in the local cache"):
        fetch_backbone(spec_of(), offline=True)
    assert (fetch_backbone(spec_of()) / "tokenizer_config.json").exists()
    assert fetch_backbone(spec_of(), offline=True) == folder


@pytest.mark.parametrize(
    ("without", "said"),
    [
        (
            "model.safetensors",
            r"has no model\.safetensors \(pickled weights such as pytorch_model\.bin are .*save_pre",
        ),
        ("tokenizer.json", r"has no tokenizer\.json"),
        ("config.json", r"has no config\.json"),
    ],
)
def test_a_file_that_the_repository_lacks_is_named(site, without, said):
    del site.models[REPOSITORY][without]
    with pytest.raises(InputError, match=said):
        load_backbone(spec_of())
    assert not site.gets(".bin")


def test_a_repository_or_revision_that_is_not_there(site):
    with pytest.raises(InputError, match=r"tests/none \(revision main\) cannot be fetched: .*404"):
        load_backbone(BackboneSpec(name="x", hub="tests/none"))
    with pytest.raises(InputError, match=rf"{REPOSITORY} \(revision v9\) cannot be fetched"):
        load_backbone(spec_of("v9"))


@pytest.mark.parametrize(("kind", "said"), [("ctrl", "'ctrl' have no entry"), ("bird", "backbone tiny: .*bird")])
def test_an_architecture_nobody_knows(site, kind, said):
    config = json.loads(site.models[REPOSITORY]["config.json"])
    site.models[REPOSITORY]["config.json"] = json.dumps({**config, "model_type": kind}).encode()
    with pytest.raises(InputError, match=said):
        load_backbone(spec_of())


def test_damaged_weights_are_one_sentence(site):
    site.models[REPOSITORY]["model.safetensors"] = site.models[REPOSITORY]["model.safetensors"][:-100]
    with pytest.raises(InputError, match="backbone tiny: "):
        load_backbone(spec_of())


def test_an_unreachable_hub(site, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(InputError, match=rf"{REPOSITORY} \(revision {COMMIT}\) cannot be fetched"):
        load_backbone(spec_of())


@pytest.fixture
def release(site):
    """Every release place a profile reads: treebanks, WikiANN and Wikipedia of all sixteen languages."""
    import pyarrow
    from pyarrow.parquet import write_table

    def parquet(**columns):
        sink = io.BytesIO()
        write_table(pyarrow.table(columns), sink)
        return sink.getvalue()

    site.commits |= {WIKIANN: "c0ffee00" * 5, wikipedia.REPOSITORY: wikipedia.REVISION}
    site.datasets = {WIKIANN: {}, wikipedia.REPOSITORY: {}}
    for code, language in language_set("hyperx").items():
        for split, size in (("train", 12), ("dev", 4), ("test", 5)):
            if code == "br" and split != "test":  # as in the release
                continue
            place = f"{language.treebank}/{language.treebank_revision}/{language.treebank_stem}-ud-{split}.conllu"
            site.raw[place] = treebank_text(made_sentences(code, f"pos {split}", size)).encode()
        for split, size in (("train", 12), ("validation", 4), ("test", 5)):
            sentences = made_sentences(code, f"ner {split}", size)
            site.datasets[WIKIANN][f"{language.wikiann}/{split}-00000-of-00001.parquet"] = parquet(
                tokens=[[word for word, _, _ in s] for s in sentences],
                ner_tags=[[NER_TAGS.index(tag) for _, _, tag in s] for s in sentences],
            )
        lines = "\n".join(" ".join(word for word, _, _ in s) for s in made_sentences(code, "text", 20))
        place = f"{wikipedia.config(language)}/train-00000-of-00001.parquet"
        site.datasets[wikipedia.REPOSITORY][place] = parquet(id=["1"], text=[f"Heading\n{lines}\n"])
    return site


@pytest.mark.matrix
def test_a_profile_from_the_release_places_to_a_trained_run(release, tmp_path):
    """As users run it: what `prepare` fetched is all that training needs, with the network gone."""
    backbone = {"name": "tiny", "hub": REPOSITORY, "revision": "main"}
    scale = write_profile(tmp_path, None, "like-paper", backbone, origin="hub", text_sentences=8)
    options = ["--profile", scale.profile]
    uncounted = hxbench("cost", "hyperx-base", *options, "--json")
    assert (uncounted.code, uncounted.err.count("\n")) == (2, 1)
    assert "gives no shape" in uncounted.err
    train = scale.train("--partition", "b", "--store", tmp_path / "store")
    # nothing there yet: told at once, and nobody is asked
    for words in (["prepare", *options, "--offline"], [*train, "--offline"]):
        refused = hxbench(*words)
        assert (refused.code, refused.out) == (2, "")
        assert "offline" in refused.err.splitlines()[-1]
    assert release.requests == []
    assert not (tmp_path / "store").exists()

    prepared = ended(started("prepare", *options, "--json"))
    assert prepared.code == 0, prepared.err
    said = json.loads(prepared.out)
    assert (said["source"], said["missing"], len(said["pairs"])) == ("hub", [], 48)
    assert said["pairs"]["pos-br"] == {"test": 5}
    assert said["pairs"]["mlm-yue"] == {"train": 8}
    assert f"/{REPOSITORY}/resolve/{COMMIT}/model.safetensors" in asked(release)
    before = len(release.requests)

    answer = ended(started(*train, "--offline", "--json"))
    assert answer.code == 0, answer.err
    [row] = json.loads(answer.out)
    assert row["pos seen"] > 0
    assert len(release.requests) == before
    shown = json.loads(hxbench("runs", "show", row["run"], "--json", "--store", tmp_path / "store").out)
    assert shown["spec"]["backbone"]["fingerprint"] == f"{REPOSITORY}@{COMMIT}"

    counted = json.loads(hxbench("cost", "hyperx-base", *options, "--json").out)
    assert counted["backbone"] == shown["cost"]["backbone_parameters"]

    # the branch moves on; the run stays what it is
    release.commits[REPOSITORY] = "feed5678" * 5
    scored = hxbench("eval", row["run"], "--store", tmp_path / "store", "--task", "pos", "--offline", "--json")
    assert scored.code == 0, scored.err
    assert len(json.loads(scored.out)) == 15  # all but the pair whose test split it was trained on
    assert len(release.requests) == before


def test_offline_names_the_backbone_when_only_it_is_missing(release, tmp_path):
    backbone = {"name": "tiny", "hub": REPOSITORY, "revision": COMMIT}
    scale = write_profile(tmp_path, None, "half", backbone, origin="hub", text_sentences=8)
    fetched = hxbench("prepare", "ud", "wikiann", "text", "--profile", scale.profile)
    assert fetched.code == 0, fetched.err
    before = len(release.requests)
    for words in (["prepare"], ["train", "hyperx-base", "--store", tmp_path / "store"]):
        refused = hxbench(*words, "--profile", scale.profile, "--offline")
        assert (refused.code, refused.out) == (2, "")
        assert f"{REPOSITORY} (revision {COMMIT}) cannot be fetched: it is not in the local cache" in refused.err
    assert len(release.requests) == before
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"])
def test_each_variable_of_the_libraries_forbids_the_network(site, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    with pytest.raises(InputError, match=rf"not in the local cache .* and {name}=1"):
        load_backbone(spec_of())
    assert site.requests == []
    assert jobs.environment()[name] == "1", "runs elsewhere are told"


def test_an_endpoint_without_a_scheme_is_refused(site, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "mirror.example")
    with pytest.raises(InputError, match=r"HF_ENDPOINT is .*http"):
        load_backbone(spec_of())


def test_a_socks_proxy_without_its_package_is_refused(site, monkeypatch):
    monkeypatch.setattr("hxbench.network.find_spec", lambda name: None)
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:1080")
    with pytest.raises(InputError, match="ALL_PROXY names a SOCKS proxy"):
        load_backbone(spec_of())
    assert site.requests == []


def test_a_name_that_is_none_is_refused(site):
    for name in ("a/b/c/d", "owner/" + "x" * 3000):
        with pytest.raises(InputError, match="cannot be fetched") as caught:
            load_backbone(BackboneSpec(name="x", hub=name))
        assert "\n" not in str(caught.value)


def test_weights_from_the_hub_have_to_fit_as_those_of_a_folder(site):
    from safetensors.torch import load, save

    tensors = load(site.models[REPOSITORY]["model.safetensors"])
    tensors["foreign"] = torch.zeros(2)
    site.models[REPOSITORY]["model.safetensors"] = save(tensors, metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"1 tensor \(foreign\) left over"):
        load_backbone(spec_of())
