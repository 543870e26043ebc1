"""A family of backbones from outside: a Helium by an entry of some twenty lines in a package of the test's own."""

import json
import re

import pytest
import torch
import yaml
from command_line import hxbench
from text_miniature import write_text_mirror
from tiny_decoders import save_decoder
from tiny_families import END, family_batch, rows, slow_logits

from hxbench.backbones.load import folder_fingerprint, load_backbone
from hxbench.backbones.vocabularies import train_byte_pairs
from hxbench.errors import InputError
from hxbench.runs.assemble import build, costs, with_options
from hxbench.runs.backbone import get_backbone
from hxbench.runs.checking import checks
from hxbench.spec import recipe

HELIUM = """
title: Helium
body: model
words: embed_tokens
embeddings: {module: layers.0, before: true}
decoder:
  layers: layers
  sites:
    attention: self_attn.o_proj
    ffn: mlp.down_proj
    parallel: {module: mlp.down_proj, fed_by: mlp}
  projections:
    query: self_attn.q_proj
    key: self_attn.k_proj
    value: self_attn.v_proj
    output: self_attn.o_proj
    up: mlp.up_proj
    gate: mlp.gate_proj
    down: mlp.down_proj
  norms: [input_layernorm, post_attention_layernorm]
norms: [norm]
head: lm_head
output: lm_head
key_heads: num_key_value_heads
padding: left
counts_positions: true
ids: [pad_token_id, eos_token_id]
"""


def install(folder, monkeypatch, recipes, name="mine", group="recipes"):
    """Put a package with these recipes, texts by path, on the way to modules, as if it were installed."""
    for path, text in recipes.items():
        file = folder / name / group / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "__init__.py").write_text("raise SystemExit('nothing of it is run')\n")
    info = folder / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[hxbench.{group}]\n{name} = {name}\n")
    monkeypatch.syspath_prepend(str(folder))


@pytest.fixture
def helium(tmp_path, monkeypatch):
    """The folder of a tiny Helium, its family's entry installed."""
    install(tmp_path / "site", monkeypatch, {"families/helium.yaml": HELIUM})
    return save_helium(tmp_path / "tiny-helium")


def save_helium(folder):
    """Save a tiny Helium with a tokenizer; two heads share a key."""
    from transformers import HeliumConfig, HeliumForCausalLM

    tokenizer = train_byte_pairs(["the cat sat on the mat and the dog saw it"] * 50, 300)
    config = HeliumConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=24, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, head_dim=4, pad_token_id=0, eos_token_id=END,
        bos_token_id=END, initializer_range=0.3,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        HeliumForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def spec_of(method, folder, *assignments):
    return with_options(
        recipe.resolve(method, setting="single", task="rte", backbone_name=str(folder), assignments=assignments)
    )


OPTIONS = {"apet": ["options.budget=200"], "pet-prompt": ["options.tokens=4"]}


def method_of(method, folder):
    spec = spec_of(method, folder, *OPTIONS.get(method, []))
    return build(spec, load_backbone(spec.backbone))


def test_the_family_is_known_by_name_and_its_parts_are_found(helium):
    assert "helium" in recipe.recipe_names("families")
    backbone = load_backbone(recipe.backbone(str(helium)))
    assert backbone.family.name == "helium"
    assert (backbone.hidden_size, backbone.heads, backbone.depths) == (16, 4, (3,))
    value = backbone.projections("value")[1]
    assert (value.name, value.width_in, value.width_out) == ("1.self_attn.v_proj", 16, 8), "two heads share one"
    assert backbone.biased() == {}
    assert len(backbone.norms()) == 7
    assert backbone.tokenizer.padding_side == "left"


def test_every_check_of_a_backbone_finds_it_right(helium):
    found = {one.name: one for one in checks(helium)}
    assert [one for one in found.values() if one.wrong] == []
    assert found["sites"].found == f"{1 + 3 * 3} sites act"


@pytest.mark.parametrize("method", ["pet-ft", "pet-lora", "pet-adapter", "pet-prompt", "apet"])
def test_every_tuning_trains_on_it_and_gives_it_back(method, helium):
    made = method_of(method, helium)
    frozen = {name: p.clone() for name, p in made.model.named_parameters() if not p.requires_grad}
    trained = made.trained()
    before = {name: p.detach().clone() for name, p in trained.items()}
    batch = family_batch("helium")
    optimiser = torch.optim.AdamW(trained.values(), lr=1e-3)
    losses = []
    for _ in range(4):
        loss = made(batch)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert any(not torch.equal(before[name], p) for name, p in trained.items())
    after = dict(made.model.named_parameters())
    if method != "apet":  # whose entries of the backbone stand in it until it is removed
        assert all(torch.equal(after[name], value) for name, value in frozen.items())
    assert made.generate(batch, 3).shape[0] == 4
    if method == "pet-lora":  # 8·(in + out) for query and value, whose heads are half as many
        assert made.counted() == 3 * 8 * (16 + 16 + 16 + 8)
    assert costs(spec_of(method, helium, *OPTIONS.get(method, [])))["counted"] == made.counted()
    if method != "pet-ft":
        made.remove()
        stock = load_backbone(recipe.backbone(str(helium))).model
        assert torch.equal(made.model(batch.input_ids).logits, stock(batch.input_ids).logits)


def test_padding_and_a_prompt_before_it_move_nothing(helium):
    method = method_of("pet-prompt", helium).eval()
    with torch.no_grad():
        method.own().normal_()
    batch = family_batch("helium")
    with torch.no_grad():
        ours = method.logits(batch)
        wanted = slow_logits("bloom", method.model, batch, prompt=method.own())
        for row, one in zip(ours, wanted, strict=True):
            torch.testing.assert_close(row[: len(one)], one, rtol=1e-4, atol=1e-5)
        written = method.generate(batch, 5)
        words = method.model.get_input_embeddings()
        for (source, _), answer in zip(rows(batch), written, strict=True):
            ids = source
            for piece in answer:
                text = torch.cat([method.own()[None], words(ids)], 1)
                following = method.model(inputs_embeds=text).logits[0, -1].argmax()
                assert piece == following
                if following == END:
                    break
                ids = torch.cat([ids, following.view(1, 1)], 1)


def test_biases_that_there_are_not_are_refused_in_one_sentence(helium):
    with pytest.raises(InputError, match=r"^pet-bitfit tunes biases, and Helium has none\.$"):
        spec_of("pet-bitfit", helium)
    with pytest.raises(InputError, match="budget"):
        spec_of("apet", helium, "options.budget=bitfit")


def test_a_method_without_a_place_on_it_is_refused_when_it_is_resolved(own):
    entry = yaml.safe_load(HELIUM)
    del entry["decoder"]["sites"]["parallel"]
    (own / recipe.OWN_FAMILY).write_text(yaml.safe_dump(entry))
    refused = "acts at parallel, but the entry of Helium has no such site"
    for method, *more in (("parallel-adapter",), ("pet-adapter", "options.placement=parallel"), ("pha-single",)):
        with pytest.raises(InputError, match=rf"^{method} {refused}\.$"):
            spec_of(method, own, *more)
    spec_of("pet-adapter", own)


def test_other_methods_say_what_they_need(helium):
    with pytest.raises(InputError, match=r"^madx needs an MLM head, and Helium answers otherwise"):
        with_options(recipe.resolve("madx", setting="single", task="pos", backbone_name=str(helium)))


def test_a_recipe_may_have_values_for_it(helium, tmp_path):
    mine = {"extends": "pet-lora", "profiles": {"demo": {"families": {"helium": {"training": {"lr": 0.5}}}}}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(mine))
    assert spec_of(str(tmp_path / "mine.yaml"), helium).training.lr == 0.5
    mine["profiles"]["demo"]["families"] = {"heliu": {}}
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(mine))
    with pytest.raises(InputError, match=r"wrong\.yaml: .*family.*heliu.*helium"):
        spec_of(str(tmp_path / "wrong.yaml"), helium)


# --- packages with recipes ---------------------------------------------------------------------------------------


def test_all_kinds_of_recipes_come_from_a_package(tmp_path, monkeypatch):
    experiment = "paper: own\nabout: mine\nblocks: [{setting: multi, methods: [my-mbert]}]\n"
    install(
        tmp_path,
        monkeypatch,
        {
            "methods/my-mbert.yaml": "extends: mbert\ntitle: My mBERT\n",
            "backbones/my-tiny.yaml": "extends: sandbox-tiny\nname: my-tiny\n",
            "own/first.yaml": experiment,
            "families/flan.yaml": "extends: t5\ntitle: Flan\n",
        },
    )
    assert {"my-mbert", "mbert"} <= {*recipe.recipe_names("methods")}
    assert recipe.load("methods", "my-mbert").title == "My mBERT"
    assert recipe.backbone("my-tiny").pretrain == recipe.backbone("sandbox-tiny").pretrain
    assert recipe.papers() == ["hyperx", "pet", "pha", "own"], "ours first: where none is named it is one of them"
    assert recipe.load("own", "first").about == "mine"
    flan, t5 = (recipe.load("families", name) for name in ("flan", "t5"))
    assert flan.model_dump() == t5.model_dump() | {"name": "flan", "title": "Flan"}
    assert "my-mbert" in hxbench("list", "methods").out


def test_a_name_that_is_there_twice_is_refused(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, {"families/bert.yaml": "extends: roberta\n"})
    with pytest.raises(InputError, match=r"^family bert is there twice: .*bert\.yaml and .*mine.*bert\.yaml\.$"):
        recipe.recipe_names("families")
    assert "mbert" in recipe.recipe_names("methods")


def test_families_alone_come_from_a_package_by_a_group_of_their_own(tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, {"helium.yaml": HELIUM}, name="lone", group="families")
    assert "helium" in recipe.recipe_names("families")
    assert load_backbone(recipe.backbone(str(save_helium(tmp_path / "tiny")))).family.title == "Helium"
    assert "lone" not in recipe.papers()


def test_a_package_without_families_is_named(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, {}, name="bare", group="families")
    with pytest.raises(
        InputError, match=r"entry point bare of hxbench\.families: no package bare has a folder fam"
    ):
        recipe.recipe_names("families")


# --- an entry beside the configuration ---------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path):
    """The folder of a tiny Helium with an entry of three lines in it."""
    folder = save_helium(tmp_path / "tiny-helium")
    (folder / recipe.OWN_FAMILY).write_text("extends: llama\ntitle: Helium\n")
    return folder


def test_an_entry_in_the_folder_counts_there_and_nowhere_else(own, tmp_path):
    backbone = load_backbone(recipe.backbone(str(own)))
    assert (backbone.family.name, backbone.family.title, backbone.key_heads) == ("helium", "Helium", 2)
    assert method_of("pet-lora", own).counted() == 3 * 8 * (16 + 16 + 16 + 8)
    with pytest.raises(InputError, match="backbones of type 'helium' have no entry"):
        load_backbone(recipe.backbone(str(save_helium(tmp_path / "other"))))


def test_two_entries_of_the_same_files_are_two_backbones(own):
    entry, comment = own / recipe.OWN_FAMILY, "# told once more\n"
    first = folder_fingerprint(own)
    entry.write_text(comment + entry.read_text())
    assert folder_fingerprint(own) == first, "what it says is the same"
    entry.write_text(entry.read_text() + "prompt: normal\n")
    assert folder_fingerprint(own) != first
    spec = recipe.backbone(str(own)).model_copy(update={"fingerprint": first})
    with pytest.raises(InputError, match="has other files than it had"):
        get_backbone(spec)


def test_an_entry_of_ours_is_no_part_of_a_fingerprint(tmp_path):
    folder = save_decoder("llama", tmp_path / "llama")
    before = folder_fingerprint(folder)
    (folder / recipe.OWN_FAMILY).write_text("extends: llama\n")
    assert folder_fingerprint(folder) == before
    (folder / recipe.OWN_FAMILY).write_text("extends: llama\nprompt: normal\n")
    assert folder_fingerprint(folder) != before


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(8)
)
HOSTILE = {
    "extends: llama\nname: llama\n": r"name: it is of llama, and config\.json says helium",
    "body: [\n": "not a readable YAML file",
    "- a\n": "expected a mapping",
    "title: " + "x" * 100_000: r"larger than 0\.1 MB",
    BOMB: "more than 200000 values",
    "extends: ../llama\n": "extends takes the name",
    "extends: llama\nbeside: ['(a+)+b']\n": "a pattern repeats 4 things at most, and no group",
    "extends: llama\nbeside: ['a?a?a?a?a?b']\n": "a pattern repeats",
    "extends: llama\nbody: a/../b\n": "a path of modules",
    "extends: llama\ntitle: !!python/object:os.system x\n": "not plain data",
}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_entry_is_refused_in_one_sentence(text, own):
    (own / recipe.OWN_FAMILY).write_text(text)
    answer = hxbench("cost", "pet-lora", "--profile", "demo", "--backbone", str(own))
    assert answer.code == 2
    assert re.search(HOSTILE[text], answer.err), answer.err
    assert recipe.OWN_FAMILY in answer.err
    assert answer.err.count("\n") == 1


def test_a_link_is_no_entry(own, tmp_path):
    (own / recipe.OWN_FAMILY).rename(tmp_path / "entry.yaml")
    (own / recipe.OWN_FAMILY).symlink_to(tmp_path / "entry.yaml")
    with pytest.raises(InputError, match="it is a link"):
        spec_of("pet-lora", own)


def test_a_refusal_shows_the_entry_to_write(own):
    entry = own / recipe.OWN_FAMILY
    entry.unlink()
    train = ["train", "pet-lora", "--task", "rte", "--backbone", str(own)]
    answer = hxbench(*train)
    assert answer.code == 2
    said, _, shown = answer.err.partition("\n\n")
    assert "backbones of type 'helium' have no entry" in said
    assert "\n" not in said
    assert shown == "title: Helium\nbody: model\nextends: llama\n"
    entry.write_text(shown)
    assert load_backbone(recipe.backbone(str(own))).hidden_size == 16


def test_a_package_without_recipes_is_named(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, {}, name="empty")
    with pytest.raises(
        InputError, match=r"entry point empty of hxbench\.recipes: no package empty has a folder rec"
    ):
        recipe.recipe_names("methods")


TRAINING = {"updates": 8, "batch_size": 6, "warmup": 2, "evaluate_every": 4}
QUICK = [word for name, value in TRAINING.items() for word in ("--set", f"training.{name}={value}")]


def test_it_is_trained_and_scored_by_the_command(helium, tmp_path):
    write_text_mirror(tmp_path / "mirror")
    where = ["--data-source", str(tmp_path / "mirror"), "--store", str(tmp_path / "store"), "--json"]
    words = ["--task", "rte", "--backbone", str(helium), "--set", "data.dev_from_train=12", *QUICK]
    answer = hxbench("train", "pet-lora", *words, *where)
    assert answer.code == 0, answer.err
    (row,) = json.loads(answer.out)
    assert row["rte"] is not None
    counted = hxbench("cost", "pet-lora", "--profile", "demo", "--backbone", str(helium), "--json")
    assert json.loads(counted.out)["counted"] == 3 * 8 * (16 + 16 + 16 + 8)
