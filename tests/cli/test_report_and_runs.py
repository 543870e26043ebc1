"""`report`, `runs` and `list` as a user types them."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from hxbench.cli import app
from hxbench.report import ARTIFACTS
from hxbench.spec import recipe
from hxbench.store import Store


@pytest.fixture
def hxbench(monkeypatch, capsys, tmp_path):
    """Run a command line in this process: (exit code, stdout, stderr)."""
    monkeypatch.setenv("HXBENCH_STORE", str(tmp_path / "store"))

    def run(*arguments, answer=""):
        monkeypatch.setattr(sys, "argv", ["hxbench", *map(str, arguments)])
        monkeypatch.setattr("sys.stdin", __import__("io").StringIO(answer))
        with pytest.raises(SystemExit) as ended:
            app.main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


@pytest.fixture
def store(tmp_path):
    """Two finished runs and one that was left early."""
    made = Store(tmp_path / "store")
    for seed, finished in ((1, True), (2, True), (3, False)):
        with made.open_run(recipe.resolve("hyperx-base", setting="mixed", partition="a", seed=seed)) as run:
            row = {
                "split": "test",
                "task": "ner",
                "language": "qab",
                "metric": "f1",
                "value": 63.25,
                "role": "target",
            }
            run.write_metrics([row, {"split": "cost", "metric": "wall_seconds", "value": 83.0}])
            run.write_provenance({"device": "cpu"})
            if finished:
                run.finish()
    return made


def ids(store):
    return [record.id for record in store.runs(complete_only=False)]


def test_runs_list_and_its_filters(hxbench, store):
    code, out, _ = hxbench("runs", "list", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [(row["seed"], row["state"]) for row in rows] == [(1, "done"), (2, "done"), (3, "interrupted")]
    assert {row["id"] for row in rows} == set(ids(store))
    assert json.loads(hxbench("runs", "list", "--json", "--state", "interrupted")[1]) == rows[2:]
    assert json.loads(hxbench("runs", "list", "--json", "--method", "mbert")[1]) == []
    assert json.loads(hxbench("runs", "list", "--json", "--setting", "mixed", "--profile", "demo")[1]) == rows
    code, out, _ = hxbench("runs", "list")
    assert len(out.splitlines()) == 4
    assert rows[0]["id"] in out


def test_a_training_on_its_plateau_is_marked_where_runs_are_listed_and_shown(hxbench, store):
    for seed, loss in ((4, 2.2), (5, 0.4), (6, 9.9)):
        with store.open_run(recipe.resolve("hyperx-base", setting="mixed", partition="a", seed=seed)) as run:
            run.write_metrics([{"split": "cost", "metric": "wall_seconds", "value": 83.0}])
            of_ner = {"loss": 0.3, "entropy": 1.1}
            run.finish(label_losses={"ner": of_ner, "pos": {"loss": loss, "entropy": 2.3}})
    rows = json.loads(hxbench("runs", "list", "--json")[1])
    ends = {4: {"pos": "on"}, 6: {"pos": "above"}}
    assert {row["seed"]: row["plateau"] for row in rows} == {seed: ends.get(seed, {}) for seed in range(1, 7)}
    assert [row["seed"] for row in json.loads(hxbench("runs", "list", "--json", "--state", "done")[1])] == [
        1,
        2,
        4,
        5,
        6,
    ]
    out = " ".join(hxbench("runs", "list")[1].split())
    assert out.count("plateau") == 2
    assert "done, plateau of POS" in out
    assert "done, above plateau of POS" in out
    told = "The training ended {} the plateau of its label frequencies: POS has a loss of {} against 2.30"
    said = {4: told.format("on", "2.20"), 6: told.format("above", "9.90")}
    for row in rows:
        shown = json.loads(hxbench("runs", "show", row["id"], "--json")[1])
        assert shown["plateau"] == row["plateau"]
        text = hxbench("runs", "show", row["id"])[1]
        assert [one in text for one in said.values()] == [seed == row["seed"] for seed in said]


def test_runs_list_tells_of_damaged_runs_and_mistyped_filters(hxbench, store):
    (store.root / "runs" / store.runs()[0].id / "spec.yaml").unlink()
    code, out, err = hxbench("runs", "list", "--json")
    assert (code, len(json.loads(out))) == (0, 2)
    assert "spec.yaml is missing" in err
    code, _, err = hxbench("runs", "list", "--state", "finished")
    assert code == 2
    assert "unknown state 'finished'" in err


def test_names_of_others_move_no_cursor(hxbench, tmp_path):
    evil = "=a\nb\x1b[2J\u202e"
    spec = recipe.resolve("hyperx-base", setting="mixed", partition="a", seed=1)
    made = Store(tmp_path / "store")
    with made.open_run(spec.model_copy(update={"method": evil, "profile": f"{evil}/.."})) as run:
        run.write_metrics([])
        run.finish()
    run_id = next((made.root / "runs").glob("*")).name
    commands = {
        ("runs", "list"): 0,
        ("runs", "show", run_id): 2,
        ("runs", "copy", run_id, "--to", str(tmp_path / "other")): 2,
        ("runs", "rm", run_id): 0,
        ("report", "--table", "2"): 0,
    }
    for words, expected in commands.items():
        code, out, err = hxbench(*words, answer="n\n")
        assert code == expected, (words, err)
        assert run_id in out + err
        assert not set("\x1b\u202e") & set(out + err)


def test_runs_show(hxbench, store):
    run_id = store.runs()[0].id
    code, out, _ = hxbench("runs", "show", run_id[:11])
    assert code == 0
    for needed in (run_id, "bottleneck: 32", "device: cpu", "wall_seconds: 83.0", "63.2"):
        assert needed in out
    tree = json.loads(hxbench("runs", "show", run_id, "--json")[1])
    assert tree["spec"]["method"] == "hyperx-base"
    assert tree["metrics"][0]["value"] == 63.25
    code, _, err = hxbench("runs", "show", "nothing")
    assert (code, err.count("\n")) == (2, 1)
    assert "unknown run 'nothing'" in err
    assert f"hxbench runs list --store {store.root} shows all." in err
    assert err == hxbench("predict", "nothing", "text.txt")[2]


def test_runs_rm_asks_first(hxbench, store):
    first, second, third = ids(store)
    assert hxbench("runs", "rm", first, answer="n\n")[:1] == (0,)
    code, _, err = hxbench("runs", "rm", first, answer="")
    assert code == 2
    assert "--yes" in err
    assert ids(store) == [first, second, third]
    assert hxbench("runs", "rm", first, answer="y\n")[0] == 0
    assert ids(store) == [second, third]
    assert hxbench("runs", "rm", "--yes", second[:8], third[:8])[0] == 0
    assert ids(store) == []


def test_runs_rm_deletes_nothing_when_one_name_is_wrong_and_takes_damaged_runs(hxbench, store):
    before = ids(store)
    assert hxbench("runs", "rm", "--yes", before[0], "zzz")[0] == 2
    assert ids(store) == before
    damaged = store.runs()[0].id
    (store.root / "runs" / damaged / "status.json").write_text("{")
    code, out, _ = hxbench("runs", "rm", damaged, "--yes")
    assert (code, out) == (0, f"deleted {damaged}\n")
    assert not (store.root / "runs" / damaged).exists()


def test_report_prints_a_table(hxbench, store):
    code, out, err = hxbench("report", "--table", "2")
    assert (code, err) == (0, "")
    for needed in ("SYNTHETIC", "HX-Base", "63.3", "hxbench run hyperx/table2"):
        assert needed in out
    assert json.loads(hxbench("report", "--table", "3", "--format", "json")[1])[0]["name"] == "table3"


def test_report_of_an_empty_store_says_what_to_run(hxbench):
    code, out, _ = hxbench("report", "--table", "table2")
    assert code == 0
    assert "hxbench run hyperx/table2" in out


def test_report_writes_every_format(hxbench, store, tmp_path):
    code, out, _ = hxbench("report", "--all", "--out", tmp_path / "made")
    assert code == 0
    texts = ("txt", "md", "tex", "csv", "json")
    names = {f"hyperx-{name}.{suffix}" for name in ARTIFACTS["hyperx"] for suffix in texts}
    names |= {f"hyperx-figure{n}.{suffix}" for n in range(3, 8) for suffix in ("png", "svg", "pdf")}
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["demo"]
    assert {path.name for path in (tmp_path / "made" / "demo").iterdir()} == {*names, "hyperx.html"}
    folder = tmp_path / "made" / "demo"
    assert out == f"{len(names) + 1} files in {folder}. Open {folder / 'hyperx.html'}\n"
    hxbench("report", "--table", "2", "--format", "latex", "--out", tmp_path / "one")
    assert [path.name for path in (tmp_path / "one" / "demo").iterdir()] == ["hyperx-table2.tex"]
    hxbench("report", "--figure", "3", "--format", "svg", "--out", tmp_path / "picture")
    assert [path.name for path in (tmp_path / "picture" / "demo").iterdir()] == ["hyperx-figure3.svg"]
    hxbench("report", "--figure", "7", "--format", "html", "--out", tmp_path / "page")
    assert [path.name for path in (tmp_path / "page" / "demo").iterdir()] == ["hyperx-figure7.html"]


def test_the_page_and_view_make_one_file_of_the_whole_store(hxbench, store, tmp_path, monkeypatch):
    code, out, err = hxbench("report", "--page", "--out", tmp_path / "all.html")
    assert (code, out) == (0, f"{tmp_path / 'all.html'}\n")
    assert "Hyper-X, demo …" in err
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    code, out, err = hxbench("view")
    assert code == 0
    assert "there is no display here" in err
    assert Path(out.strip()).read_bytes() == (tmp_path / "all.html").read_bytes()
    opened = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    assert hxbench("view")[:2] == (0, out)
    assert opened == [Path(out.strip()).as_uri()]
    assert hxbench("report", "--page", "--table", "2")[0] == 2
    assert "is a folder" in hxbench("report", "--page", "--out", tmp_path)[2]
    empty = hxbench("view", "--no-open", "--store", tmp_path / "empty")
    assert empty[0] == 2
    assert "has no runs to show" in empty[2]
    empty = hxbench("compare", "psf", "mbert", "--store", tmp_path / "empty")
    assert empty[0] == 2
    assert "to compare: hxbench train METHOD makes one, and --store names another store." in empty[2]


def test_reports_of_two_profiles_do_not_take_each_others_place(hxbench, store, tmp_path):
    for profile in ("demo", "lab"):
        words = ("report", "--table", "2", "--format", "csv", "--profile", profile, "--out", tmp_path)
        assert hxbench(*words)[:2] == (0, f"{tmp_path / profile / 'hyperx-table2.csv'}\n")
    texts = [(tmp_path / profile / "hyperx-table2.csv").read_text() for profile in ("demo", "lab")]
    assert texts[0] != texts[1]


def test_a_report_on_a_full_disk_leaves_the_one_of_before(hxbench, store, tmp_path, monkeypatch):
    words = ("report", "--table", "2", "--format", "csv", "--out", tmp_path)
    hxbench(*words)
    before = (tmp_path / "demo" / "hyperx-table2.csv").read_bytes()

    def full(path, content):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    code, out, err = hxbench(*words)
    assert (code, out) == (2, "")
    assert f"cannot write {tmp_path}/demo/hyperx-table2.csv: No space left on device; free some space" in err
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["hyperx-table2.csv"]
    assert (tmp_path / "demo" / "hyperx-table2.csv").read_bytes() == before


def test_report_prints_the_points_of_a_figure(hxbench, store):
    code, out, err = hxbench("report", "--figure", "3", "--all-rows")
    assert (code, err) == (0, "")
    for needed in ("SYNTHETIC", "no MLM for seen languages", "10.5", "hxbench run hyperx/figure3", "--out DIR"):
        assert needed in out
    (tree,) = json.loads(hxbench("report", "--figure", "3", "--format", "json")[1])
    assert tree["name"] == "figure3"
    assert hxbench("report", "--figure", "3", "--format", "html")[1].startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name one table"),
        (["--all", "--table", "2"], "name one table"),
        (["--table", "2", "--figure", "3"], "name one table"),
        (["--table", "9"], "table 9 of hyperx cannot be rebuilt; known: 1, 2, 3, 4, 5, 6"),
        (["--figure", "9"], "figure 9 of hyperx cannot be rebuilt; known: 3, 4, 5, 6, 7."),
        (["--figure", "3", "--format", "png"], "name its folder with --out"),
        (["--figure", "3", "--bare"], "a folder with --out"),
        (["--table", "2", "--bare", "--out", "pictures"], "name a figure"),
        (["--figure", "3", "--against", "."], "is about one table that is printed"),
        (["--table", "2", "--against", "nowhere"], "there is no store at nowhere"),
        (["--table", "2", "--against", "/usr/lib"], "there is no store at /usr/lib"),
        (["--table", "figure3"], "figure3 of hyperx is no table but a figure: --figure 3 names it."),
        (["--table", "2", "--format", "png", "--out", "pictures"], "a table is no picture"),
        (["--paper", "hyperz", "--all"], "Did you mean hyperx"),
        (["--table", "2", "--format", "latx"], "Did you mean latex"),
        (["--table", "2", "--profile", "dmo"], "Did you mean demo"),
        (["--table", "2", "--out", "/dev/null/x"], "cannot write"),
    ],
)
def test_report_refuses_in_one_sentence(hxbench, arguments, said):
    code, out, err = hxbench("report", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


@pytest.mark.parametrize(
    ("kind", "key", "needed"),
    [
        ("methods", "name", "hyperx-base"), ("recipes", "name", "hyperx/table2"), ("languages", "code", "qap"),
        ("corpora", "task", "pos"), ("artifacts", "name", "table6"), ("backbones", "name", "mbert"),
        ("profiles", "name", "lab"), ("tasks", "name", "multinews"),
    ],
)  # fmt: skip
def test_list(hxbench, kind, key, needed):
    rows = json.loads(hxbench("list", kind, "--json")[1])
    assert needed in {row[key] for row in rows}
    code, out, _ = hxbench("list", kind)
    lines = out.splitlines()
    assert (code, len([line for line in lines if line[0] != " "])) == (0, len(rows) + 1), "long texts go on below"
    assert max(map(len, lines)) <= 100


def test_tasks_of_all_papers_are_listed(hxbench):
    rows = {row["name"]: row for row in json.loads(hxbench("list", "tasks", "--json")[1])}
    assert {paper for row in rows.values() for paper in row["papers"]} == {"hyperx", "pha", "pet"}
    assert rows["mnli"] == {
        "name": "mnli", "title": "MNLI", "suite": "glue", "papers": ["pha", "pet"], "kind": "classification",
        "metric": "accuracy", "labels": ["entailment", "neutral", "contradiction"],
    }  # fmt: skip
    assert (rows["ner"]["papers"], rows["ner"]["metric"]) == (["hyperx"], "f1")


def test_the_command_files_import_nothing_heavy():
    code = (
        "import sys, hxbench.cli.report, hxbench.cli.runs, hxbench.cli.listing; "
        "heavy = ('torch', 'pandas', 'pyarrow', 'pydantic', 'yaml', 'matplotlib', 'hxbench.spec.recipe'); "
        "heavy += ('hxbench.store', 'hxbench.report'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_report_needs_no_torch(store):
    code = (
        "import sys; from pathlib import Path; from hxbench import report; from hxbench.store import Store; "
        "report.build('hyperx', '2', Store(Path(sys.argv[1]))); "
        "report.build('hyperx', 'figure 3', Store(Path(sys.argv[1]))); "
        "print([m for m in ('torch', 'transformers', 'pandas', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, store.root], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
