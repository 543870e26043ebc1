"""`hxbench eval`: score finished runs on any pair."""

import sys
from typing import Annotated

import typer

from hxbench.cli import options


def eval_command(
    runs: Annotated[list[str], typer.Argument(help="Run ids or unique beginnings of them (hxbench runs list).")],
    task: Annotated[
        list[str] | None, typer.Option(help="Task; may be repeated; default: what the run was trained for.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Language code; may be repeated; tagging only; default: all.")
    ] = None,
    split: Annotated[str, typer.Option(help="test or dev.")] = "test",
    embedding: Annotated[
        str | None,
        typer.Option(
            help="Compose the embedding of each language from those the run was trained on: interpolate (mean), "
            "interpolate:family, interpolate:nearest (by tokens), or interpolate:CODE=WEIGHT,…"
        ),
    ] = None,
    data_source: options.DataSource = None,
    offline: options.Offline = False,
    store: options.StoreDir = None,
    as_json: options.Json = False,
) -> None:
    """Score finished runs from their checkpoints: zero-shot, any (task, language) pair, or text-to-text tasks."""
    from hxbench import places
    from hxbench.cli.output import print_rows
    from hxbench.cli.progress import progress
    from hxbench.runs.evaluate import evaluate
    from hxbench.spec.languages import find_language
    from hxbench.store import Store

    results = []
    with progress() as tell:
        for reference in runs:
            record = Store(places.store_dir(store)).get(reference)
            for scored in evaluate(
                record, tasks=task, languages=language, split=split, data_source=data_source, offline=offline,
                report=lambda *told: tell(reference, *told),  # noqa: B023 (called at once)
                note=lambda text: print(text, file=sys.stderr), embedding=embedding,
            ):  # fmt: skip
                made = {"embedding": str(scored.composition)} if scored.composition else {}
                results += [
                    {"run": record.id, **row, "role": scored.role, **made} for row in scored.scored.rows(split)
                ]
    if not as_json:
        for row in results:
            row["language"] = find_language(row["language"]).label
    print_rows(results, as_json, empty="None of the pairs asked for can be scored.")
