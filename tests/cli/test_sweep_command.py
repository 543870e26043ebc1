"""`hxbench sweep` on a small grid of the tests' own: the plan, its cuts, failing cells, what is run again."""

import json

import pytest
import yaml
from command_line import hxbench
from text_miniature import TINY_T5, write_text_mirror

from hxbench.store import Store

TRAINING = {"updates": 4, "batch_size": 4, "warmup": 0, "evaluate_every": 4}
CELL = {"setting": "single", "tasks": ["rte"], "training": TRAINING}
BLOCKS = [
    CELL | {"methods": ["pet-bitfit"], "size": "small"},
    CELL | {"methods": ["apet"], "size": "small", "options": {"budget": 300}, "tasks": ["rte", "sst2"]},
    CELL | {"methods": ["apet"], "size": "large", "options": {"budget": 100}},
]


def write_grid(folder, blocks=BLOCKS, **fields):
    fields = {"paper": "pet", "about": "The tests' own.", "sweep": "tests", "blocks": blocks, **fields}
    (folder / "grid.yaml").write_text(yaml.safe_dump(fields))
    return folder / "grid.yaml"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The options that name a profile with two sizes of T5, its mirror; and the grid."""
    folder = tmp_path_factory.mktemp("sweep")
    write_text_mirror(folder / "mirror")
    for size, width in (("small", 16), ("large", 32)):
        shape = TINY_T5.pretrain.model_dump() | {"hidden": width}
        (folder / f"{size}.yaml").write_text(yaml.safe_dump({"name": f"t5-{width}", "pretrain": shape}))
    scale = {
        "backbone": "small.yaml",
        "sizes": {"small": "small.yaml", "large": "large.yaml"},
        "data": {"collection": "english", "max_length": 48, "dev_from_train": 12},
        "training": {"eval_batch_size": 8, "cpu_threads": 1},
    }
    profile = {"about": "The tests' own.", "backbone": "small.yaml", "seeds": [1, 2], "data": {"origin": "mirror"}}
    (folder / "mini.yaml").write_text(yaml.safe_dump(profile | {"papers": {"pet": scale}}))
    options = ["--profile", folder / "mini.yaml", "--data-source", folder / "mirror"]
    return write_grid(folder), options


@pytest.fixture(scope="module")
def done(place, tmp_path_factory):
    """A store with one seed of the small cells, and how the command ended."""
    store = tmp_path_factory.mktemp("done")
    words = ("--seed", "1", "--size", "small", "--store", store, "--workers", 2)
    return store, hxbench("sweep", place[0], *place[1], *words)


def plan(place, *words):
    shown = hxbench("sweep", place[0], *place[1], "--dry-run", "--json", *words)
    assert shown.code == 0, shown.err
    return json.loads(shown.out)


def test_the_whole_grid_and_its_cuts(place, tmp_path):
    store = ("--store", tmp_path / "none")
    assert plan(place, *store)["to_do"] == 2 * 4
    assert [group["runs"] for group in plan(place, *store)["groups"]] == [
        "pet-bitfit single", "apet single budget 300 t5-16", "apet single budget 100 t5-32"
    ]  # fmt: skip
    assert plan(place, *store, "--method", "apet", "--method", "pet-bitfit")["to_do"] == 8
    assert plan(place, *store, "--task", "sst2", "--seed", "2")["to_do"] == 1
    assert plan(place, *store, "--budget", "1e2", "--budget", "300", "--seed", "1")["to_do"] == 3
    assert not (tmp_path / "none").exists()


def test_the_runs_are_done_and_only_those(done, place):
    store, ended = done
    assert ended.code == 0, ended.err
    assert "apet single: 2 done, 0 running, 0 failed, 0 left" in ended.err
    specs = [record.spec for record in Store(store).runs()]
    assert sorted((spec.method, spec.task, spec.seed, spec.backbone.name) for spec in specs) == [
        ("apet", "rte", 1, "t5-16"),
        ("apet", "sst2", 1, "t5-16"),
        ("pet-bitfit", "rte", 1, "t5-16"),
    ]
    assert plan(place, "--store", store)["to_do"] == 5
    # cells may be empty, and a column of plateaus stands behind where a run ended on one
    lines = ended.out.splitlines()
    header = next(line for line in lines if line.startswith("run  "))
    ids = {record.id for record in Store(store).runs()}

    def column(name):
        return {
            line[:12]: line[: header.index(name) + len(name)].split()[-1] for line in lines if line[:12] in ids
        }

    scored = {run: float(value) for run, value in column("score").items()}
    assert scored == {
        record.id: pytest.approx(metric["value"], abs=0.06)
        for record in Store(store).runs()
        for metric in record.metrics()
        if (metric["split"], metric["metric"]) == ("test", "accuracy")
    }, "the scores of what was asked for, and no artifact"
    assert sorted(column("drawn").values()) == ["300", "300", "–"], (
        "and of APET how many entries were drawn, and live"
    )


def test_finished_cells_are_never_run_again(done, place):
    store, _ = done
    before = {record.id: (record.folder / "status.json").stat().st_mtime_ns for record in Store(store).runs()}
    again = hxbench("sweep", place[0], *place[1], "--seed", "1", "--size", "small", "--store", store, "--json")
    assert (again.code, json.loads(again.out)) == (0, [])
    assert "sweep grid (mini): 3 of 3 runs are in the store." in again.err
    assert before == {r.id: (r.folder / "status.json").stat().st_mtime_ns for r in Store(store).runs()}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_cell_stops_no_other(place, tmp_path, workers):
    blocks = [CELL | {"methods": ["pet-bitfit"], "size": size, "training": TRAINING | {"lr": rate}}
              for size, rate in (("small", 1e30), ("large", 1e-3))]  # fmt: skip
    grid = write_grid(tmp_path, blocks)
    words = ("--seed", "1", "--store", tmp_path / "store", "--workers", workers)
    shown = hxbench("sweep", grid, *place[1], *words)
    assert shown.code == 1, shown.err
    assert [record.spec.backbone.name for record in Store(tmp_path / "store").runs()] == ["t5-32"]
    assert "pet-bitfit single rte seed 1 (mini), t5-16, rate 1e+30: " in shown.err
    assert "1 of 2 runs failed; the same command tries them again." in shown.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", "xxl"], "sweep grid (mini) has no size xxl: it has small, large."),
        (["--budget", "0"], "sweep grid (mini) has no budget 0: it has 300, 100."),
        (["--seed", "3"], "sweep grid (mini) has no seed 3: it has 1, 2."),
        (["--size", "xxl", "--method", "apet"], "sweep grid (mini) has no size xxl: it has small, large."),
        (["--task", "sst2", "--size", "large"], "has no size large with task sst2: it has small."),
        (["--method", "lora"], "sweep grid (mini) has no method lora: it has pet-bitfit, apet."),
        (["--on", "slurm"], "--on slurm needs Slurm's sbatch"),
        (["--on", "local", "--no-wait"], "--no-wait only means something with --on slurm"),
    ],
)
def test_bad_input_is_one_sentence(place, tmp_path, monkeypatch, words, said):
    monkeypatch.setenv("PATH", "/nowhere")
    shown = hxbench("sweep", place[0], *place[1], *words, "--store", tmp_path / "store")
    assert (shown.code, shown.out) == (2, "")
    assert said in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": "xxl"}, "unknown size of backbone 'xxl'. Known: large, small."),
        ({"options": {"budget": 0}}, "a budget is prompt, bitfit, lora or adapter, or a whole number from 100"),
    ],
)
def test_a_grid_that_cannot_be_is_one_sentence(place, tmp_path, change, said):
    grid = write_grid(tmp_path, [CELL | {"methods": ["apet"]} | change])
    shown = hxbench("sweep", grid, *place[1], "--store", tmp_path / "store")
    assert (shown.code, shown.out) == (2, "")
    assert said in shown.err
    assert len(shown.err.strip().splitlines()) == 1


def test_an_unknown_sweep_and_its_listing():
    shown = hxbench("sweep", "lowdata")
    assert (shown.code, shown.err) == (2, "hxbench: unknown sweep 'lowdata'. Did you mean low-data?\n")
    rows = json.loads(hxbench("list", "recipes", "--json").out)
    assert {row["name"]: row["sweep"] for row in rows}["pha/figure2"] == "low-data"
