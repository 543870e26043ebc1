"""`hxbench backbones check`: whether a model of one's own can carry every method."""

from pathlib import Path
from typing import Annotated

import typer

from hxbench import places
from hxbench.cli import options
from hxbench.cli.output import print_rows
from hxbench.cli.progress import progress

backbones_app = typer.Typer(no_args_is_help=True, help="Check a backbone of your own.")


@backbones_app.callback()
def _group() -> None:
    pass


@backbones_app.command("check")
def check_command(
    folder: Annotated[Path, typer.Argument(help="The folder of a backbone: config.json, safetensors, tokenizer.")],
    family: Annotated[
        Path | None,
        typer.Option(help="The entry of its family, a YAML file; default: hxbench-family.yaml there, or ours."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check a backbone with the entry of its family: parts, the stock model's numbers, padding, every tuning.

    Ends with 1 where something is wrong, and says what in a sentence each.
    """
    from hxbench.runs.checking import checks

    found = []
    with progress() as tell:
        for one in checks(places.expanded(str(folder), "FOLDER"), family):
            found.append(one)
            tell(None, one.name, len(found), None)
    results = ["wrong" if one.wrong else "left out" if one.left_out else "right" for one in found]
    rows = [
        {"check": one.name, "result": result, "what": [*one.wrong] or [one.found]}
        for one, result in zip(found, results, strict=True)
    ]
    if not as_json:  # sentences, and no list of them
        rows = [{**row, "what": " ".join(row["what"])} for row in rows]
    print_rows(rows, as_json, width=80)
    if any(one.wrong for one in found):
        raise typer.Exit(1)
