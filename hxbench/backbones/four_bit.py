"""The container of 4-bit weights of multilingual-e5-small → tensors of a BERT, in fp32.

Little-endian: a header, the tokens of a tokenizer (passed over), a directory of tensors, the tensors. A matrix is
stored row by row in blocks of 32 weights, 18 bytes each: an fp16 scale d, then 16 bytes, of which byte j holds
weight j in its low and weight j + 16 in its high four bits. A weight is (nibble − 8) · d. All that the file says
of places and sizes is checked against the file before anything is read there.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from hxbench.errors import InputError

_MAGIC, _VERSION = b"E5S1", 1
_BLOCK = 32  # weights
_PACKED = np.dtype([("scale", "<f2"), ("nibbles", "u1", (_BLOCK // 2,))])
_FP32, _FOUR_BIT = 0, 1  # types of tensors
_HEADER = struct.Struct("<I7ifi")
_LAYER = {  # of a layer in the file → in a BERT
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_PARAMETERS = {"w": "weight", "b": "bias"}


@dataclass(frozen=True)
class FourBit:
    """What the container holds: a BERT's configuration, its tensors by their names in the stock model."""

    config: dict[str, Any]
    marks: dict[str, int]  # ids of the tokens `<s>`, `</s>`, `<pad>` and `<unk>`
    tensors: dict[str, np.ndarray]


def unpack_blocks(packed: bytes | memoryview) -> np.ndarray:
    """Return the weights of whole blocks, fp32 [32 · blocks]."""
    blocks = np.frombuffer(packed, _PACKED)
    weights = np.empty((len(blocks), _BLOCK), np.float32)
    weights[:, : _BLOCK // 2] = blocks["nibbles"] & 15
    weights[:, _BLOCK // 2 :] = blocks["nibbles"] >> 4
    weights -= 8
    with np.errstate(invalid="ignore"):  # whoever reads a file looks for what is no number
        weights *= blocks["scale"][:, None].astype(np.float32)
    return weights.reshape(-1)


def read_four_bit(data: bytes) -> FourBit:
    """Return the model in the bytes of a container; `InputError` for bytes that are none, cut or inconsistent."""
    try:
        return _read(_Reader(data))
    except (struct.error, UnicodeDecodeError, _Broken) as error:
        raise InputError(f"the 4-bit weights are damaged: {error}.") from None


class _Broken(Exception):  # noqa: N818 (it becomes an InputError that says where)
    """The container contradicts itself."""


class _Reader:
    """The bytes of a container with the place that is read next."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, layout: struct.Struct | str) -> tuple[Any, ...]:
        """Return the values at the place and go behind them."""
        layout = struct.Struct(layout) if isinstance(layout, str) else layout
        values = layout.unpack_from(self.data, self.place)
        self.place += layout.size
        return values

    def skip(self, count: int) -> memoryview:
        """Return so many bytes at the place and go behind them."""
        if not 0 <= count <= len(self.data) - self.place:
            raise _Broken(f"they announce {count} bytes where {len(self.data) - self.place} are left")
        self.place += count
        return memoryview(self.data)[self.place - count : self.place]


def _read(reader: _Reader) -> FourBit:
    if bytes(reader.skip(4)) != _MAGIC:
        raise _Broken(f"they do not begin with {_MAGIC.decode()}")
    version, hidden, layers, heads, inner, vocabulary, positions, kinds, epsilon, block = reader.take(_HEADER)
    if (version, block) != (_VERSION, _BLOCK):
        raise _Broken(f"version {version} with blocks of {block} is not known, only {_VERSION} with {_BLOCK}")
    sizes = hidden, layers, heads, inner, vocabulary, positions, kinds
    if min(sizes) < 1 or hidden % _BLOCK or inner % _BLOCK or hidden % heads or not 0 < epsilon < 1:
        raise _Broken("the sizes in the header fit no BERT")
    tokens, *marks = reader.take("<5i")
    (blob,) = reader.take("<Q")
    if not all(0 <= mark < tokens <= vocabulary for mark in marks):
        raise _Broken("the tokenizer's special tokens are not in its vocabulary")
    reader.skip(8 * tokens + 4)  # where a token begins, u32 and one more; its score, f32
    reader.skip(blob)
    (_, normalisations) = reader.take("<iI")
    reader.skip(normalisations)
    # a layer has 16 tensors, each with an entry of more than 21 bytes in the directory
    if layers > len(reader.data) // (16 * 21):
        raise _Broken(f"{layers} layers do not fit into {len(reader.data)} bytes")
    shapes = dict(_shapes(hidden, layers, inner, vocabulary, positions, kinds))
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "max_position_embeddings": positions,
        "type_vocab_size": kinds,
        "hidden_act": "gelu",
        "layer_norm_eps": float(str(np.float32(epsilon))),  # 1e-12, and not what fp32 makes of it
    }
    names = ("<s>", "</s>", "<pad>", "<unk>")
    return FourBit(config, dict(zip(names, marks, strict=True)), _tensors(reader, shapes))


def _tensors(reader: _Reader, shapes: dict[str, tuple[str, tuple[int, ...]]]) -> dict[str, np.ndarray]:
    """Return the tensors by their names in a BERT, given what the file must have by the names there."""
    (count,) = reader.take("<i")
    if count != len(shapes):
        raise _Broken(f"they announce {count} tensors where the header requires {len(shapes)}")
    tensors: dict[str, np.ndarray] = {}
    total = 0
    for _ in range(count):
        name = bytes(reader.skip(*reader.take("<H"))).decode("ascii")
        kind, elements, start, size = reader.take("<BIQQ")
        stock, shape = shapes.pop(name, ("", ()))
        if not stock:
            raise _Broken(f"tensor {name[:40]!r} is there twice or belongs to no BERT of this size")
        packed = kind == _FOUR_BIT and len(shape) == 2  # vectors are never packed
        wanted = elements // _BLOCK * _PACKED.itemsize if packed else 4 * elements
        total += size
        if not (packed or kind == _FP32) or elements != prod(shape) or size != wanted:
            raise _Broken(f"tensor {name} does not have the size that the header asks for")
        if start > len(reader.data) or size > len(reader.data) - start or total > len(reader.data):
            raise _Broken(f"tensor {name} goes beyond the end of the file")
        raw = memoryview(reader.data)[start : start + size]
        values = unpack_blocks(raw) if packed else np.frombuffer(raw, "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise _Broken(f"tensor {name} has NaN or infinite values")
        tensors[stock] = values.reshape(shape)
    return tensors


def _shapes(
    hidden: int, layers: int, inner: int, vocabulary: int, positions: int, kinds: int
) -> Iterator[tuple[str, tuple[str, tuple[int, ...]]]]:
    """Yield each tensor's name in the file with that in a BERT and its shape, matrices as [out, in]."""
    for name, stock, rows in (
        ("word", "word_embeddings", vocabulary),
        ("pos", "position_embeddings", positions),
        ("type", "token_type_embeddings", kinds),
    ):
        yield f"emb.{name}", (f"bert.embeddings.{stock}.weight", (rows, hidden))
    for short, long in _PARAMETERS.items():
        yield f"emb.ln.{short}", (f"bert.embeddings.LayerNorm.{long}", (hidden,))
    wide = {"fi": (inner, hidden), "fo": (hidden, inner)}
    for layer in range(layers):
        for part, stock in _LAYER.items():
            matrix = wide.get(part, (hidden, hidden))
            shape = {"w": (hidden,) if part.endswith("ln") else matrix, "b": matrix[:1]}
            for short, long in _PARAMETERS.items():
                yield f"l{layer}.{part}.{short}", (f"bert.encoder.layer.{layer}.{stock}.{long}", shape[short])
