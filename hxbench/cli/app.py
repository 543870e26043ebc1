"""The `hxbench` command: what it offers, and how it ends.

Exit codes: 0 done, 1 a run failed, 2 bad usage or input, 128 + n stopped by signal n after saving.
"""

import os
import re
import sys
from typing import Annotated, Any, NoReturn

import typer

from hxbench import __version__
from hxbench.cli import completion, pack, runs, streams
from hxbench.cli.backbones import backbones_app
from hxbench.cli.cite import cite_command
from hxbench.cli.cost import cost_command
from hxbench.cli.data import data_app
from hxbench.cli.doctor import doctor_command
from hxbench.cli.experiment import run_command, sweep_command
from hxbench.cli.fewshot import fewshot_command
from hxbench.cli.listing import list_app
from hxbench.cli.prepare import prepare_command
from hxbench.cli.report import report_command
from hxbench.cli.results import compare_command, results_command
from hxbench.cli.scoring import eval_command
from hxbench.cli.train import train_command
from hxbench.cli.use import export_command, predict_command
from hxbench.cli.view import view_command
from hxbench.cli.worker import worker_command
from hxbench.errors import InputError, Interrupted, RunError, Stopped
from hxbench.network import silence_clients
from hxbench.printing import shortened
from hxbench.runs.scheduler.signals import signals_as_stops
from hxbench.system_errors import of_the_system

app = typer.Typer(
    name="hxbench",
    help="Rebuild and extend the tables of papers on parameter-efficient transfer learning.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("prepare")(prepare_command)
app.command("train")(train_command)
app.command("eval")(eval_command)
app.command("export")(export_command)
app.command("predict")(predict_command)
app.command("fewshot")(fewshot_command)
app.command("run")(run_command)
app.command("sweep")(sweep_command)
app.command("report")(report_command)
app.command("results")(results_command)
app.command("compare")(compare_command)
app.command("cost")(cost_command)
app.command("view")(view_command)
app.command("doctor")(doctor_command)
app.command("cite")(cite_command)
runs_app = typer.Typer(no_args_is_help=True, help="List, show, check, copy and delete the runs of the store.")
runs_app.command("list")(runs.list_runs)
runs_app.command("show")(runs.show_run)
runs_app.command("copy")(pack.copy_runs)
runs_app.command("rm")(runs.remove_runs)
runs_app.command("pack")(pack.pack_runs)
runs_app.command("unpack")(pack.unpack_runs)
runs_app.command("verify")(runs.verify_runs)
runs_app.command("do", hidden=True)(worker_command)
app.add_typer(runs_app, name="runs")
app.add_typer(backbones_app, name="backbones")
app.add_typer(data_app, name="data")
app.add_typer(list_app, name="list")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"hxbench {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    pass


def main(commands: typer.Typer = app, name: str = "hxbench") -> None:
    """Run a command line, that of the package unless another is given, and exit with its code."""
    debug = _take_debug()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # workers are forked after tokenizers have run
    if not debug:
        silence_clients()
    try:
        streams.prepare()
        _require_words(sys.argv[1:])
        _require_surroundings()
        code = _obeyed(commands, name)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except _UsageError as error:
        _complain_of_usage(error)
    except typer.Abort:
        sys.exit(1)
    except InputError as error:
        _complain(error, error, debug, 2)
    except RunError as error:
        _complain(error, error, debug, 1)
    except Interrupted as stopped:
        streams.complain(f"{stopped}; the same command goes on from there.")
        sys.exit(128 + stopped.signal_number)
    except Stopped as stopped:
        streams.complain("stopped; the same command goes on from what was finished.")
        sys.exit(128 + stopped.signal_number)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        _reader_left()
    except SystemExit as ending:
        if isinstance(ending.__context__, BrokenPipeError):  # Typer makes a failure of it
            _reader_left()
        _leave(ending)
    except Exception as error:
        if (known := of_the_system(error)) is not None:
            _complain(known, error, debug, 2)
        if debug:
            raise
        streams.complain(f"unexpected {type(error).__name__}: {error} (--debug shows where)")
        sys.exit(1)


def _obeyed(commands: typer.Typer, name: str) -> Any:
    if completion.VARIABLE in os.environ:
        completion.complete_values(commands)
    with signals_as_stops():
        return commands(prog_name=name, standalone_mode=False)


def _take_debug() -> bool:
    """Return whether tracebacks are wanted; --debug may stand anywhere and goes out of the command line.

    The environment tells the processes that a command starts.
    """
    if "--debug" in sys.argv:
        os.environ["HXBENCH_DEBUG"] = "1"
        sys.argv[1:] = [argument for argument in sys.argv[1:] if argument != "--debug"]
    return bool(os.environ.get("HXBENCH_DEBUG"))


_UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # which module it is in depends on Typer's version
_LONGEST_USAGE_WORD = 60  # whatever a command line had is not repeated at length


def _require_words(words: list[str]) -> None:
    """Raise `InputError` for an argument that is empty, as an unset variable is, or no text.

    The first would silently stand for a default, the second can be written into no file of a run.
    """
    for before, word in zip(["", *words], words, strict=False):
        option = re.fullmatch("(--[a-z-]+)=?", word or before)
        name = option[1] if option else ""
        if (not word or (option and word.endswith("="))) and name != "--sbatch":
            raise InputError(f"{name or 'an argument'} is empty: leave it out, or say what it is.")
        try:
            word.encode()
        except UnicodeEncodeError:
            encoding = sys.getfilesystemencoding()
            raise InputError(f"the argument '{shortened(word)}' is not text in {encoding}.") from None


def _require_surroundings() -> None:
    """Raise `InputError` for a working directory that was deleted, and for numbers of processes that are none."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise InputError("the working directory is not there any more: change to one that is.") from None
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):  # which torchrun sets
        if not (value := os.environ.get(name, "0")).isdecimal():
            raise InputError(
                f"{name} is '{shortened(value)}': it takes the number that torchrun gives, or is not set."
            )


def _complain_of_usage(error: Any) -> None:
    """Say in one sentence what cannot be parsed; a command group without a command has shown its help already."""
    if text := error.format_message().strip():
        where = f" ({error.ctx.command_path} --help shows the usage)" if error.ctx else ""
        streams.complain(f"{text if text[-1] in '.?' else f'{text}.'}{where}", _LONGEST_USAGE_WORD)
    sys.exit(2)


def _reader_left() -> None:
    """End well: whoever read our output has seen enough."""
    streams.silence()
    sys.exit(0)


def _leave(ending: SystemExit) -> None:
    """End with the code of a command that ended by itself; what it printed may still not be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        streams.silence()
    except OSError as error:
        streams.complain(str(of_the_system(error)))
        streams.silence()
        sys.exit(ending.code or 2)
    raise ending


def _complain(said: Exception, error: Exception, debug: bool, code: int) -> NoReturn:
    if debug:
        import traceback

        traceback.print_exception(error)
    streams.complain(str(said))
    streams.show_below(getattr(said, "example", ""))
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        streams.silence()
    sys.exit(code)
