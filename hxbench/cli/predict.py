"""`hxbench predict`: tag text with a finished run or an exported adapter."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from hxbench.cli import options


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
    from hxbench import places
    from hxbench.cli.progress import progress
    from hxbench.errors import InputError
    from hxbench.methods.exported import is_exported
    from hxbench.runs.predict import predict, tagger_of_export, tagger_of_run
    from hxbench.store import Store
    from hxbench.store.files import replace_file
    from hxbench.system_errors import writing

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

    def print_all(pieces: Iterable[str]) -> None:
        for piece in pieces:
            print(piece, end="")

    def write_all(pieces: Iterable[str]) -> None:
        def fill(temporary: Path) -> None:
            with writing(out or temporary), temporary.open("w", encoding="utf-8", newline="\n") as target:
                target.writelines(pieces)

        assert out is not None
        if out.exists() and not out.is_file():  # a pipe or a device, which nothing can be put in the place of
            fill(out)
        else:
            replace_file(out, fill)

    with progress() as tell:
        predict(
            tagger, file, write_all if out else print_all, kind=kind, form=form,
            report=lambda done, total: tell(file, "tag sentences", done, total),
        )  # fmt: skip
