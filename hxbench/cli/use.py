"""`hxbench eval`, `export` and `predict`: finished runs put to use."""

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hxbench import places
from hxbench.cli import options
from hxbench.cli.output import print_json, print_rows
from hxbench.cli.progress import progress
from hxbench.errors import InputError


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
    backbone: Annotated[
        Path | None, typer.Option(help="Where the folder of the backbone is now, if it was moved.")
    ] = None,
    data_source: options.DataSource = None,
    offline: options.Offline = False,
    store: options.StoreDir = None,
    as_json: options.Json = False,
) -> None:
    """Score finished runs from their checkpoints: zero-shot, any (task, language) pair, or text-to-text tasks."""
    from hxbench.runs.evaluate import evaluate
    from hxbench.spec.languages import find_language
    from hxbench.store import Store

    results = []
    with progress() as tell:
        for reference in runs:
            record = Store(places.store_dir(store)).get(reference)
            for scored in evaluate(
                record, tasks=task, languages=language, split=split, data_source=data_source, offline=offline,
                report=partial(tell, reference), note=partial(print, file=sys.stderr), embedding=embedding,
                backbone_folder=backbone,
            ):  # fmt: skip
                made = {"embedding": str(scored.composition)} if scored.composition else {}
                results += [
                    {"run": record.id, **row, "role": scored.role, **made} for row in scored.scored.rows(split)
                ]
    if not as_json:
        for row in results:
            row["language"] = find_language(row["language"]).label
    print_rows(results, as_json, empty="None of the pairs asked for can be scored.")


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


def predict_command(
    run: Annotated[str, typer.Argument(help="Run id, a unique beginning of one, or a folder of hxbench export.")],
    file: Annotated[
        str,
        typer.Argument(help="Text (a sentence a line, spaces between words) or CoNLL-U; - is standard input."),
    ],
    task: Annotated[str | None, typer.Option(help="ner or pos; not needed where there is only one.")] = None,
    language: Annotated[str | None, typer.Option(help="Language code; an export knows its own.")] = None,
    kind: Annotated[str | None, typer.Option("--input", help="text or conllu; default: by content.")] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", help="conllu, tsv or jsonl; default: CoNLL-U stays so, text gives tsv."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    backbone: Annotated[
        Path | None, typer.Option(help="Folder of the backbone, for an export that stands on a local one.")
    ] = None,
    offline: options.Offline = False,
    store: options.StoreDir = None,
) -> None:
    """Tag every word of a file.

    Text is taken as it is tokenised: one sentence a line, words separated by white space; blank lines are passed
    over. Of CoNLL-U everything but the tags is kept line for line: parts of speech go to UPOS, names to MISC as
    NER=B-PER.
    """
    from hxbench.methods.exported import is_exported
    from hxbench.runs.predict import predict, tagger_of_export, tagger_of_run
    from hxbench.store import Store

    out = places.expanded(str(out), "--out") if out else None
    if out is not None and out.is_dir():
        raise InputError(f"--out {out} is a directory; a file is expected.")
    if Path(file).is_fifo() and not file.startswith(("/dev/fd/", "/proc/")):  # without a writer it waits for ever
        raise InputError(f"{file} is a named pipe: hxbench predict {run} - < {file} reads it.")
    if is_exported(Path(run)):
        tagger = tagger_of_export(Path(run), task, language, backbone=backbone, offline=offline)
    elif backbone is not None:
        raise InputError("--backbone is for exported adapters; a run knows its own.")
    else:
        tagger = tagger_of_run(Store(places.store_dir(store)).get(run), task, language, offline=offline)
    with progress() as tell:
        predict(
            tagger, file, partial(_write, out), kind=kind, form=form, report=partial(tell, file, "tag sentences")
        )


def _write(out: Path | None, pieces: Iterable[str]) -> None:
    """Write text to a file, which is replaced as a whole, or to standard output."""
    from hxbench.store.files import replace_file
    from hxbench.system_errors import writing

    if out is None:
        for piece in pieces:
            print(piece, end="")
        return

    def fill(place: Path) -> None:
        with writing(out), place.open("w", encoding="utf-8", newline="\n") as target:
            target.writelines(pieces)

    if out.exists() and not out.is_file():  # a pipe or a device, which nothing can be put in the place of
        fill(out)
    else:
        replace_file(out, fill)
