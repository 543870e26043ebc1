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
    own_data: options.OwnData = None,
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
                record, tasks=task, languages=language, split=split, data_source=data_source,
                data_file=places.expanded(str(own_data), "--data") if own_data else None, offline=offline,
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
    out: Annotated[Path, typer.Option(help="Folder to write; it must be new, empty, or with --force an export.")],
    task: Annotated[str | None, typer.Option(help="Task; not needed where the run has one.")] = None,
    language: Annotated[str | None, typer.Option(help="Language code; where words are tagged.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the export that is in the folder.")] = False,
    offline: options.Offline = False,
    store: options.StoreDir = None,
    as_json: options.Json = False,
) -> None:
    """Write what a run trained for a task, in a form that loads elsewhere, with the predictions of the run.

    A backbone that was trained as a whole becomes a folder of transformers, LoRA a folder of peft, generated and
    stacked adapters a safetensors file with load_adapter.py, which needs torch and transformers alone. export.json
    says what it is. `hxbench predict FOLDER FILE` answers with it.
    """
    from hxbench.runs.export import export
    from hxbench.store import Store

    record = Store(places.store_dir(store)).get(run)
    said = export(
        record, task=task, language=language, out=places.expanded(str(out), "--out"), force=force, offline=offline
    )
    if as_json:
        print_json(said.model_dump(mode="json", exclude_none=True), indent=1)
        return
    form = {"adapter": "adapters", "peft": "a folder of peft", "model": "a folder of transformers"}[said.kind]
    itself = "" if said.kind == "model" else f" for {said.backbone.name} [{said.backbone.fingerprint}]"
    print(f"{out}: {said.task}-{said.language} of run {record.id}, {form}{itself}")


def predict_command(
    run: Annotated[str, typer.Argument(help="Run id, a unique beginning of one, or a folder of hxbench export.")],
    file: Annotated[
        str,
        typer.Argument(
            help="To tag words: text (a sentence a line, spaces between words) or CoNLL-U. Else JSON lines with "
            "the fields of the task, or text where it has one. - is standard input."
        ),
    ],
    task: Annotated[str | None, typer.Option(help="Task; not needed where there is only one.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Language code, where words are tagged; an export knows its own.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--input", help="text, conllu or jsonl; default: by content.")
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Of tags conllu, tsv or jsonl; default: CoNLL-U stays so, text gives tsv. Of answers jsonl.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    backbone: Annotated[
        Path | None, typer.Option(help="Folder of the backbone, for an export that does not find its own.")
    ] = None,
    offline: options.Offline = False,
    store: options.StoreDir = None,
) -> None:
    """Answer every example of a file: tag its words, or answer each text as a whole.

    Words are taken as text is tokenised: one sentence a line, words separated by white space; blank lines are
    passed over. Of CoNLL-U everything but the tags is kept line for line: parts of speech go to UPOS, names to
    MISC as NER=B-PER. Answers to texts are JSON lines with the number of the line: a label and the probabilities
    of all, a score, or the text that was written.
    """
    from hxbench.runs.exported import is_exported
    from hxbench.runs.predict import predict, predictor_of_export, predictor_of_run
    from hxbench.store import Store

    out = places.expanded(str(out), "--out") if out else None
    if out is not None and out.is_dir():
        raise InputError(f"--out {out} is a directory; a file is expected.")
    if Path(file).is_fifo() and not file.startswith(("/dev/fd/", "/proc/")):  # without a writer it waits for ever
        raise InputError(f"{file} is a named pipe: hxbench predict {run} - < {file} reads it.")
    if is_exported(Path(run)):
        found = predictor_of_export(Path(run), task, language, backbone=backbone, offline=offline)
    elif backbone is not None:
        raise InputError("--backbone is for exports; a run knows its own.")
    else:
        found = predictor_of_run(Store(places.store_dir(store)).get(run), task, language, offline=offline)
    with progress() as tell:
        predict(found, file, partial(_write, out), kind=kind, form=form, report=partial(tell, file, "answer"))


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
