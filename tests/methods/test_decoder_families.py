"""Every family of decoders with every way of tuning one: what a stock model says, steps, counts, whole runs.

Of the product each family and each tuning comes up once; make test-all has all of it.
"""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from methods.test_matrix import SMALL, built
from miniature import resolved
from safetensors.torch import load_file, save_file
from sampled import one_in
from text_miniature import text_spec, write_text_mirror
from tiny_decoders import DECODERS, END, PADS, SHAPES, SIZE, loaded, save_decoder, stock
from tiny_families import family_batch, rows, slow_logits, tuned

from hxbench.answering.causal import CausalText
from hxbench.data import Corpora, Origin
from hxbench.errors import InputError
from hxbench.methods import kinds, method_class
from hxbench.methods.prompt import first_tokens
from hxbench.runs.assemble import costs, with_options
from hxbench.runs.checking import checks
from hxbench.runs.data import RunData
from hxbench.runs.finished import restore
from hxbench.runs.train import run
from hxbench.spec import recipe
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.settings import Pair
from hxbench.store import Store
from hxbench.tasks.encoding.batch import collate
from hxbench.training.loop import Interrupted

BIASED = ("gpt2", "gpt_neox", "opt", "qwen2")  # the others have none
TUNINGS = ("pet-ft", "pet-lora", "pet-adapter", "pet-prompt", "apet", "pet-bitfit")
OPTIONS = {**SMALL, "pet-lora": {"rank": 2, "alpha": 6}, "apet": {"budget": 300, "mode": "discrete"}}
SAMPLE = {
    "gpt2": "pet-lora", "llama": "pet-ft", "mistral": "pet-prompt", "qwen2": "pet-bitfit", "qwen3": "pet-adapter",
    "gemma2": "pet-prompt", "gemma3_text": "apet", "gpt_neox": "pet-bitfit", "opt": "pet-adapter",
    "phi3": "pet-lora",
}  # fmt: skip
PAIRS = [(family, kind) for family in DECODERS for kind in TUNINGS if kind != "pet-bitfit" or family in BIASED]
OTHERS = [  # adapters that are generated, prompts of several parts, and what else writes
    kind for kind in kinds() if kind not in TUNINGS and CausalText.name not in method_class(kind).refused
]
LENGTHS = (5, 9, 3, 12)


def covering(pairs):
    """Return the pairs, all but the sample's marked."""
    return [pytest.param(*one, marks=() if SAMPLE[one[0]] == one[1] else pytest.mark.matrix) for one in pairs]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Return the folder of a family's model, saved when it is first asked for."""
    root = tmp_path_factory.mktemp("decoders")

    def folder(family):
        place = root / family
        return place if place.is_dir() else save_decoder(family, place)

    return folder


def shaken(folder, kind):
    """Return a method with everything that is trained far from where it begins."""
    return tuned(kind, loaded(folder), **OPTIONS.get(kind, {}))


def test_the_sample_has_every_family_and_every_tuning():
    assert set(SAMPLE) == set(DECODERS)
    assert set(SAMPLE.values()) == set(TUNINGS)
    assert {*recipe.recipe_names("families")} >= {*DECODERS, "bloom"}


@pytest.mark.parametrize("family", DECODERS)
@torch.no_grad()
def test_without_a_tuning_it_says_what_the_stock_model_says(family, folders):
    backbone, model = loaded(folders(family)), stock(folders(family))
    assert type(backbone.model) is type(model)
    ids = torch.tensor([[4, 5, 6, 7, 8, 9, 10]])
    assert torch.equal(backbone.model(ids).logits, model(ids).logits)
    assert backbone.tokenizer.padding_side == "left"
    # what fills up: a token of the tokenizer's own, or the end token
    assert backbone.tokenizer.pad_token_id == (0 if family in PADS else 280 if family == "qwen2" else END)
    assert (backbone.padding, backbone.end) == (0 if family in PADS else END, END)
    method = tuned("pet-ft", backbone, shaken=False)
    batch = family_batch(family, LENGTHS)
    for ours, wanted in zip(method.logits(batch), slow_logits("bloom", model, batch), strict=True):
        torch.testing.assert_close(ours[: len(wanted)], wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", DECODERS)
def test_nothing_is_wrong_with_it_and_adapters_act_behind_the_last_dense_layers(family, folders):
    assert [one for one in checks(folders(family)) if one.wrong] == []
    stack = recipe.load("families", family).decoder
    assert stack.sites["attention"].module == stack.projections["output"][0]
    assert stack.sites["ffn"].module == stack.projections["down"][0]


# --- slow references: the tuning written into a stock model, which reads a row at a time -------------------------


def with_lora(family, model, method):
    """Add the products of both branches to the rows of queries and values."""
    if method.branches is None:
        named = dict(method.model.named_parameters())
        for name in [name.partition(".lora_A.")[0] for name in named if ".lora_A." in name]:
            delta = named[f"{name}.lora_B.default.weight"] @ named[f"{name}.lora_A.default.weight"]
            model.get_submodule(name).weight += 3 * delta
        return
    for number, branch in enumerate(method.branches):
        query, value = 3 * branch.query_b @ branch.query_a, 3 * branch.value_b @ branch.value_a
        if family == "gpt2":  # [in, three behind each other]
            weight = model.transformer.h[number].attn.c_attn.weight
            weight[:, :16] += query.T
            weight[:, 32:] += value.T
        elif family == "gpt_neox":  # three heads, of each its query, its key and its value
            by_head = model.gpt_neox.layers[number].attention.query_key_value.weight.view(3, 3, 8, 24)
            by_head[:, 0] += query.view(3, 8, 24)
            by_head[:, 2] += value.view(3, 8, 24)
        else:  # four heads of queries, two of keys, two of values
            weight = model.model.layers[number].self_attn.qkv_proj.weight
            weight[:16] += query
            weight[24:] += value


def with_biases(family, model, method):
    for name, addend in zip(method.names, method.biases, strict=True):
        model.get_submodule(name).bias += addend


def with_adapters(family, model, method):
    stack = method.backbone.family.decoder
    layers = model.get_submodule(f"{method.backbone.family.body}.{stack.layers}")
    for position, path in (
        ("attention_output", stack.projections["output"][0]),
        ("ffn_output", stack.projections["down"][0]),
    ):
        made = method.adapters[position]
        for number, layer in enumerate(layers):

            def adapted(_module, _inputs, x, made=made, number=number):
                inner = torch.nn.functional.gelu(
                    x @ made.down[number].T + made.down_bias[number], approximate="tanh"
                )
                return x + inner @ made.up[number].T + made.up_bias[number]

            layer.get_submodule(path).register_forward_hook(adapted)


WRITTEN = {"pet-lora": with_lora, "pet-bitfit": with_biases, "pet-adapter": with_adapters}


@pytest.mark.parametrize(("family", "kind"), covering([pair for pair in PAIRS if pair[1] != "apet"]))
@torch.no_grad()
def test_it_computes_what_the_stock_model_with_the_tuning_in_it_does(family, kind, folders):
    method, model = shaken(folders(family), kind), stock(folders(family))
    if kind == "pet-ft":
        model.load_state_dict(method.model.state_dict())
    elif kind in WRITTEN:
        WRITTEN[kind](family, model, method)
    batch = family_batch(family, LENGTHS)
    prompt = method.own() if kind == "pet-prompt" else None
    expected = slow_logits("bloom", model, batch, prompt=prompt)
    plain = slow_logits("bloom", stock(folders(family)), batch)
    for ours, wanted in zip(method.logits(batch), expected, strict=True):
        torch.testing.assert_close(ours[: len(wanted)], wanted, rtol=1e-5, atol=1e-5)
    assert max((one - other).abs().max() for one, other in zip(expected, plain, strict=True)) > 1e-2


def alone(batch):
    """Yield every row of a batch as a batch without padding."""
    for (source, target), place in zip(rows(batch), batch.tasks, strict=True):
        yield collate(
            [source[0].numpy()], [target[0].numpy()], padding=0, task=batch.task, multiple=1, tasks=[int(place)]
        )


def slowly_written(method, batch, longest):
    """Return what a method writes behind every row: all of it is read again for each token."""
    for one in alone(batch):
        written = []
        while len(written) < longest and END not in written:
            more = collate([one.input_ids[0].numpy()], [np.array([*written, END])], padding=0, task=one.task,
                           multiple=1, tasks=one.tasks.tolist())  # fmt: skip
            written.append(int(method.logits(more)[0, -1].argmax()))
        yield written


@pytest.mark.parametrize(("family", "kind"), covering(PAIRS))
def test_it_learns_in_two_steps_and_is_restored_and_given_back(family, kind, folders):
    check(family, kind, folders)


@pytest.mark.matrix
@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("family", DECODERS)
def test_so_does_every_other_method_that_writes(family, kind, folders):
    check(family, kind, folders)


def check(family, kind, folders):
    method = built(kind, CausalText.name, backbone=loaded(folders(family)))
    batch = family_batch(family, LENGTHS)
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    declared = {id(p) for p in method.trained().values()}
    optimiser = torch.optim.AdamW(method.trained().values(), lr=3e-3, weight_decay=0)
    method.train()
    losses = []
    for _ in range(3):
        torch.manual_seed(2)
        loss = method(batch)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    assert losses[2] < losses[0]
    moved = {name for name, p in method.named_parameters() if not torch.equal(before[name], p)}
    if kind != "apet":  # whose entries of the backbone stand in it until it is removed
        named = dict(method.named_parameters())
        assert moved
        assert {id(named[name]) for name in moved} <= declared
    method.eval()
    with torch.no_grad():
        logits = method.logits(batch)
        for together, one in zip(logits, alone(batch), strict=True):  # rows that are padded and rows that are not
            single = method.logits(one)[0]
            torch.testing.assert_close(together[: len(single)], single, rtol=1e-5, atol=1e-5)
        written = method.generate(batch, 7)
        for answer, slow in zip(written.tolist(), slowly_written(method, batch, 7), strict=True):
            assert answer[: len(slow)] == slow
        seed = 1 if kind == "apet" else 2  # its places depend on it
        again = built(kind, CausalText.name, seed=seed, backbone=loaded(folders(family))).eval()
        for name, parameter in again.named_parameters():  # of frozen parts that are drawn, a run has the same
            if name in before and not parameter.requires_grad and not name.startswith("model."):
                parameter.copy_(before[name])
        for name, parameter in again.trained().items():
            parameter.copy_(method.trained()[name])
        torch.testing.assert_close(again.logits(batch), logits, rtol=1e-5, atol=1e-5)
    whole_model = method.model.named_parameters(remove_duplicate=False)
    tuned_itself = {name for name, p in whole_model if id(p) in declared}
    method.remove()
    for name, value in stock(folders(family)).state_dict().items():
        if name not in tuned_itself:
            assert torch.equal(method.model.state_dict()[name], value), name


# --- counts ------------------------------------------------------------------------------------------------------


def sizes(family):
    """Return what a formula needs: hidden, inner, of queries, of keys, layers."""
    shape = SHAPES[family]
    hidden = shape.get("n_embd") or shape["hidden_size"]
    heads = shape.get("n_head") or shape["num_attention_heads"]
    head = shape.get("head_dim", hidden // heads)
    inner = shape.get("intermediate_size") or shape.get("ffn_dim") or 4 * hidden
    return hidden, inner, heads * head, shape.get("num_key_value_heads", heads) * head, 2


def whole(family):
    """Return the number of parameters of the stock model, by its parts."""
    hidden, inner, queries, keys, layers = sizes(family)
    attention = 2 * hidden * queries + 2 * hidden * keys
    if family in ("gpt2", "gpt_neox", "opt"):
        biases = queries + 2 * keys + hidden + inner + hidden
        layer = attention + 2 * hidden * inner + biases + 2 * 2 * hidden
        positions = {"gpt2": 160, "opt": 160 + 2, "gpt_neox": 0}[family] * hidden
        own_output = SIZE * hidden if family == "gpt_neox" else 0
        return SIZE * hidden + positions + layers * layer + 2 * hidden + own_output
    norms = (4 if family.startswith("gemma") else 2) * hidden
    if family in ("qwen3", "gemma3_text"):
        norms += 2 * SHAPES[family]["head_dim"]  # of queries and of keys
    layer = attention + 3 * hidden * inner + norms + (queries + 2 * keys if family == "qwen2" else 0)
    own_output = SIZE * hidden if family in ("llama", "mistral", "phi3") else 0
    return SIZE * hidden + layers * layer + hidden + own_output


def wanted_counts(family):
    """Return the numbers of the five tunings: rank 8, a bottleneck of 24, 100 tokens."""
    hidden, inner, queries, keys, layers = sizes(family)
    counts = {
        "pet-ft": whole(family),
        "pet-lora": layers * 8 * (hidden + queries + hidden + keys),
        "pet-adapter": layers * 2 * (2 * 24 * hidden + 24 + hidden),
        "pet-prompt": 100 * hidden,
        "apet": layers * 8 * (hidden + queries + hidden + keys),  # as many as LoRA's
    }
    if family == "qwen2":
        counts["pet-bitfit"] = layers * (queries + 2 * keys)
    elif family in BIASED:
        counts["pet-bitfit"] = layers * (queries + 2 * keys + 2 * hidden + inner + 2 * hidden) + hidden
    return counts


def spec_of(method, folder, *assignments):
    spec = recipe.resolve(method, setting="single", task="rte", backbone_name=str(folder), assignments=assignments)
    return with_options(spec)


@pytest.mark.parametrize("family", DECODERS)
def test_counts_are_those_of_a_formula(family, folders):
    wanted = wanted_counts(family)
    found = {}
    for kind in wanted:
        options = {"apet": "budget=lora", "pet-prompt": "tokens=100", "pet-adapter": "bottleneck=24"}
        chosen = [f"options.{options[kind]}"] if kind in options else []
        found[kind] = costs(spec_of(kind, folders(family), *chosen), 32)["counted"]
    assert found == wanted


@pytest.mark.parametrize("family", DECODERS)
def test_operations_are_those_of_a_formula(family, folders):
    hidden, inner, queries, keys, layers = sizes(family)
    length, gated = 33, family not in ("gpt2", "gpt_neox", "opt")  # a text of 32 tokens and one of an answer
    dense = 2 * hidden * queries + 2 * hidden * keys + (3 if gated else 2) * hidden * inner
    attention = 2 * queries * length  # scores and sums over all tokens
    wanted = 2 * (layers * length * (dense + attention) + SIZE * hidden)
    found = costs(spec_of("pet-ft", folders(family)), 32)["flops_per_token"] * 32
    assert wanted - 32 < found <= wanted, "rounded down to whole ones a token"


# --- whole runs --------------------------------------------------------------------------------------------------


class Stop:
    """A report of progress that stops the training as a signal does, at one step."""

    def __init__(self, at=None):
        self.at = at

    def __call__(self, step, updates, loss):
        if step == self.at:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(scope="module")
def english(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text-mirror")
    write_text_mirror(folder)
    return folder


WHOLE = [(family, SAMPLE[family]) for family in DECODERS]  # the others of a family differ in their steps alone
FURTHER = [one for one in PAIRS if one not in WHOLE]


@pytest.mark.parametrize(
    ("family", "kind"), [*one_in(3, WHOLE), *(pytest.param(*one, marks=pytest.mark.matrix) for one in FURTHER)]
)
def test_a_run_is_trained_stopped_resumed_scored_and_restored(family, kind, folders, english, tmp_path):
    backbone = BackboneSpec(name=family, folder=str(folders(family)))
    wanted = text_spec(kind, backbone, task="rte", options=OPTIONS.get(kind, {}), training={"evaluate_every": 2})
    corpora = Corpora(Origin("mirror", english), wanted.data)
    spec, plan = resolved(wanted, corpora)
    with pytest.raises(Interrupted):
        run(spec, plan, corpora, Store(tmp_path / "a"), report=Stop(3))
    for store in "ab":
        run(spec, plan, corpora, Store(tmp_path / store), report=Stop())
    stopped, whole = (Store(tmp_path / store).get(spec.run_id) for store in "ab")
    assert [h["loss"] for h in stopped.history()] == [h["loss"] for h in whole.history()]
    scores = [r["value"] for r in stopped.metrics() if r["split"] == "test"]
    assert scores
    assert scores == [r["value"] for r in whole.metrics() if r["split"] == "test"]
    method, restored = restore(stopped)
    answers = RunData(spec, plan, corpora, restored).score(method, Pair("rte", "en"), "test")
    assert answers.predicted == list(map(list, stopped.predictions("rte", "en")["predicted"]))


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [one for one in DECODERS if one not in BIASED])
def test_biases_that_there_are_not_are_refused_in_one_sentence(family, folders):
    title = recipe.load("families", family).title
    with pytest.raises(InputError, match=rf"^pet-bitfit tunes biases, and {title} has none\.$"):
        spec_of("pet-bitfit", folders(family))


def rewritten(folder, change):
    """Change the tensors of a folder's weights, given by name."""
    weights = folder / "model.safetensors"
    save_file(change(load_file(weights)), weights, metadata={"format": "pt"})
    return folder


def without_output(tensors):
    return {name: tensor for name, tensor in tensors.items() if name != "lm_head.weight"}


def test_an_output_matrix_that_the_weights_lack_is_missed_where_it_is_not_tied(tmp_path):
    folder = rewritten(save_decoder("llama", tmp_path / "llama"), without_output)
    with pytest.raises(InputError, match=r"1 tensor \(lm_head\.weight\) missing"):
        loaded(folder)
    folder = save_decoder("llama", tmp_path / "tied", tie_word_embeddings=True)  # as SmolLM2's
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    tied = loaded(folder)
    assert tied.output.weight is tied.model.get_input_embeddings().weight
    ids = torch.tensor([[4, 5, 6]])
    assert torch.equal(tied.model(ids).logits, stock(folder)(ids).logits)
    assert tuned("pet-ft", tied).counted() == whole("llama") - SIZE * 16


def as_gpt2_was_published(tensors):
    masks = {f"h.{number}.attn.bias": torch.ones(1, 1, 160, 160).tril() for number in range(2)}
    return {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()} | masks


def as_pythia_was_published(tensors):
    beside = {}
    for number in range(2):
        attention = f"gpt_neox.layers.{number}.attention"
        beside |= {f"{attention}.bias": torch.ones(1, 1, 9, 9), f"{attention}.masked_bias": torch.tensor(-1e9)}
        beside[f"{attention}.rotary_emb.inv_freq"] = torch.ones(1)
    return {name.replace("lm_head", "embed_out"): tensor for name, tensor in tensors.items()} | beside


@pytest.mark.parametrize(
    ("family", "change"), [("gpt2", as_gpt2_was_published), ("gpt_neox", as_pythia_was_published)]
)
def test_weights_load_under_the_names_of_their_release(family, change, tmp_path):
    ids = torch.tensor([[4, 5, 6, 7]])
    folder = save_decoder(family, tmp_path / family)
    wanted = stock(folder)(ids).logits
    assert torch.equal(loaded(rewritten(folder, change)).model(ids).logits, wanted)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (
            {"do_layer_norm_before": False},
            r"says do_layer_norm_before: False, and OPT is known with True alone\.$",
        ),
        (
            {"word_embed_proj_dim": 8},
            r"embeddings of width 8 and hidden states of width 16, and OPT is known with",
        ),
        ({"do_layer_norm_before": False, "word_embed_proj_dim": 8}, "do_layer_norm_before"),  # as the 350m model
    ],
)
def test_an_opt_with_its_norms_elsewhere_or_narrower_words_is_refused(shape, said, tmp_path):
    folder = save_decoder("opt", tmp_path / "opt", **shape)
    with pytest.raises(InputError, match=said):
        loaded(folder)


# Where a configuration gives a family biases that most of its models lack, and on which paths of a layer.
GIVEN = {
    "llama": ({"attention_bias": True}, [f"self_attn.{one}_proj" for one in "qkvo"]),
    "llama mlp": ({"mlp_bias": True}, [f"mlp.{one}_proj" for one in ("gate", "up", "down")]),
    "qwen3": ({"attention_bias": True}, [f"self_attn.{one}_proj" for one in "qkvo"]),
    "gemma2": ({"attention_bias": True}, [f"self_attn.{one}_proj" for one in "qkvo"]),
}


@pytest.mark.parametrize("name", GIVEN)
@torch.no_grad()
def test_bitfit_adds_to_the_biases_that_the_model_has(name, tmp_path):
    (shape, paths), family = GIVEN[name], name.split()[0]
    folder = save_decoder(family, tmp_path / "own", **shape)
    method, model = shaken(folder, "pet-bitfit"), stock(folder)
    assert {*method.names} == {f"model.layers.{number}.{path}" for number in range(2) for path in paths}
    with_biases(family, model, method)
    batch = family_batch(family, LENGTHS)
    for ours, wanted in zip(method.logits(batch), slow_logits("bloom", model, batch), strict=True):
        torch.testing.assert_close(ours[: len(wanted)], wanted, rtol=1e-5, atol=1e-5)
    assert costs(spec_of("pet-bitfit", folder), 32)["counted"] == method.counted() > 0
    assert costs(spec_of("apet", folder, "options.budget=bitfit"), 32)["counted"] == method.counted()


def test_a_gpt_neox_without_some_biases_has_the_others_tuned(tmp_path):
    folder = save_decoder("gpt_neox", tmp_path / "own", attention_bias=False)
    names = shaken(folder, "pet-bitfit").names
    assert not any("query_key_value" in name or "attention.dense" in name for name in names)
    assert sum("dense_h_to_4h" in name for name in names) == 2


def test_texts_prompts_and_answers_end_where_positions_do(tmp_path):
    method = tuned("pet-prompt", loaded(save_decoder("gpt2", tmp_path / "gpt2", n_positions=20)), tokens=3)
    batch = family_batch("gpt2", (5, 9))  # padded to 16
    assert method.generate(batch, 2).shape[0] == 2
    with pytest.raises(
        InputError, match="3 virtual tokens and 16 tokens of text and 2 of an answer are more than the 20"
    ):
        method.generate(batch, 3)
    with pytest.raises(InputError, match="3 virtual tokens and 25 tokens of text are more than the 20 positions"):
        method.logits(family_batch("gpt2", (17, 9), targets=(1, 1)))


@pytest.mark.parametrize("family", PADS)
def test_gemma_begins_prompts_with_words_as_it_reads_them_and_is_refused_in_fp16(family, folders):
    backbone = loaded(folders(family))
    words = backbone.model.get_input_embeddings()
    first = first_tokens(backbone, 4, "words", 0.1)
    assert torch.equal(first, words(torch.arange(4)))
    torch.testing.assert_close(first, 4 * words.weight[:4])  # the root of the width of 16
    with pytest.raises(InputError, match="overflows in fp16"):
        spec_of("pet-lora", folders(family), "training.precision=fp16")


def test_a_mark_that_no_text_spells_may_lie_beyond_the_embeddings_and_a_word_may_not(tmp_path):
    folder = save_decoder("gemma3_text", tmp_path / "gemma", vocab_size=280)
    tokenizer = loaded(folder).tokenizer
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    tokenizer.save_pretrained(folder)
    assert loaded(folder).tokenizer.convert_tokens_to_ids("<image>") == 280
    tokenizer.add_tokens(["entailment"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(InputError, match="ids up to 281, but its embeddings have 280 rows"):
        loaded(folder)


def test_a_value_narrower_than_the_query_cannot_have_its_branch(folders):
    with pytest.raises(
        InputError, match=r"options\.value=query: the values of Phi-3 are narrower than the queries"
    ):
        tuned("pet-lora", loaded(folders("phi3")), value="query")


def test_an_end_that_is_one_of_several_is_the_tokenizers(tmp_path):
    folder = save_decoder("gemma3_text", tmp_path / "gemma", eos_token_id=[106, END])
    backbone = loaded(folder)
    assert (backbone.end, replace(backbone, tokenizer=None).end) == (END, 106)
