"""A backbone's tokenizer in the files that people have of it: `tokenizer.json`, vocabulary files, or bytes.

All texts go through a fast form (`tasks.encoding.tokenizing`). The library makes it of vocabulary files, of
SentencePiece's with two packages that not everybody has. Bytes it reads by a slow tokenizer of its own, whose fast
form is made here.
"""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hxbench.errors import InputError

WHOLE = "tokenizer.json"
# What a folder without it may have instead: of the first of these all files.
_VOCABULARIES = (
    ("vocab.txt",),
    ("vocab.json", "merges.txt"),
    ("spiece.model",),
    ("spm.model",),
    ("sentencepiece.bpe.model",),
    ("tokenizer.model",),
)
SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")  # which those are read with
FILES = (WHOLE, *(name for names in _VOCABULARIES for name in names), *SETTINGS)
_BYTES = "ByT5Tokenizer"  # has no vocabulary file: its tokens are the bytes of a text
_PACKAGES = ("sentencepiece", "google.protobuf")  # that a `.model` is read with
_BYTE_COUNT = 256


def tokenizer_files(folder: Path) -> list[Path]:
    """Return the files that a folder's tokenizer consists of; `InputError` says what is missing, or not installed.

    Beside `tokenizer.json` no other counts: those of vocabulary files that settle how they are read do.
    """
    if (folder / WHOLE).is_file():
        return [folder / WHOLE]
    found = _vocabulary(folder)
    if lost := next((name for name in found if not (folder / name).is_file()), None):
        raise InputError(f"backbone folder {folder}: {lost} is missing, which belongs to {found[0]}.")
    if not found and not _is_of_bytes(folder):
        raise InputError(
            f"backbone folder {folder}: {WHOLE} is missing, and there is no vocabulary file instead of it "
            f"({', '.join(names[0] for names in _VOCABULARIES)})."
        )
    if found and found[0].endswith(".model") and not all(map(_is_installed, _PACKAGES)):
        raise InputError(
            f"backbone folder {folder}: {WHOLE} is missing, and {found[0]} is read by two packages that are not "
            "installed: pip install 'hxbench[sentencepiece]'."
        )
    settings = (folder / name for name in SETTINGS)
    return [*(folder / name for name in found), *(path for path in settings if path.is_file())]


def has_tokenizer(folder: Path) -> bool:
    """Return whether a folder has files of a tokenizer, be they all that it consists of or not."""
    return (folder / WHOLE).is_file() or bool(_vocabulary(folder)) or _is_of_bytes(folder)


def _vocabulary(folder: Path) -> tuple[str, ...]:
    """Return the names of the vocabulary files that a folder's first one belongs to; none where there is none."""
    return next((names for names in _VOCABULARIES if (folder / names[0]).is_file()), ())


def _is_of_bytes(folder: Path) -> bool:
    """Return whether a folder's settings name the tokenizer of bytes."""
    for name in (SETTINGS[0], "config.json"):
        try:
            named = json.loads((folder / name).read_text(encoding="utf-8"))["tokenizer_class"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            continue
        return bool(named == _BYTES)
    return False


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False


def load_tokenizer(folder: Path, *, padding: str) -> Any:
    """Return the tokenizer of a folder, in a fast form, which fills up on the side `padding`.

    Raises `InputError` where its files are not there as a whole, or cannot be read with what is installed.
    """
    from transformers import AutoTokenizer

    tokenizer_files(folder)
    found = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, padding_side=padding)
    return fast_bytes(found, padding=padding) if type(found).__name__ == _BYTES else found


def fast_bytes(slow: Any, *, padding: str) -> Any:
    """Return the fast form of a tokenizer of bytes: the same ids for the same texts, its end mark behind each."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    marks = {number: str(token) for number, token in slow.added_tokens_decoder.items()}
    written = _written_bytes()
    first = slow.convert_tokens_to_ids(chr(0))
    vocabulary = {token: number for number, token in marks.items()}
    vocabulary |= {written[byte]: first + byte for byte in range(_BYTE_COUNT)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(marks[number], special=True) for number in sorted(marks)])
    end = slow.eos_token
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {end}", pair=f"$A {end} $B {end}", special_tokens=[(end, slow.eos_token_id)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=slow.pad_token, eos_token=end, unk_token=slow.unk_token,
        padding_side=padding,
    )  # fmt: skip


def _written_bytes() -> list[str]:
    """Return the character that byte-level BPE writes each byte as: itself if it prints, else one from 256 on."""
    printed = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(_BYTE_COUNT, 2 * _BYTE_COUNT))
    return [chr(byte if byte in printed else next(others)) for byte in range(_BYTE_COUNT)]
