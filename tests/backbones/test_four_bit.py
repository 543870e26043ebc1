"""The container of 4-bit weights: what a block means, what a whole file gives, and files that are damaged."""

import re
import struct

import numpy as np
import pytest
from tiny_wheel import HIDDEN, LAYERS, container

from hxbench.backbones.four_bit import read_four_bit, unpack_blocks
from hxbench.errors import InputError

VOCABULARY, PIECES = 24, 20


@pytest.fixture(scope="module")
def whole():
    return container(VOCABULARY, PIECES)


def test_a_block_by_hand():
    # Scale 0.5. Byte 0 is 0x9F: weight 0 is (15 − 8) · 0.5, weight 16 is (9 − 8) · 0.5. Byte 15 is 0x08: weight 15
    # is nought, weight 31 is (0 − 8) · 0.5. All others are 0x88, nought.
    block = bytes.fromhex("0038") + bytes([0x9F]) + bytes([0x88]) * 14 + bytes([0x08])
    expected = np.zeros(32, np.float32)
    expected[[0, 16, 31]] = 3.5, 0.5, -4.0
    assert np.array_equal(unpack_blocks(block), expected)
    twice = unpack_blocks(block + bytes.fromhex("00b8") + block[2:])  # the second with scale −0.5
    assert twice.dtype == np.float32
    assert np.array_equal(twice, np.concatenate([expected, -expected]))


def test_a_file_gives_every_tensor_of_a_bert(whole):
    data, meant = whole
    model = read_four_bit(data)
    assert model.tensors.keys() == meant.keys()
    for name, values in meant.items():
        assert model.tensors[name].dtype == np.float32
        assert np.array_equal(model.tensors[name], values), name
    assert model.marks == {"<s>": 0, "</s>": 2, "<pad>": 1, "<unk>": 3}
    sizes = {"hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "vocab_size": VOCABULARY, "layer_norm_eps": 1e-12}
    assert model.config.items() >= sizes.items()


def test_a_file_cut_anywhere_is_one_sentence(whole):
    data, _ = whole
    front = data.index(b"oln.b") + 200  # header and directory byte by byte, then in steps
    places = [*range(front), *range(front, len(data), 97)]
    assert len(places) > 1000
    for place in places:
        with pytest.raises(InputError, match=r"^the 4-bit weights are damaged: [^\n]{1,150}\.$"):
            read_four_bit(data[:place])


def test_a_flipped_byte_is_a_sentence_or_another_number(whole):
    data, meant = whole
    for place in range(data.index(b"l0.q.w")):
        spoilt = bytearray(data)
        spoilt[place] ^= 0xFF
        shapes = said = None
        try:
            shapes = {name: t.shape for name, t in read_four_bit(bytes(spoilt)).tensors.items()}
        except InputError as error:
            said = str(error)
        if said is None:
            assert shapes == {name: t.shape for name, t in meant.items()}
        else:
            assert re.fullmatch(r"the 4-bit weights are damaged: [^\n]{1,150}\.", said)


def header(place, value):
    return lambda header, entries: header.__setitem__(place, value)


def entry(place, value):
    return lambda header, entries: entries[3].__setitem__(place, value)


BIG = 2**31 - 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (header(0, 2), "version 2"),
        (header(9, 64), "blocks of 64"),
        (header(1, 0), "sizes in the header fit no BERT"),
        (header(1, 48), "sizes in the header fit no BERT"),  # no whole blocks
        (header(3, 5), "sizes in the header fit no BERT"),  # heads of no whole width
        (header(8, float("nan")), "sizes in the header fit no BERT"),
        (header(2, BIG), "layers do not fit"),
        (header(2, LAYERS + 1), "they announce .* tensors"),
        (header(5, BIG), "does not have the size"),
        (header(5, PIECES - 1), "special tokens are not in its vocabulary"),
        (header(6, 41), "does not have the size"),
        (entry(0, b"l7.q.w"), "'l7.q.w' is there twice or belongs to no BERT"),
        (entry(0, b"l0.q.w"), "'l0.q.w' is there twice"),
        (entry(0, b"\xff\xfe.q.w"), "can't decode"),
        (entry(1, 7), "does not have the size"),
        (entry(2, BIG), "does not have the size"),
        (entry(3, 2**63), "beyond the end"),
        (entry(4, 2**63), "does not have the size"),
        (lambda header, entries: entries.pop(), "they announce .* tensors"),
        (lambda header, entries: entries[-1].__setitem__(1, 1), "does not have the size"),  # a packed vector
    ],
)
def test_what_contradicts_itself_is_refused(change, said):
    data, _ = container(VOCABULARY, PIECES, change)
    with pytest.raises(InputError, match=rf"^the 4-bit weights are damaged: [^\n]*{said}[^\n]*\.$") as refused:
        read_four_bit(data)
    assert len(str(refused.value)) < 200


def test_a_tokenizer_of_any_length_is_passed_over_only_inside_of_the_file(whole):
    data, _ = whole
    place = 4 + struct.calcsize("<I7ifi") + 20
    for length in (2**63, len(data), 2**64 - 1):
        spoilt = data[:place] + struct.pack("<Q", length) + data[place + 8 :]
        with pytest.raises(InputError, match=r"they announce .* bytes where"):
            read_four_bit(spoilt)


def test_values_that_are_no_numbers_are_refused(whole):
    data, meant = whole
    place = data.index(meant["bert.embeddings.LayerNorm.weight"].tobytes())
    with pytest.raises(InputError, match=r"emb\.ln\.w has NaN or infinite values"):
        read_four_bit(data[:place] + np.float32("nan").tobytes() + data[place + 4 :])
    place = data.index(packed_start(data))
    with pytest.raises(InputError, match=r"emb\.word has NaN or infinite values"):
        read_four_bit(data[:place] + np.float16("inf").tobytes() + data[place + 2 :])


def packed_start(data):
    """Return the first block of the file: the word embeddings come first."""
    place = data.index(b"emb.word") + len(b"emb.word")
    _, _, start, _ = struct.unpack_from("<BIQQ", data, place)
    return data[start : start + 18]
