"""What is carried to a machine without a network is what it was: weights bit for bit, pieces but for their ids."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hxbench.backbones.four_bit import unpack_blocks
from hxbench.data.readers import READERS, Options
from hxbench.errors import InputError

MARKS = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
LETTERS = "abcdefghij"


def four_bit(rows, columns, seed=0):
    """Weights as 4-bit blocks unpack to: of scales of both signs, some of them 0."""
    rng = np.random.default_rng(seed)
    scale = rng.normal(0, 0.05, (rows * columns // 32, 1)).astype(np.float16)
    scale[rng.random(len(scale)) < 0.1] = 0
    steps = rng.integers(0, 16, (len(scale), 32)) - 8
    return (steps * scale.astype(np.float32)).astype(np.float32).reshape(rows, columns)


def test_blocks_unpack_to_the_same_weights(carried):
    weights = four_bit(40, 64)
    blocks = carried.pack_blocks(weights)
    assert blocks.shape == (80, 18)
    assert np.array_equal(unpack_blocks(blocks.tobytes()).reshape(40, 64), weights)


def test_weights_of_more_than_four_bits_are_refused(carried):
    weights = four_bit(4, 64)
    weights[1, 3] *= 1.01
    with pytest.raises(InputError, match="1 of 8 blocks"):
        carried.pack_blocks(weights)


def tokenizer():
    """A unigram in the form of XLM-R's: its marks first, `<mask>` behind all pieces."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    pieces = [(f"▁{c}", -3.0) for c in LETTERS] + [(c, -4.0) for c in LETTERS]
    pieces += [("▁abc", -3.5), ("de", -4.5), ("def", -9.0), ("▁rare", -20.0), ("▁", -5.0)]
    made = Tokenizer(models.Unigram([(mark, 0.0) for mark in MARKS] + pieces, unk_id=3))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.add_special_tokens([*MARKS, "<mask>"])
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    # as in the file of the lab's, the mask is among the pieces as well
    state = json.loads(made.to_str())
    state["model"]["vocab"].append(["<mask>", 0.0])
    return state


TEXTS = ["abc def abcdef", "j i h?", "dede a", "abcabc ☃ de"]


def test_a_trimmed_tokenizer_makes_the_same_pieces(carried, tmp_path):
    from tokenizers import Tokenizer

    (tmp_path / "whole.json").write_text(json.dumps(tokenizer()))
    whole = Tokenizer.from_file(str(tmp_path / "whole.json"))
    ids = [whole.encode(text).ids for text in TEXTS]
    kept = np.unique(np.concatenate([*ids, carried.always_kept(tmp_path / "whole.json")]))
    assert len(kept) < whole.get_vocab_size() - 5
    assert whole.token_to_id("▁rare") in kept, "by its score an unknown piece is weighed"
    carried.trim_tokenizer(tmp_path / "whole.json", kept, tmp_path / "trimmed.json")
    trimmed = Tokenizer.from_file(str(tmp_path / "trimmed.json"))
    assert trimmed.get_vocab_size() == len(kept)
    for text, before in zip(TEXTS, ids, strict=True):
        assert kept[trimmed.encode(text).ids].tolist() == before
    for mark in (*MARKS, "<mask>"):
        assert kept[trimmed.token_to_id(mark)] == whole.token_to_id(mark)


def test_an_encoder_is_unpacked_as_it_was_with_fewer_rows(carried, tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    layer = "bert.encoder.layer.0"
    tensors = {
        carried.WORDS: four_bit(30, 32),
        "bert.embeddings.position_embeddings.weight": np.random.default_rng(1).normal(size=(8, 32)),
        f"{layer}.attention.output.dense.weight": four_bit(32, 32, 2),
        f"{layer}.intermediate.dense.weight": four_bit(64, 32, 3),
        f"{layer}.output.dense.weight": four_bit(32, 64, 4),
        f"{layer}.output.dense.bias": np.arange(32),
    }
    tensors = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    save_file(tensors, whole / "model.safetensors")
    config = {"vocab_size": 30, "hidden_size": 32, "intermediate_size": 64, "pad_token_id": 1, "eos_token_id": 2}
    (whole / "config.json").write_text(json.dumps(config))
    (whole / "tokenizer_config.json").write_text("{}")
    (whole / "tokenizer.json").write_text(json.dumps(tokenizer()))
    kept = np.array([0, 1, 2, 3, 7, 20, len(tokenizer()["model"]["vocab"]) - 1])
    (tmp_path / "packed").mkdir()
    carried.pack_encoder(whole, kept, tmp_path / "packed")
    carried.unpack_encoder(tmp_path / "packed", tmp_path / "there")
    found = load_file(tmp_path / "there" / "model.safetensors")
    assert np.array_equal(found.pop(carried.WORDS), tensors.pop(carried.WORDS)[kept])
    assert found.keys() == tensors.keys()
    assert all(np.array_equal(found[name], tensors[name]) for name in tensors)
    assert json.loads((tmp_path / "there" / "config.json").read_text()) == config | {"vocab_size": 7}
    before = (tmp_path / "there" / "model.safetensors").stat().st_mtime_ns
    carried.unpack_encoder(tmp_path / "packed", tmp_path / "there")
    assert (tmp_path / "there" / "model.safetensors").stat().st_mtime_ns == before, "what is there stays"


def read(form, path):
    return [(row["words"], row["tags"]) for _, row in READERS[form].read(path, Options())]


def test_sentences_are_read_as_they_were(carried, tmp_path):
    words, tags = ["New York", "x", "="], ["PROPN", "X", "SYM"]
    (tmp_path / "a.conllu").write_text(2 * carried.as_conllu(words, tags))
    assert read("conllu", tmp_path / "a.conllu") == [(words, tags)] * 2
    words, tags = ["a:b", "", "c"], ["B-PER", "I-PER", "O"]
    (tmp_path / "train").write_text(2 * carried.as_wikiann("zh-yue", words, tags))
    assert read("wikiann", tmp_path / "train") == [(words, tags)] * 2


class Listed:
    """Rows of one column, as `Rows` gives them."""

    def __init__(self, *rows):
        self.values = [np.array(row) for row in rows]
        self.columns, self.lengths = ["input_ids"], np.array([len(row) for row in rows])

    def __len__(self):
        return len(self.values)

    def take(self, column, rows):
        return [self.values[row] for row in rows]


@pytest.mark.parametrize(
    "there", [Listed([0, 1], [2]), Listed([0], [1, 2]), Listed([0, 1]), Listed([0, 1], [1, 2])]
)
def test_other_rows_are_noticed(carried, there):
    kept, split = np.array([0, 5, 9]), ("pos", "en", "test")
    carried.require_same({split: Listed([0, 5], [9])}, {split: Listed([0, 1], [2])}, kept)
    if [row.tolist() for row in there.values] != [[0, 1], [2]]:
        with pytest.raises(InputError, match="pos-en-test"):
            carried.require_same({split: Listed([0, 5], [9])}, {split: there}, kept)
    with pytest.raises(InputError, match="splits"):
        carried.require_same({split: there}, {}, kept)
