"""The lab: learning rates that were tried, tasks of its own in Figure 2, and what a profile has to say."""

import pytest
from pet_store import METHODS, PROFILE, fill, mean_by_seed, plausible, read, rows_of, specs, write_run

from hxbench import report
from hxbench.report.papers.pet.rows import FAMILIES
from hxbench.store import Store
from hxbench.tasks import task_of

TASKS = ("sst2", "rte", "mrpc", "rotten", "cola", "qnli")
NOTE = "the two backbones differ in more than depth."


@pytest.fixture
def lab(tmp_path):
    """Return the path of a profile with the name of the lab, of two BERTs alone, and an empty store."""
    kept, _ = PROFILE.split("      bert-base")
    path = tmp_path / "lab.yaml"
    path.write_text(f"{kept}      bert-large: bert-large\n    notes: ['{NOTE}']\n")
    return str(path), Store(tmp_path / "store")


def made(store, profile, name):
    return report.make(report.ARTIFACTS["pet"][name], read(store, profile))


def dev(spec):
    """Return a development score that is highest at 1e-3, and differs by method and task."""
    near = {1e-3: 20.0, 3e-3: 10.0}.get(spec.training.lr, 0.0)
    return 50.0 + near + len(spec.method) + len(spec.task)


def test_rates_are_judged_by_development_scores_of_the_tries_alone(lab):
    profile, store = lab
    written = fill(store, profile, "rates", lambda spec: 1.0, lambda spec: [(50, dev(spec) - 3), (100, dev(spec))])
    lora = next(s for s in written if (s.method, s.training.lr) == ("pet-lora", 1e-3))
    write_run(store, lora.model_copy(update={"seed": 2}), 1.0, [(50, 99.0)])  # a run of the figures
    (table,) = made(store, profile, "rates").tables
    assert [(column.group, column.title) for column in table.columns] == [
        ("BERT SMALL", "SST-2"), ("BERT SMALL", "MRPC"), ("mean", "all"),
    ]  # fmt: skip
    assert table.heading[1].startswith("backbone bert-small")
    assert table.heading[2].startswith("tries: seed 1, development scores")
    assert [block.title for block in table.blocks] == ["Prompt", "BitFit", "LoRA", "Adapter", "FT", "APET"]
    rows = rows_of(table, "LoRA")
    found = next(cells for title, cells in rows.items() if title.startswith("0.001"))
    wanted = [
        dev(next(s for s in written if (s.method, s.training.lr, s.task) == ("pet-lora", 1e-3, task)))
        for task in ("sst2", "mrpc")
    ]
    assert [cell.mean for cell in found] == pytest.approx([*wanted, sum(wanted) / 2])
    assert (
        sum("the recipe's" in title for block in table.blocks for title in (row.title for row in block.rows)) == 6
    )


def test_what_ended_on_its_plateau_is_marked_among_tries_and_in_figure_4(lab):
    profile, store = lab
    for name, wanted in (("rates", ("pet-lora", 1e-3)), ("figure4", ("apet", None))):
        odd = next(s for s in specs(profile, name) if s.method == wanted[0] and wanted[1] in (None, s.training.lr))
        write_run(store, odd, 50.0, [(100, dev(odd))], flat=True)
        fill(store, profile, name, lambda spec: 50.0, lambda spec: [(100, dev(spec))])
        tables = made(store, profile, name).tables
        cells = [cell for table in tables for block in table.blocks for row in block.rows for cell in row.cells]
        marked = [cell for cell in cells if cell.on_plateau]
        assert {cell.on_plateau for cell in marked} == {1}
        assert len(marked) >= 2, "the cell itself, and a mean or deviation over it"
        notes = {mark: text for table in tables for mark, text in table.notes}
        assert all(any("on the plateau" in notes[mark] for mark in cell.marks) for cell in marked)


def test_a_mean_of_tries_waits_for_all_of_them(lab):
    profile, store = lab
    fill(store, profile, "rates", lambda spec: 1.0, lambda spec: [(100, dev(spec))],
         keep=lambda spec: spec.task == "sst2")  # fmt: skip
    made_table = made(store, profile, "rates").tables[0]
    for block in made_table.blocks:
        for row in block.rows:
            assert [cell.mean is None for cell in row.cells] == [False, True, True]
    assert made_table.commands == (f"hxbench run pet/rates --profile {profile} --store {store.root}",)


def test_a_profile_without_tries_says_so(made_demo):
    table = made_demo
    assert table.blocks == ()
    assert table.remarks[0] == "nothing was tried at this profile."


@pytest.fixture
def made_demo(tmp_path):
    return made(Store(tmp_path / "store"), "demo", "rates").tables[0]


def test_figure_2_has_the_tasks_of_the_profile_and_says_that_they_are_others(lab):
    profile, store = lab
    specs = fill(store, profile, "figure2", plausible)
    assert {spec.task for spec in specs} == set(TASKS)
    (figure,) = made(store, profile, "figure2").figures
    panel = figure.panels[0]
    assert panel.metric == "mean of 6 tasks (%)"
    for one, method in zip(panel.series, METHODS, strict=True):
        found = mean_by_seed(specs, TASKS, size="bert-large", method=method)
        assert one.cells[2].mean == pytest.approx(sum(found.values()) / 3)
        assert one.cells[1].mean is None
        assert one.cells[2].published is not None
    titles = [", ".join(task_of(task).title for task in some) for some in (TASKS, FAMILIES[0].tasks)]
    assert any(
        f"BERT: ours are means of {titles[0]}, the published ones of {titles[1]}." in r for r in figure.remarks
    )
    assert not any(remark.startswith(("BLOOM: ours", "T5: ours")) for remark in figure.remarks)
    assert NOTE in figure.remarks


def test_a_profile_with_the_papers_tasks_has_nothing_to_say_of_them(tmp_path):
    assert read(Store(tmp_path / "store"), "demo").other_tasks() == []
