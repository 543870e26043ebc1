"""The `hxbench` command: what it offers, and how it ends.

Exit codes: 0 done, 1 a run failed, 2 bad usage or input, 128 + n stopped by signal n after saving.
"""

import os
import sys
from typing import Annotated

import typer

from hxbench.cli.cost import cost_command
from hxbench.cli.evaluate import eval_command
from hxbench.cli.listing import list_app
from hxbench.cli.prepare import prepare_command
from hxbench.cli.report import report_command
from hxbench.cli.runs import runs_app
from hxbench.cli.train import train_command
from hxbench.errors import InputError, Interrupted, RunError

app = typer.Typer(
    name="hxbench",
    help="Rebuild and extend the tables of three papers on parameter-efficient transfer learning.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("prepare")(prepare_command)
app.command("train")(train_command)
app.command("eval")(eval_command)
app.command("report")(report_command)
app.command("cost")(cost_command)
app.add_typer(runs_app, name="runs")
app.add_typer(list_app, name="list")


def _version(wanted: bool) -> None:
    if wanted:
        from hxbench import __version__

        typer.echo(f"hxbench {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and exit with its code."""
    # --debug may stand anywhere, also behind the command
    debug = "--debug" in sys.argv or bool(os.environ.get("HXBENCH_DEBUG"))
    sys.argv[1:] = [argument for argument in sys.argv[1:] if argument != "--debug"]
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # workers are forked after tokenizers have run
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        app()
    except InputError as error:
        _complain(error, debug, 2)
    except RunError as error:
        _complain(error, debug, 1)
    except Interrupted as stopped:
        print(f"hxbench: {stopped}; to go on from there, give the same command again.", file=sys.stderr)
        sys.exit(128 + stopped.signal_number)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if debug:
            raise
        print(f"hxbench: unexpected {type(error).__name__}: {error} (--debug shows where)", file=sys.stderr)
        sys.exit(1)


def _complain(error: Exception, debug: bool, code: int) -> None:
    if debug:
        import traceback

        traceback.print_exception(error)
    print(f"hxbench: {error}", file=sys.stderr)
    sys.exit(code)
