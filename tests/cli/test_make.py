"""`results/make.py`: its stages are runs, in their order, and what it makes is published beside what was."""

import importlib
import shutil
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import yaml
from command_line import hxbench

from hxbench.runs.assemble import with_options
from hxbench.spec import recipe
from hxbench.store import Store

FOLDER = Path(__file__).parents[2] / "results"
TRAINING = {"updates": 4, "batch_size": 8, "warmup": 1, "evaluate_every": 2, "lr": 1e-3}


@pytest.fixture
def make(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("make")


@pytest.fixture
def command(make):
    """`make.py` with a command line, in this process."""
    return partial(hxbench, commands=make.app)


def names(stages):
    return [stage.name for stage in stages]


def test_every_stage_has_runs_and_a_name_of_its_own(make):
    assert len(make.STAGES) > 20
    for stage in make.STAGES:
        wanted = stage.wanted("sandbox" if stage.profile == "demo" else "mirror")
        assert wanted, stage
        assert {one.spec.profile for one in wanted} == {stage.profile}
        seeds = stage.seeds or ((1,) if stage.name == "rates" else recipe.scale(stage.profile, stage.paper).seeds)
        assert {one.spec.seed for one in wanted} == set(seeds)
        for spec in {(one.spec.method, one.spec.backbone.name): one.spec for one in wanted}.values():
            with_options(spec)  # it is one that can be trained
    assert max(Counter((one.profile, one.paper, one.name) for one in make.STAGES).values()) == 1


def test_what_the_first_claims_need_is_made_first(make):
    lab = names(make.chosen("lab", "hyperx", None))
    assert lab[:6] == ["rates", "table2", "table2-seed2", "multi", "figure3", "controls"]
    assert lab[6:8] == ["other-rates", "others"]
    assert lab[8:13] == ["single", "switched", "switched-ft", "few-shot", "small"]
    assert lab[13:15] == ["figure3-b", "figure3-unmatched"]
    assert all(name.endswith(("seed2", "seed3")) for name in lab[15:])
    assert names(make.chosen("lab", "pet", None))[:4] == ["rates", "methods", "apet", "methods-deeper"]
    assert names(make.chosen("lab", "pha", None))[:2] == ["encoder-rates", "encoder"]
    assert {stage.paper for stage in make.chosen("demo", None, None)} == {"hyperx", "pha", "pet"}


def test_a_stage_is_the_part_of_its_experiment_that_it_names(make):
    rates, table2 = make.chosen("lab", "hyperx", "table2")
    tries = [one.spec for one in rates.wanted("mirror")]
    main = [one.spec for one in table2.wanted("mirror")]
    assert {spec.setting for spec in main} == {"mixed"}
    assert {spec.partition for spec in main} == {"a", "b"}
    assert {spec.method for spec in main} == {spec.method for spec in tries}
    assert len({spec.method for spec in main}) == 5


def test_stages_are_chosen_by_profile_paper_and_the_last_one(make):
    assert names(make.chosen("lab", "hyperx", "multi")) == ["rates", "table2", "table2-seed2", "multi"]
    assert names(make.chosen("demo", None, "all"))[-1] == "all"
    assert make.chosen("demo", None, "all")[-1].paper == "pet", "the last of that name"
    assert make.chosen(None, None, None) == list(make.STAGES)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--profile", "lap"], "unknown profile 'lap'. Did you mean lab?"),
        (["--paper", "pets"], "unknown paper 'pets'. Did you mean pet?"),
        (["--profile", "lab", "--until", "table3"], "unknown stage 'table3'. Did you mean table2"),
        (["--profile", "lab", "--data", "nowhere"], "--data nowhere: there is no such folder"),
        (["--profile", "lab", "--paper", "pet"], "name its folder with --data-en DIR"),
        (["--store", FOLDER / "reference"], "is what is published: name another store to work in"),
    ],
)
def test_bad_words_are_one_sentence(command, words, said):
    end = command(*words)
    assert end.code == 2
    assert said in end.err
    assert len(end.err.strip().splitlines()) == 1
    assert end.out == ""


@pytest.fixture
def stages(make, scale, tmp_path, monkeypatch):
    """Two stages of the miniature world: a model, and one of its few-shot cells."""
    first = {"setting": "multi", "methods": ["mbert"], "training": TRAINING}
    shots = {"languages": ["ar"], "tasks": ["pos"], "k": [5], "training": {"updates": 2}}
    made = []
    for name, block in (("first", first), ("second", {**first, "few_shot": shots})):
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"paper": "hyperx", "about": "Tests.", "blocks": [block]}))
        made.append(make.Stage(name, str(scale.profile), str(path)))
    monkeypatch.setattr(make, "STAGES", tuple(made))
    return ["--data", scale.mirror]


def in_list(command, *words):
    """Return, for each stage, how many runs are published, to be packed and to be made."""
    end = command("--list", *words)
    assert end.code == 0, end.err
    rows = [line.split() for line in end.out.partition("\n\n")[0].splitlines()[1:]]
    return {row[2]: tuple(map(int, row[3:6])) for row in rows}


def test_what_is_missing_is_made_once_and_packed_beside_what_was_published(command, stages, tmp_path):
    with Store(tmp_path / "old").open_run(recipe.resolve("mbert", setting="multi")) as run:
        run.write_metrics([{"split": "cost", "metric": "seconds", "value": 1.0, "step": 1}])
        run.finish()
    reference, work = tmp_path / "reference", tmp_path / "work"
    assert hxbench("runs", "pack", tmp_path / "old", "--to", reference).code == 0
    words = [*stages, "--reference", reference, "--store", work]
    assert in_list(command, *words) == {"first": (0, 0, 1), "second": (0, 0, 3)}
    assert not work.exists()

    end = command("--until", "first", *words)
    assert end.code == 0, end.err
    assert end.out.splitlines()[1:] == [f"1 runs are packed in {reference}."]
    assert in_list(command, *words) == {"first": (1, 0, 0), "second": (1, 0, 3)}
    (start,) = {record.id for record in Store(reference).runs()} - {
        record.id for record in Store(tmp_path / "old").runs()
    }
    assert hxbench("runs", "verify", "--store", reference).code == 0

    before = (work / "runs" / start / "status.json").read_bytes()
    shutil.rmtree(reference)  # what was made and not packed is packed by the next call, without being made again
    assert in_list(command, *words) == {"first": (0, 1, 0), "second": (0, 1, 3)}
    end = command("--pack", *words)
    assert end.code == 0, end.err
    assert end.out.count("packed") == 1
    assert {record.id for record in Store(reference).runs()} == {start}
    assert (work / "runs" / start / "status.json").read_bytes() == before


def test_what_others_start_from_is_made_again_where_its_weights_are_gone(command, stages, tmp_path):
    words = [*stages, "--reference", tmp_path / "reference", "--store", tmp_path / "work"]
    assert command("--until", "first", *words).code == 0
    packed = {record.id for record in Store(tmp_path / "reference").runs()}
    shutil.rmtree(tmp_path / "work")
    assert in_list(command, *words) == {"first": (1, 0, 0), "second": (1, 0, 4)}
    end = command(*words)
    assert end.code == 0, end.err
    assert f"3 runs are packed in {tmp_path / 'reference'}." in end.out
    assert {record.id for record in Store(tmp_path / "reference").runs()} > packed
    assert in_list(command, *words) == {"first": (1, 0, 0), "second": (4, 0, 0)}


def test_a_failing_run_stops_no_others_and_ends_with_1(command, stages, make, monkeypatch, tmp_path):
    from hxbench.runs.session import Job

    execute = Job.execute

    def failing(job, report):
        if job.spec.few_shot and job.spec.few_shot.draw == 0:
            raise ValueError("drawn to fail")
        return execute(job, report)

    monkeypatch.setattr(Job, "execute", failing)
    end = command(*stages, "--reference", tmp_path / "reference", "--store", tmp_path / "work")
    assert end.code == 1
    assert "1 of 4 runs failed" in end.err
    assert len(Store(tmp_path / "reference").runs()) == 3
