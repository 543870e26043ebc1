"""The kind `peft`: what its options refuse, every type as the table says, and parity with `peft` itself."""

import sys

import numpy as np
import peft as library
import pytest
import torch
from peft_types import FAMILIES, defaults_of, fresh, small
from safetensors.torch import save_file
from test_matrix import batch_of, check
from tiny_decoders import DECODERS, bare_decoder
from tiny_families import family_batch, tiny, tuned

from hxbench.answering import COLUMNS
from hxbench.errors import InputError
from hxbench.methods.method import seed_everything
from hxbench.methods.peft import targets_of
from hxbench.methods.peft_options import PeftOptions, configurations, fields_of, is_of_this_version, table
from hxbench.runs.assemble import build, with_options
from hxbench.spec.recipe import resolve
from hxbench.tasks.encoding.batch import collate
from hxbench.training.checkpoint import ResumeStates
from hxbench.training.device import accelerator_in
from hxbench.training.loop import train
from hxbench.training.optimiser import adamw

CELLS = [
    (kind, name) for kind, one in table().types.items() for name in one.answers if one.answers[name] == "works"
]
# of every type one way to answer, so that each way comes up; make test-all has all of them
SAMPLE = {kind: [n for one, n in CELLS if one == kind] for kind, _ in CELLS}
SAMPLE = {kind: able[place % len(able)] for place, (kind, able) in enumerate(SAMPLE.items())}


# --- the table --------------------------------------------------------------------------------------------------


def test_the_table_is_of_the_installed_types():
    if not is_of_this_version():
        pytest.skip(f"the table is of peft {table().peft}, and {library.__version__} is installed")
    assert set(table().types) == set(configurations())
    for kind, one in table().types.items():
        assert set(one.answers) == set(COLUMNS), kind


def test_the_table_has_the_defaults_of_the_installed_version():
    if not is_of_this_version():
        pytest.skip(f"the table is of peft {table().peft}, and {library.__version__} is installed")
    assert {kind: one.defaults for kind, one in table().types.items()} == {
        kind: defaults_of(kind) for kind in configurations()
    }


def test_at_least_25_types_work_and_every_other_cell_has_its_reason():
    assert len(SAMPLE) >= 25
    assert set(SAMPLE.values()) == set(COLUMNS)
    for kind in set(table().types) - set(SAMPLE):
        assert all(said.startswith("needs ") for said in table().types[kind].answers.values())


@pytest.mark.parametrize(
    ("kind", "name"),
    [pytest.param(*cell, marks=() if SAMPLE[cell[0]] == cell[1] else pytest.mark.matrix) for cell in CELLS],
)
def test_a_cell_works(kind, name):
    way, stacks = COLUMNS[name]
    family = FAMILIES[stacks][kind == "ADAPTION_PROMPT"]
    check("peft", way, lambda: fresh(family), options=small(kind))


def test_boft_looks_for_no_compiler(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.cpp_extension", None)  # an import of it would raise
    check("peft", *COLUMNS["class"][:1], lambda: fresh(FAMILIES[COLUMNS["class"][1]][0]), options=small("BOFT"))


def spec_of(task="rte", backbone="minilm-l6", **options):
    base = resolve("lora", setting="single", task=task, profile="lab", backbone_name=backbone)
    return base.model_copy(update={"options": options, "method": "mine"})


@pytest.mark.parametrize(
    ("kind", "task", "backbone", "said"),
    [
        ("PREFIX_TUNING", "rte", "t5-small", "mine needs keys and values of one stack, and T5 answers otherwise"),
        ("ADAPTION_PROMPT", "pos", "minilm-l6", "mine needs an attention that peft knows"),
    ],
)
def test_a_cell_that_does_not_work_is_refused_before_anything_is_loaded(kind, task, backbone, said):
    with pytest.raises(InputError, match=said):
        with_options(spec_of(task, backbone, **small(kind)))


# --- options ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "type: Field required."),
        ({"type": "P-Tuning"}, "type: peft calls it P_TUNING (given: 'P-Tuning')."),
        ({"type": "(IA)3"}, "type: peft calls it IA3"),
        ({"type": "lorra"}, "type: unknown type of peft 'LORRA'. Did you mean LORA"),
        ({"type": "XLORA"}, "type: XLORA needs trained adapters from files (given: 'XLORA')."),
        ({"type": "POLY"}, "type: POLY needs a pass of its own"),
        (
            {"type": "LORA", "lora_alpa": 3},
            "lora_alpa: unknown field of LORA 'lora_alpa'. Did you mean lora_alpha",
        ),
        ({"type": "LORA", "r": 0}, "r: must be at least 1 (given: 0)."),
        ({"type": "LORA", "r": -2}, "r: must be at least 1 (given: -2)."),
        ({"type": "LORA", "r": "8"}, "r: Input should be a valid integer (given: '8')."),
        ({"type": "LORA", "r": True}, "r: Input should be a valid integer"),
        ({"type": "LORA", "r": 2.5}, "r: Input should be a valid integer"),
        ({"type": "LORA", "lora_dropout": 1.5}, "lora_dropout: Input should be less than 1"),
        ({"type": "LORA", "use_dora": "yes"}, "use_dora: Input should be a valid boolean"),
        ({"type": "LORA", "bias": "some"}, "bias: one of none, all, lora_only"),
        ({"type": "LORA", "init_lora_weights": "eva"}, "init_lora_weights: one of gaussian, olora, pissa"),
        ({"type": "LORA", "init_lora_weights": "none"}, "init_lora_weights: one of gaussian"),
        ({"type": "LORA", "target_modules": ["query"]}, "targets says where it acts"),
        ({"type": "LORA", "modules_to_save": ["classifier"]}, "heads are trained whatever the method"),
        ({"type": "LORA", "task_type": "SEQ_CLS"}, "a recipe cannot give this field of LORA"),
        ({"type": "LORA", "inference_mode": True}, "a recipe cannot give this field of LORA"),
        ({"type": "LORA", "base_model_name_or_path": "/etc"}, "a recipe loads no files or code"),
        ({"type": "LORA", "megatron_core": "os"}, "a recipe loads no files or code"),
        ({"type": "LORA", "eva_config": {}}, "it takes an object"),
        ({"type": "LORA", "targets": ["querry"]}, "targets.0"),
        ({"type": "LORA", "targets": []}, "targets"),
        ({"type": "PROMPT_TUNING", "num_virtual_tokens": 0}, "num_virtual_tokens: must be at least 1"),
        ({"type": "PROMPT_TUNING", "tokenizer_name_or_path": "gpt2"}, "a recipe loads no files or code"),
        ({"type": "PROMPT_TUNING", "prompt_tuning_init": "TEXT"}, "prompt_tuning_init: one of"),
        ({"type": "mpt", "num_virtual_tokens": 3}, "unknown type of peft 'MPT'"),
        ({"type": "P_TUNING"}, "num_virtual_tokens: Field required."),
        ({"type": "TRAINABLE_TOKENS"}, "token_indices: Field required."),
        (
            {"type": "P_TUNING", "num_virtual_tokens": 3, "targets": ["query"]},
            "targets: P_TUNING acts on no modules",
        ),
        ({"type": "ADAMSS", "use_asa": True}, "a stopped training could not go on"),
        ({"type": "BOFT", "boft_n_butterfly_factor": 2}, "peft takes 1 unless it can compile CUDA code"),
        ({"type": "SHADOW"}, "SHADOW needs a pass of its own"),
        ({"type": "OFT", "r": 4, "oft_block_size": 4}, "peft refuses these fields"),
        ({"type": "FOURIERFT", "scaling": float("nan")}, "scaling"),
    ],
)
def test_options_that_cannot_be_are_refused_with_a_sentence(options, said):
    with pytest.raises(InputError) as refused:
        with_options(spec_of(**options))
    assert str(refused.value).startswith("options of mine: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_field_that_no_recipe_may_give_is_in_no_model_of_fields():
    for kind in configurations():
        names = set(fields_of(kind).model_fields)
        assert not names & {"task_type", "inference_mode", "base_model_name_or_path", "target_modules", "revision"}
        assert not [name for name in names if "path" in name or "tokenizer" in name]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"type": "LORA", "targets": ["query", "gate"]},
            "options of mine: targets: BERT has no gate (there are: ",
        ),
        ({"type": "ADALORA", "tinit": 150, "tfinal": 50}, "tinit and tfinal (150 and 50 updates) leave none"),
        ({"type": "ADALORA", "target_r": 12}, "target_r is 12, init_r 12"),
    ],
)
def test_what_does_not_fit_the_family_or_the_run_is_refused_when_it_is_resolved(options, said):
    with pytest.raises(InputError) as refused:
        with_options(spec_of(**options))
    assert said in str(refused.value)


def test_what_only_the_model_tells_is_a_sentence_and_gives_the_backbone_back():
    backbone = tiny("bert")
    before = {name: id(module) for name, module in backbone.model.named_modules()}
    with pytest.raises(
        InputError, match=r"^LOKR of peft does not work on BERT: |^C3A of peft does not work on BERT: "
    ):
        tuned("peft", backbone, type="C3A", block_size=5)
    assert {name: id(module) for name, module in backbone.model.named_modules()} == before
    with pytest.raises(InputError, match="BERT has none of the modules query, value in layer 7"):
        tuned("peft", backbone, type="LORA", layers_to_transform=7)


def test_options_are_stored_as_given():
    stored = with_options(spec_of(type="P_TUNING", num_virtual_tokens=4)).options
    assert stored == {"type": "P_TUNING", "num_virtual_tokens": 4}
    assert with_options(spec_of(**stored)).options == stored


def test_silence_means_what_it_did_in_the_version_of_the_table(monkeypatch):
    monkeypatch.setitem(table().types["LORA"].defaults, "r", 5)  # as if the installed version had another
    assert PeftOptions(type="LORA").configuration().r == 5
    assert PeftOptions(type="LORA", r=3).configuration().r == 3
    monkeypatch.setitem(table().types["LORA"].defaults, "of_a_later_version", 5)
    assert PeftOptions(type="LORA").configuration().r == 5


# --- where a type acts ------------------------------------------------------------------------------------------


def test_targets_are_the_family_s_roles():
    def of(family, **options):
        return {name.rpartition(".")[2] for name in targets_of(tiny(family), PeftOptions(**options))}

    assert of("bert", type="LORA") == {"query", "value"}
    assert of("t5", type="LORA", targets=["query", "cross_key"]) == {"q", "k"}
    assert of("bloom", type="LORA") == {"query_key_value"}, "a fused projection is wrapped whole"
    assert of("bert", type="LN_TUNING") == {"LayerNorm"}
    assert of("bloom", type="IA3") == {"query_key_value", "dense_4h_to_h"}
    some = targets_of(tiny("bert"), PeftOptions(type="LORA", layers_to_transform=[1]))
    assert some == [f"bert.encoder.layer.1.attention.self.{role}" for role in ("query", "value")]


def test_parts_are_called_as_peft_calls_its_matrices():
    method = tuned("peft", tiny("bert"), type="LORA", r=2, use_dora=True)
    assert set(method.parts()) == {"lora_A", "lora_B", "lora_magnitude_vector"}
    assert method.counted() == sum(p.numel() for some in method.parts().values() for p in some)
    assert set(tuned("peft", tiny("bert"), type="IA3").parts()) == {"ia3_l"}
    assert set(tuned("peft", tiny("bert"), type="LORA", bias="all").parts()) > {"lora_A", "lora_B"}


def test_lora_plus_is_a_rate_of_a_part():
    spec = resolve("lora", setting="single", task="rte", profile="lab",
                   assignments=["training.part_rates={lora_B: 16}"])  # fmt: skip
    method = tuned("peft", tiny("bert"), type="LORA", r=2)
    optimiser = adamw(method.trained(), spec.training, method.all_parts())
    faster = {id(p) for group in optimiser.param_groups if group["scale"] == 16 for p in group["params"]}
    assert faster == {id(p) for p in method.parts()["lora_B"]}


def test_a_rate_of_a_part_that_a_method_has_not_is_refused_before_anything_is_loaded():
    def given(part):
        return with_options(resolve("lora", setting="single", task="rte", profile="lab", backbone_name="minilm-l6",
                                    assignments=[f"training.part_rates={{{part}: 16}}"]))  # fmt: skip

    with pytest.raises(InputError, match=r"unknown training\.part_rates: part 'lora_C'\. Did you mean lora_[AB]"):
        given("lora_C")
    assert given("lora_B").training.part_rates == {"lora_B": 16}


# --- the same as peft itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["bert", "t5", "bloom"])
@pytest.mark.parametrize("kind", ["LORA", "IA3"])
def test_logits_are_those_of_peft_on_the_stock_model(family, kind):
    ours, stock = tiny(family), tiny(family)
    fields = {"r": 3, "lora_alpha": 6} if kind == "LORA" else {}
    method = tuned("peft", ours, type=kind, **fields)
    names = {"bert": ["query", "value"], "t5": ["q", "v"], "bloom": ["query_key_value"]}[family]
    config = library.LoraConfig(target_modules=[], **fields) if kind == "LORA" else None
    if kind == "LORA":
        # of T5 self-attention alone, as ours
        paths = [n for n, _ in stock.model.named_modules() if n.rpartition(".")[2] in names and "EncDec" not in n]
        config = library.LoraConfig(target_modules=paths, **fields)
    else:
        names = {"bert": ["key", "value", "layer.*output.dense"], "t5": ["k", "v", "wo"],
                 "bloom": ["query_key_value", "dense_4h_to_h"]}[family]  # fmt: skip
        every = [n for n, _ in stock.model.named_modules()]
        fed = {"bert": [n for n in every if n.endswith("output.dense") and "attention" not in n],
               "t5": [n for n in every if n.endswith(".wo")],
               "bloom": [n for n in every if n.endswith("dense_4h_to_h")]}[family]  # fmt: skip
        config = library.IA3Config(target_modules=[n for n in every if n.rpartition(".")[2] in names[:2]] + fed,
                                   feedforward_modules=fed)  # fmt: skip
    reference = library.get_peft_model(stock.model, config)
    theirs = {n.removeprefix("base_model.model."): p for n, p in reference.named_parameters() if p.requires_grad}
    own = {n.removeprefix("model."): p for n, p in method.named_parameters() if p.requires_grad}
    own = {n: p for n, p in own.items() if not n.startswith("answering.")}
    assert own.keys() == theirs.keys()
    with torch.no_grad():
        for name, p in theirs.items():
            p.copy_(own[name])
    reference.eval()
    ids = torch.arange(3, 11)[None]
    more = {"decoder_input_ids": ids[:, :3]} if family == "t5" else {}
    with torch.no_grad():
        wanted = reference(input_ids=ids, **more).logits
        found = method.model(input_ids=ids, **more).logits
        assert torch.equal(wanted, found)
        method.remove()
        assert not torch.allclose(method.model(input_ids=ids, **more).logits, wanted, atol=1e-3)


SAVED = {
    "lora": {"type": "LORA", "r": 2},
    "dora": {"type": "LORA", "r": 2, "use_dora": True},
    "pissa": {"type": "LORA", "r": 2, "init_lora_weights": "pissa"},
    "adalora": {"type": "ADALORA", "target_r": 1, "init_r": 3},
    **{
        kind.lower(): small(kind)
        for kind in ("IA3", "VERA", "OFT", "LN_TUNING", "VBLORA", "LOHA", "HRA", "FOURIERFT")
    },
}


@pytest.mark.parametrize("name", SAVED)
def test_what_it_trained_is_a_folder_that_peft_loads(name, tmp_path):
    method = tuned("peft", tiny("bloom"), **SAVED[name])
    config, state = method.peft()
    config.save_pretrained(tmp_path)
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, tmp_path / "adapter_model.safetensors")
    loaded = library.PeftModel.from_pretrained(tiny("bloom").model, tmp_path).eval()
    again = tuned("peft", tiny("bloom"), chance=2, **SAVED[name])
    again.take_peft(state, "the folder")
    ids = torch.arange(3, 11)[None]
    with torch.no_grad():
        wanted = method.model(input_ids=ids).logits
        assert torch.allclose(loaded(input_ids=ids).logits, wanted, atol=1e-5)
        assert torch.allclose(again.model(input_ids=ids).logits, wanted, atol=1e-5)
    with pytest.raises(InputError, match=r"^the folder: the weights do not fit this method \(first difference: "):
        again.take_peft(dict(sorted(state.items())[1:]), "the folder")


# --- beginnings that change the backbone, and restoring ---------------------------------------------------------


VARIANTS = {
    "dora": {"use_dora": True},
    "rslora": {"use_rslora": True},
    "pissa": {"init_lora_weights": "pissa"},
    "pissa in steps": {"init_lora_weights": "pissa_niter_4"},
    "olora": {"init_lora_weights": "olora"},
    "biases": {"bias": "all"},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_of_lora_learn_are_restored_and_give_the_backbone_back(variant):
    check("peft", "class", lambda: tiny("bert"),
          options={"type": "LORA", "r": 2, **VARIANTS[variant]})  # fmt: skip


def test_pissa_changes_the_weights_that_it_begins_from():
    backbone, stock = tiny("bert"), tiny("bert").model.state_dict()
    method = tuned("peft", backbone, shaken=False, type="LORA", r=2, init_lora_weights="pissa")
    base = method.model.bert.encoder.layer[0].attention.self.query.base_layer.weight
    assert not torch.allclose(base, stock["bert.encoder.layer.0.attention.self.query.weight"], atol=1e-4)
    method.remove()
    assert all(torch.equal(value, stock[name]) for name, value in method.model.state_dict().items())
    assert backbone.model.state_dict().keys() == stock.keys()


def test_what_is_frozen_comes_from_a_seed_so_weights_alone_restore_it():
    first = tuned("peft", tiny("bert"), chance=1, type="VERA", r=4)
    second = tuned("peft", tiny("bert"), chance=2, shaken=False, type="VERA", r=4)
    with torch.no_grad():
        for name, p in second.trained().items():
            p.copy_(first.trained()[name])
    batch = family_batch("bert")
    assert torch.equal(first.logits(batch), second.logits(batch))
    assert not [name for name in first.trained() if "vera_A" in name]


# --- keys and values before the text ----------------------------------------------------------------------------


def test_padding_changes_nothing_behind_a_prefix():
    for family in ("bert", "bloom"):
        method = tuned("peft", tiny(family), type="PREFIX_TUNING", num_virtual_tokens=3)
        batch = family_batch(family)
        whole = method.logits(batch)
        for row, (length, written) in enumerate(zip((5, 9, 3, 12), (2, 4, 1, 3), strict=True)):
            source = batch.input_ids[row, :length].numpy()
            target = batch.targets[row][batch.targets[row] >= 0].numpy()
            alone = method.logits(collate([source], [target], padding=0, task="rte"))
            kept = 1 if family == "bert" else written
            assert torch.allclose(alone[0, :kept], whole[row, :kept], atol=1e-4), family


@pytest.mark.parametrize("family", ["bloom", *DECODERS])
def test_a_decoder_writes_behind_a_prefix_what_it_finds_likeliest(family):
    backbone = tiny("bloom") if family == "bloom" else bare_decoder(family)
    method = tuned("peft", backbone, type="PREFIX_TUNING", num_virtual_tokens=3)
    sources = [np.arange(3, 8), np.arange(5, 14)]
    batch = collate(sources, [np.array([4]), np.array([4])], padding=0, task="rte")
    if getattr(backbone.model.config, "sliding_window", None):  # which ends before the prefix
        with pytest.raises(InputError, match=r"3 virtual tokens and .* are more than the 4 that .* looks back"):
            method.generate(batch, 4)
        return
    written = method.generate(batch, 4)
    assert written.shape[1] >= 1
    slow = [source.copy() for source in sources]
    for step in range(written.shape[1]):
        rows = collate(slow, [np.array([4])] * 2, padding=0, task="rte")
        best = method.logits(rows)[:, 0].argmax(-1)
        for row in range(2):
            if backbone.end not in written[row, :step]:
                assert written[row, step] == best[row], (family, step)
            slow[row] = np.append(slow[row], best[row].item())


def test_a_prefix_and_a_text_that_are_too_long_are_refused():
    method = tuned("peft", tiny("bert"), type="PREFIX_TUNING", num_virtual_tokens=150)
    with pytest.raises(
        InputError, match="150 virtual tokens and 16 tokens of text are more than the 160 positions"
    ):
        method.logits(family_batch("bert"))


# --- AdaLoRA ----------------------------------------------------------------------------------------------------

ADALORA = {
    "type": "ADALORA",
    "target_r": 1,
    "init_r": 3,
    "tinit": 2,
    "tfinal": 3,
    "deltaT": 2,
    "beta1": 0.97,
    "beta2": 0.97,
}


def adalora():
    method = tuned("peft", tiny("bert"), shaken=False, **ADALORA)
    return method.train()


def batches(step):
    return family_batch("bert", seed=step)


def trained(folder, stop=None):
    spec = resolve("lora", setting="single", task="rte", profile="lab",
                   assignments=["training.precision=fp32"]).training  # fmt: skip
    method, states = adalora(), ResumeStates(folder)
    method.start_training(12)
    seen = []

    def batch_of(step):
        if step == stop:
            raise KeyboardInterrupt
        seen.append(step)
        return batches(step)

    try:
        progress = train(method, batch_of, 12, spec, 1, accelerator_in("fp32"), states, checkpoint_every=1)
    except KeyboardInterrupt:
        progress = None
    return method, progress, seen


@pytest.mark.parametrize("stop", [8, 10])  # before the last ranks are chosen, and behind
def test_a_resumed_adalora_ends_with_the_numbers_of_an_unbroken_one(tmp_path, stop):
    whole, unbroken, _ = trained(tmp_path / "whole")
    trained(tmp_path / "broken", stop)
    again, resumed, seen = trained(tmp_path / "broken")
    assert seen[0] == stop
    assert resumed.history == unbroken.history or [h["loss"] for h in resumed.history] == [
        h["loss"] for h in unbroken.history
    ]
    for name, p in whole.trained().items():
        assert torch.equal(p, again.trained()[name]), name


def test_adalora_spends_its_ranks_on_the_most_important(tmp_path):
    method, _, _ = trained(tmp_path)
    values = method.parts()["lora_E"]
    kept = [int(p.count_nonzero()) for p in values]
    assert sum(kept) <= len(kept), "one rank a module on average is left"
    assert sum(kept) > 0


def test_adalora_pays_for_matrices_that_are_not_orthogonal():
    method, batch = adalora().eval(), family_batch("bert")
    plain = method.answering.learn(method, batch)[0]
    named = dict(method.model.named_parameters())
    slow = []
    for name, p in named.items():
        if "lora_A" in name or "lora_B" in name:
            gram = p @ p.T if "lora_A" in name else p.T @ p
            slow.append(((gram - torch.eye(len(gram))) ** 2).sum().sqrt())
    assert torch.allclose(method(batch), plain + 0.5 * sum(slow) / len(slow), atol=1e-5)
    assert method.cross_entropy_in(plain) is None
    assert tuned("peft", tiny("bert"), type="LORA").cross_entropy_in(plain) is plain


def test_the_shares_of_two_processes_add_up_with_the_penalty():
    method = adalora().eval()
    sources, answers = [np.arange(3, 8), np.arange(4, 13), np.arange(5, 7)], [np.array([n % 2]) for n in range(3)]
    with torch.no_grad():
        whole = method(collate(sources, answers, padding=0, task="rte"))
        shares = [method(collate(sources, answers, padding=0, task="rte", share=(rank, 2))) for rank in range(2)]
    torch.testing.assert_close(sum(shares), whole, rtol=1e-5, atol=1e-6)


# --- recipes ----------------------------------------------------------------------------------------------------

RECIPES = (
    "lora", "dora", "oft", "ia3", "ln-tuning", "prompt-tuning", "p-tuning", "prefix-tuning", "p-tuning-v2",
    "bottleneck-adapter", "sequential-adapter", "parallel-adapter", "bitfit",
)  # fmt: skip


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_answers_texts_and_tags_words(name):
    for task, way in (("rte", "class"), ("pos", "token")):
        spec = with_options(resolve(name, setting="single", task=task, profile="lab", backbone_name="minilm-l6"))
        assert spec.tasks == (task,)
        assert spec.ground == ("hyperx" if task == "pos" else "pet")
        backbone = tiny("bert")
        seed_everything(1)
        small_spec = spec.model_copy(update={"data": spec.data.model_copy(update={"max_length": 64})})
        method = build(small_spec, backbone)
        with torch.autocast("cpu", torch.bfloat16, enabled=spec.training.precision == "bf16"):
            loss = method(batch_of(way))
        loss.backward()
        own = [p for some in method.parts().values() for p in some]
        assert any(p.grad is not None and p.grad.any() for p in own), name
