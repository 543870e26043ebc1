"""Options that commands share: a dataclass of them stands in a command's place for each one."""

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from hxbench.cli.app import app
from hxbench.cli.options import RunOptions, with_run_options


def commanded(*words):
    """Return what a command with options of its own around the shared ones is called with."""
    given = []
    small = typer.Typer()

    @small.command()
    @with_run_options
    def command(
        name: str,
        *,
        first: Annotated[int, typer.Option()] = 1,
        where: RunOptions,
        last: Annotated[str, typer.Option()] = "",
    ) -> None:
        """Say it."""
        given.append((name, first, where, last))

    ended = CliRunner().invoke(small, [str(word) for word in words])
    assert ended.exit_code == 0, ended.output
    return given[0]


def test_without_options_all_have_their_defaults():
    assert commanded("x") == ("x", 1, RunOptions(), "")


def test_every_option_arrives_in_its_field():
    name, first, where, last = commanded(
        "x", "--last", "z", "--profile", "lab", "--data", "d.yaml", "--data-source", "hub", "--workers", 3,
        "--on", "slurm", "--address", "a:1", "--sbatch", "-p gpu", "--no-wait", "--offline", "--store", "s",
        "--track", "wandb", "--first", 2,
    )  # fmt: skip
    assert (name, first, last) == ("x", 2, "z")
    assert where == RunOptions(
        "lab", Path("d.yaml"), "hub", 3, "slurm", "a:1", "-p gpu", True, True, "wandb", Path("s")
    )


@pytest.mark.parametrize("command", ["train", "fewshot", "run", "sweep"])
def test_commands_that_do_runs_have_all_of_them(command):
    offered = {param.name for param in typer.main.get_command(app).commands[command].params}
    assert {field.name for field in fields(RunOptions)} < offered
    assert "where" not in offered


@pytest.mark.parametrize("variable", ["HXBENCH_STORE", "HXBENCH_DATA", "RAY_ADDRESS"])
def test_help_names_the_variables_that_stand_for_options(variable):
    assert variable in CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "200"}).output
