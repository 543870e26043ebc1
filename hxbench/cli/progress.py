"""Progress for people: bars with a time left on a terminal, a line per task elsewhere, all on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hxbench.printing import printable

SECONDS_BETWEEN_LINES = 30.0  # where there is no terminal to draw a bar on


# called with a key, what is being done, how far, of how much; what is done makes room for others of its key
Tell = Callable[[Any, str, int, int | None], None]


@contextmanager
def progress(quiet: bool = False) -> Iterator[Tell]:
    """Show the progress of one or several tasks until the block ends."""
    if quiet or not sys.stderr.isatty():
        last_line: dict[tuple[Any, str], float] = {}

        def line(key: Any, what: str, done: int, total: int | None) -> None:
            now = time.monotonic()
            if quiet or now - last_line.get((key, what), -SECONDS_BETWEEN_LINES) < SECONDS_BETWEEN_LINES:
                return
            how_far = f" {done} of {total}" if (key, what) in last_line and total else ""
            last_line[key, what] = now
            print(f"{printable(what)} …{how_far}", file=sys.stderr, flush=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), MofNCompleteColumn(),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[tuple[Any, str], Any] = {}

        def bar(key: Any, what: str, done: int, total: int | None) -> None:
            if (key, what) not in tasks:
                tasks[key, what] = bars.add_task(printable(what), total=total)
            bars.update(tasks[key, what], completed=done, total=total, visible=key is None or done != total)

        yield bar
