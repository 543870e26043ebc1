"""`hxbench report`: tables and figures of a paper, rebuilt from the store."""

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hxbench import places
from hxbench.cli import execute, options
from hxbench.cli.output import for_output, print_left_out, terminal_width
from hxbench.cli.streams import complain
from hxbench.cli.view import write_page
from hxbench.errors import InputError
from hxbench.printing import printable, shortened

if TYPE_CHECKING:
    from hxbench.report import Artifact, Made
    from hxbench.report.render.files import Look
    from hxbench.report.results import Results
    from hxbench.tasks.description import OwnData

_PAPER = "hyperx"  # without --paper


def report_command(
    paper: Annotated[str, typer.Option(help="The paper whose tables and figures are rebuilt.")] = _PAPER,
    table: Annotated[
        str | None,
        typer.Option(help="A table, by its number; or claims, controls, interpolation, rates (Hyper-X)."),
    ] = None,
    figure: Annotated[
        str | None, typer.Option(help="A figure, by its number; or parameters (PHA), convergence, frontier (PET).")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every table and figure there is.")] = False,
    page: Annotated[
        bool,
        typer.Option("--page", help="One HTML file of the whole store, to sort, filter and open; --out names it."),
    ] = False,
    experiment: Annotated[
        str | None,
        typer.Option(
            help="An experiment of your own (a YAML file), or PAPER/NAME: what was run of it, then its artifacts."
        ),
    ] = None,
    profile: options.StoredProfile = None,
    own_data: options.OwnData = None,
    backbone: options.StoredBackbone = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="terminal, markdown, latex, csv, json or html; with --out also png, svg and pdf of a figure. "
            "By default terminal, and with --out all of them."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write files into DIR/PROFILE instead of printing; with --page: the file to write."),
    ] = None,
    as_json: options.Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name every file that is written.")] = False,
    wide: Annotated[
        bool, typer.Option("--wide", help="Tables with all columns, wider than the terminal.")
    ] = False,
    all_rows: Annotated[bool, typer.Option("--all-rows", help="Rows without runs too.")] = False,
    bare: Annotated[
        bool, typer.Option("--bare", help="Figures as a paper prints them: no heading, no footnotes (with --out).")
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(
            help="Instead: whether the runs of the table that this other store has too came out the same there."
        ),
    ] = None,
    store: options.StoreDir = None,
) -> None:
    """Print a paper's table or figure with our results beside the published ones, and what is still to be run."""
    from hxbench import api
    from hxbench.report import PAPERS, read_results
    from hxbench.report.papers.own import experiment as own_experiment
    from hxbench.report.papers.own.data import made as own_data_tables
    from hxbench.report.render.files import Look, files_of
    from hxbench.store.files import replace_file
    from hxbench.tasks.data_file import read_data_file

    if page:
        other = paper if paper != _PAPER else None
        _require_no_other(other, table, figure, everything, own_data, backbone, format)
        _require_no_other(wide, all_rows, bare, against, as_json)
        print(printable(str(write_page(api.open_store(store), profile, out, experiment))))
        return
    own = read_data_file(places.expanded(str(own_data), "--data")) if own_data else None
    paper, chosen, experiment = _chosen(paper, table, figure, everything, experiment, own)
    if as_json:
        if format not in (None, "json"):
            raise InputError("--json and --format exclude each other: --json is --format json.")
        format = "json"
    _check_format(format, chosen, out, bare=bare)
    look = Look(wide=wide, all_rows=all_rows, bare=bare)
    if against is not None and (out is not None or table is None or format not in (None, "terminal")):
        raise InputError("--against is about one table that is printed: hxbench report --table 2 --against DIR.")
    if store is not None and not places.store_dir(store).exists():
        complain(f"there is no store at {store}: nothing has been run there.")
    opened = api.open_store(store)
    rebuilt = api.rebuild(
        paper, chosen, store=opened, profile=profile, experiment=experiment, backbone=backbone, data=own
    )
    results, made = rebuilt.results, [*rebuilt.made]
    if experiment is not None:
        made.insert(0, own_experiment.made(results, experiment))
    if own is not None and not chosen and experiment is None:
        papers = [paper] if own.described.extends else list(PAPERS)
        made = [own_data_tables((read_results(p, opened, profile, None, backbone, data=own) for p in papers), own)]
    if out is not None or format == "csv":  # the other forms say it among their notes
        print_left_out(results.store)
    if out is None:
        if against is not None:
            _print_reproduced(chosen[0], results, against, look)
        else:
            _print(made, format or "terminal", results, look)
        return
    # two profiles in one folder must not take each other's place
    folder = places.expanded(str(out), "--out") / _folder_name(results.profile)
    opened.require_outside(folder, "--out")
    files = []
    for file, content in files_of(made, format, results, look):
        replace_file(folder / file, lambda temporary, content=content: temporary.write_bytes(content))  # type: ignore[misc]
        files.append(folder / file)
        if verbose or len(made) == 1:
            print(printable(str(folder / file)))
    if len(made) > 1:
        print(_to_open(files, folder))


def _to_open(files: "list[Path]", folder: Path) -> str:
    """Return the line that many files are told by: where they are, and which of them has everything."""
    pages = [file for file in files if file.suffix == ".html"]
    said = f"{len(files)} files in {printable(str(folder))}"
    return f"{said}. Open {printable(str(pages[-1]))}" if pages else said


def _require_no_other(*given: object) -> None:
    if any(value not in (None, False) for value in given):
        raise InputError(
            "--page has everything of the store: beside it go --profile, --experiment, --store and --out FILE."
        )


def _folder_name(profile: str) -> str:
    """Return a profile's name where it can be that of a folder: a stored run may say anything."""
    if not profile or profile.startswith(".") or any(c in profile for c in "/\\\0"):
        raise InputError(f"the profile '{shortened(profile)}' has no name that a folder could have.")
    return profile


def _chosen(
    paper: str,
    table: str | None,
    figure: str | None,
    everything: bool,
    experiment: str | None,
    own: "OwnData | None",
) -> "tuple[str, list[Artifact], str | None]":
    """Return the paper, what is asked for of it, and the name of the experiment that this comes from."""
    from hxbench.report import artifacts, find_artifact

    named_of_it = (table is not None) + (figure is not None) + everything + (experiment is not None)
    if own is not None and not named_of_it:
        if own.described.extends and paper not in (_PAPER, own.described.extends):
            raise InputError(f"{own.path.name} extends {own.described.extends}, and --paper says {paper}.")
        return own.described.extends or paper, [], None
    if named_of_it != 1:
        raise InputError(
            "name one table (--table 2), one figure (--figure 3), all of them (--all), an experiment of yours, or "
            "data of yours (--data)."
        )
    if own is not None and own.described.extends != paper:
        raise InputError(
            f"{own.path.name} does not extend {paper}, so none of its tables shows it: without --table or "
            "--figure its runs are shown."
        )
    if experiment is not None:
        from hxbench.spec.experiment import artifacts_of, named

        paper, name = named(experiment)
        fed = artifacts_of(paper, name)
        execute.require_artifacts(paper, fed)
        return paper, [artifacts(paper)[one] for one in fed], name
    if everything:
        return paper, list(artifacts(paper).values()), None
    if figure is not None:
        return paper, [find_artifact(paper, figure, "figure")], None
    return paper, [find_artifact(paper, table or "", "table")], None


def _check_format(format: str | None, chosen: "list[Artifact]", out: Path | None, *, bare: bool) -> None:
    from hxbench.report.render import PICTURES, check_format

    if bare and (out is None or all(artifact.kind == "table" for artifact in chosen)):
        raise InputError(
            "--bare is about figures that are written to files: name a figure, and a folder with --out."
        )
    if format is None:
        return
    check_format(format)
    if format in PICTURES and out is None:
        raise InputError(f"{format} is written to a file: name its folder with --out.")
    if format in PICTURES and all(artifact.kind == "table" for artifact in chosen):
        raise InputError(f"a table is no picture: {', '.join(PICTURES)} are formats of figures.")


def _print(made: "list[Made]", format: str, results: "Results", look: "Look") -> None:
    from hxbench.report.render import PAGE, renderer
    from hxbench.report.render.files import files_of

    tables = [table for one in made for table in one.tables]
    if format == PAGE:
        text = "".join(content.decode() for _, content in files_of(made, PAGE, results, look))
    elif format == "terminal":
        text = look.in_letters(tables, terminal_width(), color=sys.stdout.isatty())
        if any(one.figures for one in made):
            text += "\nThe picture: the same command with --out DIR writes png, svg and pdf.\n"
    else:
        text = renderer(format)(tables)
    print(for_output(text) if format == "json" else text, end="")


def _print_reproduced(artifact: "Artifact", results: "Results", against: Path, look: "Look") -> None:
    """Print a table's rows beside those of the same runs in another store, and whether they are the same."""
    from hxbench.report.reproduced import reproduced
    from hxbench.store import Store

    place = places.expanded(str(against), "--against")
    other = Store(place)
    if not other.is_there() or place.resolve() == results.store.root.resolve():
        what = "this is the store itself" if other.is_there() else f"there is no store at {against}"
        raise InputError(f"{what}: --against names the folder of another one.")
    tables, said = reproduced(artifact, results, other)
    if tables:
        print(look.in_letters(tables, terminal_width(), color=sys.stdout.isatty()))
    print(textwrap.fill(printable(said), terminal_width(), break_on_hyphens=False))
