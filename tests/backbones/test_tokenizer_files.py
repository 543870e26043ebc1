"""Tokenizers in the files that people have: vocabulary files without `tokenizer.json`, SentencePiece's, bytes."""

import json
import shutil

import pytest
from stock_models import LINES, write_stock
from transformers import ByT5Tokenizer

from hxbench.backbones import tokenizer as module
from hxbench.backbones.checkpoint import require_files
from hxbench.backbones.load import folder_fingerprint, load_backbone
from hxbench.backbones.tokenizer import fast_bytes, has_tokenizer, load_tokenizer, tokenizer_files
from hxbench.errors import InputError
from hxbench.spec.backbone import BackboneSpec
from hxbench.tasks.encoding.tokenizing import reader_of, tokens_of, tokens_of_words

TEXTS = ["the cat saw a dog .", "Über 猫 \n\t a\x00b", "  two  spaces ", "😀", "</s> a <pad>"]


def loaded(folder):
    return load_backbone(BackboneSpec(name="mine", folder=str(folder)))


@pytest.fixture
def bert(tmp_path):
    """A DistilBERT's folder with a `vocab.txt` in the place of `tokenizer.json`."""
    folder = write_stock("distilbert", tmp_path / "own")
    vocabulary = loaded(folder).tokenizer.get_vocab()
    (folder / "tokenizer.json").rename(tmp_path / "whole.json")
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in sorted(vocabulary, key=vocabulary.get)))
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))
    return folder


def test_a_vocabulary_of_words_is_read_as_the_whole_tokenizer_is(bert, tmp_path):
    ours = loaded(bert).tokenizer
    shutil.copy(tmp_path / "whole.json", bert / "tokenizer.json")
    whole = load_tokenizer(bert, padding="right")
    assert tokens_of(ours, TEXTS[:3]) == tokens_of(whole, TEXTS[:3])
    assert [ours(text).input_ids for text in TEXTS[:3]] == [whole(text).input_ids for text in TEXTS[:3]]


def test_a_fingerprint_is_of_the_files_that_are_read(bert, tmp_path):
    assert [path.name for path in tokenizer_files(bert)] == ["vocab.txt", "tokenizer_config.json"]
    before = folder_fingerprint(bert)
    (bert / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    assert folder_fingerprint(bert) != before
    shutil.copy(tmp_path / "whole.json", bert / "tokenizer.json")
    before = folder_fingerprint(bert)
    (bert / "vocab.txt").unlink()
    assert folder_fingerprint(bert) == before, "beside the whole tokenizer it does not count"


def test_byte_pairs_come_in_two_files(tmp_path):
    folder = write_stock("roberta", tmp_path / "own")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(
        InputError, match=r"tokenizer\.json is missing, and there is no vocabulary file .*spm\.model"
    ):
        require_files(folder)
    assert not has_tokenizer(folder)
    letters = "abcdefghijklmnopqrstuvwxyzĠ"
    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *letters, "Ġt", "he", "Ġthe"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    with pytest.raises(InputError, match=r"merges\.txt is missing, which belongs to vocab\.json"):
        require_files(folder)
    (folder / "merges.txt").write_text("#version: 0.2\nĠ t\nh e\nĠt he\n")
    (folder / "tokenizer_config.json").unlink()
    found = load_tokenizer(folder, padding="right")
    assert tokens_of(found, ["a the"]) == [[words.index("a"), words.index("Ġthe")]]
    assert found("a").input_ids == [0, 5, 2]


# --- bytes -------------------------------------------------------------------------------------------------------


def test_bytes_have_no_file_and_the_same_ids_as_the_slow_tokenizer_gives(tmp_path):
    folder = write_stock("byt5", tmp_path / "own")
    assert not list(folder.glob("tokenizer.json"))
    found, slow = loaded(folder).tokenizer, ByT5Tokenizer()
    assert found.get_vocab()["</s>"] == 1
    for text in TEXTS[:4]:
        assert found(text).input_ids == slow(text).input_ids
        assert found.decode(found(text).input_ids, skip_special_tokens=True) == text
    assert tokens_of(found, TEXTS) == [[byte + 3 for byte in text.encode()] for text in TEXTS], "marks are text"
    assert {name: found.get_vocab()[name] for name in ("<pad>", "<unk>", "<extra_id_0>", "<extra_id_124>")} == {
        name: slow.convert_tokens_to_ids(name) for name in ("<pad>", "<unk>", "<extra_id_0>", "<extra_id_124>")
    }
    assert fast_bytes(slow, padding="left").padding_side == "left"


@pytest.mark.parametrize("where", ["config.json", "tokenizer_config.json"])
def test_either_configuration_may_name_the_tokenizer_of_bytes(where, tmp_path):
    assert not has_tokenizer(tmp_path)
    (tmp_path / where).write_text(json.dumps({"tokenizer_class": "ByT5Tokenizer"}))
    assert has_tokenizer(tmp_path)
    (tmp_path / where).write_text("[" * 100_000)
    assert not has_tokenizer(tmp_path)


# --- SentencePiece -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["spiece.model", "spm.model", "sentencepiece.bpe.model"])
def test_without_its_packages_a_sentencepiece_model_is_one_sentence(name, tmp_path, monkeypatch):
    folder = write_stock("mt5", tmp_path / "own")
    (folder / "tokenizer.json").rename(folder / name)
    monkeypatch.setattr(module, "_PACKAGES", ("sentencepiece_that_is_not_there", "nor.this"))
    with pytest.raises(
        InputError, match=rf"{name} is read by two packages .* pip install 'hxbench\[sentencepiece\]'"
    ):
        loaded(folder)


MARKS = {
    "t5": {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1},
    "deberta": {
        "pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, "pad_piece": "[PAD]", "bos_piece": "[CLS]",
        "eos_piece": "[SEP]", "unk_piece": "[UNK]",
    },
    "xlm-r": {"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1},
}  # fmt: skip
RELEASED = {
    "mt5": ("spiece.model", "t5", {}),
    "t5 v1.1": ("spiece.model", "t5", {"extra_ids": 0}),
    "deberta-v2": ("spm.model", "deberta", {"do_lower_case": False, "vocab_type": "spm"}),
    "xlm-roberta": ("sentencepiece.bpe.model", "xlm-r", {}),
}


@pytest.mark.parametrize("name", RELEASED)
def test_a_sentencepiece_model_is_read_as_its_own_library_reads_it(name, tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece")
    pytest.importorskip("google.protobuf")
    file, marks, settings = RELEASED[name]
    folder = write_stock(name, tmp_path / "own")
    for old in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / old).unlink(missing_ok=True)
    (tmp_path / "lines").write_text("\n".join(LINES))
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "lines"), model_prefix=str(tmp_path / "made"), vocab_size=60, hard_vocab_limit=False,
        minloglevel=2, **MARKS[marks],
    )  # fmt: skip
    (tmp_path / "made.model").rename(folder / file)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    ours = load_tokenizer(folder, padding="right")
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(folder / file))
    shift = 1 if marks == "xlm-r" else 0  # which has <s>, <pad>, </s>, <unk> before all
    for text in ("the cat saw a dog .", "old man house 3", "a b c"):
        wanted = [one + shift for one in theirs.encode(text)]
        assert tokens_of(ours, [text]) == [wanted]
        marks = ours.cls_token_id, ours.sep_token_id, ours.eos_token_id
        assert [one for one in ours(text).input_ids if one not in marks] == wanted
    assert [path.name for path in tokenizer_files(folder)] == [file, "tokenizer_config.json"]


# --- words in sentences ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bart", "distilbert", "mt5", "byt5"])
def test_the_words_of_a_sentence_are_read_as_the_sentence_is(name, tmp_path):
    """Byte pairs hold the space before a word, which a word alone would lack."""
    tokenizer = load_tokenizer(write_stock(name, tmp_path / "own"), padding="right")
    words = "the cat saw a dog .".split()
    [(ids, owners)] = tokens_of_words(tokenizer, [words])
    assert ids == tokens_of(tokenizer, [" ".join(words)])[0]
    assert sorted(set(owners)) == [*range(len(words))]
    assert reader_of(tokenizer).spaced == (name in ("bart", "byt5"))
    assert tokens_of_words(tokenizer, [[], ["cat"]])[0] == ([], [])
