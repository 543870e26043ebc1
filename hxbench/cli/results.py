"""`hxbench results` and `compare`: stored scores as data, and methods held against each other."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hxbench import places
from hxbench.cli import options
from hxbench.cli.output import for_output, print_json, print_left_out
from hxbench.errors import InputError, did_you_mean

_FORMATS = ("csv", "parquet", "json")
_SHOWN = ("terminal", "markdown", "latex", "csv")
_WHERE = (
    "COLUMN=VALUE[,COLUMN=VALUE …]; may be repeated. A value with commas stands in double quotes, and none stands "
    "for a missing value."
)
Where = Annotated[list[str] | None, typer.Option(help=f"Only rows with {_WHERE}")]


def results_command(
    where: Where = None,
    format: Annotated[
        str | None, typer.Option(help="csv, parquet or json; by default that of the file, else csv.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    store: options.StoreDir = None,
) -> None:
    """Give all scores and costs of the finished runs, a row for each run, split, task, language and metric.

    Every row has all that identifies its run: `--where method=psf,setting=mixed --where split=test` chooses.
    """
    from hxbench import api
    from hxbench.report.render.unrounded import render_rows
    from hxbench.report.select.where import chosen, read_terms
    from hxbench.store.files import replace_file

    suffix = out.suffix.lower().removeprefix(".") if out else ""
    named = suffix if suffix in _FORMATS else None
    if format not in (None, *_FORMATS):
        raise InputError(did_you_mean("format", format, list(_FORMATS)))
    if named and format not in (None, named):
        raise InputError(f"--out {out} names a file of {named}, and --format says {format}: give one of the two.")
    if out and suffix and not (named or format):
        raise InputError(f"--out {out}: expected a file that ends in .csv, .parquet or .json.")
    format = format or named or "csv"
    if format == "parquet" and out is None:
        raise InputError("parquet is written to a file: name it with --out.")
    opened = api.open_store(store)
    terms = read_terms(where or ())
    rows = opened.frame()
    print_left_out(opened)
    if rows.empty:
        raise InputError(f"the store {opened.root} has no finished runs: hxbench train or run makes some.")
    rows = chosen(rows, terms)
    if out is None:
        text = render_rows(rows, format)
        print(for_output(text) if format == "json" else text, end="")
        return
    place = opened.require_outside(places.expanded(str(out), "--out"), "--out")
    if format == "parquet":
        replace_file(place, lambda temporary: rows.to_parquet(temporary, index=False))
    else:
        replace_file(place, lambda temporary: temporary.write_text(render_rows(rows, format), encoding="utf-8"))


def compare_command(
    sides: Annotated[
        list[str],
        typer.Argument(
            help="METHOD, METHOD:SETTING, either with ,COLUMN=VALUE behind it, or run ids between commas.",
            metavar="SIDE",
        ),
    ],
    where: Where = None,
    profile: options.StoredProfile = None,
    backbone: options.StoredBackbone = None,
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help="Compare every two; by default each to the first.")
    ] = False,
    format: Annotated[str, typer.Option(help="terminal, markdown, latex or csv.")] = "terminal",
    plot: Annotated[
        Path | None, typer.Option(help="Draw the differences into this file: .png, .svg or .pdf.")
    ] = None,
    as_json: options.Json = False,
    store: options.StoreDir = None,
) -> None:
    """Compare methods, settings or runs on the same test sentences and seeds: difference, interval and p.

    Seeds and sentences are resampled, and p is corrected for all that is printed (Holm). Fewer than three seeds
    are preliminary. A column is one of `hxbench results` that tells of a run, or a field of the run such as
    training.lr. With --where, `task` and `place` (a language or a group) choose what is
    tested: `task=pos,place=UNSEEN`.
    """
    from hxbench import api
    from hxbench.report.draw import pictures
    from hxbench.report.render import PICTURES, renderer, terminal
    from hxbench.report.render.unrounded import render_rows
    from hxbench.store.files import replace_file

    if format not in _SHOWN:
        raise InputError(did_you_mean("format", format, list(_SHOWN)))
    kind = plot.suffix.lower().removeprefix(".") if plot else ""
    if plot and kind not in PICTURES:
        raise InputError(f"--plot {plot}: expected a file that ends in .png, .svg or .pdf.")
    opened = api.open_store(store)
    place = opened.require_outside(places.expanded(str(plot), "--plot"), "--plot") if plot else None
    found = api.compare(
        *sides, store=opened, profile=profile, backbone=backbone, where=where or (), all_pairs=all_pairs
    )
    if as_json:
        print_json({"resamples": found.resamples, "rows": [line.row() for line in found.lines],
                    "notes": found.notes}, indent=1)  # fmt: skip
    elif format == "csv":
        rows = found.frame()
        seeds = ["; ".join(f"{seed}={value!r}" for seed, value in one.items()) for one in rows.seeds]
        print(render_rows(rows.assign(seeds=seeds), "csv"), end="")
    elif format == "terminal":
        print(terminal.render([found.table()], color=sys.stdout.isatty()), end="")
    else:
        print(renderer(format)([found.table()]), end="")
    if place:
        content = pictures(found.figure(), [kind])[kind]
        replace_file(place, lambda temporary: temporary.write_bytes(content))
        print(f"drawn: {place}", file=sys.stderr)
