"""Recipes: everything shipped loads and resolves, mistakes are named, a run id is its spec."""

import itertools

import pytest
import yaml
from sampled import one_in

from hxbench import places
from hxbench.closed import validated
from hxbench.errors import InputError
from hxbench.spec import experiment, recipe, settings
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.recipe import expand, merge, parse_assignments, read_yaml, resolve
from hxbench.spec.run_spec import RunSpec
from hxbench.tasks import tasks_in

FILES = sorted(
    path for path in places.shipped("recipes").rglob("*.yaml") if path.parent.name not in ("data", "kinds", "peft")
)
OF_ONE_STACK = ("prefix-tuning", "p-tuning-v2")
METHODS, PROFILES = recipe.recipe_names("methods"), recipe.recipe_names("profiles")
CELLS = [
    (method, profile, setting)
    for method, profile, setting in itertools.product(METHODS, PROFILES, settings.SETTINGS)
    if setting in recipe.load("methods", method).settings
]


def test_recipes_were_found():
    assert {"backbones", "methods", "profiles", "hyperx"} <= {path.parent.name for path in FILES}
    assert {"hyperx-base", "hyperx-small", "mbert"} <= set(METHODS)
    assert {"demo", "lab", "paper"} == set(PROFILES)
    assert "hyperx" in recipe.papers()
    assert {cell[0] for cell in CELLS} == set(METHODS)
    assert len(CELLS) >= 9 * 3, "methods with every setting"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_shipped_recipe_loads(path):
    loaded = recipe.load(path.parent.name, path.stem)
    if path.parent.name in recipe.papers():
        for block in loaded.blocks:
            assert block.methods
            for method in block.methods:
                assert block.setting in recipe.load("methods", method).settings
    assert recipe.load(path.parent.name, str(path)) == loaded, "a path works as well as a name"


@pytest.mark.parametrize(("method", "profile", "setting"), one_in(4, CELLS))
def test_every_method_resolves_in_every_profile_and_setting(method, profile, setting):
    from hxbench.runs.assemble import with_options

    loaded = recipe.load("methods", method)
    is_text = recipe.scale(profile, loaded.ground).is_text
    stands_on = {"backbone_name": "minilm-l6"} if method in OF_ONE_STACK else {}  # where a profile has a T5
    if loaded.ground == "pet":
        chosen = recipe.chosen_models(method, setting, profile=profile, **stands_on)
        models = [(one.task, None) for one in chosen]
        assert {task for task, _ in models} <= set(tasks_in("pet"))
    else:
        models = settings.models(setting, one_task=loaded.one_task, suite="glue" if is_text else None)
    variants = ["paper", *loaded.variants]
    for variant in variants:
        stated = expand(method, setting=setting, profile=profile, variant=variant, **stands_on)
        specs = [with_options(s) for s in stated]
        # else no report finds the runs: what a spec leaves out at its default, a recipe must not state
        assert [s.options | with_options(s).options for s in stated] == [s.options for s in specs]
        assert [(spec.task, spec.partition) for spec in specs] == [tuple(model) for model in models]
        assert len({spec.run_id for spec in specs}) == len(specs)
        for spec in specs:
            assert (spec.method, spec.profile, spec.setting, spec.variant) == (method, profile, setting, variant)
            assert (spec.task is not None) == (setting == "single" or loaded.one_task)
            assert (spec.partition is not None) == (setting == "mixed")
            assert spec.suite == ("glue" if is_text and setting == "multi" else None)
            assert RunSpec.model_validate(yaml.safe_load(yaml.safe_dump(spec.model_dump(mode="json")))) == spec


@pytest.mark.parametrize("profile", ["demo", "lab", "paper"])
def test_methods_that_are_compared_make_as_many_updates(profile):
    def updates(setting, methods):
        return {resolve(one, setting=setting, task="rte", suite="glue", profile=profile).training.updates
                for one in methods}  # fmt: skip

    shared = ("shared-ft", "shared-adapter", "hyperformer", "hyperdecoder", "pha")
    assert len(updates("multi", shared)) == 1
    assert len(updates("single", ("ft", "adapter", "pha-single"))) == 1


def test_a_recipe_of_text_states_every_option_of_its_method():
    from hxbench.answering.answer import AnswerOptions
    from hxbench.methods import method_class

    texts = [one for one in recipe.recipe_names("methods") if recipe.load("methods", one).paper == "pha"]
    assert len(texts) > 10
    for name in texts:
        loaded = recipe.load("methods", name)
        fields = set(method_class(loaded.kind).Options.model_fields)
        # what only PET scaling chooses, and how a backbone answers
        assert fields - {*AnswerOptions.model_fields, "start", "std"} <= set(loaded.options), name


def test_a_shortened_run_warms_up_and_chooses_in_what_is_left():
    short = recipe.Override(shorten=0.1)
    training = resolve("adapter", setting="single", task="rte", changes=short).training
    assert (training.updates, training.warmup, training.evaluate_every) == (70, 7, 17)
    whole = resolve("adapter", setting="single", task="rte", profile="paper", changes=short).training
    assert (whole.updates, whole.warmup, whole.evaluate_every) == (6500, 500, 1000)


def test_the_paper_profile_has_the_printed_numbers():
    base, small = (resolve(f"hyperx-{size}", setting="multi", profile="paper") for size in ("base", "small"))
    assert (base.options["projected"], small.options["projected"]) == (192, 32)
    assert {**base.options, "projected": 0} == {**small.options, "projected": 0}
    for spec in (base, small):
        t = spec.training
        assert (t.updates, t.batch_size, t.lr, t.warmup, t.evaluate_every) == (100_000, 32, 1e-4, 4000, 5000)
        assert (t.temperature, t.clip, t.weight_decay, t.mlm_languages, t.draw) == (5, 1, 0, "all", "independent")
        assert (spec.data.max_length, spec.data.text_sentences, spec.data.origin) == (256, 100_000, "hub")
    tuned = resolve("mbert", setting="multi", profile="paper").training
    assert (tuned.epochs, tuned.updates, tuned.lr, tuned.warmup) == (20, None, 1e-5, 4000)


def test_layers_win_in_order():
    demo = resolve("hyperx-small", setting="multi")
    assert demo.options["projected"] == 8, "its own, not that of the recipe it extends"
    assert demo.options["bottleneck"] == 32, "inherited for the profile"
    assert demo.training.lr == 1e-3
    assert demo.training.eval_batch_size == 128, "from the profile"
    changed = resolve("hyperx-small", setting="multi", assignments=["options.bottleneck=5", "training.lr=3e-4"])
    assert (changed.options["bottleneck"], changed.options["projected"], changed.training.lr) == (5, 8, 3e-4)


def test_updates_and_epochs_replace_each_other():
    assert resolve("mbert", setting="multi").training.epochs is None
    spec = resolve("mbert", setting="multi", profile="paper", assignments=["training.updates=7"])
    assert (spec.training.updates, spec.training.epochs) == (7, None)
    spec = resolve("hyperx-base", setting="multi", assignments=["training.epochs=0.5"])
    assert (spec.training.updates, spec.training.epochs) == (None, 0.5)
    with pytest.raises(InputError, match="exactly one of updates and epochs"):
        resolve("mbert", setting="multi", assignments=["training.updates=7", "training.epochs=2"])


def test_variant_code_is_the_published_scripts_form():
    spec = resolve("hyperx-base", setting="mixed", partition="a", variant="code")
    assert spec.options["order"] == ["task", "language", "layer"]
    assert spec.options["adapter_layer_norm"] is True
    assert spec.options["mlm_decoder"] == "apart"
    assert (spec.training.draw, spec.training.final_lr) == ("quota", 1e-7)
    assert (spec.data.multiword, spec.data.overflow, spec.data.cut_words) == ("keep", "truncate", "unscored")
    paper = resolve("hyperx-base", setting="mixed", partition="a")
    assert paper.options["order"] == ["language", "task", "layer"]
    assert paper.options["adapter_layer_norm"] is False
    assert paper.options["mlm_decoder"] == "frozen"
    assert spec.run_id != paper.run_id
    with pytest.raises(InputError, match="mbert has no variant 'code'"):
        resolve("mbert", setting="multi", variant="code")


def fields_of_variants(paper):
    """What the variants `code` of a paper's methods set, as dotted names."""
    methods = [m for m in (recipe.load("methods", name) for name in METHODS) if m.paper == paper]
    layers = [layer for m in methods for v in m.variants.values() for layer in (v, *v.families.values())]
    sections = ("options", "training", "data")
    return {f"{section}.{name}" for layer in layers for section in sections for name in getattr(layer, section)}


@pytest.mark.parametrize("paper", recipe.papers())
def test_what_a_variant_is_is_told_in_one_place(paper):
    told = recipe.load("variants", paper)
    named = [field for trait in told.changes for field in trait.fields]
    assert len(named) == len(set(named)), "each once"
    assert set(named) == fields_of_variants(paper)
    assert all(trait.fields and not trait.set for trait in told.changes)
    assert len(told.leaves) > 3
    for trait in told.leaves:
        assert not trait.fields
        (method,) = [
            name for name in ("hyperx-base", "pet-lora", "pha") if recipe.load("methods", name).paper == paper
        ]
        setting = recipe.load("methods", method).settings[-1]
        resolve(
            method, setting=setting, task="rte", partition="a", suite="glue", variant="code", assignments=trait.set
        )


def test_a_variant_can_be_one_of_a_family_of_backbones():
    bloom, t5 = (
        resolve("pet-lora", setting="single", task="rte", profile="paper", variant="code", size=size)
        for size in ("bloom-small", "t5-small")
    )
    assert (bloom.data.cut_at, t5.data.cut_at) == ("start", "end")
    assert bloom.training.batch_size == t5.training.batch_size == 16
    plain = resolve("pet-lora", setting="single", task="rte", profile="paper", size="bloom-small")
    assert plain.data.cut_at == "end"


BASE = {"setting": "mixed", "partition": "a", "seed": 1}


def test_a_run_id_is_stable():
    # Changing how a spec is hashed orphans every run that people have: if this fails, that is what happened.
    fields = {
        "paper": "hyperx", "method": "m", "kind": "hyperx", "setting": "multi", "seed": 3, "profile": "demo",
        "options": {"b": 1, "a": [1, "x"]}, "data": {"origin": "sandbox"}, "backbone": {"name": "x", "hub": "o/x"},
        "training": {"updates": 5, "lr": 1e-3},
    }  # fmt: skip
    spec = validated(RunSpec, fields, "test")
    again = validated(RunSpec, {**fields, "options": {"a": [1, "x"], "b": 1}}, "test")
    assert spec.run_id == again.run_id
    assert len(spec.run_id) == 12
    assert int(spec.run_id, 16) >= 0
    assert RunSpec.model_validate_json(spec.model_dump_json()).run_id == spec.run_id


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2}, {"partition": "b"}, {"partition": "a-switched"}, {"setting": "multi"}, {"profile": "lab"},
        {"variant": "code"}, {"backbone_weights": "random"}, {"backbone_name": "lab-small"}, {"origin": "hub"},
        {"assignments": ["options.bottleneck=31"]}, {"assignments": ["training.temperature=1"]},
        {"assignments": ["data.train_sentences=10"]}, {"assignments": ["data.sandbox_seed=1"]},
        {"assignments": ["training.precision=bf16"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_run_id_tells_every_difference(change):
    assert resolve("hyperx-base", **(BASE | change)).run_id != resolve("hyperx-base", **BASE).run_id


def test_what_does_not_apply_is_not_part_of_a_run():
    one = resolve("hyperx-base", setting="multi", task="ner", partition="a")
    assert one.run_id == resolve("hyperx-base", setting="multi").run_id


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"assignments": ["training.batchsize=3"]}, ("training field 'batchsize'", "given: 3", "batch_size")),
        ({"assignments": ["training.lr=-1"]}, ("training.lr", "-1", "greater than 0")),
        ({"assignments": ["training.lr=fast"]}, ("training.lr", "fast")),
        ({"assignments": ["training.lr=.inf"]}, ("training.lr", "inf")),
        ({"assignments": ["training.lr=.nan"]}, ("training.lr", "nan")),
        ({"assignments": ["training.updates=0"]}, ("training.updates", "0")),
        ({"assignments": ["training.selection=best"]}, ("training.selection", "best", "sources")),
        ({"assignments": ["data.max_length=2"]}, ("data.max_length", "2")),
        ({"assignments": ["data.origin=disk"]}, ("data.origin", "disk")),
        ({"assignments": ["lr=1"]}, ("--set lr=1", "training.KEY=VALUE")),
        ({"assignments": ["model.lr=1"]}, ("--set model.lr=1",)),
        ({"assignments": ["training.lr"]}, ("--set training.lr",)),
        ({"assignments": ["training.lr=[1"]}, ("--set training.lr=[1",)),
        ({"seed": -1}, ("seed", "-1")),
        ({"seed": 2**32}, ("seed", str(2**32))),
        ({"partition": "c"}, ("partition", "c")),
        ({"setting": "mixd"}, ("mixd", "mixed")),
        ({"profile": "dem"}, ("dem", "demo")),
        ({"backbone_name": "mbret"}, ("mbret", "mbert")),
        ({"backbone_name": "../x"}, ("../x",)),
        ({"variant": "cod"}, ("cod", "code")),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_values_give_one_sentence_that_names_them(arguments, named):
    with pytest.raises(InputError) as caught:
        resolve("hyperx-base", **(BASE | arguments))
    text = str(caught.value)
    assert "\n" not in text
    for part in named:
        assert part in text


def test_unknown_options_of_a_method_are_refused():
    from hxbench.runs.assemble import with_options

    with pytest.raises(
        InputError,
        match=r"options of hyperx-base: unknown field 'bottelneck' \(given: 3\)\. Did you mean bottleneck",
    ):
        with_options(resolve("hyperx-base", **BASE, assignments=["options.bottelneck=3"]))
    with pytest.raises(InputError, match="options of mbert: unknown field 'bottleneck'"):
        with_options(resolve("mbert", **BASE, assignments=["options.bottleneck=3"]))


def test_unknown_names_are_answered_with_near_ones():
    with pytest.raises(InputError, match=r"unknown method 'hyperx-bsae'\. Did you mean hyperx-base"):
        resolve("hyperx-bsae", setting="multi")
    with pytest.raises(InputError, match="Did you mean table2"):
        recipe.load("hyperx", "tabel2")


def test_assignments_are_read_as_yaml_scalars():
    read = parse_assignments(
        ["training.lr=1e-4", "training.draw=quota", "options.flag=true", "options.order=[task, layer]",
         "data.train_sentences=null", "data.x=a=b", "options.n=12", "options.e=none"]
    )  # fmt: skip
    assert read["training"] == {"lr": 1e-4, "draw": "quota"}
    assert read["options"] == {"flag": True, "order": ["task", "layer"], "n": 12, "e": "none"}
    assert read["data"] == {"train_sentences": None, "x": "a=b"}


def test_expand_gives_both_sides_and_every_seed():
    specs = expand("mbert", setting="mixed", seeds=[1, 2])
    assert [(s.seed, s.partition) for s in specs] == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]
    switched = expand("mbert", setting="mixed", partition="switched")
    assert [s.partition for s in switched] == ["a-switched", "b-switched"]
    assert [s.partition for s in expand("mbert", setting="mixed", partition="b")] == ["b"]
    assert [s.task for s in expand("mbert", setting="single")] == ["ner", "pos"]
    assert [s.task for s in expand("mbert", setting="single", task="pos")] == ["pos"]
    assert [s.seed for s in expand("mbert", setting="multi")] == [recipe.load("profiles", "demo").seeds[0]]
    with pytest.raises(InputError, match="--task only applies"):
        expand("mbert", setting="multi", task="ner")
    with pytest.raises(InputError, match="--partition only applies"):
        expand("mbert", setting="multi", partition="a")
    with pytest.raises(InputError, match="unknown partition 'c'"):
        expand("mbert", setting="mixed", partition="c")
    with pytest.raises(InputError, match="mlm"):
        expand("mbert", setting="single", task="mlm")


@pytest.fixture
def folder(tmp_path):
    def write(**files):
        for name, values in files.items():
            text = values if isinstance(values, str) else yaml.safe_dump(values)
            (tmp_path / f"{name}.yaml").write_text(text)
        return tmp_path

    return write


def test_extends_merges_nested_keys_underneath(folder):
    root = folder(
        top={"a": 1, "training": {"lr": 1, "updates": 5}, "keep": [1, 2]},
        middle={"extends": "top", "a": 2, "training": {"lr": 2}},
        leaf={"extends": "middle", "training": {"clip": 3}, "keep": [3]},
    )
    assert read_yaml(root / "leaf.yaml", "methods") == {
        "a": 2,
        "training": {"lr": 2, "updates": 5, "clip": 3},
        "keep": [3],
    }


@pytest.mark.parametrize("parent", ["../leaf", "/etc/passwd", "a/b.yaml", "", 3, ["leaf"]])
def test_extends_takes_a_name(folder, parent):
    root = folder(leaf={"extends": parent})
    with pytest.raises(InputError, match=r"leaf\.yaml: extends takes the name of a recipe"):
        read_yaml(root / "leaf.yaml", "methods")


def test_a_recipe_of_ones_own_extends_a_shipped_one(folder):
    root = folder(
        mine={"extends": "pha", "title": "Mine", "options": {"d_prime": 24}}, far={"extends": "mine.yaml"}
    )
    shipped = resolve("pha", setting="multi", suite="glue")
    spec = resolve(str(root / "mine.yaml"), setting="multi", suite="glue")
    assert spec.method == "mine"
    assert (spec.training, spec.data, spec.kind) == (shipped.training, shipped.data, "pha")
    assert shipped.options["d_prime"] == 32, "a number of the demo, which what is stated goes before"
    assert spec.options == {**shipped.options, "d_prime": 24}
    assert recipe.load("methods", str(root / "far.yaml")).title == "Mine"


def test_what_a_recipe_of_ones_own_states_holds_at_every_profile_it_does_not_name(folder):
    training = {"epochs": 2, "lr": 1}
    root = folder(
        mine={"extends": "madx", "training": training, "options": {"language": {"lr": 0.5}}},
        scaled={"extends": "madx", "training": training, "profiles": {"lab": {"training": {"lr": 3}}}},
    )
    for profile in PROFILES:
        theirs, mine, scaled = (
            resolve(name, setting="single", task="pos", profile=profile)
            for name in ("madx", str(root / "mine.yaml"), str(root / "scaled.yaml"))
        )
        assert (mine.training.epochs, mine.training.updates, mine.training.lr) == (2, None, 1)
        assert mine.training.warmup == theirs.training.warmup
        assert mine.options == merge(theirs.options, {"language": {"lr": 0.5}})
        assert scaled.training.lr == (3 if profile == "lab" else 1)


def test_a_neighbour_goes_before_a_shipped_recipe_of_its_name(folder):
    root = folder(pha={"extends": "ft", "title": "Not PHA"}, mine={"extends": "pha"})
    assert recipe.load("methods", str(root / "mine.yaml")).title == "Not PHA"


def test_profiles_and_experiments_extend_shipped_ones_too(folder):
    root = folder(
        quick={"extends": "demo", "seeds": [1]},
        mine={"paper": "pha", "extends": "table3", "artifacts": []},
        hyper={"extends": "figure7", "about": "Mine."},
    )
    assert recipe.load("profiles", str(root / "quick.yaml")).backbone == "sandbox-tiny"
    paper, name = experiment.named(str(root / "mine.yaml"))
    assert (paper, len(experiment.blocks(paper, name))) == ("pha", 4)
    assert experiment.named(str(root / "hyper.yaml"))[0] == "hyperx"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"extends": "phaa"}, r"leaf\.yaml: extends: unknown method 'phaa'\. Did you mean pha"),
        ({"extends": "pha", "optons": {}}, r"leaf\.yaml: unknown field 'optons'.*Did you mean options"),
        ({"extends": "absent.yaml"}, r"absent\.yaml: not a readable YAML file"),
    ],
)
def test_what_a_recipe_of_ones_own_cannot_say(folder, values, said):
    root = folder(leaf=values)
    with pytest.raises(InputError, match=said):
        recipe.load("methods", str(root / "leaf.yaml"))


@pytest.mark.parametrize("parent", ["two", "two.yaml"])
def test_recipes_that_extend_each_other_are_refused(folder, parent):
    root = folder(one={"extends": parent}, two={"extends": "one"}, pha={"extends": "pha"})
    with pytest.raises(InputError, match=r"leads back to where it began: one\.yaml → two\.yaml → one\.yaml"):
        read_yaml(root / "one.yaml", "methods")
    with pytest.raises(InputError, match=r"pha\.yaml → pha\.yaml"):
        read_yaml(root / "pha.yaml", "methods")


@pytest.mark.parametrize(
    "text", ["[1, 2]", "", "a: [1", "!!python/object/apply:os.getpid []", "a: !!python/name:os.x"]
)
def test_files_that_are_no_plain_mappings_are_refused(folder, text):
    root = folder(bad=text)
    with pytest.raises(InputError, match=r"bad\.yaml") as caught:
        read_yaml(root / "bad.yaml", "methods")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"none\.yaml"):
        read_yaml(root / "none.yaml", "methods")


def test_a_recipe_of_the_users_own(folder):
    mine = yaml.safe_load((places.shipped("recipes") / "methods" / "mbert.yaml").read_text())
    root = folder(mine={**mine, "title": "Mine"}, wrong={**mine, "titel": "Mine"})
    spec = resolve(str(root / "mine.yaml"), setting="multi")
    assert (spec.method, spec.kind) == ("mine", "finetune")
    with pytest.raises(InputError, match=r"wrong\.yaml: unknown field 'titel'.*Did you mean title"):
        resolve(str(root / "wrong.yaml"), setting="multi")


def test_backbones_by_name_folder_and_hub(tmp_path):
    assert recipe.backbone("mbert").hub == "google-bert/bert-base-multilingual-cased"
    assert recipe.backbone("mbert", "random").weights == "random"
    assert recipe.backbone("owner/model").hub == "owner/model"
    (tmp_path / "config.json").write_text("{}")
    assert recipe.backbone(str(tmp_path)).folder == str(tmp_path.resolve())
    with pytest.raises(InputError, match="exactly one of hub, folder, pretrain and wheel"):
        validated(BackboneSpec, {"name": "x", "hub": "a/b", "folder": "c"}, "x")


def test_merge_keeps_its_layers():
    layers = {"a": {"x": 1}, "b": 1}, {"a": {"y": 2}}, {"b": {"z": 1}}
    assert merge(*layers) == {"a": {"x": 1, "y": 2}, "b": {"z": 1}}
    assert layers[0] == {"a": {"x": 1}, "b": 1}
    assert merge() == {}


def test_specs_are_frozen():
    spec = resolve("mbert", setting="multi")
    with pytest.raises(Exception, match="frozen"):
        spec.seed = 4


def test_an_assignment_reaches_a_field_of_a_field():
    given = ["options.language.lr=1e-3", "options.language.updates=5", "options.invertible=true"]
    found = parse_assignments(given)
    assert found["options"] == {"language": {"lr": 1e-3, "updates": 5}, "invertible": True}
    with pytest.raises(InputError, match=r"options\.language is given a value of its own as well"):
        parse_assignments(["options.language=1", "options.language.lr=1e-3"])


def test_pet_methods_are_run_on_the_tasks_their_backbone_can_answer():
    every = [model.task for model in recipe.chosen_models("pet-lora", "single")]
    assert every == "sst2 imdb rotten mnli qnli rte mrpc qqp nq samsum multinews".split()
    bert = recipe.chosen_models("pet-lora", "single", backbone_name="sandbox-en-bert-small")
    assert [model.task for model in bert] == every[:8]
    assert [model.task for model in recipe.chosen_models("apet", "single", task="nq")] == ["nq"]
    with pytest.raises(InputError, match="--suite only applies to methods of paper pha"):
        recipe.chosen_models("pet-lora", "single", suite="glue")


def test_a_label_sits_on_a_character_where_the_tokenizer_was_not_made_here():
    made = resolve("hyperx-base", setting="mixed", partition="a")
    assert made.data.label_token == "first", "WordPiece, whose ids stay"
    brought = resolve("hyperx-base", setting="mixed", partition="a", backbone_name="e5-small-q4")
    assert brought.data.label_token == "character"
    words = ["data.label_token=first"]
    asked = resolve("mbert", setting="multi", backbone_name="e5-small-q4", assignments=words)
    assert asked.data.label_token == "first"


@pytest.mark.parametrize("paper", ["hyperx", "pha", "pet"])
def test_a_profile_of_ones_own_has_its_backbone_for_every_paper(folder, paper):
    path = folder(mine={"extends": "demo", "backbone": "minilm-l6"}) / "mine.yaml"
    found, shipped = recipe.scale(str(path), paper), recipe.scale("demo", paper)
    assert found.backbone == "minilm-l6"
    assert (found.sizes, found.data, found.training, found.seeds) == (
        shipped.sizes, shipped.data, shipped.training, shipped.seeds,
    )  # fmt: skip


def test_a_task_of_texts_is_told_from_an_unknown_one():
    with pytest.raises(
        InputError, match="rte answers texts as a whole, and mbert tags words: its recipe is of paper"
    ):
        recipe.expand("mbert", setting="single", task="rte")
