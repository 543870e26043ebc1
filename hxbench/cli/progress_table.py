"""What becomes of many runs: a live table on a terminal, a line for every change elsewhere, all on stderr."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hxbench.cli.progress import SECONDS_BETWEEN_LINES, progress
from hxbench.cli.run_names import groups_of, names_of
from hxbench.printing import printable, sentence
from hxbench.runs.scheduler.jobs import Observer, Result

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from hxbench.runs.session import Planned

STATES = ("done", "running", "failed", "left")
_MOST_SHOWN = 8  # runs at work, by the side of the table


class StateCounts(Observer):
    """How many runs of each group are done, running, failed and left; numbers are those of the runs to do."""

    def __init__(self, planned: "Sequence[Planned]") -> None:
        todo = [one for one in planned if not one.done]
        self.titles = names_of(todo)
        place = {one.run_id: number for number, one in enumerate(todo)}
        self.groups: dict[str, Counter[str]] = {}
        self.group_of: dict[int, str] = {}
        for group, some in groups_of(planned).items():
            self.groups[group] = Counter("done" if one.done else "left" for one in some)
            self.group_of |= {place[one.run_id]: group for one in some if not one.done}
        self.states = dict.fromkeys(range(len(todo)), "left")

    def _now(self, number: int, state: str) -> bool:
        """Note a state; return whether it is a new one."""
        before = self.states[number]
        if before == state:
            return False
        self.groups[self.group_of[number]].update({before: -1, state: 1})
        self.states[number] = state
        return True

    def began(self, number: int) -> None:
        """See `Observer`."""
        if self._now(number, "running"):
            self.changed(number, "")

    def again(self, number: int, how: str) -> None:
        """See `Observer`."""
        self._now(number, "left")
        self.changed(number, f"{self.titles[number]}: its process {how}; it will be tried again")

    def ended(self, number: int, result: Result) -> None:
        """See `Observer`."""
        # stopped and submitted ones are not over: the same command goes on with them
        self._now(number, {"done": "done", "failed": "failed", "input": "failed"}.get(result.state, "left"))
        failed = result.state in ("failed", "input")
        self.changed(number, f"{self.titles[number]}: {result.message}" if failed else "")

    def changed(self, number: int, why: str) -> None:
        """Show that the state of a run has changed; `why` is a sentence where there is more to say."""


class ProgressLines(StateCounts):
    """A line for every change, and now and then one for each run at work, which says how far it is."""

    def __init__(self, planned: "Sequence[Planned]") -> None:
        super().__init__(planned)
        self._last_line: dict[int, float] = {}

    def went(self, number: int, what: str, done: int, total: int | None) -> None:
        """See `Observer`."""
        now = time.monotonic()
        if total and now - self._last_line.setdefault(number, now) >= SECONDS_BETWEEN_LINES:
            self._last_line[number] = now
            print(f"{_doing(self.titles[number], what)}: {done} of {total}", file=sys.stderr, flush=True)

    def changed(self, number: int, why: str) -> None:
        """See `StateCounts`."""
        group = self.group_of[number]
        counts = ", ".join(f"{self.groups[group][state]} {state}" for state in STATES)
        print(sentence(f"{group}: {counts}{f' ({why})' if why else ''}"), file=sys.stderr, flush=True)


def _doing(title: str, what: str) -> str:
    """Return what a run is doing, with the run's title once."""
    return printable(title if title.startswith(what) else f"{title}: {what}")


class ProgressTable(StateCounts):
    """A table that is drawn anew as long as runs go on, and what those at work are doing."""

    def __init__(self, planned: "Sequence[Planned]", console: "Console") -> None:
        super().__init__(planned)
        self._console = console
        self._doing: dict[int, str] = {}

    def went(self, number: int, what: str, done: int, total: int | None) -> None:
        """See `Observer`."""
        what = self.titles[number] if self.titles[number].startswith(what) else what
        self._doing[number] = f"{what} {done}/{total}" if total else what

    def changed(self, number: int, why: str) -> None:
        """See `StateCounts`."""
        self._doing.pop(number, None)
        if why:
            self._console.print(sentence(why), style="dim", highlight=False, markup=False)

    def __rich__(self) -> "RenderableType":
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        room = max(3, self._console.height - _MOST_SHOWN - 6)
        # what goes on comes first where there is no room for all
        busy = sorted(self.groups.items(), key=lambda item: not (item[1]["running"] or item[1]["left"]))
        shown = self.groups.items() if len(self.groups) <= room else busy[:room]
        grid = Table(box=None, pad_edge=False)
        grid.add_column("runs")
        for state in STATES:
            grid.add_column(state, justify="right")
        total: Counter[str] = sum(self.groups.values(), Counter())
        for group, counts in shown:
            grid.add_row(Text(printable(group)), *(Text(str(counts[s] or "–"), style=_STYLE[s]) for s in STATES))
        if len(self.groups) > room:
            grid.add_row(Text(f"… and {len(self.groups) - room} more groups", style="dim"))
        if len(self.groups) > 1:
            grid.add_row("all", *(Text(str(total[s]), style="bold") for s in STATES))
        at_work = [number for number, state in self.states.items() if state == "running"]
        rows = [Text(printable(self._doing.get(n, self.titles[n])), style="dim") for n in at_work[:_MOST_SHOWN]]
        return Group(grid, *rows)


_STYLE = {"done": "green", "running": "cyan", "failed": "red", "left": ""}


class _OneRun(Observer):
    """The progress of one run alone."""

    def __init__(self, tell: Any) -> None:
        self._tell = tell

    def went(self, number: int, what: str, done: int, total: int | None) -> None:
        """See `Observer`."""
        self._tell(number, what, done, total)

    def again(self, number: int, how: str) -> None:
        """See `Observer`."""
        print(f"its process {how}; it will be tried again", file=sys.stderr, flush=True)


@contextmanager
def observing(planned: "Sequence[Planned]", *, quiet: bool = False) -> Iterator[Observer]:
    """Show what becomes of planned runs until the block ends; the observer knows those to do by their number."""
    if quiet:
        yield Observer()
    elif len(planned) == 1:
        with progress() as tell:
            yield _OneRun(tell)
    elif not sys.stderr.isatty():
        yield ProgressLines(planned)
    else:
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True)
        table = ProgressTable(planned, console)
        with Live(table, console=console, refresh_per_second=2, transient=True):
            yield table
