"""The benchmark of text-to-text steps runs and says what it should, however fast anything is."""

import json

import pytest
from typer.testing import CliRunner


def run(text_step, *arguments):
    small = ["--shape", "small", "--batch-size", "4", "--threads", "1", "--longest", "12", "--warmup", "0"]
    return CliRunner().invoke(text_step.app, [*small, *map(str, arguments)])


def test_every_variant_is_timed_in_every_round(text_step):
    done = run(text_step, "--rounds", 2, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    names = ["adapters", "parallel", "hyperformer", "hyperdecoder", "pha"]
    assert set(found["seconds"]) == {*names, *(f"{name}-mixed" for name in names)}
    assert all(len(times) == 2 and min(times) > 0 for both in found["seconds"].values() for times in both.values())
    assert set(found["ratios"]) == {
        f"{over}{kind} / {under}{kind}"
        for over, under in (("hyperformer", "adapters"), ("hyperdecoder", "parallel"), ("pha", "parallel"))
        for kind in ("", "-mixed")
    }
    for ratio in found["ratios"].values():
        assert 0 < ratio["min"] <= ratio["total"] <= ratio["max"]


def test_a_table_of_some_variants(text_step):
    done = run(text_step, "--rounds", 1, "--only", "parallel-mixed,pha-mixed,pha-bf16")
    assert done.exit_code == 0, done.output
    assert "pha-mixed / parallel-mixed" in done.stdout
    assert "Hyperformer" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize(("arguments", "word"), [(["--only", "phb"], "phb"), (["--shortest", 20], "shortest")])
def test_bad_arguments_are_named(text_step, arguments, word):
    done = run(text_step, *arguments)
    assert done.exit_code == 2
    assert word in done.output


def test_both_forms_of_a_batch_have_the_same_rows(text_step):
    for item in text_step.make_batches(3, 6, 4, 9, 50):
        mixed, one = item["mixed"], item["one"]
        assert (mixed.input_ids == one.input_ids).all()
        assert (mixed.targets == one.targets).all()
        assert len(set(mixed.tasks.tolist())) > 1
        assert set(one.tasks.tolist()) == {0}
        assert len(text_step.first_rows(mixed).tasks) == 2


def test_own_weights_have_the_widths_of_what_they_are_held_against(text_step):
    backbone = text_step.make_backbone("small")
    made = {name: text_step.make_method(name, "small", backbone)[0] for name in text_step.METHODS}
    width = made["pha"].options.bottleneck
    assert made["hyperdecoder"].options.bottleneck == made["parallel"].options.bottleneck == width
    sizes = {name: method.part_sizes() for name, method in made.items()}
    assert sizes["parallel"]["adapters"] == 2 * sizes["pha"]["adapters"]
    assert made["adapters"].options.reduction == made["hyperformer"].options.reduction
