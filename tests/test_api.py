"""What `import hxbench` offers: light, documented, and the same that the commands do."""

import subprocess
import sys

import pytest

import hxbench
from hxbench import api
from hxbench.spec import recipe
from hxbench.store import Store


def test_an_import_loads_nothing():
    heavy = {"torch", "pandas", "numpy", "pydantic", "pyarrow", "transformers", "matplotlib", "typer"}
    code = "import sys; from hxbench import Store, compare, table, train; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "hxbench.api" in done.stdout.split()
    assert not heavy & {*done.stdout.split()}


def test_every_name_is_there_and_has_a_docstring():
    assert set(hxbench.__all__) == set(api.__all__) <= set(dir(hxbench))
    for name in hxbench.__all__:
        assert getattr(hxbench, name) is getattr(api, name)
        assert getattr(hxbench, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'tables'"):
        hxbench.tables  # noqa: B018


def test_a_store_is_found_where_the_commands_look(tmp_path, monkeypatch):
    monkeypatch.setenv("HXBENCH_STORE", str(tmp_path / "there"))
    assert api.open_store().root == tmp_path / "there"
    assert api.open_store(str(tmp_path)).root == tmp_path
    store = Store(tmp_path)
    assert api.open_store(store) is store


def filled(root):
    store = Store(root)
    for seed in (1, 2):
        spec = recipe.resolve("mbert", setting="multi", seed=seed)
        rows = [
            {"split": "test", "task": "pos", "language": code, "metric": "accuracy", "value": 40.25 + seed,
             "role": "target", "step": 1, "sentences": 1}
            for code in ("qab", "qai")
        ]  # fmt: skip
        with store.open_run(spec) as run:
            run.write_metrics(rows)
            run.write_predictions("pos", "qab", {"sentence": [0], "gold": [["X"]], "predicted": [["Y"]]})
            run.finish()
    return store


def test_a_table_is_a_frame_of_its_cells(tmp_path):
    store = filled(tmp_path)
    rebuilt = hxbench.table("hyperx", 2, store=store)
    frame = rebuilt.frame()
    tables = [row for table in rebuilt.tables for block in table.blocks for row in block.rows]
    ours = [cell.mean for row in tables for cell in row.cells if cell.mean is not None]
    assert sorted(frame["mean"].dropna()) == sorted(ours)
    cell = frame[frame["mean"].notna()].iloc[0]
    assert cell["mean"] == 41.75
    assert (cell.n, cell.seeds) == (2, {1: 41.25, 2: 42.25})
    assert sorted(cell.runs) == sorted(record.id for record in store.runs())
    assert {"row", "column", "group", "sd", "published", "notes"} <= {*frame}
    assert rebuilt.text("csv").count("\n") == len(frame) + 1


def test_predictions_are_a_frame(tmp_path):
    store = filled(tmp_path)
    run = store.runs()[0].id
    frame = store.predictions(run[:6])
    assert frame.to_dict("records") == [
        {"task": "pos", "language": "qab", "sentence": 0, "gold": ["X"], "predicted": ["Y"]}
    ]
    with pytest.raises(hxbench.InputError, match="has no predictions"):
        store.predictions(run, language="qai")
