"""`hxbench export` and `predict`: finished runs put to use."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hxbench import places
from hxbench.cli import options
from hxbench.cli.output import print_json
from hxbench.cli.progress import progress
from hxbench.errors import InputError

Words = Annotated[
    str | None,
    typer.Option(
        help="Where the words are: a column by number, or the name of the list in JSON; default: 1, words."
    ),
]
Delimiter = Annotated[
    str | None, typer.Option(help="Between columns tab or space, default: by the first line; of CSV any mark.")
]
Comments = Annotated[
    str | None, typer.Option(help="Of columns: lines that begin with this are skipped, such as '#'.")
]


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
    from hxbench import api
    from hxbench.runs.export import export

    record = api.open_store(store).get(run)
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
            help="To tag words: text (a sentence a line, spaces between words), CoNLL-U, columns or JSON lines. "
            "Else a table with the fields of the task, or text where it has one. - is standard input."
        ),
    ],
    task: Annotated[str | None, typer.Option(help="Task; not needed where there is only one.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Language code, where words are tagged; an export knows its own.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--input",
            help="text, conllu, columns or jsonl; of texts also json, tsv, csv or parquet; default: by name and "
            "content.",
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Of tags conllu, tsv or jsonl; default: that of the file; text gives tsv, and conllu with "
            "--tokenize. Of answers jsonl.",
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            help="Where tags go, in place of what is there: in CoNLL-U upos, xpos or a key such as misc.PRED, "
            "which leaves gold tags alone; in JSON lines a field. Default: upos for pos, misc.NER for ner; a "
            "field called like the task."
        ),
    ] = None,
    words: Words = None,
    delimiter: Delimiter = None,
    comments: Comments = None,
    tokenize: Annotated[
        bool,
        typer.Option(
            "--tokenize",
            help="Split text into words by Unicode's rules and ICU's dictionaries (the extra tokenize).",
        ),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    backbone: Annotated[
        Path | None, typer.Option(help="Where the folder of the backbone is now, if it was moved.")
    ] = None,
    offline: options.Offline = False,
    store: options.StoreDir = None,
) -> None:
    """Answer every example of a file: tag its words, or answer each text as a whole.

    Of text one sentence is on a line, and white space separates its words unless --tokenize splits it; blank
    lines are skipped. All other content of the file is kept. In CoNLL-U parts of speech replace UPOS, gold
    ones too, and names NER=… of MISC, unless --column names another field. Columns get one more at the end,
    objects of JSON one more field. Answers to texts are JSON lines with the number of the line: a label and the
    probabilities of all, a score, or the text that was written; with --column the row itself and the answer alone.
    """
    from hxbench.api import predictor_of
    from hxbench.data.readers import Options
    from hxbench.runs.predict import predict

    out = places.expanded(str(out), "--out") if out else None
    if out is not None and out.is_dir():
        raise InputError(f"--out {out} is a directory; a file is expected.")
    if Path(file).is_fifo() and not file.startswith(("/dev/fd/", "/proc/")):  # without a writer it waits for ever
        raise InputError(
            f"{file} is a named pipe: the same command with - in its place and < {file} at its end reads it."
        )
    options = Options(words=words or "", delimiter=delimiter or "", comments=comments or "")
    found = predictor_of(run, task, language, backbone=backbone, offline=offline, store=store)
    with progress() as tell:
        predict(
            found, file, partial(_write, out), kind=kind, form=form, column=column,
            options=options, tokenize=tokenize, report=partial(tell, file, "answer"),
        )  # fmt: skip


def _write(out: Path | None, parts: Iterable[str]) -> None:
    """Write text to a file, which is replaced as a whole, or to standard output."""
    from hxbench.store.files import replace_file
    from hxbench.system_errors import writing

    if out is None:
        for part in parts:
            print(part, end="")
        return

    def fill(place: Path) -> None:
        with writing(out), place.open("w", encoding="utf-8", newline="\n") as target:
            target.writelines(parts)

    if out.exists() and not out.is_file():  # a pipe or a device, which nothing can be put in the place of
        fill(out)
    else:
        replace_file(out, fill)
