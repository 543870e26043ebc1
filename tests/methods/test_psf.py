"""PSF: what it trains and counts, its bound, what it predicts with, and whole runs of it."""

import os
import signal

import pytest
import torch
from miniature import resolved, spec_for
from sampled import one_in
from test_methods import LANGUAGES, batch_for, hidden
from torch import nn
from torch.nn import functional

from hxbench.backbones.load import meta_backbone
from hxbench.errors import InputError
from hxbench.methods.method import Setup
from hxbench.methods.psf import PSF, PSFOptions
from hxbench.modules.latent_softmax import GaussianLatents, SoftmaxMaps
from hxbench.runs.assemble import build, costs, with_options
from hxbench.runs.train import run
from hxbench.spec.recipe import resolve
from hxbench.spec.settings import Pair
from hxbench.store import Store
from hxbench.training.loop import Interrupted


def built(backbone, **options):
    method = build(spec_for("psf", options=options), backbone)
    method.start_training(50)
    return method


@pytest.fixture
def psf(fresh_backbone):
    return built(fresh_backbone)


# --- counts -----------------------------------------------------------------------------------------------------


def paper_spec():
    return with_options(resolve("psf", setting="mixed", partition="a", profile="paper"))


def test_parameters_at_the_papers_scale():
    found = costs(paper_spec())
    labels = 7 + 18
    assert found["parts"] == {
        "body": 177_262_848,
        "latents": (16 + 2) * 100 * (1 + 1 + 10),
        "generator": (400 + 1) * 768 + 4 * (768 + 1) * 768 + (768 + 1) * 100,
        "heads": (100 + 1) * labels * (2 * 768 + 1),
    }
    assert found["counted"] == found["trainable"] == 183_912_609


def test_with_the_published_codes_labels_it_counts_what_the_paper_counts():
    backbone, options = meta_backbone(paper_spec().backbone), PSFOptions()
    with torch.device("meta"):
        method = PSF(Setup(backbone, ("ner", "pos"), tuple(LANGUAGES)), options)
        method.task_latents = GaussianLatents(3, options.latent, options.rank, options.noise)
        sizes = {"ner": 9, "pos": 17, "nli": 3}  # the third is never trained
        method.answering.heads = nn.ModuleDict(
            {
                task: SoftmaxMaps(options.latent, n, backbone.hidden_size, options.noise)
                for task, n in sizes.items()
            }
        )
    method.freeze()
    assert method.counted() == 184_534_757  # 185m


# --- what is trained --------------------------------------------------------------------------------------------


def test_every_parameter_is_trained_and_belongs_to_one_part(psf):
    names = [name.removeprefix("answering.") for name, _ in psf.named_parameters()]
    own = [name for name in names if not name.startswith("model.")]
    assert {name.split(".")[0] for name in own} == {"language_latents", "task_latents", "generator", "heads"}
    trained = psf.trained()
    assert set(own) < set(trained)
    assert {n for n in trained if n.startswith("model.")} == {
        n for n, _ in psf.model.bert.named_parameters(prefix="model.bert")
    }
    assert sum(psf.part_sizes().values()) == sum(p.numel() for p in trained.values())


@pytest.mark.parametrize("family", ["low_rank", "diagonal"])
def test_gradients_reach_every_part(family, fresh_backbone):
    psf = built(fresh_backbone, family=family, dropout=0)
    assert (psf.language_latents.raw_factor is None) == (family == "diagonal")
    for task, other in (("pos", "ner"), ("ner", "pos")):
        psf.zero_grad(set_to_none=True)
        psf(batch_for(task, fresh_backbone)).backward()
        for name, p in psf.trained().items():
            if name.startswith(f"heads.{other}."):
                assert p.grad is None
            else:
                assert p.grad is not None, name
                assert p.grad.abs().sum() > 0, name
    # the KL term reaches the latents of every language, the likelihood only those of the batch's
    psf.kl_weight = 0.0
    psf.zero_grad(set_to_none=True)
    psf(batch_for("pos", fresh_backbone)).backward()
    reached = psf.language_latents.mean.grad.abs().sum(1) > 0
    assert [LANGUAGES[i] for i in reached.nonzero().flatten()] == ["ar"]


# --- the bound --------------------------------------------------------------------------------------------------


def test_the_loss_is_cross_entropy_of_averaged_logits_and_a_share_of_the_divergence(fresh_backbone):
    psf = built(fresh_backbone, kl_scale=2.0, token_mean="once")
    batch = batch_for("pos", fresh_backbone)
    torch.manual_seed(3)
    logits = psf.logits(batch)
    torch.manual_seed(3)
    loss = psf(batch)
    expected = functional.cross_entropy(logits, batch.targets)
    torch.testing.assert_close(loss, expected + 2.0 / 50 * (psf.language_latents.kl() + psf.task_latents.kl()))


def test_the_published_form_divides_by_the_tokens_once_more(fresh_backbone):
    psf = built(fresh_backbone, token_mean="twice")
    batch = batch_for("ner", fresh_backbone)
    torch.manual_seed(3)
    expected = functional.cross_entropy(psf.logits(batch), batch.targets) / len(batch.targets)
    torch.manual_seed(3)
    torch.testing.assert_close(psf(batch), expected + psf.kl() / 50)


def test_the_shares_of_several_processes_are_the_loss_of_one(fresh_backbone):
    from dataclasses import replace

    psf = built(fresh_backbone, dropout=0).eval()  # without chance, whose numbers differ between processes
    batch = batch_for("pos", fresh_backbone, rows=5)
    length = batch.input_ids.shape[1]
    shares = []
    for rows in ([0, 2, 4], [1, 3], []):
        mine = torch.isin(batch.positions // length, torch.tensor(rows))
        part = replace(batch, positions=batch.positions[mine], targets=batch.targets[mine])
        shares.append(psf(part))
    torch.testing.assert_close(torch.stack(shares).sum(), psf(batch))


def test_a_training_without_its_number_of_updates_is_refused(fresh_backbone):
    method = build(spec_for("psf"), fresh_backbone)
    with pytest.raises(AssertionError, match="start_training"):
        method(batch_for("pos", fresh_backbone))


# --- prediction -------------------------------------------------------------------------------------------------


def test_training_samples_and_prediction_plugs_in_the_means(fresh_backbone):
    psf = built(fresh_backbone)
    batch = batch_for("pos", fresh_backbone, "tr")
    with torch.no_grad():
        assert not torch.equal(psf.logits(batch), psf.logits(batch))
        psf.eval()
        logits = psf.logits(batch)
        assert torch.equal(logits, psf.logits(batch))
        language = psf.language_latents.mean[LANGUAGES.index("tr")]
        task = psf.task_latents.mean[psf.tasks.index("pos")]
        x = psf.generator(language[None], task[None])[0]
        maps = psf.answering.heads["pos"]
        weight, bias = maps.mean(x).view(18, 32), maps.bias(x)
        torch.testing.assert_close(logits, hidden(psf, batch) @ weight.T + bias, rtol=1e-4, atol=1e-5)


def test_every_language_and_task_has_a_layer_of_its_own(psf):
    psf.eval()
    with torch.no_grad():
        layers = [psf.softmax_weights("pos", code).weight for code in LANGUAGES]
    assert all(not torch.equal(one, other) for i, one in enumerate(layers) for other in layers[:i])
    assert psf.softmax_weights("ner", "tr").weight.shape == (7, 32)


# --- the published form and ours --------------------------------------------------------------------------------


def test_the_row_of_the_paper_is_the_published_codes_form():
    spec = paper_spec()
    assert (spec.options["noise"], spec.options["token_mean"], spec.options["rank"]) == ("variance", "twice", 10)
    training = spec.training
    assert (training.batch_size, spec.data.max_length, training.epochs, training.lr) == (8, 250, 8, 5e-6)
    # that code counts the evaluations that were no better and goes on while these are no more than 10
    assert (training.selection, training.evaluate_every, training.patience) == ("targets", 2500, 11)


@pytest.mark.parametrize("profile", ["demo", "lab"])
def test_smaller_profiles_have_the_batches_and_lengths_of_all_methods(profile):
    psf, plain = (
        with_options(resolve(name, setting="mixed", partition="a", profile=profile)) for name in ("psf", "mbert")
    )
    assert psf.training.batch_size == plain.training.batch_size
    assert psf.data == plain.data
    assert (psf.options["noise"], psf.options["token_mean"]) == ("variance", "twice")
    assert (psf.training.selection, psf.training.patience) == ("targets", 11)


@pytest.mark.parametrize("profile", ["demo", "lab", "paper"])
def test_the_corrected_form_is_what_the_options_mean_by_default(profile):
    spec = with_options(resolve("psf-corrected", setting="mixed", partition="a", profile=profile))
    usual = PSFOptions()
    assert (spec.options["noise"], spec.options["token_mean"]) == (usual.noise, usual.token_mean)
    assert (usual.noise, usual.token_mean) == ("deviation", "once"), "as stored runs mean it"
    assert (spec.training.selection, spec.training.patience) == ("sources", None)
    plain = resolve("mbert", setting="mixed", partition="a", profile=profile)
    assert (spec.training.batch_size, spec.data) == (plain.training.batch_size, plain.data)


def test_held_out_pairs_choose_the_weights(corpora):
    spec, plan = resolved(spec_for("psf"), corpora)
    assert spec.training.selection == "targets"
    assert plan.validation
    assert not set(plan.validation) & set(plan.train)
    assert set(resolved(spec_for("psf-corrected"), corpora)[1].validation) <= set(plan.train)


# --- settings and sources ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["single", "multi"])
def test_there_is_the_mixed_setting_only(setting):
    with pytest.raises(InputError, match=f"psf has no {setting} setting: it runs in mixed"):
        resolve("psf", setting=setting)


def test_a_language_without_a_labelled_source_is_left_out_and_said(corpora):
    psf, plain = (resolved(spec_for(method, partition="b"), corpora)[1] for method in ("psf", "mbert"))
    left_out = set(plain.test) - set(psf.test)
    assert left_out == {Pair("pos", "ug")}, "which has a treebank only, a source of the other partition"
    assert not {pair.language for pair in left_out} & {pair.language for pair in psf.train}
    note, chosen = psf.notes
    assert note.startswith("psf scores no language without a labelled source: ")
    assert "ug" in note
    assert chosen.startswith("psf chooses its weights on the development sets of held-out pairs")
    assert not plain.notes


# --- whole runs -------------------------------------------------------------------------------------------------


def outcome(folder):
    """What must not depend on how often a run was stopped."""
    (kept,) = Store(folder.parents[1]).runs()
    scores = [row for row in kept.metrics() if row["split"] != "cost"]
    losses = [(row["step"], row["loss"]) for row in kept.history()]
    return (folder / "checkpoint" / "model.safetensors").read_bytes(), scores, losses


@pytest.fixture(scope="module")
def unbroken(corpora, tiny, tmp_path_factory):
    return run(*resolved(spec_for("psf"), corpora), corpora, Store(tmp_path_factory.mktemp("store")))


def test_two_runs_are_identical(unbroken, corpora, tmp_path):
    assert outcome(run(*resolved(spec_for("psf"), corpora), corpora, Store(tmp_path))) == outcome(unbroken)


def test_a_stopped_run_goes_on_to_the_same_numbers(unbroken, corpora, tmp_path):
    spec, plan = resolved(spec_for("psf"), corpora)

    def stop(step, updates, loss):
        if step == 11:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        run(spec, plan, corpora, Store(tmp_path), report=stop)
    seen = []
    folder = run(spec, plan, corpora, Store(tmp_path), report=lambda step, *_: seen.append(step))
    assert seen == list(range(seen[0], 25))
    assert 11 < seen[0] <= 13
    assert outcome(folder) == outcome(unbroken)


@pytest.mark.parametrize(
    ("method", "changes"),
    one_in(3, [("psf", {"variant": "code"}), ("psf", {"training": {"precision": "bf16"}}), ("psf-corrected", {})]),
    ids=str,
)
def test_the_other_forms_and_mixed_precision_train(method, changes, corpora, tiny, tmp_path):
    spec, plan = resolved(spec_for(method, **changes), corpora)
    run(spec, plan, corpora, Store(tmp_path))
    (kept,) = Store(tmp_path).runs()
    assert {Pair(r["task"], r["language"]) for r in kept.metrics() if r["split"] == "test"} == set(plan.test)


def test_a_run_that_patience_ends_says_so(corpora, tiny, tmp_path):
    # so small a rate changes no score: the second evaluation is no better than the first
    spec, plan = resolved(spec_for("psf", training={"lr": 1e-12, "patience": 1}), corpora)
    run(spec, plan, corpora, Store(tmp_path))
    (kept,) = Store(tmp_path).runs()
    assert [kept.status[name] for name in ("step", "updates", "best_step")] == [16, 24, 8]
    assert kept.status["note"] == (
        "training stopped at update 16 of 24: the best weights are those of update 8, and 1 evaluation since then "
        "was no better."
    )
    whole, plan = resolved(spec_for("psf"), corpora)
    run(whole, plan, corpora, Store(tmp_path))
    assert "note" not in Store(tmp_path).finished(whole.run_id).status
