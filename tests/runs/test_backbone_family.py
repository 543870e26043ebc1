"""A backbone's family, whatever it is named by: what recipes say of it, and what is refused because of it."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from command_line import hxbench
from hub_server import serve
from tiny_families import END, SHAPES

from hxbench import places
from hxbench.backbones.load import load_backbone
from hxbench.backbones.vocabularies import train_byte_pairs
from hxbench.errors import InputError
from hxbench.runs.assemble import with_options
from hxbench.runs.execute import Audience, settled
from hxbench.runs.inputs import DataSource
from hxbench.runs.session import Session
from hxbench.spec import recipe
from hxbench.spec.architecture import hub_mark
from hxbench.spec.backbone import BackboneSpec
from hxbench.tasks import task_of, tasks_in

HUB = "tests/tiny-backbone"
COMMIT = "beef1234" * 5
MADE_HERE = {"bloom": "sandbox-bloom-small", "t5": "sandbox-t5-small", "bert": "sandbox-en-bert-small"}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))


def write_config(folder, kind):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": kind, "architectures": ["whatever"]}))


def in_hub_cache(kind, revision="main", *, whole=True):
    """Put a configuration where the hub's client keeps it, as links to files by their digest."""
    root = places.cache_dir() / "hub" / "hf" / f"models--{HUB.replace('/', '--')}"
    write_config(root / "blobs", kind)
    snapshot = root / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").symlink_to(root / "blobs" / "config.json")
    (root / "refs").mkdir()
    (root / "refs" / revision).write_text(COMMIT)
    if whole:
        mark = hub_mark(HUB, COMMIT)
        mark.parent.mkdir()
        mark.touch()


@pytest.fixture(params=["recipe", "folder", "hub"])
def named(request, cache, tmp_path):
    """A function from a family to what names a backbone of it."""

    def name(kind):
        if request.param == "recipe":
            return MADE_HERE[kind]
        if request.param == "folder":
            write_config(tmp_path / f"own-{kind}", kind)
            return str(tmp_path / f"own-{kind}")
        in_hub_cache(kind)
        return HUB

    return name


@pytest.mark.parametrize("kind", MADE_HERE)
def test_the_family_is_found(kind, named):
    spec = recipe.backbone(named(kind))
    assert spec.family == kind
    assert "family" not in spec.model_dump(), "no part of what a run's id is the hash of"


@pytest.mark.parametrize(("kind", "rate"), [("bloom", 3e-2), ("t5", 1e-2), ("bert", 1e-2)])
def test_a_rate_of_a_family_holds_for_every_backbone_of_it(kind, rate, named):
    spec = recipe.resolve("pet-lora", setting="single", task="rte", backbone_name=named(kind))
    assert spec.training.lr == rate
    code = recipe.resolve(
        "pet-lora", setting="single", task="rte", variant="code", backbone_name=named_again(spec)
    )
    assert code.data.cut_at == ("start" if kind == "bloom" else "end")


def named_again(spec):
    """What names a backbone as before."""
    return spec.backbone.folder or spec.backbone.hub or spec.backbone.name


@pytest.mark.parametrize("kind", MADE_HERE)
def test_its_tasks_are_those_it_can_answer(kind, named):
    found = {one.task for one in recipe.chosen_models("pet-lora", "single", backbone_name=named(kind))}
    labelled = {task for task in tasks_in("pet") if task_of(task).labels}
    assert found == (labelled if kind == "bert" else {*tasks_in("pet")})
    assert labelled < {*tasks_in("pet")}


REFUSED = {
    "bloom": ("madx", {"setting": "single", "task": "ner"}, "needs an MLM head, and BLOOM answers otherwise"),
    "t5": (
        "pet-lora",
        {"setting": "single", "task": "rte", "assignments": ["training.precision=fp16"]},
        r"^T5 overflows in fp16",
    ),
    "bert": ("pet-lora", {"setting": "single", "task": "samsum"}, "has no classes to choose among"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_it_cannot_do_is_refused_before_anything_is_read(kind, named):
    method, how, said = REFUSED[kind]
    with pytest.raises(InputError, match=said):
        with_options(recipe.resolve(method, backbone_name=named(kind), **how))


def test_a_roberta_chooses_as_bert_does(cache, tmp_path):
    write_config(tmp_path / "own", "xlm-roberta")
    found = {one.task for one in recipe.chosen_models("pet-lora", "single", backbone_name=str(tmp_path / "own"))}
    assert found == {task for task in tasks_in("pet") if task_of(task).labels}
    with pytest.raises(InputError, match="has no classes to choose among"):
        with_options(
            recipe.resolve("pet-lora", setting="single", task="samsum", backbone_name=str(tmp_path / "own"))
        )


def test_an_unfetched_hub_name_tells_nothing(cache):
    spec = recipe.resolve("pet-lora", setting="single", task="rte", backbone_name=HUB)
    assert spec.backbone.family == ""
    assert spec.training.lr == 1e-2
    with_options(spec)
    assert {one.task for one in recipe.chosen_models("pet-lora", "single", backbone_name=HUB)} == {
        *tasks_in("pet")
    }


def test_what_is_here_in_part_tells_nothing_either(cache):
    in_hub_cache("bloom", whole=False)
    assert recipe.backbone(HUB).family == ""


def test_a_revision_is_its_own(cache):
    in_hub_cache("bloom", revision="v2")
    assert BackboneSpec(name="x", hub=HUB).family == ""
    assert BackboneSpec(name="x", hub=HUB, revision="v2").family == "bloom"
    assert BackboneSpec(name="x", hub=HUB, fingerprint=f"{HUB}@{COMMIT}").family == "bloom"


BROKEN = {"none": None, "no json": "{", "no type": "{}", "a list": "[]", "deep": "[" * 100_000}


@pytest.mark.parametrize("name", BROKEN)
def test_a_configuration_that_does_not_say_is_one_sentence(name, tmp_path):
    text = BROKEN[name]
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json is damaged: it does not give the model_type\.$"):
        _ = BackboneSpec(name="x", folder=str(tmp_path)).family
    assert BackboneSpec(name="x", folder=str(tmp_path / "gone")).family == ""


def test_an_architecture_without_an_entry_is_refused_before_anything_is_read(tmp_path):
    write_config(tmp_path / "own", "ctrl")
    with pytest.raises(InputError, match=r"'ctrl' have no entry .*\(known types: .*bloom"):
        with_options(recipe.resolve("pet-lora", setting="single", task="rte", backbone_name=str(tmp_path / "own")))


def test_reports_and_help_read_no_entry(monkeypatch):
    from hxbench.spec.recipe import reading

    read, own = [], reading.read_yaml

    def noted(path, kind, *below):
        read.append(kind)
        return own(path, kind, *below)

    monkeypatch.setattr(reading, "read_yaml", noted)
    recipe.load.cache_clear()
    store = ["--store", str(Path(__file__).parents[2] / "results" / "reference")]
    assert hxbench("report", "--paper", "pet", "--table", "1", "--profile", "lab", *store).code == 0
    assert hxbench("train", "--help").code == 0
    assert "methods" in read
    assert "families" not in read


# --- a hub's that is not here yet --------------------------------------------------------------------------------


@pytest.fixture
def site(cache, tmp_path, monkeypatch):
    """The hub, with a tiny BLOOM."""
    from transformers import BloomConfig, BloomForCausalLM

    tokenizer = train_byte_pairs(["the cat sat on the mat and the dog saw it"] * 50, 300)
    config = BloomConfig(vocab_size=len(tokenizer), pad_token_id=0, **SHAPES["bloom"])
    assert config.eos_token_id == END
    folder = tmp_path / "made"
    BloomForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    with serve() as site:
        site.commits[HUB] = COMMIT
        site.models[HUB] = {path.name: path.read_bytes() for path in folder.iterdir()}
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        yield site


def resolved(*assignments, method="pet-lora"):
    return [recipe.resolve(method, setting="single", task="rte", backbone_name=HUB, assignments=assignments)]


def test_runs_are_resolved_anew_when_it_has_been_fetched(site, tmp_path):
    session = Session(DataSource("sandbox"), tmp_path / "store")
    (spec,) = settled(session, resolved, lambda spec: spec, Audience())
    assert (spec.backbone.family, spec.training.lr) == ("bloom", 3e-2)
    assert len(site.gets("model.safetensors")) == 1
    asked = len(site.requests)
    (again,) = settled(session, resolved, lambda spec: spec, Audience())
    assert again == spec
    assert len(site.requests) == asked, "it is known from then on"
    assert load_backbone(spec.backbone).family.name == "bloom"


def test_nothing_is_fetched_for_options_that_are_wrong(site, tmp_path):
    session = Session(DataSource("sandbox"), tmp_path / "store")
    with pytest.raises(InputError, match="rank"):
        settled(session, lambda: resolved("options.rank=0"), lambda spec: spec, Audience())
    assert site.requests == []


def test_offline_it_is_said_that_it_is_not_here(site, tmp_path):
    session = Session(DataSource("sandbox"), tmp_path / "store", offline=True)
    with pytest.raises(InputError, match="not in the local cache"):
        settled(session, resolved, lambda spec: spec, Audience())


def test_the_command_trains_at_the_rate_of_the_family(site, tmp_path, monkeypatch):
    from text_miniature import write_text_mirror

    write_text_mirror(tmp_path / "mirror")
    quick = {"updates": 4, "batch_size": 6, "warmup": 2, "evaluate_every": 4}
    words = [word for name, value in quick.items() for word in ("--set", f"training.{name}={value}")]
    where = ["--data-source", str(tmp_path / "mirror"), "--store", str(tmp_path / "store"), "--json"]
    answer = hxbench(
        "train", "pet-lora", "--task", "rte", "--backbone", HUB, "--set", "data.dev_from_train=12", *words, *where
    )
    assert answer.code == 0, answer.err
    (row,) = json.loads(answer.out)
    shown = hxbench("runs", "show", row["run"], "--store", str(tmp_path / "store"), "--json")
    assert json.loads(shown.out)["spec"]["training"]["lr"] == 3e-2
