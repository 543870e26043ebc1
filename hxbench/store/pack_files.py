"""The files of a packed store: Parquet tables of five parts, listed with sizes and SHA-256 in one manifest.

A file is named after what is in it and never changes. A pack is written by laying its files beside those of the
old one and then replacing the manifest, in one step: whenever that breaks off, one of the two is there whole.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench.errors import InputError, reason
from hxbench.plain_data import load_json, read_bytes, read_text
from hxbench.printing import shown
from hxbench.store.files import to_json

if TYPE_CHECKING:
    import pyarrow

MANIFEST = "packed.json"
FORMAT, VERSION = "hxbench packed store", 1
_MANIFEST_BYTES = 5_000_000
_FILE_BYTES = 256_000_000
_UNPACKED_BYTES = 1_000_000_000  # of one file
_VALUES = 100_000_000  # in a column of one file
_FILE_NAME = re.compile(
    r"(runs|few-shot|metrics|history|sentences|retrieval)-[\w-]+\.[0-9a-f]{12}\.parquet", re.ASCII
)

_OF_A_RUN = dict.fromkeys(("run", "spec", "status", "provenance", "digest"), "text")
# the columns of each part; a row is a run, in `sentences` a test set of a run. The order of parts is that of files
PARTS: dict[str, dict[str, str]] = {
    "runs": _OF_A_RUN,
    "few-shot": _OF_A_RUN,  # runs tuned on a few examples
    "metrics": {"run": "text", "rows": "text"},
    "history": {"run": "text", "rows": "text"},
    "sentences": {"run": "text", "task": "text", "language": "text",
                  "correct": "counts", "predicted": "counts", "gold": "counts"},
    "retrieval": {"run": "text", "facts": "text", "task": "counts",
                  "features": "numbers", "z": "numbers", "prototypes": "numbers"},
}  # fmt: skip
RUNS = ("runs", "few-shot")


@dataclass(frozen=True)
class PackFile:
    """A file as the manifest lists it: whose runs it has, and which by the ids of the first and the last."""

    name: str
    part: str
    paper: str
    profile: str
    first: str
    last: str
    rows: int
    bytes: int
    sha256: str


def is_pack_file(name: str) -> bool:
    """Return whether a file is named as those of packs are."""
    return _FILE_NAME.fullmatch(name) is not None


def damaged(root: Path, what: str) -> InputError:
    """Return the error that says what is wrong with a packed store."""
    return InputError(f"the packed store {root} is damaged, {what}: fetch it anew or pack it again.")


def read_manifest(root: Path) -> tuple[PackFile, ...]:
    """Return the files of a pack; `InputError` when the manifest is damaged, or of a later version."""
    try:
        found = load_json(read_text(root / MANIFEST, _MANIFEST_BYTES), MANIFEST)
    except (OSError, ValueError) as error:
        raise damaged(root, reason(error)) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise damaged(root, f"{MANIFEST} is not the manifest of one")
    if (version := found.get("version")) != VERSION:
        raise InputError(
            f"the packed store {root} is of version {shown(version)}, this hxbench reads version {VERSION}."
        )
    told = {key: value for key, value in found.items() if key != "sha256"}
    if found.get("sha256") != _digest(told):
        raise damaged(root, f"{MANIFEST} does not have its own SHA-256")
    try:
        return tuple(_listed(one) for one in found["files"])
    except (KeyError, TypeError, ValueError):
        raise damaged(root, f"{MANIFEST} lists no files") from None


def manifest_text(files: Sequence[PackFile]) -> str:
    """Return the manifest of these files."""
    told = {
        "format": FORMAT,
        "version": VERSION,
        "runs": sum(one.rows for one in files if one.part in RUNS),
        "files": [asdict(one) for one in files],
    }
    return to_json({**told, "sha256": _digest(told)}, indent=1) + "\n"


def _digest(told: Mapping[str, Any]) -> str:
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _listed(stored: Any) -> PackFile:
    one = PackFile(**stored)
    for field in fields(one):
        value = getattr(one, field.name)
        if type(value) is not field.type or (isinstance(value, int) and value < 0):
            raise ValueError(field.name)
    if one.part not in PARTS or not is_pack_file(one.name):  # a name with a separator would leave the folder
        raise ValueError(one.name)
    return one


def schema(part: str) -> "pyarrow.Schema":
    """Return the columns of a part."""
    import pyarrow

    kinds = {
        "text": pyarrow.string(),
        "counts": pyarrow.list_(pyarrow.field("element", pyarrow.int32())),
        "numbers": pyarrow.list_(pyarrow.field("element", pyarrow.float32())),
    }
    return pyarrow.schema([(name, kinds[kind]) for name, kind in PARTS[part].items()])


def encoded(part: str, rows: Sequence[Sequence[Any]]) -> bytes:
    """Return the Parquet file of some rows; the same rows give the same bytes."""
    import pyarrow
    import pyarrow.parquet

    kind = schema(part)
    columns = [pyarrow.array(values, one.type) for values, one in zip(zip(*rows, strict=True), kind, strict=True)]
    target = BytesIO()
    split = {
        f"{name}.list.element": "BYTE_STREAM_SPLIT" for name, what in PARTS[part].items() if what == "numbers"
    }
    pyarrow.parquet.write_table(
        pyarrow.Table.from_arrays(columns, schema=kind), target, compression="zstd", compression_level=19,
        use_dictionary=False, column_encoding=split or None, store_schema=False, write_statistics=False,
        data_page_size=8_000_000,
    )  # fmt: skip
    return target.getvalue()


def read_table(root: Path, listed: PackFile) -> "pyarrow.Table":
    """Return the rows of a file of the pack; `InputError` unless it is the file that the manifest lists."""
    import pyarrow
    import pyarrow.parquet

    name = listed.name
    if listed.bytes > _FILE_BYTES:
        raise damaged(root, f"{name} is said to be larger than {_FILE_BYTES / 1e6:g} MB")
    try:
        content = read_bytes(root / name, _FILE_BYTES)
    except FileNotFoundError:
        raise damaged(root, f"{name} is missing") from None
    except (OSError, ValueError) as error:
        raise damaged(root, f"{name}: {reason(error)}") from None
    if len(content) != listed.bytes or hashlib.sha256(content).hexdigest() != listed.sha256:
        raise damaged(root, f"{name} is not the file that its manifest lists")
    try:
        # the bytes that were checked are those that are read
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content))
        _check_size(root, listed, file)
        return file.read(use_threads=False)
    except (pyarrow.ArrowException, OSError, ValueError, MemoryError) as error:
        raise damaged(root, f"{name} is not readable ({shown(str(error).partition(chr(10))[0])})") from None


def _check_size(root: Path, listed: PackFile, file: Any) -> None:
    """Refuse what would not fit into memory, or is no table of the part, before any of it is unpacked."""
    found = file.metadata
    if not file.schema_arrow.equals(schema(listed.part)):
        raise damaged(root, f"{listed.name} has other columns than {', '.join(PARTS[listed.part])}")
    if found.num_rows != listed.rows:
        raise damaged(root, f"{listed.name} has {found.num_rows} rows, its manifest says {listed.rows}")
    groups = [found.row_group(number) for number in range(found.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    unpacked = sum(column.total_uncompressed_size for column in columns)
    values = max((column.num_values for column in columns), default=0)
    # a dictionary says a long text once and repeats it by a number: packs have none
    repeated = any(column.has_dictionary_page for column in columns)
    if unpacked > _UNPACKED_BYTES or values > _VALUES or repeated:
        raise damaged(root, f"{listed.name} would unpack to more than a pack has")
