"""A block that tries several things in turn: against plain loops, and through the shipped experiments of PET."""

import pytest
import yaml

from hxbench import places
from hxbench.errors import InputError
from hxbench.spec import experiment, recipe
from hxbench.spec.recipe import ExperimentBlock, unfold

GROUND = recipe.scale("demo", "pet")
BLOCK = {"setting": "single", "tasks": ["rte"], "methods": ["apet"]}


def block(**fields):
    return ExperimentBlock.model_validate({**BLOCK, **fields})


def test_a_block_becomes_one_of_every_size_value_and_rate():
    given = block(
        sizes=["t5-small", "bert-large"],
        each={"budget": {"demo": [100, "lora"]}, "mode": ["discrete", "adjacent"]},
        rates=[1e-3, 1e-2],
        options={"places": "existing"},
        training={"updates": 7},
    )
    found = [(one.size, one.options, one.training) for one in unfold(given, "demo", GROUND)]
    wanted = []
    for size in ("t5-small", "bert-large"):
        for budget in (100, "lora"):
            for mode in ("discrete", "adjacent"):
                for rate in (1e-3, 1e-2):
                    options = {"places": "existing", "budget": budget, "mode": mode}
                    wanted.append((size, options, {"updates": 7, "lr": rate}))
    assert found == wanted


def test_nothing_to_try_leaves_a_block_as_it_is():
    given = block(size="t5-small", training={"lr": 1e-3})
    assert unfold(given, "demo", GROUND) == [given]
    assert unfold(block(rates={"paper": [1e-3]}), "demo", GROUND) == [block()]


def test_rates_and_values_are_those_of_the_profile(tmp_path):
    rated = block(rates={"paper": [1e-3, 1e-4], "mine": [5e-5]})
    assert [one.training for one in unfold(rated, "paper", GROUND)] == [{"lr": 1e-3}, {"lr": 1e-4}]
    assert [one.training for one in unfold(rated, str(tmp_path / "mine.yaml"), GROUND)] == [{"lr": 5e-5}]
    assert unfold(block(each={"budget": {"paper": [100]}}), "demo", GROUND) == []
    others = block(rates={"paper": [1e-3], "other": [5e-5]})
    assert [one.training["lr"] for name in ("paper", "demo") for one in unfold(others, name, GROUND)] == [
        1e-3,
        5e-5,
    ]
    assert unfold(block(rates={"paper": [1e-3], "other": []}), "demo", GROUND) == []


def test_what_a_block_changes_at_one_profile_is_below_what_it_tries():
    given = block(
        rates=[1e-3], training={"updates": 7, "warmup": 1}, shorten=0.5,
        profiles={"demo": {"training": {"updates": 9, "lr": 1.0}, "options": {"budget": 5}, "shorten": 0.5}},
    )  # fmt: skip
    (here,), (there,) = unfold(given, "demo", GROUND), unfold(given, "paper", GROUND)
    assert (here.training, here.options, here.shorten) == (
        {"updates": 9, "warmup": 1, "lr": 1e-3}, {"budget": 5}, 0.25,
    )  # fmt: skip
    assert (there.training, there.options, there.shorten) == ({"updates": 7, "warmup": 1, "lr": 1e-3}, {}, 0.5)


def test_what_a_block_changes_at_one_profile_is_laid_over_it_as_a_recipe_is():
    given = block(
        training={"epochs": 2, "part_rates": {"heads": 0.5}},
        profiles={"demo": {"training": {"updates": 9, "part_rates": {"generator": 0.25}}}},
    )  # fmt: skip
    (here,) = unfold(given, "demo", GROUND)
    assert here.training == {"updates": 9, "part_rates": {"heads": 0.5, "generator": 0.25}}


def test_tasks_are_those_of_the_profile():
    given = block(tasks={"other": ["rte"], "lab": ["rte", "imdb"], "paper": []})
    assert [[one.tasks for one in unfold(given, name, GROUND)] for name in ("demo", "lab", "paper")] == [
        [("rte",)],
        [("rte", "imdb")],
        [],
    ]
    assert given.every_task == ("rte", "imdb")
    labs = {spec.task for spec in _specs("figure2", "lab")}
    assert labs == {"sst2", "rte", "mrpc", "rotten", "cola", "qnli"}
    papers = {spec.task for spec in _specs("figure2", "paper") if spec.backbone.family == "bert"}
    assert papers == {"sst2", "imdb", "rotten", "mnli", "qnli", "rte", "mrpc", "qqp"}


def _specs(name, profile):
    return [one.spec for one in experiment.runs_of("pet", name, profile, seeds=[1])]


def test_sizes_that_a_profile_lacks_are_left_out():
    ground = GROUND.model_copy(update={"sizes": {"t5-small": "sandbox-t5-small"}})
    found = unfold(block(sizes=["bert-small", "t5-small"]), "lab", ground)
    assert [one.size for one in found] == ["t5-small"]
    assert {spec.backbone.name for spec in _specs("figure4", "lab")} == {"minilm-l6", "e5-small-q4"}


def test_an_experiment_with_nothing_at_a_profile_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    blocks = [{**BLOCK, "each": {"budget": {"demo": [100]}}}]
    path.write_text(yaml.safe_dump({"paper": "pet", "about": "At the demo alone.", "blocks": blocks}))
    assert len(experiment.runs_of("pet", str(path), "demo", seeds=[1])) == 1
    with pytest.raises(InputError, match="has no runs at profile lab"):
        experiment.runs_of("pet", str(path), "lab")


def test_without_a_profile_blocks_are_as_they_are_written():
    written = yaml.safe_load((places.shipped("recipes") / "pet" / "figure2.yaml").read_text())["blocks"]
    assert experiment.blocks("pet", "figure2") == [ExperimentBlock.model_validate(one) for one in written]


def specs(name, profile="demo", seed=1):
    return [one.spec for one in experiment.runs_of("pet", name, profile, seeds=[seed])]


def family(spec):
    return spec.backbone.family


def test_the_scaling_sweep_is_the_papers():
    found = specs("figure2", "paper")
    per = {}
    for spec in found:
        per.setdefault(family(spec), []).append(spec)
    assert {name: len({spec.task for spec in some}) for name, some in per.items()} == {
        "bert": 8, "bloom": 11, "t5": 11,
    }  # fmt: skip
    assert {name: {spec.training.lr for spec in some} for name, some in per.items()} == {
        "bert": {3e-4}, "bloom": {3e-4, 5e-5}, "t5": {1e-4, 1e-3, 1e-2},
    }  # fmt: skip
    assert len(found) == 5 * (3 * 8 + 2 * 3 * 11 + 3 * 3 * 11)
    assert {(spec.training.updates, spec.training.batch_size) for spec in found} == {(20000, 32)}
    demo = specs("figure2")
    assert len(demo) == 5 * (3 * 8 + 3 * 11 + 3 * 11) == 450
    assert len({spec.backbone.name for spec in demo}) == 9


def test_the_places_are_drawn_for_six_models_four_sizes_and_three_tasks():
    found = specs("figure4")
    assert len({spec.run_id for spec in found}) == len(found) == 6 * 4 * 3
    assert {spec.options["budget"] for spec in found} == {"prompt", "bitfit", "lora", "adapter"}
    assert {spec.task for spec in found} == {"sst2", "rte", "mrpc"}
    assert {spec.seed for spec in (one.spec for one in experiment.runs_of("pet", "figure4", "demo"))} == {1, 2, 3}


def test_the_budgets_share_their_runs_with_the_other_figures():
    """Figure 5 ends in Figure 4's runs, and its full fine-tuning is Figure 2's."""
    found = {spec.run_id: spec for spec in specs("figure5")}
    others = {spec.run_id for name in ("figure2", "figure4") for spec in specs(name)}
    new = [spec for run_id, spec in found.items() if run_id not in others]
    assert {spec.method for spec in new} == {"apet"}
    assert {spec.run_id for spec in specs("figure4")} < found.keys()
    assert len([spec for spec in found.values() if spec.method == "pet-ft"]) == 6 * 3
    smallest = {size: min(s.options["budget"] for s in new if s.backbone.name == size)
                for size in {spec.backbone.name for spec in new}}  # fmt: skip
    assert set(smallest.values()) == {100}
    assert len(smallest) == 6


@pytest.mark.parametrize("profile", ["demo", "paper"])
def test_no_budget_of_a_grid_is_larger_than_the_adapters(profile):
    """So that the runs of Figure 4 are the last of every curve."""
    for spec in specs("figure5", profile):
        budget = spec.options.get("budget")
        if isinstance(budget, int):
            assert budget < adapters(spec.backbone), (spec.backbone.name, budget)


def adapters(backbone):
    """Return the size of two adapters a block with a bottleneck of 24, from the shape alone."""
    shape = backbone.shape or backbone.pretrain.model_dump()
    hidden = next(shape[name] for name in ("hidden", "hidden_size", "d_model") if name in shape)
    layers = next(
        shape[name] for name in ("layers", "num_layers", "n_layer", "num_hidden_layers") if name in shape
    )
    stacks = 2 if backbone.family == "t5" else 1
    return 2 * layers * stacks * (48 * hidden + 24 + hidden)


def test_thresholds_have_criteria_of_their_own():
    found = recipe.load("pet", "figure5").thresholds
    assert (found.standard_errors, found.points) == (2.0, None)


def test_a_method_may_have_values_for_a_family_of_backbones(tmp_path):
    written = {
        "extends": "pet-lora",
        "profiles": {"demo": {"training": {"lr": 5e-3}, "families": {"bloom": {"training": {"lr": 7e-4}}}}},
    }
    parent = places.shipped("recipes") / "methods" / "pet-lora.yaml"
    (tmp_path / "pet-lora.yaml").write_text(parent.read_text())
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(written))

    def rate(size, **others):
        return recipe.resolve(str(path), setting="single", task="rte", size=size, **others).training.lr

    assert (rate("t5-small"), rate("bert-large"), rate("bloom-base")) == (5e-3, 5e-3, 7e-4)
    assert rate("bloom-base", changes=recipe.Override(training={"lr": 1e-5})) == 1e-5, "a block comes later"
    assert rate("", backbone_name="sandbox-bloom-large") == 7e-4
    assert rate("bloom-base", profile="paper") == 3e-4
