"""The benchmark of faults: its judge can fail, its slow readers read, and a few of its cases repeat."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def kinds():
    """The modules of the benchmark, as its script finds them."""
    from fault_kinds import command, slow_readers, verdict, world

    yield {"command": command, "slow": slow_readers, "verdict": verdict, "world": world}
    for name in [name for name in sys.modules if name.partition(".")[0] == "fault_kinds"]:
        del sys.modules[name]


@pytest.fixture
def judge(kinds):
    """Return a function that says what the judge says of an end; `whole` is the unbroken answer."""
    ended, verdict = kinds["command"].Ended, kinds["verdict"]

    def said(code, out="", err="", whole="right\n", **more):
        end = ended(("report",), code, out, err, 1.0)
        try:
            return verdict.judged_answer(end, out, whole, **more).word
        except verdict.Bad as bad:
            return bad.verdict.word

    return said


SENTENCE = "hxbench: the store s is a file; a folder is expected.\n"


@pytest.mark.parametrize(
    ("code", "out", "err", "word"),
    [
        (0, "right\n", "", "equal"),
        (2, "", SENTENCE, "refused"),
        (0, "wrong\n", "", "SILENT"),
        (0, "", "", "SILENT"),
        (None, "", "", "HANG"),
        (1, "", SENTENCE, "UNEXPECTED"),
        (-11, "", "", "UNEXPECTED"),
        (139, "right\n", "", "UNEXPECTED"),
        (2, "", "", "UNEXPECTED"),
        (2, "", SENTENCE + SENTENCE, "UNEXPECTED"),
        (2, "", "some library: retry 1\n" + SENTENCE, "UNEXPECTED"),
        (2, "", f"hxbench: '{'x' * 5000}' is no number.\n", "UNEXPECTED"),
        (2, "", 'Traceback (most recent call last):\n  File "x"\n' + SENTENCE, "UNEXPECTED"),
        (1, "", "hxbench: unexpected KeyError: 'a' (--debug shows where)\n", "UNEXPECTED"),
        (2, "", "hxbench: unexpected KeyError: 'a' (--debug shows where)\n", "UNEXPECTED"),
        (0, "right\n", "left out: run \x1b[31m\n", "UNEXPECTED"),
    ],
)
def test_the_judge(judge, code, out, err, word):
    assert judge(code, out, err) == word


def test_a_run_may_be_left_out_but_only_by_name(judge):
    answers = {"without": "less\n", "named": "abc123"}
    assert judge(0, "less\n", "left out: run abc123: metrics.jsonl is damaged.\n", **answers) == "refused"
    assert judge(0, "less\n", "", **answers) == "SILENT"
    assert judge(0, "other\n", "left out: run abc123: metrics.jsonl is damaged.\n", **answers) == "SILENT"


def test_runs_that_are_gone_or_changed(kinds):
    verdict = kinds["verdict"]
    wanted = {"a": {"metrics.jsonl": "1"}, "b": {"metrics.jsonl": "2"}}
    verdict.require_kept(wanted, {**wanted, "c": {}})
    for found, word in (({"a": wanted["a"]}, "LOST"), ({**wanted, "b": {"metrics.jsonl": "3"}}, "SILENT"),
                        ({**wanted, "b": {}}, "SILENT")):  # fmt: skip
        with pytest.raises(verdict.Bad) as bad:
            verdict.require_kept(wanted, found)
        assert bad.value.verdict.word == word
        assert bad.value.verdict.is_bad


def test_facts_of_a_store_see_scores_and_weights_but_not_times(kinds, tmp_path):
    run = tmp_path / "runs/abc"
    (run / "checkpoint").mkdir(parents=True)
    rows = [{"split": "test", "value": 1.5}, {"split": "cost", "value": 3}]
    weights, metrics = run / "checkpoint/model.safetensors", run / "metrics.jsonl"

    def facts(*rows, content=b"12"):
        metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
        weights.write_bytes(content)
        return kinds["world"].facts_of(tmp_path)

    before = facts(*rows)
    assert before == facts(rows[0], {"split": "cost", "value": 4})
    assert before != facts({"split": "test", "value": 1.6}, rows[1])
    assert before != facts(*rows, content=b"13")


ROW = "{}\t{}\t_\t{}" + "\t_" * 6 + "\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ROW.format(1, "domo", "NOUN") + "\n", [[["domo"], ["NOUN"]]]),
        ("# text\r\n" + ROW.format(1, "a b", "X"), [[["a b"], ["X"]]]),
        (ROW.format("1-2", "ab", "_") + ROW.format(1, "a", "X") + ROW.format(2, "b", "X"),
         [[["a", "b"], ["X", "X"]]]),
        (ROW.format(1, "a", "X") + ROW.format("1.1", " ", "_"), [[["a"], ["X"]]]),
        (ROW.format("1-3", "ab", "_") + ROW.format(1, "a", "X"), None),
        (ROW.format(1, " ", "X"), None),
        (ROW.format(2, "a", "X"), None),
        (ROW.format(1, "a", "Noun"), None),
        ("1\ta\n", None),
        ("\n\n", None),
    ],
)  # fmt: skip
def test_the_slow_reader_of_conllu(kinds, text, found):
    assert kinds["slow"].slow_conllu(text) == found


def test_the_slow_reader_of_wikiann(kinds):
    read = kinds["slow"].slow_wikiann
    assert read("en:a\tO\nen::\tB-PER\n\nen:b\tO\n") == [[["a", ":"], ["O", "B-PER"]], [["b"], ["O"]]]
    assert read("en:a\tO\nde:b\tO\n") is None
    assert read("en:a O\n") is None


def test_cases_of_all_kinds_are_mixed_and_repeat(script):
    plan = script.planned([*script.KINDS], None)
    assert len(plan) >= 1500
    assert len(set(plan)) == len(plan)
    assert {kind for kind, _ in plan[:150]} == set(script.KINDS)
    assert script.planned(["kill", "data"], 20) == script.planned(["kill", "data"], 20)


@pytest.fixture(scope="module")
def script(kinds):
    import faults

    yield faults
    del sys.modules["faults"]


CALLS = """
import json, os, random, signal, sys
from pathlib import Path
sys.path.insert(0, {benchmarks!r})
from fault_kinds import breaking, command
place = Path({place!r})
def shown(ended):
    return [ended.code, ended.out, ended.err]
words = ["list", "methods", "--json"]
found = {{"whole": shown(command.forked(words, place)), "again": shown(command.forked(words, place))}}
found["refused"] = shown(command.forked(["report"], place))
found["other"] = shown(command.forked(["list", "languages", "--json"], place))
def hang():
    import time
    time.sleep(60)
found["hang"] = command.forked(words, place, fault=hang, limit=0.5).code
found["broken"] = shown(command.forked(words, place, fault=lambda: 1 // 0))
def writes():
    breaking.killed_at(3)()
    for n in range(5):
        Path(f"n{{n}}").write_text("x")
found["killed"] = command.forked(words, place, fault=writes).code
found["written"] = sorted(path.name for path in place.glob("n*"))
def full():
    breaking.full_from(2)()
    Path("m0").write_text("x")
    Path("m0").rename("m1")
    try:
        Path("m2").write_text("x")
    except OSError as error:
        print(error.strerror)
found["full"] = command.forked(words, place, fault=full).out.splitlines()[0]
def torn():
    breaking.in_a_write(10, dies=True)()
    Path("torn").write_text("x" * 20)
found["torn"] = command.forked(words, place, fault=torn).code, (place / "torn").stat().st_size
print(json.dumps(found))
"""


@pytest.mark.matrix
def test_commands_are_run_and_broken(judge, tmp_path):
    """In a process that has computed nothing: the one of the tests has threads, which do not survive a fork."""
    calls = CALLS.format(benchmarks=str(BENCHMARKS), place=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", calls], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["whole"] == found["again"]
    assert found["whole"][0] == 0
    assert "hyperx-base" in found["whole"][1]
    assert found["refused"][0] == 2
    assert found["refused"][2].startswith("hxbench: name one table")
    assert found["hang"] is None
    assert found["broken"][0] == 1
    assert "ZeroDivisionError" in found["broken"][2]
    whole = found["whole"][1]
    assert judge(*found["again"], whole) == "equal"
    assert judge(*found["refused"], whole) == "refused"
    assert judge(*found["other"], whole) == "SILENT", "a wrong answer with exit code 0"
    assert judge(*found["broken"], whole) == "UNEXPECTED"
    assert judge(found["hang"], "", "", whole) == "HANG"
    assert judge(found["killed"], "", "", whole) == "UNEXPECTED"
    assert found["killed"] == -9
    assert found["written"] == ["n0", "n1"]
    assert found["full"] == "No space left on device"
    assert found["torn"] == [-25, 10]


@pytest.mark.slow
@pytest.mark.matrix
def test_some_cheap_cases(tmp_path):
    words = ["--cases", "8", "--workers", "1", "--minutes", "3", "--json", "--keep", tmp_path]
    kinds = [word for kind in ("recipe", "command", "tagged", "stored") for word in ("--kind", kind)]
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "faults.py", *words, *kinds], capture_output=True, text=True, timeout=300
    )
    assert done.returncode in (0, 1), done.stderr
    told = json.loads(done.stdout)
    assert 4 <= len(told["cases"]) <= 8
    assert {row["kind"] for row in told["cases"]} == {"recipe", "command", "tagged", "stored"}
    assert not [row for row in told["cases"] if "the benchmark broke" in row["seen"]]
    bad = {"SILENT", "LOST", "UNEXPECTED", "HANG"}
    assert done.returncode == any(row["verdict"] in bad for row in told["cases"])


def test_damage_changes_a_file_and_repeats(kinds, tmp_path):
    from fault_kinds.damage import damaged

    def done(number):
        for name in ("a.json", "b.json"):
            (tmp_path / name).write_text('{"a": 12}')
        way = damaged(tmp_path / "a.json", random.Random(number))
        path = tmp_path / "a.json"
        return way, path.read_bytes() if path.exists() else None

    ways = [done(number) for number in range(60)]
    assert ways == [done(number) for number in range(60)]
    assert all(content != b'{"a": 12}' for way, content in ways if way not in ("swap", "zeros"))
    assert {way for way, _ in ways} >= {"cut", "empty", "gone", "digit", "more"}
