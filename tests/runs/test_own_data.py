"""Runs on data of one's own: as good as those on what ships, found again, scored, reported, and put to use."""

import json
import shlex
from dataclasses import replace

import pytest
import yaml
from command_line import SMALL, hxbench, write_profile
from miniature import made_sentences, spec_for, treebank_text
from text_miniature import write_text_profile

from hxbench.methods import method_class
from hxbench.runs.inputs import DataSource
from hxbench.runs.plan import plan_run
from hxbench.runs.scheduler.jobs import QueuedJob
from hxbench.runs.scheduler.plan_file import PlanFile
from hxbench.runs.session import Job
from hxbench.spec import experiment, recipe
from hxbench.spec.recipe import FewShotRecipe, OnGround
from hxbench.store import Store
from hxbench.tasks import task_of
from hxbench.tasks.data_file import read_data_file

FEW = ["--set", "training.updates=6", "--set", "training.batch_size=8", "--set", "training.evaluate_every=3"]
SAGA = {
    "title": "Saga", "extends": "hyperx", "folder": "corpora",
    "languages": {"is-saga": {"name": "Old Icelandic", "relatives": ["ar"]}},
    "corpora": [
        {"task": "pos", "language": "ar",
         "files": {part: f"ar_padt-ud-{part}.conllu" for part in ("train", "dev", "test")}},
        {"task": "pos", "language": "is-saga",
         "files": {part: f"saga-{part}.conllu" for part in ("train", "test")}},
    ],
}  # fmt: skip
TOPICS = {
    "title": "Topics", "folder": "corpora",
    "tasks": {"topic": {"type": "classification", "fields": ["headline"], "labels": ["sport", "sky"],
                        "metrics": ["accuracy", "macro_f1"], "template": "topic of: {headline}"}},
    "corpora": [
        {"task": "topic", "target": "section", "labels": {"SPORT": "sport"},
         "files": {part: f"{part}.jsonl" for part in ("train", "dev", "test")}},
        {"task": "mlm", "files": {"train": "text.txt"}},
    ],
}  # fmt: skip


def forget(monkeypatch):
    """Be another process, which has read no description."""
    monkeypatch.setattr("hxbench.tasks.declared_tasks.known", {})
    monkeypatch.setattr("hxbench.spec.languages.declared_languages.known", {})


@pytest.fixture(autouse=True)
def another_process(monkeypatch):
    forget(monkeypatch)


@pytest.fixture(scope="module")
def world(tmp_path_factory, mirror):
    """The folder with profile, descriptions, corpora and store."""
    root = tmp_path_factory.mktemp("own")
    write_profile(root, mirror)
    (root / "texts").mkdir()
    write_text_profile(root / "texts")
    folder = root / "corpora"
    folder.mkdir()
    for path in (mirror / "ud-2.7/UD_Arabic-PADT").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    for part, count in (("train", 20), ("test", 12)):
        (folder / f"saga-{part}.conllu").write_text(treebank_text(made_sentences("saga", part, count)))
    for part, count in (("train", 24), ("dev", 8), ("test", 9)):
        rows = [{"headline": f"{('goal', 'rain')[n % 2]} {n} {part}", "section": ("SPORT", "sky")[n % 2]}
                for n in range(count)]  # fmt: skip
        (folder / f"{part}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "text.txt").write_text("the goal and the rain of a day\n" * 40)
    for name, fields in (("saga", SAGA), ("topics", TOPICS)):
        (root / f"{name}.yaml").write_text(yaml.safe_dump(fields))
    return root


def trained(world, *words, profile="mini.yaml"):
    place = ["--profile", world / profile, "--store", world / "store"]
    done = hxbench("train", *words, "--setting", "single", *place, *FEW, "--json")
    assert done.code == 0, done.err
    [run] = json.loads(done.out)
    return run["run"]


@pytest.fixture(scope="module")
def runs(world, mirror):
    """The same training on what ships, and with a treebank of it described by the user."""
    words = ["mbert", "--task", "pos", "--data-source", mirror]
    return trained(world, *words), trained(world, *words, "--data", world / "saga.yaml")


@pytest.fixture(scope="module")
def topic(world):
    """A run on texts that nothing ships."""
    return trained(world, "adapter", "--data", world / "topics.yaml", profile="texts/mini.yaml")


def scores_of(world, run):
    rows = Store(world / "store").get(run).metrics()
    return {(row["task"], row["language"]): row["value"] for row in rows if row["split"] == "test"}


def test_the_same_corpus_has_the_same_scores(world, runs):
    ships, own = (scores_of(world, run) for run in runs)
    assert runs[0] != runs[1]
    assert own.pop(("pos", "is-saga")) > 0
    assert own == ships
    assert ("pos", "ar") in own


def scored(world, mirror, run, *words):
    return hxbench("eval", run, "--task", "pos", "--language", "ar", "--store", world / "store", "--data-source",
                   mirror, "--json", *words)  # fmt: skip


def test_it_is_scored_wherever_its_file_is(world, mirror, runs, tmp_path, monkeypatch):
    expected = scores_of(world, runs[1])["pos", "ar"]
    first = scored(world, mirror, runs[1])
    assert json.loads(first.out)[0]["value"] == expected, first.err
    path = world / "saga.yaml"
    text = path.read_text()
    forget(monkeypatch)
    twin = world / "twin.yaml"  # of the same title
    twin.write_text(text.replace("Old", "Older"))
    DataSource.of(str(mirror), OnGround(str(world / "mini.yaml"), own=read_data_file(twin)), {"origin": "mirror"})
    forget(monkeypatch)
    assert json.loads(scored(world, mirror, runs[1]).out)[0]["value"] == expected
    (world / "moved.yaml").write_text(text)
    path.unlink()
    try:
        lost = scored(world, mirror, runs[1])
        assert (lost.code, lost.err) == (2, "hxbench: name the file that describes Saga with --data FILE.\n")
        found = scored(world, mirror, runs[1], "--data", world / "moved.yaml")
        assert json.loads(found.out)[0]["value"] == expected, found.err
        forget(monkeypatch)
        (world / "moved.yaml").write_text(text.replace("Old", "Older"))
        other = scored(world, mirror, runs[1], "--data", world / "moved.yaml")
        assert other.code == 2
        assert "describes other data than those of the run (Saga)" in other.err
    finally:
        path.write_text(text)
    ships = scored(world, mirror, runs[0], "--data", path)
    assert ships.code == 2
    assert "was trained without data of one's own" in ships.err


def reported(world, *words):
    return hxbench("report", *words, "--profile", world / "mini.yaml", "--store", world / "store")


def test_reports_have_them_where_they_are_asked_for(world, runs):
    own = reported(world, "--data", world / "saga.yaml")
    assert own.code == 0, own.err
    assert "Saga: POS, accuracy" in own.out
    assert "is-sagaᵃ" in own.out
    assert "ᵃ described by the user" in own.out
    assert "on other data (what ships instead of Saga)" in " ".join(own.out.split())
    published = reported(world, "--table", "2")
    assert "1 run of mbert (single) on other data (Saga instead of what ships)" in " ".join(published.out.split())
    table = reported(world, "--table", "6", "--data", world / "saga.yaml", "--format", "markdown")
    score = f"{scores_of(world, runs[1])['pos', 'is-saga']:.1f}"
    shown = [line for line in table.out.splitlines() if "is-saga" in line]
    assert [score in row for row in shown].count(True) == 1  # of the settings the one that was run
    assert "not in the paper, and in no average" in table.out
    assert "is-saga" not in reported(world, "--table", "6").out


def test_the_page_of_the_store_has_them_beside_what_ships(world, runs):
    place = ["--profile", world / "mini.yaml", "--store", world / "store"]
    done = hxbench("report", "--page", *place, "--out", world / "page.html")
    assert done.code == 0, done.err
    text = (world / "page.html").read_text()
    assert '"title":"Saga: POS, accuracy"' in text.replace('": ', '":')
    assert all(run in text for run in runs)


def test_a_few_examples_of_an_own_pair(world, mirror):
    own = read_data_file(world / "saga.yaml")
    ground = OnGround(str(world / "mini.yaml"), own=own)
    start = recipe.resolve("mbert", profile=ground, setting="multi")
    protocol = FewShotRecipe(k=(5,), languages=("is-saga",), tasks=("pos",))
    [one] = experiment.few_shot_runs(start, protocol, draws=[0])
    corpora = DataSource("mirror", mirror, own).corpora(one.spec.data)
    plan = plan_run(one.spec, corpora, method_class(one.spec.kind))
    assert list(map(str, plan.train)) == list(map(str, plan.test)) == ["pos-is-saga"]


def test_workers_get_the_file(world, mirror):
    own = read_data_file(world / "saga.yaml")
    job = Job(spec_for("mbert", seed=1), DataSource("mirror", mirror, own), world / "store")
    PlanFile(world / "plan").write([QueuedJob(job)])
    [(found, _)] = PlanFile(world / "plan").read().values()
    assert found.source == job.source
    assert replace(found.source, own=None) == DataSource("mirror", mirror)


def test_words_alone_need_no_other_task(world, tmp_path):
    """What is planned for a file of its own is what it describes, and its scores are reported."""
    names = {"names": {"type": "tagging", "labels": list(task_of("pos").labels), "metrics": ["accuracy"]}}
    entry = {
        "task": "names",
        "language": "ar",
        "files": {part: f"saga-{part}.conllu" for part in ("train", "test")},
    }
    text = {"task": "mlm", "language": "ar", "files": {"train": "text.txt"}}
    for name, fields in {
        "names": {"tasks": names, "corpora": [entry, text], "folder": "corpora"},
        "plan": {"paper": "hyperx", "about": "x", "data_file": "names.yaml",
                 "blocks": [{"setting": one, "methods": ["mbert"]} for one in ("multi", "single")]},
    }.items():  # fmt: skip
        (world / f"{name}.yaml").write_text(yaml.safe_dump(fields))
    place = ["--profile", world / "mini.yaml", "--store", world / "store"]
    done = hxbench("run", world / "plan.yaml", "--dry-run", *place)
    assert (done.code, "2 runs to do" in done.out) == (0, True), done.err
    place = ["--data", world / "names.yaml", "--profile", world / "mini.yaml", "--store", tmp_path / "store"]
    trained = hxbench("train", "mbert", "--setting", "multi", *place, *FEW)
    assert trained.code == 0, trained.err
    [record] = Store(tmp_path / "store").runs()
    [score] = [
        row["value"] for row in record.metrics() if row.get("split") == "test" and row["metric"] == "accuracy"
    ]
    assert "names, trained on" in " ".join(trained.out.split())
    assert f" {score:.1f} " in trained.out
    shown = hxbench("report", *place)
    assert "names: names, accuracy" in shown.out
    [row] = [line for line in shown.out.splitlines() if line.startswith("mBERT")]
    assert f" {score:.1f}" in row
    assert "every model was trained on it" in shown.out


def test_a_task_of_ones_own_is_put_to_use_without_its_file(world, topic, tmp_path, monkeypatch):
    rows = {row["metric"]: row["value"] for row in Store(world / "store").get(topic).metrics()}
    assert rows["majority"] == pytest.approx(100 * 5 / 9)
    (tmp_path / "in.jsonl").write_text('{"headline": "a goal"}\n')
    answer = hxbench("predict", topic, tmp_path / "in.jsonl", "--store", world / "store")
    assert answer.code == 0, answer.err
    assert hxbench("export", topic, "--out", tmp_path / "it", "--store", world / "store").code == 0
    forget(monkeypatch)
    again = hxbench("predict", tmp_path / "it", tmp_path / "in.jsonl")
    assert (again.code, again.out) == (0, answer.out), again.err
    report = hxbench("report", "--data", world / "topics.yaml", "--profile", world / "texts/mini.yaml", "--store",
                     world / "store")  # fmt: skip
    assert report.code == 0, report.err
    assert "Topics: topic, accuracy" in report.out


def test_its_files_may_change_where_that_is_said(world, topic):
    path = world / "corpora/test.jsonl"
    text = path.read_text()
    path.write_text("\n".join(text.splitlines()[:4]))
    try:
        refused = hxbench("eval", topic, "--store", world / "store", "--json")
        assert refused.code == 2
        assert "to score it on these, name them with --data FILE" in refused.err
        done = hxbench("eval", topic, "--store", world / "store", "--json", "--data", world / "topics.yaml")
        assert [row["sentences"] for row in json.loads(done.out)] == [4, 4], done.err
    finally:
        path.write_text(text)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["adapter", "--data-source", "hub"], "topics.yaml says itself where its files are"),
        (["adapter", "--task", "rte"], "unknown task 'rte'. Known: topic."),
        (["adapter", "--setting", "multi"], "Topics has one task of texts: --setting single"),
        (["hyperx-base"], "Topics has no task of words, which hyperx-base is for."),
    ],
)
def test_what_cannot_be_trained(world, words, said):
    done = hxbench("train", "--data", world / "topics.yaml", "--profile", world / "texts/mini.yaml", "--store",
                   world / "store", *words)  # fmt: skip
    assert done.code == 2
    assert said in done.err


OWN_RUNS = {
    "data_file": "saga.yaml", "about": "Two warm-ups.",
    "blocks": [{"setting": "single", "methods": ["mbert"], "training": {"updates": 20, "warmup": 50}}],
}  # fmt: skip


def test_a_profile_and_an_experiment_name_the_file(world, mirror):
    (world / "own.yaml").write_text(yaml.safe_dump(OWN_RUNS))
    (world / "plain.yaml").write_text(yaml.safe_dump({k: v for k, v in OWN_RUNS.items() if k != "data_file"}))
    (world / "with.yaml").write_text(yaml.safe_dump({"extends": "mini.yaml", "data_file": "saga.yaml"}))
    planned = []
    place = ["--data-source", mirror, "--store", world / "store"]
    for name, profile in (("own", "mini"), ("plain", "with"), ("plain", "mini")):
        words = [world / f"{name}.yaml", "--profile", world / f"{profile}.yaml", *place]
        done = hxbench("run", *words, "--dry-run", "--json")
        assert done.code == 0, done.err
        planned.append([one["title"] for one in json.loads(done.out)["runs"]])
        # said once, though both tasks have it
        assert done.err.count("mbert: the warm-up of 50 updates is longer than the training of 20, which") == 1
    assert planned[0] == [
        "mbert single ner with Saga seed 1 (mini)", "mbert single pos with Saga seed 1 (mini)",
    ]  # fmt: skip
    assert planned[1] == [title.replace("mini", "with") for title in planned[0]]
    assert planned[2] == [title.replace(" with Saga", "") for title in planned[0]]


def test_an_own_language_that_no_source_covers_is_composed_of_its_relatives(world, mirror, runs):
    small = [word for field in SMALL for word in ("--set", field)]
    words = ["hyperx-base", "--task", "pos", "--data-source", mirror, "--data", world / "saga.yaml", *small]
    run = trained(world, *words)

    def composed(way):
        done = hxbench("eval", run, "--task", "pos", "--language", "is-saga", "--store", world / "store", "--json",
                       "--data-source", mirror, "--embedding", way)  # fmt: skip
        assert done.code == 0, done.err
        return {name: value for name, value in json.loads(done.out)[0].items() if name != "embedding"}

    assert composed("interpolate:family") == composed("interpolate:ar=1")
    assert composed("interpolate:nearest")["sentences"] == 12
    table = reported(world, "--table", "6", "--data", world / "saga.yaml", "--format", "json")
    assert table.code == 0, table.err
    [single] = [one for one in json.loads(table.out) if one["name"] == "table6-pos-single"]
    # the paired test is over the languages of the paper, of which averages are
    assert "p of a lead" in " ".join(single["remarks"])
    assert not any("is-saga" in one for one in single["remarks"])


@pytest.mark.parametrize(
    ("name", "profile", "first"),
    [
        ("topics", "texts/mini", "adapter --setting single --task topic"),
        ("saga", "mini", "hyperx-base --setting mixed"),
    ],
)
def test_what_is_next_after_prepare_runs_as_printed(world, mirror, name, profile, first):
    data = world / "with blank.yaml"
    data.write_text((world / f"{name}.yaml").read_text())
    place = ["--data-source", str(mirror)] if name == "saga" else []
    given = ["--profile", str(world / f"{profile}.yaml"), "--data", str(data), *place]
    paper = "hyperx" if name == "saga" else "pha"
    done = hxbench("prepare", "ud" if name == "saga" else "topic", "--paper", paper, *given)
    assert done.code == 0, done.err
    printed = done.err.splitlines()[-1]
    assert printed == f"Next: hxbench train {first} {shlex.join(given)}"
    if name == "topics":
        own = read_data_file(data)
        assert recipe.expand("adapter", setting="single", task="topic", profile=OnGround(given[1], own=own))
