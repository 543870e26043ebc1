"""The numbers that Hyper-X prints, and where the paper contradicts itself about them (sheet, section 8)."""

from collections.abc import Iterable

from hxbench.report.artifact.published import published
from hxbench.report.papers.hyperx.rows import BLOCKS, METRICS, PAPER, members

_SINGLE, _MULTI, _ = (block.title for block in BLOCKS)
_ROUNDING = 0.065  # how far a mean of printed cells may be from a printed mean


def printed_score(artifact: str, row: str, column: str, task: str, group: str) -> float | None:
    """Return the paper's score of a language or group."""
    return published(PAPER).value(artifact, row, column, METRICS[task][1], group)


def doubt_between_tables(artifact: str, row: str, column: str, task: str, group: str) -> str | None:
    """Return what to say when Tables 2 and 6 print different values for the same thing."""
    other = {"Table 2": "Table 6", "Table 6": "Table 2"}[artifact]
    here = printed_score(artifact, row, column, task, group)
    there = printed_score(other, row, column, task, group)
    if here is None or there is None or here == there:
        return None
    return f"the paper's {other} prints {there:.1f}"


def doubt_of_mean(row: str, column: str, task: str, group: str) -> str | None:
    """Return what to say when a mean of Table 6 is not the mean of its own cells."""
    printed = printed_score("Table 6", row, column, task, group)
    cells = [printed_score("Table 6", row, column, task, code) for code in members(group)]
    there = [value for value in cells if value is not None]
    if printed is None or len(there) < len(cells):
        return None
    mean = sum(there) / len(there)
    return f"the paper's own cells average {mean:.2f}" if abs(mean - printed) > _ROUNDING else None


def doubt_at_zero(row: str, task: str, code: str) -> str | None:
    """Return what to say when Table 5 starts from another score than Table 6 has for its models."""
    start = _SINGLE if row == "MAD-X" else _MULTI  # MAD-X has no models of both tasks
    here = printed_score("Table 5", row, "k=0", task, code)
    there = printed_score("Table 6", row, start, task, code)
    if here is None or there is None or here == there:
        return None
    if here == printed_score("Table 6", row, _SINGLE, task, code):
        return "the single-task score of the paper's Table 6, though multi-task models are said to be started from"
    return f"the paper's Table 6 prints {there:.1f}"


def doubt(artifact: str, row: str, column: str, task: str, group: str) -> str | None:
    """Return every contradiction inside the paper that touches a printed mean (sheet, section 8)."""
    found = [
        doubt_between_tables(artifact, row, column, task, group),
        doubt_of_mean(row, column, task, group) if artifact == "Table 6" else None,
        published(PAPER).note(artifact, row, column, METRICS[task][1], group),
    ]
    return "; ".join(text for text in found if text) or None


def printed_shot_mean(row: str, task: str, codes: Iterable[str], k: int) -> float | None:
    """Return the mean of what Table 5 prints for some languages, None unless it prints them all."""
    values = [printed_score("Table 5", row, f"k={k}", task, code) for code in codes]
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there and len(there) == len(values) else None
