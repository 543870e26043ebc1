"""`hxbench eval`: score finished runs on any pair."""

import json
from typing import Annotated

import typer

from hxbench.cli import options


def eval_command(
    runs: Annotated[list[str], typer.Argument(help="Run ids or unique beginnings of them (hxbench runs list).")],
    task: Annotated[
        list[str] | None, typer.Option(help="ner or pos; default: what the run was trained for.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Language code; may be repeated; default: all.")
    ] = None,
    split: Annotated[str, typer.Option(help="test or dev.")] = "test",
    data_source: options.DataSource = None,
    offline: options.Offline = False,
    store: options.StoreDir = None,
    as_json: options.Json = False,
) -> None:
    """Score finished runs zero-shot, or on any (task, language) pair, from their checkpoints."""
    from hxbench import places
    from hxbench.cli.progress import progress
    from hxbench.languages import find_language
    from hxbench.stages.evaluate import evaluate
    from hxbench.store import Store

    results = []
    with progress() as tell:
        for reference in runs:
            record = Store(places.store_dir(store)).get(reference)
            for tagged, role in evaluate(
                record, tasks=task, languages=language, split=split, data_source=data_source, offline=offline,
                report=lambda *told: tell(reference, *told),  # noqa: B023 (called at once)
            ):  # fmt: skip
                results.append({"run": record.id, **tagged.row(split), "role": role})
    if as_json:
        print(json.dumps(results, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Scores on the {split} split", title_justify="left")
    for name in ("run", "task", "language", "metric", "score", "sentences", "trained on"):
        table.add_column(name, justify="right" if name in ("score", "sentences") else "left")
    for row in results:
        table.add_row(
            row["run"], row["task"], find_language(row["language"]).label, row["metric"], f"{row['value']:.1f}",
            str(row["sentences"]), "yes" if row["role"] == "source" else "no",
        )  # fmt: skip
    Console().print(table)
