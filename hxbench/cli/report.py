"""`hxbench report`: tables of a paper, rebuilt from the store."""

from pathlib import Path
from typing import Annotated

import typer


def report_command(
    paper: Annotated[str, typer.Option(help="The paper whose tables are rebuilt.")] = "hyperx",
    table: Annotated[str | None, typer.Option(help="A table, by its number in the paper.")] = None,
    figure: Annotated[str | None, typer.Option(help="A figure; this version rebuilds none.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every table there is.")] = False,
    profile: Annotated[
        str | None, typer.Option(help="Runs of this profile; by default the store's only one, else demo.")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="terminal, markdown, latex, csv or json; with --out by default all of them.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write files into this folder instead of printing.")] = None,
    store: Annotated[Path | None, typer.Option(help="The results store; HXBENCH_STORE or ./results.")] = None,
) -> None:
    """Print a paper's table with our results beside the published ones, and what is still to be run."""
    import sys

    from hxbench import places
    from hxbench.errors import InputError
    from hxbench.report import ARTIFACTS, build, find_artifact
    from hxbench.report.render import FORMATS, renderer
    from hxbench.store import Store

    if figure is not None:
        raise InputError("figures are not in this version; the tables are: use --table N or --all.")
    if everything == (table is not None):
        raise InputError("name one table (--table 2) or all of them (--all).")
    if paper not in ARTIFACTS:
        find_artifact(paper, "")
    names = list(ARTIFACTS[paper]) if everything else [find_artifact(paper, table or "").name]
    formats = [format] if format else list(FORMATS) if out else ["terminal"]
    render = {name: renderer(name) for name in formats}
    runs = Store(places.store_dir(store))
    built = {name: build(paper, name, runs, profile) for name in names}
    if out is None:
        tables = [one for some in built.values() for one in some]
        if formats == ["terminal"] and sys.stdout.isatty():
            from hxbench.report.render import terminal

            typer.echo(terminal.render(tables, color=True), nl=False)
        else:
            typer.echo(render[formats[0]](tables), nl=False)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, tables in built.items():
            for kind in formats:
                path = out / f"{paper}-{name}.{FORMATS[kind][1]}"
                path.write_text(render[kind](tables), encoding="utf-8")
                typer.echo(str(path))
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror or error}.") from None
