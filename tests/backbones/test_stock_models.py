"""Models of the library's own classes, read from folders: what they put out, padded and prompted, and sizes."""

import numpy as np
import pytest
import torch
import transformers
from packaging.version import Version
from sampled import one_in
from stock_models import EMBEDDED, ENCODERS, HIDDEN, INNER, LENGTH, MODELS, WRITERS, discriminator, write_stock
from tiny_families import tuned
from transformers import AutoModelForMaskedLM, AutoModelForSeq2SeqLM

from hxbench.answering.token import MaskedLM
from hxbench.backbones.load import load_backbone
from hxbench.errors import InputError
from hxbench.spec.backbone import BackboneSpec
from hxbench.tasks import MLM
from hxbench.tasks.encoding.batch import IGNORED, collate

CLOSE = {"rtol": 1e-4, "atol": 1e-5}
LENGTHS = (5, 9, 3, 12)
SHORT = 6  # tokens of a prompt


def loaded(folder):
    return load_backbone(BackboneSpec(name="mine", folder=str(folder)))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A function from a model's name to its folder, with weights in several files for every second one."""
    root, names = tmp_path_factory.mktemp("stock"), [*MODELS]

    def of(name):
        folder = root / name.replace(" ", "-")
        if not folder.exists():
            write_stock(name, folder, shard="20KB" if names.index(name) % 2 else "5GB")
            several = len(list(folder.glob("*.safetensors"))) > 1
            assert several == bool(names.index(name) % 2)
        return folder

    return of


def stock(folder):
    kind = AutoModelForSeq2SeqLM if any(name in folder.name for name in ("t5", "bart")) else AutoModelForMaskedLM
    return kind.from_pretrained(folder).eval()


def texts(vocabulary, lengths=LENGTHS):
    draw = np.random.default_rng(7)
    return [draw.integers(5, vocabulary, length) for length in lengths]


def rows(batch):
    return [ids[mask == 1][None] for ids, mask in zip(batch.input_ids, batch.attention_mask, strict=True)]


def compare(name, ours, wanted):
    for row, one in zip(ours, wanted, strict=True):
        torch.testing.assert_close(row[: len(one)], one, **CLOSE, msg=lambda said: f"{name}: {said}")


# --- encoders ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompted", [False, True])
@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_reads_a_padded_batch_as_the_stock_model_reads_its_rows(name, prompted, folders):
    backbone, other = loaded(folders(name)), stock(folders(name))
    options = {"tokens": SHORT} if prompted else {}
    batch = collate(texts(len(backbone.tokenizer)), [np.array([n % 2]) for n in range(4)], padding=0, task="rte")
    method = tuned("pet-prompt" if prompted else "pet-ft", backbone, shaken=False, **options)
    words = other.get_input_embeddings()
    with torch.no_grad():
        prompt = method.own().normal_()[None] if prompted else None
        encoded = method.encode(batch)
        first = method.logits(batch)[:, 0]
        for place, ids in enumerate(rows(batch)):
            read = {"input_ids": ids}
            if prompted:
                read = {"inputs_embeds": torch.cat([prompt, words(ids)], 1)}
            states = other.base_model(**read).last_hidden_state[0, SHORT * prompted :]
            torch.testing.assert_close(encoded.own(encoded.states)[place, : len(states)], states, **CLOSE)
            head = method.answering.heads["rte"]
            torch.testing.assert_close(first[place], head(states[0]), **CLOSE)


@pytest.mark.parametrize("name", ENCODERS)
def test_tokens_and_masked_ones_are_answered_as_by_the_stock_model(name, folders):
    backbone, other = loaded(folders(name)), stock(folders(name))
    ids = texts(len(backbone.tokenizer))
    targets = [np.where(row % 2, row, IGNORED) for row in ids]
    batch = collate(ids, targets, padding=0, task=MLM, language="en", by_token=True)
    method = tuned("language-adapter", backbone, shaken=False, tasks=())
    assert isinstance(method.answering_for(MLM), MaskedLM)
    method.weights = lambda condition: {}
    with torch.no_grad():
        wanted = torch.cat([other(input_ids=row).logits[0][row[0] % 2 == 1] for row in rows(batch)])
        torch.testing.assert_close(method.logits(batch), wanted, **CLOSE)
        some = torch.arange(3, backbone.model.config.vocab_size, 2)
        method.masked_lm.choose_among(some)
        torch.testing.assert_close(method.logits(batch), wanted[:, some], **CLOSE)
        tagger = tuned("pet-ft", backbone, shaken=False, tasks=("pos",))
        tagged = collate(ids, [row % 5 for row in ids], padding=0, task="pos", language="en", by_token=True)
        states = torch.cat([other.base_model(row).last_hidden_state[0] for row in rows(tagged)])
        torch.testing.assert_close(tagger.logits(tagged), tagger.answering.heads["pos"](states), **CLOSE)


def test_a_discriminator_comes_with_a_head_that_is_drawn(tmp_path):
    backbone = loaded(discriminator(tmp_path))
    assert all(name.startswith(("generator_predictions.", "generator_lm_head.bias")) for name in backbone.drawn)
    assert len(backbone.drawn) == 5
    backbone.draw(1)
    one = backbone.mlm_head(torch.ones(1, HIDDEN))
    backbone.draw(2)
    assert not torch.equal(backbone.mlm_head(torch.ones(1, HIDDEN)), one)


def test_a_head_that_is_none_of_the_families_is_refused(tmp_path):
    folder = write_stock("deberta-v2", tmp_path / "own")
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"legacy": true', '"legacy": false'))
    with pytest.raises(
        InputError, match=r"config\.json says legacy: False, and DeBERTa is known with True alone\.$"
    ):
        loaded(folder)


# --- encoders with decoders --------------------------------------------------------------------------------------


def scale(name, other):
    """What the stock model's logits are to be multiplied by.

    Before version 5.24 it scales UMT5's states before its output matrix, as is done before one that it shares with
    the words: the released ones have a matrix of their own, and were trained without (`tie_word_embeddings`).
    """
    scales = Version(transformers.__version__) < Version("5.24")
    return other.config.d_model**0.5 if scales and name == "umt5" else 1


@pytest.mark.parametrize("prompted", one_in(2, [True, False]))
@pytest.mark.parametrize("name", WRITERS)
def test_an_encoder_with_a_decoder_answers_as_the_stock_model_does(name, prompted, folders):
    backbone, other = loaded(folders(name)), stock(folders(name))
    tied = other.lm_head.weight is other.get_input_embeddings().weight
    assert tied != WRITERS[name][2]
    assert (backbone.output.weight is backbone.model.get_input_embeddings().weight) == tied
    answers = [np.append(row, 1) for row in texts(100, (1, 3, 0, 2))]
    options = {"tokens": SHORT} if prompted else {}
    batch = collate(texts(100), answers, padding=0, task="rte")
    method = tuned("pet-prompt" if prompted else "pet-ft", backbone, shaken=False, **options)
    words, start = other.get_input_embeddings(), other.config.decoder_start_token_id
    with torch.no_grad():
        prompt = method.own().normal_()[None] if prompted else None
        ours, wanted = method.logits(batch), []
        written, ended = method.generate(batch, 5), []
        beams = method.generate(batch, 17)
        for ids, target in zip(rows(batch), answers, strict=True):
            embedded = words(ids) if prompt is None else torch.cat([prompt, words(ids)], 1)
            before = torch.tensor([[start, *target[:-1]]])
            wanted.append(other(inputs_embeds=embedded, decoder_input_ids=before).logits[0] * scale(name, other))
            ended.append(other.generate(inputs_embeds=embedded, max_new_tokens=17, num_beams=1)[0, 1:])
        compare(name, ours, wanted)
        for row, more, answer in zip(written, beams, ended, strict=True):
            end = int((answer == 1).nonzero()[0]) + 1 if 1 in answer else len(answer)
            assert row[: min(5, end)].tolist() == answer[: min(5, end)].tolist()
            assert more[:end].tolist() == answer[:end].tolist()


def test_a_prompt_that_leaves_no_position_for_a_text_is_refused(folders):
    backbone = loaded(folders("bart"))
    method = tuned("pet-prompt", backbone, tokens=LENGTH - 5)
    batch = collate(texts(100), [np.array([1])] * 4, padding=0, task="rte")
    with pytest.raises(InputError, match=r"^155 virtual tokens and \d+ tokens of text are more than the 160 posi"):
        method.logits(batch)


# --- sizes -------------------------------------------------------------------------------------------------------

BOTH = 5  # layers of encoder and decoder: of a T5 three and two, of a BART two and three
BIAS = 4 * HIDDEN  # of query, key, value and output
UP_DOWN = 2 * HIDDEN * INNER
BLOCK = 4 * HIDDEN**2 + BIAS + UP_DOWN + INNER + HIDDEN + 4 * HIDDEN  # BERT's: two norms
TABLE = 32 * 2  # buckets of distances, heads


def t5(vocabulary, *, gated, own, tables):
    encoder = 4 * HIDDEN**2 + UP_DOWN * (3 if gated else 2) // 2 + 2 * HIDDEN
    decoder = encoder + 4 * HIDDEN**2 + HIDDEN
    return vocabulary * HIDDEN * (2 if own else 1) + 3 * encoder + 2 * decoder + 2 * HIDDEN + tables * TABLE


FULL = {
    "roberta": lambda v: (v + LENGTH + 2 + 2 + 2) * HIDDEN + 2 * BLOCK,
    "xlm-roberta": lambda v: (v + LENGTH + 2 + 2 + 2) * HIDDEN + 2 * BLOCK,
    "electra": lambda v: (v + LENGTH + 2 + 2) * EMBEDDED + (EMBEDDED + 1) * HIDDEN + 2 * BLOCK,
    "deberta-v2": lambda v: (v + 2 + 2 * 8 + 2) * HIDDEN + 2 * BLOCK,
    "deberta-v2 of v2": lambda v: (
        v * EMBEDDED + (EMBEDDED + 2 + 2 * 8 + 2 + 3 * HIDDEN + 1 + 2) * HIDDEN + 2 * BLOCK
    ),
    "distilbert": lambda v: (v + LENGTH + 2) * HIDDEN + 2 * BLOCK,
    "modernbert": lambda v: (v + 1 + 1) * HIDDEN + 4 * (4 * HIDDEN**2 + 3 * HIDDEN * INNER) + 7 * HIDDEN,
    "mpnet": lambda v: (v + LENGTH + 2 + 2) * HIDDEN + 2 * BLOCK + TABLE,
    "t5": lambda v: t5(v, gated=False, own=False, tables=2),
    "t5 v1.1": lambda v: t5(v, gated=True, own=True, tables=2),
    "byt5": lambda v: t5(v, gated=True, own=True, tables=2),
    "mt5": lambda v: t5(v, gated=True, own=True, tables=2),
    "umt5": lambda v: t5(v, gated=True, own=True, tables=BOTH),
    "umt5 tied": lambda v: t5(v, gated=True, own=False, tables=BOTH),
    "bart": lambda v: (v + 2 * (LENGTH + 2) + 4) * HIDDEN + BOTH * BLOCK + 3 * (4 * HIDDEN**2 + BIAS + 2 * HIDDEN),
}


def addends(name, vocabulary):
    """The sizes of what BitFit adds to."""
    if name == "bart":  # every linear layer and every norm, but the output matrix
        return BOTH * (BIAS + INNER + HIDDEN + 2 * HIDDEN) + 3 * (BIAS + HIDDEN) + 2 * HIDDEN
    if name in WRITERS:  # not in cross-attention
        wide = INNER if name == "t5" else 2 * INNER
        return BOTH * (BIAS + wide + HIDDEN + 2 * HIDDEN) + 2 * HIDDEN + 2 * HIDDEN + vocabulary
    return 2 * 7 * HIDDEN


@pytest.mark.parametrize("name", MODELS)
def test_what_a_tuning_trains_is_as_much_as_the_formula_says(name, folders):
    backbone = loaded(folders(name))
    vocabulary, layers = backbone.model.config.vocab_size, sum(backbone.depths)
    assert layers == {"modernbert": 4}.get(name, 2 if name in ENCODERS else BOTH)
    size = lambda kind, **options: tuned(kind, loaded(folders(name)), **options).counted()  # noqa: E731
    assert size("pet-ft") == FULL[name](vocabulary)
    assert size("pet-lora", rank=3) == layers * 2 * 3 * (HIDDEN + HIDDEN)
    assert size("pet-adapter", bottleneck=5) == layers * 2 * (2 * 5 * HIDDEN + 5 + HIDDEN)
    assert size("pet-prompt", tokens=7) == 7 * (EMBEDDED if name in ("electra", "deberta-v2 of v2") else HIDDEN)
    assert size("apet", budget=500) == 500
    if name != "modernbert":
        assert size("pet-bitfit") == addends(name, vocabulary)
