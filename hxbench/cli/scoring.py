"""`hxbench eval`: finished runs scored anew, on the corpora of a data source or on a file of the user's."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from hxbench import places
from hxbench.cli import options
from hxbench.cli.output import print_rows
from hxbench.cli.progress import progress
from hxbench.cli.use import Comments, Delimiter, Words
from hxbench.errors import InputError


def eval_command(
    runs: Annotated[
        list[str],
        typer.Argument(help="Run ids or unique beginnings of them (hxbench runs list); with --file exports, too."),
    ],
    task: Annotated[
        list[str] | None, typer.Option(help="Task; may be repeated; default: what the run was trained for.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Language code; may be repeated; tagging only; default: all.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="test or dev; default: test.")] = None,
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
    file: Annotated[
        str | None,
        typer.Option(help="Score on this file with right answers instead, for one task; - is standard input."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Of the file: conllu, columns, wikiann, jsonl, json or parquet; of texts jsonl, json, tsv, csv "
            "or parquet; default: by name and content.",
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            help="Where the file has the right answers: upos, xpos, deprel, feats.NAME or misc.NAME of CoNLL-U; a "
            "column by number, from the end as -1; a field by name. Default: upos, misc.NER, -1, tags, label."
        ),
    ] = None,
    words: Words = None,
    scheme: Annotated[
        str | None, typer.Option(help="Of the file's spans: bio, iob1 or bioes; default: bio, which is IOB2.")
    ] = None,
    delimiter: Delimiter = None,
    comments: Comments = None,
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="FILE_LABEL=LABEL: a label of the file, or a type of its spans, is this one of the task (O: no "
            "span); may be repeated.",
        ),
    ] = None,
    own_data: options.OwnData = None,
    data_source: options.DataSource = None,
    offline: options.Offline = False,
    store: options.StoreDir = None,
    as_json: options.Json = False,
) -> None:
    """Score finished runs from their checkpoints: zero-shot, any (task, language) pair, or text-to-text tasks.

    With --file it is a file of yours that is scored, with 95% intervals by bootstrap over its sentences or
    examples. Scores are printed and kept nowhere: runs, store and reports stay as they are.
    """
    from hxbench import api

    of_file = {
        "--format": form, "--column": column, "--words": words, "--scheme": scheme, "--delimiter": delimiter,
        "--comments": comments, "--map": mapped,
    }  # fmt: skip
    of_corpora = {"--split": split, "--embedding": embedding, "--data": own_data, "--data-source": data_source}
    for name, value in (of_corpora if file else of_file).items():
        if value is not None:
            raise InputError(f"{name} is for {'the corpora of a run, not for --file' if file else '--file'}.")
    if file:
        if len(task or ()) > 1 or len(language or ()) > 1:
            raise InputError("a file is of one task and language: give --task and --language once.")
        _score_file(
            runs, file, as_json,
            {"task": task[0] if task else None, "language": language[0] if language else None,
             "backbone": backbone, "offline": offline, "store": store, "form": form,
             "column": column or "", "words": words or "", "scheme": scheme or "", "delimiter": delimiter or "",
             "comments": comments or "", "label_map": _map_of(mapped)},
        )  # fmt: skip
        return
    from hxbench.runs.evaluate import evaluate
    from hxbench.spec.languages import find_language

    split = split or "test"
    results = []
    with progress() as tell:
        for reference in runs:
            record = api.open_store(store).get(reference)
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


def _map_of(words: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words or ():
        given, equals, label = word.partition("=")
        if not (given and equals and label):
            raise InputError(f"--map {word!r}: expected FILE_LABEL=LABEL.")
        if found.setdefault(given, label) != label:
            raise InputError(f"--map gives {given} twice: {found[given]} and {label}.")
    return found


def _score_file(runs: list[str], file: str, as_json: bool, wanted: dict[str, Any]) -> None:
    """Print the scores of runs and exports on a file."""
    from hxbench import api
    from hxbench.spec.languages import find_language

    if len(runs) > 1 and file == "-":
        raise InputError("standard input is read once: score one run on it, or name a file.")
    rows = []
    with progress() as tell:
        for run in runs:
            scored = api.score(run, file, report=partial(tell, file, "score"), **wanted)
            ends = scored.intervals()
            for row in scored.rows("file"):
                low, high = ends[row["metric"]]
                bounds = {"low": low, "high": high} if as_json else {"95% interval": f"{low:.1f}–{high:.1f}"}
                named = {name: row.pop(name) for name in ("task", "language", "metric", "value")}
                del row["split"]
                rows.append({"run": run, "file": file, **named, **bounds, **row})
    if not as_json:
        for row in rows:
            del row["file"]
            row["language"] = find_language(row["language"]).label
    print_rows(rows, as_json)
