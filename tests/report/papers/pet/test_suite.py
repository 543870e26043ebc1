"""PHA's methods beside PET's: shares of a model of several tasks by hand, and no figure where they cannot meet."""

import pytest
from pet_store import PLACED, fill, made_profile, read, rows_of, size_of
from text_store import fill_text

from hxbench.report.artifact.cost_and_score import front
from hxbench.report.papers.beside import beside_pha


def pet(spec):
    return 60.0 + PLACED.index(spec.task) + spec.seed


def pha(spec, task):
    return {"adapter": 80.0, "pha": 70.0}[spec.method] + spec.seed + (PLACED.index(task) if task in PLACED else 90)


@pytest.fixture
def profile(tmp_path):
    return made_profile(tmp_path)


def fill_pet(store, profile):
    fill(store, profile, "figure2", pet, keep=lambda s: (s.method, size_of(s)) == ("pet-lora", "t5-base")
         and s.task in PLACED)  # fmt: skip


def fill_pha(store, profile):
    costs = {"counted_parameters": 80_000.0, "flops_per_token": 9e7, "wall_seconds": 400.0}
    fill_text(store, profile, "table1", pha, methods=("adapter", "pha"), costs=lambda spec: costs)


def test_both_papers_methods_are_in_one_plane(store, profile):
    fill_pet(store, profile)
    fill_pha(store, profile)
    (figure,) = beside_pha(read(store, profile))
    (table,) = figure.tables()
    ours, theirs = rows_of(table, "PET scaling, one model a task"), rows_of(table, "PHA, Table 1")
    assert list(ours) == ["Prompt", "BitFit", "LoRA", "Adapter", "FT"]
    assert list(theirs) == ["FT", "Shared-FT", "AD", "Shared-AD", "PT", "HF", "HD", "PHA"]
    assert ours["LoRA"][0].mean == pytest.approx(60 + 1 + 2)
    assert theirs["AD"][0].mean == pytest.approx(80 + 1 + 2)
    # a model of eight tasks is shared by them, one of a single task is not
    assert [cell.mean for cell in theirs["PHA"][1:4]] == [80_000 / 8, 9e7, 400 / 8]
    assert [cell.mean for cell in theirs["AD"][1:4]] == [80_000, 9e7, 400]
    assert theirs["HF"][0].marks == ("*",)
    drawn = {(one.title, one.points) for one in figure.panels[0].series if one.points}
    assert drawn == {
        ("LoRA", ((180_000.0, 63.0),)),
        ("AD (PHA)", ((80_000.0, 83.0),)),
        ("PHA (PHA)", ((10_000.0, 73.0),)),
    }
    assert figure.panels[0].front == front([(180_000.0, 63.0), (80_000.0, 83.0), (10_000.0, 73.0)])
    assert [theirs[name][4].text for name in ("PHA", "AD")] == ["P S", "P F S"], (
        "more operations than LoRA, whatever it scores more"
    )
    assert ours["LoRA"][4].text == "F S", "the cheapest in both"
    assert f"hxbench run pha/table1 --profile {profile}" in figure.commands
    assert "divided by their number, 8" in figure.caption[0]


def test_there_is_no_such_figure_without_runs_of_pha(store, profile):
    fill_pet(store, profile)
    assert beside_pha(read(store, profile)) == []


def test_backbones_that_differ_are_not_compared(store, profile, tmp_path):
    other = tmp_path / "other.yaml"
    text = (tmp_path / "made.yaml").read_text()
    other.write_text(text.replace("backbone: t5-v1_1-base", "backbone: t5-base"))
    fill_pet(store, str(other))
    fill_pha(store, str(other))
    assert beside_pha(read(store, str(other))) == []
