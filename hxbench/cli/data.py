"""`hxbench data`: data of one's own, looked at before anything is trained on them."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hxbench import places
from hxbench.cli import options
from hxbench.cli.output import print_json, print_rows
from hxbench.cli.progress import progress

if TYPE_CHECKING:
    from hxbench.runs.data_check import Checked, Held, Setting

data_app = typer.Typer(no_args_is_help=True, help="Look at data of your own.")


@data_app.callback()
def _group() -> None:
    pass


@data_app.command("check")
def check_command(
    file: Annotated[Path, typer.Argument(help="The YAML file that describes the data.")],
    profile: options.Profile = "lab",
    data_source: Annotated[
        str | None,
        typer.Option(
            help="Also look for your test sentences in the training sets that ship: hub, or a local mirror."
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="Also count long sentences and unknown tokens by its tokenizer: a recipe, or a folder."),
    ] = None,
    offline: options.Offline = False,
    as_json: options.Json = False,
) -> None:
    """Read every corpus of a file, and say what is in it, what each setting trains on, and what is odd.

    A fault in a file ends this with its line. What is only odd is listed at the end: texts that two splits share,
    a label that only the test set has.
    """
    from hxbench.runs.data_check import check_data, opened

    with progress() as tell:
        report = partial(tell, None)
        corpora, data, tokenizer = opened(
            places.expanded(str(file), "FILE"), profile, backbone, report, data_source=data_source, offline=offline
        )
        found = check_data(corpora, data, tokenizer, report, ships=data_source is not None)
    if as_json:
        print_json(_plain(found), indent=1)
        return
    print_rows([_row(one, tokenizer is not None) for one in found.held], as_json=False)
    for one in (one for one in found.held if one.labels):
        print(f"\n{one.pair}: {_counts(one)}")
    print()
    for setting in found.settings:
        print(_said(setting))
    if corpora.own and corpora.own.described.extends and data_source is None:
        print("These are the corpora of the paper: with --data-source DIR only those are named that DIR has.")
    print()
    for sentence in found.remarks:
        print(f"- {sentence}")
    count = len(found.remarks)
    print(f"{count} thing{'s' * (count > 1)} to look at." if count else "Nothing is odd.")


@data_app.command("schema")
def schema_command() -> None:
    """Print the JSON schema of a data file, which editors complete and check it by.

    hxbench data schema > data.schema.json; then a first line `# yaml-language-server: $schema=data.schema.json`.
    """
    from hxbench.tasks.description import OwnFile

    print_json(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **OwnFile.model_json_schema()}, indent=1
    )


def _row(one: "Held", tokenized: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"task": one.pair.task, "language": one.pair.language}
    row |= {split: one.rows.get(split, "–") for split in ("train", "dev", "test")}
    row["labels"] = len({label for of in one.labels.values() for label in of}) or "–"
    if tokenized:
        row["too long"] = one.limit
        row["unknown"] = f"{100 * (one.unknown or 0):.2f} %"
    return row


def _counts(one: "Held") -> str:
    total = sum(one.labels.values(), Counter())
    return ", ".join(f"{label} {count:,}" for label, count in total.most_common())


def _said(setting: "Setting") -> str:
    sources = " ".join(map(str, setting.sources)) or "nothing: no corpus of it is a source"
    count = len(setting.targets)
    return f"{setting.name}: trains on {sources}; scores {count} pair{'s' * (count != 1)}."


def _plain(found: "Checked") -> dict[str, Any]:
    return {
        "corpora": [
            {
                "task": one.pair.task, "language": one.pair.language, "rows": one.rows,
                "labels": {split: dict(of) for split, of in one.labels.items()}, "shared": one.shared,
                "too_long": one.limit, "unknown": one.unknown,
            }
            for one in found.held
        ],
        "settings": [
            {"setting": one.name, "sources": list(map(str, one.sources)), "targets": list(map(str, one.targets))}
            for one in found.settings
        ],
        "remarks": found.remarks,
    }  # fmt: skip
