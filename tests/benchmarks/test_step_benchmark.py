"""The step benchmark runs and says what it should; how fast anything is, is nobody's business here."""

import json

import pytest
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def treebank(mirror):
    return mirror / "ud-2.7" / "UD_English-EWT" / "en_ewt-ud-train.conllu"


def run(step, *arguments):
    small = ["--shape", "tiny", "--batch-size", "4", "--threads", "1", "--vocabulary", "200"]
    return CliRunner().invoke(step.app, [*small, *map(str, arguments)])


def test_every_variant_is_timed_in_every_round(step, treebank):
    done = run(step, "--conllu", treebank, "--rounds", 2, "--warmup", 0, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["settings"]["rounds"] == 2
    assert found["settings"]["conllu"] == treebank.name
    assert len(found["padded_lengths"]) == 2
    assert set(found["seconds"]) == {
        "frozen", "adapters", "hyperx", "published", "frozen-bf16", "adapters-bf16", "hyperx-bf16", "mlm",
        "mlm-everywhere",
    }  # fmt: skip
    assert all(len(times) == 2 and min(times) > 0 for both in found["seconds"].values() for times in both.values())
    assert found["logit_difference"] < 1e-5
    assert found["adapters_move_logits"] > 1e-3
    assert len(found["ratios"]) == 7
    for ratio in found["ratios"].values():
        assert 0 < ratio["min"] <= ratio["median"] <= ratio["max"]
        assert ratio["min"] <= ratio["total"] <= ratio["max"]


def test_a_table_of_some_variants(step, treebank):
    done = run(step, "--conllu", treebank, "--rounds", 1, "--only", "adapters,hyperx")
    assert done.exit_code == 0, done.output
    assert "hyperx / adapters" in done.stdout
    assert "published" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_an_unknown_variant_is_named(step, treebank):
    done = run(step, "--conllu", treebank, "--only", "hyperz")
    assert done.exit_code == 2
    assert "hyperz" in done.output


def test_published_batches_and_heads_everywhere_keep_the_targets(step, treebank):
    made, mean = step.make_batches(
        step.sentences(treebank), 200, 3, 4, step.Vocabulary(300, 0, 3, (0, 1, 2, 3)), "en"
    )
    assert 3 < mean < 60
    for batch in (batch for pair in made for batch in pair):
        length = batch.input_ids.shape[1]
        wide = step.padded(batch, 256)
        assert wide.input_ids.shape == (4, 256)
        assert wide.tokens == batch.tokens
        assert (wide.positions // 256 == batch.positions // length).all()
        assert (wide.input_ids.flatten()[wide.positions] == batch.input_ids.flatten()[batch.positions]).all()
        all_over = step.everywhere(batch)
        assert len(all_over.targets) == 4 * length
        assert (all_over.targets[batch.positions] == batch.targets).all()
        assert (all_over.targets != -100).sum() == len(batch.targets)
        few = step.in_few_shapes(batch)
        assert few.input_ids.shape == (4, -(-length // 32) * 32)
        assert len(few.targets) == few.input_ids.numel()
        assert (few.targets != -100).sum() == len(batch.targets)
