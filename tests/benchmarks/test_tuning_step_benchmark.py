"""The benchmark of PET's steps runs and says what it should, however fast anything is; memory is counted right."""

import json

import pytest
import torch
from sampled import one_in
from typer.testing import CliRunner


def run(tuning_step, *arguments):
    small = ["--batch-size", "2", "--threads", "1", "--length", "8", "--warmup", "0", "--rounds", "1"]
    return CliRunner().invoke(tuning_step.app, [*small, *map(str, arguments)])


@pytest.mark.parametrize("family", one_in(3, ["sandbox-en-bert-small", "sandbox-bloom-small", "sandbox-t5-small"]))
def test_every_variant_is_timed_and_its_memory_counted(tuning_step, family):
    done = run(tuning_step, "--backbone", family, "--rounds", 2, "--budget", 500, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert set(found["seconds"]) == set(found["memory"]) == set(tuning_step.METHODS)
    assert all(len(times) == 2 and min(times) > 0 for both in found["seconds"].values() for times in both.values())
    assert {found["trained"][name] for name in found["trained"] if "e" in name and "j" in name} == {500}
    assert found["trained"]["discrete"] == 500
    assert {f"{a} / {b}" for a, b in tuning_step.RATIOS} == set(found["ratios"])
    assert found["memory"]["ft"] > found["memory"]["bitfit"] > 0


def test_a_table_of_some_variants(tuning_step):
    done = run(tuning_step, "--backbone", "sandbox-en-bert-small", "--only", "bitfit,discrete", "--bf16")
    assert done.exit_code == 0, done.output
    assert "discrete / bitfit" in done.stdout
    assert "full" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["--only", "discreet"], "discreet"), (["--budget", 10**9], "a budget of"), (["--backbone", "bart"], "bart")],
)
def test_bad_arguments_are_named(tuning_step, arguments, word):
    done = run(tuning_step, "--backbone", "sandbox-en-bert-small", *arguments)
    assert done.exit_code == 2
    assert word in done.output


def test_live_bytes_are_those_that_something_refers_to(tuning_step):
    from live_bytes import LiveBytes

    there = torch.ones(1000)
    with LiveBytes() as live:
        made = there * 2
        view = made.view(10, 100)
        assert live.now == 4000, "a view takes nothing, nor what was there before"
        del made
        assert live.now == 4000
        view.add_(1)
        del view
        assert live.now == 0
        (there + 1).exp()
    assert live.peak == 8000
    assert live.now == 0
