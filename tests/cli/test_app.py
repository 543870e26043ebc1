"""The command line itself: how it ends, and what it says to input it cannot use."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import hxbench

HERE = Path(__file__).parent
HEAVY = {"torch", "transformers", "datasets", "pandas", "pyarrow", "numpy", "pydantic"}
COMMANDS = ("prepare", "train", "eval", "fewshot", "run", "predict", "export", "report", "cost", "runs", "list")


@pytest.fixture(autouse=True)
def untouched(tmp_path, monkeypatch):
    """A cache, a store and a working directory that must stay empty, and no setting of the caller's."""
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HXBENCH_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("HXBENCH_DEBUG", "")
    monkeypatch.chdir(tmp_path)
    return tmp_path


BASE = ("train", "hyperx-base")
REFUSED = {
    "no such command": (("trian",), "Did you mean 'train'?"),
    "no such command of a group": (("runs", "lst"), "Did you mean 'list'?"),
    "no such option": (("report", "--tabel", "2"), "--table"),
    "no method": (("train",), "Missing argument"),
    "one argument too many": ((*BASE, "mbert"), "unexpected extra argument"),
    "method": (("train", "hyperx-bse"), "unknown method 'hyperx-bse'. Did you mean hyperx-base"),
    "method without a likeness": (("cost", "zzzz"), "unknown method 'zzzz'. Known: adapter"),
    "setting": ((*BASE, "--setting", "mixd"), "unknown setting 'mixd'. Did you mean mixed?"),
    "profile": ((*BASE, "--profile", "dmo"), "unknown profile 'dmo'. Did you mean demo?"),
    "profile of prepare": (("prepare", "--profile", "papr"), "unknown profile 'papr'. Did you mean paper?"),
    "profile file": (("prepare", "--profile", "none.yaml"), "none.yaml: not a readable YAML file"),
    "backbone": ((*BASE, "--backbone", "mbart"), "unknown backbone 'mbart'. Did you mean mbert?"),
    "backbone of prepare": (("prepare", "--backbone", "mbart"), "unknown backbone 'mbart'. Did you mean mbert?"),
    "variant": ((*BASE, "--variant", "cod"), "no variant 'cod'. Known: paper, code."),
    "partition": ((*BASE, "--partition", "c"), "unknown partition 'c'"),
    "partition of another setting": (
        (*BASE, "--setting", "multi", "--partition", "a"), "--partition only applies to the mixed setting",
    ),
    "task in the mixed setting": ((*BASE, "--task", "ner"), "--task only applies to the single setting"),
    "task": ((*BASE, "--setting", "single", "--task", "pso"), "unknown task 'pso'. Did you mean pos?"),
    "seed": ((*BASE, "--seed", "-1"), "seed: Input should be greater than or equal to 0 (given: -1)"),
    "seed that is no number": ((*BASE, "--seed", "one"), "Invalid value for '--seed'"),
    "workers": ((*BASE, "--workers", "-1"), "Invalid value for '--workers'"),
    "assignment": ((*BASE, "--set", "lr=1"), "expected options.KEY=VALUE"),
    "assignment of an unknown field": (
        (*BASE, "--set", "training.udpates=5"), "field 'udpates' (given: 5). Did you mean updates",
    ),
    "assignment of an unknown option": (
        (*BASE, "--set", "options.bottelneck=5"), "field 'bottelneck' (given: 5). Did you mean bottleneck?",
    ),
    "assignment out of range": ((*BASE, "--set", "training.lr=-1"), "training.lr: Input should be greater than 0"),
    "corpus": (("prepare", "wikian"), "unknown corpus 'wikian'. Did you mean wikiann?"),
    "no data source": ((*BASE, "--profile", "lab"), "name its folder with --data-source DIR"),
    "no data source for prepare": (("prepare", "--profile", "lab"), "name its folder with --data-source DIR"),
    "data source that is not there": ((*BASE, "--data-source", "nowhere"), "nowhere: there is no such folder"),
    "empty data source": (("prepare", "--data-source", HERE), "holds no corpus; looked for ud-2.7/UD_*"),
    "no runs": (("eval", "0123"), "has no runs"),
    "artifact": (("report", "--table", "9"), "table 9 of hyperx cannot be rebuilt; known: 1, 2"),
    "kind of listing": (("list", "method"), "Did you mean 'methods'?"),
    "no setting of cost": (("cost", "hyperx-base", "--setting", "singel"), "unknown setting 'singel'"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "said"), REFUSED.values(), ids=REFUSED)
def test_bad_input_gets_one_sentence_and_leaves_nothing(untouched, words, said):
    ending = hxbench(*words)
    assert (ending.code, ending.out) == (2, "")
    assert ending.err.startswith("hxbench: ")
    assert ending.err.count("\n") == 1, ending.err
    assert said in ending.err
    assert list(untouched.iterdir()) == []


@pytest.mark.parametrize("option", ["--backbone", "--data-source", "--store", "--profile", "--set"])
def test_an_option_that_is_empty_is_not_its_default(untouched, option):
    for words in ((option, ""), (f"{option}=",)):
        ending = hxbench(*BASE, *words)
        said = f"hxbench: {option} is empty: leave it out, or say what it is.\n"
        assert (ending.code, ending.out, ending.err) == (2, "", said)
    assert list(untouched.iterdir()) == []


ABSURD = {
    "workers": ("--workers", "100000000000000000000"), "seed": ("--seed", "100000000000000000000"),
    "digits": ("--seed", "9" * 5000), "word": ("--seed", "a" * 5000), "words": ("--setting", "a " * 3000),
    "escape": ("--setting", "a\nb\x1b[2J\u202e"), "folder": ("--profile", "."), "set": ("--set", "a" * 5000),
    "not a number": ("--set", "training.lr=nan"), "infinite": ("--set", "training.updates=1e400"),
    "data source": ("--data-source", "a" * 5000), "user": ("--data-source", "~no-such-user/x"),
    "store": ("--store", "/dev/null"), "store below": ("--store", "/dev/null/x"), "sbatch": ("--sbatch", "--a 'b"),
    "quoted": ("--task", "'\0'"),
}  # fmt: skip


@pytest.mark.parametrize("words", ABSURD.values(), ids=ABSURD)
def test_absurd_values_get_one_short_line(untouched, monkeypatch, words):
    monkeypatch.setattr("hxbench.runs.session.Session.make_backbones", lambda *_: pytest.fail("it went on"))
    ending = hxbench(*BASE, *words)
    assert (ending.code, ending.out) == (2, "")
    assert ending.err.startswith("hxbench: ")
    assert ending.err.count("\n") == 1
    assert len(ending.err) < 1000
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]|unexpected", ending.err)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(28, "No space left on device", "/a/b"),
            "cannot write /a/b: No space left on device; free some space",
        ),
        (
            PermissionError(13, "Permission denied", "/a"),
            "cannot use /a: Permission denied; see to its permissions",
        ),
        (MemoryError(), "memory ran out"),
        (RecursionError(), "nested too deep"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), "not text in utf-8"),
    ],
)
def test_what_the_machine_refuses_is_no_bug(monkeypatch, error, said):
    def refuse(_):
        raise error

    monkeypatch.setattr("hxbench.spec.recipe.recipe_names", refuse)
    ending = hxbench("list", "methods")
    assert (ending.code, ending.err.count("\n")) == (2, 1)
    assert said in ending.err
    monkeypatch.setenv("HXBENCH_DEBUG", "1")
    assert "Traceback" in hxbench("list", "methods").err


def test_surroundings(untouched, monkeypatch, tmp_path):
    for value in ("x", "-1", "1.5"):
        monkeypatch.setenv("WORLD_SIZE", value)
        ending = hxbench("list", "methods")
        assert (ending.code, ending.err) == (
            2, f"hxbench: WORLD_SIZE is '{value}': it takes the number that torchrun gives, or is not set.\n",
        )  # fmt: skip
    monkeypatch.delenv("WORLD_SIZE")
    monkeypatch.setenv("RANK", "3")  # of somebody else's
    assert hxbench("list", "profiles").code == 0
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    ending = hxbench("list", "methods")
    assert (ending.code, ending.err.count("\n")) == (2, 1)
    assert "the working directory is not there any more" in ending.err


def test_a_store_that_is_a_file(untouched):
    (untouched / "store").write_text("")
    ending = hxbench("runs", "list")
    assert (ending.code, ending.err.count("\n")) == (2, 1)
    assert "is a file" in ending.err


@pytest.mark.parametrize("place", [0, 1, 2, 4])
def test_debug_may_stand_anywhere(place):
    words = ["train", "hyperx-base", "--setting", "mixd"]
    plain = hxbench(*words)
    assert "Traceback" not in plain.err
    ending = hxbench(*words[:place], "--debug", *words[place:])
    assert ending.code == 2
    assert "Traceback" in ending.err
    assert ending.err.endswith(plain.err)


def test_a_bug_is_one_line_unless_asked_for(monkeypatch):
    monkeypatch.setattr("hxbench.spec.recipe.recipe_names", lambda kind: 1 // 0)
    ending = hxbench("list", "methods")
    assert (ending.code, ending.err.count("\n")) == (1, 1)
    assert "unexpected ZeroDivisionError" in ending.err
    monkeypatch.setenv("HXBENCH_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        hxbench("list", "methods")


def test_version():
    from hxbench import __version__

    ending = hxbench("--version")
    assert (ending.code, ending.out, ending.err) == (0, f"hxbench {__version__}\n", "")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command):
    ending = hxbench(*command.split(), "--help")
    assert (ending.code, ending.err) == (0, "")
    assert re.search(rf"Usage: hxbench {command}", ending.out)
    if not command:
        assert all(name in ending.out for name in COMMANDS)


@pytest.mark.parametrize("group", ["", "runs", "list"])
def test_a_group_without_a_command_shows_its_help(group):
    ending = hxbench(*group.split())
    assert (ending.code, ending.err) == (2, "")
    assert "Usage: hxbench" in ending.out


def test_help_imports_nothing_heavy():
    command = [sys.executable, "-X", "importtime", "-m", "hxbench", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {
        line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")
    }
    assert {"typer", "hxbench.cli.train"} <= imported
    assert imported & HEAVY == set()


def test_a_reader_who_leaves_early_is_no_failure():
    command = [sys.executable, "-m", "hxbench", "list", "languages"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_where_nothing_has_to_be_saved(monkeypatch, number):
    before = signal.getsignal(number)
    monkeypatch.setattr("hxbench.runs.prepare.fetch", lambda *_: os.kill(os.getpid(), number))
    for words in (("prepare",), BASE):
        ending = hxbench(*words)
        assert ending.code == 128 + number
        assert "the same command goes on" in ending.err
        assert "Traceback" not in ending.err
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(("method", "counted"), [("hyperx-base", 76_164_416), ("hyperx-small", 13_055_136)])
def test_cost_counts_as_the_paper_does(method, counted):
    ending = hxbench("cost", method, "--json")
    assert (ending.code, ending.err) == (0, "")
    found = json.loads(ending.out)
    assert found["counted"] == counted
    assert found["profile"] == "paper"
    assert found["backbone_name"] == "mbert"
    assert found["backbone"] == 177_262_848  # of mBERT, pooler aside
    # LayerNorms of the backbone and heads are trained and not counted
    assert sum(found["parts"].values()) == found["trainable"] > counted
    assert min(found["flops_per_token"], found["flops_per_batch"]) > 0
    assert found["memory_bytes"]["optimiser"] == 8 * found["trainable"]


def test_cost_in_words_and_at_another_scale():
    ending = hxbench("cost", "hyperx-base", "--profile", "demo", "--backbone", "mbert")
    assert (ending.code, ending.err) == (0, "")
    assert "hyperx-base on mbert (profile demo)" in ending.out
    small = json.loads(hxbench("cost", "hyperx-base", "--profile", "demo", "--json").out)
    assert f"{small['counted']:,}" != "76,164,416"
    mixed = json.loads(hxbench("cost", "mbert", "--setting", "mixed", "--profile", "demo", "--json").out)
    assert mixed["trainable"] > mixed["backbone"]


def test_sites_of_a_backbone_are_listed_by_its_configuration_alone(tmp_path):
    (tmp_path / "config.json").write_text(
        '{"model_type": "phi3", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,'
        '"num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 0, "vocab_size": 40}'
    )
    answer = hxbench("list", "sites", "--backbone", str(tmp_path), "--json")
    assert answer.code == 0, answer.err
    rows = json.loads(answer.out)
    places = {row["name"]: row["module"] for row in rows if row["kind"] == "site"}
    assert places["attention_output"] == "self_attn.o_proj"
    roles = {row["role"]: row["name"] for row in rows if row["kind"] == "site"}
    assert (roles["attention"], roles["embeddings"]) == ("attention_output", "embeddings")
    widths = {row["name"]: (row["in"], row["out"], row["layers"]) for row in rows if row["kind"] == "projection"}
    assert widths["query"] == (16, 16, 2)
    assert widths["value"] == (16, 8, 2), "two heads of queries share one"
    assert [row["module"] for row in rows if row["kind"] == "norm"] == [
        "input_layernorm", "post_attention_layernorm", "norm",
    ]  # fmt: skip
    assert {row["bitfit"] for row in rows} == {None}
    t5 = json.loads(hxbench("list", "sites", "--backbone", "t5-small", "--json").out)
    assert sum(row["name"] == "decoder_cross" for row in t5) == 1
    assert [row["bitfit"] for row in t5 if row["name"] in ("query", "cross_query")] == ["yes", "yes", None]
    assert "gate" not in {row["name"] for row in t5}, "T5 v1.0 has none"
    gone = hxbench("list", "sites", "--backbone", str(tmp_path / "gone"))
    assert (gone.code, gone.out) == (2, "")


@pytest.mark.parametrize(
    "words", [["train", "none"], ["train", "mbert", "--profile", "none"], ["fewshot", "none"]]
)
def test_a_name_that_is_none_is_said_before_torch_is_imported(words):
    code = (
        "import sys; from hxbench.cli.app import main; sys.argv = ['hxbench', *sys.argv[1:]]\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "False"]
    assert "unknown " in done.stderr
