"""The benchmark of peers counts real tokens, leaves out what cannot be installed or run, and says who is ahead."""

import json
import sys
import time

import pytest
from typer.testing import CliRunner

from hxbench.backbones.vocabularies import train_wordpiece
from hxbench.data.feed import Feed
from hxbench.errors import InputError

TEXTS = [["a cat sat", 0], ["the dog saw a cat and the old man", 1]]


@pytest.fixture
def mirror(tmp_path):
    folder = tmp_path / "mirror" / "glue" / "SST-2"
    folder.mkdir(parents=True)
    for part, times in (("train", 40), ("dev", 4)):
        lines = [f"{text} \t{label}" for text, label in TEXTS * times]
        (folder / f"{part}.tsv").write_text("\n".join(["sentence\tlabel", *lines, ""]))
    return tmp_path / "mirror"


def run(peers, tmp_path, *words):
    given = ["--envs", tmp_path / "envs", "--backbone", "sandbox-en-bert-small", "--threads", "1"]
    small = ["--updates", 3, "--warmup", 1, "--rounds", 1, "--batch-size", 4, "--max-length", 16]
    return CliRunner().invoke(peers.app, [str(word) for word in (*given, *small, *words)])


@pytest.mark.matrix
def test_both_forms_of_a_peer_stand_beside_ours(peers, peer_run, mirror, tmp_path, monkeypatch):
    measured = peers.measured

    def here(job, python, work):
        """Do ours in this process: of starting one, the peers' have enough."""
        if job["suite"] != "hxbench":
            return measured(job, python, work)
        meter = peer_run.Meter({**job, "started": time.time()})
        peer_run.hxbench(job, meter)
        return {} if job.get("prepare") else meter.result()

    monkeypatch.setattr(peers, "measured", here)
    monkeypatch.setattr(Feed, "__call__", Feed.__call__)  # which ours counts with
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    # the peer's libraries are among those of the tests
    monkeypatch.setattr(peers, "environment", lambda suite, folder, python, more: sys.executable)
    done = run(peers, tmp_path, "--data-en", mirror, "--clock", "cpu", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert list(found["rounds"]) == ["ours-lora", "peft-plain", "peft-best"]
    for (one,) in found["rounds"].values():
        # 5 and 11 pieces at least, in batches of 4: whatever is more is padding
        assert 4 * 5 <= one["tokens_an_update"] < 4 * 16
        assert min(one["tokens_a_second"], one["memory"], one["first"]) > 0
    assert [(row["ours"], row["peer"], row["aim"]) for row in found["ratios"]] == [
        ("ours-lora", "peft-plain", 3.0), ("ours-lora", "peft-best", 1.2),
    ]  # fmt: skip


def test_a_peer_that_cannot_be_installed_or_run_is_named_and_left_out(peers, mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "REQUIREMENTS", {"peft": ["--no-index", "no-such-package-of-anybody"]})
    monkeypatch.setattr(peers.shutil, "which", lambda name: None)
    python = tmp_path / "python"  # makes an environment of itself, and installs nothing
    python.write_text('#!/bin/sh\n[ "$2" = venv ] && mkdir -p "$3/bin" && cp "$0" "$3/bin" && exit\n'
                      'echo "ERROR: No matching distribution found for $5" >&2\nexit 1\n')  # fmt: skip
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(
        InputError, match=r"peft is left out: its environment cannot be installed \(ERROR: .*--no-index"
    ):
        peers.environment("peft", tmp_path, sys.executable, [])
    with pytest.raises(InputError, match="left out: no-python cannot be started"):
        peers.environment("peft", tmp_path, "no-python", [])
    done = run(peers, tmp_path, "--data-en", mirror, "--only", "peft-best")
    assert done.exit_code == 2
    assert "nothing was measured" in done.output


def test_tokens_are_those_that_are_no_padding(peer_run, tmp_path):
    import transformers

    tokenizer = train_wordpiece([text for text, _ in TEXTS], 60)
    (tmp_path / "rows.json").write_text(json.dumps(TEXTS))
    job = {"rows": str(tmp_path / "rows.json"), "max_length": 40, "task": "sst2", "clock": "wall", "started": 0.0}
    counts = {}
    for form in ("plain", "best"):
        rows = peer_run.rows_of({**job, "form": form}, tokenizer)
        meter = peer_run.Meter({**job, "form": form})
        batch = peer_run.counting(transformers.DataCollatorWithPadding(tokenizer), meter)(rows)
        counts[form] = batch["input_ids"].shape[1], meter.tokens
    expected = sum(len(tokenizer(text)["input_ids"]) for text, _ in TEXTS)
    assert counts["plain"] == (40, [expected])
    assert counts["best"][1] == [expected]
    assert counts["best"][0] < 40


def test_a_label_is_on_the_first_piece_of_its_word(peer_run, tmp_path):
    tokenizer = train_wordpiece(["abcd abdc adbc x"], 60)
    (tmp_path / "rows.json").write_text(json.dumps([[["abcd", "acbd", "x"], [3, 4, 5]]]))
    job = {"rows": str(tmp_path / "rows.json"), "max_length": 20, "task": "pos", "form": "best"}
    (row,) = peer_run.rows_of(job, tokenizer)
    assert [label for label in row["labels"] if label != -100] == [3, 4, 5]
    assert row["labels"][0] == row["labels"][-1] == -100
    assert len(row["labels"]) == len(row["input_ids"]) > 5


def test_warm_up_is_not_counted_and_the_first_update_is_since_the_start(peer_run):
    meter = peer_run.Meter({"clock": "wall", "started": 0.0, "warmup": 2, "updates": 4})
    meter.tokens, meter.stamps = [1000, 1000, 30, 50, 7], [9.0, 10.0, 11.0, 14.0]
    found = meter.result()
    assert found["first"] == 9.0
    assert found["tokens_a_second"] == 80 / 4
    assert found["tokens_an_update"] == 40


def test_ratios_are_of_the_same_round(peers):
    fast, slow = ({"tokens_a_second": speed, "memory": 10.0, "first": 2.0} for speed in (600.0, 100.0))
    found = {"ours-lora": [fast, slow, fast], "peft-best": [slow, slow, {**fast, "memory": 5.0}]}
    (row,) = peers.compare(found)
    assert (row["min"], row["median"], row["max"]) == (1.0, 1.0, 6.0)
    assert not row["reached"]
    assert row["memory"] == 1.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "peft"], "no variant 'peft'"),
        ([], "nothing to measure: name --data-en"),
        (["--warmup", 3], "leaves no update to count"),
        (["--data-en", "/nowhere"], "there is no glue/SST-2"),
    ],
)
def test_bad_words_are_named(peers, tmp_path, words, said):
    done = run(peers, tmp_path, *words)
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())
