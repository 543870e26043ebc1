"""Every shipped experiment resolves to runs, and what its blocks change arrives in their specs."""

import pytest
from pydantic import ValidationError
from sampled import one_in

from hxbench.errors import InputError
from hxbench.spec import experiment, recipe
from hxbench.spec.recipe import ExperimentBlock
from hxbench.spec.run_spec import DataSpec
from hxbench.spec.settings import Pair

SANDBOX = DataSpec(origin="sandbox")
SHIPPED = [(paper, name) for paper in recipe.papers() for name in recipe.recipe_names(paper)]


def test_there_are_experiments():
    wanted = {"table2", "table5", "figure3", "figure4", "figure5", "figure7", "controls", "interpolation", "all"}
    assert wanted <= {name for paper, name in SHIPPED if paper == "hyperx"}


@pytest.mark.parametrize(("paper", "name"), SHIPPED)
@pytest.mark.parametrize("profile", one_in(3, ["demo", "lab", "paper"]))
def test_every_experiment_resolves(paper, name, profile):
    scale, blocks = recipe.scale(profile, paper), experiment.blocks(paper, name, profile)
    elsewhere = [("pet", "rates"), ("pet", "decoder")] if profile != "lab" else []
    elsewhere += [("pet", "choosing")] if profile == "lab" else []  # whose backbones write nothing
    elsewhere += [("pha", "encoder"), ("pha", "encoder-rates"), ("pha", "encoder-sources")] * (profile == "paper")
    if (paper, name) in elsewhere:
        with pytest.raises(InputError, match="has no runs at profile"):
            experiment.runs_of(paper, name, profile)
        return
    runs = experiment.runs_of(paper, name, profile)
    assert runs
    assert {one.spec.seed for one in runs} == {seed for one in blocks for seed in one.seeds or scale.seeds}
    assert {one.spec.profile for one in runs} == {profile}
    ids = [(one.spec.run_id, one.start and one.start.run_id) for one in runs]
    assert len(set(ids)) == len(ids)


def specs(name, profile="demo"):
    return [one.spec for one in experiment.runs_of("hyperx", name, profile) if one.spec.seed == 1]


def test_the_mlm_ablation_has_its_conditions_and_its_control():
    found = {(s.training.mlm_languages, s.training.match_labelled) for s in specs("figure3")}
    assert found == {("all", False), ("unseen", False), ("none", False), ("none", True)}
    assert {(s.method, s.setting) for s in specs("figure3")} == {("hyperx-base", "mixed")}
    assert len(specs("figure3")) == 4 * 2


def test_the_switch_of_sources_is_run_for_hyperx_and_for_mbert():
    for name, method in (("figure4", "hyperx-base"), ("figure5", "mbert")):
        assert {(s.method, s.partition) for s in specs(name)} == {
            (method, p) for p in ("a", "b", "a-switched", "b-switched")
        }


def test_sampling_is_compared_at_two_temperatures():
    assert sorted(s.training.temperature for s in specs("figure7")) == [1, 1, 5, 5]


def test_an_ablation_shares_its_runs_with_the_main_table():
    main = {s.run_id for s in specs("table2")}
    for name in ("figure3", "figure4", "figure5", "figure7", "controls"):
        assert main & {s.run_id for s in specs(name)}, f"{name} would train what is there already"


def test_the_few_shot_protocol_is_the_papers():
    runs = experiment.runs_of("hyperx", "table5", "demo")
    shots = [one for one in runs if one.start and one.spec.seed == 1]
    assert {one.spec.few_shot.k for one in shots} == {5, 10, 20, 50}
    assert {one.spec.few_shot.language for one in shots} == {"qab", "qad", "qah", "qam", "qao"}  # ar zh tr mt ug
    draws = recipe.load("profiles", "demo").draws
    assert len(shots) == 4 * 5 * 2 * 4 * draws
    for one in shots:
        training = one.spec.training
        assert (training.epochs, training.updates, training.schedule, training.warmup) == (50, None, "constant", 0)
        assert training.lr == one.start.training.lr
        assert one.start.setting == ("single" if one.spec.method == "madx" else "multi")
        if one.start.task:
            assert one.start.task == one.spec.few_shot.task


def test_few_shot_languages_are_the_profiles():
    shots = [one for one in experiment.runs_of("hyperx", "table5", "lab") if one.start]
    assert {one.spec.few_shot.language for one in shots} == {"is", "tr", "gn", "fo"}
    assert experiment.few_shot_protocol("hyperx", "table5", "lab").languages == ("is", "tr", "gn", "fo")


def test_a_few_shot_spec_keeps_what_it_does_not_replace():
    start = recipe.resolve("hyperx-base", setting="multi")
    spec = experiment.few_shot_spec(start, Pair("ner", "qab"), 5, 1, {"epochs": 50, "warmup": 0})
    assert spec.training == start.training.model_copy(update={"updates": None, "epochs": 50, "warmup": 0})
    assert spec.model_copy(update={"few_shot": None, "training": start.training}) == start
    assert spec.run_id != start.run_id


def test_all_has_the_runs_of_every_artifact():
    everything = {s.run_id for s in specs("all")}
    of_no_paper = {"others", "other-rates"}
    for name in set(recipe.recipe_names("hyperx")) - {"all", "rates"} - of_no_paper:
        assert {s.run_id for s in specs(name)} <= everything, name


@pytest.mark.parametrize(
    ("text", "found"),
    [("hyperx/table2", ("hyperx", "table2")), ("table2", ("hyperx", "table2")), ("hyperx/all", ("hyperx", "all"))],
)
def test_names_of_experiments(text, found):
    assert experiment.named(text) == found


@pytest.mark.parametrize("text", ["hyperx/none", "nothing/table2", "", "hyperx/../profiles/demo"])
def test_names_of_no_experiment(text):
    with pytest.raises(InputError, match="unknown"):
        experiment.named(text)


def test_a_sandbox_language_answers_to_the_code_of_the_one_it_imitates():
    assert experiment.code_here("tr", SANDBOX) == experiment.code_here("qah", SANDBOX) == "qah"
    assert experiment.code_here("tr", DataSpec(origin="mirror")) == "tr"
    with pytest.raises(InputError, match="unknown language 'tq'"):
        experiment.code_here("tq", DataSpec(origin="hub"))


def test_no_text_model_is_tuned_to_a_few_examples_of_what_it_was_trained_on():
    start = recipe.resolve("pha", setting="multi", suite="glue")
    protocol = experiment.few_shot_protocol("pha").model_copy(update={"tasks": ("rte", "cb"), "k": (4,)})
    wanted = list(experiment.few_shot_runs(start, protocol, draws=[0]))
    assert [one.spec.few_shot.task for one in wanted] == ["cb"]


def test_a_command_tunes_the_models_that_the_papers_few_shot_table_tunes():
    wanted = {one.start.run_id for one in experiment.runs_of("pha", "table2", "demo") if one.start}
    for method in ("pha", "shared-ft", "hyperformer"):
        block = experiment.few_shot_block("pha", method)
        for start in recipe.expand(method, setting="multi", suite="glue", changes=block):
            assert start.run_id in wanted, method
    assert experiment.few_shot_block("pha", "pha").options["mixed"] == 64
    assert experiment.few_shot_block("pha", "mine.yaml") is None


def test_a_block_is_run_at_every_rate_it_tries(tmp_path):
    path = tmp_path / "rates.yaml"
    path.write_text(
        "paper: pha\nabout: Two rates.\nblocks:\n"
        "  - {setting: single, tasks: [rte], methods: [ft], rates: [1.0e-3, 5.0e-4], training: {updates: 7}}\n"
    )
    found = experiment.runs_of("pha", str(path), "demo", seeds=[1, 2])
    tried = sorted((one.spec.training.lr, one.spec.seed, one.spec.training.updates) for one in found)
    assert tried == [(5e-4, 1, 7), (5e-4, 2, 7), (1e-3, 1, 7), (1e-3, 2, 7)]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (
            "{setting: multi, methods: [pha]}",
            r"a block of pha says on what: suite \(glue or superglue\), or tasks",
        ),
        ("{setting: multi, methods: [mbert]}", "mbert is a method of paper hyperx: an experiment of paper pha"),
    ],
)
def test_a_block_that_makes_no_sense_is_refused(tmp_path, block, said):
    path = tmp_path / "mine.yaml"
    path.write_text(f"paper: pha\nabout: A mistake.\nblocks:\n  - {block}\n")
    with pytest.raises(InputError, match=said):
        experiment.runs_of("pha", str(path), "demo")


def test_figure_7_scores_every_model_on_all_tasks_of_its_block():
    specs = [one.spec for one in experiment.runs_of("pet", "figure7", "demo", seeds=[1])]
    assert len(specs) == len({spec.run_id for spec in specs}) == 2 * 2 * (8 + 11)
    for spec in specs:
        several = 8 if "bert" in spec.backbone.name else 11
        assert len(spec.transfer) == several
        assert spec.task in spec.transfer
        assert (spec.data.labels, spec.options["budget"]) == ("unified", "lora")
    assert {spec.options["places"] for spec in specs} == {"existing", "inserted"}


@pytest.mark.parametrize(
    "changes",
    [{"setting": "multi"}, {"tasks": ("rte",)}, {"few_shot": {"k": [4]}}],
    ids=["multi", "one", "few-shot"],
)
def test_transfer_is_between_tasks(changes):
    block = {"setting": "single", "tasks": ("rte", "sst2"), "methods": ("apet",), "transfer": True}
    assert experiment.transfer_of(ExperimentBlock(**block)) == ("rte", "sst2")
    assert experiment.transfer_of(ExperimentBlock(**{**block, "transfer": False})) == ()
    with pytest.raises(ValidationError, match="transfer is between two tasks or more"):
        ExperimentBlock(**{**block, **changes})


@pytest.mark.parametrize("profile", ["demo", "lab"])
def test_rates_are_tried_on_one_partition_with_one_seed_and_equal_updates(profile):
    found = [one.spec for one in experiment.runs_of("hyperx", "rates", profile, seeds=[7])]
    assert {(spec.partition, spec.seed) for spec in found} == {("a", 1)}, (
        "a block's own seeds, whatever is asked for"
    )
    main = {one.spec.run_id for one in experiment.runs_of("hyperx", "table2", profile)}
    shared = set()
    for method in ("mbert", "psf", "madx-ms", "hyperx-small", "hyperx-base"):
        tried = [spec for spec in found if spec.method == method]
        # those of Base of before, with one rate for all parts, are listed beside today's
        count = len({(spec.training.lr, len(spec.training.part_rates)) for spec in tried})
        assert count == (6 if (method, profile) == ("hyperx-base", "lab") else 3)
        assert len({(spec.training.updates, spec.training.batch_size) for spec in tried}) == 1
        usual = recipe.resolve(method, setting="mixed", partition="a", profile=profile).training.lr
        of_recipe = [spec for spec in tried if spec.training.lr == usual]
        assert of_recipe
        assert {spec.training.selection for spec in tried} == {"sources"}
        shared |= {method} if all(spec.run_id in main for spec in of_recipe) else set()
    # the demo's tries of the recipes' own rates are runs of the main table, but PSF's selects otherwise
    assert shared == ({"mbert", "madx-ms", "hyperx-small", "hyperx-base"} if profile == "demo" else set())


def test_a_partition_of_another_setting_is_refused(tmp_path):
    text = "paper: hyperx\nabout: x\nblocks:\n- {setting: multi, methods: [mbert], partition: a}\n"
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(InputError, match="partition is of the mixed setting"):
        experiment.runs_of("hyperx", str(tmp_path / "own.yaml"), "demo")


def test_a_rate_that_was_chosen_is_tried_by_a_run_of_the_figures():
    """So a try costs the rates alone that were not chosen."""
    tries = [one.spec for one in experiment.runs_of("pet", "rates", "lab")]
    figures = {
        one.spec.run_id for name in ("figure2", "figure4") for one in experiment.runs_of("pet", name, "lab")
    }
    each = {(spec.method, spec.backbone.name, spec.task) for spec in tries}
    shared = {(spec.method, spec.backbone.name, spec.task) for spec in tries if spec.run_id in figures}
    assert shared == each, "every method, on every task of its tries"
    assert len(tries) == 3 * len(each), "the same number of tries for all"
    assert {spec.seed for spec in tries} == {1}
    assert len({(spec.training.updates, spec.training.batch_size) for spec in tries}) == 1


ENCODER = ("rte", "mrpc", "cola", "sst2")


@pytest.mark.parametrize("examples", [100, 500, 2000])
def test_every_method_on_an_encoder_sees_as_many_examples_of_a_task(examples):
    runs = [one.spec for one in experiment.runs_of("pha", "encoder", "lab")]
    some = [spec for spec in runs if spec.data.train_examples == examples]
    assert {spec.method for spec in some} == {"ft", "adapter", "prompt", "hyperformer", "hyperdecoder", "pha"}
    assert {spec.training.updates * spec.training.batch_size / len(spec.tasks) for spec in some} == {3200}
    assert {task for spec in some if spec.setting == "single" for task in spec.tasks} == {*ENCODER}
    assert {spec.tasks for spec in some if spec.setting == "multi"} == {ENCODER}
    assert {spec.backbone.name for spec in some} == {"minilm-l6"}
    assert {(s.data.max_length, s.data.split_limit, s.data.dev_from_train) for s in some} == {(64, 1, 300)}


@pytest.mark.parametrize(
    ("paper", "tries", "used", "of"),
    [("pha", "encoder-rates", "encoder", 500), ("hyperx", "other-rates", "others", None)],
)
def test_a_rate_that_was_tried_is_the_recipe_s_and_its_try_a_run_of_the_experiment(paper, tries, used, of):
    tried = [one.spec for one in experiment.runs_of(paper, tries, "lab")]
    runs = {one.spec.run_id: one.spec for one in experiment.runs_of(paper, used, "lab")}
    by_method = {}
    for spec in tried:
        by_method.setdefault((spec.method, spec.task), {})[spec.training.lr] = spec
    assert {method for method, _ in by_method} == {spec.method for spec in runs.values()}
    for rates in by_method.values():
        assert len(rates) == 3
        own = [spec for spec in rates.values() if spec.run_id in runs]
        assert len(own) == 1
        assert (own[0].seed, own[0].data.train_examples) == (1, of)


def test_tags_are_trained_on_as_many_labelled_updates_as_full_fine_tuning():
    others = [one.spec.training for one in experiment.runs_of("hyperx", "others", "lab")]
    full = recipe.resolve("mbert", setting="mixed", partition="a", profile="lab").training
    assert {(one.updates, one.batch_size, one.warmup) for one in others} == {
        (full.updates, full.batch_size, full.warmup)
    }


def block_of(**fields):
    return ExperimentBlock.model_validate({"setting": "multi", "methods": ["pha"], **fields})


def test_tasks_of_the_multi_setting_are_those_of_one_model():
    [one, other] = experiment.block_runs(block_of(tasks=["rte", "cola"]), "demo", seeds=[1, 2])
    assert one.spec.tasks == ("rte", "cola")
    assert (one.spec.suite, one.spec.task) == (None, None)
    assert one.spec.title == "pha multi rte cola seed 1 (demo)"
    assert "together" not in recipe.resolve("pha", setting="multi", suite="glue").model_dump()
    assert len({one.spec.run_id, other.spec.run_id, recipe.resolve("pha", setting="multi").run_id}) == 3


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tasks": ["rte"]}, "two or more"),
        ({"tasks": ["rte", "cola"], "suite": "glue"}, "in the place of a suite"),
        ({"tasks": ["rte", "cola"], "setting": "mixed"}, "of the multi setting"),
        ({"tasks": ["ner", "pos"]}, "ner is not"),
    ],
)
def test_tasks_that_no_model_can_be_of_are_refused(fields, said):
    with pytest.raises(ValidationError, match=said):
        block_of(**fields)
