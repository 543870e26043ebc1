"""MAD-X: the same numbers as AdapterHub's own, what is trained where, and who shares which language adapter."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from miniature import TEXTS, TINY, spec_for
from safetensors.torch import load_file
from torch.nn import functional
from transformers import BertConfig, BertForMaskedLM

from hxbench.answering.token import target_states
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import family_of
from hxbench.backbones.sites import EMBEDDINGS, SiteKey
from hxbench.errors import InputError
from hxbench.methods.language_adapter import Coupling, LanguageAdapter, LanguageAdapterOptions
from hxbench.methods.madx import LANGUAGE_ADAPTER, MadX, MadXOptions
from hxbench.methods.method import START, Setup
from hxbench.modules.bottleneck import Bottlenecks, NormedStack
from hxbench.runs.assemble import build, costs, equip, with_options
from hxbench.runs.finished import restore
from hxbench.runs.inputs import DataSource
from hxbench.runs.session import Session
from hxbench.runs.train import run
from hxbench.spec.experiment import few_shot_spec
from hxbench.spec.languages import language_set
from hxbench.spec.recipe import resolve
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import Pair
from hxbench.store import Store
from hxbench.tasks import MLM
from hxbench.tasks.encoding.batch import Batch, collate
from hxbench.training.checkpoint import read_weights
from hxbench.training.loop import Interrupted

GOLDEN = Path(__file__).parents[1] / "golden" / "madx"
LAYER = "ffn_output_normed"


# --- the same numbers as AdapterHub's ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    return json.loads((GOLDEN / "recorded.json").read_text())


@pytest.fixture(scope="module")
def weights():
    return load_file(GOLDEN / "weights.safetensors")


@pytest.fixture(scope="module")
def outputs():
    return load_file(GOLDEN / "outputs.safetensors")


@pytest.fixture
def backbone(recorded, weights):
    model = BertForMaskedLM(BertConfig(**recorded["shape"])).eval()
    stock = {name: value for name, value in weights.items() if "adapters" not in name}
    left = model.load_state_dict(stock, strict=False)
    assert not left.unexpected_keys
    assert set(left.missing_keys) <= {"bert.embeddings.position_ids"}
    return Backbone(model, None, family_of("bert"))


def adapter_of(weights, name):
    """An adapter recorded under AdapterHub's names as ours keeps it: the layers on top of each other."""
    path = "bert.encoder.layer.{}.output.adapters." + name + ".{}"
    named = {
        "down": "adapter_down.0.weight", "down_bias": "adapter_down.0.bias", "up": "adapter_up.weight",
        "up_bias": "adapter_up.bias",
    }  # fmt: skip
    return {
        ours: torch.stack([weights[path.format(i, theirs)] for i in range(2)]) for ours, theirs in named.items()
    }


def language_adapter_of(weights, name):
    """What the checkpoint of a language run would hold."""
    found = {f"adapter.bottlenecks.{part}": value for part, value in adapter_of(weights, name).items()}
    for ours, theirs in {"first": "F", "second": "G"}.items():
        prefix = f"bert.invertible_adapters.{name}.{theirs}."
        found |= {
            f"adapter.coupling.{ours}.{key.removeprefix(prefix)}": value
            for key, value in weights.items()
            if key.startswith(prefix)
        }
    return found


def batch_of(outputs, task):
    """The recorded input, with every piece a target."""
    ids, mask = outputs["input_ids"], outputs["attention_mask"]
    positions = torch.arange(ids.numel())
    return tokens_batch(task, "en", ids, mask, positions, torch.zeros_like(positions))


def tokens_batch(task, language, ids, mask, positions, targets):
    rows, count = len(ids), len(targets)
    tasks = torch.zeros(rows, dtype=torch.long)
    return Batch(task, language, ids, mask, tasks, targets, positions, count, rows, rows, ids.numel())


def hidden_of(method, batch):
    """Return what the encoder makes of the tokens that carry a target, [targets, hidden]."""
    return target_states(method.encode(batch), batch)


@pytest.mark.parametrize("name", ["language", "invertible"])
def test_a_language_adapter_gives_what_adapterhub_gives(name, backbone, recorded, weights, outputs):
    options = LanguageAdapterOptions(bottleneck=recorded["bottlenecks"][name], invertible=name == "invertible")
    method = LanguageAdapter(Setup(backbone, (), ("en",)), options).eval()
    own = dict(method.adapter.named_parameters(prefix="adapter"))
    given = language_adapter_of(weights, name)
    assert own.keys() == given.keys()
    with torch.no_grad():
        for key, parameter in own.items():
            parameter.copy_(given[key])
        batch = batch_of(outputs, MLM)
        hidden, logits = hidden_of(method, batch), method.logits(batch)
    torch.testing.assert_close(hidden, outputs[f"{name}.hidden"].flatten(0, 1), rtol=1e-5, atol=5e-6)
    torch.testing.assert_close(logits, outputs[f"{name}.logits"].flatten(0, 1), rtol=1e-5, atol=5e-6)
    assert (outputs[f"{name}.logits"] - outputs["none.logits"]).abs().max() > 1, "the adapters do something"


@pytest.mark.parametrize(("name", "case"), [("language", "stack"), ("invertible", "invertible_stack")])
def test_a_stack_gives_what_adapterhub_gives(name, case, backbone, recorded, weights, outputs):
    sizes = recorded["bottlenecks"]
    options = MadXOptions(
        language_bottleneck=sizes[name], task_bottleneck=sizes["task"], invertible=name == "invertible"
    )
    method = MadX(Setup(backbone, ("pos",), ("en", "tr")), options).eval()
    method.take(f"{LANGUAGE_ADAPTER} en", language_adapter_of(weights, name) | {"model.cls.x": torch.zeros(1)})
    with torch.no_grad():
        for part, value in adapter_of(weights, "task").items():
            getattr(method.task_adapters["pos"], part).copy_(value)
        hidden = hidden_of(method, batch_of(outputs, "pos"))
    torch.testing.assert_close(hidden, outputs[f"{case}.hidden"].flatten(0, 1), rtol=1e-5, atol=5e-6)


def test_without_adapters_the_recording_is_of_the_same_backbone(backbone, outputs):
    with torch.no_grad():
        found = backbone.model(input_ids=outputs["input_ids"], attention_mask=outputs["attention_mask"])
    torch.testing.assert_close(found.logits, outputs["none.logits"], rtol=1e-5, atol=5e-6)


def test_a_language_run_trains_what_adapterhub_trains(backbone, recorded):
    def named(name):  # AdapterHub's names without those of adapters: what is trained of the model itself
        return {n for n in name if "adapters" not in n}

    setup = Setup(backbone, (), ("en",))
    method = LanguageAdapter(setup, LanguageAdapterOptions(bottleneck=8, invertible=True))
    method.freeze()
    trained = set(method.trained())
    assert {n for n in trained if n.startswith("adapter.")} == {
        n for n, _ in method.named_parameters() if n.startswith("adapter.")
    }
    of_model = {n.removeprefix("model.") for n in trained if n.startswith("model.")}
    assert of_model == named(recorded["trained_with_invertible"])
    assert len(of_model) == 4
    frozen = LanguageAdapter(setup, LanguageAdapterOptions(mlm_head="frozen"))
    frozen.freeze()
    assert all(n.startswith("adapter.") for n in frozen.trained())


# --- against slow versions --------------------------------------------------------------------------------------


@torch.no_grad()
def test_a_stack_is_what_the_equations_say():
    torch.manual_seed(0)
    below, above = Bottlenecks(2, 6, 3, 1.0), Bottlenecks(2, 6, 2, 1.0)
    for one in (below, above):
        torch.nn.init.normal_(one.down_bias)
        torch.nn.init.normal_(one.up_bias)
    norm, x, z = torch.nn.LayerNorm(6), torch.randn(2, 4, 6), torch.randn(2, 4, 6)
    stack = NormedStack([below.by_layer()[1], above.by_layer()[1]])
    found = stack.apply(z, lambda value: norm(value + x))
    for row in range(2):
        for place in range(4):
            value = z[row, place]
            for one in (below, above):
                fed = norm(value + x[row, place])
                inner = [max(0.0, float(d @ fed + b)) for d, b in zip(one.down[1], one.down_bias[1], strict=True)]
                value = value + one.up[1] @ torch.tensor(inner) + one.up_bias[1]
            torch.testing.assert_close(found[row, place], value, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("hidden", [8, 7])
def test_a_coupling_is_undone_by_its_inverse(hidden):
    torch.manual_seed(0)
    coupling = Coupling(hidden, std=1.0)
    value = torch.randn(3, 5, hidden)
    mapped = coupling(value)
    half = hidden // 2
    one = value[..., :half] + coupling.first(value[..., half:])
    torch.testing.assert_close(mapped[..., :half], one)
    torch.testing.assert_close(mapped[..., half:], value[..., half:] + coupling.second(one))
    assert (mapped - value).abs().max() > 0.1
    torch.testing.assert_close(coupling.inverse(mapped), value, rtol=0, atol=1e-5)


def test_the_coupling_has_the_sizes_of_adapterhub():
    with torch.device("meta"):
        coupling = Coupling(768, std=0.02)
    assert sum(p.numel() for p in coupling.parameters()) == 2 * (384 * 192 + 192 + 192 * 384 + 384)


# --- counts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "setting"), [("madx", "single"), ("madx-ms", "mixed")])
def test_counts_are_those_of_the_paper(method, setting):
    partition = "a" if setting == "mixed" else None
    spec = resolve(method, setting=setting, task="ner", partition=partition, profile="paper")
    found = costs(with_options(spec))
    assert found["parts"] == {"language_adapter": 4_730_880, "task_adapter": 894_528, "heads": 768 * 7 + 7}
    assert found["trainable"] == 894_528 + 768 * 7 + 7, "the language adapters are trained elsewhere"
    assert found["counted"] == 16 * 4_730_880 + 2 * 894_528 == 77_483_136
    assert found["memory_bytes"]["weights"] > 4 * (found["backbone"] + 16 * 4_730_880)
    layer = 4 * (768 * 768) + 2 * 768 * 3072
    assert found["flops_per_token"] > 2 * 12 * (layer + 2 * 768 * (256 + 48)), (
        "adapters are part of the forward pass"
    )


def test_a_language_run_counts_the_adapter():
    spec = with_options(resolve("madx", setting="single", task="ner", profile="paper"))
    (one,) = MadX.needs(spec, ["tr"]).values()
    found = costs(with_options(one))
    assert found["counted"] == found["parts"]["language_adapter"] == 4_730_880
    assert found["parts"]["mlm_head"] == 768 * 768 + 768 + 2 * 768


# --- who shares which language adapter --------------------------------------------------------------------------


def madx(method="madx", **others):
    setting = "mixed" if method == "madx-ms" else "single"
    return with_options(spec_for(method, setting=setting, **{"task": "pos"} | others))


def ids(spec, texts=("en", "ar", "br")):
    return {role: with_options(one).run_id for role, one in MadX.needs(spec, texts).items()}


def test_every_run_shares_the_language_adapters():
    one = madx()
    shared = ids(one)
    assert list(shared) == [f"{LANGUAGE_ADAPTER} {code}" for code in ("en", "ar", "br")]
    assert len(set(shared.values())) == 3
    others = [
        madx(task="ner"),
        madx(seed=7),
        madx("madx-ms"),
        madx("madx-ms", partition="b", task="ner", seed=2),
        madx("madx-ms", partition="a-switched"),
        madx(
            training={"updates": 99, "lr": 0.5, "selection": "english", "temperature": 1.0, "eval_batch_size": 3}
        ),
        madx(options={"task_bottleneck": 5}),
    ]
    for other in others:
        assert other.run_id != one.run_id
        assert ids(other) == shared
    shot = few_shot_spec(one, Pair("pos", "ar"), 5, 0, {"epochs": 50, "schedule": "constant"})
    assert ids(shot) == {f"{LANGUAGE_ADAPTER} ar": shared[f"{LANGUAGE_ADAPTER} ar"]}


@pytest.mark.parametrize(
    "changes",
    [
        {"options": {"language_bottleneck": 7}},
        {"options": {"invertible": True}},
        {"options": {"language": {"seed": 1}}},
        {"options": {"language": {"updates": 13}}},
        {"options": {"language": {"masking": 0.2}}},
        {"options": {"language": {"mlm_head": "frozen"}}},
        {"training": {"precision": "bf16"}},
        {"training": {"mlm_vocabulary": "occurring"}},
        {"data": {"text_sentences": 100}},
        {"backbone": TINY.model_copy(update={"weights": "random"})},
    ],
    ids=str,
)
def test_what_matters_to_an_adapter_makes_another(changes):
    assert not set(ids(madx()).values()) & set(ids(madx(**changes)).values())


def test_a_language_run_says_what_it_is():
    spec = madx()
    (one,) = MadX.needs(spec, ["ar"]).values()
    assert isinstance(one, RunSpec)
    assert (one.method, one.kind, one.setting, one.language) == (
        "madx-language",
        LANGUAGE_ADAPTER,
        "language",
        "ar",
    )
    assert (one.task, one.partition, one.few_shot, one.after) == (None, None, None, {})
    assert (one.paper, one.profile, one.variant, one.backbone) == (
        spec.paper,
        spec.profile,
        "paper",
        spec.backbone,
    )
    assert one.training.selection == "last"
    assert (one.training.updates, one.training.batch_size, one.training.warmup) == (12, 8, 2)
    assert one.title == "madx-language language ar seed 0 (demo)"


def test_the_paper_profile_has_the_printed_numbers():
    for method, setting in (("madx", "single"), ("madx-ms", "mixed")):
        partition = "a" if setting == "mixed" else None
        spec = with_options(resolve(method, setting=setting, task="pos", partition=partition, profile="paper"))
        assert (spec.options["language_bottleneck"], spec.options["task_bottleneck"]) == (256, 48)
        assert spec.options["invertible"] is False
        t = spec.training
        assert (t.epochs, t.updates, t.lr, t.warmup, t.batch_size) == (20, None, 1e-4, 4000, 32)
        language = next(iter(MadX.needs(spec, ["en"]).values())).training
        assert (language.updates, language.lr, language.warmup, language.batch_size) == (100_000, 1e-4, 4000, 32)
        assert language.mlm_masking == 0.15


# --- odd input --------------------------------------------------------------------------------------------------


def test_a_held_out_language_is_refused():
    with pytest.raises(InputError, match="madx cannot hold out tr"):
        MadX.needs(madx(data={"held_out": ("tr",)}), ["en"])


def test_unknown_fields_of_the_language_training_are_named():
    with pytest.raises(
        InputError, match=r"options of madx: unknown language field 'updatse' .*Did you mean updates"
    ):
        madx(options={"language": {"updatse": 5}})


def test_a_language_whose_adapter_was_not_trained_cannot_be_scored(fresh_backbone):
    method = build(madx(), fresh_backbone)
    with pytest.raises(InputError, match="the language adapter of ug is missing"):
        method.weights(method.condition_of("pos", "ug"))


def test_an_adapter_of_another_size_does_not_fit(fresh_backbone):
    method = build(madx(), fresh_backbone)
    other = Bottlenecks(2, 32, 9, 0.02)
    tensors = {f"adapter.bottlenecks.{name}": p for name, p in other.named_parameters()}
    with pytest.raises(InputError, match=r"language adapter of en: bottlenecks\.down"):
        method.take(f"{LANGUAGE_ADAPTER} en", tensors)
    with pytest.raises(InputError, match="do not fit"):
        method.take(f"{LANGUAGE_ADAPTER} en", {})


# --- whole runs -------------------------------------------------------------------------------------------------


def planned(mirror, store, spec):
    session = Session(DataSource("mirror", mirror), store)
    one = session.add(spec)
    return session, one


def do(session):
    """The runs of a session in this process, one after the other."""
    return [one.job.execute(lambda *_: None) for one in session.todo()]


@pytest.fixture(scope="module")
def finished(mirror, tiny, tmp_path_factory):
    """A store with a run of MAD-X and one of MAD-X MS, and the folders in the order they were made."""
    folder = tmp_path_factory.mktemp("madx")
    session, one = planned(mirror, folder, spec_for("madx", setting="single", task="pos"))
    first = do(session)
    session, several = planned(mirror, folder, spec_for("madx-ms", task="pos"))
    second = do(session)
    return {"store": Store(folder), "first": first, "second": second, "single": one, "mixed": several}


def record(finished, which):
    (found,) = [r for r in finished["store"].runs() if r.id == finished[which].run_id]
    return found


def test_language_adapters_are_trained_once_and_first(finished):
    kinds = [r.spec.kind for r in finished["store"].runs()]
    assert sorted(kinds) == [LANGUAGE_ADAPTER] * len(TEXTS) + ["madx"] * 2
    assert len(finished["first"]) == len(TEXTS) + 1
    assert finished["first"][-1].name == finished["single"].run_id
    assert [folder.name for folder in finished["second"]] == [finished["mixed"].run_id]
    after = record(finished, "single").spec.after
    assert set(after) == {f"{LANGUAGE_ADAPTER} {code}" for code in TEXTS}
    assert record(finished, "mixed").spec.after == after


def test_languages_without_text_are_left_out_and_named(finished):
    plan = finished["single"].plan
    scored = {pair.language for pair in plan.test}
    assert scored == {"en", "ar", "br", "fo"}, "kk and ug have treebanks, but no raw text"
    (note,) = plan.notes
    assert "madx scores no language without raw text" in note
    assert "kk" in note
    rows = [r for r in record(finished, "single").metrics() if r["split"] == "test"]
    assert {r["language"] for r in rows} == scored
    sources = {pair.language for pair in finished["mixed"].plan.train}
    assert sources == {"en", "ar", "fo"}, "nor are those trained on"


def test_a_checkpoint_holds_what_was_trained(finished):
    kept = set(read_weights(finished["store"].checkpoint(finished["mixed"].run_id)))
    assert {name.split(".")[0] for name in kept} == {"task_adapters", "heads"}
    language = next(iter(record(finished, "single").spec.after.values()))
    assert {name.split(".")[0] for name in read_weights(finished["store"].checkpoint(language))} == {
        "adapter", "model",
    }  # fmt: skip


def test_each_language_goes_through_its_own_adapter(finished):
    kept = record(finished, "mixed")
    method, backbone = restore(kept)
    batch = collate_pos("ar", backbone)
    by_language = {}
    method.eval()
    for code in TEXTS:
        saved = read_weights(finished["store"].checkpoint(kept.spec.after[f"{LANGUAGE_ADAPTER} {code}"]))
        own = method.language_adapters[code].bottlenecks
        assert all(torch.equal(p, saved[f"adapter.bottlenecks.{n}"]) for n, p in own.named_parameters())
        weights = method.weights(method.condition_of("pos", code))
        assert EMBEDDINGS not in weights
        assert list(weights) == [SiteKey(layer, LAYER) for layer in range(2)]
        for key, stack in weights.items():
            below, above = stack.adapters
            assert torch.equal(below.down, own.down[key.layer])
            assert torch.equal(above.down, method.task_adapters["pos"].down[key.layer])
        with torch.no_grad():
            by_language[code] = method.logits(Batch(**{**vars(batch), "language": code}))
    assert all(
        not torch.equal(by_language[one], by_language[other]) for one in TEXTS for other in TEXTS if one < other
    )


def collate_pos(language, backbone):
    rng = np.random.default_rng(0)
    pieces = [rng.integers(5, 100, n).astype(np.int32) for n in (5, 6, 7)]
    tags = [rng.integers(0, 18, len(p)) for p in pieces]
    padding = backbone.tokenizer.pad_token_id
    return collate(pieces, tags, padding=padding, task="pos", language=language, by_token=True)


def test_gradients_reach_the_task_adapter_and_the_head_alone(finished):
    method, backbone = restore(record(finished, "single"))
    before = {name: p.clone() for name, p in method.named_parameters()}
    method.train()
    method(collate_pos("br", backbone)).backward()
    reached = {name for name, p in method.named_parameters() if p.grad is not None}
    assert {name.removeprefix("answering.") for name in reached} == set(method.trained())
    assert {name.split(".")[0] for name in method.trained()} == {"task_adapters", "heads"}
    torch.optim.SGD(list(method.trained().values()), lr=1.0).step()
    changed = {name for name, p in method.named_parameters() if not torch.equal(p, before[name])}
    assert changed <= reached


def test_a_language_run_learns_and_its_batches_are_all_of_its_language(finished):
    adapter = next(r for r in finished["store"].runs() if r.spec.language == "fo")
    assert adapter.provenance()["mlm"] == ["fo"]
    assert adapter.provenance()["trained_on"] == {}
    assert not [r for r in adapter.metrics() if r["split"] != "cost"]
    fresh = Bottlenecks(2, 32, 6, 0.02)
    saved = read_weights(finished["store"].checkpoint(adapter.id))
    assert saved["adapter.bottlenecks.up_bias"].abs().max() > 0, "biases begin at 0"
    assert saved["adapter.bottlenecks.down"].shape == fresh.down.shape


def test_a_few_shot_run_goes_on_from_the_task_adapter(finished, mirror):
    start = spec_for("madx", setting="single", task="pos")
    shot = few_shot_spec(start, Pair("pos", "ar"), 5, 0, {"updates": 2, "schedule": "constant", "warmup": 0})
    session = Session(DataSource("mirror", mirror), finished["store"].root)
    one = session.add(shot, start)
    assert set(one.job.spec.after) == {f"{LANGUAGE_ADAPTER} ar", START}
    assert [p.run_id for p in session.todo()] == [one.run_id], "what it needs is there"
    method = build(one.job.spec, restore(record(finished, "single"))[1])
    equip(method, one.job.spec, finished["store"])
    saved = read_weights(finished["store"].checkpoint(finished["single"].run_id))
    assert all(torch.equal(p, saved[name]) for name, p in method.trained().items())
    (folder,) = do(session)
    assert folder.name == one.run_id


def test_stopped_the_same_call_goes_on(finished, mirror, tmp_path, corpora):
    import shutil

    for r in finished["store"].runs():
        if r.spec.kind == LANGUAGE_ADAPTER:
            shutil.copytree(r.folder, tmp_path / "runs" / r.id)
    session, one = planned(mirror, tmp_path, spec_for("madx-ms", task="pos"))
    assert session.todo() == [one]

    def stop(step, updates, loss):
        if step == 11:
            os.kill(os.getpid(), signal.SIGTERM)

    store = Store(tmp_path)
    with pytest.raises(Interrupted):
        run(one.job.spec, one.plan, corpora, store, report=stop)
    run(one.job.spec, one.plan, corpora, store)
    ours, unbroken = (read_weights(s.checkpoint(one.run_id)) for s in (store, finished["store"]))
    assert ours.keys() == unbroken.keys()
    assert all(torch.equal(ours[name], unbroken[name]) for name in ours)


def test_an_invertible_adapter_changes_embeddings_and_is_undone_before_the_output_matrix(fresh_backbone):
    spec = madx(options={"invertible": True})
    (needed,) = MadX.needs(spec, ["ar"]).values()
    method = build(with_options(needed), fresh_backbone).eval()
    assert EMBEDDINGS in method.weights(method.condition_of(MLM, "ar"))
    ids = torch.randint(5, 90, (2, 6), generator=torch.Generator().manual_seed(0))
    places = torch.arange(12)
    batch = tokens_batch(MLM, "ar", ids, torch.ones_like(ids), places, places)
    with torch.no_grad():
        method.adapter.coupling.second[-1].bias.add_(1.0)
        found = method.logits(batch)
        hidden = hidden_of(method, batch)
        head = fresh_backbone.mlm_head
        expected = functional.linear(
            method.adapter.coupling.inverse(head.transform(hidden)), head.decoder.weight, head.decoder.bias
        )
        torch.testing.assert_close(found, expected)
        assert not torch.allclose(found, head(hidden))
    assert set(language_set("hyperx")) >= set(TEXTS)
