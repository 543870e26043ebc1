"""What the paper prints of each model, against the file of the published numbers read here."""

import csv

import pytest
from transfer_store import made_profile

from hxbench import places
from hxbench.report.papers.pet.results import Results
from hxbench.report.papers.pet.transfer import MODES, across, models_of, within

TYPES = (
    {"SST-2", "IMDB", "Rotten Tomatoes"}, {"MNLI", "QNLI", "RTE"}, {"MRPC", "QQP"}, {"NQ-Open"},
    {"SAMSum", "Multi-News"},
)  # fmt: skip


def table():
    """Return the published cells by group, source and target, and the rows that were guessed."""
    cells, guessed = {}, set()
    with (places.shipped("published") / "pet.csv").open(newline="") as handle:
        for row in csv.DictReader(handle):
            if row["artifact"] == "Figure 7":
                source, target = row["row"].split("=")[1], row["column"].split("=")[1]
                cells[row["group"], source, target] = float(row["value"])
                if "grouping resolved" in row["note"]:
                    guessed.add((row["group"], source))
    return cells, guessed


def same_type(one, other):
    return any({one, other} <= some for some in TYPES)


@pytest.fixture
def models(store, tmp_path):
    return {model.title: model for model in models_of(Results(store, made_profile(tmp_path)))}


def test_there_are_four_models_in_two_modes(models):
    assert len(models) == 8
    assert [len(model.tasks) for model in models.values()] == [8, 8, 11, 11] * 2
    assert all(model.condition and model.condition.lacks for model in models.values())


def test_every_published_cell_and_mean_is_found(models):
    cells, guessed = table()
    seen = 0
    for model in models.values():
        group = f"{model.backbone.printed}; APET_{MODES[model.places]}"
        of_group = {(s, t): value for (name, s, t), value in cells.items() if name == group}
        printed = [model.printed(source, target) for source in model.tasks for target in model.tasks]
        assert sorted(printed) == sorted(of_group.values())
        assert all(model.printed(task, task) == 100 for task in model.tasks)
        seen += len(printed)
        some = [value for (s, t), value in of_group.items() if s != t and same_type(s, t)]
        assert model.printed_mean(within) == pytest.approx(sum(some) / len(some))
        some = [value for (s, t), value in of_group.items() if not same_type(s, t)]
        assert model.printed_mean(across) == pytest.approx(sum(some) / len(some))
        assert {(group, source) for source in model.guessed()} == {one for one in guessed if one[0] == group}
    assert seen == len(cells) == 740
    assert models["T5 SMALL, INSERT"].guessed() == ["SAMSum"]
    assert models["BERT SMALL, INNER"].printed("imdb", "sst2") == 92
