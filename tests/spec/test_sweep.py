"""Sweeps by name, and grids cut along their axes."""

from dataclasses import dataclass, field
from itertools import product

import pytest

from hxbench.errors import InputError
from hxbench.spec import experiment, recipe, sweep
from hxbench.spec.run_spec import TrainingSpec

SIZES = {"body-s": "t5-small", "body-l": "t5-large"}


@dataclass
class Spec:
    method: str
    task: str | None
    seed: int
    backbone: object
    options: dict
    few_shot: object = None
    conditions: dict = field(default_factory=lambda: {"data": ""})
    setting: str = "single"
    partition: str | None = None
    training: TrainingSpec = field(default_factory=lambda: TrainingSpec(lr=1e-3, updates=1))


@dataclass
class Named:
    name: str


def cell(method, body, task, seed, budget=None, data=""):
    options = {"budget": budget} if budget else {}
    return experiment.Wanted(Spec(method, task, seed, Named(body), options, conditions={"data": data}))


GRID = [
    *(cell("pet-lora", *where) for where in product(("body-s", "body-l"), ("rte", "nq"), (1, 2))),
    *(
        cell("apet", body, "rte", seed, budget)
        for body, budget, seed in product(("body-s", "body-l"), ("lora", 100, 10000), (1, 2))
        if (body, budget) != ("body-s", 10000)
    ),
    cell("pha", "body-s", None, 1, data="100 examples"),
    cell("pha", "body-s", None, 1, data="5 %"),
]


def cut(**asked):
    return sweep.cut(GRID, {axis: list(map(str, values)) for axis, values in asked.items()}, SIZES, "sweep tests")


def test_every_shipped_sweep_has_its_name_once_and_is_found_by_it():
    claimed = [
        (found.sweep, (paper, name))
        for paper in recipe.papers()
        for name in recipe.recipe_names(paper)
        if (found := recipe.load(paper, name)).sweep
    ]
    assert ("low-data", ("pha", "figure2")) in claimed
    assert len({name for name, _ in claimed}) == len(claimed)
    for name, where in claimed:
        assert sweep.named(name) == where


def test_a_name_that_two_recipes_have_is_refused(monkeypatch):
    same = recipe.ExperimentRecipe(paper="x", about="x", sweep="twice")
    monkeypatch.setattr(recipe, "load", lambda paper, name: same)
    with pytest.raises(InputError, match="two recipes are called sweep twice: hyperx/all and hyperx/"):
        sweep.sweeps()


def test_an_unknown_name_is_refused():
    with pytest.raises(InputError, match=r"unknown sweep 'lowdata'\. Did you mean low-data"):
        sweep.named("lowdata")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"method": ["apet"]},
        {"size": ["t5-small"]},
        {"task": ["rte"], "seed": [2]},
        {"budget": [100, "lora"]},
        {"method": ["apet", "pet-lora"], "task": ["rte"], "size": ["t5-small", "t5-large"], "seed": [1]},
        {"budget": [10000], "size": ["t5-large"]},
        {"examples": [100]},
    ],
)
def test_a_cut_has_what_fits_on_every_axis(asked):
    body = {size: name for name, size in SIZES.items()}

    def fits(spec):
        looked_at = {
            "method": spec.method, "size": next(s for s, b in body.items() if b == spec.backbone.name),
            "task": spec.task, "seed": spec.seed, "budget": spec.options.get("budget"),
            "examples": 100 if spec.conditions["data"] == "100 examples" else None,
        }  # fmt: skip
        return all(looked_at[axis] in values for axis, values in asked.items())

    slow = [one for one in GRID if fits(one.spec)]
    assert 0 < len(slow) <= len(GRID)
    assert cut(**asked) == slow


def test_values_are_read_as_people_write_them():
    assert cut(budget=["1e4"]) == cut(budget=[10000])
    assert cut(examples=["5%"]) == cut(examples=["5 %"]) == GRID[-1:]
    assert cut(examples=["1e2"]) == GRID[-2:-1]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"size": ["t5-xxl"]}, "sweep tests has no size t5-xxl: it has t5-small, t5-large."),
        ({"method": ["pet-lor"]}, "sweep tests has no method pet-lor: it has pet-lora, apet, pha."),
        ({"seed": [1, 7]}, "sweep tests has no seed 7: it has 1, 2."),
        ({"budget": ["0"]}, "sweep tests has no budget 0: it has lora, 100, 10000."),
        ({"budget": ["much"]}, "sweep tests has no budget much: it has lora, 100, 10000."),
        ({"task": ["nq"], "method": ["apet"]}, "sweep tests has no method apet with task nq: it has pet-lora."),
        (
            {"budget": [100, 10000], "size": ["t5-small"]},
            "sweep tests has no budget 10000 with size t5-small: it has lora, 100.",
        ),
        (
            {"method": ["pet-lora"], "budget": [100]},
            "sweep tests has no method pet-lora with budget 100: it has apet.",
        ),
        (
            {"size": ["t5-large"], "examples": ["100"]},
            "sweep tests has no size t5-large with examples 100: it has t5-small.",
        ),
    ],
)
def test_a_value_that_no_run_has_is_refused_with_what_there_is(asked, said):
    with pytest.raises(InputError) as refused:
        cut(**asked)
    assert str(refused.value) == said


def test_the_conditions_of_figure_3_are_an_axis():
    grid = experiment.runs_of("hyperx", "figure3", "lab", seeds=(1,))
    asked = {"partition": ["a"], "mlm": ["unseen", "none matched"]}
    found = [one.spec.training for one in sweep.cut(grid, asked, {}, "sweep x")]
    assert [(one.mlm_languages, one.match_labelled) for one in found] == [("unseen", False), ("none", True)]


def test_an_axis_that_no_run_is_on():
    with pytest.raises(InputError, match="sweep x has no budget 100: none of its runs has a budget"):
        sweep.cut(GRID[:4], {"budget": ["100"]}, SIZES, "sweep x")
    with pytest.raises(InputError, match="sweep x has no examples 9: none of its runs has its training set cut"):
        sweep.cut(GRID[:4], {"examples": ["9"]}, SIZES, "sweep x")


def test_the_low_data_sweep_by_size_of_the_training_set():
    wanted = experiment.runs_of("pha", "figure2", "demo")
    some = sweep.cut(wanted, {"examples": ["100", "5%"], "seed": ["1"]}, sweep.sizes_of("demo", "pha"), "x")
    assert {(one.spec.data.train_examples, one.spec.data.train_share) for one in some} == {
        (100, None),
        (None, 0.05),
    }
    of_one = sweep.cut(wanted, {"task": ["rte"], "size": ["base"]}, sweep.sizes_of("demo", "pha"), "x")
    assert {one.spec.method for one in of_one} == {"ft", "adapter"}, "the others train on the whole suite"
