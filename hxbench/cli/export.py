"""`hxbench export`: a generated adapter as plain weights."""

from pathlib import Path
from typing import Annotated

import typer

from hxbench.cli import options


def export_command(
    run: Annotated[str, typer.Argument(help="Run id or a unique beginning of one (hxbench runs list).")],
    language: Annotated[str, typer.Option(help="Language code.")],
    out: Annotated[Path, typer.Option(help="Folder to write; it must be new, empty, or with --force an export.")],
    task: Annotated[str | None, typer.Option(help="ner or pos; not needed where the run has one task.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the export that is in the folder.")] = False,
    offline: options.Offline = False,
    store: options.StoreDir = None,
    as_json: options.Json = False,
) -> None:
    """Write the adapters generated for a task and a language as weights that load without the hypernetwork.

    The folder gets adapter.safetensors (adapters, trained LayerNorms, head), config.json and a SHA-256 manifest.
    `hxbench predict FOLDER FILE` tags text with it, with the predictions of the run.
    """
    from hxbench import places
    from hxbench.cli.output import print_json
    from hxbench.runs.export import export
    from hxbench.store import Store

    record = Store(places.store_dir(store)).get(run)
    config = export(
        record, task=task, language=language, out=places.expanded(str(out), "--out"), force=force, offline=offline
    )
    if as_json:
        print_json(config.model_dump(mode="json", exclude_none=True), indent=1)
        return
    print(
        f"{out}: {config.task}-{config.language} of run {record.id}, {config.layers} adapters of width "
        f"{config.bottleneck} for {config.backbone.name}"
    )
