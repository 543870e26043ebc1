"""How fast the command answers: wall time of `hxbench --help` and of a listing, and what each of them imports.

    python benchmarks/startup.py
    python benchmarks/startup.py --runs 30 --json

Each command runs (as `python -m hxbench`) in processes of its own, in turns with a bare interpreter and with one
that imports torch, so that drift of the machine meets all alike; the smallest time is the one to compare, the
median says how busy the machine was. One run before all is not counted: it writes the bytecode.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    'python -c "import torch"': ["-c", "import torch"],
    "hxbench --help": ["-m", "hxbench", "--help"],
    "hxbench list methods": ["-m", "hxbench", "list", "methods"],
}
HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "pandas",
    "pyarrow",
    "pydantic",
    "numpy",
    "accelerate",
    "rich",
    "yaml",
)


def run(arguments: list[str]) -> tuple[float, str]:
    """Run the interpreter and return its seconds and what it wrote to stderr."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"startup.py: {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    return seconds, done.stderr


def heavy_imports(arguments: list[str]) -> dict[str, float]:
    """Return the heavy packages a command imports, with cumulative milliseconds from `-X importtime`."""
    found = {}
    for line in run(["-X", "importtime", *arguments])[1].splitlines():
        if line.startswith("import time:") and line.count("|") == 2:
            _, cumulative, module = (part.strip() for part in line.removeprefix("import time:").split("|"))
            if module in HEAVY:
                found[module] = int(cumulative) / 1000
    return found


def main(
    runs: Annotated[int, typer.Option(min=1, help="Timed runs of each command.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Measure how long the command line takes to answer."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for arguments in COMMANDS.values():
        run(arguments)
    for _ in range(runs):
        for name, arguments in COMMANDS.items():
            seconds[name].append(run(arguments)[0])
    bare = min(seconds["python -c pass"])
    found = {
        name: {
            "min": min(times),
            "median": statistics.median(times),
            "over_bare": min(times) - bare,
            "imports_ms": heavy_imports(COMMANDS[name]),
        }
        for name, times in seconds.items()
    }
    if as_json:
        print(json.dumps({"python": sys.version.split()[0], "runs": runs, "commands": found}, indent=1))
        return
    table = Table(title=f"Start-up, {runs} runs of each, seconds", title_justify="left")
    table.add_column("")
    for heading in ("min", "median", "over bare python"):
        table.add_column(heading, justify="right")
    table.add_column("heavy imports (ms)")
    for name, one in found.items():
        imports = ", ".join(f"{module} {spent:.0f}" for module, spent in one["imports_ms"].items()) or "none"
        table.add_row(name, *(f"{one[key]:.3f}" for key in ("min", "median", "over_bare")), imports)
    Console(width=100, highlight=False).print(table)


if __name__ == "__main__":
    typer.run(main)
