"""Readers of file formats, by the name that a description of data calls a format.

All have one signature: a path and `Options` in, numbered rows out, one at a time, each as its values by column.
Formats of sentences have the columns `words` and `tags`, `text` has `text`, and tables have their own (of JSON and
Parquet also `words` and `tags`, where `Options.tagged`). What a column means is not known here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hxbench.data.readers.columns import read_columns
from hxbench.data.readers.conllu import read_conllu
from hxbench.data.readers.lines import Options, Row, read_text
from hxbench.data.readers.tables import read_csv, read_json_array, read_json_lines, read_parquet, read_tsv
from hxbench.data.readers.wikiann import read_wikiann, read_wikiann_parquet
from hxbench.errors import InputError

__all__ = ["READERS", "Options", "Reader", "Row", "format_of", "require_taken"]


@dataclass(frozen=True)
class Reader:
    """How a format is read; `kind` names a file of it in messages, with its article."""

    kind: str
    read: Callable[[Path, Options], Iterator[Row]]
    version: int = 1  # goes up whenever the same file would be read into other rows: part of fingerprints


READERS = {
    "conllu": Reader("a CoNLL-U", read_conllu),
    "columns": Reader("a column", read_columns),
    "wikiann": Reader("a WikiANN", read_wikiann),
    "wikiann-parquet": Reader("a WikiANN", read_wikiann_parquet),
    "text": Reader("a text", read_text),
    "tsv": Reader("a tab-separated", read_tsv),
    "csv": Reader("a CSV", read_csv),
    "jsonl": Reader("a JSON Lines", read_json_lines),
    "json": Reader("a JSON", read_json_array),
    "parquet": Reader("a Parquet", read_parquet),
}

_TAKE = {  # which formats leave open what an option says
    "words": ("columns", "jsonl", "json", "parquet"),
    "tags": ("conllu", "columns", "jsonl", "json", "parquet", "tsv", "csv"),
    "delimiter": ("columns", "csv"),
    "comments": ("columns",),
    "header": ("tsv", "csv"),
}


def require_taken(form: str, options: Options, names: Mapping[str, str], where: str = "") -> None:
    """Raise `InputError` for an option that a format has no use for; `names` has what the user calls options."""
    for option, forms in _TAKE.items():
        if getattr(options, option) and form not in forms:
            raise InputError(
                f"{where}{names.get(option, option)} is for {', '.join(forms)}; the file is read as {form}. "
                "Where that is wrong, name its format."
            )


def format_of(path: Path) -> str:
    """Return the format of a table by the end of its name, and `text` for any other file."""
    ending = path.suffix.removeprefix(".")
    return ending if ending in ("tsv", "csv", "jsonl", "json", "parquet") else "text"
