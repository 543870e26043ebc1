"""What is printed of a store is printed of its pack, to the last byte: tables, figures and pictures of papers."""

import json
import shlex
import shutil
from dataclasses import replace

import numpy as np
import pytest
from command_line import hxbench
from filled_store import fill, write_run
from text_store import PROFILE, clusters, write_text_run

from hxbench import report
from hxbench.report.draw import pictures
from hxbench.report.everything import everything
from hxbench.report.papers.pha.rows import TASKS
from hxbench.report.render import FORMATS, renderer
from hxbench.spec import experiment, recipe
from hxbench.store import Store
from hxbench.store.pack_files import MANIFEST
from hxbench.store.packing import write_pack
from hxbench.tasks import task_of

GLUE = TASKS["glue"]


def printed(store, paper, profile, drawn=()):
    """Return everything that is printed of a paper, and the pictures of the figures that are `drawn`."""
    results = report.read_results(paper, store, profile)
    found = {}
    for name, artifact in report.artifacts(paper).items():
        made = report.make(artifact, results)
        tables = [replace(one, commands=()) for one in made.tables]  # which fill a pack in another place
        for kind in FORMATS:
            found[name, kind] = renderer(kind)(tables)
        for figure in made.figures if name in drawn else ():
            found[figure.name, "svg"] = pictures(figure, ["svg"])["svg"]
    return found


def assert_same_when_packed(store, tmp_path, paper, profile=None, drawn=()):
    """Compare what is printed of a store, of its pack in its place, and of what that unpacks to."""
    before = printed(store, paper, profile, drawn)
    kept = tmp_path / "kept"
    write_pack(store.runs(), tmp_path / "packed")
    store.root.rename(kept)
    (tmp_path / "packed").rename(store.root)
    packed = Store(store.root)
    assert packed.pack
    assert printed(packed, paper, profile, drawn) == before
    again = Store(tmp_path / "again")
    for record in packed.runs():
        packed.copy(record.id, again)
    shutil.rmtree(store.root)
    (tmp_path / "again").rename(store.root)
    assert printed(Store(store.root), paper, profile, drawn) == before
    assert any("50" in text for (_, kind), text in before.items() if kind == "terminal"), "there were scores"


def test_commands_below_a_pack_run_as_printed(store, tmp_path, monkeypatch):
    fill(store, seeds=(1,))
    write_pack(store.runs(), tmp_path / "packed")
    monkeypatch.setenv("HXBENCH_STORE", str(tmp_path / "other"))
    results = report.read_results("hyperx", Store(tmp_path / "packed"))
    unpack, *others = report.make(report.artifacts("hyperx")["table2"], results).tables[-1].commands
    assert hxbench(*shlex.split(unpack)[1:]).code == 0
    assert len(Store(tmp_path / "other").runs()) == len(store.runs())
    assert others == ["hxbench run hyperx/table2"]
    page = next(part for part in everything(results.store, lambda *_: None) if part.paper == "hyperx")
    first, *further = [line for line, _ in page.commands["table2"]]
    assert (first, {*others} <= {*further}) == (unpack, True)
    answer = hxbench(*shlex.split(others[0])[1:], "--dry-run", "--json")
    assert json.loads(answer.out)["in_the_store"] == len(store.runs())


def test_a_pack_is_reported_on_whatever_the_usual_store_is(store, tmp_path, monkeypatch):
    fill(store, "mbert", "multi", seeds=(1,))
    write_pack(store.runs(), tmp_path / "packed")
    monkeypatch.chdir(tmp_path / "packed")
    usual = tmp_path / "usual"
    usual.mkdir()
    monkeypatch.setenv("HXBENCH_STORE", str(usual))
    (usual / MANIFEST).write_text("damaged")
    unpack, _ = commands_of(Store("."))
    assert unpack == "hxbench runs unpack . --to packed-unpacked --profile demo"
    (usual / MANIFEST).unlink()
    (usual / "runs").write_text("a file")
    unpack, _ = commands_of(Store("."))
    assert unpack == f"hxbench runs unpack . --to {usual} --profile demo"


def commands_of(store):
    """Return the commands below Table 2."""
    results = report.read_results("hyperx", store)
    return report.make(report.artifacts("hyperx")["table2"], results).tables[-1].commands


def test_hyperx(store, tmp_path):
    random = np.random.default_rng(5)

    def counts(task, code):
        drawn = random.integers(0, 6, size=(20, 2))
        return [(min(a, b), a, b) for a, b in drawn]

    for method in ("hyperx-base", "mbert"):
        for spec in recipe.expand(method, setting="mixed", seeds=(1, 2)):
            write_run(store, spec, lambda *_, s=spec.seed: 50 + s / 3, predictions=counts)
    for one in experiment.runs_of("hyperx", "table5", "demo", seeds=[1])[:40]:
        if one.spec.few_shot:
            write_run(store, one.spec, lambda *_: 50.125)
    fill(store, "mbert", "multi", seeds=(1,), profile="lab")  # of another profile, which no table has
    assert_same_when_packed(store, tmp_path, "hyperx")


@pytest.mark.matrix
def test_pha(store, tmp_path):
    profile = tmp_path / "made.yaml"
    profile.write_text(PROFILE)
    for seed in (1, 2):
        (spec,) = recipe.expand("pha", setting="multi", suite="glue", profile=str(profile), seeds=(seed,))
        seen = clusters(GLUE, (*GLUE, "cb", "scitail", "boolq"), seed, each=70)
        write_text_run(store, spec, lambda task: 50.0, retrieval=seen, counts=lambda task: [(1, 2, 2)] * 9)
    assert_same_when_packed(store, tmp_path, "pha", str(profile), drawn=("figure4", "figure5"))


@pytest.mark.matrix
def test_pet(store, tmp_path):
    profile = tmp_path / "made.yaml"
    profile.write_text(PROFILE)
    for one in experiment.runs_of("pet", "figure4", "demo", seeds=[1, 2])[:60]:
        task = task_of(one.spec.task)
        with store.open_run(one.spec) as run:
            where = {"task": task.name, "language": "en", "role": "source", "step": 1}
            dev = {"split": "dev", "task": None, "language": "mean", "metric": "score", "step": 1, "value": 49.5}
            costs = {"counted_parameters": 400, "backbone_parameters": 80_000, "wall_seconds": 3.25}
            run.write_metrics(
                [
                    {
                        "split": "test",
                        **where,
                        "metric": task.metric,
                        "value": 50.0 + one.spec.seed,
                        "sentences": 9,
                    },
                    dev,
                    *({"split": "cost", "metric": name, "value": value} for name, value in costs.items()),
                ]
            )
            run.finish()
    assert_same_when_packed(store, tmp_path, "pet")


@pytest.mark.parametrize("seeds", [(2,), (2, 3)])
def test_figure_4_draws_a_run_whose_instances_are_there(store, tmp_path, seeds):
    profile = tmp_path / "made.yaml"
    profile.write_text(PROFILE)
    ids = {}
    for seed in (1, *seeds):
        (spec,) = recipe.expand("pha", setting="multi", suite="glue", profile=str(profile), seeds=(seed,))
        write_text_run(store, spec, lambda task: 50.0, retrieval=clusters(GLUE, GLUE, seed, each=12))
        ids[seed] = spec.run_id
    write_pack(store.runs(), tmp_path / "packed")
    again, packed = Store(tmp_path / "again"), Store(tmp_path / "packed")
    for seed in seeds:  # not the one that kept its instances
        packed.copy(ids[seed], again)
    (figure,) = report.make(
        report.artifacts("pha")["figure4"], report.read_results("pha", again, str(profile))
    ).figures
    assert not any(one.points for panel in figure.panels for one in panel.series)
    assert not any("Drawn" in text for text in figure.caption)
    assert [cell.n for row in figure.table().blocks[0].rows for cell in row.cells if cell.mean] == [len(seeds)] * 3
