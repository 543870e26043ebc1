"""What `import hxbench` offers: light, documented, and the same that the commands do."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import hxbench
from hxbench import api
from hxbench.arguments import checked
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


@pytest.mark.parametrize(
    ("function", "arguments", "named", "said"),
    [
        (hxbench.train, (5,), {}, "method is 5: expected text or a path."),
        (hxbench.train, ("mbert",), {"seeds": 1}, "seeds is 1: expected a list of whole numbers."),
        (hxbench.train, ("mbert",), {"seeds": "12"}, "seeds is 12: expected a list of whole numbers."),
        (hxbench.train, ("mbert",), {"seeds": [True]}, "seeds is [True]: expected a list of whole numbers."),
        (hxbench.train, ("mbert",), {"seeds": [1.5]}, "seeds is [1.5]: expected a list of whole numbers."),
        (hxbench.train, ("mbert",), {"checkpoint_every": True}, "checkpoint_every is True: expected a whole"),
        (
            hxbench.train,
            ("mbert",),
            {"changes": 3},
            "changes is 3: expected text or a mapping or a list of texts.",
        ),
        (hxbench.train, ("mbert",), {"changes": {"training.updates": {1}}}, "changes has {1}, which no field"),
        (hxbench.score, (1, "x"), {}, "run is 1: expected text or a path."),
        (hxbench.table, ("hyperx", 2.5), {}, "name is 2.5: expected text or a whole number."),
        (hxbench.table, ("hyperx", 2), {"store": 5}, "store is 5: expected a store or a path or text or None."),
        (hxbench.figure, (["hyperx"], 3), {}, "paper is ['hyperx']: expected text."),
        (hxbench.compare, ("mbert", 7), {}, "sides is 7: expected text."),
        (hxbench.compare, ("mbert", "psf"), {"where": [5]}, "where is [5]: expected text or a list of texts."),
        (hxbench.Store, (5,), {}, "a store is named by its folder, not by 5."),
        (hxbench.Store, ("",), {}, "a store is named by its folder, not by an empty text."),
        (hxbench.Store, ("a\0b",), {}, "a store is named by its folder, not by a"),
        (hxbench.Store, ("n" * 300,), {}, "the store nnn"),
        (hxbench.table, ("hyperx", 2), {"store": "a\0b"}, "a store is named by its folder, not by a"),
        (hxbench.table, ("hyperx", 2), {"store": "nowhere"}, "there is no store at nowhere: nothing has been run"),
        (hxbench.figure, ("hyperx", 3), {"store": Path("no")}, "there is no store at no: nothing has been run"),
        (hxbench.table, ("hyperx", 2), {"store": ""}, "store is an empty text: leave it out, or name one."),
        (hxbench.table, ("", 2), {}, "paper is an empty text: leave it out, or name one."),
        (hxbench.train, ("",), {}, "method is an empty text: leave it out, or name one."),
        (hxbench.compare, ("mbert", ""), {}, "sides is an empty text: leave it out, or name one."),
        (hxbench.train, ("mbert",), {"audience": 3}, "audience is 3: expected an object like hxbench's Audience"),
        (hxbench.train, ("mbert",), {"launcher": "local"}, "launcher is local: expected an object like hxbench's"),
        (hxbench.Store("none").predictions, (5,), {}, "a run is named by its id, not by 5."),
    ],
)
def test_what_has_another_type_is_one_sentence(function, arguments, named, said):
    with pytest.raises(hxbench.InputError) as refused:
        function(*arguments, **named)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    "seeds",
    [range(1, 3), np.arange(1, 3), [np.int64(1), np.int32(2)], (1, 2), {1: None, 2: None}.keys()],
    ids=["range", "array", "numpy", "tuple", "keys"],
)
def test_whole_numbers_and_paths_may_be_of_other_types(seeds):
    given = []

    @checked
    def take(method: str | Path, seeds: Sequence[int] = (), every: int | None = None) -> None:
        given.extend([method, *seeds, every])

    take(Path("own.yaml"), seeds, np.int16(3))
    assert given == [Path("own.yaml"), 1, 2, 3]
    assert {type(one) for one in given[1:]} == {int}


def test_places_may_be_paths(tmp_path):
    filled(tmp_path)
    sides, profile = ("mbert:multi,seed=1", "mbert:multi,seed=2"), Path("demo")
    with pytest.raises(hxbench.InputError) as by_path:
        hxbench.train(Path("none.yaml"), profile=profile, backbone=Path("there"), store=tmp_path)
    with pytest.raises(hxbench.InputError) as by_text:
        hxbench.train("none.yaml", profile="demo", backbone="there", store=str(tmp_path))
    assert str(by_path.value) == str(by_text.value)
    assert hxbench.table("hyperx", np.int64(2), store=tmp_path, profile=profile).frame() is not None
    with pytest.raises(hxbench.InputError, match="share no test set"):
        hxbench.compare(*sides, store=tmp_path, profile=profile)


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
    with pytest.raises(hxbench.InputError, match="unknown format '5'"):
        rebuilt.text(5)


def test_predictions_are_a_frame(tmp_path):
    store = filled(tmp_path)
    run = store.runs()[0].id
    frame = store.predictions(run[:6])
    assert frame.to_dict("records") == [
        {"task": "pos", "language": "qab", "sentence": 0, "gold": ["X"], "predicted": ["Y"]}
    ]
    with pytest.raises(hxbench.InputError, match="has no predictions"):
        store.predictions(run, language="qai")
