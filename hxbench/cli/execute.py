"""What `train`, `fewshot` and `run` have in common: prepare what the runs share, do them, say how they ended."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from hxbench.cli.output import print_rows
from hxbench.cli.progress import progress
from hxbench.cli.run_names import names_of
from hxbench.cli.streams import complain
from hxbench.errors import InputError, RunError, did_you_mean

if TYPE_CHECKING:
    from hxbench.runs.execute import Audience
    from hxbench.runs.scheduler.jobs import Result
    from hxbench.runs.session import Planned
    from hxbench.store import RunRecord


def terminal() -> "Audience":
    """Return who shows on standard error what is prepared and done."""
    from hxbench.cli.progress_table import observing
    from hxbench.runs.execute import Audience, is_first_process

    quiet = not is_first_process()

    class Terminal(Audience):
        def progress(self) -> Any:
            return progress(quiet=quiet)

        def observing(self, planned: "Sequence[Planned]") -> Any:
            return observing(planned, quiet=quiet)

        def told(self, text: str) -> None:
            print(text, file=sys.stderr)

        def warned(self, text: str) -> None:
            complain(text)

    return Terminal()


def show_scores(records: "Sequence[RunRecord]", as_json: bool) -> None:
    """Print what finished runs scored, whatever their tasks are."""
    from hxbench.report.scores.run_scores import run_scores
    from hxbench.runs.execute import is_first_process

    if not is_first_process():
        return
    scores = run_scores(records)
    if not as_json:
        print(f"{scores.heading}\n")
    print_rows(scores.rows if as_json else scores.worth_printing(), as_json)


def require_artifacts(paper: str, names: "Sequence[str]") -> None:
    """Raise `InputError` for an artifact that there is not: now, and not when all runs are done."""
    from hxbench.report.registry import artifacts

    known = list(artifacts(paper)) if names else []
    for name in names:
        if name not in known:
            raise InputError(did_you_mean("artifact", name, known))


def end(results: "Sequence[tuple[Planned, Result]]") -> None:
    """Say which runs were not done and why, and end the command with the exit code that says the same."""
    if submitted := sum(result.state == "submitted" for _, result in results):
        print(f"hxbench: {submitted} runs are submitted; the same command watches them.", file=sys.stderr)
    named = zip(names_of([one for one, _ in results]), results, strict=True)
    bad = [(name, result) for name, (_, result) in named if result.state not in ("done", "submitted")]
    for name, result in bad:
        if result.is_told:
            complain(f"{name}: {result.message}")
    states = {result.state for _, result in bad}
    if "interrupted" in states:
        print("hxbench: the same command goes on where it stopped.", file=sys.stderr)
        raise typer.Exit(128 + max(result.signal for _, result in bad))
    if "input" in states:
        raise typer.Exit(2)
    if bad:
        raise RunError(f"{len(bad)} of {len(results)} runs failed; the same command tries them again.")
