"""Runs of another recipe or backbone share no cell with today's, and one line a reason says where they are."""

import pytest
from filled_store import fill, write_run

from hxbench import report
from hxbench.report.select.left_out import LeftOut, Owner, together
from hxbench.spec import experiment, recipe

OLD = {"assignments": ["options.initial_std=0.3"]}


def made(store, name="2", profile=None):
    tables = report.build("hyperx", name, store, profile)
    return tables[0]


def mean(table, row="HX-Base", block=-1):
    found = next(r for r in table.blocks[block].rows if r.title == row)
    return found.cells[-1].mean


def told(table):
    return [text for text in table.remarks if text.startswith("left out")]


@pytest.mark.parametrize("first", ["old", "new"])
def test_today_s_recipe_is_shown_and_the_others_are_told_in_one_line(store, first):
    for which in (first, {"old": "new", "new": "old"}[first]):
        for setting in ("multi", "mixed"):
            if which == "old":
                fill(store, setting=setting, score=lambda *_: 99.0, seeds=(1, 2, 3), **OLD)
            else:
                fill(store, setting=setting, seeds=(1,))
    table = made(store)
    assert mean(table) == 51.0, "one seed of today's before three of another recipe"
    new = recipe.expand("hyperx-base", setting="mixed")[0].options["initial_std"]
    assert told(table) == [
        f"left out: 9 runs of hyperx-base (multi, mixed) with options.initial_std 0.3 instead of {new}."
    ]
    assert (
        "runs that are left out stay in the store: hxbench runs list --profile demo shows them." in table.remarks
    )


def test_runs_on_another_backbone_are_told_by_its_name_alone(store):
    for method in ("hyperx-base", "mbert"):
        fill(store, method, seeds=(1, 2))
        fill(store, method, seeds=(1, 2), score=lambda *_: 99.0, backbone_name="lab-small")
    fill(store, seeds=(1,), backbone_name="lab-small", assignments=["training.mlm_languages=none"])
    fill(store, seeds=(1,), backbone_name="lab-small", assignments=["data.max_length=8"])
    table = made(store)
    assert (mean(table), mean(table, "mBERT")) == (51.5, 51.5)
    assert told(table) == [
        "left out: 12 runs of mbert, hyperx-base (mixed) with backbone.name lab-small instead of sandbox-tiny."
    ]


def test_a_figure_tells_the_runs_of_before_of_its_own_conditions(store):
    for one in experiment.runs_of("hyperx", "figure3", "demo"):
        spec = one.spec
        old = spec.model_copy(update={"options": spec.options | {"initial_std": 0.3}})
        write_run(store, old, lambda *_: 99.0)
        if spec.seed == 1:
            write_run(store, spec, lambda *_: 40.0)
    # what another figure compares is not its own
    fill(store, seeds=(1,), assignments=["options.initial_std=0.3", "training.temperature=1"])
    [figure] = report.build("hyperx", "figure3", store)
    bars = [cell.mean for block in figure.blocks[:2] for row in block.rows for cell in row.cells]
    assert set(bars) == {40.0}
    [text] = told(figure)
    assert text.startswith("left out: 24 runs of hyperx-base (mixed) with options.initial_std 0.3 instead of")
    assert [len(told(t)) for t in report.build("hyperx", "figure4", store)] == [1]


def test_runs_of_the_recipe_of_before_are_shown_until_their_successors_are_there(store):
    fill(store, seeds=(1, 2), **OLD)
    for one in experiment.runs_of("hyperx", "figure3", "demo"):
        spec = one.spec
        if spec.training.mlm_languages == "none":
            write_run(
                store, spec.model_copy(update={"options": spec.options | {"initial_std": 0.3}}), lambda *_: 99.0
            )
    table = made(store)
    assert mean(table) == 51.5
    assert any("the store has the recipe only with options.initial_std 0.3" in text for text in table.remarks)
    fill(store, seeds=(1,), score=lambda *_: 20.0)
    assert mean(made(store)) == 20.0


def test_adapters_of_another_recipe_make_another_row(store):
    """A MAD-X run names the language adapters it stands on by id alone: what they are decides."""
    adapters = {}
    for updates in (7, 8):
        [whole] = recipe.expand("madx", setting="single", task="ner", assignments=[f"training.updates={updates}"])
        spec = whole.model_copy(update={"setting": "language", "task": None, "language": "qad"})
        with store.open_run(spec) as run:
            run.write_metrics([])
            run.write_provenance({})
            run.finish()
        adapters[updates] = spec.run_id
    for updates, score in ((7, 99.0), (8, 30.0)):
        for spec in recipe.expand("madx-ms", setting="mixed", seeds=(1, 2)):
            write_run(store, spec.model_copy(update={"after": {"qad": adapters[updates]}}), lambda *_, s=score: s)
    table = made(store)
    assert mean(table, "MAD-X MS") == 30.0, "the newest"
    assert told(table) == [
        "left out: 8 runs of madx-ms (mixed) that build on runs of another recipe than the newest do."
    ]


def test_what_several_artifacts_say_of_the_same_runs_is_one_thing():
    one, two = Owner("a", "mixed", "1"), Owner("a", "mixed", "2")
    notes = [LeftOut({one: 3}, "old"), "else", LeftOut({one: 3}, "old"), LeftOut({two: 3}, "old"), "else"]
    assert together(notes) == ["left out: 6 runs of a (mixed) old.", "else"]
    assert together([LeftOut({one: 1}, "")]) == ["left out: 1 run of a (mixed)."]
    again = [LeftOut({one: 3}, "with 1 instead of 2"), LeftOut({one: 3, two: 1}, "with 1 instead of 3")]
    assert together(again) == [
        "left out: 3 runs of a (mixed) with 1 instead of 2.", "left out: 1 run of a (mixed) with 1 instead of 3."
    ]  # fmt: skip


def test_rates_that_were_tried_are_neither_runs_of_before_nor_what_a_block_compares(store):
    for one in experiment.runs_of("hyperx", "rates", "demo"):
        write_run(store, one.spec, lambda *_: 99.0)
    assert [told(t) for name in ("2", "figure3", "figure5") for t in report.build("hyperx", name, store)] == [
        []
    ] * 3
    # what a try of a rate changes is no reason to hide a lone variant that has it too
    fill(store, "psf", assignments=["training.selection=sources", "options.noise=deviation"], seeds=(1, 2))
    table = made(store)
    assert mean(table, "PSF") == 51.5
    assert any(text.startswith("psf (mixed): the store has the recipe only with") for text in table.remarks)
